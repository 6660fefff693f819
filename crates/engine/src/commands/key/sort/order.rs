//! In which order elements come.

use std::cmp::Ordering;

use collections::sorted_set::Direction;
use resp::ReplyError;
use resp::number::parse_double;

use super::pattern::Pattern;
use crate::Call;

/// What elements are compared by.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    /// What is read of other keys; the elements themselves without it.
    pattern: Option<Pattern<'a>>,
    text: Option<Text>,
}

/// How texts are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    /// By all of their bytes.
    Whole,
    /// As C compares strings: up to the first NUL.
    UpToNul,
}

impl<'a> By<'a> {
    pub(super) fn new(
        pattern: Option<Pattern<'a>>,
        is_alphabetic: bool,
        is_stored: bool,
    ) -> By<'a> {
        // What is stored must not depend on how a server is set up, and for Redis that means all bytes.
        let text = if is_stored { Text::Whole } else { Text::UpToNul };
        By { pattern, text: is_alphabetic.then_some(text) }
    }
}

/// An element, and what it is compared by.
struct Weighed<W> {
    element: Vec<u8>,
    weight: W,
}

/// Sorts elements. Those that compare as equal stay in the order in which they are.
pub(super) fn sort(
    call: &mut Call<'_>,
    elements: Vec<Vec<u8>>,
    by: By<'_>,
    direction: Direction,
) -> Result<Vec<Vec<u8>>, ReplyError> {
    match (by.text, by.pattern) {
        (None, pattern) => {
            let weighed = weigh(elements, |element| number_of(call, pattern, element))?;
            Ok(sorted(weighed, direction, |one, other| {
                let scores = one.weight.partial_cmp(&other.weight).unwrap_or(Ordering::Equal);
                scores.then_with(|| one.element.cmp(&other.element))
            }))
        }
        (Some(text), Some(pattern)) => {
            let weighed = weigh(elements, |element| {
                Ok(pattern.with(&mut call.keys, element, |value| value.map(<[u8]>::to_vec)))
            })?;
            Ok(sorted(weighed, direction, |one, other| match (&one.weight, &other.weight) {
                (Some(one), Some(other)) => text.compare(one, other),
                // What is missing comes first.
                (one, other) => one.is_some().cmp(&other.is_some()),
            }))
        }
        (Some(text), None) => {
            let weighed = weigh(elements, |_| Ok(()))?;
            Ok(sorted(weighed, direction, |one, other| text.compare(&one.element, &other.element)))
        }
    }
}

fn weigh<W>(
    elements: Vec<Vec<u8>>,
    mut weigh: impl FnMut(&[u8]) -> Result<W, ReplyError>,
) -> Result<Vec<Weighed<W>>, ReplyError> {
    let weighed = elements.into_iter().map(|element| {
        let weight = weigh(&element)?;
        Ok(Weighed { element, weight })
    });
    weighed.collect()
}

fn sorted<W>(
    mut weighed: Vec<Weighed<W>>,
    direction: Direction,
    compare: impl Fn(&Weighed<W>, &Weighed<W>) -> Ordering,
) -> Vec<Vec<u8>> {
    weighed.sort_by(|one, other| match direction {
        Direction::Ascending => compare(one, other),
        Direction::Descending => compare(other, one),
    });
    weighed.into_iter().map(|weighed| weighed.element).collect()
}

/// The number that an element, or what a pattern names for it, is; 0 if there is nothing.
fn number_of(
    call: &mut Call<'_>,
    pattern: Option<Pattern<'_>>,
    element: &[u8],
) -> Result<f64, ReplyError> {
    match pattern {
        Some(pattern) => {
            pattern.with(&mut call.keys, element, |value| value.map_or(Ok(0.0), number))
        }
        None => number(element),
    }
}

/// What C's `strtod` reads of a text, if it reads it whole: spaces may lead, a NUL ends it, and nothing at all is 0.
fn number(text: &[u8]) -> Result<f64, ReplyError> {
    // A vertical tab is a space in C, but not in Rust.
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let text = up_to_nul(text);
    if text.is_empty() {
        return Ok(0.0);
    }
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    parse_double(&text[spaces..]).ok_or(NO_NUMBER)
}

impl Text {
    fn compare(self, one: &[u8], other: &[u8]) -> Ordering {
        match self {
            Text::Whole => one.cmp(other),
            Text::UpToNul => up_to_nul(one).cmp(up_to_nul(other)),
        }
    }
}

fn up_to_nul(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

const NO_NUMBER: ReplyError =
    ReplyError::message("One or more scores can't be converted into double");
