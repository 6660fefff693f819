//! Commands on lists that do not block.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of the group but for those that block.
pub(super) struct Lists;

impl Generator for Lists {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            push, push, push, pop, pop, read, read, position, change, change, transfer, configure,
        ];
        vec![random.pick(KINDS)(random)]
    }
}

/// Whether a number overflows in one version of Redis. 7.4 takes the index of LSET modulo 2^32, so that one far outside of the list
/// changes an element: 7.0 answers with an error, as Ochre does. 7.0 lets LREM count to the lowest number, of which there is
/// no opposite: 7.4 answers with an error, as Ochre does.
pub(super) fn overflows(step: &Step) -> bool {
    let Some([command, _, number, ..]) = step.words() else {
        return false;
    };
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<i64>().ok());
    let is = |name: &str| command.eq_ignore_ascii_case(name.as_bytes());
    is("LSET") && number.is_some_and(|index| i32::try_from(index).is_err())
        || is("LREM") && number == Some(i64::MIN)
}

fn push(random: &mut Random) -> Step {
    let command = random.pick(&["RPUSH", "RPUSH", "LPUSH", "LPUSHX", "RPUSHX"]);
    let words = Words::new(command).word(key(random));
    // A few times so many that the list takes its long form.
    if random.one_in(6) {
        let count = random.pick(&[100, 130, 300]);
        return words.words((0..count).map(|_| pool::value(random))).call();
    }
    words.words((0..=random.below(4)).map(|_| pool::value(random)).collect::<Vec<_>>()).call()
}

fn pop(random: &mut Random) -> Step {
    if random.one_in(3) {
        let keys = keys(random);
        let words = Words::new("LMPOP").word(keys.len().to_string()).words(keys);
        let words = words.word(random.pick(&["LEFT", "RIGHT"]));
        return words.maybe(random, 2, "COUNT 1").maybe(random, 5, "COUNT 100").call();
    }
    let words = Words::new(random.pick(&["LPOP", "RPOP"])).word(key(random));
    match random.below(4) {
        0 => words.word(random.pick(&["0", "1", "2", "5", "100", "-1", "x"])).call(),
        1 => words.word(pool::integer(random)).call(),
        _ => words.call(),
    }
}

fn read(random: &mut Random) -> Step {
    match random.below(4) {
        0 => Words::new("LLEN").word(key(random)).call(),
        1 => Words::new("LINDEX").word(key(random)).word(index(random)).call(),
        _ => Words::new("LRANGE").word(key(random)).word(index(random)).word(index(random)).call(),
    }
}

fn position(random: &mut Random) -> Step {
    let mut words = Words::new("LPOS").word(key(random)).word(pool::value(random));
    for _ in 0..random.below(4) {
        words = match random.below(3) {
            0 => words.word("RANK").word(random.pick(&["1", "-1", "2", "-3", "0"])),
            1 => words.word("COUNT").word(random.pick(&["0", "1", "2", "100", "-1"])),
            _ => words.word("MAXLEN").word(random.pick(&["0", "1", "5", "1000", "-1"])),
        };
    }
    words.call()
}

fn change(random: &mut Random) -> Step {
    match random.below(5) {
        0 => {
            let index = random.pick(&["0", "-1", "1", "-2", "3", "50", "-60", "1000", "x"]);
            Words::new("LSET").word(key(random)).word(index).word(pool::value(random)).call()
        }
        1 => {
            let words = Words::new("LTRIM").word(key(random));
            words.word(index(random)).word(index(random)).call()
        }
        2 => {
            let words = Words::new("LREM").word(key(random)).word(index(random));
            words.word(pool::value(random)).call()
        }
        _ => {
            let words = Words::new("LINSERT").word(key(random));
            let words = words.word(random.pick(&["BEFORE", "AFTER"]));
            words.word(pool::value(random)).word(pool::value(random)).call()
        }
    }
}

fn transfer(random: &mut Random) -> Step {
    if random.one_in(3) {
        return Words::new("RPOPLPUSH").word(key(random)).word(key(random)).call();
    }
    let words = Words::new("LMOVE").word(key(random)).word(key(random));
    let ends = [random.pick(&["LEFT", "RIGHT"]), random.pick(&["LEFT", "RIGHT"])];
    words.word(ends[0]).word(ends[1]).call()
}

fn configure(random: &mut Random) -> Step {
    if random.one_in(2) {
        let size = random.pick(&["-2", "-1", "-2", "128", "3", "1", "-2"]);
        return Words::new("CONFIG SET list-max-listpack-size").word(size).call();
    }
    let depth = random.pick(&["0", "1", "0", "2"]);
    Words::new("CONFIG SET list-compress-depth").word(depth).call()
}

/// Mostly one of two, so that lists become long.
fn key(random: &mut Random) -> Vec<u8> {
    if random.one_in(4) { pool::key(random) } else { random.pick(&[b"a", b"b"]).to_vec() }
}

fn keys(random: &mut Random) -> Vec<Vec<u8>> {
    (0..=random.below(3)).map(|_| key(random)).collect()
}

fn index(random: &mut Random) -> Vec<u8> {
    if random.one_in(8) {
        return pool::integer(random);
    }
    let index = i64::try_from(random.below(40)).unwrap_or(0) - 15;
    index.to_string().into_bytes()
}
