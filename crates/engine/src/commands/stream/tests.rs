//! The commands of streams in process: what is told to replicas, who waits, and what newer versions of Redis have.

use resp::Protocol;

use crate::testing::{BEGINNING_MS, Server};

fn check(server: &mut Server, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(server.say(line), *expected, "{line}");
    }
}

/// Calls, and what each of them has as effects.
fn check_effects(server: &mut Server, cases: &[(&str, &[&str])]) {
    server.effects();
    for (line, expected) in cases {
        let answer = server.say(line);
        assert!(!answer.starts_with('-'), "{line}: {answer}");
        assert_eq!(server.effects(), *expected, "{line}");
    }
}

#[test]
fn ids_are_made_of_the_time() {
    let mut server = Server::new();
    check(
        &mut server,
        &[
            ("XADD k * f v", "$15 1700000000000-0"),
            ("XADD k * f v", "$15 1700000000000-1"),
            ("XADD k 1700000000000-* f v", "$15 1700000000000-2"),
        ],
    );
    server.now_ms = BEGINNING_MS - 5;
    check(&mut server, &[("XADD k * f v", "$15 1700000000000-3")]);
    server.now_ms = BEGINNING_MS + 1;
    check(
        &mut server,
        &[
            ("XADD k * f v", "$15 1700000000001-0"),
            (
                "XADD k 18446744073709551615-18446744073709551615 f v",
                "$41 18446744073709551615-18446744073709551615",
            ),
            (
                "XADD k * f v",
                "-ERR The stream has exhausted the last possible ID, unable to add more items",
            ),
        ],
    );
}

#[test]
fn additions_and_trims_are_told_exactly() {
    let mut server = Server::new();
    server.configure(|config| config.data_structures.stream_node_entries = 2);
    check_effects(
        &mut server,
        &[
            ("XADD k MAXLEN ~ 2 LIMIT 10 1-1 f v", &["SELECT 0", "XADD k MAXLEN = 1 1-1 f v"]),
            ("XADD k 2-* f v", &["XADD k 2-0 f v"]),
            ("XADD k * LIMIT 1", &["XADD k 1700000000000-0 LIMIT 1"]),
            ("XADD k MAXLEN 10 1700000000001-1 f v", &["XADD k MAXLEN 10 1700000000001-1 f v"]),
            (
                "XADD k nomkstream minid ~ 5 limit 9 * minid ~",
                &["XADD k nomkstream minid = 1700000000000-0 1700000000001-2 minid ~"],
            ),
            ("XTRIM k MAXLEN ~ 1 LIMIT 1", &[]),
            ("XTRIM k MAXLEN ~ 1 LIMIT 9", &["XTRIM k MAXLEN = 1"]),
            (
                "XTRIM k MINID ~ 1800000000000",
                &["XTRIM k MINID = 18446744073709551615-18446744073709551615"],
            ),
            ("XTRIM k MAXLEN 0", &[]),
        ],
    );
}

#[test]
fn deliveries_and_claims_are_told_one_by_one() {
    let mut server = Server::new();
    for line in [
        "XADD k 1-1 f v",
        "XADD k 2-1 f v",
        "XADD k 3-1 f v",
        "XADD k 4-1 f v",
        "XGROUP CREATE k g 0",
    ] {
        server.say(line);
    }
    let now = "1700000000000";
    let claim = |consumer: &str, id: &str, count: u32, last: &str| {
        format!(
            "XCLAIM k g {consumer} 0 {id} TIME {now} RETRYCOUNT {count} FORCE JUSTID LASTID {last}"
        )
    };
    check_effects(
        &mut server,
        &[
            (
                "XREADGROUP GROUP g ann COUNT 2 STREAMS k >",
                &[
                    "MULTI",
                    "SELECT 0",
                    &claim("ann", "1-1", 1, "1-1"),
                    &claim("ann", "2-1", 1, "2-1"),
                    "XGROUP SETID k g 2-1 ENTRIESREAD 2",
                    "EXEC",
                ],
            ),
            ("XREADGROUP GROUP g ann STREAMS k 0", &[]),
            (
                "XREADGROUP GROUP g bob COUNT 1 NOACK STREAMS k >",
                &[
                    "MULTI",
                    "XGROUP CREATECONSUMER k g bob",
                    "XGROUP SETID k g 3-1 ENTRIESREAD 3",
                    "EXEC",
                ],
            ),
            ("XREADGROUP GROUP g eve STREAMS k 0", &["XGROUP CREATECONSUMER k g eve"]),
            ("XCLAIM k g bob 0 1-1", &[&claim("bob", "1-1", 3, "3-1")]),
            ("XCLAIM k g bob 0 3-1 JUSTID", &[]),
            ("XCLAIM k g bob 0 3-1 FORCE LASTID 4-0", &[&claim("bob", "3-1", 2, "4-0")]),
            ("XCLAIM k g bob 0 9-1 LASTID 5-0", &["XGROUP SETID k g 5-0 ENTRIESREAD 3"]),
            ("XDEL k 1-1", &["XDEL k 1-1"]),
            (
                "XAUTOCLAIM k g dan 0 - JUSTID",
                &[
                    "MULTI",
                    &claim("bob", "1-1", 3, "5-0"),
                    &claim("dan", "2-1", 2, "5-0"),
                    &claim("dan", "3-1", 2, "5-0"),
                    "EXEC",
                ],
            ),
            ("XACK k g 2-1 2-1", &["XACK k g 2-1 2-1"]),
            ("XACK k g 2-1", &[]),
        ],
    );
}

#[test]
fn readers_wait_for_entries() {
    let mut server = Server::new();
    let [reader, other] = [server.connect(), server.connect()];
    server.clients[other].protocol = Protocol::Resp3;
    server.say("XADD k 1-1 f v");
    assert_eq!(server.say_to(reader, "XREAD BLOCK 0 STREAMS k j $ 5"), "");
    assert_eq!(server.say_to(other, "XREAD BLOCK 0 COUNT 1 STREAMS k $"), "");
    server.say("XADD j 5-0 f v");
    server.say("XTRIM k MAXLEN 0");
    server.say("DEL k");
    assert_eq!(server.received(reader), "", "neither is behind what it has read");
    server.say("XADD k 1-1 f old");
    assert_eq!(server.received(reader), "", "nor is an ID that was there when it came");
    server.say("XADD k 2-0 f new");
    let entry = "*2 $3 2-0 *2 $1 f $3 new";
    assert_eq!(server.received(reader), format!("*1 *2 $1 k *1 {entry}"));
    assert_eq!(server.received(other), format!("%1 $1 k *1 {entry}"));

    assert_eq!(server.say_to(reader, "XREAD BLOCK 5 STREAMS k $"), "");
    assert_eq!(server.time_out(reader), "*-1");
    server.say("MULTI");
    server.say("XREAD BLOCK 0 STREAMS k $");
    assert_eq!(server.say("EXEC"), "*1 *-1");
}

#[test]
fn members_of_a_group_wait_in_turn() {
    let mut server = Server::new();
    let [ann, bob] = [server.connect(), server.connect()];
    server.say("XGROUP CREATE k g $ MKSTREAM");
    assert_eq!(server.say_to(ann, "XREADGROUP GROUP g ann BLOCK 0 STREAMS k >"), "");
    assert_eq!(server.say_to(bob, "XREADGROUP GROUP g bob BLOCK 0 COUNT 1 STREAMS k >"), "");
    server.say("XADD k 1-1 f v");
    assert_eq!(server.received(ann), "*1 *2 $1 k *1 *2 $3 1-1 *2 $1 f $1 v");
    assert_eq!(server.received(bob), "", "the entry is ann's");
    server.say("XADD k 2-1 f v");
    assert_eq!(server.received(bob), "*1 *2 $1 k *1 *2 $3 2-1 *2 $1 f $1 v");
    assert_eq!(server.say("XPENDING k g"), "*4 :2 $3 1-1 $3 2-1 *2 *2 $3 ann $1 1 *2 $3 bob $1 1");
    assert_eq!(
        server.say_to(ann, "XREADGROUP GROUP g ann BLOCK 0 STREAMS k 0").split(' ').next(),
        Some("*1")
    );
}

#[test]
fn members_of_a_group_that_is_gone_wait_no_more() {
    for (end, expected) in [
        (
            "XGROUP DESTROY k g",
            "-NOGROUP No such key 'k' or consumer group 'g' in XREADGROUP with GROUP option",
        ),
        ("DEL k", "-NOGROUP No such key 'k' or consumer group 'g' in XREADGROUP with GROUP option"),
        ("SET k x", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ] {
        let mut server = Server::new();
        let reader = server.connect();
        server.say("XGROUP CREATE k g $ MKSTREAM");
        assert_eq!(server.say_to(reader, "XREADGROUP GROUP g ann BLOCK 0 STREAMS k >"), "");
        server.say("XGROUP CREATECONSUMER k g bob");
        server.say("XGROUP SETID k g 0");
        assert_eq!(server.received(reader), "");
        server.say(end);
        assert_eq!(server.received(reader), expected, "{end}");
    }
}

/// XDELEX and XACKDEL, which no real server here has.
#[test]
fn entries_go_with_their_references_or_without() {
    let mut server = Server::new();
    for id in 1..=6 {
        server.say(&format!("XADD k {id}-0 f v"));
    }
    for line in
        ["XGROUP CREATE k g 0", "XGROUP CREATE k h 0", "XREADGROUP GROUP g ann COUNT 5 STREAMS k >"]
    {
        server.say(line);
    }
    check(
        &mut server,
        &[
            ("XDELEX k ACKED IDS 2 1-0 9-0", "*2 :2 :-1"),
            ("XDELEX k KEEPREF IDS 1 1-0", "*1 :1"),
            ("XPENDING k g - + 1", "*1 *4 $3 1-0 $3 ann :0 :1"),
            ("XDELEX k DELREF IDS 1 2-0", "*1 :1"),
            ("XPENDING k g", "*4 :4 $3 1-0 $3 5-0 *1 *2 $3 ann $1 4"),
            ("XACKDEL k g IDS 1 3-0", "*1 :1"),
            ("XACKDEL k g ACKED IDS 3 4-0 4-0 6-0", "*3 :2 :-1 :-1"),
            (
                "XREADGROUP GROUP h bob COUNT 2 NOACK STREAMS k >",
                "*1 *2 $1 k *2 *2 $3 4-0 *2 $1 f $1 v *2 $3 5-0 *2 $1 f $1 v",
            ),
            ("XDELEX k ACKED IDS 2 4-0 5-0", "*2 :1 :2"),
            ("XACKDEL k g ACKED IDS 2 5-0 1-0", "*2 :1 :1"),
            ("XLEN k", ":1"),
            ("XPENDING k g", "*4 :0 $-1 $-1 *-1"),
            ("XDELEX none IDS 2 1 2", "*2 :-1 :-1"),
            ("XACKDEL k none IDS 1 6-0", "*1 :-1"),
            ("XDELEX k IDS 0 1", "-ERR Number of IDs must be a positive integer"),
            ("XDELEX k IDS 2 1", "-ERR The `numids` parameter must match the number of arguments"),
            ("XDELEX k DELREF KEEPREF 1", "-ERR syntax error"),
            ("XDELEX k IDS 1 x", "-ERR Invalid stream ID specified as stream command argument"),
        ],
    );
}

#[test]
fn groups_change_behind_the_back_of_those_who_watch() {
    let mut server = Server::new();
    server.say("XADD k 1-1 f v");
    let watcher = server.connect();
    for (line, is_seen) in [
        ("XGROUP CREATE k g 0", false),
        ("XREADGROUP GROUP g ann STREAMS k >", false),
        ("XACK k g 1-1", false),
        ("XSETID k 5-1", false),
        ("XGROUP CREATE none g $ MKSTREAM", false),
        ("XADD k 6-1 f v", true),
        ("XDEL k 6-1", true),
        ("XTRIM k MAXLEN 0", true),
    ] {
        server.say_to(watcher, "WATCH k");
        server.say(line);
        server.say_to(watcher, "MULTI");
        let expected = if is_seen { "*-1" } else { "*0" };
        assert_eq!(server.say_to(watcher, "EXEC"), expected, "{line}");
    }
}
