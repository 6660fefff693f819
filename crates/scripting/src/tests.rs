//! Scripts that behave and scripts that do not.

use resp::{Output, OwnedWords, Protocol, Words};

use crate::{Failure, Given, Host, Interpreter, LogLevel, Progress, Purpose, Replication};

/// Answers PING and ECHO, and notes the rest.
#[derive(Default)]
struct Server {
    log: Vec<(LogLevel, Vec<u8>)>,
    looks: u32,
    patience: Option<u32>,
}

impl Host for Server {
    fn call(&mut self, words: Words<'_>, reply: &mut Output) {
        let words: Vec<&[u8]> = words.iter().collect();
        let reply = reply.tail();
        match &*words {
            [b"ping"] => reply.extend_from_slice(b"+PONG\r\n"),
            [b"echo", text] => {
                reply.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
                reply.extend_from_slice(text);
                reply.extend_from_slice(b"\r\n");
            }
            [b"nothing"] => reply.extend_from_slice(b"$-1\r\n"),
            [b"raw", bytes] => reply.extend_from_slice(bytes),
            [b"fail"] => panic!("as the script asked"),
            _ => reply.extend_from_slice(b"-ERR Unknown Redis command called from script\r\n"),
        }
    }

    fn set_protocol(&mut self, _protocol: Protocol) {}

    fn set_replication(&mut self, _replication: Replication) {}

    fn may_call(&mut self, _words: Words<'_>) -> Option<bool> {
        Some(true)
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        self.log.push((level, message.to_vec()));
    }

    fn progress(&mut self) -> Progress {
        self.looks += 1;
        match self.patience {
            Some(patience) if patience < self.looks => Progress::Stop("ERR stopped"),
            _ => Progress::Continue,
        }
    }
}

fn interpreter() -> Interpreter {
    Interpreter::new(Purpose::Scripts, 64 << 20, "7.4.1").expect("can be made")
}

fn eval_on(
    interpreter: &mut Interpreter,
    server: &mut Server,
    source: &str,
) -> Result<String, String> {
    let script = match interpreter.compile(source.as_bytes()) {
        Ok(script) => script,
        Err(failure) => return Err(failure.to_string()),
    };
    let words: OwnedWords = ["key", "one", "two"].into_iter().collect();
    let given = Given { words: words.as_words(), keys: 1, protocol: Protocol::Resp2 };
    match interpreter.run(&script, given, server) {
        Ok(output) => Ok(String::from_utf8_lossy(output.reply.as_slice().unwrap_or_default())
            .replace("\r\n", " ")),
        Err(Failure::Raised { text, place, .. }) => {
            Err(format!("{} {place:?}", String::from_utf8_lossy(&text)))
        }
        Err(other) => Err(other.to_string()),
    }
}

fn eval(source: &str) -> Result<String, String> {
    eval_on(&mut interpreter(), &mut Server::default(), source)
}

#[track_caller]
pub(crate) fn gives(source: &str, expected: &str) {
    assert_eq!(eval(source), Ok(expected.to_owned()), "{source}");
}

#[track_caller]
fn fails(source: &str, expected: &str) {
    assert_eq!(eval(source), Err(expected.to_owned()), "{source}");
}

#[test]
fn values_become_replies() {
    gives("return 1", ":1 ");
    gives("return 3.99", ":3 ");
    gives("return 'a'", "$1 a ");
    gives("return nil", "$-1 ");
    gives("return false", "$-1 ");
    gives("return true", ":1 ");
    gives("return {1,2,nil,4}", "*2 :1 :2 ");
    gives("return {1,{2,{3}}}", "*2 :1 *2 :2 *1 :3 ");
    gives("return {ok='x y'}", "+x y ");
    gives("return {err='X Y'}", "-X Y ");
    gives("return {double=3.5}", "$3 3.5 ");
    gives("return {KEYS[1], ARGV[1], ARGV[2], #ARGV}", "*4 $3 key $3 one $3 two :2 ");
    gives("return function() end", "$-1 ");
}

#[test]
fn calls_go_to_the_server() {
    gives("return redis.call('ping')", "+PONG ");
    gives("return redis.call('echo', 1/3)", "$18 0.3333333333333333 ");
    gives("return redis.call('echo', 1e15)", "$16 1000000000000000 ");
    gives("return tostring(redis.call('nothing'))", "$5 false ");
    gives("return redis.pcall('nosuch')", "-ERR Unknown Redis command called from script ");
    gives(
        "return {pcall(redis.call, 'nosuch')}",
        "*2 $-1 $44 ERR Unknown Redis command called from script ",
    );
    gives("return coroutine.wrap(function() return redis.call('ping') end)()", "+PONG ");
    gives(
        "return table.concat({redis.sha1hex('abc')})",
        "$40 a9993e364706816aba3e25717850c26c9cd0d89d ",
    );
}

#[test]
fn replies_become_values() {
    let raw = |reply: &str, look: &str| {
        let reply = reply.replace(';', "\\r\\n");
        gives(&format!("local r = redis.call('raw', '{reply}') return {look}"), "$4 true ");
    };
    raw(
        "*3;:1;$1;a;*1;+OK;",
        "tostring(r[1] == 1 and r[2] == 'a' and r[3][1].ok == 'OK' and #r == 3)",
    );
    raw("*2;$-1;*-1;", "tostring(r[1] == false and r[2] == false)");
    raw("*2;-ERR a;:1;", "tostring(r[1].err == 'ERR a' and r[2] == 1)");
    raw("%1;$1;k;,2.5;", "tostring(r.map.k.double == 2.5)");
    raw("~2;$1;a;:7;", "tostring(r.set.a == true and r.set[7] == true)");
    raw(
        "=5;txt:x;",
        "tostring(r.verbatim_string.format == 'txt' and r.verbatim_string.string == 'x')",
    );
    raw("(123;", "tostring(r.big_number == '123')");
    raw("#t;", "tostring(r)");
    raw("_;", "tostring(r == false)");
    raw("|1;+a;+b;:3;", "tostring(r == 3)");
    raw(">1;:3;", "tostring(r[1] == 3)");
    for broken in ["", "*2;:1;", "$5;abc;", ":x;", "?", "$3;abcdef;", "*99999999999;", "$-2;"] {
        let text = broken.replace(';', "\\r\\n");
        let script = format!("return redis.pcall('raw', '{text}')");
        gives(&script, "-ERR the reply could not be read ");
    }
    let deep =
        format!("local r = redis.call('raw', '{}:1\\r\\n') return #r", "*1\\r\\n".repeat(90));
    gives(&deep, ":1 ");
}

#[test]
fn tagged_tables_become_replies() {
    gives("return {map={a=1}}", "*2 $1 a :1 ");
    gives("return {set={x=true}}", "*1 $1 x ");
    gives("return {big_number='12\\r3'}", "$4 12 3 ");
    gives("return {verbatim_string={format='mkd', string='x'}}", "$1 x ");
    gives("return {verbatim_string={format='mkd'}}", "*0 ");
    gives("return {err='a', ok='b'}", "-a ");
    gives("return {ok={}, 5}", "*1 :5 ");
    gives("redis.setresp(3) return {1, true, false}", "*3 :1 :1 :0 ");
}

/// What the server fails with is not the script's to catch, and leaves the interpreter as it was.
#[test]
fn a_failure_of_the_server_goes_through_a_script() {
    let mut interpreter = interpreter();
    for source in [
        "redis.call('fail')",
        "while true do pcall(redis.call, 'fail') end",
        "coroutine.wrap(function() while true do redis.pcall('fail') end end)()",
    ] {
        let mut server = Server::default();
        let run = std::panic::AssertUnwindSafe(|| eval_on(&mut interpreter, &mut server, source));
        let panic = std::panic::catch_unwind(run).expect_err("it failed");
        assert_eq!(panic.downcast_ref(), Some(&"as the script asked"), "{source}");
        let sound = eval_on(&mut interpreter, &mut Server::default(), "return redis.call('ping')");
        assert_eq!(sound.as_deref(), Ok("+PONG "), "after {source}");
    }
}

#[test]
fn nobody_is_asked_whether_a_young_script_may_go_on() {
    let mut interpreter = interpreter();
    let mut server = Server::default();
    for _ in 0..100 {
        eval_on(&mut interpreter, &mut server, "return redis.call('ping')").expect("a reply");
    }
    // A machine that is busy may have let one of them grow old.
    assert!(server.looks < 5, "{}", server.looks);
    let mut server = Server { patience: Some(5), ..Server::default() };
    let ended = eval_on(&mut interpreter, &mut server, "while true do end");
    assert_eq!(ended, Err("ERR stopped Some((\"@user_script\", 1))".to_owned()));
    assert_eq!(server.looks, 6);
}

#[test]
fn values_are_inserted_as_lua_does_it() {
    gives("local t = {1, 2} table.insert(t, 3) table.insert(t, 1, 0) return t", "*4 :0 :1 :2 :3 ");
    gives("local t = {} table.insert(t, 5, 'a') return {#t, t[5]}", "*2 :0 $1 a ");
    gives("local t = setmetatable({}, {__newindex = error}) table.insert(t, 1) return #t", ":1 ");
    let at = "Some((\"@user_script\", 1))";
    fails(
        "local x = table.insert(nil, 1)",
        &format!("ERR user_script:1: bad argument #1 to 'insert' (table expected, got nil) {at}"),
    );
    fails(
        "local x = table.insert({}, 'x', 1)",
        &format!(
            "ERR user_script:1: bad argument #2 to 'insert' (number expected, got string) {at}"
        ),
    );
    for source in ["table.insert({})", "table.insert({}, 1, 2, 3)"] {
        let wrong = "wrong number of arguments to 'insert'";
        fails(&format!("local x = {source}"), &format!("ERR user_script:1: {wrong} {at}"));
    }
    let refused = "Attempt to modify a readonly table";
    for table in ["redis", "_G", "string"] {
        let source = format!("local x = table.insert({table}, 1)");
        fails(&source, &format!("ERR {refused} {at}"));
    }
}

#[test]
fn numbers_are_written_as_lua_5_1_writes_them() {
    gives(
        "return tostring(0.1)..' '..tostring(1/3)..' '..1e15 ..' '..2^53 ..' '..1e100",
        "$52 0.1 0.33333333333333 1e+15 9.007199254741e+15 1e+100 ",
    );
    gives(
        "local t={} for i=1,4 do t[i]=tostring(math.random()) end return table.concat(t, ' ')",
        "$67 0.39646477363839 0.84048536971234 0.35333609737146 0.44658343468168 ",
    );
    gives(
        "local t={} math.randomseed(7) for i=1,4 do t[i]=tostring(math.random(100)) end return table.concat(t, ' ')",
        "$11 27 69 27 13 ",
    );
}

#[test]
fn errors_say_where() {
    let at = |line| format!("Some((\"@user_script\", {line}))");
    fails("error('boo')", &format!("ERR user_script:1: boo {}", at(1)));
    fails("\n\nerror({err='My Err'})", &format!("My Err {}", at(3)));
    fails(
        "local x = redis.call('nosuch') return x",
        &format!("ERR Unknown Redis command called from script {}", at(1)),
    );
    fails(
        "local a=nil; return a.b",
        &format!("ERR user_script:1: attempt to index local 'a' (a nil value) {}", at(1)),
    );
    fails(
        "\n\nreturn redis.call('nosuch')\n",
        &format!("ERR Unknown Redis command called from script {}", at(3)),
    );
    fails("error()", &format!("ERR nil {}", at(1)));
    fails("error({})", &format!("ERR unknown error {}", at(1)));
    fails("syntax error here", "user_script:1: '=' expected near 'error'");
    fails("redis.log('x')", &format!("ERR redis.log() requires two arguments or more. {}", at(1)));
    fails("redis.setresp(4)", &format!("ERR RESP version must be 2 or 3. {}", at(1)));
    let missing = "ERR user_script:1: Script attempted to access nonexistent global variable 'x'";
    fails("return x", &format!("{missing} {}", at(1)));
}

#[test]
fn nothing_that_lasts_can_be_changed() {
    for source in [
        "x = 1",
        "redis.call = 1",
        "string.rep = nil",
        "_G.KEYS = 1",
        "rawset(redis, 'a', 1)",
        "setmetatable(redis, {})",
        "setmetatable(_G, {})",
        "getmetatable('').__index = 1",
        "setfenv(0, {})",
    ] {
        assert!(eval(source).is_err(), "{source}");
    }
    let mut interpreter = interpreter();
    let mut server = Server::default();
    for source in [
        "table.insert(redis, 'a')",
        "table.insert(_G, 'a')",
        "for k, v in pairs(string) do end setfenv(1, {})",
        "setfenv(redis.call, {})",
        "collectgarbage('stop')",
        "local f, s = pairs(redis) s[1] = 1",
        "pcall(setfenv, 2, {})",
    ] {
        let _ = eval_on(&mut interpreter, &mut server, source);
        let sound = "return {redis.call('ping'), #redis, rawget(_G, 1) == nil, ('x'):rep(3)}";
        let answer = eval_on(&mut interpreter, &mut server, sound);
        assert_eq!(answer.as_deref(), Ok("*4 +PONG :0 :1 $3 xxx "), "after {source}");
    }
}

#[test]
fn there_is_no_way_out() {
    for name in
        ["io", "debug", "jit", "ffi", "require", "package", "dofile", "loadfile", "print", "module"]
    {
        let missing = format!("return pcall(function() return {name} end)");
        gives(&missing, "$-1 ");
    }
    gives("return loadstring('\\27Lua') == nil", ":1 ");
    gives("return loadstring(string.dump(function() return 1 end)) == nil", ":1 ");
    gives("return load(function() return nil end) ~= nil", ":1 ");
    gives("return loadstring('return redis.call(\"ping\")')()", "+PONG ");
    gives("return getfenv(0) == _G", ":1 ");
    gives("return getmetatable(newproxy()) == nil", ":1 ");
    gives("return pcall(newproxy, true)", "$-1 ");
    gives("return rawget(getfenv(redis.call), 'debug') == nil", ":1 ");
    gives("return getfenv(redis.call) == _G", ":1 ");
    gives("return next(getfenv(redis.sha1hex)) == nil", ":1 ");
}

#[test]
fn a_script_that_takes_too_much_ends() {
    let mut interpreter = interpreter();
    for source in [
        "return string.rep('x', 2^30)",
        "local t = {} while true do t[#t+1] = ('x'):rep(1000) .. #t end",
        "local function f() return 1 + f() end return f()",
        "local s = 'x' while true do s = s .. s end",
    ] {
        assert!(eval_on(&mut interpreter, &mut Server::default(), source).is_err(), "{source}");
        assert_eq!(
            eval_on(&mut interpreter, &mut Server::default(), "return 1").as_deref(),
            Ok(":1 "),
            "after {source}"
        );
    }
    gives("local t = {} t[1] = t return #redis.sha1hex('')", ":40 ");
    let deep = eval("local t = {} t[1] = t return t").expect("a reply");
    assert!(deep.ends_with("-ERR reached lua stack limit "), "{deep}");
}

#[test]
fn a_script_can_be_stopped_even_if_it_catches_errors() {
    let mut interpreter = interpreter();
    for source in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() pcall(f) return f() end f()",
        "coroutine.wrap(function() while true do end end)()",
        "repeat local ok = pcall(error) until false",
    ] {
        let mut server = Server { patience: Some(3), ..Server::default() };
        let ended = eval_on(&mut interpreter, &mut server, source);
        assert!(ended.is_err(), "{source}: {ended:?}");
    }
}

#[test]
fn values_become_json_and_back() {
    gives(
        "return cjson.encode({1,'a/b',true,cjson.null,{x=0.1}})",
        "$30 [1,\"a\\/b\",true,null,{\"x\":0.1}] ",
    );
    gives("return cjson.encode({})", "$2 {} ");
    gives(
        "return cjson.encode({1/3, 1e20, 2^53, -0.5})",
        "$48 [0.33333333333333,1e+20,9.007199254741e+15,-0.5] ",
    );
    gives(
        "local v = cjson.decode('{\"a\":[1,{\"b\":null}]}') return {v.a[1], v.a[2].b == cjson.null}",
        "*2 :1 :1 ",
    );
    gives("return cjson.decode('[\"\\\\u00e9\\\\ud83d\\\\ude00\"]')[1]", "$6 \u{e9}\u{1f600} ");
    let at = |line| format!("Some((\"@user_script\", {line}))");
    fails(
        "local x = cjson.encode({f = print and 1, [{}] = 1})",
        &format!(
            "ERR user_script:1: Script attempted to access nonexistent global variable 'print' {}",
            at(1)
        ),
    );
    fails(
        "\nlocal x = cjson.decode('[1,')",
        &format!("ERR user_script:2: Expected value but found T_END at character 4 {}", at(2)),
    );
    fails(
        "return cjson.encode(function() end)",
        &format!("ERR user_script:1: Cannot serialise function: type not supported {}", at(1)),
    );
    gives(
        "local _, why = pcall(cjson.encode) return why",
        "$44 bad argument #1 to '?' (expected 1 argument) ",
    );
}

#[test]
fn settings_of_cjson_do_not_outlive_a_script() {
    let mut interpreter = interpreter();
    let mut server = Server::default();
    let mut eval = |source| eval_on(&mut interpreter, &mut server, source);
    assert_eq!(eval("return cjson.encode_max_depth(5)").as_deref(), Ok(":5 "));
    assert_eq!(eval("return cjson.encode_max_depth()").as_deref(), Ok(":1000 "));
    assert_eq!(
        eval("local a = cjson.new() a.encode_max_depth(5) return cjson.encode_max_depth()")
            .as_deref(),
        Ok(":1000 ")
    );
}

#[test]
fn values_become_message_pack_and_back() {
    gives(
        "return (cmsgpack.pack({1,'a',{x=2.5}}, -129):gsub('.', function(c) return ('%02x'):format(c:byte()) end))",
        "$32 9301a16181a178ca40200000d1ff7f ".replace("$32", "$30").as_str(),
    );
    gives("return {cmsgpack.unpack('\\147\\1\\161a\\192\\195')}", "*2 *2 :1 $1 a :1 ");
    gives("return {cmsgpack.unpack_one('\\1\\2', 1)}", "*2 :-1 :2 ");
    fails(
        "return cmsgpack.unpack('\\146\\1')",
        "ERR user_script:1: Missing bytes in input. Some((\"@user_script\", 1))",
    );
}

#[test]
fn values_become_structures_and_back() {
    gives(
        "return {struct.unpack('>I2<i4s', struct.pack('>I2<i4s', 258, -3, 'ab'))}",
        "*4 :258 :-3 $2 ab :10 ",
    );
    gives("return struct.size('!8bd')", ":16 ");
    fails(
        "return struct.unpack('i', 'abc')",
        "ERR user_script:1: bad argument #2 to 'unpack' (data string too short) Some((\"@user_script\", 1))",
    );
}

#[test]
fn libraries_withstand_what_is_nested_or_long() {
    let mut interpreter = interpreter();
    for source in [
        "return cjson.decode(('['):rep(10000))",
        "return cjson.decode(('{\"a\":'):rep(10000))",
        "local c = cjson.new() c.decode_max_depth(1e6) return c.decode(('['):rep(1e5))",
        "local t = {} t[1] = t return cjson.encode(t)",
        "local t = {} t.a = t local c = cjson.new() c.encode_max_depth(1e6) return c.encode(t)",
        "return cjson.encode({[1] = 1, [2^30] = 1})",
        "return cmsgpack.unpack(('\\145'):rep(10000))",
        "return cmsgpack.unpack(('\\129'):rep(100000))",
        "return cmsgpack.unpack(('\\129\\161a'):rep(100000))",
        "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
        "return cmsgpack.unpack(('\\1'):rep(100000))",
        "return cmsgpack.pack(unpack({}, 1, 7000))",
        "return struct.pack(('i'):rep(7000), unpack({}, 1, 7000))",
        "return struct.unpack(('s'):rep(8000), ('a\\0'):rep(8000))",
        "return struct.unpack('i', 'abcd', -1)",
        "return struct.unpack('c2147483647', 'abcd')",
        "return struct.size(('c2147483647'):rep(3) .. 's')",
    ] {
        assert!(eval_on(&mut interpreter, &mut Server::default(), source).is_err(), "{source}");
        assert_eq!(
            eval_on(&mut interpreter, &mut Server::default(), "return 1").as_deref(),
            Ok(":1 "),
            "after {source}"
        );
    }
    gives("local t = {} t[1] = t return #cmsgpack.pack(t)", ":17 ");
    gives("return #cjson.decode('[' .. ('[],'):rep(50000) .. '[]]')", ":50001 ");
}

#[test]
fn arguments_and_replies_may_be_many() {
    let mut interpreter = interpreter();
    let mut server = Server::default();
    let mut eval = |source: &str| eval_on(&mut interpreter, &mut server, source).expect("a reply");
    assert!(
        eval("local t = {} for i = 1, 50000 do t[i] = 'x' .. i end return t")
            .starts_with("*50000 $2 x1 ")
    );
    let unknown = "-ERR Unknown Redis command called from script ";
    assert_eq!(
        eval("local t = {} for i = 1, 7900 do t[i] = 'x' .. i end return redis.pcall(unpack(t))"),
        unknown
    );
    assert_eq!(
        eval("return redis.pcall(unpack({}, 1, 7900))"),
        "-ERR Lua redis lib command arguments must be strings or integers "
    );
    assert!(
        eval("local t = {} for i = 1, 50000 do t[i] = {map = {a = i}} end return t")
            .starts_with("*50000 *2 $1 a :1 ")
    );
}

#[test]
fn patterns_that_take_too_much_end() {
    let mut interpreter = interpreter();
    for source in [
        "return ('a'):rep(9000):find(('.-'):rep(20) .. 'b')",
        "while true do pcall(string.match, ('a'):rep(9000), ('a*'):rep(20) .. 'b') end",
        "for _ in ('a'):rep(9000):gmatch(('a?'):rep(9000) .. ('.-'):rep(9) .. 'b') do end",
        "return ('x' .. ('a'):rep(9000)):gsub('x', function() return ('a'):rep(9000):gsub(('.-'):rep(9) .. 'b', '') end)",
    ] {
        let mut server = Server { patience: Some(3), ..Server::default() };
        let outcome = eval_on(&mut interpreter, &mut server, source);
        assert_eq!(outcome, Err("ERR stopped Some((\"@user_script\", 1))".to_owned()), "{source}");
        assert_eq!(
            eval_on(&mut interpreter, &mut Server::default(), "return ('ab'):match('a(.)')")
                .as_deref(),
            Ok("$1 b "),
            "after {source}"
        );
    }
    // What is made of a text counts as memory of the script, and what ends in the middle leaves none behind.
    for source in [
        "return ('a'):rep(1e6):gsub('a', ('b'):rep(1e6))",
        "while true do pcall(string.gsub, ('a'):rep(1e6), 'a', ('b'):rep(1e6)) end",
    ] {
        let mut server = Server { patience: Some(50), ..Server::default() };
        assert!(eval_on(&mut interpreter, &mut server, source).is_err(), "{source}");
        assert!(interpreter.used_memory() < 64 << 20);
    }
    // A long pattern needs no deep stack.
    gives("return ('a'):rep(20000):match(('a?'):rep(20000) .. '$'):len()", ":20000 ");
    // One that is longer still would take memory of which the script's limit does not know.
    gives(
        "return {pcall(string.match, ('a'):rep(3e5), ('a?'):rep(3e5) .. '$')}",
        "*2 $-1 $19 pattern too complex ",
    );
}

#[test]
fn error_replies_have_a_code() {
    gives("return redis.error_reply('MYERR text')", "-MYERR text ");
    gives("return redis.error_reply('word')", "-ERR word ");
    gives("return redis.error_reply('-word')", "-ERR word ");
    gives("return redis.status_reply('-word')", "+-word ");
}
