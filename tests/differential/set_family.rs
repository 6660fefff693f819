//! Commands on sets. What is random is drawn so that it is not: all members, or none.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of the group.
pub(super) struct Sets;

impl Generator for Sets {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            add, add, add, add, remove, look, look, several, several, several, transfer, configure,
        ];
        match random.below(12) {
            // Of two steps no word is lost, without which these would be random.
            0 => vec![pop(random), look(random)],
            1 => vec![scan(random), look(random)],
            _ => vec![random.pick(KINDS)(random)],
        }
    }
}

fn add(random: &mut Random) -> Step {
    let words = Words::new("SADD").word(key(random));
    // A few times so many that the set takes its large form.
    if random.one_in(6) {
        let (from, count) = (random.below(300), random.pick(&[10, 130, 200, 520]));
        let prefix = random.pick(&["", "", "m"]);
        return words
            .words((from..from + count).map(|number| format!("{prefix}{number}").into_bytes()))
            .call();
    }
    words.words((0..=random.below(5)).map(|_| member(random)).collect::<Vec<_>>()).call()
}

fn remove(random: &mut Random) -> Step {
    let words = Words::new("SREM").word(key(random));
    words.words((0..=random.below(3)).map(|_| member(random)).collect::<Vec<_>>()).call()
}

fn look(random: &mut Random) -> Step {
    match random.below(5) {
        0 => Words::new("SCARD").word(key(random)).call(),
        1 => Words::new("SMEMBERS").word(key(random)).call(),
        2 => Words::new("SISMEMBER").word(key(random)).word(member(random)).call(),
        3 => Words::new("OBJECT ENCODING").word(key(random)).call(),
        _ => {
            let words = Words::new("SMISMEMBER").word(key(random));
            words.words((0..=random.below(3)).map(|_| member(random)).collect::<Vec<_>>()).call()
        }
    }
}

fn several(random: &mut Random) -> Step {
    let keys = keys(random);
    if random.one_in(4) {
        let words = Words::new("SINTERCARD").word(keys.len().to_string()).words(keys);
        return match random.below(4) {
            0 => words.word("LIMIT").word(random.pick(&["0", "1", "2", "100", "-1", "x"])).call(),
            1 => words.word("LIMIT").word(pool::integer(random)).call(),
            _ => words.call(),
        };
    }
    let name = random.pick(&["SINTER", "SUNION", "SDIFF"]);
    if random.one_in(2) {
        return Words::new(name).words(keys).call();
    }
    Words::new(&format!("{name}STORE")).word(key(random)).words(keys).call()
}

fn transfer(random: &mut Random) -> Step {
    Words::new("SMOVE").word(key(random)).word(key(random)).word(member(random)).call()
}

fn pop(random: &mut Random) -> Step {
    // No set that is drawn has so many members.
    let count = random.pick(&["100000", "9223372036854775807", "0", "-1", "x"]);
    if random.one_in(3) {
        return Words::new("SPOP").word(key(random)).word(count).call();
    }
    let count = if count == "-1" { "-9223372036854775808" } else { count };
    Words::new("SRANDMEMBER").word(key(random)).word(count).maybe(random, 9, "x").call()
}

fn scan(random: &mut Random) -> Step {
    let words = Words::new("SSCAN").word(key(random)).word(random.pick(&["0", "0", "0", "x"]));
    let words = words.word("COUNT").word(random.pick(&["100000", "100000", "0", "x"]));
    words
        .maybe(random, 2, "MATCH m1*")
        .maybe(random, 9, "MATCH")
        .maybe(random, 9, "TYPE set")
        .call()
}

fn configure(random: &mut Random) -> Step {
    // At least as many integers as members: with fewer, the order in which a table is walked decides on the form of what is stored.
    let (name, value) = random.pick(&[
        ("set-max-intset-entries", "512"),
        ("set-max-intset-entries", "200"),
        ("set-max-listpack-entries", "128"),
        ("set-max-listpack-entries", "0"),
        ("set-max-listpack-entries", "5"),
        ("set-max-listpack-value", "64"),
        ("set-max-listpack-value", "2"),
    ]);
    Words::new("CONFIG SET").word(name).word(value).call()
}

/// Mostly one of three, so that they have members in common.
fn key(random: &mut Random) -> Vec<u8> {
    if random.one_in(6) { pool::key(random) } else { random.pick(&[b"a", b"b", b"c"]).to_vec() }
}

fn keys(random: &mut Random) -> Vec<Vec<u8>> {
    (0..=random.below(6)).map(|_| key(random)).collect()
}

fn member(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => pool::value(random),
        1 => pool::integer(random),
        2 => format!("m{}", random.below(20)).into_bytes(),
        _ => random.below(40).to_string().into_bytes(),
    }
}
