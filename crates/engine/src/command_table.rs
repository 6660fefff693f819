//! From the declarations to what the executor needs of them, computed once.

use command::{Command as Declaration, Flags, KeyLayout, Table};

use crate::call::Call;
use resp::ReplyError;

/// How a handler ends: having replied, or with an error and nothing done.
pub type Outcome = Result<(), ReplyError>;

/// A function that runs a command.
pub type Run = fn(&mut Call<'_>) -> Outcome;

/// A command of this engine.
pub type Command = Declaration<Handler>;

/// What runs a command, and how much of the keyspace it may reach.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// The keys that the command declares: their shards are locked.
    Keys(Run),
    /// Any keys, one shard at a time: what visits many and promises no picture of one moment.
    Roaming(Run),
    /// Everything, at rest: all gates are closed.
    Everything(Run),
}

/// A command or subcommand, ready to be called.
#[derive(Debug)]
pub struct Callable {
    /// Its declaration.
    pub command: &'static Command,
    /// Dense: an index for statistics.
    pub id: usize,
    /// Whether it does nothing itself but has subcommands.
    pub is_container: bool,
    pub(crate) layout: KeyLayout,
    pub(crate) flags: Flags,
    least_words: usize,
    most_words: usize,
}

impl Callable {
    fn new(command: &'static Command, id: usize) -> Callable {
        let arity = command.arity();
        let least_words = usize::try_from(arity.unsigned_abs()).unwrap_or(usize::MAX);
        Callable {
            command,
            id,
            is_container: command.is_container(),
            layout: KeyLayout::of(command),
            flags: command.flags,
            least_words,
            most_words: if arity < 0 { usize::MAX } else { least_words },
        }
    }

    /// Whether a call may have so many words, its name among them.
    #[inline]
    pub(crate) fn admits(&self, words: usize) -> bool {
        self.least_words <= words && words <= self.most_words
    }
}
