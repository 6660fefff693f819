//! Patterns that name, for each element, another key, or a field of a hash there.

use collections::Hash;
use keyspace::{Decimal, ValueType, View};

/// A pattern, as a call has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Pattern<'a> {
    target: Target<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    /// `#`: the element itself.
    Element,
    /// Without a star it names nothing.
    Nothing,
    /// What is before the element and behind it, and maybe the field of a hash.
    Key { before: &'a [u8], behind: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    pub(super) fn new(text: &'a [u8]) -> Pattern<'a> {
        Pattern { target: target(text) }
    }

    /// Whether an element may take a place in it.
    pub(super) fn has_star(self) -> bool {
        matches!(self.target, Target::Key { .. })
    }

    /// Whether it names keys that the call does not.
    pub(super) fn names_keys(self) -> bool {
        self.has_star()
    }

    /// Gives what the pattern means for an element to `read`: a string, or none.
    pub(super) fn with<R>(
        self,
        keys: &mut View<'_>,
        element: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        let (before, behind, field) = match self.target {
            Target::Element => return read(Some(element)),
            Target::Nothing => return read(None),
            Target::Key { before, behind, field } => (before, behind, field),
        };
        let key = [before, element, behind].concat();
        let mut decimal = Decimal::new();
        if let Some(field) = field {
            let hash = keys.read_as::<Hash>(&key).ok().flatten();
            let value = hash.and_then(|hash| hash.value(field));
            return read(value.map(|value| value.bytes(&mut decimal)));
        }
        let entry = keys.read(&key).filter(|entry| entry.value_type() == ValueType::String);
        let string = entry.map(|entry| entry.string());
        read(string.as_ref().map(|string| string.bytes(&mut decimal)))
    }
}

fn target(text: &[u8]) -> Target<'_> {
    if text == b"#" {
        return Target::Element;
    }
    // The first star and the first arrow behind it count. Redis looks for both up to a NUL, where C's strings end.
    let visible = text.split(|&byte| byte == 0).next().unwrap_or_default();
    let Some(star) = visible.iter().position(|&byte| byte == b'*') else {
        return Target::Nothing;
    };
    let (before, behind) = (&text[..star], &text[star + 1..]);
    let arrow = visible[star + 1..].windows(2).position(|pair| pair == b"->");
    match arrow {
        // An arrow to nothing is a part of the name.
        Some(arrow) if star + 1 + arrow + 2 < visible.len() => {
            Target::Key { before, behind: &behind[..arrow], field: Some(&behind[arrow + 2..]) }
        }
        Some(_) | None => Target::Key { before, behind, field: None },
    }
}
