//! SORT and `SORT_RO`, with what they sort and what their patterns name.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// The commands, and others that leave something to sort.
pub(super) struct Sorts;

impl Generator for Sorts {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[gather, gather, weigh, sort, sort, sort];
        vec![random.pick(KINDS)(random)]
    }
}

/// Mostly a number: one other element, and nothing can be sorted as numbers.
fn element(random: &mut Random) -> Vec<u8> {
    if random.one_in(6) {
        return random
            .pick(&["a", "b", "aa", "B", "", "2.5", "-3", "1e2", "inf", " 7", "0x1F"])
            .into();
    }
    random.below(15).to_string().into_bytes()
}

/// Sets are of small integers only: then both servers keep them in order.
fn gather(random: &mut Random) -> Step {
    let number = random.below(15).to_string();
    match random.below(4) {
        0 => Words::new("SADD sort:s").word(number).call(),
        1 => Words::new("ZADD sort:z").word(number).word(element(random)).call(),
        2 if random.one_in(4) => Words::new("DEL").word(key(random)).call(),
        _ => Words::new("RPUSH sort:l").word(element(random)).word(number).call(),
    }
}

fn weigh(random: &mut Random) -> Step {
    let (element, value) = (element(random), element(random));
    let name = |prefix: &str| [prefix.as_bytes(), element.as_slice()].concat();
    match random.below(2) {
        0 => Words::new("SET").word(name("w_")).word(value).call(),
        _ => Words::new("HSET").word(name("h_")).word("f").word(value).call(),
    }
}

fn key(random: &mut Random) -> Vec<u8> {
    const KEYS: &[&[u8]] = &[b"sort:l", b"sort:l", b"sort:s", b"sort:z", b"sort:d"];
    if random.one_in(15) { pool::key(random) } else { random.pick(KEYS).to_vec() }
}

fn sort(random: &mut Random) -> Step {
    const PATTERNS: &[&str] =
        &["w_*", "h_*->f", "none_*", "#", "nosort", "*", "h_*->", "h_*->g", "w_*->f", "->*"];
    let mut words = Words::new(random.pick(&["SORT", "SORT", "SORT_RO"])).word(key(random));
    // Which of several elements with the same text come first, a partial sort does not say, nor does a sorted set.
    if random.one_in(2) {
        words = words.word("BY").word(random.pick(PATTERNS));
    } else {
        words = words.maybe(random, 2, "ALPHA");
    }
    while random.one_in(3) {
        words = words.word("GET").word(random.pick(PATTERNS));
    }
    if random.one_in(3) {
        words = words.word("LIMIT").word(pool::offset(random)).word(pool::offset(random));
    }
    let order = random.pick(&["ASC", "DESC"]);
    words = words.maybe(random, 2, order);
    if random.one_in(4) {
        words = words.word("STORE").word(random.pick(&["sort:d", "sort:l"]));
    }
    words.call()
}
