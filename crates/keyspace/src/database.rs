//! One shard's part of a logical database: its entries, the index of those that expire, and that of hashes with fields that
//! expire.
//!
//! An index holds the same pointers as the table of entries, so an expiring key costs it one slot. Whoever replaces an
//! entry replaces it in all, and only this file does.

use collections::HashTable;
use collections::hash_table::Rehash;

use crate::entry::Entry;
use crate::hashing::{Hashing, KeyHash};

/// Entries, and which of them expire.
#[derive(Default)]
pub(crate) struct Database {
    entries: HashTable<Entry>,
    expiring: HashTable<Entry>,
    field_expiring: HashTable<Entry>,
    /// Its number when the last snapshot began.
    origin: usize,
    /// Where the walk of the snapshot is; none if that has seen all, or there is none.
    cursor: Option<u64>,
}

impl Database {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn expiring_len(&self) -> usize {
        self.expiring.len()
    }

    /// Hashes with fields that expire.
    pub(crate) fn field_expiring(&self) -> &HashTable<Entry> {
        &self.field_expiring
    }

    pub(crate) fn entries(&self) -> &HashTable<Entry> {
        &self.entries
    }

    pub(crate) fn expiring(&self) -> &HashTable<Entry> {
        &self.expiring
    }

    /// Begins to be walked by a snapshot.
    pub(crate) fn begin_walk(&mut self, number: usize) {
        self.origin = number;
        self.cursor = (!self.entries.is_empty()).then_some(0);
    }

    /// Its number when the last snapshot began.
    pub(crate) fn origin(&self) -> usize {
        self.origin
    }

    /// Where the walk of the snapshot is, if that has not seen all.
    pub(crate) fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    /// Goes back to where the walk was before: not all that was found there could be shown.
    pub(crate) fn walk_again(&mut self, cursor: Option<u64>) {
        self.cursor = cursor;
    }

    /// Gives the entries of the next few buckets, and has them fetched from memory meanwhile.
    pub(crate) fn walk(&mut self, found: &mut Vec<Entry>) {
        /// Enough for waits for memory to overlap, few enough for what is fetched to stay in the first cache.
        const BUCKETS: usize = 8;
        for _ in 0..BUCKETS {
            let Some(cursor) = self.cursor else { return };
            let next = self.entries.scan(cursor, |entry| {
                entry.prefetch();
                found.push(*entry);
            });
            self.entries.prefetch_bucket(next);
            self.cursor = (next != 0).then_some(next);
        }
    }

    #[inline]
    pub(crate) fn find(&self, hash: KeyHash, key: &[u8]) -> Option<Entry> {
        self.entries.find(hash.0, |entry| entry.is_of(key)).copied()
    }

    /// Adds an entry whose key is not there yet.
    pub(crate) fn insert(&mut self, hashing: &Hashing, hash: KeyHash, entry: Entry) {
        if entry.expires() {
            self.expiring.insert_unique(hash.0, entry, hashing);
        }
        if entry.fields_expire() {
            self.field_expiring.insert_unique(hash.0, entry, hashing);
        }
        self.entries.insert_unique(hash.0, entry, hashing);
    }

    /// Puts `new`, which has the same key, in the place of `old` and frees `old`.
    pub(crate) fn replace(&mut self, hashing: &Hashing, hash: KeyHash, old: Entry, new: Entry) {
        debug_assert_eq!(old.key(), new.key(), "an entry is replaced by one of the same key");
        if let Some(place) = self.entries.find_mut(hash.0, |entry| *entry == old) {
            *place = new;
        }
        for (index, was_in, is_in) in [
            (&mut self.expiring, old.expires(), new.expires()),
            (&mut self.field_expiring, old.fields_expire(), new.fields_expire()),
        ] {
            match (was_in, is_in) {
                (true, true) => {
                    if let Some(place) = index.find_mut(hash.0, |entry| *entry == old) {
                        *place = new;
                    }
                }
                (true, false) => {
                    index.remove(hash.0, |entry| *entry == old);
                }
                (false, true) => {
                    index.insert_unique(hash.0, new, hashing);
                }
                (false, false) => {}
            }
        }
        free(old);
    }

    /// Notes whether a hash whose fields were changed in place has fields that expire.
    #[inline]
    pub(crate) fn note_fields(&mut self, hashing: &Hashing, hash: KeyHash, entry: Entry) {
        let expire = entry.object().is_some_and(|object| object.next_expiry().is_some());
        if expire == entry.fields_expire() {
            return;
        }
        entry.put_fields_expire(expire);
        if expire {
            self.field_expiring.insert_unique(hash.0, entry, hashing);
        } else {
            self.field_expiring.remove(hash.0, |other| *other == entry);
        }
    }

    /// Takes an entry out. The caller frees it or puts it elsewhere.
    pub(crate) fn take(&mut self, hash: KeyHash, entry: Entry) {
        if entry.expires() {
            self.expiring.remove(hash.0, |other| *other == entry);
        }
        if entry.fields_expire() {
            self.field_expiring.remove(hash.0, |other| *other == entry);
        }
        self.entries.remove(hash.0, |other| *other == entry);
    }
}

/// How tables that grow learn the hashes of their entries.
impl Rehash<Entry> for Hashing {
    #[inline]
    fn hash(&self, entry: &Entry) -> u64 {
        self.hash(entry.key()).0
    }

    #[inline]
    fn address(&self, entry: &Entry) -> *const u8 {
        entry.address()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.entries.iter().copied().for_each(free);
    }
}

/// Frees an entry that is in no table any more, or whose table is being dropped.
#[expect(unsafe_code, reason = "entries are freed here only")]
pub(crate) fn free(entry: Entry) {
    // SAFETY: callers have taken the entry out of its tables (or own the table and never look at it again), and
    // copies of the pointer exist nowhere else.
    unsafe { entry.free() };
}
