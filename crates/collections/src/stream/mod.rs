//! Streams: entries by ID.

use std::marker::PhantomData;

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};

/// See the module's page.
#[derive(Clone, Debug, Default)]
pub struct Stream {}

/// A [`Stream`] to be read.
#[derive(Clone, Copy, Debug)]
pub struct StreamRef<'a> {
    held: PhantomData<&'a Stream>,
}

impl StreamRef<'_> {
    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        Encoding::Stream
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

impl Collection for Stream {
    type Ref<'a> = StreamRef<'a>;

    const KIND: Kind = Kind::Stream;
    const VANISHES_EMPTY: bool = false;

    fn to_ref(&self) -> StreamRef<'_> {
        StreamRef { held: PhantomData }
    }

    fn is_empty(&self) -> bool {
        true
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        None
    }

    fn from_packed(_encoding: Encoding, _bytes: Vec<u8>) -> Stream {
        Stream {}
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), Stream> {
        Err(self)
    }

    fn packed_ref(_encoding: Encoding, _bytes: &[u8]) -> StreamRef<'_> {
        StreamRef { held: PhantomData }
    }

    fn into_object(self) -> Object {
        Object::Stream(self)
    }

    fn of(object: &Object) -> Option<&Stream> {
        if let Object::Stream(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Stream> {
        if let Object::Stream(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<StreamRef<'_>> {
        if let ObjectRef::Stream(value) = object { Some(value) } else { None }
    }
}
