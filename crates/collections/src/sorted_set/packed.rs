//! A small sorted set: one list pack of members, each followed by its score, in order.
//!
//! A score that is an integer is stored as one, any other as its text, as Redis does.

#![expect(clippy::arithmetic_side_effects, reason = "counts of elements in memory")]

use std::cmp::Ordering;
use std::ops::Range;

use resp::number::{parse_double, write_double};

use super::{Direction, LexRange, ScoreRange};
use crate::list_pack::{Element, Encoded, Iter, ListPack, ListPackRef, Position};

/// The number of members.
#[inline]
pub(super) fn len(pack: ListPackRef<'_>) -> usize {
    pack.len() / 2
}

/// The score at a position, which is one of a score.
#[inline]
pub(super) fn score_at(pack: ListPackRef<'_>, position: Position) -> f64 {
    score_of(pack.element(position))
}

#[inline]
#[expect(
    clippy::cast_precision_loss,
    reason = "integers that doubles can't hold are stored as text"
)]
fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Integer(integer) => integer as f64,
        Element::Bytes(text) => parse_double(text).unwrap_or(0.0),
    }
}

/// Where a member is and its score.
#[inline]
pub(super) fn find(pack: ListPackRef<'_>, member: &[u8]) -> Option<(Position, f64)> {
    let position = pack.find(member, 1)?;
    let score = pack.next(position)?;
    Some((position, score_at(pack, score)))
}

/// The rank of a member and its score.
pub(super) fn rank(pack: ListPackRef<'_>, member: &[u8]) -> Option<(usize, f64)> {
    let mut elements = pack.iter();
    let mut rank = 0;
    while let Some(element) = elements.next() {
        let score = elements.next()?;
        if element.equals(member) {
            return Some((rank, score_of(score)));
        }
        rank += 1;
    }
    None
}

/// Puts a member that is not there in its place.
pub(super) fn insert(pack: &mut ListPack, member: &[u8], score: f64) {
    let position = place(pack.as_ref(), member, score);
    let mut text = Vec::new();
    let elements = [Encoded::of(member), encode(score, &mut text)];
    pack.insert_encoded(position, &elements);
}

/// Puts a member behind all others, where it belongs.
pub(super) fn push(pack: &mut ListPack, member: &[u8], score: f64) {
    let mut text = Vec::new();
    pack.push_back(member);
    pack.push_back_encoded(&encode(score, &mut text));
}

/// Gives a member, which is at the position, another score.
pub(super) fn update(pack: &mut ListPack, position: Position, member: &[u8], score: f64) {
    pack.remove(position, 2);
    insert(pack, member, score);
}

/// The position of the first element that comes behind this one; none if that is the end.
fn place(pack: ListPackRef<'_>, member: &[u8], score: f64) -> Option<Position> {
    let mut elements = pack.iter();
    let mut buffer = itoa::Buffer::new();
    loop {
        let position = elements.position()?;
        let present = elements.next()?;
        let present_score = score_of(elements.next()?);
        let is_behind = match score.partial_cmp(&present_score) {
            Some(Ordering::Less) | None => true,
            Some(Ordering::Equal) => member < present.bytes(&mut buffer),
            Some(Ordering::Greater) => false,
        };
        if is_behind {
            return Some(position);
        }
    }
}

/// A score as it is stored; its text, if it is stored as such, is put into `text`.
#[expect(clippy::cast_possible_truncation, reason = "it was compared with the limits before")]
#[expect(clippy::cast_precision_loss, reason = "the comparison is about that")]
fn encode(score: f64, text: &mut Vec<u8>) -> Encoded<'_> {
    /// Beyond it Redis does not try whether a score is an integer.
    const LARGEST: f64 = (i64::MAX / 2) as f64;
    let integer = score as i64;
    #[expect(clippy::float_cmp, reason = "whether it is exactly an integer")]
    if (-LARGEST..=LARGEST).contains(&score) && integer as f64 == score {
        return Encoded::of_integer(integer);
    }
    write_double(score, text);
    Encoded::of(text)
}

/// Members and scores.
#[derive(Clone, Debug)]
pub(super) struct Pairs<'a> {
    elements: Iter<'a>,
    direction: Direction,
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Element<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<(Element<'a>, f64)> {
        self.left = self.left.checked_sub(1)?;
        match self.direction {
            Direction::Ascending => {
                let member = self.elements.next()?;
                Some((member, score_of(self.elements.next()?)))
            }
            Direction::Descending => {
                let score = score_of(self.elements.next_back()?);
                Some((self.elements.next_back()?, score))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// The elements with these ranks, which are there.
pub(super) fn range(pack: ListPackRef<'_>, ranks: Range<usize>, direction: Direction) -> Pairs<'_> {
    let left = ranks.len();
    let index = match direction {
        Direction::Ascending => 2 * ranks.start,
        Direction::Descending => (2 * ranks.end).saturating_sub(1),
    };
    let position = i64::try_from(index).ok().and_then(|index| pack.nth(index));
    let elements = match (position, direction) {
        (Some(position), Direction::Ascending) => pack.iter_from(position),
        (Some(position), Direction::Descending) => pack.iter_to(position),
        (None, _) => pack.iter(),
    };
    Pairs { elements, direction, left: if position.is_some() { left } else { 0 } }
}

/// Takes the elements with these ranks out, which are there.
pub(super) fn remove_ranks(pack: &mut ListPack, ranks: &Range<usize>) {
    let start = i64::try_from(2 * ranks.start).ok().and_then(|index| pack.as_ref().nth(index));
    if let Some(start) = start {
        pack.remove(start, 2 * ranks.len());
    }
}

/// The ranks of scores in the range.
pub(super) fn ranks_by_score(pack: ListPackRef<'_>, wanted: &ScoreRange) -> Range<usize> {
    let mut scores = pack.iter().skip(1).step_by(2).map(score_of);
    let start = scores.position(|score| !wanted.is_after(score)).unwrap_or_else(|| len(pack));
    let scores = pack.iter().skip(1).step_by(2).map(score_of).skip(start);
    start..start + scores.take_while(|score| !wanted.is_before(*score)).count()
}

/// The ranks of members in the range. Where scores differ, those that lie in a row from the first one in the range on, seen in
/// the direction.
pub(super) fn ranks_by_lex(
    pack: ListPackRef<'_>,
    wanted: &LexRange<'_>,
    direction: Direction,
) -> Range<usize> {
    let len = len(pack);
    let mut buffer = itoa::Buffer::new();
    let mut before = Vec::with_capacity(len);
    let mut behind = Vec::with_capacity(len);
    for member in pack.iter().step_by(2) {
        let member = member.bytes(&mut buffer);
        before.push(wanted.is_after(member));
        behind.push(wanted.is_before(member));
    }
    let all_outside = before.last().is_none_or(|is| *is) || behind.first().is_none_or(|is| *is);
    if wanted.is_empty() || all_outside {
        return 0..0;
    }
    match direction {
        Direction::Ascending => {
            let start = before.iter().position(|is| !is).unwrap_or(len);
            start..start + behind.iter().skip(start).take_while(|is| !**is).count()
        }
        Direction::Descending => {
            let end = behind.iter().rposition(|is| !is).map_or(0, |last| last + 1);
            let inside = before.iter().take(end).rev().take_while(|is| !**is).count();
            end - inside..end
        }
    }
}
