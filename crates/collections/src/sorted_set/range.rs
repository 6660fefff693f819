//! Ranges of scores and of members.

use std::ops::Bound;

/// Scores between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lower bound.
    pub min: Bound<f64>,
    /// The upper bound.
    pub max: Bound<f64>,
}

impl ScoreRange {
    /// Whether a score lies before the range.
    #[inline]
    pub fn is_after(&self, score: f64) -> bool {
        match self.min {
            Bound::Included(min) => score < min,
            Bound::Excluded(min) => score <= min,
            Bound::Unbounded => false,
        }
    }

    /// Whether a score lies behind the range.
    #[inline]
    pub fn is_before(&self, score: f64) -> bool {
        match self.max {
            Bound::Included(max) => max < score,
            Bound::Excluded(max) => max <= score,
            Bound::Unbounded => false,
        }
    }
}

/// Where a range of members begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all members.
    Least,
    /// Behind all members.
    Greatest,
    /// At this member, which belongs to the range.
    Included(&'a [u8]),
    /// At this member, which does not belong to it.
    Excluded(&'a [u8]),
}

/// Members between two bounds. It means something only where all scores are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The lower bound.
    pub min: LexBound<'a>,
    /// The upper bound.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether a member lies before the range.
    #[inline]
    pub fn is_after(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Included(min) => member < min,
            LexBound::Excluded(min) => member <= min,
        }
    }

    /// Whether a member lies behind the range.
    #[inline]
    pub fn is_before(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::Least => true,
            LexBound::Greatest => false,
            LexBound::Included(max) => max < member,
            LexBound::Excluded(max) => max <= member,
        }
    }

    /// Whether no member can be in it.
    pub(super) fn is_empty(&self) -> bool {
        use LexBound::{Excluded, Greatest, Included, Least};
        match (self.min, self.max) {
            (Greatest, _) | (_, Least) => true,
            (Least, _) | (_, Greatest) => false,
            (Included(min), Included(max)) => max < min,
            (Included(min) | Excluded(min), Included(max) | Excluded(max)) => max <= min,
        }
    }
}
