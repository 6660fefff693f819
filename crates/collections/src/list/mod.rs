//! Lists: elements in the order in which they were put.

use std::marker::PhantomData;

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};

/// See the module's page.
#[derive(Clone, Debug, Default)]
pub struct List {}

/// A [`List`] to be read.
#[derive(Clone, Copy, Debug)]
pub struct ListRef<'a> {
    held: PhantomData<&'a List>,
}

impl ListRef<'_> {
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

impl Collection for List {
    type Ref<'a> = ListRef<'a>;

    const KIND: Kind = Kind::List;
    fn to_ref(&self) -> ListRef<'_> {
        ListRef { held: PhantomData }
    }

    fn is_empty(&self) -> bool {
        true
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        None
    }

    fn from_packed(_encoding: Encoding, _bytes: Vec<u8>) -> List {
        List {}
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), List> {
        Err(self)
    }

    fn packed_ref(_encoding: Encoding, _bytes: &[u8]) -> ListRef<'_> {
        ListRef { held: PhantomData }
    }

    fn into_object(self) -> Object {
        Object::List(self)
    }

    fn of(object: &Object) -> Option<&List> {
        if let Object::List(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut List> {
        if let Object::List(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<ListRef<'_>> {
        if let ObjectRef::List(value) = object { Some(value) } else { None }
    }
}
