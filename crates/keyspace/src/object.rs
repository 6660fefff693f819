//! Collections as values: reading them by type, and the door through which they change.
//!
//! A collection whose packed bytes are few is kept in its entry and costs no allocation of its own; a larger one is a box
//! that the entry points to, and stays one. Readers see both alike ([`Collection::Ref`]). To change a small one, its bytes are
//! copied into a buffer that the round keeps, changed there, and put back.

use collections::{Collection, Hash, Kind, List, Object, ObjectRef, Set, SortedSet, Stream};

use crate::entry::{Content, Entry, EntryRef};
use crate::hashing::KeyHash;
use crate::value::{Encoding, ValueType};
use crate::view::{ExpiryMode, View};
use crate::writing::SetExpiry;

/// Packed bytes up to this many are kept in the entry: its lengths then take no room beyond the header.
pub(crate) const PACKED_LIMIT: usize = u8::MAX as usize;

/// A value is of another type than the command is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the value is of another type")]
pub struct WrongType;

impl From<WrongType> for resp::ReplyError {
    fn from(WrongType: WrongType) -> resp::ReplyError {
        resp::ReplyError::WrongType
    }
}

/// The type of a collection.
pub(crate) fn type_of(object: &Object) -> ValueType {
    match object {
        Object::List(_) => ValueType::List,
        Object::Set(_) => ValueType::Set,
        Object::Hash(_) => ValueType::Hash,
        Object::SortedSet(_) => ValueType::SortedSet,
        Object::Stream(_) => ValueType::Stream,
    }
}

/// A small collection as a reader sees it; nothing for a string.
pub(crate) fn packed_ref(
    value_type: ValueType,
    encoding: Encoding,
    bytes: &[u8],
) -> Option<ObjectRef<'_>> {
    let encoding = encoding.of_packed()?;
    Some(match value_type {
        ValueType::String => return None,
        ValueType::List => ObjectRef::List(List::packed_ref(encoding, bytes)),
        ValueType::Set => ObjectRef::Set(Set::packed_ref(encoding, bytes)),
        ValueType::Hash => ObjectRef::Hash(Hash::packed_ref(encoding, bytes)),
        ValueType::SortedSet => ObjectRef::SortedSet(SortedSet::packed_ref(encoding, bytes)),
        ValueType::Stream => ObjectRef::Stream(Stream::packed_ref(encoding, bytes)),
    })
}

impl<'a> EntryRef<'a> {
    /// The collection, if it is of this type, with the elements that have expired.
    pub fn collection<T: Collection>(&self) -> Result<T::Ref<'a>, WrongType> {
        self.object().and_then(T::of_ref).ok_or(WrongType)
    }

    /// The collection, if it is of this type, as it is at this time; see [`View::elements_at`].
    pub fn collection_at<T: Collection>(&self, now_ms: i64) -> Result<T::Ref<'a>, WrongType> {
        self.collection::<T>().map(|collection| T::at(collection, now_ms))
    }
}

/// What is left of a collection that was changed.
enum Remains {
    Nothing,
    /// It is where it was.
    InPlace,
    /// It has to be put into another entry.
    Elsewhere(Entry),
}

impl View<'_> {
    /// The collection at a key, for a command that reads it: counts as a hit or a miss and as a use.
    pub fn read_as<T: Collection>(&mut self, key: &[u8]) -> Result<Option<T::Ref<'_>>, WrongType> {
        let now_ms = self.elements_at();
        self.read(key).map(|entry| entry.collection_at::<T>(now_ms)).transpose()
    }

    /// The collection at a key, for a command that will write it: counts as a use.
    pub fn look_as<T: Collection>(&mut self, key: &[u8]) -> Result<Option<T::Ref<'_>>, WrongType> {
        let now_ms = self.elements_at();
        self.look(key).map(|entry| entry.collection_at::<T>(now_ms)).transpose()
    }

    /// The collection at a key, for one that counts neither hit nor use.
    pub fn peek_as<T: Collection>(&mut self, key: &[u8]) -> Result<Option<T::Ref<'_>>, WrongType> {
        let now_ms = self.elements_at();
        self.peek(key).map(|entry| entry.collection_at::<T>(now_ms)).transpose()
    }

    /// The entries of several keys at once, for a command that reads them all. Stops at the first that `check` refuses: those
    /// after it are not looked at, which makes a difference to who counts or listens.
    pub fn read_several_if<'k, E>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        check: impl Fn(EntryRef<'_>) -> Result<(), E>,
    ) -> Result<Vec<Option<EntryRef<'_>>>, E> {
        // To look for one may remove it, but none that was found before: all are judged by the time of the round.
        let mut found: Vec<Option<Entry>> = Vec::new();
        for key in keys {
            let entry = self.found(key);
            entry.map_or(Ok(()), |entry| check(EntryRef::new(entry)))?;
            found.push(entry);
        }
        Ok(found.into_iter().map(|found| found.map(EntryRef::new)).collect())
    }

    /// The collections of several keys at once, all of one type, for a command that reads them all.
    pub fn read_several_as<'k, T: Collection>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<Vec<Option<T::Ref<'_>>>, WrongType> {
        let now_ms = self.elements_at();
        self.read_several_if(keys, |entry| entry.collection::<T>().map(drop))?
            .into_iter()
            .map(|found| found.map(|entry| entry.collection_at::<T>(now_ms)).transpose())
            .collect()
    }

    /// Changes the collection at a key, and keeps when it expires. One that is not there begins empty, and is stored unless
    /// it is empty afterwards; one that becomes empty is removed. Counts as a use.
    pub fn edit<T: Collection, R>(
        &mut self,
        key: &[u8],
        edit: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WrongType> {
        let hash = self.locate(key);
        if let Some(entry) = self.live(key) {
            return self.edit_entry(hash, entry, edit);
        }
        let mut value = T::default();
        let result = edit(&mut value);
        if !(value.is_empty() && T::VANISHES_EMPTY) {
            let new = self.entry_of(key, value, None, self.round.access.initial());
            self.add(hash, new);
        }
        Ok(result)
    }

    /// Changes the collection at a key if there is one; see [`edit`](View::edit).
    pub fn edit_present<T: Collection, R>(
        &mut self,
        key: &[u8],
        edit: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>, WrongType> {
        let hash = self.locate(key);
        match self.live(key) {
            Some(entry) => self.edit_entry(hash, entry, edit).map(Some),
            None => Ok(None),
        }
    }

    /// Sets a key to a collection, whatever it was before; to an empty one, of a type that vanishes, means to remove it.
    pub fn put<T: Collection>(&mut self, key: &[u8], value: T, expiry: SetExpiry) {
        if value.is_empty() && T::VANISHES_EMPTY {
            self.remove(key);
            return;
        }
        let hash = self.locate(key);
        let access = self.round.access;
        if let Some(entry) = self.live(key) {
            self.before_change(entry);
            let access = access.replacing(entry.access());
            let new = self.entry_of(key, value, expiry.given(entry.expiry()), access);
            self.replace(hash, entry, new);
        } else {
            let new = self.entry_of(key, value, expiry.given(None), access.initial());
            self.add(hash, new);
        }
    }

    /// Sets a key to a collection of any type, as [`put`](View::put) does.
    pub fn put_object(&mut self, key: &[u8], object: Object, expiry: SetExpiry) {
        match object {
            Object::List(list) => self.put(key, list, expiry),
            Object::Set(set) => self.put(key, set, expiry),
            Object::Hash(hash) => self.put(key, hash, expiry),
            Object::SortedSet(set) => self.put(key, set, expiry),
            Object::Stream(stream) => self.put(key, stream, expiry),
        }
    }

    /// The time by which readers of collections judge which elements have expired.
    #[inline]
    pub fn elements_at(&self) -> i64 {
        if self.round.expiry == ExpiryMode::Ignore { i64::MIN } else { self.round.now_ms }
    }

    pub(crate) fn edit_entry<T: Collection, R>(
        &mut self,
        hash: KeyHash,
        entry: Entry,
        edit: impl FnOnce(&mut T) -> R,
    ) -> Result<R, WrongType> {
        if entry.value_type() != T::KIND.into() {
            return Err(WrongType);
        }
        self.before_change(entry);
        self.touch(entry);
        let kept = kept_bytes(entry);
        let (result, remains) = match entry.object_mut().and_then(T::of_mut) {
            Some(value) => {
                let result = edit(value);
                let vanishes = value.is_empty() && T::VANISHES_EMPTY;
                (result, if vanishes { Remains::Nothing } else { Remains::InPlace })
            }
            None => self.edit_packed(entry, edit),
        };
        if let Some(before) = kept {
            self.note_kept(before, kept_bytes(entry).unwrap_or(0));
        }
        match remains {
            Remains::Nothing => self.discard(hash, entry),
            // Only hashes have elements that expire.
            Remains::InPlace if T::KIND != Kind::Hash => {}
            Remains::InPlace => {
                let hashing = &self.keyspace.hashing;
                self.database_mut(hash).note_fields(hashing, hash, entry);
            }
            Remains::Elsewhere(new) => self.replace(hash, entry, new),
        }
        Ok(result)
    }

    /// Changes a collection that is kept in its entry.
    fn edit_packed<T: Collection, R>(
        &mut self,
        entry: Entry,
        edit: impl FnOnce(&mut T) -> R,
    ) -> (R, Remains) {
        let mut buffer = std::mem::take(&mut self.round.buffer);
        buffer.clear();
        let mut value = match entry.packed() {
            Some((encoding, bytes)) => {
                buffer.extend_from_slice(bytes);
                encoding.of_packed().map(|encoding| T::from_packed(encoding, buffer))
            }
            None => None,
        }
        .unwrap_or_default();
        let result = edit(&mut value);
        if value.is_empty() && T::VANISHES_EMPTY {
            self.keep_buffer(value);
            return (result, Remains::Nothing);
        }
        if let Some((encoding, bytes)) = value.packed()
            && entry.put_packed(bytes, encoding.into())
        {
            self.keep_buffer(value);
            return (result, Remains::InPlace);
        }
        let new = self.entry_of(entry.key(), value, entry.expiry(), entry.access());
        (result, Remains::Elsewhere(new))
    }

    /// An entry that holds a collection: in it, if it is small.
    fn entry_of<T: Collection>(
        &mut self,
        key: &[u8],
        value: T,
        expiry: Option<i64>,
        access: u32,
    ) -> Entry {
        let epoch = self.epoch();
        if let Some((encoding, bytes)) = value.packed()
            && bytes.len() <= PACKED_LIMIT
        {
            let content = Content::Packed(T::KIND.into(), encoding.into(), bytes);
            let entry = Entry::new(key, content, expiry, access, epoch);
            self.keep_buffer(value);
            return entry;
        }
        let object = Box::new(value.into_object());
        Entry::new(key, Content::Object(object), expiry, access, epoch)
    }

    /// Keeps the buffer of a small collection for the next one.
    fn keep_buffer<T: Collection>(&mut self, value: T) {
        /// More than any that is kept in an entry becomes by one change.
        const LARGE: usize = 1 << 16;
        if let Ok((_, buffer)) = value.into_packed()
            && buffer.capacity() <= LARGE
        {
            self.round.buffer = buffer;
        }
    }
}

/// What a collection keeps that is being written in pieces.
#[inline]
fn kept_bytes(entry: Entry) -> Option<usize> {
    if entry.is_in_pieces() { entry.boxed_object().map(Object::kept_bytes) } else { None }
}
