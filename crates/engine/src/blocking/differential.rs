//! The commands that wait and those of a real server, called with the same random words: in a transaction, where they answer at
//! once whatever there is.
//!
//! Who waits and is served is compared end to end. `OCHRE_ROUNDS` tries more cases than the few of every test run.

use command::Flags;
use command::generate::{Call, Random, Style, call};
use harness::{Client, Oracle, Protocol, Version};

use crate::command_table::Command;
use crate::testing::{Server, commands};

const ROUNDS: u64 = 100;
const CALLS: usize = 60;

/// What keys are filled with: the names that calls are drawn with, by type.
const FILLING: &[&str] = &[
    "RPUSH list:1 a b c 4",
    "RPUSH list:2 1 2",
    "ZADD zset:1 1 a 2 b 3.5 c",
    "ZADD zset:2 inf a",
    "SET list:{tag} v",
    "SET zset:{tag} v",
    "XADD stream:1 1-1 f v",
    "XADD stream:2 5-1 f v",
    "XGROUP CREATE stream:1 g 0",
    "DEL list:1 zset:1",
    "DEL stream:2",
];

/// Timeouts as they may be, and as they may not.
const TIMEOUTS: &[&str] = &[
    "0",
    "1",
    "-1",
    "0.001",
    "-0.0001",
    "1e400",
    "inf",
    "-inf",
    "nan",
    "",
    " 1",
    "1 ",
    "abc",
    "0x10",
    "1e-5000",
    "9223372036854775",
    "9223372036854775807",
    "-9223372036854775808",
    "1e20",
];

#[test]
fn real_server_agrees_on_calls_that_cannot_wait() {
    let Ok(oracle) = Oracle::find(Version::V74) else { return };
    let real = oracle.launch().start();
    let rounds = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let blocking: Vec<_> =
        commands().filter(|command| command.flags.has(Flags::BLOCKING)).collect();
    for seed in 0..rounds.unwrap_or(ROUNDS) {
        let mut random = Random::new(seed);
        let (mut ours, mut theirs) = (Server::new(), real.client());
        theirs.run("FLUSHALL");
        if random.once_in(2) {
            theirs.hello(Protocol::Resp3);
            ours.speak(resp::Protocol::Resp3);
        }
        let mut told = Vec::new();
        for _ in 0..CALLS {
            for words in drawn(&blocking, &mut random) {
                told.push(words.iter().map(|word| shown(word)).collect::<Vec<_>>().join(" "));
                let expected = shown(&their_answer(&mut theirs, &words));
                assert_eq!(shown(&ours.answer(&words)), expected, "seed {seed}: {told:#?}");
            }
        }
    }
}

fn drawn(blocking: &[&'static Command], random: &mut Random) -> Vec<Call> {
    let line =
        |line: &str| -> Call { line.split(' ').map(|word| word.as_bytes().to_vec()).collect() };
    if random.once_in(3) {
        return vec![line(FILLING[random.below(FILLING.len())])];
    }
    let command = blocking[random.below(blocking.len())];
    let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
    let mut words = call(command, style, random);
    if random.once_in(3) && 1 < words.len() {
        // The timeout is at one of the ends, or anything else is.
        let place = if random.once_in(2) { 1 } else { words.len() - 1 };
        words[place] = TIMEOUTS[random.below(TIMEOUTS.len())].as_bytes().to_vec();
    }
    vec![line("MULTI"), words, line("EXEC")]
}

fn their_answer(client: &mut Client, words: &Call) -> Vec<u8> {
    client.send(words).expect("the real server reads");
    client.read_reply_bytes().expect("the real server answers")
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
