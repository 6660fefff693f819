//! Adding and replacing elements in the middle of a long list, with the splitting and merging of nodes that this needs.

use super::{QuickList, around};
use crate::list::Side;
use crate::list::node::{Node, NodeContent};
use crate::list_pack::Position;
use crate::{ListPack, ListPackRef};

impl QuickList {
    /// Adds an element beside the first one that is `pivot`, if there is one.
    pub(in crate::list) fn insert(&mut self, pivot: &[u8], side: Side, element: &[u8]) -> bool {
        let found = self.nodes.iter().enumerate().find_map(|(at, node)| match node.content() {
            NodeContent::Packed(bytes) => {
                let position = ListPackRef::from_trusted(&bytes).find(pivot, 0)?;
                Some((at, Some(position)))
            }
            NodeContent::Plain(bytes) => (*bytes == *pivot).then_some((at, None)),
        });
        if let Some((at, position)) = found {
            self.rearrange(around(at), |list| list.insert_at(at, position, side, element));
        }
        found.is_some()
    }

    /// Puts an element in the place of another.
    pub(super) fn set_in(&mut self, at: usize, within: usize, element: &[u8]) {
        let is_large = self.limits.is_large(element.len());
        let Some(pack) = self.node(at).pack_mut() else {
            self.set_plain(at, element, is_large);
            return;
        };
        let Some(position) = i64::try_from(within).ok().and_then(|index| pack.as_ref().nth(index))
        else {
            return;
        };
        if !is_large {
            pack.replace(position, element);
            let is_huge = HUGE_NODE < pack.total_bytes();
            if is_huge {
                self.halve(at);
            }
            self.settle(at..at + 2);
            return;
        }
        let behind = pack.as_ref().next(position).map(|next| pack.split_off(next));
        pack.remove(position, 1);
        let is_empty = pack.is_empty();
        let mut new = at + 1;
        self.nodes.insert(new, Node::Plain(element.into()));
        if let Some(behind) = behind {
            self.nodes.insert(new + 1, Node::Packed(behind));
        }
        if is_empty {
            self.nodes.remove(at);
            new = at;
        } else {
            self.merge_around(new);
        }
        self.settle(new.saturating_sub(REACH)..new + REACH);
    }

    fn set_plain(&mut self, at: usize, element: &[u8], is_large: bool) {
        if is_large {
            *self.node(at) = Node::Plain(element.into());
            self.settle(at..at + 1);
            return;
        }
        // As if it were inserted behind and the large one removed then.
        self.insert_at(at, None, Side::After, element);
        self.nodes.remove(at);
        self.len -= 1;
        self.settle(at..at + 1);
    }

    /// Adds an element beside that at the position of a node, or beside a plain node.
    fn insert_at(&mut self, at: usize, position: Option<Position>, side: Side, element: &[u8]) {
        self.len += 1;
        let limits = self.limits;
        let large = limits.is_large(element.len());
        let mut is_at_end = true;
        if let (Some(pack), Some(position)) = (self.node(at).pack_mut(), position) {
            let next = pack.as_ref().next(position);
            if limits.admits(pack, element.len()) {
                match (side, next) {
                    (Side::Before, _) => pack.insert(position, element),
                    (Side::After, Some(next)) => pack.insert(next, element),
                    (Side::After, None) => pack.push_back(element),
                }
                self.settle(at..at + 1);
                return;
            }
            is_at_end = match side {
                Side::Before => pack.as_ref().first() == Some(position),
                Side::After => next.is_none(),
            };
            if !is_at_end {
                self.split_for(at, position, side, element, large);
                return;
            }
        }
        debug_assert!(is_at_end, "a plain node has one element");
        // At the edge of a node: the neighbour may have room.
        let neighbour = match side {
            Side::Before => at.checked_sub(1),
            Side::After => Some(at + 1).filter(|next| *next < self.nodes.len()),
        };
        if !large
            && let Some(neighbour) = neighbour
            && self.nodes.get(neighbour).is_some_and(|node| !node.is_plain())
            && let Some(pack) = self.node(neighbour).pack_mut()
            && limits.admits(pack, element.len())
        {
            match side {
                Side::Before => pack.push_back(element),
                Side::After => pack.push_front(element),
            }
            self.settle(at.saturating_sub(1)..at + 2);
            return;
        }
        let new = self.node_of(element);
        match side {
            Side::Before => self.nodes.insert(at, new),
            Side::After => self.nodes.insert(at + 1, new),
        }
        self.settle(at.saturating_sub(1)..at + 3);
    }

    /// Splits a node that has no room, and puts the element between both parts.
    fn split_for(
        &mut self,
        at: usize,
        position: Position,
        side: Side,
        element: &[u8],
        is_large: bool,
    ) {
        let Some(front) = self.node(at).pack_mut() else {
            return;
        };
        let split = match side {
            Side::Before => Some(position),
            Side::After => front.as_ref().next(position),
        };
        let mut back = split.map_or_else(ListPack::new, |split| front.split_off(split));
        if is_large {
            self.nodes.insert(at + 1, Node::Plain(element.into()));
            self.nodes.insert(at + 2, Node::Packed(back));
            self.settle(at..at + 3);
            return;
        }
        match side {
            Side::Before => front.push_back(element),
            Side::After => back.push_front(element),
        }
        self.nodes.insert(at + 1, Node::Packed(back));
        // The part that has not got the element is the one around which nodes are merged.
        let center = match side {
            Side::Before => at + 1,
            Side::After => at,
        };
        self.merge_around(center);
        self.settle(center.saturating_sub(REACH)..center + REACH);
    }

    /// Merges small nodes near one that was split: the two before it with each other, likewise the two behind it, then it with
    /// what is before and behind.
    fn merge_around(&mut self, center: usize) {
        let mut center = center;
        if center + 2 < self.nodes.len() {
            self.merge(center + 1);
        }
        if 2 <= center && self.merge(center - 2) {
            center -= 1;
        }
        if 1 <= center && self.merge(center - 1) {
            center -= 1;
        }
        self.merge(center);
    }

    /// Merges a node with the next one, if there is one and a node may have so much.
    fn merge(&mut self, at: usize) -> bool {
        let limits = self.limits;
        let [Some(left), Some(right)] = [self.nodes.get(at), self.nodes.get(at + 1)] else {
            return false;
        };
        if left.is_plain() || right.is_plain() {
            return false;
        }
        self.node(at).decompress();
        self.node(at + 1).decompress();
        let [Some(Node::Packed(left)), Some(Node::Packed(right))] =
            [self.nodes.get(at), self.nodes.get(at + 1)]
        else {
            return false;
        };
        if !limits.admits_both(left, right) {
            return false;
        }
        if let Some(Node::Packed(right)) = self.nodes.remove(at + 1)
            && let Some(left) = self.node(at).pack_mut()
        {
            left.append(&right);
        }
        true
    }

    /// Splits a node in the middle.
    fn halve(&mut self, at: usize) {
        let Some(pack) = self.node(at).pack_mut() else {
            return;
        };
        let middle = i64::try_from(pack.len() / 2).ok().filter(|middle| 0 < *middle);
        if let Some(position) = middle.and_then(|middle| pack.as_ref().nth(middle)) {
            let back = pack.split_off(position);
            self.nodes.insert(at + 1, Node::Packed(back));
        }
    }

    /// A node that is there.
    pub(super) fn node(&mut self, at: usize) -> &mut Node {
        &mut self.nodes[at]
    }
}

/// So far from the node around which nodes are merged lie those that may have been decompressed for it, or were added.
const REACH: usize = 4;
/// Replacing small elements with large ones lets a node grow beyond its bound. Beyond this one it is split.
const HUGE_NODE: usize = 1 << 20;
