//! What a snapshot is shown to: it is copied as fast as memory allows, and becomes a file's records later.
//!
//! Entries are shown while shards are locked, so strings are only copied there, or shared if they are long; they are encoded and
//! compressed by whoever writes them ([`Recorded::encode`]). Collections are encoded at once.
//!
//! A record must be in one piece in the file, and one of a big collection takes a while to come. What others show meanwhile waits
//! aside until it is complete.

use std::io::Write;
use std::sync::Arc;

use collections::pieces::Piece;
use config::Config;
use config::memory::EvictionPolicy;
use keyspace::{
    AccessClock, AccessPolicy, BigEntry, EntryRef, SnapshotSink, StringRef, ValueRef as Held,
};
use parking_lot::Mutex;
use persistence::rdb::file::{Eviction, FileWriter, encode_key};
use persistence::rdb::pieces;
use persistence::rdb::value::ValueRef;
use persistence::rdb::{Version, Writer};

use super::Backlog;

/// See the module's page.
pub struct Recorder {
    version: Version,
    compress: bool,
    use_of_keys: UseOfKeys,
    backlog: Arc<Backlog>,
    /// Whole records.
    aside: Mutex<Aside>,
    /// Pieces, by the walk alone.
    pieces: Mutex<Pieces>,
}

/// What is noted of the use of keys.
enum UseOfKeys {
    Nothing,
    Idle(AccessClock),
    Frequency(AccessClock),
}

#[derive(Default)]
struct Pieces {
    done: Vec<(usize, Vec<u8>)>,
    open: Option<Open>,
}

struct Open {
    entry: BigEntry,
    encoder: pieces::Encoder,
    writer: Writer,
}

/// Whole records in the order in which they were shown, in chunks: so that none has to be moved to a larger place under a lock, and
/// what is written makes room soon.
#[derive(Default)]
struct Aside {
    full: Vec<Gathered>,
    last: Gathered,
    /// Empty ones, to be used again.
    spare: Vec<Gathered>,
}

impl Aside {
    /// Where so many bytes are to be put.
    fn room(&mut self, bytes: usize) -> &mut Gathered {
        if CHUNK < self.last.bytes.len() + bytes && !self.last.items.is_empty() {
            let next = self.spare.pop().unwrap_or_default();
            self.full.push(std::mem::replace(&mut self.last, next));
        }
        &mut self.last
    }
}

/// Some of these records, not encoded yet where that takes time.
#[derive(Default)]
struct Gathered {
    /// The keys and values of all, one behind the other.
    bytes: Vec<u8>,
    items: Vec<Item>,
}

struct Item {
    database: usize,
    expiry: Option<i64>,
    eviction: Eviction,
    /// Bytes of the key.
    key: usize,
    value: Value,
}

enum Value {
    /// So many bytes behind the key.
    Bytes(usize),
    Integer(i64),
    Shared(Arc<Vec<u8>>),
    /// So many bytes in all, instead of a key and value: a record that was encoded.
    Record(usize),
}

/// What was recorded, ready to be written; see [`Recorder::take`].
#[derive(Default)]
pub struct Recorded {
    /// What belongs before the rest: pieces of records, by database.
    pieces: Vec<(usize, Vec<u8>)>,
    aside: Gathered,
}

/// A part of what was recorded, as a file has it: whole records, or pieces of one that goes on.
pub struct Records<'a> {
    /// The number of the database.
    pub database: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Bytes of records in a chunk.
const CHUNK: usize = 256 << 10;
/// Chunks that are kept to be used again.
const SPARE: usize = 16;
/// From here on a string is shared instead of being copied: a copy would take microseconds under a lock.
/// An element of a collection is copied, but not compressed.
const LONG: usize = 32 << 10;
/// From here on a collection that is encoded at once is not compressed.
const LARGE: usize = 512 << 10;

/// The version of the format that the configuration asks for.
pub fn version(config: &Config) -> Version {
    match config.persistence.snapshot_version {
        10 => Version::REDIS_7_0,
        11 => Version::REDIS_7_2,
        _ => Version::REDIS_7_4,
    }
}

impl Recorder {
    pub(super) fn new(
        config: &Config,
        version: Version,
        now_ms: i64,
        backlog: Arc<Backlog>,
    ) -> Recorder {
        let use_of_keys = match config.memory.policy {
            EvictionPolicy::VolatileLfu | EvictionPolicy::AllKeysLfu => {
                UseOfKeys::Frequency(AccessClock::new(
                    AccessPolicy::Lfu {
                        log_factor: config.memory.lfu_log_factor,
                        decay_minutes: config.memory.lfu_decay_time_min,
                    },
                    now_ms,
                ))
            }
            EvictionPolicy::VolatileLru | EvictionPolicy::AllKeysLru => {
                UseOfKeys::Idle(AccessClock::new(AccessPolicy::Lru, now_ms))
            }
            EvictionPolicy::VolatileRandom
            | EvictionPolicy::AllKeysRandom
            | EvictionPolicy::VolatileTtl
            | EvictionPolicy::NoEviction => UseOfKeys::Nothing,
        };
        Recorder {
            version,
            compress: config.persistence.snapshot_compression,
            use_of_keys,
            backlog,
            aside: Mutex::default(),
            pieces: Mutex::default(),
        }
    }

    /// The version of the format.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether strings are compressed.
    pub fn compresses(&self) -> bool {
        self.compress
    }

    /// Takes what was recorded since the last time, in order and in parts. `within` tells whether the walk is amid an entry: then
    /// other records go on waiting.
    pub fn take(&self, within: bool) -> Vec<Recorded> {
        let mut pieces = self.pieces.lock();
        let mut taken = std::mem::take(&mut pieces.done);
        if let Some(open) = &mut pieces.open {
            let writer =
                std::mem::replace(&mut open.writer, Writer::new(Vec::new(), self.compress));
            taken.push((open.entry.database, writer.into_bytes()));
        }
        drop(pieces);
        let mut parts = Vec::new();
        if !taken.is_empty() {
            parts.push(Recorded { pieces: taken, aside: Gathered::default() });
        }
        if within {
            return parts;
        }
        let mut aside = self.aside.lock();
        let full = std::mem::take(&mut aside.full);
        let spare = aside.spare.pop().unwrap_or_default();
        let last = std::mem::replace(&mut aside.last, spare);
        drop(aside);
        let gathered = full.into_iter().chain([last]).filter(|part| !part.items.is_empty());
        parts.extend(gathered.map(|aside| Recorded { pieces: Vec::new(), aside }));
        parts
    }

    /// Takes back what is written.
    pub fn put_back(&self, written: Recorded) {
        let Recorded { aside: mut chunk, .. } = written;
        if chunk.items.is_empty() || CHUNK < chunk.bytes.len() {
            return;
        }
        chunk.bytes.clear();
        chunk.items.clear();
        let mut aside = self.aside.lock();
        if aside.spare.len() < SPARE {
            aside.spare.push(chunk);
        }
    }

    /// Writes an entry into a file.
    pub(super) fn write<W: Write>(
        &self,
        entry: EntryRef<'_>,
        file: &mut FileWriter<W>,
    ) -> std::io::Result<()> {
        let value = match entry.value() {
            Held::String(StringRef::Integer(number)) => ValueRef::Integer(number),
            Held::String(StringRef::Bytes(bytes)) => ValueRef::Bytes(bytes),
            Held::String(StringRef::Shared(shared)) => ValueRef::Bytes(shared),
            Held::Object(object) => ValueRef::Object(object),
        };
        file.key(entry.key(), entry.expiry(), self.eviction(entry.access()), value)
    }

    fn eviction(&self, access: u32) -> Eviction {
        match &self.use_of_keys {
            UseOfKeys::Nothing => Eviction::None,
            UseOfKeys::Idle(clock) => Eviction::Idle(clock.idle_ms(access) / 1000),
            UseOfKeys::Frequency(clock) => Eviction::Frequency(clock.frequency(access)),
        }
    }
}

impl SnapshotSink for Recorder {
    fn entry(&self, database: usize, entry: EntryRef<'_>) {
        let eviction = self.eviction(entry.access());
        let (key, expiry) = (entry.key(), entry.expiry());
        let mut item =
            Item { database, expiry, eviction, key: key.len(), value: Value::Integer(0) };
        let mut record = Vec::new();
        item.value = match entry.value() {
            Held::String(StringRef::Integer(number)) => Value::Integer(number),
            Held::String(StringRef::Bytes(bytes)) => Value::Bytes(bytes.len()),
            Held::String(StringRef::Shared(shared)) if shared.len() < LONG => {
                Value::Bytes(shared.len())
            }
            Held::String(StringRef::Shared(shared)) => Value::Shared(Arc::clone(shared)),
            Held::Object(object) => {
                /// Elements of which the size of all is judged.
                const SAMPLES: usize = 4;
                let size = object.memory_bytes(SAMPLES, &|bytes| bytes);
                let mut writer = Writer::new(Vec::new(), self.compress && size < LARGE);
                let value = ValueRef::Object(object);
                encode_key(key, expiry, eviction, value, self.version, &mut writer);
                record = writer.into_bytes();
                Value::Record(record.len())
            }
        };
        let bytes = item.bytes();
        let mut aside = self.aside.lock();
        let aside = aside.room(bytes);
        match (&item.value, entry.value()) {
            (Value::Record(_), _) => aside.bytes.extend_from_slice(&record),
            (Value::Bytes(_), Held::String(StringRef::Bytes(value))) => {
                aside.bytes.extend_from_slice(key);
                aside.bytes.extend_from_slice(value);
            }
            (Value::Bytes(_), Held::String(StringRef::Shared(value))) => {
                aside.bytes.extend_from_slice(key);
                aside.bytes.extend_from_slice(value);
            }
            (Value::Bytes(_) | Value::Integer(_) | Value::Shared(_), _) => {
                aside.bytes.extend_from_slice(key);
            }
        }
        aside.items.push(item);
        self.backlog.add(bytes);
    }

    fn begin(&self, entry: &BigEntry) {
        let mut writer = Writer::new(Vec::new(), self.compress);
        let eviction = self.eviction(entry.access);
        let encoder = pieces::Encoder::begin(
            &entry.key,
            entry.expiry,
            eviction,
            &entry.head,
            self.version,
            &mut writer,
        );
        self.backlog.add(writer.bytes().len());
        self.pieces.lock().open = Some(Open { entry: entry.clone(), encoder, writer });
    }

    fn piece(&self, piece: &Piece<'_>) {
        let mut pieces = self.pieces.lock();
        let Some(open) = &mut pieces.open else { return };
        let before = open.writer.bytes().len();
        if piece.cost() < LONG {
            open.encoder.piece(piece, &mut open.writer);
        } else {
            let bytes = std::mem::take(&mut open.writer).into_bytes();
            let mut plain = Writer::new(bytes, false);
            open.encoder.piece(piece, &mut plain);
            open.writer = Writer::new(plain.into_bytes(), self.compress);
        }
        self.backlog.add(open.writer.bytes().len() - before);
    }

    fn end(&self) {
        let mut pieces = self.pieces.lock();
        let Some(mut open) = pieces.open.take() else { return };
        let before = open.writer.bytes().len();
        open.encoder.end(&open.entry.head, &mut open.writer);
        self.backlog.add(open.writer.bytes().len() - before);
        pieces.done.push((open.entry.database, open.writer.into_bytes()));
    }
}

impl Item {
    /// What it takes in memory, besides itself.
    fn bytes(&self) -> usize {
        size_of::<Item>()
            + match &self.value {
                Value::Bytes(length) => self.key + length,
                Value::Integer(_) => self.key,
                Value::Shared(shared) => self.key + shared.len(),
                Value::Record(length) => *length,
            }
    }
}

impl Recorded {
    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        let pieces: usize = self.pieces.iter().map(|(_, bytes)| bytes.len()).sum();
        let aside: usize = self.aside.items.iter().map(Item::bytes).sum();
        pieces + aside
    }

    /// Gives it to `write` as a file has it, in parts.
    pub fn encode<E>(
        &self,
        recorder: &Recorder,
        mut write: impl FnMut(Records<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        /// Bytes that are encoded before they are handed on.
        const PART: usize = 64 << 10;
        for (database, bytes) in &self.pieces {
            write(Records { database: *database, bytes })?;
        }
        let mut writer = Writer::new(Vec::with_capacity(PART), recorder.compress);
        let mut database = None;
        let mut rest = self.aside.bytes.as_slice();
        for item in &self.aside.items {
            if database.is_some_and(|present| present != item.database)
                || PART <= writer.bytes().len()
            {
                let number = database.unwrap_or(item.database);
                write(Records { database: number, bytes: writer.bytes() })?;
                writer.clear();
            }
            database = Some(item.database);
            rest = item.encode(rest, recorder.version, &mut writer);
        }
        match database {
            Some(number) => write(Records { database: number, bytes: writer.bytes() }),
            None => Ok(()),
        }
    }
}

impl Item {
    /// Encodes it, and gives what lies behind its bytes.
    fn encode<'b>(&self, bytes: &'b [u8], version: Version, writer: &mut Writer) -> &'b [u8] {
        if let Value::Record(length) = &self.value {
            let (record, rest) = bytes.split_at(*length);
            writer.raw(record);
            return rest;
        }
        let (key, rest) = bytes.split_at(self.key);
        let (value, rest) = match &self.value {
            Value::Bytes(length) => {
                let (value, rest) = rest.split_at(*length);
                (ValueRef::Bytes(value), rest)
            }
            Value::Shared(shared) => (ValueRef::Bytes(shared), rest),
            Value::Integer(number) => (ValueRef::Integer(*number), rest),
            Value::Record(_) => unreachable!("it was written above"),
        };
        encode_key(key, self.expiry, self.eviction, value, version, writer);
        rest
    }
}
