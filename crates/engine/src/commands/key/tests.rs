//! What the commands on keys answer, change and tell.

use std::collections::BTreeSet;

use command::generate::Random;
use config::memory::EvictionPolicy;
use resp::{Protocol, Value};

use crate::testing::{BEGINNING_MS, Server};

/// Calls, and the answer to each.
#[track_caller]
fn check(server: &mut Server, calls: &[(&str, &str)]) {
    for (call, answer) in calls {
        assert_eq!(server.say(call), *answer, "{call}");
    }
}

/// Calls, and the effects of each.
#[track_caller]
fn check_effects(server: &mut Server, calls: &[(&str, &[&str])]) {
    server.effects();
    for (call, effects) in calls {
        server.say(call);
        assert_eq!(server.effects(), *effects, "{call}");
    }
}

/// A server where one more database than the first has been written to.
fn server_with(keys: &[&str]) -> Server {
    let mut server = Server::new();
    for key in keys {
        assert_eq!(server.say(&format!("SET {key} value-of-{key}")), "+OK");
    }
    server
}

#[test]
fn removing_counts_what_was_there() {
    let mut server = server_with(&["a", "b", "c"]);
    check(
        &mut server,
        &[
            ("DEL a x b", ":2"),
            ("DEL a", ":0"),
            ("UNLINK c c", ":1"),
            ("UNLINK c", ":0"),
            ("DBSIZE", ":0"),
            ("DEL", "-ERR wrong number of arguments for 'del' command"),
        ],
    );
    assert_eq!(server.changes(), 3 + 3);
}

#[test]
fn existence_counts_hits_and_misses() {
    let mut server = server_with(&["a"]);
    check(
        &mut server,
        &[
            ("EXISTS a a x", ":2"),
            ("TOUCH a a x", ":2"),
            ("TYPE a", "+string"),
            ("TYPE x", "+none"),
            ("TTL a", ":-1"),
            ("PTTL x", ":-2"),
            ("OBJECT ENCODING a", "$6 embstr"),
            ("OBJECT ENCODING x", "$-1"),
        ],
    );
    let numbers = server.numbers();
    assert_eq!((numbers.keyspace_hits, numbers.keyspace_misses), (7, 5));
    // What is about to be written counts as neither.
    check(&mut server, &[("EXPIRE a 10", ":1"), ("RENAME a b", "+OK"), ("DEL x", ":0")]);
    let numbers = server.numbers();
    assert_eq!((numbers.keyspace_hits, numbers.keyspace_misses), (7, 5));
}

#[test]
fn expiry_is_set_under_conditions() {
    let mut server = server_with(&["a"]);
    check(
        &mut server,
        &[
            ("EXPIRE a 100 XX", ":0"),
            ("EXPIRE a 100 GT", ":0"),
            ("EXPIRE a 100 gt xx", ":0"),
            ("EXPIRE a 100 LT XX", ":0"),
            ("EXPIRE a 100 LT", ":1"),
            ("TTL a", ":100"),
            ("EXPIRE a 200 nx", ":0"),
            ("EXPIRE a 200 XX", ":1"),
            ("EXPIRE a 200 GT", ":0"),
            ("EXPIRE a 201 GT XX", ":1"),
            ("EXPIRE a 201 LT", ":0"),
            ("EXPIRE a 50 LT LT", ":1"),
            ("PERSIST a", ":1"),
            ("PERSIST a", ":0"),
            ("PERSIST x", ":0"),
            ("EXPIRE a 7 NX NX", ":1"),
            ("EXPIRE x 7", ":0"),
            ("TTL a", ":7"),
        ],
    );
}

#[test]
fn expiry_errors_come_in_redis_s_order() {
    let mut server = server_with(&["a"]);
    let not_with = "-ERR NX and XX, GT or LT options at the same time are not compatible";
    check(
        &mut server,
        &[
            ("EXPIRE a 1 NX XX", not_with),
            ("EXPIRE a 1 GT NX", not_with),
            ("EXPIRE a 1 NX GT LT", not_with),
            ("EXPIRE a 1 GT LT", "-ERR GT and LT options at the same time are not compatible"),
            ("EXPIRE a bar foo", "-ERR Unsupported option foo"),
            ("EXPIRE a 1 NX foo", "-ERR Unsupported option foo"),
            ("EXPIRE x bar", "-ERR value is not an integer or out of range"),
            ("EXPIRE a", "-ERR wrong number of arguments for 'expire' command"),
            ("EXPIRE x 9223372036854775", "-ERR invalid expire time in 'expire' command"),
            ("EXPIRE a -9223372036854775807", "-ERR invalid expire time in 'expire' command"),
            ("PEXPIRE a 9223372036854775807", "-ERR invalid expire time in 'pexpire' command"),
            ("EXPIREAT a 9223372036854775807", "-ERR invalid expire time in 'expireat' command"),
            ("PEXPIREAT a 9223372036854775807", ":1"),
            ("PEXPIRETIME a", ":9223372036854775807"),
            ("EXPIRETIME a", ":9223372036854776"),
            ("PEXPIREAT a -9223372036854775808", ":1"),
            ("EXISTS a", ":0"),
        ],
    );
}

#[test]
fn lifetimes_are_rounded_to_the_nearest_second() {
    let mut server = server_with(&["a"]);
    check(
        &mut server,
        &[
            ("PEXPIRE a 4499", ":1"),
            ("TTL a", ":4"),
            ("PTTL a", ":4499"),
            ("PEXPIRE a 4500", ":1"),
            ("TTL a", ":5"),
            ("PEXPIREAT a 4102444800499", ":1"),
            ("EXPIRETIME a", ":4102444800"),
            ("PEXPIREAT a 4102444800500", ":1"),
            ("EXPIRETIME a", ":4102444801"),
            ("PEXPIRETIME a", ":4102444800500"),
        ],
    );
}

#[test]
fn a_time_in_the_past_removes() {
    let mut server = server_with(&["a", "b", "c", "d", "e"]);
    check_effects(
        &mut server,
        &[
            ("EXPIRE a 0", &["SELECT 0", "DEL a"]),
            ("EXPIREAT b 1", &["DEL b"]),
            ("EXPIRE c -1 GT", &[]),
            ("EXPIRE c -1 LT", &["DEL c"]),
            ("PEXPIRE c -1", &[]),
        ],
    );
    server.configure(|config| config.memory.lazy_expire = true);
    check_effects(&mut server, &[("PEXPIREAT d 1700000000000 NX", &["UNLINK d"])]);
    check(&mut server, &[("EXISTS a b c d e", ":1")]);
    assert_eq!(server.changes(), 5 + 4);
}

#[test]
fn expiry_is_replicated_as_a_point_in_time() {
    let mut server = server_with(&["a"]);
    let at = |offset_ms: i64| (BEGINNING_MS + offset_ms).to_string();
    check_effects(
        &mut server,
        &[
            ("EXPIRE a 100", &["SELECT 0", &format!("PEXPIREAT a {}", at(100_000))]),
            ("PEXPIRE a 200 xx", &[&format!("PEXPIREAT a {} xx", at(200))]),
            ("EXPIREAT a 4102444800", &["PEXPIREAT a 4102444800000"]),
            ("PEXPIREAT a 4102444800001 GT", &["PEXPIREAT a 4102444800001 GT"]),
            ("PERSIST a", &["PERSIST a"]),
            ("PERSIST a", &[]),
        ],
    );
}

#[test]
fn keys_expire_when_their_time_has_passed() {
    let mut server = server_with(&["a", "b"]);
    check(&mut server, &[("PEXPIRE a 10", ":1"), ("PEXPIRE b 10", ":1")]);
    server.effects();
    server.advance_ms(10);
    check(&mut server, &[("PTTL a", ":0"), ("EXISTS a", ":1")]);
    server.advance_ms(1);
    check(&mut server, &[("DBSIZE", ":2"), ("KEYS *", "*0"), ("DBSIZE", ":2")]);
    assert_eq!(server.effects(), [""; 0], "nobody has removed anything yet");
    check(
        &mut server,
        &[("PTTL a", ":-2"), ("DBSIZE", ":1"), ("RANDOMKEY", "$-1"), ("DBSIZE", ":0")],
    );
    assert_eq!(server.effects(), ["SELECT 0", "DEL a", "DEL b"]);
    assert_eq!(server.numbers().expired_keys, 2);
}

#[test]
fn an_expired_key_is_not_there_for_writers() {
    let mut server = server_with(&["a", "b", "c", "d", "e", "f", "g"]);
    for key in ["a", "b", "c", "d", "e", "f"] {
        server.say(&format!("PEXPIRE {key} 10"));
    }
    server.advance_ms(11);
    check_effects(
        &mut server,
        &[
            ("DEL a", &["SELECT 0", "DEL a"]),
            ("EXPIRE b 100", &["DEL b"]),
            ("RENAME c x", &["DEL c"]),
            ("RENAMENX g d", &["MULTI", "DEL d", "RENAMENX g d", "EXEC"]),
            ("COPY d e", &["MULTI", "DEL e", "COPY d e", "EXEC"]),
            ("MOVE f 1", &["DEL f"]),
        ],
    );
    check(&mut server, &[("GET e", "$10 value-of-g"), ("DBSIZE", ":2")]);
    assert_eq!(server.numbers().expired_keys, 6);
}

#[test]
fn renaming_keeps_value_and_expiry() {
    let mut server = server_with(&["a", "b"]);
    check(
        &mut server,
        &[
            ("RENAME a a", "+OK"),
            ("RENAME x x", "-ERR no such key"),
            ("RENAME x y", "-ERR no such key"),
            ("RENAMENX a a", ":0"),
            ("RENAMENX x x", "-ERR no such key"),
            ("RENAMENX a b", ":0"),
        ],
    );
    assert_eq!(server.changes(), 2);
    check(
        &mut server,
        &[
            ("EXPIRE a 100", ":1"),
            ("EXPIRE b 50", ":1"),
            ("RENAME a b", "+OK"),
            ("TTL b", ":100"),
            ("GET b", "$10 value-of-a"),
            ("EXISTS a", ":0"),
            ("RENAMENX b c", ":1"),
            ("TTL c", ":100"),
            ("PERSIST c", ":1"),
            ("SET d 5", "+OK"),
            ("EXPIRE d 100", ":1"),
            ("RENAME c d", "+OK"),
            ("TTL d", ":-1"),
            ("DBSIZE", ":1"),
        ],
    );
    assert_eq!(server.changes(), 2 + 8, "a renamed key counts once");
}

#[test]
fn renaming_moves_values_of_any_size() {
    let mut server = Server::new();
    for length in [0, 1, 44, 300, 1024, 1025, 3_000_000] {
        let value = vec![b'v'; length];
        server.answer(&[&b"SET"[..], b"from", &value]);
        check(&mut server, &[("EXPIRE from 9", ":1"), ("RENAME from to", "+OK"), ("TTL to", ":9")]);
        let answer = server.answer(&["GET", "to"]);
        assert_eq!(Value::decode(&answer), Ok(Some((Value::Bulk(value), answer.len()))));
    }
}

#[test]
fn copying_reaches_other_databases() {
    let mut server = server_with(&["a", "b"]);
    let same = "-ERR source and destination objects are the same";
    let syntax = "-ERR syntax error";
    check(
        &mut server,
        &[
            ("EXPIRE a 100", ":1"),
            ("COPY a b", ":0"),
            ("COPY a b replace", ":1"),
            ("TTL b", ":100"),
            ("GET b", "$10 value-of-a"),
            ("COPY a a", same),
            ("COPY x x", same),
            ("COPY a a DB 0", same),
            ("COPY a a DB 1 DB 0", same),
            ("COPY a a DB 1", ":1"),
            ("COPY a a DB 1", ":0"),
            ("COPY a a DB 1 REPLACE REPLACE", ":1"),
            ("COPY x y", ":0"),
            ("COPY a c DB 16", "-ERR DB index is out of range"),
            ("COPY a c DB -1", "-ERR DB index is out of range"),
            ("COPY a c DB foo", "-ERR value is not an integer or out of range"),
            (
                "COPY a c DB 99999999999",
                "-ERR value is out of range, value must between -2147483648 and 2147483647",
            ),
            ("COPY a c DB", syntax),
            ("COPY a c foo", syntax),
            ("COPY a c DB 99 foo", "-ERR DB index is out of range"),
            ("DBSIZE", ":2"),
            ("SWAPDB 0 1", "+OK"),
            ("DBSIZE", ":1"),
            ("TTL a", ":100"),
            ("GET a", "$10 value-of-a"),
        ],
    );
    assert_eq!(server.changes(), 2 + 1 + 3 + 1);
}

#[test]
fn moving_needs_an_empty_place() {
    let mut server = server_with(&["a", "b"]);
    check(
        &mut server,
        &[
            ("EXPIRE a 100", ":1"),
            ("MOVE a 0", "-ERR source and destination objects are the same"),
            ("MOVE x 0", "-ERR source and destination objects are the same"),
            ("MOVE a 16", "-ERR DB index is out of range"),
            ("MOVE a -1", "-ERR DB index is out of range"),
            ("MOVE a foo", "-ERR value is not an integer or out of range"),
            ("MOVE x 1", ":0"),
            ("MOVE a 1", ":1"),
            ("EXISTS a", ":0"),
            ("SET a 2", "+OK"),
            ("MOVE a 1", ":0"),
            ("SWAPDB 1 0", "+OK"),
            ("TTL a", ":100"),
            ("GET a", "$10 value-of-a"),
        ],
    );
    assert_eq!(server.changes(), 2 + 4);
}

#[test]
fn moved_and_copied_keys_begin_unused() {
    let mut server = Server::new();
    server.configure(|config| {
        config.memory.policy = EvictionPolicy::AllKeysLfu;
        // Every use counts.
        config.memory.lfu_log_factor = 0;
    });
    check(
        &mut server,
        &[
            ("SET a foo", "+OK"),
            ("OBJECT FREQ a", ":5"),
            ("GET a", "$3 foo"),
            ("GET a", "$3 foo"),
            ("OBJECT FREQ a", ":7"),
            ("EXISTS a", ":1"),
            ("TTL a", ":-1"),
            ("TYPE a", "+string"),
            ("OBJECT FREQ a", ":7"),
            ("TOUCH a a", ":2"),
            ("OBJECT FREQ a", ":9"),
            ("EXPIRE a 100", ":1"),
            ("PERSIST a", ":1"),
            ("OBJECT FREQ a", ":11"),
            ("COPY a c", ":1"),
            ("OBJECT FREQ a", ":12"),
            ("OBJECT FREQ c", ":5"),
            ("RENAME a b", "+OK"),
            ("OBJECT FREQ b", ":5"),
            ("TOUCH b", ":1"),
            ("MOVE b 1", ":1"),
            ("SWAPDB 0 1", "+OK"),
            ("OBJECT FREQ b", ":5"),
        ],
    );
}

#[test]
fn use_is_noted_unless_the_client_asks_not_to() {
    let mut server = server_with(&["a"]);
    server.advance_ms(10_000);
    check(&mut server, &[("OBJECT IDLETIME a", ":10"), ("OBJECT IDLETIME a", ":10")]);
    server.clients[0].no_touch = true;
    check(&mut server, &[("GET a", "$10 value-of-a"), ("OBJECT IDLETIME a", ":10")]);
    check(&mut server, &[("TOUCH a", ":1"), ("OBJECT IDLETIME a", ":0")]);
    server.advance_ms(5_000);
    check(&mut server, &[("EXPIRE a 100", ":1"), ("OBJECT IDLETIME a", ":5")]);
    server.clients[0].no_touch = false;
    check(&mut server, &[("TTL a", ":100"), ("OBJECT IDLETIME a", ":5")]);
    check(&mut server, &[("GET a", "$10 value-of-a"), ("OBJECT IDLETIME a", ":0")]);
}

#[test]
fn objects_are_described() {
    let mut server = Server::new();
    let long = "0123456789012345678901234567890123456789abcde";
    check(
        &mut server,
        &[
            ("SET a 1", "+OK"),
            ("SET b foobar", "+OK"),
            ("SET d 10000", "+OK"),
            (&format!("SET c {long}"), "+OK"),
            ("OBJECT ENCODING a", "$3 int"),
            ("OBJECT ENCODING b", "$6 embstr"),
            ("OBJECT ENCODING c", "$3 raw"),
            ("OBJECT REFCOUNT a", ":2147483647"),
            ("OBJECT REFCOUNT b", ":1"),
            ("OBJECT REFCOUNT d", ":1"),
            ("OBJECT REFCOUNT x", "$-1"),
            ("OBJECT IDLETIME x", "$-1"),
            ("OBJECT FREQ x", "$-1"),
            (
                "OBJECT FREQ a",
                "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ),
            ("OBJECT FOO", "-ERR unknown subcommand 'FOO'. Try OBJECT HELP."),
            ("OBJECT", "-ERR wrong number of arguments for 'object' command"),
            ("OBJECT encoding", "-ERR wrong number of arguments for 'object|encoding' command"),
        ],
    );
    let help = server.say("object help");
    assert!(
        help.contains(" +OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are: "),
        "{help}"
    );
    assert!(help.contains(" +IDLETIME key "), "{help}");
    server.configure(|config| {
        config.memory.policy = EvictionPolicy::VolatileLfu;
        config.memory.limit_bytes = 1 << 30;
    });
    check(
        &mut server,
        &[
            ("OBJECT REFCOUNT a", ":1"),
            ("OBJECT IDLETIME x", "$-1"),
            (
                "OBJECT IDLETIME a",
                "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ),
        ],
    );
    server.speak(Protocol::Resp3);
    check(&mut server, &[("OBJECT ENCODING x", "_"), ("OBJECT IDLETIME x", "_")]);
}

#[test]
fn databases_are_exchanged() {
    let mut server = server_with(&["a", "b"]);
    let out_of_range = "-ERR DB index is out of range";
    server.effects();
    check(
        &mut server,
        &[
            ("SWAPDB foo 0", "-ERR invalid first DB index"),
            ("SWAPDB 99999999999 foo", "-ERR invalid first DB index"),
            ("SWAPDB 99 foo", "-ERR invalid second DB index"),
            ("SWAPDB 0 99999999999", "-ERR invalid second DB index"),
            ("SWAPDB 0 16", out_of_range),
            ("SWAPDB -1 0", out_of_range),
            ("SWAPDB 16 16", out_of_range),
            ("SWAPDB 0 0", "+OK"),
            ("DBSIZE", ":2"),
            ("SWAPDB 0 15", "+OK"),
            ("DBSIZE", ":0"),
        ],
    );
    assert_eq!(server.changes(), 2 + 2);
    assert_eq!(server.effects(), ["SELECT 0", "SWAPDB 0 0", "SWAPDB 0 15"]);
}

#[test]
fn databases_are_emptied() {
    let mut server = server_with(&["a", "b", "c"]);
    let syntax = "-ERR syntax error";
    check(
        &mut server,
        &[
            ("COPY a a DB 3", ":1"),
            ("FLUSHDB foo", syntax),
            ("FLUSHDB ASYNC SYNC", syntax),
            ("FLUSHALL foo bar", syntax),
            ("DBSIZE", ":3"),
        ],
    );
    check_effects(
        &mut server,
        &[
            ("FLUSHDB", &["SELECT 0", "FLUSHDB"]),
            ("FLUSHDB sync", &["FLUSHDB sync"]),
            ("FLUSHALL ASYNC", &["FLUSHALL ASYNC"]),
            ("FLUSHALL", &["FLUSHALL"]),
        ],
    );
    assert_eq!(server.changes(), 4 + 4);
    check(&mut server, &[("SWAPDB 0 3", "+OK"), ("DBSIZE", ":0")]);
}

#[test]
fn keys_are_listed_by_pattern() {
    let mut server = server_with(&["abc", "abd", "x"]);
    server.answer(&["SET", "", "empty"]);
    check(
        &mut server,
        &[
            ("KEYS ab[^d]", "*1 $3 abc"),
            ("KEYS x", "*1 $1 x"),
            ("KEYS y*", "*0"),
            ("KEYS \"\"", "*1 $0"),
            ("KEYS", "-ERR wrong number of arguments for 'keys' command"),
        ],
    );
    let count = |server: &mut Server, call: &str| {
        let answer = server.say(call);
        answer.split(' ').next().unwrap_or_default().to_owned()
    };
    assert_eq!(count(&mut server, "KEYS *"), "*4");
    assert_eq!(count(&mut server, "KEYS **"), "*3", "the empty key matches * alone");
}

#[test]
fn a_cursor_is_read_as_c_reads_it() {
    let mut server = server_with(&["abc"]);
    let all = "*2 $1 0 *1 $3 abc";
    let invalid = "-ERR invalid cursor";
    for (cursor, answer) in [
        ("0", all),
        (" 0", all),
        (" \t\u{b}0", all),
        ("00", all),
        ("+0", all),
        ("-0", all),
        ("0\0x", all),
        ("", invalid),
        ("foo", invalid),
        ("0x", invalid),
        ("0 ", invalid),
        ("-1", invalid),
        ("+", invalid),
        ("18446744073709551616", invalid),
    ] {
        let found = server.answer(&["SCAN", cursor]);
        let found = String::from_utf8_lossy(&found).trim_end().replace("\r\n", " ");
        assert_eq!(found, answer, "{cursor:?}");
    }
    // Any number is a cursor.
    assert!(server.say("SCAN 18446744073709551615").starts_with("*2 $1 0 *"));
    assert!(server.say("SCAN -01").starts_with("*2 $1 0 *"));
}

#[test]
fn scan_takes_options_in_any_order() {
    let mut server = server_with(&["abc", "abd"]);
    let syntax = "-ERR syntax error";
    let integer = "-ERR value is not an integer or out of range";
    check(
        &mut server,
        &[
            ("SCAN 0 COUNT 0", syntax),
            ("SCAN 0 COUNT -1", syntax),
            ("SCAN 0 COUNT foo", integer),
            ("SCAN 0 COUNT 9223372036854775808", integer),
            ("SCAN 0 COUNT", syntax),
            ("SCAN 0 MATCH", syntax),
            ("SCAN 0 FOO bar", syntax),
            ("SCAN foo COUNT 0", "-ERR invalid cursor"),
            ("SCAN 0 NOVALUES", "-ERR NOVALUES option can only be used in HSCAN"),
            ("SCAN 0 COUNT 9223372036854775807 MATCH *c", "*2 $1 0 *1 $3 abc"),
            ("SCAN 0 match x MATCH *d type STRING", "*2 $1 0 *1 $3 abd"),
            ("SCAN 0 TYPE list MATCH *d", "*2 $1 0 *0"),
            ("SCAN 0 TYPE nonsense", "*2 $1 0 *0"),
            ("SCAN", "-ERR wrong number of arguments for 'scan' command"),
        ],
    );
    let numbers = server.numbers();
    assert_eq!((numbers.keyspace_hits, numbers.keyspace_misses), (4, 0));
}

/// Runs SCAN from beginning to end, with something happening after each call; gives all keys that were shown.
fn scan_all(
    server: &mut Server,
    options: &str,
    mut meanwhile: impl FnMut(&mut Server),
) -> Vec<String> {
    let mut cursor = "0".to_owned();
    let mut shown = Vec::new();
    loop {
        let answer = server.say(&format!("SCAN {cursor} {options}"));
        let words: Vec<&str> = answer.split(' ').collect();
        cursor = words[2].to_owned();
        shown.extend(words[4..].chunks(2).map(|bulk| bulk[1].to_owned()));
        if cursor == "0" {
            return shown;
        }
        meanwhile(server);
    }
}

#[test]
fn scan_shows_every_key_once_if_nothing_happens() {
    let mut server = Server::new();
    for number in 0..3000 {
        server.say(&format!("SET key:{number} x"));
    }
    let shown = scan_all(&mut server, "COUNT 7", |_| {});
    assert_eq!(shown.len(), 3000);
    assert_eq!(shown.into_iter().collect::<BTreeSet<_>>().len(), 3000);
    let matching = scan_all(&mut server, "MATCH key:12* COUNT 500", |_| {});
    assert_eq!(matching.len(), 1 + 10 + 100);
}

#[test]
fn scan_shows_every_key_that_stays() {
    let mut random = Random::new(3);
    for round in 0..20 {
        let mut server = Server::new();
        for number in 0..200 {
            server.say(&format!("SET stays:{number} x"));
        }
        let mut others = 0;
        let growing = round % 2 == 0;
        for number in 0..if growing { 0 } else { 5000 } {
            server.say(&format!("SET other:{number} x"));
            others = number;
        }
        let shown = scan_all(&mut server, "COUNT 5", |server| {
            for _ in 0..random.below(60) {
                if growing {
                    others += 1;
                    server.say(&format!("SET other:{others} x"));
                } else {
                    server.say(&format!("DEL other:{}", random.below(others + 1)));
                }
            }
        });
        let stayed = shown.iter().filter(|key| key.starts_with("stays:"));
        assert_eq!(stayed.collect::<BTreeSet<_>>().len(), 200);
    }
}

#[test]
fn scan_removes_what_has_expired() {
    let mut server = server_with(&["a", "b", "c"]);
    check(&mut server, &[("PEXPIRE a 10", ":1"), ("PEXPIRE c 10", ":1")]);
    server.advance_ms(11);
    server.effects();
    check(&mut server, &[("SCAN 0 TYPE string MATCH [ab]", "*2 $1 0 *1 $1 b"), ("DBSIZE", ":2")]);
    let mut effects = server.effects();
    effects.sort();
    assert_eq!(effects, ["DEL a", "SELECT 0"]);
    let numbers = server.numbers();
    assert_eq!((numbers.keyspace_hits, numbers.keyspace_misses), (1, 1));
    assert_eq!(numbers.expired_keys, 1, "what the pattern does not admit is not looked at");
    check(&mut server, &[("SCAN 0", "*2 $1 0 *1 $1 b"), ("DBSIZE", ":1")]);
}

#[test]
fn any_key_may_be_the_random_one() {
    let mut server = server_with(&["a", "b", "c", "d"]);
    let mut seen = BTreeSet::new();
    for _ in 0..1000 {
        seen.insert(server.say("RANDOMKEY"));
        if seen.len() == 4 {
            return;
        }
    }
    panic!("{seen:?}");
}
