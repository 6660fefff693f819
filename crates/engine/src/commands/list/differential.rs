//! The commands of this family and those of a real server, called with the same random words: every reply must be equal, and what
//! is there after it, its form included.
//!
//! `OCHRE_ROUNDS` tries more cases than the few of every test run.

use command::Flags;
use command::generate::{Call, Random, Style, call};
use harness::{Client, Oracle, Protocol, Version};

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
        let node_size = random.pick(&[-1, -2, 1, 2, 3, 5, 8, 128]);
        let depth = random.pick(&[0, 0, 1, 2]);
        ours.configure(|config| {
            config.data_structures.list_node_size = node_size;
            config.data_structures.list_compress_depth = depth;
        });
        theirs.call(&["CONFIG", "SET", "list-max-listpack-size", &node_size.to_string()]);
        theirs.call(&["CONFIG", "SET", "list-compress-depth", &depth.to_string()]);
        let mut told = vec![vec![format!("{node_size} {depth}")]];
        for _ in 0..CALLS {
            let words = drawn(&mut random);
            told.push(words.iter().map(|word| shown(word)).collect());
            let expected = their_answer(&mut theirs, &words);
            assert_eq!(
                ours.answer(&words).escape_ascii().to_string(),
                expected,
                "seed {seed}: {told:#?}"
            );
            for key in KEYS {
                for words in [["OBJECT", "ENCODING", key].as_slice(), &["LRANGE", key, "0", "-1"]] {
                    let words: Call = words.iter().map(|word| word.as_bytes().to_vec()).collect();
                    let expected = their_answer(&mut theirs, &words);
                    let answered = ours.answer(&words).escape_ascii().to_string();
                    assert_eq!(answered, expected, "seed {seed}: {key}: {told:#?}");
                }
            }
        }
    }
}

/// The keys that calls are drawn with.
const KEYS: &[&str] = &["list:1", "list:2", "list:{tag}"];

fn their_answer(client: &mut Client, words: &Call) -> String {
    client.send(words).expect("the real server reads");
    client.read_reply_bytes().expect("the real server answers").escape_ascii().to_string()
}

fn shown(word: &[u8]) -> String {
    let text = word.escape_ascii().to_string();
    if text.len() < 60 { text } else { format!("{}... ({})", &text[..20], word.len()) }
}

/// A call. Lists grow more often than they shrink.
fn drawn(random: &mut Random) -> Call {
    if random.once_in(40) {
        return ["SET", "list:2", "x"].iter().map(|word| word.as_bytes().to_vec()).collect();
    }
    // Those that block are answered later, which is tested elsewhere.
    let commands: Vec<_> =
        COMMANDS.iter().filter(|command| !command.flags.has(Flags::BLOCKING)).collect();
    let command = match random.below(4) {
        0 => commands.iter().find(|command| command.name == "RPUSH").expect("it is in the list"),
        _ => &commands[random.below(commands.len())],
    };
    let style = if random.once_in(5) { Style::Wild } else { Style::Valid };
    let mut words = call(command, style, random);
    enrich(&mut words, random);
    if command.name == "LSET" && words.get(2).is_some_and(|index| wraps(index)) {
        words[2] = b"7".to_vec();
    }
    words
}

/// Redis 7.4 cuts the index of LSET to 32 bits, so that one far outside of the list changes an element: an error there, which 7.0
/// has not and we have not.
fn wraps(index: &[u8]) -> bool {
    let number = collections::list_pack::integer_of(index);
    number.is_some_and(|number| i32::try_from(number).is_err())
}

/// Puts other values in the place of some: integers of every size, and strings around the bounds of nodes.
fn enrich(words: &mut Call, random: &mut Random) {
    const NUMBERS: &[&[u8]] = &[
        b"9223372036854775807",
        b"-9223372036854775808",
        b"-9223372036854775807",
        b"9223372036854775808",
        b"-1",
        b"-2",
        b"0",
        b"1",
        b"127",
        b"4096",
        b"-0",
        b"+5",
        b" 1",
        b"3.0",
        b"",
    ];
    const LENGTHS: &[usize] =
        &[62, 63, 64, 1000, 1000, 1000, 4085, 4090, 4096, 4097, 8180, 8192, 8193, 20_000];
    for word in words.iter_mut().skip(2) {
        match random.below(14) {
            0 => *word = random.pick(NUMBERS).to_vec(),
            1 => *word = vec![b'x'; random.pick(LENGTHS)],
            _ => {}
        }
    }
}
