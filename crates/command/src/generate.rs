//! Random calls, drawn from the grammar of a command (feature `generate`, for tests).
//!
//! A [`Style::Valid`] call is one that the grammar allows: counts of keys are right, lists that belong
//! together are of one length, tokens come in any case. Its values may still be refused for what they
//! are. A [`Style::Wild`] call was valid before words were dropped, swapped, repeated and replaced.
//!
//! Keys, fields and members come from small pools, so that calls meet each other's data; numbers like
//! to be at an edge. Everything follows from the seed.

use crate::argument::{Argument, Kind};
use crate::declaration::Command;

/// A call: its words, the command's name first.
pub type Call = Vec<Vec<u8>>;

/// How well-behaved a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the grammar allows.
    Valid,
    /// Damaged.
    Wild,
}

/// A random call of `command`; of one of its subcommands if it does nothing itself.
pub fn call<H>(command: &Command<H>, style: Style, random: &mut Random) -> Call {
    if let (None, Some(subcommand)) =
        (&command.run, command.subcommands.get(random.below(command.subcommands.len())))
    {
        return call(subcommand, style, random);
    }
    let mut words: Call = command.name.split('|').map(|word| random.any_case(word)).collect();
    let mut counts = Counts::default();
    sequence(command.arguments, random, &mut counts, &mut words);
    if style == Style::Wild {
        damage(command, random, &mut words);
    }
    words
}

/// A source of random numbers: small, fast, the same everywhere for the same seed. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The source of this seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Any number (Steele, Lea, Flood: `SplitMix64`).
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if `bound` is.
    pub fn below(&mut self, bound: usize) -> usize {
        let number = usize::try_from(self.number() >> 33).unwrap_or_default();
        number.checked_rem(bound).unwrap_or_default()
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`, of which there is at least one.
    pub fn pick<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        choices.get(self.below(choices.len())).copied().unwrap_or_default()
    }

    /// `word` with its letters in any case: mostly all in one.
    fn any_case(&mut self, word: &str) -> Vec<u8> {
        let style = self.below(4);
        word.bytes()
            .map(|byte| match style {
                0 | 1 => byte.to_ascii_uppercase(),
                2 => byte.to_ascii_lowercase(),
                _ if self.once_in(2) => byte.to_ascii_lowercase(),
                _ => byte.to_ascii_uppercase(),
            })
            .collect()
    }
}

/// The numbers of words that other words have to agree with.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// As the last count said: `numkeys 2 key key` and later `WEIGHTS weight weight`.
    announced: usize,
    /// Of the list just written: `key key id id`.
    last: usize,
}

fn sequence(list: &[Argument], random: &mut Random, counts: &mut Counts, words: &mut Call) {
    let mut announced = None;
    let mut after_list = false;
    for (index, argument) in list.iter().enumerate() {
        let next = list.get(index.saturating_add(1));
        if announces(argument, next) {
            let may_be_none = next.is_some_and(|next| next.optional);
            let count =
                if may_be_none { random.below(3) } else { random.below(3).saturating_add(1) };
            counts.announced = count;
            announced = Some(count);
            words.extend(argument.token.map(|token| random.any_case(token)));
            words.push(count.to_string().into_bytes());
            continue;
        }
        let times = if let Some(count) = announced.take() {
            count
        } else if argument.optional && random.once_in(2) {
            0
        } else if !argument.multiple {
            1
        } else if argument.name.starts_with("weight") {
            counts.announced
        } else if after_list && !argument.optional {
            counts.last
        } else {
            random.below(3).saturating_add(1)
        };
        after_list = argument.multiple && !argument.optional;
        counts.last = times;
        repeat(argument, times, random, counts, words);
    }
}

/// Whether an argument says how often the next one is there.
fn announces(argument: &Argument, next: Option<&Argument>) -> bool {
    argument.name.starts_with("num")
        && next.is_some_and(|next| next.multiple && next.token.is_none())
}

fn repeat(
    argument: &Argument,
    times: usize,
    random: &mut Random,
    counts: &mut Counts,
    words: &mut Call,
) {
    for time in 0..times {
        if time == 0 || argument.multiple_token {
            words.extend(argument.token.map(|token| random.any_case(token)));
        }
        match argument.kind {
            Kind::Token => {}
            Kind::Block(parts) => {
                let mut inner = *counts;
                sequence(parts, random, &mut inner, words);
                counts.announced = inner.announced;
            }
            Kind::OneOf(choices) => {
                if let Some(choice) = choices.get(random.below(choices.len())) {
                    // A choice that may be left out was chosen.
                    repeat(choice, 1, random, counts, words);
                }
            }
            Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Key
            | Kind::Pattern
            | Kind::UnixTime => words.push(value(argument, random)),
        }
    }
}

/// A word for an argument that is a value.
fn value(argument: &Argument, random: &mut Random) -> Vec<u8> {
    let pool: &[&str] = match (argument.kind, argument.token, argument.name) {
        (Kind::Key, ..) => KEYS,
        (Kind::Pattern, ..) => PATTERNS,
        (Kind::UnixTime, ..) => TIMES,
        // Waiting for ever would end every test.
        (_, Some("BLOCK"), _) => &["1", "10"],
        (_, _, "timeout") => &["0.01", "0.02"],
        (_, _, name) if let Some(&(_, pool)) = NAMED.iter().find(|(known, _)| *known == name) => {
            pool
        }
        (Kind::Integer, ..) => {
            return if random.once_in(3) {
                random.pick(INTEGERS).into()
            } else {
                random.below(10).to_string().into_bytes()
            };
        }
        (Kind::Double, ..) => DOUBLES,
        (Kind::String | Kind::Token | Kind::OneOf(_) | Kind::Block(_), ..) => STRINGS,
    };
    random.pick(pool).into()
}

fn damage<H>(command: &Command<H>, random: &mut Random, words: &mut Call) {
    let name_words = command.name.split('|').count();
    for _ in 0..random.below(4) {
        let arguments = words.len().saturating_sub(name_words);
        let mut place = || name_words.saturating_add(random.below(arguments));
        let (first, second) = (place(), place());
        match random.below(7) {
            0 if first < words.len() => drop(words.remove(first)),
            1 if first < words.len() && second < words.len() => words.swap(first, second),
            2 => words.extend(words.get(first).cloned()),
            3 => words.truncate(first),
            4 => words.push(token(command.arguments, random)),
            5 => words.push(random.pick(STRANGE).into()),
            _ => {
                let strange = random.pick(STRANGE);
                if let Some(word) = words.get_mut(first) {
                    *word = strange.into();
                }
            }
        }
    }
}

/// A token of the grammar, where there is one.
fn token(list: &[Argument], random: &mut Random) -> Vec<u8> {
    let Some(argument) = list.get(random.below(list.len())) else {
        return Vec::new();
    };
    match argument.token {
        Some(token) if argument.parts().is_empty() || random.once_in(2) => random.any_case(token),
        _ => token(argument.parts(), random),
    }
}

const KEYS: &[&str] = &["k1", "k2", "k3", "k4", "{t}1", "{t}2"];
const PATTERNS: &[&str] = &["*", "k*", "?1", "k[1-3]", "k[^2]", "\\*", "", "w*->f1", "#"];
const STRINGS: &[&str] = &[
    "a",
    "b",
    "c",
    "abc",
    "10",
    "-1",
    "3.5",
    "",
    "a b",
    "\u{e9}",
    "0123456789012345678901234567890123456789",
];
const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "-2",
    "100",
    "-100",
    "2147483647",
    "2147483648",
    "-2147483648",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
];
const DOUBLES: &[&str] = &[
    "0", "1", "-1", "1.5", "-2.5", "3", "0.1", "1e3", "inf", "-inf", "1e300", "-0", "1e-300",
    "17.25",
];
const TIMES: &[&str] = &["1", "1700000000", "4000000000", "4000000000000", "0", "-1"];

/// Values for arguments of a name, where any string would only be refused.
const NAMED: &[(&str, &[&str])] = &[
    ("id", &["0-0", "1-1", "2-0", "5", "$", "0", "3-3"]),
    ("start", &["0", "1", "-1", "-3", "2"]),
    ("stop", &["0", "1", "-1", "-3", "5"]),
    ("end", &["0", "1", "-1", "-3", "5"]),
    ("min", &["0", "(1", "-inf", "[a", "-", "1.5"]),
    ("max", &["5", "(3", "+inf", "[c", "+", "2.5"]),
    ("threshold", &["0", "1", "3", "10"]),
    ("cursor", &["0", "0", "1", "7"]),
    ("encoding", &["u8", "i8", "u4", "i64", "u63", "i1"]),
    ("offset", &["0", "1", "7", "#1", "100"]),
    ("bit", &["0", "1"]),
    ("field", &["f1", "f2", "f3", "10"]),
    ("member", &["a", "b", "c", "d", "1", ""]),
    ("element", &["a", "b", "c", "1", "22"]),
    ("longitude", &["0", "13.361389", "-179.9", "180", "2.35"]),
    ("latitude", &["0", "38.115556", "-85", "85.05", "48.85"]),
    ("radius", &["1", "200", "0", "10000.5"]),
    ("width", &["1", "400", "20000"]),
    ("height", &["1", "400", "20000"]),
    ("group", &["g1", "g2"]),
    ("consumer", &["c1", "c2"]),
    ("script", &["return 1", "return KEYS[1]", "return redis.call('get','k1')", "return {1,'a'}"]),
    ("index", &["0", "1", "2", "3"]),
    ("destination-db", &["0", "1"]),
    ("protover", &["2", "3"]),
];

/// Words that few expect.
const STRANGE: &[&[u8]] = &[
    b"",
    b" ",
    b"\0",
    b"\r\n",
    b"\xff\xfe",
    b"nan",
    b"-nan",
    b"+1",
    b"01",
    b"1 ",
    b" 1",
    b"-0",
    b"0x10",
    b"1e400",
    b"99999999999999999999",
    b"-9223372036854775809",
    b"9223372036854775808",
    b"18446744073709551615",
    b"4294967295",
    b"1.0",
    b"(",
    b"[",
    b"*",
    b"-",
    b"+",
    b"KEYS",
    b"STREAMS",
    b"STORE",
];
