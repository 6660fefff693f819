//! What the commands of this family answer, leave behind, and tell of it.

use command::generate::{Random, Style, call};

use super::COMMANDS;
use super::condition::{digest, digest_text};
use super::testing::state;
use crate::testing::{BEGINNING_MS, Server};

/// Calls in order, and what each is answered.
#[track_caller]
fn check(calls: &[(&str, &str)]) -> Server {
    let mut server = Server::new();
    for (call, expected) in calls {
        assert_eq!(server.say(call), *expected, "{call}");
    }
    server
}

/// The encoding of `k` after some calls.
#[track_caller]
fn check_encoding(calls: &[&str], expected: &str) {
    let mut server = Server::new();
    for call in calls {
        assert!(!server.say(call).starts_with('-'), "{call}");
    }
    let found = state(&mut server, b"k").map(|state| state.encoding);
    assert_eq!(found.as_deref(), Some(expected), "{calls:?}");
}

/// What the last of some calls is replicated as.
#[track_caller]
fn check_effects(before: &[&str], last: &str, expected: &[&str]) {
    let mut server = Server::new();
    server.effects();
    for call in before {
        server.say(call);
    }
    server.effects();
    server.say(last);
    assert_eq!(server.effects(), expected, "{last}");
}

#[test]
fn set_answers() {
    check(&[
        ("SET k v", "+OK"),
        ("SET k w GET", "$1 v"),
        ("SET k x NX", "$-1"),
        ("SET k x NX GET", "$1 w"),
        ("SET k x xx", "+OK"),
        ("SET other x XX GET", "$-1"),
        ("GET other", "$-1"),
        ("SET other y GET", "$-1"),
        ("GET other", "$1 y"),
        ("SET k v NX XX", "-ERR syntax error"),
        ("SET k v EX", "-ERR syntax error"),
        ("SET k v EX 1 PX 1", "-ERR syntax error"),
        ("SET k v EX 1 KEEPTTL", "-ERR syntax error"),
        ("SET k v KEEPTTL EX 1", "-ERR syntax error"),
        ("SET k v EX 1 EX 2", "+OK"),
        ("SET k v NX NX GET", "$1 v"),
        ("SET k v EX abc NOPE", "-ERR syntax error"),
        ("SET k v EX abc", "-ERR value is not an integer or out of range"),
        ("SET k v EX 0", "-ERR invalid expire time in 'set' command"),
        ("SET k v PXAT -1", "-ERR invalid expire time in 'set' command"),
        ("SET k v EX 9223372036854775", "-ERR invalid expire time in 'set' command"),
        ("SET k v EXAT 9223372036854776", "-ERR invalid expire time in 'set' command"),
        ("SET k v PX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
        ("SET k v PXAT 9223372036854775807", "+OK"),
        ("SETEX k 0 v", "-ERR invalid expire time in 'setex' command"),
        ("PSETEX k x v", "-ERR value is not an integer or out of range"),
        ("SETNX k v", ":0"),
        ("SETNX fresh v", ":1"),
        ("GETSET k new", "$1 v"),
        ("GETSET newer v", "$-1"),
    ]);
}

#[test]
fn expiry_is_set_kept_and_cleared() {
    let mut server = Server::new();
    let mut expiry_after = |call: &str| {
        server.say(call);
        state(&mut server, b"k").and_then(|state| state.expiry)
    };
    let now = BEGINNING_MS;
    assert_eq!(expiry_after("SET k v EX 10"), Some(now + 10_000));
    assert_eq!(expiry_after("SET k w KEEPTTL"), Some(now + 10_000));
    assert_eq!(expiry_after("SET k 12 KEEPTTL"), Some(now + 10_000));
    assert_eq!(expiry_after("SET k 13 PX 7"), Some(now + 7));
    assert_eq!(expiry_after("INCR k"), Some(now + 7));
    assert_eq!(expiry_after("INCRBYFLOAT k 1.5"), Some(now + 7));
    assert_eq!(expiry_after("APPEND k abc"), Some(now + 7));
    assert_eq!(expiry_after("SETRANGE k 0 abc"), Some(now + 7));
    assert_eq!(expiry_after("GETEX k"), Some(now + 7));
    assert_eq!(expiry_after("GETEX k EXAT 1700000100"), Some(1_700_000_100_000));
    assert_eq!(expiry_after("GETEX k PERSIST"), None);
    assert_eq!(expiry_after("SETEX k 5 v"), Some(now + 5000));
    assert_eq!(expiry_after("SET k v"), None);
    assert_eq!(expiry_after("PSETEX k 5 v"), Some(now + 5));
    assert_eq!(expiry_after("GETSET k w"), None);
    assert_eq!(expiry_after("SETEX k 5 1"), Some(now + 5000));
    assert_eq!(expiry_after("MSET k 2"), None);
    assert_eq!(expiry_after("MSETEX 1 k 2 EX 3"), Some(now + 3000));
    assert_eq!(expiry_after("MSETEX 1 k 3 KEEPTTL"), Some(now + 3000));
}

#[test]
fn expired_key_is_absent() {
    let mut server = Server::new();
    assert_eq!(server.say("SET k v PX 100"), "+OK");
    server.advance_ms(100);
    assert_eq!(server.say("GET k"), "$1 v");
    server.advance_ms(1);
    assert_eq!(server.say("GET k"), "$-1");
    // A time that has passed is taken as it is, and found out at the next look.
    assert_eq!(server.say("SET k v PXAT 1"), "+OK");
    assert_eq!(server.say("SET k w XX"), "$-1");
    assert_eq!(server.say("SET k v PXAT 1"), "+OK");
    assert_eq!(server.say("APPEND k abc"), ":3");
    assert_eq!(server.say("GETEX k EXAT 1"), "$3 abc");
    assert_eq!(server.say("STRLEN k"), ":0");
}

#[test]
fn getex_answers() {
    check(&[
        ("GETEX k EX abc", "$-1"),
        ("GETEX k EX", "-ERR syntax error"),
        ("SET k v", "+OK"),
        ("GETEX k EX abc", "-ERR value is not an integer or out of range"),
        ("GETEX k PX 0", "-ERR invalid expire time in 'getex' command"),
        ("GETEX k PERSIST PERSIST", "$1 v"),
        ("GETEX k PERSIST EX 1", "-ERR syntax error"),
        ("GETEX k EX 1 PERSIST", "-ERR syntax error"),
        ("GETEX k NX", "-ERR syntax error"),
        ("GETDEL k", "$1 v"),
        ("GETDEL k", "$-1"),
    ]);
}

#[test]
fn numbers_add_up() {
    check(&[
        ("INCR k", ":1"),
        ("DECR k", ":0"),
        ("DECRBY k 5", ":-5"),
        ("INCRBY k 15", ":10"),
        ("INCRBY k abc", "-ERR value is not an integer or out of range"),
        ("INCRBY k 9223372036854775807", "-ERR increment or decrement would overflow"),
        ("DECRBY k -9223372036854775808", "-ERR decrement would overflow"),
        ("GET k", "$2 10"),
        ("SET k 0012", "+OK"),
        ("INCR k", "-ERR value is not an integer or out of range"),
        ("INCRBYFLOAT k 0.5", "$4 12.5"),
        ("INCRBYFLOAT k -0.5", "$2 12"),
        ("INCR k", ":13"),
        ("INCRBYFLOAT k abc", "-ERR value is not a valid float"),
        ("INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity"),
        ("SET k 3.0e3", "+OK"),
        ("INCRBYFLOAT k 200", "$4 3200"),
        ("SET k abc", "+OK"),
        ("INCRBYFLOAT k 1", "-ERR value is not a valid float"),
    ]);
}

#[test]
fn parts_are_read_and_written() {
    check(&[
        ("APPEND k Hello", ":5"),
        ("APPEND k ,World", ":11"),
        ("SETRANGE k 5 _", ":11"),
        ("GETRANGE k 0 -1", "$11 Hello_World"),
        ("GETRANGE k -5 -1", "$5 World"),
        ("GETRANGE k 3 1", "$0"),
        ("GETRANGE k -1 -5", "$0"),
        ("GETRANGE k 0 -100", "$1 H"),
        ("GETRANGE k 0 9223372036854775807", "$11 Hello_World"),
        ("GETRANGE k -9223372036854775808 0", "$1 H"),
        ("SUBSTR k 1 2", "$2 el"),
        ("GETRANGE absent 0 -1", "$0"),
        ("GETRANGE k a b", "-ERR value is not an integer or out of range"),
        ("STRLEN k", ":11"),
        ("SETRANGE k -1 x", "-ERR offset is out of range"),
        ("SETRANGE k a x", "-ERR value is not an integer or out of range"),
        ("SETRANGE k 100000000000 \"\"", ":11"),
        (
            "SETRANGE k 536870911 ab",
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ),
        (
            "SETRANGE k 9223372036854775807 ab",
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ),
        ("SETRANGE gap 3 x", ":4"),
        ("GET gap", "$4 \0\0\0x"),
        ("SET k 12345", "+OK"),
        ("GETRANGE k 1 2", "$2 23"),
        ("STRLEN k", ":5"),
    ]);
}

#[test]
fn limit_on_length_holds_for_append() {
    let mut server = Server::new();
    server.configure(|config| config.limits.bulk_bytes = 10);
    assert_eq!(server.say("APPEND k 0123456789"), ":10");
    let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_eq!(server.say("APPEND k x"), too_long);
    assert_eq!(server.say("SETRANGE k 9 x"), ":10");
    assert_eq!(server.say("SETRANGE k 9 xy"), too_long);
}

#[test]
fn several_keys_at_once() {
    let mut server = check(&[
        ("MSET a 1 b 2 a 3", "+OK"),
        ("MGET a b c a", "*4 $1 3 $1 2 $-1 $1 3"),
        ("MSET a", "-ERR wrong number of arguments for 'mset' command"),
        ("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"),
        ("MSETNX a 1 b", "-ERR wrong number of arguments for 'msetnx' command"),
        ("MSETNX c 1 a 1", ":0"),
        ("GET c", "$-1"),
        ("MSETNX c 1 c 2", ":1"),
        ("GET c", "$1 2"),
        ("MSETEX 2 c 5 d 6 NX", ":0"),
        ("MSETEX 2 c 5 d 6 XX", ":0"),
        ("MSETEX 2 c 5 d 6", ":1"),
        ("MSETEX 2 c 7 d 8 EX 10 XX", ":1"),
        ("MGET c d", "*2 $1 7 $1 8"),
        ("MSETEX 0 c 7", "-ERR invalid numkeys value"),
        ("MSETEX x c 7", "-ERR invalid numkeys value"),
        ("MSETEX 2 c 7", "-ERR wrong number of key-value pairs"),
        ("MSETEX 9223372036854775807 c 7", "-ERR wrong number of key-value pairs"),
        ("MSETEX 1 c 7 GET", "-ERR syntax error"),
        ("MSETEX 1 c 7 EX 0", "-ERR invalid expire time in 'msetex' command"),
    ]);
    // More than are looked for at a time.
    let pairs: Vec<String> = (0..100).flat_map(|n| [format!("key:{n}"), n.to_string()]).collect();
    assert_eq!(server.say(&format!("MSET {}", pairs.join(" "))), "+OK");
    let keys: Vec<&str> = pairs.iter().step_by(2).map(String::as_str).collect();
    let values: Vec<String> = (0..100).map(|n| format!("${} {n}", n.to_string().len())).collect();
    assert_eq!(
        server.say(&format!("MGET {}", keys.join(" "))),
        format!("*100 {}", values.join(" "))
    );
}

#[test]
fn longest_common_subsequence_is_answered() {
    let mut server = check(&[
        ("MSET a ohmytext b mynewtext", "+OK"),
        ("LCS a b", "$6 mytext"),
        ("LCS a b LEN", ":6"),
        ("LCS a b IDX", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6"),
        (
            "LCS a b idx minmatchlen 4 withmatchlen",
            "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6",
        ),
        ("LCS a b LEN MINMATCHLEN -1 WITHMATCHLEN", ":6"),
        ("LCS a absent", "$0"),
        ("LCS a absent LEN", ":0"),
        ("LCS a absent IDX", "*4 $7 matches *0 $3 len :0"),
        ("LCS a a", "$8 ohmytext"),
        ("LCS a b IDX LEN", "-ERR If you want both the length and indexes, please just use IDX."),
        ("LCS a b MINMATCHLEN", "-ERR syntax error"),
        ("LCS a b NOPE", "-ERR syntax error"),
        ("LCS a b MINMATCHLEN x NOPE", "-ERR value is not an integer or out of range"),
        ("MSET a 1234 b 24", "+OK"),
        ("LCS a b", "$2 24"),
    ]);
    server.configure(|config| config.limits.bulk_bytes = 59);
    assert_eq!(
        server.say("LCS a b LEN"),
        "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"
    );
    server.configure(|config| config.limits.bulk_bytes = 60);
    assert_eq!(server.say("LCS a b LEN"), ":2");
}

#[test]
fn conditions_compare() {
    let hello = String::from_utf8(digest_text(digest(b"hello")).to_vec()).expect("hexadecimal");
    let mut server = check(&[
        ("SET k v IFEQ w", "$-1"),
        ("GET k", "$-1"),
        ("SET k hello IFNE w", "+OK"),
        ("SET k x IFEQ w", "$-1"),
        ("SET k x IFNE hello GET", "$5 hello"),
        ("GET k", "$5 hello"),
        ("SET k x IFEQ", "-ERR syntax error"),
        ("SET k x IFEQ hello NX", "-ERR syntax error"),
        ("SET k x IFDEQ 12", "-ERR digest must be exactly 16 hexadecimal characters"),
        ("SET k x IFDEQ 000000000000000g", "-ERR digest must be exactly 16 hexadecimal characters"),
        ("SET k x IFDEQ 0000000000000000", "$-1"),
        ("DELEX k IFEQ w", ":0"),
        ("DELEX k IFNE hello", ":0"),
        ("DELEX k NX", "-ERR syntax error"),
        ("DELEX k IFEQ hello more", "-ERR syntax error"),
        ("DELEX absent IFNE w", ":0"),
        ("DELIFEQ k w", ":0"),
    ]);
    assert_eq!(server.say("DIGEST k"), format!("$16 {hello}"));
    assert_eq!(server.say("DIGEST absent"), "$-1");
    assert_eq!(server.say(&format!("SET k x IFDNE {hello}")), "$-1");
    assert_eq!(server.say(&format!("SET k 5 IFDEQ {}", hello.to_uppercase())), "+OK");
    assert_eq!(server.say("SET k hello IFEQ 5"), "+OK");
    assert_eq!(server.say(&format!("DELEX k IFDNE {hello}")), ":0");
    assert_eq!(server.say(&format!("DELEX k IFDEQ {hello}")), ":1");
    assert_eq!(server.say("SET k v"), "+OK");
    assert_eq!(server.say("DELIFEQ k v"), ":1");
    assert_eq!(server.say("SET k v"), "+OK");
    assert_eq!(server.say("DELEX k"), ":1");
    assert_eq!(server.say("DELEX k"), ":0");
}

/// Against values that others have published.
#[test]
fn digest_is_xxh3() {
    assert_eq!(&digest_text(digest(b"")), b"2d06800538d394c2");
    assert_eq!(&digest_text(digest(b"Hello world")), b"b6acb9d84a38ff74");
}

#[test]
fn encodings_are_those_of_redis() {
    check_encoding(&["SET k 12"], "int");
    check_encoding(&["SET k -9223372036854775808"], "int");
    check_encoding(&["SET k 9223372036854775807"], "int");
    check_encoding(&["SET k 9223372036854775808"], "embstr");
    check_encoding(&["SET k 0012"], "embstr");
    check_encoding(&["SET k -0"], "embstr");
    check_encoding(&["SET k \"\""], "embstr");
    check_encoding(&["SET k 01234567890123456789012345678901234567890123"], "embstr");
    check_encoding(&["SET k 012345678901234567890123456789012345678901234"], "raw");
    check_encoding(&["SETNX k 12"], "int");
    check_encoding(&["GETSET k 12"], "int");
    check_encoding(&["SETEX k 12 12"], "int");
    check_encoding(&["MSET k 12"], "int");
    check_encoding(&["APPEND k 12"], "int");
    check_encoding(&["APPEND k ab"], "embstr");
    check_encoding(&["SET k 12", "APPEND k 3"], "raw");
    check_encoding(&["SET k 12", "APPEND k \"\""], "raw");
    check_encoding(&["APPEND k \"\""], "embstr");
    check_encoding(&["SETRANGE k 0 12"], "raw");
    check_encoding(&["SET k 12", "SETRANGE k 0 34"], "raw");
    check_encoding(&["SET k 12", "SETRANGE k 0 \"\""], "int");
    check_encoding(&["INCRBYFLOAT k 12"], "embstr");
    check_encoding(&["SET k 12", "INCRBYFLOAT k 1"], "embstr");
    check_encoding(&["INCRBYFLOAT k 12", "INCR k"], "int");
    check_encoding(&["INCRBYFLOAT k 12", "INCRBYFLOAT k 1"], "embstr");
    check_encoding(&["SETRANGE k 0 12", "INCR k"], "int");
    check_encoding(&["SETRANGE k 0 12", "SET k ab"], "embstr");
}

#[test]
fn effects_mean_the_same_at_any_time() {
    let at = |after: i64| (BEGINNING_MS + after).to_string();
    check_effects(&[], "SET k v", &["SELECT 0", "SET k v"]);
    check_effects(&["SET k v"], "set k v", &["set k v"]);
    check_effects(&["SET k v"], "SET k w NX", &[]);
    check_effects(&["SET k v"], "SET k w XX", &["SET k w XX"]);
    check_effects(&["SET k v"], "SET k w XX GET", &["SET k w XX"]);
    check_effects(&["SET k v"], "SET k w IFEQ v", &["SET k w"]);
    check_effects(&["SET k v"], "SET k w KEEPTTL GET", &["SET k w KEEPTTL"]);
    let expiring = format!("SET k w PXAT {}", at(10_000));
    check_effects(&["SET k v"], "SET k w EX 10", &[&expiring]);
    check_effects(&["SET k v"], "SET k w XX GET PX 10000", &[&expiring]);
    check_effects(&["SET k v"], "SETEX k 10 w", &[&expiring]);
    check_effects(&["SET k v"], "PSETEX k 10000 w", &[&expiring]);
    check_effects(&["SET k v"], "SET k w EXAT 1700000010", &[&expiring]);
    check_effects(&["SET a v"], "SETNX k w", &["SETNX k w"]);
    check_effects(&["SET a v"], "SETNX a w", &[]);
    check_effects(&["SET k v"], "GETSET k w", &["SET k w"]);
    check_effects(&["SET k v"], "GETDEL k", &["DEL k"]);
    check_effects(&["SET k v"], "GETDEL absent", &[]);
    check_effects(&["SET k v"], "GETEX k", &[]);
    check_effects(&["SET k v"], "GETEX k PERSIST", &[]);
    check_effects(&["SETEX k 9 v"], "GETEX k PERSIST", &["PERSIST k"]);
    check_effects(&["SET k v"], "GETEX k EX 10", &[&format!("PEXPIREAT k {}", at(10_000))]);
    check_effects(&["SET k v"], "GETEX k PXAT 1", &["DEL k"]);
    check_effects(&["SET k v"], "INCRBYFLOAT f 0.1", &["SET f 0.1 KEEPTTL"]);
    check_effects(&["SET k v"], "INCR i", &["INCR i"]);
    check_effects(&["SET k v"], "APPEND k w", &["APPEND k w"]);
    check_effects(&["SET k v"], "SETRANGE k 1 w", &["SETRANGE k 1 w"]);
    check_effects(&["SET k v"], "SETRANGE k 1 \"\"", &[]);
    check_effects(&["SET k v"], "DELEX k IFEQ v", &["DEL k"]);
    check_effects(&["SET k v"], "DELIFEQ k v", &["DEL k"]);
    check_effects(&["SET k v"], "MSET a 1 b 2", &["MSET a 1 b 2"]);
    check_effects(&["SET k v"], "MSETNX k 1 b 2", &[]);
    check_effects(
        &["SET k v"],
        "MSETEX 2 a 1 b 2 PX 5",
        &["MULTI", &format!("SET a 1 PXAT {}", at(5)), &format!("SET b 2 PXAT {}", at(5)), "EXEC"],
    );
    check_effects(&["SET k v PXAT 1"], "SET k w", &["MULTI", "DEL k", "SET k w", "EXEC"]);
}

#[test]
fn changes_are_counted_as_redis_counts_them() {
    for (call, expected) in [
        ("SET k v EX 10", 1),
        ("MSET a 1 b 2 a 3", 3),
        ("MSETNX a 1 b 2", 2),
        ("APPEND k \"\"", 1),
        ("SETRANGE k 0 \"\"", 0),
        ("SET k v XX", 0),
        ("GETEX k PERSIST", 0),
    ] {
        let mut server = Server::new();
        server.say(call);
        assert_eq!(server.changes(), expected, "{call}");
    }
}

#[test]
fn hits_and_misses_are_those_of_commands_that_read() {
    for (call, expected) in [
        ("GET k", (1, 0)),
        ("GET absent", (0, 1)),
        ("MGET k absent k", (2, 1)),
        ("STRLEN absent", (0, 1)),
        ("GETRANGE k 0 1", (1, 0)),
        ("GETDEL k", (1, 0)),
        ("GETEX absent", (0, 1)),
        ("GETSET k w", (1, 0)),
        ("SET k w GET", (1, 0)),
        ("SET k w XX", (0, 0)),
        ("SETNX absent w", (0, 0)),
        ("APPEND k w", (0, 0)),
        ("SETRANGE k 1 w", (0, 0)),
        ("INCR absent", (0, 0)),
        ("INCRBYFLOAT absent 1", (0, 0)),
        ("MSETNX k w", (0, 0)),
        ("DIGEST k", (1, 0)),
    ] {
        let mut server = Server::new();
        server.say("SET k v");
        server.say(call);
        let numbers = server.numbers();
        assert_eq!((numbers.keyspace_hits, numbers.keyspace_misses), expected, "{call}");
    }
}

/// Who runs the effects of random calls, in order and later, has the same in the end.
#[test]
fn effects_make_a_copy() {
    const KEYS: &[&[u8]] = &[b"k1", b"k2", b"k3", b"k4", b"{t}1", b"{t}2"];
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let (mut origin, mut copy) = (Server::new(), Server::new());
        origin.engine.effects.listen();
        for _ in 0..200 {
            let command = COMMANDS[random.below(COMMANDS.len())];
            let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
            origin.answer(&call(command, style, &mut random));
            origin.advance_ms(i64::try_from(random.below(3)).unwrap_or(0));
        }
        let states =
            |server: &mut Server| KEYS.iter().map(|key| state(server, key)).collect::<Vec<_>>();
        let expected = states(&mut origin);
        run_effects(&mut copy, &origin.engine.effects.take());
        copy.now_ms = origin.now_ms;
        assert_eq!(states(&mut copy), expected, "seed {seed}");
    }
}

/// Runs effects; groups are taken apart.
fn run_effects(server: &mut Server, effects: &[u8]) {
    let mut rest = effects;
    while let Ok(Some((value, used))) = resp::Value::decode(rest) {
        rest = &rest[used..];
        let words = value.as_array().unwrap_or_default();
        let words: Vec<&[u8]> = words.iter().filter_map(resp::Value::as_bytes).collect();
        if !matches!(words.as_slice(), [b"MULTI" | b"EXEC"] | [b"SELECT", b"0"]) {
            let answer = server.answer(&words);
            assert_ne!(answer.first(), Some(&b'-'), "{words:?}");
        }
    }
    assert!(rest.is_empty(), "effects are whole requests");
}
