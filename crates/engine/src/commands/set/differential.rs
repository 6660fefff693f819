//! The commands of this family and those of a real server, called with the same random words: every reply must be equal, and what
//! is there after it, its form included.
//!
//! Members come in no certain order, so they are compared in one. What is random is compared by its shape, and after a random
//! removal both servers are given the same members again. `OCHRE_ROUNDS` tries more cases than the few of every test run.

use command::generate::{Call, Random, Style, call};
use harness::{Client, Oracle, Protocol, Version};
use resp::Value;

use super::COMMANDS;
use crate::testing::Server;

const ROUNDS: u64 = 150;
const CALLS: usize = 80;

#[test]
fn real_server_agrees() {
    let Ok(oracle) = Oracle::find(Version::V74) else { return };
    let real = oracle.launch().start();
    let rounds = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for seed in 0..rounds.unwrap_or(ROUNDS) {
        let mut case = Case::new(seed, real.client());
        for _ in 0..CALLS {
            let words = drawn(&mut case.random);
            case.told.push(words.iter().map(|word| word.escape_ascii().to_string()).collect());
            case.compare(&words);
        }
    }
}

struct Case {
    random: Random,
    ours: Server,
    theirs: Client,
    /// Longer members make a set large.
    member_bytes: u64,
    told: Vec<Vec<String>>,
}

impl Case {
    fn new(seed: u64, mut theirs: Client) -> Case {
        let mut random = Random::new(seed);
        theirs.run("FLUSHALL");
        let mut ours = Server::new();
        if random.once_in(2) {
            theirs.hello(Protocol::Resp3);
            ours.speak(resp::Protocol::Resp3);
        }
        // With fewer integers than members allowed, the order in which a table is walked decides on the form of what is stored.
        let (integers, members) = random.pick(&[(512, 128), (0, 0), (4, 3), (20, 3), (20, 12)]);
        let member_bytes = random.pick(&[64, 64, 3]);
        ours.configure(|config| {
            config.data_structures.set_integer_entries = integers;
            config.data_structures.set_compact_entries = members;
            config.data_structures.set_compact_value_bytes = member_bytes;
        });
        let mut set = |name: &str, value: u64| {
            theirs.call(&["CONFIG", "SET", name, &value.to_string()]);
        };
        set("set-max-intset-entries", integers);
        set("set-max-listpack-entries", members);
        set("set-max-listpack-value", member_bytes);
        let told = vec![vec![format!("seed {seed}: {integers} {members} {member_bytes}")]];
        Case { random, ours, theirs, member_bytes, told }
    }

    fn compare(&mut self, words: &Call) {
        let (answered, expected) = self.answers(words);
        assert_eq!(comparable(words, &answered), comparable(words, &expected), "{:#?}", self.told);
        let is_random = is(words, "SPOP");
        for key in KEYS {
            let look = |name: &[&str]| -> Call {
                name.iter().chain([key]).map(|word| word.as_bytes().to_vec()).collect()
            };
            let (present, wanted) = self.answers(&look(&["SMEMBERS"]));
            let short = |value: &Value| {
                value.as_bytes().is_none_or(|bytes| bytes.len() as u64 <= self.member_bytes)
            };
            let mut are_short = true;
            if is_random {
                let (present, wanted) = (elements(&present), elements(&wanted));
                assert_eq!(present.len(), wanted.len(), "{key}: {:#?}", self.told);
                are_short = present.iter().chain(&wanted).all(short);
            } else {
                let listing = look(&["SMEMBERS"]);
                let (present, wanted) =
                    (comparable(&listing, &present), comparable(&listing, &wanted));
                assert_eq!(present, wanted, "{key}: {:#?}", self.told);
            }
            // What is left at random decides on the form, if some of it is long.
            if are_short {
                let (present, wanted) = self.answers(&look(&["OBJECT", "ENCODING"]));
                let (present, wanted) = (shown(&present), shown(&wanted));
                assert_eq!(present, wanted, "{key}: {:#?}", self.told);
            }
            if is_random {
                self.make_equal(key);
            }
        }
    }

    /// Gives a key the same members on both servers.
    fn make_equal(&mut self, key: &str) {
        let words =
            |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Call>();
        let (members, _) = self.answers(&words(&["SMEMBERS", key]));
        let members = elements(&members);
        if members.is_empty() {
            return;
        }
        let mut add = words(&["SADD", key]);
        add.extend(members.iter().filter_map(Value::as_bytes).map(<[u8]>::to_vec));
        add[2..].sort_unstable();
        for words in [words(&["DEL", key]), add] {
            let (answered, expected) = self.answers(&words);
            assert_eq!(shown(&answered), shown(&expected), "{:#?}", self.told);
        }
    }

    fn answers(&mut self, words: &Call) -> (Vec<u8>, Vec<u8>) {
        self.theirs.send(words).expect("the real server reads");
        let expected = self.theirs.read_reply_bytes().expect("the real server answers");
        (self.ours.answer(words), expected)
    }
}

/// The keys that calls are drawn with.
const KEYS: &[&str] = &["set:{tag}", "set:1", "set:2", "set:3", "string:1", "hash:2"];

fn is(words: &Call, name: &str) -> bool {
    words.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn shown(reply: &[u8]) -> String {
    reply.escape_ascii().to_string()
}

fn elements(reply: &[u8]) -> Vec<Value> {
    match Value::decode(reply) {
        Ok(Some((Value::Array(elements) | Value::Set(elements), _))) => elements,
        _ => Vec::new(),
    }
}

/// A reply, without what is random or in no certain order.
fn comparable(words: &Call, reply: &[u8]) -> String {
    let Ok(Some((value, _))) = Value::decode(reply) else { return "no reply".to_owned() };
    if value.is_error() {
        return shown(reply);
    }
    let kind = char::from(reply.first().copied().unwrap_or_default());
    let sorted = |values: &[Value]| {
        let mut values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        values.sort_unstable();
        format!("{kind} {values:?}")
    };
    if is(words, "SSCAN") {
        // Only whole visits are drawn.
        let [cursor, members] = value.as_array().unwrap_or_default() else { return shown(reply) };
        return format!("{cursor:?} {}", sorted(members.as_array().unwrap_or_default()));
    }
    if ["SMEMBERS", "SINTER", "SUNION", "SDIFF"].iter().any(|name| is(words, name)) {
        return sorted(&elements(reply));
    }
    if is(words, "SPOP") || is(words, "SRANDMEMBER") {
        let all = words.get(2).is_some_and(|count| count == b"1000");
        return if all {
            sorted(&elements(reply))
        } else {
            format!("{kind} {}", elements(reply).len())
        };
    }
    shown(reply)
}

/// A call. Sets grow more often than they shrink.
fn drawn(random: &mut Random) -> Call {
    if random.once_in(40) {
        let words: &[&str] = random.pick(&[
            &["SET", "string:1", "x"][..],
            &["SET", "set:3", "x"],
            &["DEL", "set:1"],
            &["DEL", "set:3"],
            &["PEXPIRE", "set:2", "10000000"],
        ]);
        return words.iter().map(|word| word.as_bytes().to_vec()).collect();
    }
    let command = match random.below(4) {
        0 => COMMANDS.iter().find(|command| command.name == "SADD").expect("it is in the list"),
        _ => &COMMANDS[random.below(COMMANDS.len())],
    };
    let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
    let mut words = call(command, style, random);
    enrich(&mut words, random);
    match command.name {
        "SADD" if random.once_in(3) => {
            let (from, count) = (random.below(600), random.pick(&[3, 10, 25, 140, 520]));
            let only_integers = random.once_in(2);
            for number in from..from + random.below(count) {
                let word = if only_integers { number.to_string() } else { format!("m{number}") };
                words.push(word.into_bytes());
            }
        }
        "SSCAN" => make_whole(&mut words),
        // What a long reply would take is not wanted here.
        "SRANDMEMBER" | "SPOP" => {
            if let Some(count) = words.get_mut(2) {
                if resp::number::parse_integer(count).is_some_and(|count| count < -1000) {
                    *count = b"-7".to_vec();
                } else if random.once_in(3) {
                    *count = random.pick(&[&b"1000"[..], b"1", b"5", b"20", b"-3"]).to_vec();
                }
            }
        }
        _ => {}
    }
    words
}

/// Has a scan visit all in one call, if it is a valid one.
fn make_whole(words: &mut Call) {
    let is_number = |word: &Vec<u8>| word.iter().all(u8::is_ascii_digit);
    let is_cursor = |word: &[u8]| crate::commands::scanning::parse_cursor(word).is_ok();
    let Some(cursor) = words.get_mut(2).filter(|cursor| is_cursor(cursor)) else { return };
    *cursor = b"0".to_vec();
    let count = words.iter().position(|word| word.eq_ignore_ascii_case(b"COUNT"));
    match count.and_then(|count| words.get_mut(count + 1)) {
        Some(count) if is_number(count) && count != b"0" => *count = b"100000".to_vec(),
        Some(_) => {}
        None => words.extend([b"COUNT".to_vec(), b"100000".to_vec()]),
    }
}

/// Puts other values in the place of some.
fn enrich(words: &mut Call, random: &mut Random) {
    const OTHERS: &[&[u8]] = &[
        b"",
        b"0",
        b"-0",
        b"+1",
        b"01",
        b" 1",
        b"-32768",
        b"-32769",
        b"32767",
        b"32768",
        b"2147483648",
        b"-2147483649",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9223372036854775808",
        b"1.0",
        b"LIMIT",
        b"limit",
        b"COUNT",
        b"set:1",
        b"set:2",
    ];
    const LENGTHS: &[usize] = &[3, 4, 63, 64, 65, 300];
    for word in words.iter_mut().skip(2) {
        let is_integer = resp::number::parse_integer(word).is_some();
        match random.below(16) {
            0 => *word = random.pick(OTHERS).to_vec(),
            1 => *word = vec![b'x'; random.pick(LENGTHS)],
            2..=4 if is_integer => *word = random.below(30).to_string().into_bytes(),
            5 => *word = format!("m{}", random.below(8)).into_bytes(),
            _ => {}
        }
    }
}
