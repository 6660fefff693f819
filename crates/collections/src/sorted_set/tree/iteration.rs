//! Walking elements by their ranks, from both ends.

use std::iter::FusedIterator;
use std::ops::Range;

use super::Tree;
use super::leaf::Leaf;

/// See [`Tree::range`].
#[derive(Debug)]
pub(in crate::sorted_set) struct Iter<'a, M> {
    tree: &'a Tree<M>,
    /// The ranks that are left.
    ranks: Range<usize>,
    front: Position<'a, M>,
    back: Position<'a, M>,
}

/// A leaf, and how many of its elements in the direction of walking are left.
#[derive(Debug)]
struct Position<'a, M> {
    leaf: Option<&'a Leaf<M>>,
    slot: usize,
}

impl<M> Clone for Position<'_, M> {
    fn clone(&self) -> Self {
        Position { leaf: self.leaf, slot: self.slot }
    }
}

impl<M> Clone for Iter<'_, M> {
    fn clone(&self) -> Self {
        Iter {
            tree: self.tree,
            ranks: self.ranks.clone(),
            front: self.front.clone(),
            back: self.back.clone(),
        }
    }
}

impl<'a, M: Copy + PartialEq> Iter<'a, M> {
    pub(super) fn new(tree: &'a Tree<M>, ranks: Range<usize>) -> Iter<'a, M> {
        let ranks = ranks.start..ranks.end.min(tree.len());
        let nowhere = Position { leaf: None, slot: 0 };
        Iter { tree, ranks, front: nowhere.clone(), back: nowhere }
    }
}

impl<M: Copy + PartialEq> Iterator for Iter<'_, M> {
    type Item = (f64, M);

    #[inline]
    fn next(&mut self) -> Option<(f64, M)> {
        let rank = self.ranks.next()?;
        let (leaf, slot) = match self.front.leaf {
            Some(leaf) if self.front.slot < leaf.len() => (leaf, self.front.slot),
            Some(_) | None => self.tree.leaf_at(rank)?,
        };
        self.front = Position { leaf: Some(leaf), slot: slot + 1 };
        Some(leaf.element(slot))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }

    /// Leaf by leaf: cheaper than one element at a time.
    #[inline]
    fn fold<B, F: FnMut(B, (f64, M)) -> B>(mut self, init: B, mut fold: F) -> B {
        let mut folded = init;
        while !self.ranks.is_empty() {
            let (leaf, slot) = match self.front.leaf.take() {
                Some(leaf) if self.front.slot < leaf.len() => (leaf, self.front.slot),
                Some(_) | None => match self.tree.leaf_at(self.ranks.start) {
                    Some(found) => found,
                    None => return folded,
                },
            };
            let end = leaf.len().min(slot + self.ranks.len());
            let elements = leaf.scores()[slot..end].iter().zip(&leaf.members()[slot..end]);
            for (score, member) in elements {
                folded = fold(folded, (*score, *member));
            }
            self.ranks.start += end - slot;
        }
        folded
    }
}

impl<M: Copy + PartialEq> DoubleEndedIterator for Iter<'_, M> {
    #[inline]
    fn next_back(&mut self) -> Option<(f64, M)> {
        let rank = self.ranks.next_back()?;
        let (leaf, slot) = match self.back.leaf {
            Some(leaf) if 0 < self.back.slot => (leaf, self.back.slot - 1),
            Some(_) | None => self.tree.leaf_at(rank)?,
        };
        self.back = Position { leaf: Some(leaf), slot };
        Some(leaf.element(slot))
    }
}

impl<M: Copy + PartialEq> ExactSizeIterator for Iter<'_, M> {}

impl<M: Copy + PartialEq> FusedIterator for Iter<'_, M> {}
