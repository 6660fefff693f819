//! The commands of this family and those of a real server, called with the same random words: every reply must be equal, and
//! what is there after it.
//!
//! Whole servers are compared in the tests of the workspace, which insist on a real one; here it is done in process, for
//! those who work on the family. `OCHRE_ROUNDS` tries more cases than the few of every test run.

use command::generate::{Call, Random, Style, call};
use harness::{Client, Oracle, Protocol, Version};

use super::COMMANDS;
use super::testing::{State, state};
use crate::testing::Server;

const ROUNDS: u64 = 200;
const CALLS: usize = 60;

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
        let mut told = Vec::new();
        for _ in 0..CALLS {
            let words = drawn(&mut random);
            told.push(words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>());
            ours.now_ms = clock(&mut theirs);
            theirs.send(&words).expect("the real server reads");
            let expected = theirs.read_reply_bytes().expect("the real server answers");
            let answered = ours.answer(&words);
            assert_eq!(
                answered.escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "seed {seed}: {told:#?}"
            );
            for key in KEYS {
                let expected = their_state(&mut theirs, key);
                let present = state(&mut ours, key.as_bytes());
                assert!(
                    agree(present.as_ref(), expected.as_ref()),
                    "seed {seed}: {present:?}, not {expected:?}: {told:#?}"
                );
            }
        }
    }
}

/// The keys that calls are drawn with, and one that is drawn by accident.
const KEYS: &[&str] = &["k1", "k2", "k3", "k4", "{t}1", "{t}2", "KEYS"];

/// A call of a command that the real server has, without options that it lacks.
fn drawn(random: &mut Random) -> Call {
    const NEWER: &[&[u8]] = &[b"IFEQ", b"IFNE", b"IFDEQ", b"IFDNE"];
    loop {
        let command = COMMANDS[random.below(COMMANDS.len())];
        if command.since.starts_with(['8', '9']) {
            continue;
        }
        let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
        let mut words = call(command, style, random);
        if words.iter().any(|word| NEWER.iter().any(|newer| word.eq_ignore_ascii_case(newer))) {
            continue;
        }
        lengthen(&mut words);
        enrich(&mut words, random);
        return words;
    }
}

/// Makes short durations long, so that no key expires on the way from one server to the other.
fn lengthen(words: &mut Call) {
    const DURATIONS: &[&[u8]] = &[b"EX", b"PX", b"SETEX", b"PSETEX"];
    if !words.iter().any(|word| DURATIONS.iter().any(|name| word.eq_ignore_ascii_case(name))) {
        return;
    }
    for word in words.iter_mut().skip(1) {
        if matches!(word.as_slice(), [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9', ..])
            && word.len() < 4
            && word.iter().all(u8::is_ascii_digit)
        {
            word.extend_from_slice(b"000000");
        }
    }
}

/// Puts other values in the place of some: at the edges of what is an integer, of encodings, and of how a string is kept.
fn enrich(words: &mut Call, random: &mut Random) {
    const NUMBERS: &[&[u8]] = &[
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"00000000000000000001",
        b"-0",
        b"+5",
        b"3.0",
        b"1.7976931348623157e308",
        b"1e-17",
        b"0.12345678901234567",
        b"1e4000",
        b"-3.00000",
        b"0x1p3",
    ];
    const LENGTHS: &[usize] = &[43, 44, 45, 254, 255, 256, 1023, 1024, 1025, 20_000];
    for word in words.iter_mut().skip(2) {
        match random.below(12) {
            0 => *word = random.pick(NUMBERS).to_vec(),
            1 => *word = vec![b'x'; random.pick(LENGTHS)],
            _ => {}
        }
    }
}

fn clock(client: &mut Client) -> i64 {
    let time = client.run("TIME");
    let parts = time.as_array().expect("TIME answers two numbers");
    let part = |index: usize| parts[index].as_text().and_then(|text| text.parse::<i64>().ok());
    let (seconds, microseconds) = part(0).zip(part(1)).expect("TIME answers two numbers");
    seconds * 1000 + microseconds / 1000
}

fn their_state(client: &mut Client, key: &str) -> Option<State> {
    let encoding = client.call(&["OBJECT", "ENCODING", key]).as_text()?;
    let expiry = client.call(&["PEXPIRETIME", key]).as_integer()?;
    let value = client.call(&["GET", key]).as_bytes()?.to_vec();
    Some(State { value, encoding, expiry: (0 <= expiry).then_some(expiry) })
}

/// Whether two states are the same, but for the time that passed between the calls that made them.
fn agree(ours: Option<&State>, theirs: Option<&State>) -> bool {
    const APART_MS: u64 = 1000;
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        return ours.is_none() && theirs.is_none();
    };
    let expiry = match (ours.expiry, theirs.expiry) {
        (Some(ours), Some(theirs)) => ours.abs_diff(theirs) < APART_MS,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    expiry && ours.value == theirs.value && ours.encoding == theirs.encoding
}
