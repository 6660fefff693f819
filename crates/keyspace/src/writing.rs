//! The door: every change of a value.
//!
//! Each method here that changes or removes an entry first calls [`View::before_change`], which lets the snapshot of the
//! current epoch see the old value, once; a new entry carries the current epoch, since the snapshot has nothing to see in
//! it. Nothing outside this crate can change an entry in another way.

use std::sync::Arc;

use crate::database::free;
use crate::entry::{Content, EMBED_LIMIT, Entry, EntryRef};
use crate::hashing::KeyHash;
use crate::value::{Decimal, Encoding, StringRef, ValueRef};
use crate::view::{ExpiryMode, Garbage, Incident, View, Waste};

/// What a write does about the time at which the key expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetExpiry {
    /// It stays as it is.
    Keep,
    /// The key won't expire.
    Clear,
    /// Unix time in ms.
    At(i64),
}

/// Who frees a value that takes long to free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freeing {
    /// The thread that removes it: its memory can be used again right after.
    Here,
    /// Another one, later: it becomes garbage.
    Elsewhere,
}

impl SetExpiry {
    pub(crate) fn given(self, present: Option<i64>) -> Option<i64> {
        match self {
            SetExpiry::Keep => present,
            SetExpiry::Clear => None,
            SetExpiry::At(time) => Some(time),
        }
    }

    /// Whether an entry has room for the time if it should, and none if it should not.
    #[inline]
    fn fits(self, entry: Entry) -> bool {
        match self {
            SetExpiry::Keep => true,
            SetExpiry::Clear => !entry.expires(),
            SetExpiry::At(_) => entry.expires(),
        }
    }
}

impl View<'_> {
    /// Sets a key to a string, whatever it was before.
    #[inline]
    pub fn set_string(&mut self, key: &[u8], value: &[u8], expiry: SetExpiry) {
        let hash = self.locate(key);
        let present = self.live(key);
        if let Some(entry) = present {
            self.touch(entry);
        }
        self.put_string(hash, key, present, value, expiry);
    }

    /// Sets a key to a string if `decide`, given what is there, says so; gives what it said.
    ///
    /// One lookup serves for both.
    #[inline]
    pub fn set_string_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        expiry: SetExpiry,
        decide: impl FnOnce(Option<EntryRef<'_>>) -> bool,
    ) -> bool {
        let hash = self.locate(key);
        let present = self.live(key);
        let decided = decide(present.map(EntryRef::new));
        if let Some(entry) = present {
            self.touch(entry);
        }
        if decided {
            self.put_string(hash, key, present, value, expiry);
        }
        decided
    }

    /// Sets a key to these bytes, whatever it was before. They stay bytes even if they are the decimal form of an integer,
    /// which OBJECT ENCODING tells. Who computes them has looked at the key before, which counted as its use.
    pub fn set_bytes(&mut self, key: &[u8], value: &[u8], expiry: SetExpiry) {
        let hash = self.locate(key);
        let present = self.live(key);
        self.put_bytes(hash, key, present, value, expiry);
    }

    /// Changes a value to an integer that is computed from it, and keeps when it expires; gives the integer.
    pub fn update_integer<E>(
        &mut self,
        key: &[u8],
        compute: impl FnOnce(Option<EntryRef<'_>>) -> Result<i64, E>,
    ) -> Result<i64, E> {
        let hash = self.locate(key);
        let present = self.live(key);
        let number = compute(present.map(EntryRef::new))?;
        if let Some(entry) = present {
            self.before_change(entry);
            self.touch(entry);
            if entry.put_integer(number) {
                return Ok(number);
            }
        }
        self.put_content(hash, key, present, Content::Integer(number), SetExpiry::Keep);
        Ok(number)
    }

    /// Changes the bytes of a string in place, and keeps when it expires; a key that is not there begins empty.
    ///
    /// `edit` must not leave a key that was not there empty: nothing would be stored.
    pub fn edit_string<R>(&mut self, key: &[u8], edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let hash = self.locate(key);
        let present = self.live(key);
        if let Some(entry) = present {
            self.before_change(entry);
            self.touch(entry);
            if let Some(bytes) = entry.heap_mut() {
                return edit(bytes);
            }
        }
        let mut bytes = present.map_or_else(Vec::new, |entry| entry.string().to_vec());
        let result = edit(&mut bytes);
        if let Some(entry) = present
            && entry.put_bytes(&bytes, Encoding::Raw)
        {
            return result;
        }
        if bytes.len() <= EMBED_LIMIT {
            self.put_content(
                hash,
                key,
                present,
                Content::Bytes(&bytes, Encoding::Raw),
                SetExpiry::Keep,
            );
        } else {
            self.put_content(hash, key, present, Content::Heap(Arc::new(bytes)), SetExpiry::Keep);
        }
        result
    }

    /// Overwrites bytes of a string in place, and keeps when it expires; counts as a use. Nothing happens to a key that is not
    /// there or holds no bytes: an integer, a collection.
    #[inline]
    pub fn overwrite_string<R>(
        &mut self,
        key: &[u8],
        overwrite: impl FnOnce(&mut [u8]) -> R,
    ) -> Option<R> {
        let entry = self.live(key)?;
        self.before_change(entry);
        self.touch(entry);
        entry.string_mut().map(overwrite)
    }

    /// Sets a key to bytes that were made by a computation, whatever it was before; OBJECT ENCODING tells that they were.
    pub fn put_made(&mut self, key: &[u8], value: Vec<u8>, expiry: SetExpiry) {
        let hash = self.locate(key);
        let present = self.live(key);
        if EMBED_LIMIT < value.len() {
            self.put_content(hash, key, present, Content::Heap(Arc::new(value)), expiry);
        } else {
            let content = Content::Bytes(&value, Encoding::Raw);
            self.put_content(hash, key, present, content, expiry);
        }
    }

    /// Removes a key, whose value becomes garbage if freeing it takes long; says whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.remove_freeing(key, Freeing::Elsewhere)
    }

    /// Removes a key; says whether it was there.
    pub fn remove_freeing(&mut self, key: &[u8], freeing: Freeing) -> bool {
        let hash = self.locate(key);
        let Some(entry) = self.live(key) else { return false };
        match freeing {
            Freeing::Here => {
                self.before_change(entry);
                self.take(hash, entry);
                self.salvage(entry);
                free(entry);
            }
            Freeing::Elsewhere => self.discard(hash, entry),
        }
        true
    }

    /// Changes when a key expires, or with `None` that it does; says whether the key is there.
    pub fn set_expiry(&mut self, key: &[u8], expiry: Option<i64>) -> bool {
        let hash = self.locate(key);
        let Some(entry) = self.live(key) else { return false };
        self.before_change(entry);
        let done = match expiry {
            Some(time) => entry.put_expiry(time),
            None => !entry.expires(),
        };
        if !done {
            let new = remade(entry, entry.key(), expiry, entry.access(), self.epoch());
            self.replace(hash, entry, new);
        }
        true
    }

    /// Changes the bits that OBJECT FREQ and IDLETIME show.
    pub fn set_access(&mut self, key: &[u8], access: u32) {
        if let Some(entry) = self.live(key) {
            entry.put_access(access);
        }
    }

    /// Gives the value at `from`, with its expiry, the name `to` instead, whatever was there; says whether `from` is there.
    /// Under its new name it has not been used yet.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let hash = self.locate(from);
        let Some(entry) = self.live(from) else { return false };
        if from == to {
            return true;
        }
        let access = self.round.access.initial();
        self.before_change(entry);
        let in_pieces = entry.is_in_pieces();
        let new = remade(entry, to, entry.expiry(), access, self.epoch());
        self.take(hash, entry);
        free(entry);
        self.remove(to);
        let hash = self.locate(to);
        self.add(hash, new);
        if in_pieces {
            self.note_moved((self.database(), from), (self.database(), to));
        }
        true
    }

    /// Copies the value at `from`, with its expiry, to `to` in database `database`, whatever was there; says whether
    /// `from` is there.
    pub fn copy(&mut self, from: &[u8], to: &[u8], database: usize) -> bool {
        let Some(entry) = self.live(from) else { return false };
        let new = copied(entry, to, entry.expiry(), self.round.access.initial(), self.epoch());
        let source = self.database();
        self.select(database);
        self.remove(to);
        let hash = self.locate(to);
        self.add(hash, new);
        self.select(source);
        true
    }

    /// Moves a key to another database, where it is not there yet and has not been used yet; says whether it was here.
    pub fn move_to(&mut self, key: &[u8], database: usize) -> bool {
        let hash = self.locate(key);
        let Some(entry) = self.live(key) else { return false };
        let source = self.database();
        self.before_change(entry);
        self.take(hash, entry);
        entry.put_access(self.round.access.initial());
        self.select(database);
        self.add(hash, entry);
        self.select(source);
        if entry.is_in_pieces() {
            self.note_moved((source, key), (database, key));
        }
        true
    }

    /// Empties a database, or all of them; the entries become garbage. Needs all shards. Gives how many keys there were.
    pub fn flush(&mut self, database: Option<usize>) -> usize {
        let numbers = database.map_or_else(|| 0..self.databases(), |number| number..number + 1);
        let mut removed = 0;
        self.round.changed = true;
        for number in numbers.clone() {
            self.tell_watchers_of(number, None);
        }
        self.salvage_all(numbers.clone());
        let mut taken = Vec::new();
        for shard in self.all_shards() {
            for number in numbers.clone() {
                if shard.database(number).is_some_and(|database| 0 < database.len()) {
                    let emptied = std::mem::take(shard.database_mut(number));
                    removed += emptied.len();
                    taken.push(emptied);
                }
            }
        }
        for database in taken {
            let left = self.leave_to_snapshot(database);
            self.garbage.extend(left.map(|left| Garbage(Waste::Database(left))));
        }
        removed
    }

    /// Exchanges two databases. Needs all shards.
    pub fn swap_databases(&mut self, one: usize, other: usize) {
        if one == other {
            return;
        }
        self.round.changed = true;
        self.tell_watchers_of(one, Some(other));
        self.tell_watchers_of(other, Some(one));
        self.all_shards().for_each(|shard| shard.swap(one, other));
        self.note_swapped(one, other);
    }

    /// Called before an entry is changed or removed for the first time in an epoch, and every time after.
    ///
    /// The snapshot that began the epoch has not written the entry out yet if the entry's epoch is another.
    #[inline]
    pub(crate) fn before_change(&mut self, entry: Entry) {
        self.round.changed = true;
        if entry.epoch() != self.epoch() {
            self.show(entry);
        }
    }

    #[inline]
    fn put_string(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        present: Option<Entry>,
        value: &[u8],
        expiry: SetExpiry,
    ) {
        let Some(number) = stored_integer(value) else {
            self.put_bytes(hash, key, present, value, expiry);
            return;
        };
        if let Some(entry) = present
            && expiry.fits(entry)
        {
            self.before_change(entry);
            if entry.put_integer(number) {
                self.put_in_place(entry, expiry);
                return;
            }
        }
        self.put_content(hash, key, present, Content::Integer(number), expiry);
    }

    #[inline]
    fn put_bytes(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        present: Option<Entry>,
        value: &[u8],
        expiry: SetExpiry,
    ) {
        if EMBED_LIMIT < value.len() {
            let kept = self.round.keep(value);
            self.put_content(hash, key, present, Content::Heap(kept), expiry);
            return;
        }
        let encoding = Encoding::of_length(value.len());
        if let Some(entry) = present
            && expiry.fits(entry)
        {
            self.before_change(entry);
            if entry.put_bytes(value, encoding) {
                self.put_in_place(entry, expiry);
                return;
            }
        }
        self.put_content(hash, key, present, Content::Bytes(value, encoding), expiry);
    }

    /// Ends the replacement of a value in the entry that was there before.
    #[inline]
    fn put_in_place(&self, entry: Entry, expiry: SetExpiry) {
        entry.put_access(self.round.access.replacing(entry.access()));
        if let SetExpiry::At(time) = expiry {
            entry.put_expiry(time);
        }
    }

    /// Makes an entry and puts it in the place of the present one.
    fn put_content(
        &mut self,
        hash: KeyHash,
        key: &[u8],
        present: Option<Entry>,
        content: Content<'_>,
        expiry: SetExpiry,
    ) {
        let epoch = self.epoch();
        if let Some(entry) = present {
            self.before_change(entry);
            let access = self.round.access.replacing(entry.access());
            let new = Entry::new(key, content, expiry.given(entry.expiry()), access, epoch);
            self.replace(hash, entry, new);
        } else {
            let new =
                Entry::new(key, content, expiry.given(None), self.round.access.initial(), epoch);
            self.add(hash, new);
        }
    }

    /// Adds an entry whose key is not there for this view.
    pub(crate) fn add(&mut self, hash: KeyHash, entry: Entry) {
        self.round.changed = true;
        if self.round.noting.added {
            self.note(entry.key(), Incident::Added);
        }
        if self.round.expiry == ExpiryMode::Hide
            && let Some(hidden) = self.database_mut(hash).find(hash, entry.key())
        {
            self.discard(hash, hidden);
        }
        let hashing = &self.keyspace.hashing;
        self.database_mut(hash).insert(hashing, hash, entry);
    }

    pub(crate) fn replace(&mut self, hash: KeyHash, old: Entry, new: Entry) {
        self.salvage(old);
        let hashing = &self.keyspace.hashing;
        self.database_mut(hash).replace(hashing, hash, old, new);
    }
}

/// The integer that a string is stored as, if it is the canonical decimal form of one.
#[inline]
pub(crate) fn stored_integer(value: &[u8]) -> Option<i64> {
    /// The longest: `-9223372036854775808`.
    const LIMIT: usize = 20;
    let (first, length) = (*value.first()?, value.len());
    if LIMIT < length || !(first.is_ascii_digit() || first == b'-') {
        return None;
    }
    let number: i64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    // `007`, `-0` and the like would not come back as they were.
    (Decimal::new().format(number).as_bytes() == value).then_some(number)
}

/// An entry with the value of another, which loses it, under another name or with another expiry.
fn remade(entry: Entry, key: &[u8], expiry: Option<i64>, access: u32, epoch: u8) -> Entry {
    let content = match entry.take_value() {
        Some(value) => value.into(),
        None => content_in_place(entry),
    };
    Entry::new(key, content, expiry, access, epoch)
}

/// An entry with a copy of the value of another.
fn copied(entry: Entry, key: &[u8], expiry: Option<i64>, access: u32, epoch: u8) -> Entry {
    let content = match (entry.value(), entry.boxed_object()) {
        (ValueRef::String(StringRef::Shared(shared)), _) => Content::Heap(Arc::clone(shared)),
        (_, Some(object)) => Content::Object(Box::new(object.clone())),
        _ => content_in_place(entry),
    };
    Entry::new(key, content, expiry, access, epoch)
}

/// What an entry without a value on the heap holds.
fn content_in_place<'a>(entry: Entry) -> Content<'a> {
    if let Some((encoding, bytes)) = entry.packed() {
        return Content::Packed(entry.value_type(), encoding, bytes);
    }
    match entry.string() {
        StringRef::Bytes(bytes) => Content::Bytes(bytes, entry.encoding()),
        StringRef::Integer(number) => Content::Integer(number),
        StringRef::Shared(shared) => Content::Heap(Arc::clone(shared)),
    }
}
