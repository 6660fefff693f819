//! Keeping the nodes in the middle of a long list compressed, and those near its ends not.

use std::ops::Range;

use super::QuickList;

impl QuickList {
    /// After a node was added at an end.
    #[inline]
    pub(super) fn settle_pushed(&mut self) {
        if self.limits.compress_depth != 0 {
            self.settle(0..0);
        }
    }

    /// After nodes were removed.
    #[inline]
    pub(super) fn settle_ends(&mut self) {
        if self.limits.compress_depth != 0 {
            self.settle(0..0);
        }
    }

    /// After every node may have changed.
    pub(in crate::list) fn settle_all(&mut self) {
        self.settle(0..self.nodes.len());
    }

    /// After nodes of this range were changed or added, and others removed.
    pub(super) fn settle(&mut self, changed: Range<usize>) {
        /// By so many nodes at most others can be moved away from an end by one change.
        const MOVED: usize = 2;
        let depth = self.limits.compress_depth as usize;
        let count = self.nodes.len();
        if depth == 0 {
            return;
        }
        for index in 0..depth.min(count) {
            self.node(index).decompress();
            self.node(count - 1 - index).decompress();
        }
        let Some(middle_end) = count.checked_sub(depth).filter(|end| depth < *end) else {
            return;
        };
        let within = |index: usize| index.clamp(depth, middle_end);
        let near_head = depth..within(depth + MOVED);
        let near_tail = within(middle_end.saturating_sub(MOVED))..middle_end;
        let changed = within(changed.start)..within(changed.end);
        for index in near_head.chain(near_tail).chain(changed) {
            self.node(index).compress();
        }
    }
}
