//! Prefixes of keys whose changes are broadcast, and what is to be broadcast.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

use parking_lot::Mutex;

use crate::clients::{ClientId, ClientRecord};

/// Who is told of changes of keys that begin with which prefix.
#[derive(Default)]
pub(super) struct Prefixes {
    clients: HashMap<Arc<[u8]>, BTreeMap<ClientId, Arc<ClientRecord>>>,
    /// How many prefixes have each length: a key is looked up once for each length, however many prefixes there are.
    lengths: BTreeMap<usize, usize>,
}

impl Prefixes {
    /// How many prefixes there are.
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Enters a client; gives the prefix as it is kept.
    pub(super) fn insert(&mut self, prefix: &[u8], client: &Arc<ClientRecord>) -> Arc<[u8]> {
        let known = self.clients.get_key_value(prefix).map(|(known, _)| Arc::clone(known));
        let kept = known.unwrap_or_else(|| {
            *self.lengths.entry(prefix.len()).or_default() += 1;
            Arc::from(prefix)
        });
        let clients = self.clients.entry(Arc::clone(&kept)).or_default();
        clients.insert(client.id, Arc::clone(client));
        kept
    }

    /// Takes out a client.
    pub(super) fn remove(&mut self, prefix: &[u8], client: ClientId) {
        let Some(clients) = self.clients.get_mut(prefix) else { return };
        clients.remove(&client);
        if !clients.is_empty() {
            return;
        }
        self.clients.remove(prefix);
        if self.clients.len() < self.clients.capacity() / 8 {
            self.clients.shrink_to_fit();
        }
        if let Some(count) = self.lengths.get_mut(&prefix.len()) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
    }

    /// The clients of a prefix.
    pub(super) fn clients(&self, prefix: &[u8]) -> Vec<Arc<ClientRecord>> {
        self.clients.get(prefix).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    fn for_each_of(&self, key: &[u8], mut visit: impl FnMut(&Arc<[u8]>)) {
        for length in self.lengths.range(..=key.len()).map(|(length, _)| *length) {
            let prefix = key.get(..length).and_then(|start| self.clients.get_key_value(start));
            if let Some((prefix, _)) = prefix {
                visit(prefix);
            }
        }
    }
}

/// Changed keys, each with the client that changed it last (0 if none did), by prefix.
pub(super) type Changed = BTreeMap<Arc<[u8]>, BTreeMap<Box<[u8]>, ClientId>>;

/// What a worker has to broadcast, on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Pending {
    is_filled: AtomicBool,
    changed: Mutex<Changed>,
}

impl Pending {
    #[inline]
    pub(super) fn is_filled(&self) -> bool {
        self.is_filled.load(Acquire)
    }

    /// Notes that a key was changed.
    pub(super) fn note(&self, prefixes: &Prefixes, key: &[u8], client: ClientId) {
        let mut all = None;
        prefixes.for_each_of(key, |prefix| {
            let all = all.get_or_insert_with(|| self.changed.lock());
            let keys = all.entry(Arc::clone(prefix)).or_default();
            match keys.get_mut(key) {
                Some(last) => *last = client,
                None => drop(keys.insert(key.into(), client)),
            }
            self.is_filled.swap(true, AcqRel);
        });
    }

    /// Takes what is to be broadcast.
    pub(super) fn take(&self) -> Changed {
        self.is_filled.swap(false, AcqRel);
        std::mem::take(&mut *self.changed.lock())
    }
}

/// Why prefixes cannot be a client's: a change would be told to it twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Collision<'a> {
    /// The first overlaps with the second, which it has already.
    WithOwn(&'a [u8], &'a [u8]),
    /// The first overlaps with the second, which comes later.
    WithLater(&'a [u8], &'a [u8]),
}

/// The first collision among new prefixes and those that a client has. In time that hardly depends on how many there are.
pub(crate) fn collision<'a>(
    own: &'a BTreeSet<Arc<[u8]>>,
    given: &[&'a [u8]],
) -> Option<Collision<'a>> {
    let with_own =
        given.iter().enumerate().find_map(|(place, prefix)| Some((place, overlap(own, prefix)?)));
    // The first that overlaps with any: what it overlaps with comes later.
    let with_later = overlapping(given);
    match (with_own, with_later) {
        (Some((place, other)), later) if later.is_none_or(|later| place <= later) => {
            Some(Collision::WithOwn(given.get(place)?, other))
        }
        (_, Some(place)) => {
            let prefix = given.get(place)?;
            let other = given.iter().skip(place + 1).find(|other| overlaps(prefix, other))?;
            Some(Collision::WithLater(prefix, other))
        }
        _ => None,
    }
}

fn overlaps(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// The first of a client's prefixes, in the order of their bytes, that overlaps with a new one. They do not overlap with each
/// other, but for the empty one, which may have come last.
fn overlap<'o>(own: &'o BTreeSet<Arc<[u8]>>, prefix: &[u8]) -> Option<&'o [u8]> {
    let first = own.first().filter(|first| first.is_empty());
    // One that is a start of it is the last before it: all that lie between begin with the same.
    let before = || own.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(prefix))).next_back();
    let after = || own.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded)).next();
    first
        .or_else(|| before().filter(|before| prefix.starts_with(before)))
        .or_else(|| after().filter(|after| after.starts_with(prefix)))
        .map(|found| &**found)
}

/// The place of the first that overlaps with another one.
fn overlapping(given: &[&[u8]]) -> Option<usize> {
    let mut sorted: Vec<(&[u8], usize)> = given.iter().copied().zip(0..).collect();
    sorted.sort_unstable();
    // Those that the present one begins with, one longer than the other.
    let mut starts: Vec<(&[u8], usize)> = Vec::new();
    let mut first = None;
    for (prefix, place) in sorted {
        while starts.last().is_some_and(|(start, _)| !prefix.starts_with(start)) {
            starts.pop();
        }
        if let Some(&(_, other)) = starts.last() {
            first = [first, Some(place), Some(other)].into_iter().flatten().min();
        }
        starts.push((prefix, place));
    }
    first
}
