//! Where a command's keys are, decided once instead of for every call.

use resp::Words;

use super::{KeyFinder, KeyPosition, KeyPositions, Search};
use crate::declaration::Command;
use crate::key_spec::{Begin, Find, KeyFlags, KeySpec};
use crate::table::Entry;

/// Where the keys of any call of a command are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyLayout {
    /// There are none.
    None,
    /// One, at this word.
    One(u16),
    /// At regular distances.
    Range {
        /// The first key.
        first: u16,
        /// The last key; if negative, seen from the end of the call, whose last word is -1.
        last: i16,
        /// From one key to the next; never 0.
        step: u16,
    },
    /// The words of the call decide: [`Command::find_keys`].
    General,
}

impl<H> Entry<H> {
    /// The only key of a call, where that there is one follows from the declaration: all that [`Command::find_keys`] finds then.
    #[inline]
    pub fn one_key(&self, words: Words<'_>) -> Option<KeyPosition> {
        let KeyLayout::One(position) = self.layout else { return None };
        let index = usize::from(position);
        let flags = match self.command.key_finder {
            None => self.command.keys.iter().find(|spec| !spec.flags.has(KeyFlags::NOT_KEY))?.flags,
            Some(KeyFinder::Flags(flags)) => flags(words),
            Some(KeyFinder::Positions(_)) => return None,
        };
        (index < words.len()).then_some(KeyPosition { index, flags })
    }
}

impl KeyLayout {
    /// The layout of `command`. Words that are no keys (shard channels) are not in it.
    pub fn of<H>(command: &Command<H>) -> KeyLayout {
        if matches!(command.key_finder, Some(KeyFinder::Positions(_))) {
            return KeyLayout::General;
        }
        command
            .keys
            .iter()
            .filter(|spec| !spec.flags.has(KeyFlags::NOT_KEY))
            .map(KeyLayout::of_spec)
            .reduce(KeyLayout::joined)
            .unwrap_or(KeyLayout::None)
    }

    fn of_spec(spec: &KeySpec) -> KeyLayout {
        match (spec.begin, spec.find) {
            (Begin::Index(first), Find::Range { last: 0, .. }) => KeyLayout::One(first),
            (Begin::Index(first), Find::Range { last, step, limit: 0 | 1 }) => {
                match last_word(first, last) {
                    Some(last) => KeyLayout::Range { first, last, step: step.max(1) },
                    None => KeyLayout::General,
                }
            }
            _ => KeyLayout::General,
        }
    }

    /// Both together, if `next` follows directly.
    fn joined(self, next: KeyLayout) -> KeyLayout {
        let (KeyLayout::One(first) | KeyLayout::Range { first, .. }) = self else {
            return KeyLayout::General;
        };
        let end = match self {
            KeyLayout::One(first) => i16::try_from(first).ok(),
            KeyLayout::Range { last, step: 1, .. } if 0 <= last => Some(last),
            KeyLayout::Range { .. } | KeyLayout::None | KeyLayout::General => None,
        };
        let (follows, last) = match next {
            KeyLayout::One(second) => (second, i16::try_from(second).ok()),
            KeyLayout::Range { first: second, last, step: 1 } => (second, Some(last)),
            KeyLayout::Range { .. } | KeyLayout::None | KeyLayout::General => (0, None),
        };
        match (end.and_then(|end| end.checked_add(1)), last) {
            (Some(expected), Some(last)) if i32::from(expected) == i32::from(follows) => {
                KeyLayout::Range { first, last, step: 1 }
            }
            _ => KeyLayout::General,
        }
    }

    /// The words that are keys in a call of `words` words, none of them beyond the call; nothing for
    /// [`KeyLayout::General`], which needs to see the words.
    #[inline]
    pub fn positions(self, words: usize) -> impl Iterator<Item = usize> {
        let (first, end, step) = match self {
            KeyLayout::None | KeyLayout::General => (0, 0, 1),
            KeyLayout::One(first) => (usize::from(first), usize::from(first).saturating_add(1), 1),
            KeyLayout::Range { first, last, step } => {
                let distance = usize::from(last.unsigned_abs());
                let end = if last < 0 {
                    words.saturating_add(1).saturating_sub(distance)
                } else {
                    distance.saturating_add(1)
                };
                (usize::from(first), end, usize::from(step).max(1))
            }
        };
        (first..end.min(words)).step_by(step)
    }
}

impl<H> Command<H> {
    /// Calls `visit` with every key of a call, as far as they can be told.
    pub fn for_each_key<'a>(
        &self,
        layout: KeyLayout,
        words: Words<'a>,
        mut visit: impl FnMut(&'a [u8]),
    ) {
        if layout == KeyLayout::General {
            let mut positions = KeyPositions::new();
            // What is malformed is the handler's to refuse.
            let _partial = self.find_keys(words, Search::Keys, &mut positions);
            positions.iter().filter_map(|position| words.get(position.index)).for_each(visit);
        } else {
            layout.positions(words.len()).filter_map(|index| words.get(index)).for_each(&mut visit);
        }
    }
}

/// The last word of a range, counted from the command's name unless negative.
fn last_word(first: u16, last: i16) -> Option<i16> {
    if last < 0 { Some(last) } else { i16::try_from(first).ok()?.checked_add(last) }
}
