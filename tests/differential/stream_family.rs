//! Commands on streams and their groups that do not block.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of the group but for BLOCK, and for IDs that the clock makes.
pub(super) struct Streams;

impl Generator for Streams {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            add,
            add,
            add,
            add,
            add,
            trim,
            delete,
            range,
            range,
            read,
            set_id,
            group,
            group,
            group_read,
            group_read,
            group_read,
            acknowledge,
            pending,
            claim,
            claim,
            inform,
        ];
        vec![random.pick(KINDS)(random)]
    }
}

/// Whether a call depends on when it comes: its ID is made of the time, or it asks what has been idle for a short time.
pub(super) fn depends_on_clock(step: &Step) -> bool {
    let Some([name, rest @ ..]) = step.words() else { return false };
    let is = |command: &str| name.eq_ignore_ascii_case(command.as_bytes());
    let is_short = |word: &Vec<u8>| {
        let number = std::str::from_utf8(word).ok().and_then(|text| text.parse::<i64>().ok());
        number.is_some_and(|idle_ms| (1..100_000).contains(&idle_ms))
    };
    let follows_idle =
        rest.windows(2).any(|pair| pair[0].eq_ignore_ascii_case(b"IDLE") && is_short(&pair[1]));
    is("XADD") && rest.iter().any(|word| word == b"*")
        || (is("XCLAIM") || is("XAUTOCLAIM")) && rest.get(3).is_some_and(is_short)
        || is("XPENDING") && follows_idle
}

/// Few, so that calls meet; one of them is a string's or a list's now and then.
fn key(random: &mut Random) -> Vec<u8> {
    if random.one_in(15) { pool::key(random) } else { random.pick(&["stream", "{tag}s"]).into() }
}

fn group_name(random: &mut Random) -> &'static str {
    random.pick(&["g", "g", "g", "h", "none"])
}

fn consumer(random: &mut Random) -> &'static str {
    random.pick(&["ann", "ann", "bob", "eve"])
}

fn count(random: &mut Random) -> &'static str {
    random.pick(&["0", "1", "2", "3", "10", "1000", "-1"])
}

/// The time that a consumer has to have left an entry alone for.
fn idle(random: &mut Random) -> &'static str {
    random.pick(&["0", "0", "0", "-1", "100000000"])
}

/// One of not too many IDs.
fn id(random: &mut Random) -> Vec<u8> {
    match random.below(30) {
        0 => random.pick(&["-", "+", "$", ">"]).into(),
        1 => format!("({}-1", random.below(30)).into(),
        2 => random
            .pick(&[
                "18446744073709551615-18446744073709551615",
                " 5-1",
                "5--1",
                "05-+1",
                "5-*",
                "x",
                "5-",
            ])
            .into(),
        3 => random.below(40).to_string().into(),
        _ => format!("{}-{}", random.below(40), random.below(3)).into(),
    }
}

fn ids(random: &mut Random) -> Vec<Vec<u8>> {
    (0..=random.below(3)).map(|_| id(random)).collect()
}

fn add(random: &mut Random) -> Step {
    let words = Words::new("XADD").word(key(random)).maybe(random, 8, "NOMKSTREAM");
    let words = if random.one_in(3) { trimming(words, random) } else { words };
    let new = match random.below(6) {
        0 => id(random),
        1 => format!("{}-*", random.below(60)).into(),
        2 => format!("{}-*", 256 * random.below(600)).into(),
        // Mostly the next one: IDs that are too small are errors.
        _ => b"200000-*".to_vec(),
    };
    let words = words.word(new);
    if random.one_in(2) {
        return words.word("f").word(pool::value(random)).call();
    }
    let fields = (0..2 * (1 + random.below(3))).map(|_| pool::value(random)).collect::<Vec<_>>();
    words.words(fields).call()
}

fn trimming(words: Words, random: &mut Random) -> Words {
    let is_length = random.one_in(2);
    let words = words.word(if is_length { "MAXLEN" } else { "MINID" });
    let operator = random.pick(&["", "=", "~", "~"]);
    let words = if operator.is_empty() { words } else { words.word(operator) };
    let words = if is_length { words.word(count(random)) } else { words.word(id(random)) };
    if operator == "~" && random.one_in(2) {
        return words.word("LIMIT").word(count(random));
    }
    words.maybe(random, 20, "LIMIT 5")
}

fn trim(random: &mut Random) -> Step {
    trimming(Words::new("XTRIM").word(key(random)), random).call()
}

fn delete(random: &mut Random) -> Step {
    Words::new("XDEL").word(key(random)).words(ids(random)).call()
}

fn range(random: &mut Random) -> Step {
    if random.one_in(5) {
        return Words::new("XLEN").word(key(random)).call();
    }
    let command = random.pick(&["XRANGE", "XREVRANGE"]);
    let ends = match random.below(3) {
        0 => [b"-".to_vec(), b"+".to_vec()],
        1 => [b"+".to_vec(), b"-".to_vec()],
        _ => [id(random), id(random)],
    };
    let words = Words::new(command).word(key(random)).words(ends);
    if random.one_in(2) { words.word("COUNT").word(count(random)).call() } else { words.call() }
}

fn read(random: &mut Random) -> Step {
    let words = Words::new("XREAD");
    let words = if random.one_in(2) { words.word("COUNT").word(count(random)) } else { words };
    let streams = 1 + random.below(3);
    let words = words.word("STREAMS").words((0..streams).map(|_| key(random)).collect::<Vec<_>>());
    words.words((0..streams).map(|_| id(random)).collect::<Vec<_>>()).call()
}

fn set_id(random: &mut Random) -> Step {
    let words = Words::new("XSETID").word(key(random)).word(id(random));
    let words =
        if random.one_in(2) { words.word("ENTRIESADDED").word(count(random)) } else { words };
    if random.one_in(3) { words.word("MAXDELETEDID").word(id(random)).call() } else { words.call() }
}

fn group(random: &mut Random) -> Step {
    let command = random.pick(&[
        "CREATE",
        "CREATE",
        "CREATE",
        "SETID",
        "DESTROY",
        "CREATECONSUMER",
        "DELCONSUMER",
    ]);
    let words = Words::new("XGROUP").word(command).word(key(random)).word(group_name(random));
    match command {
        "CREATE" | "SETID" => {
            let words = words.word(if random.one_in(2) { b"0".to_vec() } else { id(random) });
            let words = words.maybe(random, if command == "CREATE" { 2 } else { 20 }, "MKSTREAM");
            if random.one_in(4) {
                return words.word("ENTRIESREAD").word(count(random)).call();
            }
            words.call()
        }
        "DESTROY" => words.call(),
        _ => words.word(consumer(random)).call(),
    }
}

fn group_read(random: &mut Random) -> Step {
    let words = Words::new("XREADGROUP GROUP").word(group_name(random)).word(consumer(random));
    let words = if random.one_in(2) { words.word("COUNT").word(count(random)) } else { words };
    let words = words.maybe(random, 5, "NOACK").word("STREAMS").word(key(random));
    words.word(if random.one_in(3) { id(random) } else { b">".to_vec() }).call()
}

fn acknowledge(random: &mut Random) -> Step {
    Words::new("XACK").word(key(random)).word(group_name(random)).words(ids(random)).call()
}

fn pending(random: &mut Random) -> Step {
    let words = Words::new("XPENDING").word(key(random)).word(group_name(random));
    if random.one_in(3) {
        return words.call();
    }
    let words = if random.one_in(3) { words.word("IDLE").word(idle(random)) } else { words };
    let words = if random.one_in(2) {
        words.word("-").word("+")
    } else {
        words.word(id(random)).word(id(random))
    };
    words.word(count(random)).maybe(random, 3, "ann").call()
}

fn claim(random: &mut Random) -> Step {
    let words = Words::new(random.pick(&["XCLAIM", "XCLAIM", "XAUTOCLAIM"]));
    let words =
        words.word(key(random)).word(group_name(random)).word(consumer(random)).word(idle(random));
    if random.one_in(3) {
        let words = words.word(if random.one_in(2) { b"-".to_vec() } else { id(random) });
        let words = if random.one_in(2) { words.word("COUNT").word(count(random)) } else { words };
        return words.maybe(random, 3, "JUSTID").call();
    }
    let mut words = words.words(ids(random));
    for _ in 0..random.below(3) {
        words = match random.below(6) {
            0 => words.word("IDLE").word(idle(random)),
            1 => words.word("TIME").word(idle(random)),
            2 => words.word("RETRYCOUNT").word(count(random)),
            3 => words.word("LASTID").word(id(random)),
            4 => words.word("JUSTID"),
            _ => words.word("FORCE"),
        };
    }
    words.call()
}

fn inform(random: &mut Random) -> Step {
    match random.below(4) {
        0 => Words::new("XINFO STREAM").word(key(random)).call(),
        1 => Words::new("XINFO STREAM")
            .word(key(random))
            .word("FULL")
            .word("COUNT")
            .word(count(random))
            .call(),
        2 => Words::new("XINFO GROUPS").word(key(random)).call(),
        _ => Words::new("XINFO CONSUMERS").word(key(random)).word(group_name(random)).call(),
    }
}
