//! What a case is made of.

use std::fmt;
use std::time::Duration;

use harness::Random;

use super::pool;

/// Draws steps at random.
pub(super) trait Generator: Sync {
    /// A few steps that belong together, most often one.
    fn steps(&self, random: &mut Random) -> Vec<Step>;
}

/// One thing that happens on both servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A command.
    Call(Vec<Vec<u8>>),
    /// So much time passes on both servers before the next step; what comes before it is
    /// complete by then.
    Elapse(Duration),
}

impl Step {
    /// A command of these words.
    pub(super) fn call<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Step {
        Step::Call(words.into_iter().map(|word| word.as_ref().to_vec()).collect())
    }

    /// The words of a command.
    pub(super) fn words(&self) -> Option<&[Vec<u8>]> {
        match self {
            Step::Call(words) => Some(words),
            Step::Elapse(_) => None,
        }
    }

    /// Now and then, the same step with a mistake in it or written otherwise, as clients do.
    pub(super) fn varied(mut self, random: &mut Random) -> Step {
        let Step::Call(words) = &mut self else {
            return self;
        };
        if random.one_in(8) {
            let which = random.below(words.len());
            // Data is left as it is: it is not a word of the language.
            if which == 0 || words[which].iter().all(u8::is_ascii_alphabetic) && which != 1 {
                words[which] = pool::other_case(&words[which], random);
            }
        }
        if random.one_in(25) && !is_fixed(words) {
            let which = random.below(words.len());
            match random.below(3) {
                // What follows the name could be a name too: SYNC of FLUSHALL SYNC.
                0 if 0 < which => drop(words.remove(which)),
                1 => words.insert(which, words[which].clone()),
                _ if 0 < which => words[which] = pool::odd(random),
                _ => {}
            }
        }
        self
    }
}

/// Whether a word more or less could make it do what no case may do: change a setting that the cases
/// after it rely on, wait, or (SCAN) depend on which keys share a bucket.
pub(super) fn is_fixed(words: &[Vec<u8>]) -> bool {
    ["CONFIG", "CLIENT", "DEBUG", "HELLO", "RESET", "SCAN", "COMMAND", "INFO", "MULTI", "EXEC"]
        .iter()
        .any(|name| words[0].eq_ignore_ascii_case(name.as_bytes()))
}

/// As it could be typed into redis-cli.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Elapse(time) => write!(f, "# {} ms pass", time.as_millis()),
            Step::Call(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                f.write_str(&words.join(" "))
            }
        }
    }
}

fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:.{}*?[]+".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        String::from_utf8_lossy(word).into_owned()
    } else {
        format!("\"{}\"", word.escape_ascii())
    }
}
