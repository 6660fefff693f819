//! The same random calls for this engine and for a real server: every reply must be equal, and what is there after it.
//!
//! Whole servers are compared in the tests of the workspace, which insist on a real one; here it is done in process, for
//! those who work on a family. `OCHRE_ROUNDS` tries more cases than the few of every test run.

use command::generate::{Call, Random};
use harness::{Client, Oracle, Protocol, Version};

use crate::testing::Server;

/// Cases of a test run.
const ROUNDS: u64 = 60;
/// Calls of a case.
const CALLS: usize = 60;

/// Compares calls that are drawn by `draw`. After each, `looks` are called for each of the keys and must be answered alike;
/// an error they may answer is one as well.
pub(super) fn compare(draw: impl Fn(&mut Random) -> Call, keys: &[&str], looks: &[&[&str]]) {
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
            let words = draw(&mut random);
            told.push(words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>());
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let (answered, expected) = answers(&mut ours, &mut theirs, &words);
            assert_eq!(answered, expected, "seed {seed}: {told:#?}");
            for key in keys {
                for look in looks {
                    let mut words: Vec<&[u8]> = look.iter().map(|word| word.as_bytes()).collect();
                    words.push(key.as_bytes());
                    let (answered, expected) = answers(&mut ours, &mut theirs, &words);
                    assert_eq!(answered, expected, "seed {seed}: {look:?} {key}: {told:#?}");
                }
            }
        }
    }
}

fn answers(ours: &mut Server, theirs: &mut Client, words: &[&[u8]]) -> (String, String) {
    theirs.send(words).expect("the real server reads");
    let expected = theirs.read_reply_bytes().expect("the real server answers");
    let answered = ours.answer(words);
    (answered.escape_ascii().to_string(), expected.escape_ascii().to_string())
}
