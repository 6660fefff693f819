//! Who has read which key, in parts with a lock each, so that workers seldom meet.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use hashbrown::HashTable;
use keyspace::{Hashing, KeyHash};
use parking_lot::Mutex;

use super::filter::Filter;
use super::readers::Readers;
use crate::Interest;
use crate::clients::ClientRecord;

/// Enough that two of a few dozen workers seldom meet, and that one part is searched quickly.
pub(super) const PARTS: usize = 256;

/// A part's bits in the filter are not made anew before so many of its keys were removed.
const REMOVED_AT_LEAST: usize = 256;

/// Keys with a certain hash, and their readers.
#[derive(Default)]
struct Part {
    keys: HashTable<(Box<[u8]>, Readers)>,
    /// How many were removed since the part's bits in the filter were made.
    removed: usize,
}

/// Keys with their readers. While there are any, changes of keys are of interest.
pub(super) struct Table {
    parts: Box<[Mutex<Part>]>,
    filter: Filter,
    hashing: Hashing,
    keys: AtomicUsize,
    /// Readers of all keys.
    items: AtomicUsize,
    /// Where to look next for a key to forget.
    next: AtomicUsize,
}

impl Table {
    /// An empty one, for keys that are hashed like this.
    pub(super) fn new(hashing: Hashing) -> Table {
        Table {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            filter: Filter::default(),
            hashing,
            keys: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    pub(super) fn items(&self) -> usize {
        self.items.load(Relaxed)
    }

    /// Remembers a reader of a key.
    pub(super) fn insert(&self, interest: &Interest, key: &[u8], reader: &Arc<ClientRecord>) {
        let hash = self.hash(key);
        let place = place(hash);
        let mut part = self.parts[place].lock();
        if let Some((_, readers)) = part.keys.find_mut(hash, |(known, _)| **known == *key) {
            self.items.fetch_add(usize::from(readers.insert(reader)), Relaxed);
            return;
        }
        let mut readers = Readers::default();
        readers.insert(reader);
        let hash_of = |(key, _): &(Box<[u8]>, Readers)| self.hash(key);
        part.keys.insert_unique(hash, (key.into(), readers), hash_of);
        self.filter.insert(place, hash);
        self.items.fetch_add(1, Relaxed);
        if self.keys.fetch_add(1, Relaxed) == 0 {
            interest.add_tracker();
        }
    }

    /// Takes out the readers of a key with this hash.
    #[inline]
    pub(super) fn take(&self, interest: &Interest, key: &[u8], hash: KeyHash) -> Option<Readers> {
        let hash = hash.bits();
        let place = place(hash);
        if !self.filter.may_hold(place, hash) {
            return None;
        }
        self.take_held(interest, key, place, hash)
    }

    /// Takes out the readers of a key that the filter knows.
    #[inline(never)]
    fn take_held(
        &self,
        interest: &Interest,
        key: &[u8],
        place: usize,
        hash: u64,
    ) -> Option<Readers> {
        let mut part = self.parts[place].lock();
        let found = part.keys.find_entry(hash, |(known, _)| **known == *key).ok()?;
        let ((_, readers), _) = found.remove();
        self.note_taken(&mut part, place, 1);
        drop(part);
        self.note_removed(interest, 1, readers.len());
        Some(readers)
    }

    /// Takes out this many keys, any.
    pub(super) fn take_any(&self, interest: &Interest, count: usize) -> Vec<(Box<[u8]>, Readers)> {
        let mut taken: Vec<(Box<[u8]>, Readers)> = Vec::with_capacity(count);
        for attempt in 0..2 * PARTS {
            if count <= taken.len() {
                break;
            }
            let place = self.next.fetch_add(1, Relaxed) % PARTS;
            let Some(part) = self.parts.get(place) else { continue };
            // An equal share of each part first, and then whatever there is.
            let wanted = count - taken.len();
            let share = if attempt < PARTS { (count / PARTS + 1).min(wanted) } else { wanted };
            let mut part = part.lock();
            let before = taken.len();
            taken.extend(part.keys.extract_if(|_| true).take(share));
            self.note_taken(&mut part, place, taken.len() - before);
        }
        let items = taken.iter().map(|(_, readers)| readers.len()).sum();
        self.note_removed(interest, taken.len(), items);
        taken
    }

    /// Forgets all.
    pub(super) fn clear(&self, interest: &Interest) {
        if self.keys() == 0 {
            return;
        }
        for (place, part) in self.parts.iter().enumerate() {
            let mut part = part.lock();
            let removed = std::mem::take(&mut part.keys);
            self.note_taken(&mut part, place, removed.len());
            drop(part);
            let items = removed.iter().map(|(_, readers)| readers.len()).sum();
            self.note_removed(interest, removed.len(), items);
        }
    }

    fn note_removed(&self, interest: &Interest, keys: usize, items: usize) {
        self.items.fetch_sub(items, Relaxed);
        if 0 < keys && self.keys.fetch_sub(keys, Relaxed) == keys {
            interest.remove_tracker();
        }
    }

    /// Notes that keys of a locked part were taken out, whose bits are still in the filter.
    fn note_taken(&self, part: &mut Part, place: usize, count: usize) {
        part.removed += count;
        let removed_last = part.keys.is_empty() && 0 < count;
        // The work is in proportion to what went before, and so few bits too many do not matter.
        if removed_last || REMOVED_AT_LEAST.max(part.keys.len()) <= part.removed {
            part.removed = 0;
            self.filter.renew(place, part.keys.iter().map(|(key, _)| self.hash(key)));
        }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        self.hashing.hash(key).bits()
    }

    /// Whether the filter knows a key.
    #[cfg(test)]
    pub(super) fn may_hold(&self, key: &[u8]) -> bool {
        let hash = self.hash(key);
        self.filter.may_hold(place(hash), hash)
    }
}

/// The part that keys with a hash belong to.
#[inline]
fn place(hash: u64) -> usize {
    // Bits in the middle, since a part's own table goes by the low and the highest ones.
    usize::try_from(hash >> 32).unwrap_or(0) % PARTS
}
