//! What is counted of a file.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use collections::ObjectRef;
use collections::list_pack::allocation_size;
use persistence::digest::{Dataset, Scores};
use persistence::rdb::Version;
use persistence::rdb::file::{Checksum, LoadedKey, LoadedValue};
use persistence::rdb::value::ValueRef;

use super::options::Options;

/// What an entry has beside its key and its value.
const HEADER: usize = 8;
/// More of it, if the key expires.
const EXPIRY: usize = 8;
/// A place in a table: that of keys, and that of keys that expire.
const PLACE: usize = 14;
/// So many elements of a value are looked at for its memory.
const SAMPLES: usize = 64;

/// Up to when keys expire, from now on, and how that is called.
pub(super) const SPANS: [(i64, &str); 7] = [
    (0, "expired"),
    (60, "within a minute"),
    (60 * 60, "within an hour"),
    (24 * 60 * 60, "within a day"),
    (7 * 24 * 60 * 60, "within a week"),
    (30 * 24 * 60 * 60, "within a month"),
    (i64::MAX / 1000, "later"),
];

/// The types of values, as TYPE calls them, and what only a module knows.
pub(super) const TYPES: [&str; 7] = ["string", "list", "set", "zset", "hash", "stream", "module"];

/// All that was counted.
pub(super) struct Survey {
    pub(super) version: Option<Version>,
    pub(super) checksum: Option<Checksum>,
    pub(super) auxiliary: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) bytes: u64,
    pub(super) functions: u64,
    pub(super) keys: u64,
    pub(super) expiring: u64,
    pub(super) expired: u64,
    /// Hashes with fields that expire.
    pub(super) with_expiring_fields: u64,
    pub(super) databases: BTreeMap<u64, Counts>,
    /// By type.
    pub(super) types: [Counts; TYPES.len()],
    /// By span.
    pub(super) spans: [u64; SPANS.len()],
    /// As servers from 7.2 on make it, and as older ones do.
    pub(super) digests: Option<[Dataset; 2]>,
    biggest: BinaryHeap<Reverse<Big>>,
    top: usize,
    wants_more: bool,
    now_ms: i64,
}

/// Sums over keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) keys: u64,
    pub(super) expiring: u64,
    pub(super) elements: u64,
    /// In the file.
    pub(super) bytes: u64,
    /// In a server, about.
    pub(super) memory: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.keys = self.keys.saturating_add(other.keys);
        self.expiring = self.expiring.saturating_add(other.expiring);
        self.elements = self.elements.saturating_add(other.elements);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.memory = self.memory.saturating_add(other.memory);
    }
}

/// A key that is one of the biggest; the order is by memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Big {
    pub(super) memory: u64,
    pub(super) bytes: u64,
    pub(super) elements: u64,
    pub(super) database: u64,
    pub(super) key: Vec<u8>,
    pub(super) kind: &'static str,
    /// The form in the file.
    pub(super) form: &'static str,
}

impl Survey {
    /// Of nothing yet, at a time.
    pub(super) fn new(options: &Options, now_ms: i64) -> Survey {
        Survey {
            version: None,
            checksum: None,
            auxiliary: Vec::new(),
            bytes: 0,
            functions: 0,
            keys: 0,
            expiring: 0,
            expired: 0,
            with_expiring_fields: 0,
            databases: BTreeMap::new(),
            types: [Counts::default(); TYPES.len()],
            spans: [0; SPANS.len()],
            digests: options.digest.then(|| [Scores::Short, Scores::Full].map(Dataset::new)),
            biggest: BinaryHeap::new(),
            top: options.top,
            wants_more: options.report,
            now_ms,
        }
    }

    /// Something that the file says of itself. There are few such things in any file of a server.
    pub(super) fn auxiliary(&mut self, name: Vec<u8>, value: Vec<u8>) {
        const MOST: usize = 1000;
        if self.auxiliary.len() < MOST {
            self.auxiliary.push((name, value));
        }
    }

    pub(super) fn database(&mut self, number: u64) {
        self.databases.entry(number).or_default();
    }

    pub(super) fn end(&mut self, bytes: u64, checksum: Checksum) {
        self.bytes = bytes;
        self.checksum = Some(checksum);
    }

    /// Takes a key in.
    pub(super) fn key(&mut self, key: &LoadedKey<'_>) {
        self.bytes = key.offset;
        self.keys = self.keys.saturating_add(1);
        if let Some(expiry_ms) = key.expiry_ms {
            self.expiring = self.expiring.saturating_add(1);
            self.expired = self.expired.saturating_add((expiry_ms < self.now_ms).into());
        }
        if let LoadedValue::Object(object) = &key.value
            && object.to_ref().next_expiry().is_some()
        {
            self.with_expiring_fields = self.with_expiring_fields.saturating_add(1);
        }
        if self.wants_more {
            self.look_closer(key);
        }
    }

    /// The biggest keys, the biggest first.
    pub(super) fn biggest(&self) -> Vec<&Big> {
        let mut all: Vec<&Big> = self.biggest.iter().map(|Reverse(big)| big).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all
    }

    fn look_closer(&mut self, key: &LoadedKey<'_>) {
        let (place, elements, memory) = measured(&key.value);
        let expires = key.expiry_ms.is_some();
        let (expiry, places) = if expires { (EXPIRY, PLACE.saturating_mul(2)) } else { (0, PLACE) };
        let entry = allocation_size(key.key.len().saturating_add(HEADER).saturating_add(expiry));
        let memory = memory.saturating_add(entry).saturating_add(places);
        let counts = Counts {
            keys: 1,
            expiring: expires.into(),
            elements,
            bytes: key.bytes,
            memory: memory as u64,
        };
        if let Some(sum) = self.types.get_mut(place) {
            sum.add(counts);
        }
        self.databases.entry(key.database).or_default().add(counts);
        if let Some(expiry_ms) = key.expiry_ms {
            let left_s = expiry_ms.saturating_sub(self.now_ms).div_euclid(1000);
            let is_within = |(seconds, _): &(i64, _)| left_s < *seconds;
            let span = SPANS.iter().position(is_within).unwrap_or(SPANS.len().saturating_sub(1));
            if let Some(count) = self.spans.get_mut(span) {
                *count = count.saturating_add(1);
            }
        }
        self.note_big(key, place, counts);
        for digest in self.digests.iter_mut().flatten() {
            let database = u32::try_from(key.database).unwrap_or(u32::MAX);
            match &key.value {
                LoadedValue::String(string) => {
                    digest.key(database, key.key, ValueRef::Bytes(string), expires);
                }
                LoadedValue::Object(object) => {
                    digest.key(database, key.key, ValueRef::Object(object.to_ref()), expires);
                }
                LoadedValue::Empty | LoadedValue::Module { .. } => {}
            }
        }
    }

    fn note_big(&mut self, key: &LoadedKey<'_>, place: usize, counts: Counts) {
        let is_full = self.top <= self.biggest.len();
        let least = self.biggest.peek().map_or(0, |Reverse(big)| big.memory);
        if self.top == 0 || (is_full && counts.memory <= least) {
            return;
        }
        if is_full {
            self.biggest.pop();
        }
        self.biggest.push(Reverse(Big {
            memory: counts.memory,
            bytes: counts.bytes,
            elements: counts.elements,
            database: key.database,
            key: key.key.to_vec(),
            kind: TYPES.get(place).copied().unwrap_or_default(),
            form: super::progress::name_of(key.form),
        }));
    }
}

/// The place of a value's type in [`TYPES`], how many elements it has, and what it takes in memory.
fn measured(value: &LoadedValue<'_>) -> (usize, u64, usize) {
    let object = match value {
        LoadedValue::String(string) => return (0, 1, string.len()),
        LoadedValue::Empty => return (6, 0, 0),
        LoadedValue::Module { .. } => return (6, 1, 0),
        LoadedValue::Object(object) => object.to_ref(),
    };
    let (place, elements) = match object {
        ObjectRef::List(list) => (1, list.len() as u64),
        ObjectRef::Set(set) => (2, set.len() as u64),
        ObjectRef::SortedSet(set) => (3, set.len() as u64),
        ObjectRef::Hash(hash) => (4, hash.len() as u64),
        ObjectRef::Stream(stream) => (5, stream.log().len()),
    };
    (place, elements, object.memory_bytes(SAMPLES, &allocation_size))
}
