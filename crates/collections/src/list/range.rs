//! Indexes as clients give them: negative ones count from the end.

use std::ops::Range;

/// The index from the head, if there is such an element.
pub(super) fn index_of(index: i64, len: usize) -> Option<usize> {
    let from_end = usize::try_from(index.unsigned_abs()).ok();
    let index = if index < 0 { len.checked_sub(from_end?)? } else { from_end? };
    (index < len).then_some(index)
}

/// The indexes from `start` to `stop`, that one included, of elements that are there.
pub fn index_range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let signed_len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_head = |index: i64| {
        let index = if index < 0 { index.saturating_add(signed_len) } else { index };
        index.clamp(-1, signed_len)
    };
    let bound = |index: i64| usize::try_from(index).unwrap_or(0).min(len);
    let (start, end) = (bound(from_head(start)), bound(from_head(stop).saturating_add(1)));
    if start < end { start..end } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_count_from_both_ends() {
        for (index, expected) in
            [(0, Some(0)), (2, Some(2)), (3, None), (-1, Some(2)), (-3, Some(0)), (-4, None)]
        {
            assert_eq!(index_of(index, 3), expected);
        }
        assert_eq!(index_of(i64::MIN, 3), None);
        assert_eq!(index_of(i64::MAX, 3), None);
    }

    #[test]
    fn ranges_include_both_ends_and_only_what_is_there() {
        for (start, stop, expected) in [
            (0, -1, 0..3),
            (1, 1, 1..2),
            (-2, -1, 1..3),
            (-100, 0, 0..1),
            (2, 100, 2..3),
            (3, 5, 0..0),
            (2, 1, 0..0),
            (0, -4, 0..0),
            (i64::MIN, i64::MAX, 0..3),
            (i64::MAX, i64::MAX, 0..0),
            (i64::MIN, i64::MIN, 0..0),
        ] {
            assert_eq!(index_range(start, stop, 3), expected, "{start} {stop}");
        }
        assert_eq!(index_range(0, -1, 0), 0..0);
    }
}
