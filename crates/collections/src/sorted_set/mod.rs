//! Sorted sets: members by score.

mod tree;

use std::marker::PhantomData;

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};

/// See the module's page.
#[derive(Clone, Debug, Default)]
pub struct SortedSet {}

/// A [`SortedSet`] to be read.
#[derive(Clone, Copy, Debug)]
pub struct SortedSetRef<'a> {
    held: PhantomData<&'a SortedSet>,
}

impl SortedSetRef<'_> {
    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        Encoding::ListPack
    }

    /// The number of elements.
    pub fn len(self) -> usize {
        0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How many allocations it takes to free it, about.
    pub fn effort(self) -> usize {
        self.len()
    }

    /// See [`ObjectRef::memory_bytes`].
    pub fn memory_bytes(self, _samples: usize, _size: &dyn Fn(usize) -> usize) -> usize {
        0
    }

    /// See [`ObjectRef::digest`].
    pub fn digest(self, _feed: &mut dyn FnMut(&[&[u8]])) {}
}

impl Collection for SortedSet {
    type Ref<'a> = SortedSetRef<'a>;

    const KIND: Kind = Kind::SortedSet;
    fn to_ref(&self) -> SortedSetRef<'_> {
        SortedSetRef { held: PhantomData }
    }

    fn is_empty(&self) -> bool {
        true
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        None
    }

    fn from_packed(_encoding: Encoding, _bytes: Vec<u8>) -> SortedSet {
        SortedSet {}
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), SortedSet> {
        Err(self)
    }

    fn packed_ref(_encoding: Encoding, _bytes: &[u8]) -> SortedSetRef<'_> {
        SortedSetRef { held: PhantomData }
    }

    fn into_object(self) -> Object {
        Object::SortedSet(self)
    }

    fn of(object: &Object) -> Option<&SortedSet> {
        if let Object::SortedSet(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut SortedSet> {
        if let Object::SortedSet(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<SortedSetRef<'_>> {
        if let ObjectRef::SortedSet(value) = object { Some(value) } else { None }
    }
}
