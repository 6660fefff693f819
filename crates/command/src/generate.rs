//! Random calls, drawn from the grammar of a command (feature `generate`, for tests).
//!
//! A [`Style::Valid`] call is one that the grammar allows: counts of keys are right, lists that belong
//! together are of one length, tokens come in any case. Its values may still be refused for what they
//! are, but it never blocks for long. A [`Style::Wild`] call was valid before words were dropped,
//! swapped, repeated and replaced; it may block for ever.
//!
//! Keys, fields and members come from small pools, so that calls meet each other's data; numbers like
//! to be at an edge. Everything follows from the seed.

use crate::argument::{Argument, Kind};
use crate::declaration::{Command, Group};

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
    let mut writer = Writer {
        group: command.group,
        lexical: command.name.contains("LEX"),
        random,
        words: &mut words,
        announced: 0,
    };
    writer.sequence(command.arguments);
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

/// Writes the words of one call.
struct Writer<'a> {
    group: Group,
    /// Ranges are of members, not of scores.
    lexical: bool,
    random: &'a mut Random,
    words: &'a mut Call,
    /// What the last count said: `numkeys 2 key key`, and later `WEIGHTS weight weight`.
    announced: usize,
}

impl Writer<'_> {
    fn sequence(&mut self, list: &[Argument]) {
        // The length of the list just written: `key key id id`.
        let mut last_list = None;
        let mut count_is_out = false;
        for (index, argument) in list.iter().enumerate() {
            if let Some(list) = announced_by(argument, list.get(index.saturating_add(1))) {
                let least = usize::from(!list.optional);
                self.announced = self.random.below(3).saturating_add(least);
                count_is_out = true;
                self.token(argument);
                self.words.push(self.announced.to_string().into_bytes());
                continue;
            }
            let times = if std::mem::take(&mut count_is_out) {
                self.announced
            } else if argument.optional && self.random.once_in(2) {
                0
            } else if !argument.multiple {
                1
            } else if argument.name.starts_with("weight") {
                self.announced
            } else {
                let free = self.random.below(3).saturating_add(1);
                if argument.optional { free } else { last_list.unwrap_or(free) }
            };
            last_list = (argument.multiple && !argument.optional).then_some(times);
            self.repeat(argument, times);
        }
    }

    fn repeat(&mut self, argument: &Argument, times: usize) {
        for time in 0..times {
            if time == 0 || argument.multiple_token {
                self.token(argument);
            }
            match argument.kind {
                Kind::Token => {}
                Kind::Block(parts) => self.sequence(parts),
                Kind::OneOf(choices) => {
                    // A choice that may be left out was chosen.
                    if let Some(choice) = choices.get(self.random.below(choices.len())) {
                        self.repeat(choice, 1);
                    }
                }
                Kind::String
                | Kind::Integer
                | Kind::Double
                | Kind::Key
                | Kind::Pattern
                | Kind::UnixTime => {
                    let word = self.value(argument);
                    self.words.push(word);
                }
            }
        }
    }

    fn token(&mut self, argument: &Argument) {
        self.words.extend(argument.token.map(|token| self.random.any_case(token)));
    }

    /// A word for an argument that is a value.
    fn value(&mut self, argument: &Argument) -> Vec<u8> {
        let pool: &[&str] = match argument.kind {
            Kind::Key => return self.key(),
            Kind::Pattern => PATTERNS,
            Kind::UnixTime => TIMES,
            Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Token
            | Kind::OneOf(_)
            | Kind::Block(_) => match self.named(argument) {
                Some(pool) => pool,
                None => match argument.kind {
                    Kind::Integer if self.random.once_in(4) => INTEGERS,
                    Kind::Integer => SMALL_INTEGERS,
                    Kind::Double => DOUBLES,
                    Kind::String
                    | Kind::Key
                    | Kind::Pattern
                    | Kind::UnixTime
                    | Kind::Token
                    | Kind::OneOf(_)
                    | Kind::Block(_) => STRINGS,
                },
            },
        };
        self.random.pick(pool).into()
    }

    /// Values for an argument of this name, where any other would mostly be refused.
    fn named(&mut self, argument: &Argument) -> Option<&'static [&'static str]> {
        let name = argument.name;
        match (self.group, name, argument.token) {
            // Waiting for ever would end every test.
            (_, "timeout", _) => Some(&["0.01", "0.02"]),
            (_, _, Some("BLOCK")) => Some(&["1", "10"]),
            _ if self.random.once_in(20) => None,
            (_, "min", _) if self.lexical => Some(&["-", "[a", "(a", "[b"]),
            (_, "max", _) if self.lexical => Some(&["+", "[c", "(c", "[b"]),
            (Group::Stream, "start", _) => Some(&["-", "0", "1-1", "(0-1", "2"]),
            (Group::Stream, "end", _) => Some(&["+", "5-5", "3", "(9"]),
            (Group::Bitmap, "value", _) => Some(&["0", "1", "-1", "100"]),
            _ => NAMED.iter().find(|(known, _)| *known == name).map(|&(_, pool)| pool),
        }
    }

    /// A key, mostly one that calls of the same group use as well.
    fn key(&mut self) -> Vec<u8> {
        let kind = match self.group {
            Group::String => "string",
            Group::Bitmap => "bits",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "zset",
            Group::Hash => "hash",
            Group::Stream => "stream",
            Group::HyperLogLog => "hll",
            Group::Geo => "geo",
            Group::Generic
            | Group::PubSub
            | Group::Transactions
            | Group::Connection
            | Group::Server
            | Group::Scripting
            | Group::Cluster
            | Group::Sentinel => self.random.pick(KEY_KINDS),
        };
        let kind = if self.random.once_in(10) { self.random.pick(KEY_KINDS) } else { kind };
        let number = self.random.below(3).to_string();
        // Hash tags: keys of different kinds in one slot.
        let key =
            if number == "0" { format!("{kind}:{{tag}}") } else { format!("{kind}:{number}") };
        key.into_bytes()
    }
}

/// The list that follows an argument and whose length it gives.
fn announced_by<'a>(argument: &Argument, next: Option<&'a Argument>) -> Option<&'a Argument> {
    next.filter(|next| argument.name.starts_with("num") && next.multiple && next.token.is_none())
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

const KEY_KINDS: &[&str] =
    &["string", "bits", "list", "set", "zset", "hash", "stream", "hll", "geo"];
const PATTERNS: &[&str] =
    &["*", "s*", "?ist:1", "[a-m]*", "*[^2]", "\\*", "", "string:*", "hash:*->f1", "#"];
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
const SMALL_INTEGERS: &[&str] = &["0", "1", "2", "3", "4", "5", "7", "10", "16", "-1"];
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
    ("last-id", &["0-0", "9-9", "5"]),
    ("lastid", &["0-0", "2-0", "5"]),
    ("max-deleted-id", &["0-0", "1-1"]),
    ("min-idle-time", &["0", "1", "1000"]),
    ("start", &["0", "1", "-1", "-3", "2"]),
    ("stop", &["0", "1", "-1", "-3", "5"]),
    ("end", &["0", "1", "-1", "-3", "5"]),
    ("min", &["0", "(1", "-inf", "-2.5", "1.5"]),
    ("max", &["5", "(3", "+inf", "1e3", "2.5"]),
    ("threshold", &["0", "1", "3", "10"]),
    ("cursor", &["0", "0", "0", "1", "7"]),
    ("count", &["1", "2", "3", "10", "100", "-2"]),
    ("encoding", &["u8", "i8", "u4", "i64", "u63", "i1"]),
    ("offset", &["0", "1", "7", "100"]),
    ("bit", &["0", "1"]),
    ("field", &["f1", "f2", "f3", "10"]),
    ("member", &["a", "b", "c", "d", "1", ""]),
    ("element", &["a", "b", "c", "1", "22"]),
    ("pivot", &["a", "b", "1"]),
    ("longitude", &["0", "13.361389", "-179.9", "180", "2.35"]),
    ("latitude", &["0", "38.115556", "-85", "85.05", "48.85"]),
    ("radius", &["1", "200", "0", "10000.5"]),
    ("width", &["1", "400", "20000"]),
    ("height", &["1", "400", "20000"]),
    ("group", &["g1", "g2"]),
    ("consumer", &["c1", "c2"]),
    (
        "script",
        &["return 1", "return KEYS[1]", "return redis.call('get', 'string:1')", "return {1, 'a'}"],
    ),
    ("index", &["0", "1", "2", "-1"]),
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
