//! The bounds of ranges: ranks, scores, members.

use std::ops::{Bound, Range};

use collections::sorted_set::{LexBound, LexRange, ScoreRange};
use resp::ReplyError;
use resp::number::parse_bound;

/// Scores from `min` to `max`, each exclusive if `(` is in front of it.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange, ReplyError> {
    let bound = |word: &[u8]| match word {
        [b'(', word @ ..] => parse_bound(word).map(Bound::Excluded),
        word => parse_bound(word).map(Bound::Included),
    };
    let (min, max) = bound(min).zip(bound(max)).ok_or(NOT_SCORES)?;
    Ok(ScoreRange { min, max })
}

/// Members from `min` to `max`: each `-`, `+`, or a member behind `[` or `(`.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, ReplyError> {
    let bound = |word: &'a [u8]| match word {
        b"-" => Some(LexBound::Least),
        b"+" => Some(LexBound::Greatest),
        [b'[', member @ ..] => Some(LexBound::Included(member)),
        [b'(', member @ ..] => Some(LexBound::Excluded(member)),
        _ => None,
    };
    let (min, max) = bound(min).zip(bound(max)).ok_or(NOT_MEMBERS)?;
    Ok(LexRange { min, max })
}

/// The ranks from `start` through `stop`, of `len`; negative ones count from the end.
pub(super) fn rank_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_beginning = |rank: i64| if rank < 0 { len.saturating_add(rank) } else { rank };
    let start = from_beginning(start).max(0);
    let end = from_beginning(stop).min(len - 1).saturating_add(1).max(start);
    let rank = |rank: i64| usize::try_from(rank).unwrap_or(usize::MAX);
    rank(start)..rank(end)
}

const NOT_SCORES: ReplyError = ReplyError::message("min or max is not a float");
const NOT_MEMBERS: ReplyError = ReplyError::message("min or max not valid string range item");
