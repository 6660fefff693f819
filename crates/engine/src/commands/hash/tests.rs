//! What the commands do beside answering: effects, events, removal of what has expired. Answers are compared with a real
//! server's (`differential`); those of commands that are newer than it are here.

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
fn effects_mean_the_same_at_any_time() {
    let mut server = server();
    let at = |ms: i64| (crate::testing::BEGINNING_MS + ms).to_string();
    let (ten, hundred) = (at(10_000), at(100_000));
    check(
        &mut server,
        &[
            ("HSET h a 1 b 2 c 3", ":3", &["SELECT 0", "HSET h a 1 b 2 c 3"]),
            ("HINCRBY h a 5", ":6", &["HINCRBY h a 5"]),
            ("HINCRBYFLOAT h a 1.5", "$3 7.5", &["HSET h a 7.5"]),
            (
                "HEXPIRE h 100 FIELDS 2 a x",
                "*2 :1 :-2",
                &[&format!("HPEXPIREAT h {hundred} FIELDS 1 a")],
            ),
            (
                "HPEXPIRE h 10000 LT FIELDS 2 a b",
                "*2 :1 :1",
                &[&format!("HPEXPIREAT h {ten} LT FIELDS 2 a b")],
            ),
            ("HPEXPIRE h 10000 GT FIELDS 2 a b", "*2 :0 :0", &[]),
            (
                "HINCRBYFLOAT h a 1",
                "$3 8.5",
                &["MULTI", "HSET h a 8.5", &format!("HPEXPIREAT h {ten} FIELDS 1 a"), "EXEC"],
            ),
            ("HPERSIST h FIELDS 2 a c", "*2 :1 :-1", &["HPERSIST h FIELDS 2 a c"]),
            ("HEXPIREAT h 1 FIELDS 3 a c x", "*3 :2 :2 :-2", &["HDEL h a c"]),
            ("HDEL h a x", ":0", &[]),
            ("HDEL h b", ":1", &["HDEL h b"]),
            ("EXISTS h", ":0", &[]),
        ],
    );
}

#[test]
fn commands_remove_what_they_find_expired() {
    let mut server = server();
    server.say("HSET h a 1 b 2 c 3 d 4 e 5");
    server.say("HPEXPIRE h 10 FIELDS 4 a b c d");
    server.effects();
    server.advance_ms(10);
    assert_eq!(server.say("HGET h a"), "$1 1", "it is there to the end of its time");
    server.advance_ms(1);
    check(
        &mut server,
        &[
            ("HLEN h", ":5", &[]),
            ("HGETALL h", "*2 $1 e $1 5", &[]),
            ("HSCAN h 0", "*2 $1 0 *2 $1 e $1 5", &[]),
            ("HRANDFIELD h 5", "*1 $1 e", &[]),
            ("HEXISTS h a", ":0", &["HDEL h a"]),
            ("HLEN h", ":4", &[]),
            ("HSETNX h b new", ":1", &["MULTI", "HDEL h b", "HSETNX h b new", "EXEC"]),
            ("HMGET h c e d", "*3 $-1 $1 5 $-1", &["HDEL h c d"]),
            ("HLEN h", ":2", &[]),
        ],
    );
    assert_eq!(server.numbers().expired_fields, 4);
    assert_eq!(server.numbers().expired_keys, 0);
}

#[test]
fn the_key_goes_with_its_last_field() {
    let mut server = server();
    server.say("HSET h a 1");
    server.say("HPEXPIRE h 10 FIELDS 1 a");
    server.advance_ms(11);
    server.effects();
    check(
        &mut server,
        &[("EXISTS h", ":1", &[]), ("HGET h a", "$-1", &["HDEL h a"]), ("EXISTS h", ":0", &[])],
    );
}

#[test]
fn fields_that_nobody_asks_for_are_searched_for() {
    const FIELDS: usize = 300;
    let mut server = server();
    server.say("SELECT 3");
    for hash in ["one", "two", "three"] {
        for field in 0..FIELDS {
            server.say(&format!("HSET {hash} {field} value"));
            server.say(&format!("HPEXPIRE {hash} 10 FIELDS 1 {field}"));
        }
    }
    server.say("HSET three stays 1");
    assert_eq!(server.say("INFO keyspace").lines().filter(|line| line.contains("db3")).count(), 1);
    assert!(server.say("INFO keyspace").contains("subexpiry=3"));
    server.effects();
    server.expire_actively(u64::MAX / 100);
    assert_eq!(server.effects(), [""; 0], "none has expired yet");
    server.advance_ms(11);
    for _ in 0..100 {
        server.expire_actively(u64::MAX / 100);
    }
    assert_eq!(server.say("KEYS *"), "*1 $5 three");
    assert_eq!(server.say("HLEN three"), ":1");
    let removed: usize = server
        .effects()
        .iter()
        .filter_map(|effect| effect.strip_prefix("HDEL "))
        .map(|effect| effect.split(' ').count() - 1)
        .sum();
    assert_eq!(removed, 3 * FIELDS);
    assert_eq!(server.numbers().expired_fields, 3 * FIELDS as u64);
    assert!(server.say("INFO keyspace").contains("subexpiry=0"));
    assert!(server.say("INFO stats").contains("expired_subkeys:900"));
}

#[test]
fn a_search_ends_with_its_time() {
    let mut server = server();
    for field in 0..2000 {
        server.say(&format!("HSET h {field} value"));
        server.say(&format!("HPEXPIRE h 10 FIELDS 1 {field}"));
    }
    server.advance_ms(11);
    server.expire_actively(10_000);
    let left = server.say("HLEN h");
    assert_ne!(left, ":0", "a look at the clock takes a microsecond here");
    assert_ne!(left, ":2000");
}

#[test]
fn copies_and_moves_keep_the_times_of_fields() {
    let mut server = server();
    server.say("HSET h a 1 b 2");
    server.say("HPEXPIRE h 10 FIELDS 1 a");
    server.say("COPY h copy");
    server.say("COPY h h DB 1");
    server.say("RENAME h renamed");
    server.say("HSET moved a 1 b 2");
    server.say("HPEXPIRE moved 10 FIELDS 1 a");
    server.say("MOVE moved 1");
    server.advance_ms(11);
    for _ in 0..100 {
        server.expire_actively(u64::MAX / 100);
    }
    assert_eq!(server.say("HLEN copy"), ":1");
    assert_eq!(server.say("HLEN renamed"), ":1");
    server.say("SELECT 1");
    assert_eq!(server.say("HLEN h"), ":1");
    assert_eq!(server.say("HLEN moved"), ":1");
}

#[test]
fn hgetex() {
    let mut server = server();
    let ten = (crate::testing::BEGINNING_MS + 10_000).to_string();
    server.say("HSET h a 1 b 2 c 3");
    server.say("SET string value");
    server.effects();
    let told = format!("HPEXPIREAT h {ten} FIELDS 1 a");
    check(
        &mut server,
        &[
            ("HGETEX h FIELDS 2 a x", "*2 $1 1 $-1", &[]),
            ("HGETEX h EX 10 FIELDS 2 a x", "*2 $1 1 $-1", &[&told]),
            ("HTTL h FIELDS 2 a b", "*2 :10 :-1", &[]),
            ("HGETEX h PERSIST FIELDS 2 a b", "*2 $1 1 $1 2", &["HPERSIST h FIELDS 1 a"]),
            ("HGETEX h PXAT 1 FIELDS 2 a b", "*2 $1 1 $1 2", &["HDEL h a b"]),
            ("HGETALL h", "*2 $1 c $1 3", &[]),
            ("HGETEX h EXAT 0 FIELDS 1 c", "*1 $1 3", &["HDEL h c"]),
            ("EXISTS h", ":0", &[]),
            ("HGETEX h FIELDS 2 a b", "*2 $-1 $-1", &[]),
        ],
    );
    for (line, error) in [
        ("HGETEX h FIELDS 0 a", "ERR Number of fields must be a positive integer"),
        ("HGETEX h FIELDS 2 a", "ERR The `numfields` parameter must match the number of arguments"),
        (
            "HGETEX h XX 1 FIELDS 1 a",
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ),
        (
            "HGETEX h PERSIST 1 FIELDS 1 a",
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ),
        ("HGETEX h EX x FIELDS 1 a", "ERR value is not an integer or out of range"),
        ("HGETEX h EX -1 FIELDS 1 a", "ERR invalid expire time, must be >= 0"),
        (
            "HGETEX h EX 9223372036854775807 FIELDS 1 a",
            "ERR invalid expire time in 'hgetex' command",
        ),
        (
            "HGETEX string FIELDS 1 a",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
    ] {
        assert_eq!(server.say(line), format!("-{error}"), "{line}");
    }
}

#[test]
fn hgetdel() {
    let mut server = server();
    server.say("HSET h a 1 b 2 c 3");
    server.effects();
    check(
        &mut server,
        &[
            ("HGETDEL h FIELDS 3 a x a", "*3 $1 1 $-1 $-1", &["HDEL h a"]),
            ("HGETDEL h FIELDS 1 x", "*1 $-1", &[]),
            ("HGETDEL h FIELDS 2 b c", "*2 $1 2 $1 3", &["HDEL h b c"]),
            ("EXISTS h", ":0", &[]),
            ("HGETDEL h FIELDS 2 b c", "*2 $-1 $-1", &[]),
            (
                "HGETDEL h FIELD 1 a",
                "-ERR Mandatory argument FIELDS is missing or not at the right position",
                &[],
            ),
        ],
    );
}

#[test]
fn hsetex() {
    let mut server = server();
    let ten = (crate::testing::BEGINNING_MS + 10_000).to_string();
    server.say("SET string value");
    server.effects();
    let told = format!("HPEXPIREAT h {ten} FIELDS 2 a b");
    let kept = format!("HPEXPIREAT h {ten} FIELDS 1 a");
    check(
        &mut server,
        &[
            ("HSETEX h FXX FIELDS 1 a 1", ":0", &[]),
            ("EXISTS h", ":0", &[]),
            (
                "HSETEX h FNX EX 10 FIELDS 2 a 1 b 2",
                ":1",
                &["MULTI", "HSET h a 1 b 2", &told, "EXEC"],
            ),
            ("HSETEX h FNX FIELDS 2 x 1 b 2", ":0", &[]),
            ("HSETEX h FXX FIELDS 2 x 1 b 2", ":0", &[]),
            (
                "HSETEX h KEEPTTL FIELDS 2 a 3 c 3",
                ":1",
                &["MULTI", "HSET h a 3 c 3", &kept, "EXEC"],
            ),
            ("HSETEX h FIELDS 1 b 4", ":1", &["HSET h b 4"]),
            ("HPTTL h FIELDS 3 a b c", "*3 :10000 :-1 :-1", &[]),
            ("HSETEX h FIELDS 1 a 5 FXX", ":1", &["HSET h a 5"]),
            ("HSETEX h PXAT 1 FIELDS 2 a 5 d 5", ":1", &["HDEL h a d"]),
            ("HGETALL h", "*4 $1 c $1 3 $1 b $1 4", &[]),
        ],
    );
    for (line, error) in [
        ("HSETEX h FIELDS 2 a b c", "ERR wrong number of arguments for 'hsetex' command"),
        ("HSETEX h FIELDS 0 a b", "ERR invalid number of fields"),
        ("HSETEX h NX FIELDS 1 a b", "ERR unknown argument: NX"),
        ("HSETEX h FNX FXX FIELDS 1 a b", "ERR Only one of FXX or FNX arguments can be specified"),
        (
            "HSETEX h EX 1 KEEPTTL FIELDS 1 a b",
            "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified",
        ),
        ("HSETEX h EX x FIELDS 1 a b", "ERR value is not an integer or out of range"),
        ("HSETEX h EX -1 FIELDS 1 a b", "ERR invalid expire time, must be >= 0"),
        (
            "HSETEX string FIELDS 1 a b",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
    ] {
        assert_eq!(server.say(line), format!("-{error}"), "{line}");
    }
}
