//! Commands on strings.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of the group.
pub(super) struct Strings;

impl Generator for Strings {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            set,
            set,
            set,
            set,
            get,
            get,
            read_and_change,
            several,
            several,
            number,
            number,
            number,
            range,
            range,
            timed,
            longest_common,
        ];
        let step = random.pick(KINDS)(random);
        let words = step.words().unwrap_or_default();
        let sets_a_time = words.iter().any(|word| word.ends_with(b"XAT"));
        // A key whose time is past stays until a command meets it. When that would be, if it were left to
        // chance, Redis does not promise; so one meets it at once.
        let meeting = sets_a_time.then(|| Step::call([b"EXISTS".as_slice(), &words[1]]));
        std::iter::once(step.clone()).chain(meeting).collect()
    }
}

fn set(random: &mut Random) -> Step {
    let mut words = Words::new("SET").word(pool::key(random)).word(pool::value(random));
    if random.one_in(3) {
        return words.call();
    }
    for _ in 0..=random.below(3) {
        words = match random.below(9) {
            0 => words.word("NX"),
            1 => words.word("XX"),
            2 | 3 => words.word("GET"),
            4 => words.word("KEEPTTL"),
            5 => words.word("EX").word(pool::time_to_live(random)),
            6 => words.word("PX").word(pool::time_to_live(random)),
            7 => words.word("EXAT").word(pool::expiry_time(random, true)),
            _ => words.word("PXAT").word(pool::expiry_time(random, false)),
        };
    }
    words.call()
}

fn get(random: &mut Random) -> Step {
    let command = random.pick(&["GET", "GET", "STRLEN", "GETDEL"]);
    Words::new(command).word(pool::key(random)).call()
}

fn read_and_change(random: &mut Random) -> Step {
    let key = pool::key(random);
    match random.below(4) {
        0 => Words::new("GETSET").word(key).word(pool::value(random)).call(),
        1 => Words::new("SETNX").word(key).word(pool::value(random)).call(),
        2 => Words::new("APPEND").word(key).word(pool::value(random)).call(),
        _ => {
            let words = Words::new("GETEX").word(key);
            match random.below(7) {
                0 => words.call(),
                1 => words.word("PERSIST").call(),
                2 => words.word("EX").word(pool::time_to_live(random)).call(),
                3 => words.word("PX").word(pool::time_to_live(random)).call(),
                4 => words.word("EXAT").word(pool::expiry_time(random, true)).call(),
                5 => words.word("PXAT").word(pool::expiry_time(random, false)).call(),
                _ => words.word("PERSIST").word("EX").word("100000").call(),
            }
        }
    }
}

fn several(random: &mut Random) -> Step {
    match random.below(3) {
        0 => Words::new("MGET").words(pool::keys(random, 5)).call(),
        kind => {
            let mut words = Words::new(if kind == 1 { "MSET" } else { "MSETNX" });
            for key in pool::keys(random, 4) {
                words = words.word(key).word(pool::value(random));
            }
            words.call()
        }
    }
}

fn number(random: &mut Random) -> Step {
    let key = pool::key(random);
    match random.below(5) {
        0 => Words::new("INCR").word(key).call(),
        1 => Words::new("DECR").word(key).call(),
        2 => Words::new("INCRBY").word(key).word(pool::integer(random)).call(),
        3 => Words::new("DECRBY").word(key).word(pool::integer(random)).call(),
        _ => Words::new("INCRBYFLOAT").word(key).word(pool::float(random)).call(),
    }
}

fn range(random: &mut Random) -> Step {
    let key = pool::key(random);
    match random.below(4) {
        0 => {
            let offset = pool::write_offset(random);
            let value = if random.one_in(4) { Vec::new() } else { pool::value(random) };
            Words::new("SETRANGE").word(key).word(offset).word(value).call()
        }
        kind => {
            let command = if kind == 1 { "SUBSTR" } else { "GETRANGE" };
            let (start, end) = (pool::offset(random), pool::offset(random));
            Words::new(command).word(key).word(start).word(end).call()
        }
    }
}

fn timed(random: &mut Random) -> Step {
    let command = random.pick(&["SETEX", "PSETEX"]);
    let (key, time) = (pool::key(random), pool::time_to_live(random));
    Words::new(command).word(key).word(time).word(pool::value(random)).call()
}

fn longest_common(random: &mut Random) -> Step {
    let mut words = Words::new("LCS").word(pool::key(random)).word(pool::key(random));
    words = match random.below(4) {
        0 => words,
        1 => words.word("LEN"),
        2 => words.word("IDX"),
        _ => words.word("LEN").word("IDX"),
    };
    words = words.maybe(random, 3, "WITHMATCHLEN");
    if random.one_in(3) {
        words = words.word("MINMATCHLEN").word(pool::offset(random));
    }
    words.call()
}
