//! What several sets have in common, what they are together, and what is in one and not in the others.
//!
//! The cheapest order is chosen: an intersection walks the smallest set and asks the next smallest first; a union walks the largest
//! and asks for the members of each other set whether one before it has them; a difference asks the largest first. Where that
//! would ask too often, the members of several sets are put together first.
//!
//! Members of a big set are looked up a few at a time, so that the waits for memory overlap ([`table`](super::table)).
//!
//! Functions that build a set give it the form that Redis gives it, which depends on the order in which it was built.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use super::reading::LookingAhead;
use super::table::Batch;
use super::{Limits, Set, SetRef};
use crate::list_pack::Element;

/// Visits the members that are in all sets, at most `limit`; gives how many.
pub fn intersect<'a>(
    sets: &[SetRef<'a>],
    limit: usize,
    mut visit: impl FnMut(Element<'a>),
) -> usize {
    let mut sets = sets.to_vec();
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first().filter(|_| 0 < limit) else { return 0 };
    let mut found = 0_usize;
    filter(*smallest, others, Wanted::InAll, |member| {
        visit(member);
        found = found.saturating_add(1);
        if found < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found
}

/// The set of the members that are in all sets.
pub fn intersection(sets: &[SetRef<'_>], limits: Limits) -> Set {
    let smallest = sets.iter().min_by_key(|set| set.len());
    let mut result = match smallest {
        Some(SetRef::Integers(_)) | None => Set::new(),
        Some(SetRef::Pack(_) | SetRef::Table(_)) => Set::new_pack(),
    };
    intersect(sets, usize::MAX, |member| {
        result.add_element(member, limits);
    });
    result.compact(limits);
    result
}

/// Visits the members that are in any of the sets, each once.
pub fn unite<'a>(sets: &[SetRef<'a>], mut visit: impl FnMut(Element<'a>)) {
    /// Sets that it is cheaper to ask one after the other than to put together.
    const FEW: usize = 4;
    let mut sets = sets.to_vec();
    sets.sort_by_key(|set| Reverse(set.len()));
    if sets.len() <= FEW {
        for (index, set) in sets.iter().enumerate() {
            let (before, _) = sets.split_at(index);
            filter(*set, before, Wanted::InNone, |member| {
                visit(member);
                ControlFlow::Continue(())
            });
        }
        return;
    }
    let mut seen = Set::with_capacity(sets.first().map_or(0, |largest| largest.len()));
    for member in sets.iter().flat_map(|set| set.iter()) {
        if seen.add_element(member, SCRATCH_LIMITS) {
            visit(member);
        }
    }
}

/// The set of the members that are in any of the sets.
pub fn union(sets: &[SetRef<'_>], limits: Limits) -> Set {
    let mut result = empty_for(sets, limits);
    for set in sets {
        result.add_members(*set, limits);
    }
    result
}

/// Visits the members of the first set that are in none of the others.
pub fn subtract<'a>(first: SetRef<'a>, others: &[SetRef<'a>], mut visit: impl FnMut(Element<'a>)) {
    let mut visit = |member| {
        visit(member);
        ControlFlow::Continue(())
    };
    if others.len() <= 1 || is_asking_cheaper(first, others) {
        let mut others = others.to_vec();
        others.sort_by_key(|set| Reverse(set.len()));
        filter(first, &others, Wanted::InNone, visit);
    } else {
        let together = union(others, SCRATCH_LIMITS);
        for member in first.iter() {
            if !together.to_ref().contains_element(member) && visit(member).is_break() {
                return;
            }
        }
    }
}

/// The set of the members of the first set that are in none of the others.
pub fn difference(first: SetRef<'_>, others: &[SetRef<'_>], limits: Limits) -> Set {
    if is_asking_cheaper(first, others) {
        let mut result = Set::new();
        subtract(first, others, |member| {
            result.add_element(member, limits);
        });
        return result;
    }
    let mut result = union(&[first], limits);
    let mut buffer = itoa::Buffer::new();
    for member in others.iter().flat_map(|set| set.iter()) {
        if result.is_empty() {
            break;
        }
        result.remove(member.bytes(&mut buffer));
    }
    result
}

/// Whether it is cheaper to ask the others for each member of the first set than to walk all sets. A member that is found ends its
/// questions, hence the half.
fn is_asking_cheaper(first: SetRef<'_>, others: &[SetRef<'_>]) -> bool {
    let sets = others.len().saturating_add(1);
    let asking = first.len().saturating_mul(sets) / 2;
    let walking = others.iter().map(|set| set.len()).fold(first.len(), usize::saturating_add);
    asking <= walking
}

/// An empty set for the members of these: of the large form if that is what it will have.
fn empty_for(sets: &[SetRef<'_>], limits: Limits) -> Set {
    let largest = sets.iter().map(|set| set.len()).max().unwrap_or(0);
    if limits.integers.max(limits.members) < largest {
        Set::with_capacity(largest)
    } else {
        Set::new()
    }
}

/// Which members of a set are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Those that all other sets have.
    InAll,
    /// Those that no other set has.
    InNone,
}

/// Visits the members of a set that are wanted, until `visit` has enough.
fn filter<'a>(
    set: SetRef<'a>,
    others: &[SetRef<'a>],
    wanted: Wanted,
    mut visit: impl FnMut(Element<'a>) -> ControlFlow<()>,
) {
    let expected = wanted == Wanted::InAll;
    let is_wanted =
        |member: Element<'_>| others.iter().all(|other| other.contains_element(member) == expected);
    let SetRef::Table(table) = set else {
        for member in set.iter().filter(|member| is_wanted(*member)) {
            if visit(member).is_break() {
                return;
            }
        }
        return;
    };
    let mut members = LookingAhead::new(table);
    let mut batch = Batch::new();
    while batch.fill(&mut members) {
        for other in others {
            match other {
                SetRef::Table(other) => other.retain_contained(&mut batch, expected),
                SetRef::Integers(_) | SetRef::Pack(_) => {
                    batch.retain(|sought| other.contains(sought.bytes) == expected);
                }
            }
        }
        for sought in batch.iter() {
            if visit(Element::Bytes(sought.bytes)).is_break() {
                return;
            }
        }
    }
}

/// For what is built only to be asked: small forms are slow at that.
const SCRATCH_LIMITS: Limits = Limits { integers: 512, members: 16, member_bytes: 64 };
