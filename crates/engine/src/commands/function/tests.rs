//! Functions in a server.

use crate::testing::{Server, hasten};

fn answer(server: &mut Server, words: &[&str]) -> String {
    String::from_utf8_lossy(&server.answer(words)).trim_end().replace("\r\n", " ")
}

#[track_caller]
fn load(server: &mut Server, code: &str, expected: &str) {
    assert_eq!(answer(server, &["FUNCTION", "LOAD", "REPLACE", code]), expected, "{code}");
}

const LIBRARY: &str = "#!lua name=lib
local count = 0
redis.register_function('get', function(keys, args) return redis.call('GET', keys[1]) end)
redis.register_function('set', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
redis.register_function('count', function() count = count + 1 return count end)
redis.register_function{function_name='read', callback=function(keys) return redis.call('GET', keys[1]) end, flags={'no-writes'}}
redis.register_function{function_name='lie', description='it writes', flags={'no-writes'},
  callback=function(keys) return redis.call('SET', keys[1], 1) end}
redis.register_function('fail', function() error('boo') end)
redis.register_function('global', function() x = 1 end)
redis.register_function('keys', function() return KEYS end)
";

#[test]
fn functions_are_called_with_keys_and_arguments() {
    let mut server = Server::new();
    load(&mut server, LIBRARY, "$3 lib");
    assert_eq!(server.say("FCALL set 1 k v"), "+OK");
    assert_eq!(server.say("FCALL GET 1 k"), "$1 v");
    assert_eq!(server.say("FCALL_RO read 1 k"), "$1 v");
    assert_eq!(server.say("FCALL count 0"), ":1");
    assert_eq!(server.say("SCRIPT FLUSH"), "+OK");
    assert_eq!(server.say("FCALL count 0"), ":2");
    for (call, error) in [
        ("FCALL_RO get 1 k", "Can not execute a script with write flag using *_ro command."),
        (
            "FCALL lie 1 k",
            "Write commands are not allowed from read-only scripts. script: lie, on @user_function:8.",
        ),
        ("FCALL fail 0", "user_function:9: boo script: fail, on @user_function:9."),
        (
            "FCALL global 0",
            "user_function:10: Attempt to modify a readonly table script: global, on @user_function:10.",
        ),
        (
            "FCALL keys 0",
            "user_function:11: Script attempted to access nonexistent global variable 'KEYS' script: keys, on @user_function:11.",
        ),
        ("FCALL nosuch x", "Function not found"),
        ("FCALL get x", "Bad number of keys provided"),
        ("FCALL get -1", "Number of keys can't be negative"),
        ("FCALL get 2 k", "Number of keys can't be greater than number of args"),
    ] {
        assert_eq!(server.say(call), format!("-ERR {error}"), "{call}");
    }
}

#[test]
fn code_that_is_loaded_sees_little() {
    let mut server = Server::new();
    hasten(1_000_000);
    for (code, error) in [
        ("x", "Missing library metadata"),
        ("#!lua name=a", "Invalid library metadata"),
        ("#!lua \"name=a\nx", "Invalid library metadata"),
        ("#!lua\nx", "Library name was not given"),
        (
            "#!lua name=a name=b\nx",
            "Invalid metadata value, name argument was given multiple times",
        ),
        ("#!lua foo=b\nx", "Invalid metadata value given: foo=b"),
        ("#!py name=a\nx", "Engine 'py' not found"),
        ("#!lua name=a\nx", "Error compiling function: user_function:2: '=' expected near '<eof>'"),
        ("#!lua name=a\nlocal x", "No functions registered"),
        (
            "#!lua name=a\nredis.call('ping')",
            "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'call'",
        ),
        (
            "#!lua name=a\nlocal x = string",
            "Error registering functions: ERR user_function:2: Script attempted to access nonexistent global variable 'string'",
        ),
        (
            "#!lua name=a\nx = 1",
            "Error registering functions: ERR user_function:2: Attempt to modify a readonly table",
        ),
        (
            "#!lua name=a\nredis.x = 1",
            "Error registering functions: ERR user_function:2: Attempt to modify a readonly table",
        ),
        (
            "#!lua name=a\nwhile true do end",
            "Error registering functions: ERR FUNCTION LOAD timeout",
        ),
    ] {
        load(&mut server, code, &format!("-ERR {error}"));
    }
    load(
        &mut server,
        "#!Lua NAME=a\nredis.register_function('f', function() return string.rep('x', 3) end)",
        "$1 a",
    );
    assert_eq!(server.say("FCALL f 0"), "$3 xxx");
}

#[test]
fn functions_are_registered_in_two_forms() {
    let mut server = Server::new();
    for (call, error) in [
        ("()", "wrong number of arguments to redis.register_function"),
        ("('a', function() end, 1)", "wrong number of arguments to redis.register_function"),
        (
            "('a')",
            "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).",
        ),
        ("('a', 1)", "second argument to redis.register_function must be a function"),
        ("({}, function() end)", "first argument to redis.register_function must be a string"),
        ("{}", "redis.register_function must get a function name argument"),
        ("{function_name='a'}", "redis.register_function must get a callback argument"),
        ("{function_name='a', callback=function() end, flags={'x'}}", "unknown flag given"),
        (
            "{function_name='a', callback=function() end, [1]=1}",
            "unknown argument given to redis.register_function",
        ),
        (
            "('a-b', function() end)",
            "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        ),
        (
            "('a', function() end) redis.register_function('a', function() end)",
            "Function already exists in the library",
        ),
    ] {
        let code = format!("#!lua name=t\nredis.register_function{call}");
        load(&mut server, &code, &format!("-ERR Error registering functions: ERR {error}"));
    }
    assert_eq!(server.say("FUNCTION LIST"), "*0");
}

#[test]
fn a_library_is_there_in_whole_or_not_at_all() {
    let mut server = Server::new();
    let one = "#!lua name=one\nredis.register_function('f', function() return 1 end)";
    let clash = "#!lua name=two\nredis.register_function('g', function() end) redis.register_function('F', function() end)";
    let worse = "#!lua name=one\nredis.register_function('h', function() end) redis.nosuch()";
    load(&mut server, one, "$3 one");
    assert_eq!(
        answer(&mut server, &["FUNCTION", "LOAD", one]),
        "-ERR Library 'one' already exists"
    );
    load(&mut server, clash, "-ERR Function F already exists");
    assert!(
        answer(&mut server, &["FUNCTION", "LOAD", "REPLACE", worse]).starts_with("-ERR Error reg")
    );
    assert_eq!(server.say("FCALL f 0"), ":1");
    assert_eq!(server.say("FCALL g 0"), "-ERR Function not found");
    assert_eq!(
        server.say("FUNCTION STATS"),
        "*4 $14 running_script $-1 $7 engines *2 $3 LUA *4 $15 libraries_count :1 $15 functions_count :1"
    );
    assert_eq!(server.say("FUNCTION DELETE two"), "-ERR Library not found");
    assert_eq!(server.say("FUNCTION DELETE one"), "+OK");
    assert_eq!(server.say("FCALL f 0"), "-ERR Function not found");
}

#[test]
fn libraries_are_listed() {
    let mut server = Server::new();
    load(
        &mut server,
        "#!lua name=b\nredis.register_function{function_name='f', callback=function() end, flags={'allow-oom','no-writes'}, description='d'}",
        "$1 b",
    );
    load(&mut server, "#!lua name=A\nredis.register_function('g', function() end)", "$1 A");
    let one = "*6 $12 library_name $1 b $6 engine $3 LUA $9 functions *1 *6 $4 name $1 f $11 description $1 d $5 flags *2 +no-writes +allow-oom";
    let other = "*6 $12 library_name $1 A $6 engine $3 LUA $9 functions *1 *6 $4 name $1 g $11 description $-1 $5 flags *0";
    assert_eq!(server.say("FUNCTION LIST"), format!("*2 {other} {one}"));
    assert_eq!(server.say("FUNCTION LIST LIBRARYNAME B*"), format!("*1 {one}"));
    assert!(
        server
            .say("FUNCTION LIST WITHCODE LIBRARYNAME a")
            .contains("$12 library_code $57 #!lua name=A")
    );
    assert_eq!(server.say("FUNCTION LIST LIBRARYNAME"), "-ERR library name argument was not given");
    assert_eq!(server.say("FUNCTION LIST X"), "-ERR Unknown argument X");
    assert_eq!(
        server.say("FUNCTION FLUSH X"),
        "-ERR FUNCTION FLUSH only supports SYNC|ASYNC option"
    );
    assert_eq!(server.say("FUNCTION FLUSH ASYNC"), "+OK");
    assert_eq!(server.say("FUNCTION LIST"), "*0");
}

#[test]
fn libraries_survive_as_bytes() {
    let mut server = Server::new();
    load(&mut server, LIBRARY, "$3 lib");
    let payload = server.answer(&["FUNCTION", "DUMP"]);
    let begin = payload.iter().position(|byte| *byte == b'\n').expect("a length") + 1;
    let payload = &payload[begin..payload.len() - 2];
    let mut restore = |words: &[&[u8]]| {
        let words: Vec<&[u8]> = [b"FUNCTION".as_slice(), b"RESTORE", payload]
            .into_iter()
            .chain(words.iter().copied())
            .collect();
        String::from_utf8_lossy(&server.answer(&words)).trim_end().to_owned()
    };
    assert_eq!(restore(&[]), "-ERR Library lib already exists");
    assert_eq!(restore(&[b"REPLACE"]), "+OK");
    assert_eq!(restore(&[b"FLUSH"]), "+OK");
    assert_eq!(
        restore(&[b"X"]),
        "-ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE."
    );
    assert_eq!(
        answer(&mut server, &["FUNCTION", "RESTORE", "x"]),
        "-ERR DUMP payload version or checksum are wrong"
    );
    assert_eq!(server.say("FCALL count 0"), ":1");
    let codes = server.engine.functions.libraries();
    server.engine.functions.flush();
    assert_eq!(server.say("FCALL count 0"), "-ERR Function not found");
    for code in codes {
        server.engine.functions.load_code(&code).expect("it was saved");
    }
    assert_eq!(server.say("FCALL count 0"), ":1");
}

#[test]
fn libraries_are_replicated_and_functions_are_not() {
    let mut server = Server::new();
    server.engine.effects.listen();
    let code = "#!lua name=l\nredis.register_function('f', function(k) redis.call('SET', k[1], 1) return redis.call('INCR', k[1]) end)";
    load(&mut server, code, "$1 l");
    server.say("FCALL f 1 a");
    server.say("FUNCTION DELETE l");
    server.say("FUNCTION FLUSH");
    let effects = String::from_utf8_lossy(&server.engine.effects.take()).replace("\r\n", " ");
    assert_eq!(
        effects,
        format!(
            "*2 $6 SELECT $1 0 *4 $8 FUNCTION $4 LOAD $7 REPLACE ${} {code} *1 $5 MULTI *3 $3 SET $1 a $1 1 *2 $4 INCR $1 a *1 $4 EXEC \
             *3 $8 FUNCTION $6 DELETE $1 l *2 $8 FUNCTION $5 FLUSH ",
            code.len()
        )
    );
}
