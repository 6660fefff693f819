//! Random members, each with the same probability, and each set of several as well.
//!
//! `random` gives 64 random bits each time it is called.

use std::collections::HashSet;

use super::{Form, Limits, Set, SetRef};
use crate::PackedBytes;
use crate::int_set::IntSet;
use crate::list_pack::{Element, Encoded, ListPack};

/// A member that was taken out of a set.
#[derive(Clone, Debug)]
pub enum Member {
    /// A string.
    Bytes(PackedBytes),
    /// A string that is the decimal form of this integer.
    Integer(i64),
}

impl Member {
    /// For reading.
    pub fn element(&self) -> Element<'_> {
        match self {
            Member::Bytes(bytes) => Element::Bytes(bytes.bytes()),
            Member::Integer(integer) => Element::Integer(*integer),
        }
    }

    fn of(element: Element<'_>) -> Member {
        match element {
            Element::Bytes(bytes) => Member::Bytes(PackedBytes::new((), bytes)),
            Element::Integer(integer) => Member::Integer(integer),
        }
    }
}

impl<'a> SetRef<'a> {
    /// A random member; none of an empty set.
    pub fn random(self, mut random: impl FnMut() -> u64) -> Option<Element<'a>> {
        match self {
            SetRef::Integers(integers) => {
                integers.nth(below(random(), integers.len())).map(Element::Integer)
            }
            SetRef::Pack(pack) => {
                let index = i64::try_from(below(random(), pack.len())).ok()?;
                pack.nth(index).map(|position| pack.element(position))
            }
            SetRef::Table(table) => {
                table.members().sample(random).map(|member| Element::Bytes(member.bytes()))
            }
        }
    }

    /// Visits `count` different random members, or all if there are no more. Their order is not random.
    pub fn sample(
        self,
        count: usize,
        mut random: impl FnMut() -> u64,
        mut visit: impl FnMut(Element<'a>),
    ) {
        /// Below one in so many, looking for them is faster than passing over the others.
        const FEW: usize = 3;
        match self {
            SetRef::Table(table) if count.saturating_mul(FEW) < table.len() => {
                let mut seen = HashSet::with_capacity(count);
                while seen.len() < count {
                    let Some(member) = table.members().sample(&mut random) else { return };
                    if seen.insert(std::ptr::from_ref(member)) {
                        visit(Element::Bytes(member.bytes()));
                    }
                }
            }
            SetRef::Integers(_) | SetRef::Pack(_) | SetRef::Table(_) => {
                let mut choice = Choice { wanted: count, left: self.len() };
                for member in self.iter() {
                    if choice.is_chosen(random()) {
                        visit(member);
                    }
                    if choice.wanted == 0 {
                        return;
                    }
                }
            }
        }
    }
}

impl Set {
    /// Takes a random member out; none of an empty set.
    pub fn pop(&mut self, mut random: impl FnMut() -> u64) -> Option<Member> {
        match &mut self.form {
            Form::Integers(integers) => {
                let index = below(random(), integers.len());
                let integer = integers.as_ref().nth(index)?;
                integers.remove_at(index, 1);
                Some(Member::Integer(integer))
            }
            Form::Pack(pack) => {
                let index = i64::try_from(below(random(), pack.len())).ok()?;
                let position = pack.as_ref().nth(index)?;
                let member = Member::of(pack.as_ref().element(position));
                pack.remove(position, 1);
                Some(member)
            }
            Form::Table(table) => table.remove_random(random).map(Member::Bytes),
        }
    }

    /// Takes `count` random members out, or all if there are no more. If few are left of many, these become a set that
    /// is small again if it can be.
    pub fn pop_several(
        &mut self,
        count: usize,
        limits: Limits,
        mut random: impl FnMut() -> u64,
    ) -> Vec<Member> {
        /// With fewer left than one in so many taken out, it is better to take the others out.
        const FEW: usize = 5;
        let len = self.len();
        let count = count.min(len);
        let left = len.saturating_sub(count);
        let mut popped = Vec::with_capacity(count);
        let mut choice = Choice { wanted: count, left: len };
        match &mut self.form {
            Form::Integers(integers) => {
                let mut kept = IntSet::new();
                for integer in integers.as_ref() {
                    if choice.is_chosen(random()) {
                        popped.push(Member::Integer(integer));
                    } else {
                        kept.insert(integer);
                    }
                }
                *integers = kept;
            }
            Form::Pack(pack) => {
                let mut kept = ListPack::new();
                for element in pack.as_ref() {
                    if choice.is_chosen(random()) {
                        popped.push(Member::of(element));
                    } else {
                        kept.push_back_encoded(&Encoded::of_element(element));
                    }
                }
                *pack = kept;
            }
            // What is being written in pieces is not taken apart.
            Form::Table(table) if count < left.saturating_mul(FEW) || table.is_in_pieces() => {
                while popped.len() < count {
                    let Some(member) = table.remove_random(&mut random) else { break };
                    popped.push(Member::Bytes(member));
                }
            }
            Form::Table(table) => {
                let mut kept = Set::new_pack();
                for member in std::mem::take(table).into_members() {
                    if choice.is_chosen(random()) {
                        popped.push(Member::Bytes(member));
                    } else {
                        kept.add(member.bytes(), limits);
                    }
                }
                *self = kept;
            }
        }
        popped
    }
}

/// Which of those that come one after the other are chosen, so that in the end exactly `wanted` of `left` are.
struct Choice {
    wanted: usize,
    left: usize,
}

impl Choice {
    fn is_chosen(&mut self, random: u64) -> bool {
        let chosen = below(random, self.left) < self.wanted;
        self.left = self.left.saturating_sub(1);
        self.wanted = self.wanted.saturating_sub(usize::from(chosen));
        chosen
    }
}

/// A random number below `limit`; 0 if that is 0.
fn below(random: u64, limit: usize) -> usize {
    let wide = u128::from(random).wrapping_mul(limit as u128);
    usize::try_from(wide >> 64).unwrap_or(0)
}
