//! How many words a call may have, derived from the grammar.
//!
//! An arity of `n` asks for exactly `n` words, the command's name among them; `-n` for at least `n`.
//! The grammar tells both: the fewest words that it allows, and whether it allows other numbers.

use crate::argument::{Argument, Kind};
use crate::declaration::Command;

impl<H> Command<H> {
    /// The number of words that a call must have, its name among them (both words of a subcommand's):
    /// exactly `n`, or at least `-n` when negative.
    pub fn arity(&self) -> i32 {
        self.arity_override.unwrap_or_else(|| {
            let name = Width { words: if self.name.contains('|') { 2 } else { 1 }, varies: false };
            let width = self.arguments.iter().map(Width::of).fold(name, Width::then);
            if width.varies { width.words.saturating_neg() } else { width.words }
        })
    }

    /// Whether a call of `words` words, the name among them, has an acceptable length.
    pub fn admits(&self, words: usize) -> bool {
        admits(self.arity(), words)
    }
}

/// Whether a call of `words` words has an acceptable length under an arity.
#[inline]
pub fn admits(arity: i32, words: usize) -> bool {
    let expected = arity.unsigned_abs() as usize;
    if arity < 0 { expected <= words } else { expected == words }
}

/// How many words a stretch of grammar takes at least, and whether it can take another number.
#[derive(Clone, Copy)]
struct Width {
    words: i32,
    varies: bool,
}

impl Width {
    const NONE: Width = Width { words: 0, varies: false };
    const ONE: Width = Width { words: 1, varies: false };

    fn of(argument: &Argument) -> Width {
        let own = match argument.kind {
            Kind::String
            | Kind::Integer
            | Kind::Double
            | Kind::Key
            | Kind::Pattern
            | Kind::UnixTime => Width::ONE,
            Kind::Token => Width::NONE,
            Kind::Block(parts) => parts.iter().map(Width::of).fold(Width::NONE, Width::then),
            Kind::OneOf(choices) => {
                choices.iter().map(Width::of).reduce(Width::or).unwrap_or(Width::NONE)
            }
        };
        let whole = if argument.token.is_some() { Width::ONE.then(own) } else { own };
        Width {
            words: if argument.optional { 0 } else { whole.words },
            varies: whole.varies || argument.optional || argument.multiple,
        }
    }

    fn then(self, next: Width) -> Width {
        Width { words: self.words.saturating_add(next.words), varies: self.varies || next.varies }
    }

    fn or(self, other: Width) -> Width {
        Width {
            words: self.words.min(other.words),
            varies: self.varies || other.varies || self.words != other.words,
        }
    }
}
