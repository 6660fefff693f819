//! Many keys that come at once, out of a file.
//!
//! To make an entry takes longer than to put it into its table, and needs no lock. So [`Arrivals`] are made by any number of threads,
//! and [admitted](View::admit) a batch at a time, shard by shard, with their buckets fetched from memory ahead of time.

use collections::{Collection, Object};

use crate::Keyspace;
use crate::database::free;
use crate::entry::{Content, EMBED_LIMIT, Entry};
use crate::hashing::KeyHash;
use crate::object::PACKED_LIMIT;
use crate::value::Encoding;
use crate::view::{Round, View};
use crate::writing::stored_integer;

use std::sync::Arc;

/// Keys with their values that are in no table yet.
#[derive(Default)]
pub struct Arrivals {
    entries: Vec<Arrival>,
}

#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) shard: u32,
    pub(crate) database: usize,
    pub(crate) hash: KeyHash,
    pub(crate) entry: Entry,
}

/// What becomes of a key that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Present {
    /// It is an error.
    Refused,
    /// What arrives takes its place.
    Replaced,
}

/// A key arrived that was there already.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is a key {} in database {database} already", key.escape_ascii())]
pub struct Duplicate {
    /// The logical database.
    pub database: usize,
    /// Its name.
    pub key: Box<[u8]>,
}

impl Arrivals {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts those of a shard together.
    pub(crate) fn sort(&mut self) {
        self.entries.sort_unstable_by_key(|arrival| std::cmp::Reverse(arrival.shard));
    }

    /// Takes one out, and shows one that comes a bit later, if that is for the same shard: its bucket may be fetched.
    pub(crate) fn take_one(&mut self) -> Option<(Arrival, Option<Arrival>)> {
        /// Buckets that are on their way while one is looked at.
        const AHEAD: usize = 8;
        let next = self.entries.pop()?;
        let ahead = self.entries.len().checked_sub(AHEAD).map(|place| self.entries[place]);
        Some((next, ahead.filter(|ahead| ahead.shard == next.shard)))
    }

    /// Adds a string. `access` is what eviction judges by.
    pub fn string(
        &mut self,
        keyspace: &Keyspace,
        (database, key): (usize, &[u8]),
        value: &[u8],
        expiry: Option<i64>,
        access: u32,
    ) {
        let content = match stored_integer(value) {
            Some(number) => Content::Integer(number),
            None if EMBED_LIMIT < value.len() => Content::Heap(Arc::new(value.to_vec())),
            None => Content::Bytes(value, Encoding::of_length(value.len())),
        };
        self.add(keyspace, database, Entry::new(key, content, expiry, access, 0));
    }

    /// Adds a collection.
    pub fn object(
        &mut self,
        keyspace: &Keyspace,
        (database, key): (usize, &[u8]),
        object: Object,
        expiry: Option<i64>,
        access: u32,
    ) {
        let entry = match object {
            Object::List(list) => entry_of(key, list, expiry, access),
            Object::Set(set) => entry_of(key, set, expiry, access),
            Object::Hash(hash) => entry_of(key, hash, expiry, access),
            Object::SortedSet(set) => entry_of(key, set, expiry, access),
            Object::Stream(stream) => entry_of(key, stream, expiry, access),
        };
        self.add(keyspace, database, entry);
    }

    fn add(&mut self, keyspace: &Keyspace, database: usize, entry: Entry) {
        assert!(database < keyspace.databases(), "the number was checked when it was read");
        let hash = keyspace.hash(entry.key());
        self.entries.push(Arrival { shard: hash.shard(keyspace.mask), database, hash, entry });
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.entries.drain(..).for_each(|arrival| free(arrival.entry));
    }
}

fn entry_of<T: Collection>(key: &[u8], value: T, expiry: Option<i64>, access: u32) -> Entry {
    if let Some((encoding, bytes)) = value.packed()
        && bytes.len() <= PACKED_LIMIT
    {
        let content = Content::Packed(T::KIND.into(), encoding.into(), bytes);
        return Entry::new(key, content, expiry, access, 0);
    }
    Entry::new(key, Content::Object(Box::new(value.into_object())), expiry, access, 0)
}

impl View<'_> {
    /// Puts all arrivals into their tables, or up to the first that is refused. The view roams, or holds all shards.
    pub fn admit(&mut self, arrivals: &mut Arrivals, present: Present) -> Result<(), Duplicate> {
        arrivals.sort();
        let epoch = self.epoch();
        while let Some((Arrival { shard, database, hash, entry }, ahead)) = arrivals.take_one() {
            let held = self.shard_at(shard).database_mut(database);
            if let Some(next) = ahead {
                held.entries().prefetch_bucket(next.hash.0);
            }
            entry.put_epoch(epoch);
            if let Some(old) = held.find(hash, entry.key()) {
                if present == Present::Refused {
                    let key = entry.key().into();
                    free(entry);
                    return Err(Duplicate { database, key });
                }
                self.select(database);
                self.before_change(old);
                self.replace(hash, old, entry);
                continue;
            }
            let hashing = &self.keyspace.hashing;
            self.shard_at(shard).database_mut(database).insert(hashing, hash, entry);
        }
        Ok(())
    }
}

impl Keyspace {
    /// Puts arrivals into their tables beside the workers, which wait no longer than that takes. The caller is outside of all
    /// gates.
    pub fn admit(&self, arrivals: &mut Arrivals, present: Present) -> Result<(), Duplicate> {
        self.beside(&mut Round::aside(), |view| {
            view.roam();
            view.admit(arrivals, present)
        })
    }
}
