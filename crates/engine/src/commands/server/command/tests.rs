//! COMMAND, in process.

use resp::{Protocol, Value};

use crate::testing::{Server, commands};

#[track_caller]
fn check(server: &mut Server, cases: &[(&str, &str)]) {
    for (call, expected) in cases {
        assert_eq!(server.say(call), *expected, "{call}");
    }
}

/// The answer to a call, decoded.
fn ask(server: &mut Server, line: &str) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    let answer = server.answer(&words);
    Value::decode(&answer).ok().flatten().map(|(value, _)| value).expect("one whole value")
}

fn names(server: &mut Server, line: &str) -> Vec<String> {
    let answer = ask(server, line);
    answer.as_array().expect("a list").iter().filter_map(Value::as_text).collect()
}

#[test]
fn every_command_is_counted_and_described_once() {
    let mut server = Server::new();
    let top = commands().filter(|command| !command.name.contains('|')).count();
    assert_eq!(server.say("COMMAND COUNT"), format!(":{top}"));
    for call in ["COMMAND", "COMMAND INFO"] {
        let answer = ask(&mut server, call);
        assert_eq!(answer.as_array().map(<[Value]>::len), Some(top), "{call}");
    }
    let docs = ask(&mut server, "COMMAND DOCS");
    assert_eq!(docs.as_array().map(<[Value]>::len), Some(2 * top));
    assert_eq!(names(&mut server, "COMMAND LIST").len(), commands().count());
    check(
        &mut server,
        &[
            ("COMMAND COUNT x", "-ERR wrong number of arguments for 'command|count' command"),
            ("COMMAND FOO", "-ERR unknown subcommand 'FOO'. Try COMMAND HELP."),
        ],
    );
}

#[test]
fn lists_are_filtered() {
    let mut server = Server::new();
    let clients = names(&mut server, "COMMAND LIST FILTERBY PATTERN CLIENT|NO*");
    assert_eq!(clients, ["client|no-evict", "client|no-touch"]);
    let admin = names(&mut server, "COMMAND LIST filterby aclcat Admin");
    assert!(admin.iter().any(|name| name == "client|kill"), "{admin:?}");
    assert!(!admin.iter().any(|name| name == "client|id"), "{admin:?}");
    check(
        &mut server,
        &[
            ("COMMAND LIST FILTERBY PATTERN Get", "*1 $3 get"),
            ("COMMAND LIST FILTERBY PATTERN \"\"", "*0"),
            ("COMMAND LIST FILTERBY MODULE x", "*0"),
            ("COMMAND LIST FILTERBY ACLCAT foo", "*0"),
            ("COMMAND LIST FILTERBY ACLCAT @admin", "*0"),
            ("COMMAND LIST FILTERBY", "-ERR syntax error"),
            ("COMMAND LIST FILTERBY PATTERN", "-ERR syntax error"),
            ("COMMAND LIST FILTERBY FOO x", "-ERR syntax error"),
            ("COMMAND LIST FILTERBY PATTERN x y", "-ERR syntax error"),
            ("COMMAND LIST x", "-ERR syntax error"),
        ],
    );
}

#[test]
fn what_there_is_not_is_null_or_left_out() {
    let mut server = Server::new();
    let id =
        "*10 $9 client|id :2 *3 +noscript +loading +stale :0 :0 :0 *2 +@slow +@connection *0 *0 *0";
    check(
        &mut server,
        &[
            ("COMMAND INFO foo", "*1 $-1"),
            ("COMMAND INFO CLIENT|id client|foo |id client|id|x", &format!("*4 {id} $-1 $-1 $-1")),
            ("COMMAND DOCS foo", "*0"),
            ("COMMAND DOCS \"\"", "*0"),
        ],
    );
    let docs = ask(&mut server, "COMMAND DOCS get foo client|id");
    let names: Vec<_> = docs.as_array().expect("pairs").iter().filter_map(Value::as_text).collect();
    assert_eq!(names, ["get", "client|id"]);
    server.speak(Protocol::Resp3);
    check(&mut server, &[("COMMAND INFO foo", "*1 _"), ("COMMAND DOCS foo", "%0")]);
}

#[test]
fn keys_of_calls_are_found() {
    let no_keys = "-ERR The command has no key arguments";
    let wrong_number = "-ERR Invalid number of arguments specified for command";
    let mut server = Server::new();
    check(
        &mut server,
        &[
            ("COMMAND GETKEYS", "-ERR wrong number of arguments for 'command|getkeys' command"),
            ("COMMAND GETKEYS foo", "-ERR Invalid command specified"),
            ("COMMAND GETKEYS client foo", "-ERR Invalid command specified"),
            ("COMMAND GETKEYS client", no_keys),
            ("COMMAND GETKEYS ping", no_keys),
            ("COMMAND GETKEYS get", wrong_number),
            ("COMMAND GETKEYS get x y", wrong_number),
            ("COMMAND GETKEYS get x", "*1 $1 x"),
            ("COMMAND GETKEYSANDFLAGS get", wrong_number),
            ("COMMAND GETKEYSANDFLAGS get x", "*1 *2 $1 x *2 +RO +access"),
            ("COMMAND GETKEYSANDFLAGS set x y", "*1 *2 $1 x *2 +OW +update"),
            ("COMMAND GETKEYSANDFLAGS set x y get", "*1 *2 $1 x *3 +RW +access +update"),
            (
                "COMMAND GETKEYSANDFLAGS mset a 1 b 2",
                "*2 *2 $1 a *2 +OW +update *2 $1 b *2 +OW +update",
            ),
        ],
    );
    server.speak(Protocol::Resp3);
    check(&mut server, &[("COMMAND GETKEYSANDFLAGS get x", "*1 *2 $1 x ~2 +RO +access")]);
}

#[test]
fn help_tells_of_the_call_without_a_subcommand() {
    let mut server = Server::new();
    let lines = names(&mut server, "COMMAND HELP");
    assert_eq!(lines[0], "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    assert_eq!(lines[1], "(no subcommand)");
    assert!(lines.iter().any(|line| line == "GETKEYS command [arg [arg ...]]"), "{lines:#?}");
}
