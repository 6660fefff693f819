//! The commands of this family and those of a real server, called with the same random words: every reply must be equal, and what
//! is there after it, its form included.
//!
//! `OCHRE_ROUNDS` tries more cases than the few of every test run.

use command::Flags;
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
        let mut random = Random::new(seed);
        let mut theirs = real.client();
        theirs.run("FLUSHALL");
        let mut ours = Server::new();
        if random.once_in(2) {
            theirs.hello(Protocol::Resp3);
            ours.speak(resp::Protocol::Resp3);
        }
        let entries = random.pick(&[128, 0, 3, 12]);
        let value_bytes = random.pick(&[64, 64, 3]);
        ours.configure(|config| {
            config.data_structures.sorted_set_compact_entries = entries;
            config.data_structures.sorted_set_compact_value_bytes = value_bytes;
        });
        theirs.call(&["CONFIG", "SET", "zset-max-listpack-entries", &entries.to_string()]);
        theirs.call(&["CONFIG", "SET", "zset-max-listpack-value", &value_bytes.to_string()]);
        // What ranges by member give where scores differ is not defined; in a small sorted set it is certain nonetheless.
        let scores = match (entries, value_bytes) {
            (128, 64) => Scores::Any,
            _ if random.once_in(2) => Scores::Equal,
            _ => Scores::Different,
        };
        let mut told = vec![vec![format!("{entries} {value_bytes}")]];
        for _ in 0..CALLS {
            let words = drawn(&mut random, scores);
            told.push(words.iter().map(|word| word.escape_ascii().to_string()).collect());
            let (answered, expected) = answers(&mut ours, &mut theirs, &words);
            assert_eq!(answered, expected, "seed {seed}: {told:#?}");
            for key in KEYS {
                for look in
                    [&["OBJECT", "ENCODING", key][..], &["ZRANGE", key, "0", "-1", "WITHSCORES"]]
                {
                    let look = look.iter().map(|word| word.as_bytes().to_vec()).collect();
                    let (answered, expected) = answers(&mut ours, &mut theirs, &look);
                    assert_eq!(answered, expected, "seed {seed}: {key}: {told:#?}");
                }
            }
        }
    }
}

/// The keys that calls are drawn with.
const KEYS: &[&str] = &["zset:{tag}", "zset:1", "zset:2", "set:1", "string:1", "hash:2"];

fn answers(ours: &mut Server, theirs: &mut Client, words: &Call) -> (String, String) {
    theirs.send(words).expect("the real server reads");
    let expected = theirs.read_reply_bytes().expect("the real server answers");
    (comparable(words, &ours.answer(words)), comparable(words, &expected))
}

/// A reply, without what is random or in no certain order.
fn comparable(words: &Call, reply: &[u8]) -> String {
    let is = |name: &[u8]| words.first().is_some_and(|word| word.eq_ignore_ascii_case(name));
    let Ok(Some((value, _))) = Value::decode(reply) else { return "no reply".to_owned() };
    if value.is_error() || !is(b"ZSCAN") && !is(b"ZRANDMEMBER") {
        return reply.escape_ascii().to_string();
    }
    if is(b"ZSCAN") {
        // Only whole visits are drawn.
        let [cursor, members] = value.as_array().unwrap_or_default() else {
            return format!("{value:?}");
        };
        let members = members.as_array().unwrap_or_default();
        let mut pairs: Vec<String> = members.chunks(2).map(|pair| format!("{pair:?}")).collect();
        pairs.sort_unstable();
        return format!("{cursor:?} {pairs:?}");
    }
    let whole = words.get(2).is_some_and(|count| count == b"1000");
    match value.as_array() {
        Some(_) if whole => reply.escape_ascii().to_string(),
        // One random member or some: how many, and whether with scores.
        Some(members) => {
            let shape = members.first().and_then(Value::as_array).map(<[Value]>::len);
            format!("{} {shape:?}", members.len())
        }
        None => format!("{}", reply.first().copied().unwrap_or_default()),
    }
}

/// Which scores there are, and so, which calls have certain answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scores {
    Any,
    Equal,
    Different,
}

/// A call that has a certain answer.
fn drawn(random: &mut Random, scores: Scores) -> Call {
    loop {
        let mut words = any_call(random);
        let name = words[0].to_ascii_uppercase();
        let has = |option: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(option));
        let is_lexical = has(b"BYLEX") || name.windows(3).any(|part| part == b"LEX");
        match scores {
            Scores::Any => return words,
            Scores::Different if !is_lexical => return words,
            Scores::Equal if name == b"ZADD" && !has(b"INCR") => {
                for word in words.iter_mut().skip(2) {
                    if resp::number::parse_double(word).is_some() {
                        *word = b"1".to_vec();
                    }
                }
                return words;
            }
            Scores::Equal
                if !matches!(&*name, b"ZADD" | b"ZINCRBY" | b"ZUNIONSTORE" | b"ZINTERSTORE") =>
            {
                return words;
            }
            Scores::Equal | Scores::Different => {}
        }
    }
}

/// A call. Sorted sets grow more often than they shrink.
fn any_call(random: &mut Random) -> Call {
    if random.once_in(30) {
        let words: &[&str] = random.pick(&[
            &["SET", "string:1", "x"],
            &["DEL", "zset:1"],
            &["SADD", "set:1", "a", "m1", "1", "c"],
            &["SADD", "zset:2", "1", "2", "10"],
        ]);
        return words.iter().map(|word| word.as_bytes().to_vec()).collect();
    }
    let command = match random.below(4) {
        0 => COMMANDS.iter().find(|command| command.name == "ZADD").expect("it is in the list"),
        // Those that wait are compared in `blocking`.
        _ => loop {
            let command = &COMMANDS[random.below(COMMANDS.len())];
            if !command.flags.has(Flags::BLOCKING) {
                break command;
            }
        },
    };
    let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
    let mut words = call(command, style, random);
    enrich(&mut words, random);
    match command.name {
        "ZSCAN" if words.get(2).is_some_and(|word| word.iter().all(u8::is_ascii_digit)) => {
            words[2] = b"0".to_vec();
            let count = words.iter().position(|word| word.eq_ignore_ascii_case(b"COUNT"));
            match count.and_then(|count| words.get_mut(count + 1)) {
                Some(count) if count.first().is_some_and(u8::is_ascii_digit) => {
                    *count = b"1000".to_vec();
                }
                _ => words.extend([b"COUNT".to_vec(), b"1000".to_vec()]),
            }
        }
        "ZRANDMEMBER" => {
            // What a long reply would take is not wanted here.
            if let Some(count) = words.get_mut(2)
                && resp::number::parse_integer(count).is_some_and(|count| count < -1000)
            {
                *count = b"-7".to_vec();
            } else if random.once_in(3)
                && let Some(count) = words.get_mut(2)
            {
                *count = b"1000".to_vec();
            }
        }
        "ZADD" if random.once_in(4) => {
            for number in 0..random.below(20) {
                words.push(random.pick(SCORES).to_vec());
                words.push(format!("m{number}").into_bytes());
            }
        }
        _ => {}
    }
    words
}

/// Puts other values in the place of some.
fn enrich(words: &mut Call, random: &mut Random) {
    const OTHERS: &[&[u8]] = &[
        b"nan",
        b"-nan",
        b"(inf",
        b"(-inf",
        b"(1",
        b"(-0",
        b"[b",
        b"(b",
        b"[",
        b"(",
        b"-",
        b"+",
        b"",
        b" 1",
        b"1 ",
        b"1e400",
        b"(1e400",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9223372036854775808",
        b"-1",
        b"-2",
        b"0x1p3",
        b"BYSCORE",
        b"bylex",
        b"rev",
        b"LIMIT",
        b"WITHSCORES",
        b"WEIGHTS",
        b"zset:1",
    ];
    for word in words.iter_mut().skip(2) {
        let is_number = resp::number::parse_double(word).is_some();
        match random.below(16) {
            0 => *word = random.pick(OTHERS).to_vec(),
            1..=5 if is_number => *word = random.pick(SCORES).to_vec(),
            6 => *word = format!("m{}", random.below(8)).into_bytes(),
            _ => {}
        }
    }
}

const SCORES: &[&[u8]] = &[
    b"0",
    b"-0",
    b"1",
    b"1",
    b"2",
    b"3",
    b"-1",
    b"0.1",
    b"0.2",
    b"1.5",
    b"inf",
    b"-inf",
    b"1e300",
    b"1e20",
    b"4611686018427387904",
    b"4611686018427387905",
    b"9007199254740993",
    b"3.0000000000000004",
    b"1e-7",
    b"123456789.125",
];
