//! Who has read which key, in parts with a lock each, so that workers seldom meet.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::{Mutex, MutexGuard};

use super::readers::Readers;
use crate::Interest;
use crate::clients::ClientRecord;

/// Enough that two of a few dozen workers seldom meet, and that one part is searched quickly.
const PARTS: usize = 256;

type Part = HashTable<(Box<[u8]>, Readers)>;

/// Keys with their readers. While there are any, changes of keys are of interest.
pub(super) struct Table {
    parts: Box<[Mutex<Part>]>,
    hashing: RandomState,
    keys: AtomicUsize,
    /// Readers of all keys.
    items: AtomicUsize,
    /// Where to look next for a key to forget.
    next: AtomicUsize,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            hashing: RandomState::default(),
            keys: AtomicUsize::new(0),
            items: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }
}

impl Table {
    pub(super) fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    pub(super) fn items(&self) -> usize {
        self.items.load(Relaxed)
    }

    /// Remembers a reader of a key.
    pub(super) fn insert(&self, interest: &Interest, key: &[u8], reader: &Arc<ClientRecord>) {
        let hash = self.hashing.hash_one(key);
        let mut part = self.part(hash);
        if let Some((_, readers)) = part.find_mut(hash, |(known, _)| **known == *key) {
            self.items.fetch_add(usize::from(readers.insert(reader)), Relaxed);
            return;
        }
        let mut readers = Readers::default();
        readers.insert(reader);
        let hash_of = |(key, _): &(Box<[u8]>, Readers)| self.hashing.hash_one(&**key);
        part.insert_unique(hash, (key.into(), readers), hash_of);
        self.items.fetch_add(1, Relaxed);
        if self.keys.fetch_add(1, Relaxed) == 0 {
            interest.add_tracker();
        }
    }

    /// Takes out the readers of a key.
    #[inline]
    pub(super) fn take(&self, interest: &Interest, key: &[u8]) -> Option<Readers> {
        if self.keys() == 0 {
            return None;
        }
        let hash = self.hashing.hash_one(key);
        let mut part = self.part(hash);
        let found = part.find_entry(hash, |(known, _)| **known == *key).ok()?;
        let ((_, readers), _) = found.remove();
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
            taken.extend(part.lock().extract_if(|_| true).take(share));
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
        for part in &self.parts {
            let removed = std::mem::take(&mut *part.lock());
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

    fn part(&self, hash: u64) -> MutexGuard<'_, Part> {
        // Bits in the middle, since a part's own table goes by the low and the highest ones.
        let place = usize::try_from(hash >> 32).unwrap_or(0) % PARTS;
        self.parts[place].lock()
    }
}
