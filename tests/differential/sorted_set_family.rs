//! Commands on sorted sets that do not block.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of the group but for those that block, and ZRANDMEMBER where it is random.
pub(super) struct SortedSets;

impl Generator for SortedSets {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            add,
            add,
            add,
            add,
            increment,
            remove,
            remove_range,
            pop,
            look,
            look,
            range,
            range,
            range_of_old,
            store_range,
            combine,
            combine,
            scan,
        ];
        vec![random.pick(KINDS)(random)]
    }
}

fn add(random: &mut Random) -> Step {
    let mut words = Words::new("ZADD").word(key(random));
    for _ in 0..random.pick(&[0, 0, 0, 1, 2]) {
        words = words.word(random.pick(&["NX", "XX", "GT", "LT", "CH", "INCR"]));
    }
    // Now and then so many that the sorted set takes its big form.
    let count = if random.one_in(8) { 130 } else { 1 + random.below(4) };
    for number in 0..count {
        let member = if count == 130 { format!("n{number}").into_bytes() } else { member(random) };
        words = words.word(score(random)).word(member);
    }
    words.call()
}

fn increment(random: &mut Random) -> Step {
    Words::new("ZINCRBY").word(key(random)).word(score(random)).word(member(random)).call()
}

fn remove(random: &mut Random) -> Step {
    let members: Vec<_> = (0..=random.below(3)).map(|_| member(random)).collect();
    Words::new("ZREM").word(key(random)).words(members).call()
}

fn remove_range(random: &mut Random) -> Step {
    if random.one_in(2) {
        let words = Words::new("ZREMRANGEBYRANK").word(key(random));
        return words.word(rank(random)).word(rank(random)).call();
    }
    Words::new("ZREMRANGEBYSCORE").word(key(random)).word(bound(random)).word(bound(random)).call()
}

fn pop(random: &mut Random) -> Step {
    if random.one_in(3) {
        let keys = keys(random);
        let words = Words::new("ZMPOP").word(keys.len().to_string()).words(keys);
        let words = words.word(random.pick(&["MIN", "MAX"]));
        return words.maybe(random, 2, "COUNT 2").maybe(random, 5, "COUNT 100").call();
    }
    let words = Words::new(random.pick(&["ZPOPMIN", "ZPOPMAX"])).word(key(random));
    match random.below(4) {
        0 => words.word(random.pick(&["0", "1", "2", "100", "-1", "x"])).call(),
        1 => words.word(pool::integer(random)).call(),
        _ => words.call(),
    }
}

fn look(random: &mut Random) -> Step {
    let key = key(random);
    match random.below(6) {
        0 => Words::new("ZCARD").word(key).call(),
        1 => Words::new("ZSCORE").word(key).word(member(random)).call(),
        2 => Words::new("ZMSCORE").word(key).word(member(random)).word(member(random)).call(),
        3 => Words::new("ZCOUNT").word(key).word(bound(random)).word(bound(random)).call(),
        4 => Words::new("ZRANDMEMBER").word(key).word("1000").maybe(random, 2, "WITHSCORES").call(),
        _ => {
            let words = Words::new(random.pick(&["ZRANK", "ZREVRANK"])).word(key);
            words.word(member(random)).maybe(random, 2, "WITHSCORE").call()
        }
    }
}

fn range(random: &mut Random) -> Step {
    options(Words::new("ZRANGE").word(key(random)), random).maybe(random, 2, "WITHSCORES").call()
}

fn store_range(random: &mut Random) -> Step {
    options(Words::new("ZRANGESTORE").word(key(random)).word(key(random)), random).call()
}

/// Bounds, and the options that go with them. Ranges by member are left to the grammar, whose sorted sets are small: elsewhere they
/// are certain only where all scores are equal.
fn options(words: Words, random: &mut Random) -> Words {
    if random.one_in(2) {
        return words.word(rank(random)).word(rank(random)).maybe(random, 3, "REV");
    }
    let words = words.word(bound(random)).word(bound(random)).word("BYSCORE");
    limit(words.maybe(random, 3, "REV"), random)
}

fn range_of_old(random: &mut Random) -> Step {
    if random.one_in(3) {
        let words = Words::new("ZREVRANGE").word(key(random)).word(rank(random)).word(rank(random));
        return words.maybe(random, 2, "WITHSCORES").call();
    }
    let words = Words::new(random.pick(&["ZRANGEBYSCORE", "ZREVRANGEBYSCORE"])).word(key(random));
    let words = words.word(bound(random)).word(bound(random)).maybe(random, 2, "WITHSCORES");
    limit(words, random).call()
}

fn limit(words: Words, random: &mut Random) -> Words {
    if random.one_in(2) {
        return words;
    }
    let offset = random.pick(&["0", "1", "3", "-1", "-2", "9223372036854775807"]);
    let count = random.pick(&["0", "1", "2", "-1", "-5", "9223372036854775807", "x"]);
    words.word("LIMIT").word(offset).word(count)
}

fn combine(random: &mut Random) -> Step {
    const COMMANDS: &[&str] =
        &["ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD"];
    let command = random.pick(COMMANDS);
    let mut words = Words::new(command);
    if command.ends_with("STORE") {
        words = words.word(key(random));
    }
    let keys = keys(random);
    let count = keys.len();
    words = words.word(count.to_string()).words(keys);
    if command == "ZINTERCARD" {
        return words.maybe(random, 2, "LIMIT 2").call();
    }
    if random.one_in(3) {
        let weights: Vec<_> = (0..count).map(|_| score(random)).collect();
        words = words.word("WEIGHTS").words(weights);
    }
    if random.one_in(3) {
        words = words.word("AGGREGATE").word(random.pick(&["SUM", "MIN", "MAX"]));
    }
    words.maybe(random, 3, "WITHSCORES").call()
}

fn scan(random: &mut Random) -> Step {
    let words = Words::new("ZSCAN").word(key(random)).word("0");
    words.maybe(random, 3, "MATCH *1*").word("COUNT").word("1000").call()
}

fn key(random: &mut Random) -> Vec<u8> {
    // Seldom one that may hold another type.
    if random.one_in(20) { pool::key(random) } else { random.pick(&["z1", "z2", "z3"]).into() }
}

fn keys(random: &mut Random) -> Vec<Vec<u8>> {
    (0..=random.below(3)).map(|_| key(random)).collect()
}

fn member(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => pool::value(random),
        1 => pool::integer(random),
        _ => format!("m{}", random.below(10)).into_bytes(),
    }
}

fn score(random: &mut Random) -> Vec<u8> {
    if random.one_in(4) {
        pool::float(random)
    } else {
        random.pick(&["0", "1", "1", "2", "-1", "1.5", "0.1", "inf", "-inf", "1e20"]).into()
    }
}

fn bound(random: &mut Random) -> Vec<u8> {
    let exclusive: &[u8] = if random.one_in(3) { b"(" } else { b"" };
    [exclusive, &score(random)].concat()
}

fn rank(random: &mut Random) -> Vec<u8> {
    if random.one_in(6) {
        pool::integer(random)
    } else {
        random.pick(&["0", "1", "2", "5", "-1", "-2", "-6", "100"]).into()
    }
}
