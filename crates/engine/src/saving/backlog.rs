//! What a snapshot holds in memory, and how much that may be.
//!
//! Three things take memory while a snapshot is made: what was gathered and is not written yet; of that, whatever others have shown while
//! the record of a big collection was on its way, which waits for its end; and the old states of elements that a big collection
//! [keeps](keyspace::SnapshotSink::kept) until the walk comes to them. All of it together is at most the configured
//! limit, but for what one round adds: calls that write wait while there is more.
//!
//! If it were only that, the last two kinds would fill the memory long before a collection of millions is written, and all
//! writers would then stand still until it is. So these have an **allowance**, which begins with a part of the limit and grows with every
//! step that the walk makes: for each part of the way that is left, by the same part of what is left of the limit. Whoever writes more than
//! that waits for the next steps, a fraction of a millisecond, and the limit is reached with the last one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// See the module's page.
#[derive(Debug, Default)]
pub struct Backlog {
    /// Gathered and not written yet.
    bytes: AtomicUsize,
    /// Of these, what need not wait for the end of a record.
    released: AtomicUsize,
    /// Old states that collections keep.
    kept: AtomicUsize,
    peak: AtomicUsize,
    limit: AtomicUsize,
    /// For what waits and what is kept.
    allowance: AtomicUsize,
    /// The walk is amid the record of a big collection.
    is_within: AtomicBool,
}

/// The part of the limit that the allowance begins with.
const FIRST: usize = 8;
/// What the walk may be ahead of the one who writes.
const AHEAD: usize = 4 << 20;

impl Backlog {
    pub(super) fn add(&self, bytes: usize, is_released: bool) {
        let now = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if is_released {
            self.released.fetch_add(bytes, Ordering::Relaxed);
        }
        self.note(now.saturating_add(self.kept.load(Ordering::Relaxed)));
    }

    /// Notes that so many bytes wait for nothing any more.
    pub(super) fn release(&self, bytes: usize) {
        self.released.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes that so many bytes were written, or are not going to be.
    pub(super) fn remove(&self, bytes: usize, is_released: bool) {
        if is_released {
            self.released.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Notes that a collection keeps so many bytes, and how many it kept before.
    pub(super) fn keep(&self, before: usize, after: usize) {
        if before <= after {
            let more = after - before;
            let kept = self.kept.fetch_add(more, Ordering::Relaxed).saturating_add(more);
            self.note(kept.saturating_add(self.bytes()));
        } else {
            self.kept.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    fn note(&self, now: usize) {
        if self.peak.load(Ordering::Relaxed) < now {
            self.peak.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// Notes that the walk has passed so many elements of big collections, that so many are left, and whether it is amid one.
    pub(super) fn pace(&self, passed: usize, left: usize, is_within: bool) {
        let first = self.limit() / FIRST;
        let has_ended = self.is_within.swap(is_within, Ordering::Relaxed) && !is_within;
        let mut allowance = self.allowance.load(Ordering::Relaxed);
        if has_ended {
            allowance = allowance.min(self.held().saturating_add(first));
        }
        let rest = self.limit().saturating_sub(allowance);
        let part = (passed as u128).saturating_mul(rest as u128);
        let part = part.checked_div(passed.saturating_add(left) as u128).unwrap_or(0);
        allowance = allowance.saturating_add(usize::try_from(part).unwrap_or(0));
        self.allowance.store(allowance, Ordering::Relaxed);
    }

    /// What waits for the walk to come to the end of a collection.
    fn held(&self) -> usize {
        let kept = self.kept.load(Ordering::Relaxed);
        if !self.is_within.load(Ordering::Relaxed) {
            return kept;
        }
        let waiting = self.bytes().saturating_sub(self.released.load(Ordering::Relaxed));
        kept.saturating_add(waiting)
    }

    /// Whether whoever wants to write has to wait.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few loads, before each call")]
    pub(super) fn is_crowded(&self) -> bool {
        let kept = self.kept.load(Ordering::Relaxed);
        let is_full = self.limit.load(Ordering::Relaxed) < self.bytes().saturating_add(kept);
        is_full || (self.is_within.load(Ordering::Relaxed) || kept != 0) && self.is_ahead_of_walk()
    }

    #[cold]
    fn is_ahead_of_walk(&self) -> bool {
        self.allowance.load(Ordering::Relaxed) < self.held()
    }

    /// Whether the walk is to wait for what it has shown to be written.
    pub(super) fn is_behind_walk(&self) -> bool {
        let takeable = if self.is_within.load(Ordering::Relaxed) {
            self.released.load(Ordering::Relaxed)
        } else {
            self.bytes()
        };
        AHEAD.min(self.limit()) <= takeable
    }

    /// How many bytes are gathered.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The most that there was of everything since the snapshot began.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// How much there may be of everything.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self, limit: usize) {
        for count in [&self.bytes, &self.released, &self.kept, &self.peak] {
            count.store(0, Ordering::Relaxed);
        }
        self.is_within.store(false, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
        self.allowance.store(limit / FIRST, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 8000;

    fn begun() -> Backlog {
        let backlog = Backlog::default();
        backlog.begin(LIMIT);
        backlog
    }

    #[test]
    fn what_is_gathered_is_bounded_by_the_limit() {
        let backlog = begun();
        backlog.add(LIMIT, false);
        assert!(!backlog.is_crowded());
        backlog.add(1, false);
        assert!(backlog.is_crowded());
        backlog.remove(1, false);
        assert!(!backlog.is_crowded());
        backlog.keep(0, 1);
        assert!(backlog.is_crowded(), "what is kept counts");
        assert_eq!(backlog.peak(), LIMIT + 1);
    }

    /// However much is kept at each step, the limit is not reached before the last one, and never exceeded by more than is
    /// added while there is room.
    #[test]
    fn what_is_kept_grows_with_the_way_that_was_gone() {
        let backlog = begun();
        let (mut kept, mut left) = (0, 1000);
        backlog.pace(0, left, true);
        while 0 < left {
            while !backlog.is_crowded() {
                backlog.keep(kept, kept + 10);
                kept += 10;
            }
            let gone = 1000 - left;
            let most = LIMIT / FIRST + (LIMIT - LIMIT / FIRST) * gone / 1000;
            assert!(kept <= most + 20, "{kept} of {most}");
            left -= 1;
            backlog.pace(1, left, true);
            assert!(left == 0 || kept <= LIMIT);
        }
        backlog.keep(kept, 0);
        backlog.pace(0, 0, false);
        assert!(!backlog.is_crowded());
    }

    #[test]
    fn what_waits_for_the_end_of_a_record_has_to_keep_pace() {
        let backlog = begun();
        backlog.pace(0, 100, true);
        backlog.add(LIMIT / FIRST + 1, false);
        assert!(backlog.is_crowded());
        backlog.pace(1, 99, true);
        assert!(!backlog.is_crowded());
        backlog.add(LIMIT / 2, false);
        assert!(backlog.is_crowded());
        // It has ended.
        backlog.pace(1, 98, false);
        assert!(!backlog.is_crowded());
    }

    #[test]
    fn a_second_collection_slows_the_pace() {
        let backlog = begun();
        backlog.pace(50, 50, true);
        let before = backlog.allowance.load(Ordering::Relaxed);
        backlog.pace(10, 1000, true);
        let more = backlog.allowance.load(Ordering::Relaxed) - before;
        assert!(more < 100, "{more}");
    }
}
