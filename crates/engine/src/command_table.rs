//! How declarations and handlers come together.

use command::{Command as Declaration, Entry, KeyLayout};
use resp::{ReplyError, Words};

use crate::call::Call;

/// How a handler ends: having replied, or with an error and nothing done.
pub type Outcome = Result<(), ReplyError>;

/// A function that runs a command.
pub type Run = fn(&mut Call<'_>) -> Outcome;

/// A command of this engine.
pub type Command = Declaration<Handler>;

/// A command or subcommand in an engine's table.
pub type Callable = Entry<Handler>;

/// What runs a command, and how much of the keyspace it may reach.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// The keys that the command declares: their shards are locked.
    Keys(Run),
    /// Any keys, one shard at a time: what visits many and promises no picture of one moment. What it finds expired it
    /// tells with [`Call::record_expired`] before it goes on to another shard.
    Roaming(Run),
    /// Everything, at rest: all gates are closed.
    Everything(Run),
    /// The keys that the command declares, unless the words of a call name others as well: then everything, at rest.
    KeysOrEverything {
        /// Runs either.
        run: Run,
        /// Whether the words, of which the first is the command's name, name other keys.
        needs_everything: fn(Words<'_>) -> bool,
    },
    /// What the calls reach that the client has queued in its transaction, and the keys that it watches.
    Queued(Run),
    /// The keys that the client watches.
    Watched(Run),
}

impl Handler {
    /// How much of the keyspace one call may reach.
    #[inline]
    pub(crate) fn for_call(self, words: Words<'_>) -> Handler {
        match self {
            Handler::KeysOrEverything { run, needs_everything } => {
                if needs_everything(words) {
                    Handler::Everything(run)
                } else {
                    Handler::Keys(run)
                }
            }
            Handler::Keys(_)
            | Handler::Roaming(_)
            | Handler::Everything(_)
            | Handler::Queued(_)
            | Handler::Watched(_) => self,
        }
    }

    /// The function.
    #[inline]
    pub(crate) fn run(self) -> Run {
        match self {
            Handler::Keys(run)
            | Handler::Roaming(run)
            | Handler::Everything(run)
            | Handler::KeysOrEverything { run, .. }
            | Handler::Queued(run)
            | Handler::Watched(run) => run,
        }
    }
}

/// The word that is the only key of any call of a command, where the declaration alone tells.
#[inline]
pub(crate) fn only_key(callable: &Callable) -> Option<usize> {
    match (callable.layout, callable.run) {
        (KeyLayout::One(position), Some(Handler::Keys(_))) => Some(usize::from(position)),
        _ => None,
    }
}
