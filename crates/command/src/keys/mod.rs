//! Finding the keys of a call.
//!
//! The key specs of a command find the keys of most calls; where they can't, the command names a
//! [`KeyFinder`]. Most commands need neither on the hot path: [`KeyLayout`] says beforehand that there
//! is one key at a known word, or a plain range of them.
//!
//! Whatever the words are, positions found lie within the call. A malformed call (a count of keys
//! beyond the words, say) yields the keys that could be found and an error; the handler then refuses
//! the call on its own, so the executor may ignore the error.

mod finder;
mod layout;

use resp::{ReplyError, Words};
use smallvec::SmallVec;
use thiserror::Error;

use crate::declaration::Command;
use crate::flags::Flags;
use crate::key_spec::{Begin, Find, KeyFlags, KeySpec};

pub use finder::{
    KeyFinder, bit_field_flags, geo_radius, geo_radius_by_member, migrate, set_flags, sort,
    stream_read_group,
};
pub use layout::KeyLayout;

/// A key of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPosition {
    /// The number of the word, the command's name being word 0.
    pub index: usize,
    /// What the command does with it.
    pub flags: KeyFlags,
}

/// The keys of a call, in the order of the key specs.
pub type KeyPositions = SmallVec<[KeyPosition; 4]>;

/// Which words to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Keys: what a command may touch.
    Keys,
    /// Keys, and words that decide on the place like keys (shard channels): for cluster routing.
    Places,
}

/// Why the keys of a call can't be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No call of the command has any.
    #[error("The command has no key arguments")]
    NoKeys,
    /// The call has too few or too many words.
    #[error("Invalid number of arguments specified for command")]
    WrongArity,
    /// The words don't say where they are.
    #[error("Invalid arguments specified for command")]
    InvalidArguments,
}

impl From<KeyError> for ReplyError {
    fn from(error: KeyError) -> ReplyError {
        ReplyError::message(match error {
            KeyError::NoKeys => "The command has no key arguments",
            KeyError::WrongArity => "Invalid number of arguments specified for command",
            KeyError::InvalidArguments => "Invalid arguments specified for command",
        })
    }
}

impl<H> Command<H> {
    /// Whether calls of this command can have keys.
    pub fn has_keys(&self) -> bool {
        self.keys.iter().any(|spec| !spec.flags.has(KeyFlags::NOT_KEY))
    }

    /// The keys of a call, as COMMAND GETKEYS reports them.
    pub fn keys_of(&self, words: Words<'_>) -> Result<KeyPositions, KeyError> {
        if !self.has_keys() {
            return Err(KeyError::NoKeys);
        }
        if !self.admits(words.len()) {
            return Err(KeyError::WrongArity);
        }
        let mut positions = KeyPositions::new();
        match self.find_keys(words, Search::Keys, &mut positions) {
            Ok(()) if !positions.is_empty() => Ok(positions),
            _ if self.flags.has(Flags::NO_MANDATORY_KEYS) => Ok(KeyPositions::new()),
            _ => Err(KeyError::InvalidArguments),
        }
    }

    /// Appends the keys of a call to `positions`. With an error there may be some, too: those that
    /// could be told.
    pub fn find_keys(
        &self,
        words: Words<'_>,
        search: Search,
        positions: &mut KeyPositions,
    ) -> Result<(), KeyError> {
        match self.key_finder {
            Some(KeyFinder::Positions(find)) => find(self.keys, words, positions),
            Some(KeyFinder::Flags(flags)) => {
                let flags = flags(words);
                let start = positions.len();
                find_by_specs(self.keys, words, search, positions)?;
                for position in positions.iter_mut().skip(start) {
                    position.flags = flags;
                }
                Ok(())
            }
            None => find_by_specs(self.keys, words, search, positions),
        }
    }
}

/// Appends what `specs` find. If one of them can't be followed, the others are, and it is an error.
pub(crate) fn find_by_specs(
    specs: &[KeySpec],
    words: Words<'_>,
    search: Search,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    let mut outcome = Ok(());
    for spec in specs {
        if spec.flags.has(KeyFlags::NOT_KEY) && search == Search::Keys {
            continue;
        }
        let found = spec.find(words, positions);
        outcome = outcome.and(found);
    }
    outcome
}

impl KeySpec {
    /// Appends the keys of a call that this spec finds.
    pub fn find(&self, words: Words<'_>, positions: &mut KeyPositions) -> Result<(), KeyError> {
        let begin = match self.begin {
            Begin::Index(index) => usize::from(index),
            Begin::Keyword { word, start } => match after_keyword(words, word, start) {
                Some(begin) => begin,
                // It was optional then.
                None => return Ok(()),
            },
            // The command finds them in another way, or needs the whole keyspace.
            Begin::Unknown => return Ok(()),
        };
        let range = self.find.words(words, begin).ok_or(KeyError::InvalidArguments)?;
        positions.extend(range.map(|index| KeyPosition { index, flags: self.flags }));
        Ok(())
    }
}

/// The word after the keyword. The keyword itself can't be the last word, nor the first.
fn after_keyword(words: Words<'_>, keyword: &str, start: i16) -> Option<usize> {
    let is_keyword = |&index: &usize| {
        words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()))
    };
    let distance = usize::from(start.unsigned_abs());
    let found = if start < 0 {
        let from = words.len().checked_sub(distance)?;
        (1..=from).rev().find(is_keyword)
    } else {
        (distance..words.len()).find(is_keyword)
    };
    found.and_then(|index| index.checked_add(1)).filter(|&index| index < words.len())
}

impl Find {
    /// The words that this stands for from `begin` on; nothing if some lie beyond the call.
    fn words(self, words: Words<'_>, begin: usize) -> Option<impl Iterator<Item = usize> + use<>> {
        let (first, last, step) = match self {
            Find::Range { last, step, limit } => {
                (begin, last_of_range(words.len(), begin, last, limit)?, step)
            }
            Find::Number { number, first, step } => {
                let count = resp::number::parse_integer(
                    words.get(begin.checked_add(usize::from(number))?)?,
                )?;
                let count = usize::try_from(count).ok()?;
                let first = begin.checked_add(usize::from(first))?;
                let beyond_first = count.checked_sub(1)?.checked_mul(usize::from(step))?;
                (first, first.checked_add(beyond_first)?, step)
            }
            Find::Unknown => return None,
        };
        let fits = first <= last && last < words.len();
        fits.then(|| (first..=last).step_by(usize::from(step).max(1)))
    }
}

/// The last word of a range that begins at `begin` in a call of `len` words.
fn last_of_range(len: usize, begin: usize, last: i16, limit: u16) -> Option<usize> {
    if 0 <= last {
        return begin.checked_add(usize::from(last.unsigned_abs()));
    }
    let beyond = if limit <= 1 {
        len.checked_sub(begin)?
    } else {
        len.checked_sub(begin)?.checked_div(usize::from(limit))?
    };
    begin.checked_add(beyond)?.checked_sub(usize::from(last.unsigned_abs()))
}
