//! How the table reaches the field that a directive sets, without knowing the type of that field.
//!
//! A directive speaks of a yes or no, a number, a word or a text; the field behind it is a `bool`, a `u16`,
//! an enum, a [`Text`]. [`Held`] translates between the two, and the macro `field!` writes the pair of
//! functions that read and write one field of [`Config`]. The compiler so checks that a directive and its field fit.

use crate::Config;
use crate::text::{Secret, Text};

/// The two ways to a field of [`Config`], seen as a value of type `V`.
pub(crate) struct Field<V> {
    pub(crate) read: fn(&Config) -> V,
    pub(crate) write: fn(&mut Config, V),
}

/// `field!(memory.limit)`: the [`Field`] at that path of [`Config`].
macro_rules! field {
    ($($path:ident).+) => {
        $crate::field::Field {
            read: |config| $crate::field::Held::value(&config.$($path).+),
            write: |config, value| $crate::field::Held::hold(&mut config.$($path).+, value),
        }
    };
}
pub(crate) use field;

/// A type of field that holds what a directive calls a `V`.
pub(crate) trait Held<V> {
    fn value(&self) -> V;
    fn hold(&mut self, value: V);
}

impl Held<bool> for bool {
    fn value(&self) -> bool {
        *self
    }

    fn hold(&mut self, value: bool) {
        *self = value;
    }
}

impl Held<Text> for Text {
    fn value(&self) -> Text {
        self.clone()
    }

    fn hold(&mut self, value: Text) {
        *self = value;
    }
}

impl Held<Text> for Secret {
    fn value(&self) -> Text {
        self.as_bytes().into()
    }

    fn hold(&mut self, value: Text) {
        *self = value.into();
    }
}

/// Every number a directive knows fits an `i128`, signed or not.
impl<T: Copy + Into<i128> + TryFrom<i128>> Held<i128> for T {
    fn value(&self) -> i128 {
        (*self).into()
    }

    fn hold(&mut self, value: i128) {
        // The directive has checked its range, and a test checks that every range fits its field.
        match T::try_from(value) {
            Ok(value) => *self = value,
            Err(_) => debug_assert!(false, "the range of a directive does not fit its field"),
        }
    }
}

/// An enum whose variants are words of the configuration file.
pub trait Choice: Copy + PartialEq + 'static {
    /// Every variant with its word, in the order in which an error message lists them.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of this variant.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, choice)| *choice == self).map_or("", |(word, _)| word)
    }
}

impl<C: Choice> Held<&'static str> for C {
    fn value(&self) -> &'static str {
        self.word()
    }

    fn hold(&mut self, value: &'static str) {
        match C::WORDS.iter().find(|(word, _)| *word == value) {
            Some((_, choice)) => *self = *choice,
            None => debug_assert!(false, "a word that is none of the choices"),
        }
    }
}
