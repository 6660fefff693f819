//! Sets: different members in no order.

use std::marker::PhantomData;

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};

/// See the module's page.
#[derive(Clone, Debug, Default)]
pub struct Set {}

/// A [`Set`] to be read.
#[derive(Clone, Copy, Debug)]
pub struct SetRef<'a> {
    held: PhantomData<&'a Set>,
}

impl SetRef<'_> {
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

impl Collection for Set {
    type Ref<'a> = SetRef<'a>;

    const KIND: Kind = Kind::Set;
    fn to_ref(&self) -> SetRef<'_> {
        SetRef { held: PhantomData }
    }

    fn is_empty(&self) -> bool {
        true
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        None
    }

    fn from_packed(_encoding: Encoding, _bytes: Vec<u8>) -> Set {
        Set {}
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), Set> {
        Err(self)
    }

    fn packed_ref(_encoding: Encoding, _bytes: &[u8]) -> SetRef<'_> {
        SetRef { held: PhantomData }
    }

    fn into_object(self) -> Object {
        Object::Set(self)
    }

    fn of(object: &Object) -> Option<&Set> {
        if let Object::Set(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Set> {
        if let Object::Set(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<SetRef<'_>> {
        if let ObjectRef::Set(value) = object { Some(value) } else { None }
    }
}
