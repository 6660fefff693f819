//! What lists, sets, hashes, sorted sets and streams have in common, so that a keyspace can hold any of them.
//!
//! A [`Collection`] owns its elements. A reader sees it through its [`Ref`](Collection::Ref), which is either a reference to
//! the collection or, for one so small that the keyspace keeps its packed bytes in place, those bytes: whoever reads
//! cannot tell the difference. Whoever changes a small one gets a collection made of the packed bytes, and the keyspace puts the
//! bytes back.

use crate::{Hash, List, Set, SortedSet, Stream};
use crate::{
    hash::HashRef, list::ListRef, set::SetRef, sorted_set::SortedSetRef, stream::StreamRef,
};

/// How a collection is represented, as OBJECT ENCODING names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// One list pack.
    ListPack,
    /// One list pack of a hash whose fields may expire.
    ListPackEx,
    /// A sequence of list packs.
    QuickList,
    /// Sorted integers.
    IntSet,
    /// A hash table.
    HashTable,
    /// Elements in order of their scores, and a table of members.
    SkipList,
    /// A stream.
    Stream,
}

/// What kind of collection a value is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Elements in the order in which they were put.
    List,
    /// Different members.
    Set,
    /// Values by field.
    Hash,
    /// Members by score.
    SortedSet,
    /// Entries by ID.
    Stream,
}

/// A collection that a key can have as its value.
pub trait Collection: Clone + Default {
    /// What readers see.
    type Ref<'a>: Copy;

    /// Which it is.
    const KIND: Kind;

    /// Whether a key loses its value when it becomes empty.
    const VANISHES_EMPTY: bool = true;

    /// For reading.
    fn to_ref(&self) -> Self::Ref<'_>;

    /// Whether there are no elements.
    fn is_empty(&self) -> bool;

    /// The bytes that are all there is to it, if its representation is such.
    fn packed(&self) -> Option<(Encoding, &[u8])>;

    /// A collection of bytes that [`packed`](Collection::packed) gave.
    fn from_packed(encoding: Encoding, bytes: Vec<u8>) -> Self;

    /// The bytes back, if it is still represented so.
    fn into_packed(self) -> Result<(Encoding, Vec<u8>), Self>;

    /// For reading bytes that [`packed`](Collection::packed) gave.
    fn packed_ref(encoding: Encoding, bytes: &[u8]) -> Self::Ref<'_>;

    /// What a reader sees at this time, where elements expire.
    fn at(reference: Self::Ref<'_>, _now_ms: i64) -> Self::Ref<'_> {
        reference
    }

    /// As one of any type.
    fn into_object(self) -> Object;

    /// If the object is of this type.
    fn of(object: &Object) -> Option<&Self>;

    /// If the object is of this type.
    fn of_mut(object: &mut Object) -> Option<&mut Self>;

    /// If what is read is of this type.
    fn of_ref(object: ObjectRef<'_>) -> Option<Self::Ref<'_>>;
}

/// A collection of any type.
#[derive(Clone, Debug)]
pub enum Object {
    /// Elements in the order in which they were put.
    List(List),
    /// Different members.
    Set(Set),
    /// Values by field.
    Hash(Hash),
    /// Members by score.
    SortedSet(SortedSet),
    /// Entries by ID.
    Stream(Stream),
}

/// A collection of any type, to be read.
#[derive(Clone, Copy, Debug)]
pub enum ObjectRef<'a> {
    /// Elements in the order in which they were put.
    List(ListRef<'a>),
    /// Different members.
    Set(SetRef<'a>),
    /// Values by field.
    Hash(HashRef<'a>),
    /// Members by score.
    SortedSet(SortedSetRef<'a>),
    /// Entries by ID.
    Stream(StreamRef<'a>),
}

impl Object {
    /// For reading.
    pub fn to_ref(&self) -> ObjectRef<'_> {
        match self {
            Object::List(list) => ObjectRef::List(Collection::to_ref(list)),
            Object::Set(set) => ObjectRef::Set(Collection::to_ref(set)),
            Object::Hash(hash) => ObjectRef::Hash(Collection::to_ref(hash)),
            Object::SortedSet(set) => ObjectRef::SortedSet(Collection::to_ref(set)),
            Object::Stream(stream) => ObjectRef::Stream(Collection::to_ref(stream)),
        }
    }
}

impl ObjectRef<'_> {
    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        match self {
            ObjectRef::List(list) => list.encoding(),
            ObjectRef::Set(set) => set.encoding(),
            ObjectRef::Hash(hash) => hash.encoding(),
            ObjectRef::SortedSet(set) => set.encoding(),
            ObjectRef::Stream(stream) => stream.encoding(),
        }
    }

    /// When the first of its elements expires, if any does: unix time in ms.
    pub fn next_expiry(self) -> Option<i64> {
        match self {
            ObjectRef::Hash(hash) => hash.next_expiry(),
            ObjectRef::List(_)
            | ObjectRef::Set(_)
            | ObjectRef::SortedSet(_)
            | ObjectRef::Stream(_) => None,
        }
    }

    /// What a reader sees at this time, where elements expire.
    #[must_use]
    pub fn at(self, now_ms: i64) -> Self {
        match self {
            ObjectRef::Hash(hash) => ObjectRef::Hash(hash.at(now_ms)),
            ObjectRef::List(_)
            | ObjectRef::Set(_)
            | ObjectRef::SortedSet(_)
            | ObjectRef::Stream(_) => self,
        }
    }

    /// The number of elements, each of which may be an allocation: how long it takes to free.
    pub fn effort(self) -> usize {
        match self {
            ObjectRef::List(list) => list.effort(),
            ObjectRef::Set(set) => set.effort(),
            ObjectRef::Hash(hash) => hash.effort(),
            ObjectRef::SortedSet(set) => set.effort(),
            ObjectRef::Stream(stream) => stream.effort(),
        }
    }

    /// Reports the size of every allocation it consists of, those of at most `samples` elements, scaled up to all.
    /// `size` gives what the allocator takes for a request of so many bytes.
    pub fn memory_bytes(self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        match self {
            ObjectRef::List(list) => list.memory_bytes(samples, size),
            ObjectRef::Set(set) => set.memory_bytes(samples, size),
            ObjectRef::Hash(hash) => hash.memory_bytes(samples, size),
            ObjectRef::SortedSet(set) => set.memory_bytes(samples, size),
            ObjectRef::Stream(stream) => stream.memory_bytes(samples, size),
        }
    }

    /// Feeds all there is to it, independent of its representation, to `feed`; sets and hashes in no certain order, each
    /// element apart.
    pub fn digest(self, feed: &mut dyn FnMut(&[&[u8]])) {
        match self {
            ObjectRef::List(list) => list.digest(feed),
            ObjectRef::Set(set) => set.digest(feed),
            ObjectRef::Hash(hash) => hash.digest(feed),
            ObjectRef::SortedSet(set) => set.digest(feed),
            ObjectRef::Stream(stream) => stream.digest(feed),
        }
    }
}
