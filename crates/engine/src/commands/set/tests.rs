//! What the commands do beside answering: effects, changes counted, memory. Answers are compared with a real server's
//! (`differential`).

use std::collections::BTreeSet;

use resp::Value;

use crate::testing::Server;

fn server() -> Server {
    let mut server = Server::new();
    server.effects();
    server
}

/// The answer and the effects of each of the lines.
#[track_caller]
fn check(server: &mut Server, cases: &[(&str, &str, &[&str])]) {
    for (line, answer, effects) in cases {
        assert_eq!(server.say(line), *answer, "{line}");
        assert_eq!(server.effects(), *effects, "{line}");
    }
}

#[test]
fn effects_are_the_calls_unless_they_are_random() {
    check(
        &mut server(),
        &[
            ("SADD s a b", ":2", &["SELECT 0", "SADD s a b"]),
            ("SADD s a", ":0", &[]),
            ("SADD s a c", ":1", &["SADD s a c"]),
            ("SREM s x", ":0", &[]),
            ("SREM s x c", ":1", &["SREM s x c"]),
            ("SMOVE s t x", ":0", &[]),
            ("SMOVE s s a", ":1", &[]),
            ("SMOVE s t a", ":1", &["SMOVE s t a"]),
            ("SINTERSTORE d s t", ":0", &[]),
            ("SUNIONSTORE d s t", ":2", &["SUNIONSTORE d s t"]),
            ("SDIFFSTORE d d s", ":1", &["SDIFFSTORE d d s"]),
            ("SINTERSTORE d s missing", ":0", &["SINTERSTORE d s missing"]),
            ("SPOP s", "$1 b", &["SREM s b"]),
            ("SPOP s", "$-1", &[]),
            ("SPOP t 0", "*0", &[]),
            ("SPOP t 1", "*1 $1 a", &["DEL t"]),
            ("EXISTS s t d", ":0", &[]),
        ],
    );
}

#[test]
fn what_was_popped_is_told_in_parts() {
    let mut server = server();
    let members: Vec<String> = (0..3000).map(|number| format!("m{number}")).collect();
    server.say(&format!("SADD s {}", members.join(" ")));
    server.effects();
    let answer = server.answer(&["SPOP", "s", "2500"]);
    let Ok(Some((Value::Array(popped), _))) = Value::decode(&answer) else {
        unreachable!("{}", answer.escape_ascii())
    };
    let popped: Vec<String> = popped.iter().filter_map(Value::as_text).collect();
    assert_eq!(popped.iter().collect::<BTreeSet<_>>().len(), 2500);
    let effects = server.effects();
    let parts: Vec<Vec<&str>> =
        effects.iter().map(|effect| effect.split(' ').collect::<Vec<_>>()).collect();
    let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
    assert_eq!(lengths, [1, 1026, 1026, 454, 1], "wrapped in a transaction");
    let told: Vec<&str> = parts[1..4].iter().flat_map(|part| &part[2..]).copied().collect();
    assert_eq!(told, popped);
    assert_eq!(server.say("SCARD s"), ":500");
}

#[test]
fn a_whole_set_that_is_popped_is_unlinked_if_so_configured() {
    let mut server = server();
    server.configure(|config| config.memory.lazy_server_del = true);
    check(
        &mut server,
        &[
            ("SADD s a", ":1", &["SELECT 0", "SADD s a"]),
            ("SPOP s 5", "*1 $1 a", &["UNLINK s"]),
            ("SADD s a", ":1", &["SADD s a"]),
            ("SPOP s", "$1 a", &["SREM s a"]),
        ],
    );
}

#[test]
fn each_member_is_a_change() {
    let mut server = Server::new();
    let mut expect = |line: &str, changes: u64| {
        let before = server.changes();
        server.say(line);
        assert_eq!(server.changes() - before, changes, "{line}");
    };
    expect("SADD s a b c d e f", 6);
    expect("SADD s a b x", 1);
    expect("SADD s a", 0);
    expect("SREM s a b y", 2);
    expect("SMOVE s t c", 2);
    expect("SADD s c", 1);
    expect("SMOVE s t c", 1);
    expect("SPOP s 2", 2);
    expect("SUNIONSTORE d s t", 1);
    expect("SPOP s 100", 2);
    expect("SPOP t", 1);
    expect("SINTERSTORE d s t", 1);
    expect("SINTERSTORE d s t", 0);
}

#[test]
fn counts_beyond_what_can_be_sent_are_refused() {
    let mut server = Server::new();
    server.say("SADD s a");
    for count in ["-9223372036854775807", "-4611686018427387904", "-16777217"] {
        let answer = server.say(&format!("SRANDMEMBER s {count}"));
        assert_eq!(answer, "-ERR value is out of range", "{count}");
    }
    assert_eq!(server.say("SRANDMEMBER s 9223372036854775807"), "*1 $1 a");
    assert_eq!(server.answer(&["SRANDMEMBER", "s", "-100000"]).len(), 9 + 100_000 * 7);
}

#[test]
fn memory_grows_with_members() {
    let mut server = Server::new();
    let mut usage = |line: &str| {
        server.say(line);
        let answer = server.say("MEMORY USAGE s");
        answer.trim_start_matches(':').parse::<usize>().expect("a number")
    };
    let empty = usage("SADD s 1");
    assert!(empty < 60, "{empty}");
    let words = |from: u32, to: u32| {
        (from..to).map(|number| format!("member:{number:09}")).collect::<Vec<_>>().join(" ")
    };
    let small = usage(&format!("SADD s {}", words(0, 10)));
    assert!((200..300).contains(&small), "{small}");
    let large = usage(&format!("SADD s {}", words(0, 10_000)));
    assert!((300_000..380_000).contains(&large), "{large}");
}

/// Every member that is there all the time is shown, whatever comes and goes meanwhile, and in small parts.
#[test]
fn a_scan_shows_every_member_that_stays() {
    let mut server = Server::new();
    let words = |letter: char| {
        (0..400).map(|number| format!("{letter}{number}")).collect::<Vec<_>>().join(" ")
    };
    server.say(&format!("SADD s {}", words('m')));
    let (mut cursor, mut seen, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let answer = server.answer(&["SSCAN", "s", &cursor, "MATCH", "m*", "COUNT", "7"]);
        let Ok(Some((value, _))) = Value::decode(&answer) else { unreachable!("one value") };
        let [next, members] = value.as_array().unwrap_or_default() else {
            unreachable!("a cursor and members")
        };
        let members: Vec<String> =
            members.as_array().unwrap_or_default().iter().filter_map(Value::as_text).collect();
        assert!(members.len() < 40, "{}", members.len());
        assert!(members.iter().all(|member| member.starts_with('m')));
        seen.extend(members);
        calls += 1;
        server.say(&format!("{} s {}", if calls % 2 == 0 { "SREM" } else { "SADD" }, words('x')));
        cursor = next.as_text().unwrap_or_default();
        if cursor == "0" {
            break;
        }
    }
    assert!(20 < calls);
    assert_eq!(seen.len(), 400);
}
