//! What the comparison with a real server does not see: effects, fairness, limits, big sorted sets.

use std::collections::BTreeMap;

use resp::Protocol;

use crate::testing::Server;

#[track_caller]
fn check(server: &mut Server, line: &str, answer: &str) {
    assert_eq!(server.say(line), answer, "{line}");
}

#[test]
fn pops_of_several_keys_are_told_as_pops_of_one() {
    let mut server = Server::new();
    server.effects();
    check(&mut server, "ZADD b 1 x 2 y 3 z", ":3");
    check(&mut server, "ZMPOP 2 a b MAX COUNT 2", "*2 $1 b *2 *2 $1 z $1 3 *2 $1 y $1 2");
    check(&mut server, "ZMPOP 2 a b MIN COUNT 5", "*2 $1 b *1 *2 $1 x $1 1");
    check(&mut server, "ZMPOP 2 a b MIN", "*-1");
    check(&mut server, "EXISTS b", ":0");
    let effects = server.effects();
    assert_eq!(effects, ["SELECT 0", "ZADD b 1 x 2 y 3 z", "ZPOPMAX b 2", "ZPOPMIN b 1"]);
}

#[test]
fn what_changes_nothing_is_not_told() {
    let mut server = Server::new();
    check(&mut server, "ZADD k 1 a 2 b", ":2");
    server.effects();
    for (line, answer) in [
        ("ZADD k 1 a", ":0"),
        ("ZADD k NX 5 a", ":0"),
        ("ZADD k XX 5 c", ":0"),
        ("ZADD k GT CH 0 a 2 b", ":0"),
        ("ZADD k XX INCR 1 c", "$-1"),
        ("ZADD nothing XX 5 c", ":0"),
        ("ZINCRBY k 0 a", "$1 1"),
        ("ZREM k c", ":0"),
        ("ZREMRANGEBYSCORE k 5 6", ":0"),
        ("ZREMRANGEBYRANK nothing 0 -1", ":0"),
        ("ZPOPMIN k 0", "*0"),
        ("ZPOPMAX nothing", "*0"),
        ("ZRANGESTORE nothing k 5 6", ":0"),
        ("ZINTERSTORE nothing 2 k nothing", ":0"),
    ] {
        check(&mut server, line, answer);
    }
    assert!(server.effects().is_empty());
    assert_eq!(server.changes(), 2);
}

#[test]
fn changes_are_counted_by_member() {
    let mut server = Server::new();
    check(&mut server, "ZADD k 1 a 2 b 3 c", ":3");
    check(&mut server, "ZADD k CH 2 a 2 b 4 d", ":2");
    assert_eq!(server.changes(), 5);
    check(&mut server, "ZREM k a b x", ":2");
    assert_eq!(server.changes(), 7);
    check(&mut server, "ZPOPMIN k 10", "*4 $1 c $1 3 $1 d $1 4");
    assert_eq!(server.changes(), 9);
}

#[test]
fn storing_nothing_removes_what_was_there() {
    let mut server = Server::new();
    check(&mut server, "SET d x", "+OK");
    check(&mut server, "ZADD k 1 a", ":1");
    server.effects();
    check(&mut server, "ZDIFFSTORE d 2 k k", ":0");
    check(&mut server, "EXISTS d", ":0");
    assert_eq!(server.effects(), ["SELECT 0", "ZDIFFSTORE d 2 k k"]);
    check(&mut server, "ZUNIONSTORE k 1 k WEIGHTS 2", ":1");
    check(&mut server, "ZSCORE k a", "$1 2");
}

#[test]
fn scores_in_both_protocols() {
    let mut server = Server::new();
    check(&mut server, "ZADD k 0.1 a -0 b inf c 1e20 d 3 e", ":5");
    let flat = "*10 $1 b $1 0 $1 a $3 0.1 $1 e $1 3 $1 d $5 1e+20 $1 c $3 inf";
    check(&mut server, "ZRANGE k 0 -1 WITHSCORES", flat);
    check(&mut server, "ZPOPMIN k", "*2 $1 b $1 0");
    server.speak(Protocol::Resp3);
    let nested = "*4 *2 $1 a ,0.1 *2 $1 e ,3 *2 $1 d ,1e+20 *2 $1 c ,inf";
    check(&mut server, "ZRANGE k 0 -1 WITHSCORES", nested);
    check(&mut server, "ZPOPMAX k", "*2 $1 c ,inf");
    check(&mut server, "ZPOPMAX k 1", "*1 *2 $1 d ,1e+20");
    check(&mut server, "ZRANK k e WITHSCORE", "*2 :1 ,3");
    check(&mut server, "ZRANK k z WITHSCORE", "_");
    check(&mut server, "ZMSCORE k a z", "*2 ,0.1 _");
}

#[test]
fn random_members_are_fair() {
    let mut server = Server::new();
    for name in ["small", "big"] {
        server.configure(|config| {
            config.data_structures.sorted_set_compact_entries = if name == "big" { 0 } else { 128 };
        });
        for member in 0..10 {
            check(&mut server, &format!("ZADD {name} {member} m{member}"), ":1");
        }
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for (count, times) in [("3", 2000), ("-3", 2000)] {
            for _ in 0..times {
                let answer = server.say(&format!("ZRANDMEMBER {name} {count}"));
                let members: Vec<&str> =
                    answer.split(' ').filter(|word| word.starts_with('m')).collect();
                assert_eq!(members.len(), 3, "{answer}");
                let different = members.iter().collect::<std::collections::BTreeSet<_>>();
                assert!(different.len() == 3 || count == "-3", "{answer}");
                for member in members {
                    *counts.entry(member.to_owned()).or_default() += 1;
                }
            }
        }
        // 1200 each; the deviation is about 33.
        assert_eq!(counts.len(), 10);
        assert!(counts.values().all(|count| (1000..1400).contains(count)), "{counts:?}");
    }
}

#[test]
fn as_many_random_members_as_memory_has_no_room_for_are_refused() {
    let mut server = Server::new();
    check(&mut server, "ZADD k 1 a", ":1");
    let refused = "-ERR value is out of range";
    check(&mut server, "ZRANDMEMBER k -9223372036854775807", refused);
    check(&mut server, "ZRANDMEMBER k -4611686018427387903 WITHSCORES", refused);
    check(&mut server, "ZRANDMEMBER k 9223372036854775807", "*1 $1 a");
    check(&mut server, "ZRANDMEMBER nothing -9223372036854775807", "*0");
}

#[test]
fn big_sorted_sets_are_visited_whole() {
    let mut server = Server::new();
    for number in 0..1000 {
        check(&mut server, &format!("ZADD k {number} m{number}"), ":1");
    }
    check(&mut server, "OBJECT ENCODING k", "$8 skiplist");
    let mut cursor = "0".to_owned();
    let mut seen = BTreeMap::new();
    loop {
        let answer = server.say(&format!("ZSCAN k {cursor} COUNT 50"));
        let words: Vec<&str> =
            answer.split(' ').filter(|word| !word.starts_with(['$', '*'])).collect();
        for pair in words[1..].chunks(2) {
            seen.insert(pair[0].to_owned(), pair[1].to_owned());
        }
        words[0].clone_into(&mut cursor);
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 1000);
    assert!(seen.iter().all(|(member, score)| *member == format!("m{score}")));
    check(&mut server, "ZREMRANGEBYRANK k 1 -2", ":998");
    check(&mut server, "ZRANGE k 0 -1", "*2 $2 m0 $4 m999");
}
