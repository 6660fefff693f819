//! Reading a set, whatever its form.

use super::table::{AHEAD, Table};
use crate::collection::Encoding;
use crate::hash_table::{self, prefetch};
use crate::list_pack::{Element, ListPackRef, integer_of};
use crate::{IntSetRef, PackedBytes, int_set, list_pack};

/// A [`Set`](super::Set) to be read.
#[derive(Clone, Copy, Debug)]
pub enum SetRef<'a> {
    /// A small set of integers.
    Integers(IntSetRef<'a>),
    /// A small set.
    Pack(ListPackRef<'a>),
    /// Any other.
    Table(&'a Table),
}

impl<'a> SetRef<'a> {
    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        match self {
            SetRef::Integers(_) => Encoding::IntSet,
            SetRef::Pack(_) => Encoding::ListPack,
            SetRef::Table(_) => Encoding::HashTable,
        }
    }

    /// The number of members.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            SetRef::Integers(integers) => integers.len(),
            SetRef::Pack(pack) => pack.len(),
            SetRef::Table(table) => table.len(),
        }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        match self {
            SetRef::Integers(integers) => integers.is_empty(),
            SetRef::Pack(pack) => pack.is_empty(),
            SetRef::Table(table) => table.is_empty(),
        }
    }

    /// Whether this is a member.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            SetRef::Integers(integers) => {
                integer_of(member).is_some_and(|integer| integers.contains(integer))
            }
            SetRef::Pack(pack) => pack.find(member, 0).is_some(),
            SetRef::Table(table) => table.contains(member),
        }
    }

    /// Whether what another set has as a member is one of this.
    #[inline]
    pub fn contains_element(self, element: Element<'_>) -> bool {
        match (self, element) {
            (SetRef::Integers(integers), Element::Integer(integer)) => integers.contains(integer),
            _ => self.contains(element.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// All members: integers in ascending order, those of another small set in the order in which they were added, others in no
    /// certain order.
    #[inline]
    pub fn iter(self) -> Members<'a> {
        match self {
            SetRef::Integers(integers) => Members::Integers(integers.iter()),
            SetRef::Pack(pack) => Members::Pack(pack.iter()),
            SetRef::Table(table) => Members::Table(LookingAhead::new(table)),
        }
    }

    /// How many allocations it takes to free it, about.
    pub fn effort(self) -> usize {
        match self {
            SetRef::Integers(_) | SetRef::Pack(_) => 1,
            SetRef::Table(table) => table.len(),
        }
    }

    /// See [`ObjectRef::memory_bytes`](crate::ObjectRef::memory_bytes).
    pub fn memory_bytes(self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        match self {
            SetRef::Integers(integers) => size(integers.as_bytes().len()),
            SetRef::Pack(pack) => size(pack.total_bytes()),
            SetRef::Table(table) => table.memory_bytes(samples, size),
        }
    }

    /// See [`ObjectRef::digest`](crate::ObjectRef::digest).
    pub fn digest(self, feed: &mut dyn FnMut(&[&[u8]])) {
        let mut buffer = itoa::Buffer::new();
        for member in self.iter() {
            feed(&[member.bytes(&mut buffer)]);
        }
    }
}

/// The members of a set.
pub enum Members<'a> {
    /// Of a small set of integers.
    Integers(int_set::Iter<'a>),
    /// Of a small set.
    Pack(list_pack::Iter<'a>),
    /// Of any other.
    Table(LookingAhead<'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self {
            Members::Integers(integers) => integers.next().map(Element::Integer),
            Members::Pack(pack) => pack.next(),
            Members::Table(table) => table.next().map(Element::Bytes),
        }
    }
}

/// The members of a table, each asked for some time before its turn.
pub struct LookingAhead<'a> {
    members: hash_table::Iter<'a, PackedBytes>,
    /// The next ones, as a ring that is full until there are no more.
    ahead: [Option<&'a PackedBytes>; AHEAD],
    /// Where the next one is.
    turn: usize,
}

impl<'a> LookingAhead<'a> {
    pub(super) fn new(table: &'a Table) -> LookingAhead<'a> {
        let mut members = table.walk();
        let ahead = std::array::from_fn(|_| ask(&mut members));
        LookingAhead { members, ahead, turn: 0 }
    }
}

impl<'a> Iterator for LookingAhead<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let place = self.ahead.get_mut(self.turn % AHEAD)?;
        let member = std::mem::replace(place, ask(&mut self.members))?;
        self.turn = self.turn.wrapping_add(1);
        Some(member.bytes())
    }
}

/// The next member, which is on its way from memory now.
#[inline]
fn ask<'a>(members: &mut hash_table::Iter<'a, PackedBytes>) -> Option<&'a PackedBytes> {
    let member = members.next()?;
    prefetch(member.address());
    Some(member)
}
