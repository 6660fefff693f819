//! Taking elements out of a long list.

use super::QuickList;
use crate::list::node::{Node, NodeContent};
use crate::list::{End, nth, remove_equal};
use crate::{ListPack, ListPackRef};

impl QuickList {
    /// Takes elements out: `count` of them from the index on, or those that are left there.
    pub(in crate::list) fn remove_range(&mut self, start: usize, count: usize) {
        let Some((mut at, within)) = self.locate(start) else {
            return;
        };
        let mut left = count.min(self.len - start);
        self.len -= left;
        if 0 < within {
            left -= self.remove_in(at, within, left);
            at += 1;
        }
        let first = at;
        while let Some(node) = self.nodes.get(at).filter(|node| 0 < left && node.len() <= left) {
            left -= node.len();
            at += 1;
        }
        if self.is_in_pieces() {
            let removed: Vec<Node> = self.nodes.drain(first..at).collect();
            self.note_removed(first, removed.into_iter());
        } else {
            self.nodes.drain(first..at);
        }
        if 0 < left {
            self.remove_in(first, 0, left);
        }
        self.free_room();
        self.settle(first.saturating_sub(1)..first + 1);
    }

    /// Takes elements out that are `element`.
    pub(in crate::list) fn remove_equal(
        &mut self,
        element: &[u8],
        from: End,
        most: usize,
    ) -> usize {
        let depth = self.limits.compress_depth as usize;
        let count = self.nodes.len();
        let mut removed = 0;
        let mut emptied = false;
        for step in 0..count {
            if removed == most {
                break;
            }
            let at = match from {
                End::Head => step,
                End::Tail => count - 1 - step,
            };
            // A compressed node is not taken apart only to find nothing in it.
            if !holds(&self.nodes[at].content(), element) {
                continue;
            }
            self.before_change(at);
            let node = &mut self.nodes[at];
            if let Some(pack) = node.pack_mut() {
                removed += remove_equal(pack, element, from, most - removed);
                emptied |= pack.is_empty();
                let is_middle = 0 < depth && depth <= at && at + depth < count;
                if is_middle && !pack.is_empty() {
                    node.compress();
                }
            } else {
                *node = Node::Packed(ListPack::new());
                removed += 1;
                emptied = true;
            }
        }
        self.len -= removed;
        if emptied {
            self.remove_empty();
            self.free_room();
        }
        self.settle(0..0);
        removed
    }

    fn remove_empty(&mut self) {
        if !self.is_in_pieces() {
            self.nodes.retain(|node| 0 < node.len());
            return;
        }
        for at in (0..self.nodes.len()).rev() {
            if self.nodes[at].len() == 0 {
                let removed = self.nodes.remove(at);
                self.note_removed(at, removed.into_iter());
            }
        }
    }

    /// Takes up to `most` elements out of a node, from the index within it on. Gives how many.
    fn remove_in(&mut self, at: usize, within: usize, most: usize) -> usize {
        self.before_change(at);
        let Some(pack) = self.node(at).pack_mut() else {
            return 0;
        };
        let before = pack.len();
        if let Some(position) = nth(pack.as_ref(), within) {
            pack.remove(position, most);
        }
        before - pack.len()
    }
}

fn holds(content: &NodeContent<'_>, element: &[u8]) -> bool {
    match content {
        NodeContent::Packed(bytes) => ListPackRef::from_trusted(bytes).find(element, 0).is_some(),
        NodeContent::Plain(bytes) => **bytes == *element,
    }
}
