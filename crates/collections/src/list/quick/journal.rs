//! Writing a long list out in pieces, as it was at one moment, while it goes on changing.
//!
//! The journal describes the nodes that are still to be written as runs, in order:
//!
//! ```text
//!  present nodes:  [ 0 .. passed )  [ Same 3 ]          [ New 2 ]   [ Same 40 ]
//!  to be written:                     3 nodes   Old node              40 nodes
//! ```
//!
//! `Same` are nodes as they were, `New` those that came or were changed, `Old` is one that is gone or was changed. Before a node is
//! changed for the first time, a copy of it takes its place in the description; to remove one moves it there.

use std::collections::VecDeque;
use std::ops::Range;

use super::QuickList;
use crate::list::node::Node;
use crate::pieces::Piece;

/// See the module's page.
#[derive(Debug)]
pub(super) struct Journal {
    /// Present nodes at the head that are not to be written, or were.
    passed: usize,
    runs: VecDeque<Run>,
    /// What the nodes take that are gone or were changed.
    old_bytes: usize,
}

#[derive(Debug)]
enum Run {
    Same(usize),
    New(usize),
    Old(Node),
}

impl Run {
    /// Nodes of the list.
    fn present(&self) -> usize {
        match self {
            Run::Same(count) | Run::New(count) => *count,
            Run::Old(_) => 0,
        }
    }
}

impl Journal {
    /// Describes a change of the node with this index, which is given as it was; says nothing of one that was written or is new.
    fn change(&mut self, index: usize, old: impl FnOnce() -> Node) {
        let Some(run) = self.isolate(index) else { return };
        if let Run::Same(_) = self.runs[run] {
            self.runs[run] = Run::New(1);
            let old = self.kept(old());
            self.runs.insert(run, old);
        }
    }

    /// Describes that the node with this index is gone.
    fn remove(&mut self, index: usize, old: impl FnOnce() -> Node) {
        let Some(run) = self.isolate(index) else {
            self.passed -= 1;
            return;
        };
        if let Run::Same(_) = self.runs[run] {
            self.runs[run] = self.kept(old());
        } else {
            self.runs.remove(run);
        }
    }

    fn kept(&mut self, old: Node) -> Run {
        self.old_bytes += old_bytes(&old);
        Run::Old(old)
    }

    /// Describes that nodes have come in front of the node with this index.
    fn insert(&mut self, index: usize, count: usize) {
        if index <= self.passed {
            self.passed += count;
            return;
        }
        let mut before = self.passed;
        for place in 0..self.runs.len() {
            let end = before + self.runs[place].present();
            if index < end {
                let Some(run) = self.isolate(index) else { return };
                self.runs.insert(run, Run::New(count));
                return;
            }
            before = end;
        }
        self.runs.push_back(Run::New(count));
    }

    /// The place of a run of this one node, for which the run that it is in is split. None for one that was passed.
    fn isolate(&mut self, index: usize) -> Option<usize> {
        let mut before = self.passed;
        if index < before {
            return None;
        }
        let mut place = 0;
        loop {
            let present = self.runs[place].present();
            if index < before + present {
                break;
            }
            before += present;
            place += 1;
        }
        let part = |count| match self.runs[place] {
            Run::Same(_) => Run::Same(count),
            Run::New(_) | Run::Old(_) => Run::New(count),
        };
        let (front, back) = (index - before, before + self.runs[place].present() - index - 1);
        let parts = [part(front), part(1), part(back)];
        self.runs.remove(place);
        let mut isolated = place;
        for (number, run) in parts.into_iter().enumerate() {
            if 0 < run.present() {
                if number == 1 {
                    isolated = place;
                }
                self.runs.insert(place, run);
                place += 1;
            }
        }
        Some(isolated)
    }
}

/// What a node takes that is kept.
fn old_bytes(node: &Node) -> usize {
    node.stored_bytes() + size_of::<Run>()
}

impl QuickList {
    /// See [`Object::kept_bytes`](crate::Object::kept_bytes).
    pub(in crate::list) fn kept_bytes(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.old_bytes)
    }

    /// See [`Object::begin_pieces`](crate::Object::begin_pieces).
    pub(in crate::list) fn begin_pieces(&mut self) -> usize {
        let nodes = self.nodes.len();
        let runs = VecDeque::from([Run::Same(nodes)]);
        self.journal = Some(Box::new(Journal { passed: 0, runs, old_bytes: 0 }));
        nodes
    }

    pub(in crate::list) fn is_in_pieces(&self) -> bool {
        self.journal.is_some()
    }

    pub(in crate::list) fn abandon_pieces(&mut self) {
        self.journal = None;
    }

    /// See [`Object::next_piece`](crate::Object::next_piece).
    pub(in crate::list) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        let mut spent = 0_usize;
        while spent < budget {
            let Some(journal) = &mut self.journal else { return false };
            match journal.runs.pop_front() {
                None => self.journal = None,
                Some(Run::New(count)) => journal.passed += count,
                Some(Run::Old(node)) => {
                    journal.old_bytes -= old_bytes(&node);
                    spent += visit(&Piece::Node(node.content()));
                }
                Some(Run::Same(count)) => {
                    if let Some(node) = self.nodes.get(journal.passed) {
                        spent += visit(&Piece::Node(node.content()));
                    }
                    journal.passed += 1;
                    if 1 < count {
                        journal.runs.push_front(Run::Same(count - 1));
                    }
                }
            }
        }
        self.journal.is_some()
    }

    /// Called before the node with this index is changed.
    #[inline]
    pub(super) fn before_change(&mut self, index: usize) {
        if let Some(journal) = &mut self.journal
            && let Some(node) = self.nodes.get(index)
        {
            journal.change(index, || node.clone());
        }
    }

    /// Called when a node was put in with this index.
    #[inline]
    pub(super) fn note_inserted(&mut self, index: usize) {
        if let Some(journal) = &mut self.journal {
            journal.insert(index, 1);
        }
    }

    /// Called when nodes were taken out, from this index on.
    pub(super) fn note_removed(&mut self, index: usize, removed: impl Iterator<Item = Node>) {
        match &mut self.journal {
            Some(journal) => removed.for_each(|node| journal.remove(index, || node)),
            None => removed.for_each(drop),
        }
    }

    /// Has `act` change nodes of this range, and their number.
    pub(super) fn rearrange<R>(
        &mut self,
        nodes: Range<usize>,
        act: impl FnOnce(&mut QuickList) -> R,
    ) -> R {
        if self.journal.is_none() {
            return act(self);
        }
        for index in nodes.start..nodes.end.min(self.nodes.len()) {
            self.before_change(index);
        }
        let before = self.nodes.len();
        let result = act(self);
        let after = self.nodes.len();
        if let Some(journal) = &mut self.journal {
            if before < after {
                journal.insert(nodes.start, after - before);
            }
            for _ in after..before {
                // Those of the range were all described as changed.
                journal.remove(nodes.start, || {
                    unreachable!("a node was removed that was not announced")
                });
            }
        }
        result
    }
}
