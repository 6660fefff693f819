//! Members of several collections, each once, with scores that are computed from all it has: how unions are made.

use super::{Element, Limits, SortedSet};
use crate::HashTable;
use crate::hash_table::Entry;
use crate::hashing::hash;

/// Members that are borrowed from the collections where they are, each with a score.
#[derive(Debug, Default)]
pub struct Accumulation<'a> {
    elements: Vec<(f64, Element<'a>)>,
    /// Indexes of elements, by member.
    table: HashTable<usize>,
}

impl<'a> Accumulation<'a> {
    /// With room for so many members.
    pub fn with_capacity(members: usize) -> Accumulation<'a> {
        Accumulation {
            elements: Vec::with_capacity(members),
            table: HashTable::with_capacity(members),
        }
    }

    /// Adds a member with a score, or if it is there already, gives it the score that `combine` makes of the present one and
    /// this.
    #[inline]
    pub fn add(&mut self, member: Element<'a>, score: f64, combine: impl Fn(f64, f64) -> f64) {
        let mut buffer = itoa::Buffer::new();
        let bytes = member.bytes(&mut buffer);
        let elements = &mut self.elements;
        let is_equal =
            |index: &usize| elements.get(*index).is_some_and(|(_, present)| present.equals(bytes));
        match self.table.entry(hash(bytes), is_equal) {
            Entry::Occupied(entry) => {
                if let Some((present, _)) = elements.get_mut(*entry.element()) {
                    *present = combine(*present, score);
                }
            }
            Entry::Vacant(entry) => {
                let index = elements.len();
                elements.push((score, member));
                entry.insert(index, &|index: &usize| {
                    let member = elements.get(*index).map(|(_, member)| *member);
                    member.map_or(0, |member| hash(member.bytes(&mut itoa::Buffer::new())))
                });
            }
        }
    }

    /// Whether a member is there.
    pub fn contains(&self, member: &[u8]) -> bool {
        let is_equal = |index: &usize| {
            self.elements.get(*index).is_some_and(|(_, present)| present.equals(member))
        };
        self.table.find(hash(member), is_equal).is_some()
    }

    /// All members with their scores, in no certain order.
    pub fn into_elements(self) -> Vec<(f64, Element<'a>)> {
        self.elements
    }
}

/// Puts elements in the order of a sorted set.
pub fn sort(elements: &mut [(f64, Element<'_>)]) {
    let (mut first, mut second) = (itoa::Buffer::new(), itoa::Buffer::new());
    elements.sort_unstable_by(|(score, member), (other_score, other)| {
        // None is NaN.
        let scores = score.partial_cmp(other_score).unwrap_or(std::cmp::Ordering::Equal);
        scores.then_with(|| member.bytes(&mut first).cmp(other.bytes(&mut second)))
    });
}

impl SortedSet {
    /// A sorted set of different elements that are in its order.
    pub fn from_sorted(elements: &[(f64, Element<'_>)], limits: Limits) -> SortedSet {
        let longest = elements.iter().map(|(_, member)| member.len()).max().unwrap_or(0);
        let mut set = SortedSet::with_capacity(elements.len(), longest, limits);
        let mut buffer = itoa::Buffer::new();
        for (score, member) in elements {
            set.push(member.bytes(&mut buffer), *score, limits);
        }
        set
    }
}
