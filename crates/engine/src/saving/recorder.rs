//! What a snapshot is shown to: it is copied as fast as memory allows, and becomes a file's records later.
//!
//! Entries are shown while shards are locked, so what takes time is left to whoever writes them ([`Chunk::write`]): strings that are
//! worth being compressed are only copied there, or shared if they are long.
//!
//! A record must be in one piece in the file, and one of a big collection takes a while to come. What others show meanwhile waits
//! aside until it is complete.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use collections::pieces::Piece;
use config::Config;
use config::memory::EvictionPolicy;
use keyspace::{
    AccessClock, AccessPolicy, BigEntry, EntryRef, SnapshotSink, StringRef, ValueRef as Held,
};
use parking_lot::{Condvar, Mutex};
use persistence::rdb::file::{Eviction, FileWriter, encode_head, encode_key};
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
    /// Whole records. Locked after the pieces.
    aside: Mutex<Gathering>,
    /// Of big collections, by the walk alone.
    pieces: Mutex<Pieces>,
    /// Bytes of records in a chunk.
    chunk_bytes: usize,
    /// Chunks that were used, to be used again.
    spare: Mutex<Vec<Chunk>>,
    /// There is something to take, which nobody has seen yet.
    has_news: Mutex<bool>,
    news: Condvar,
}

/// What is noted of the use of keys.
enum UseOfKeys {
    Nothing,
    Idle(AccessClock),
    Frequency(AccessClock),
}

#[derive(Default)]
struct Pieces {
    gathered: Gathering,
    open: Option<Open>,
}

/// The record that is being written in pieces.
struct Open {
    entry: BigEntry,
    encoder: pieces::Encoder,
}

/// Records in the order in which they were shown, in chunks: so that none has to be moved to a larger place under a lock, and
/// what is written makes room soon.
#[derive(Default)]
struct Gathering {
    full: Vec<Chunk>,
    last: Chunk,
}

/// Some of these records, ready to be written.
#[derive(Default)]
pub struct Chunk {
    /// What they are, but that long strings are neither compressed nor all there.
    writer: Writer,
    marks: Vec<(usize, Mark)>,
    /// Of the last record.
    database: Option<usize>,
    /// Of the strings that are shared.
    shared_bytes: usize,
    /// Whether it may be taken whatever the walk is amid.
    is_released: bool,
}

/// What is noted of a place in a chunk.
enum Mark {
    /// From here on records are of this database.
    Database(usize),
    /// Here belongs a string.
    Shared(Arc<Vec<u8>>),
}

/// A part of what was recorded, as a file has it: whole records, or pieces of one that goes on.
pub struct Records<'a> {
    /// The number of the database.
    pub database: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Bytes of records in a chunk, at most.
const CHUNK: usize = 256 << 10;
/// Many fit what may be gathered.
const CHUNKS: usize = 16;
/// Chunks that are kept to be used again.
const SPARE: usize = 16;
/// From here on a string is shared instead of being copied: a copy would take microseconds under a lock.
const LONG: usize = 32 << 10;

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
            chunk_bytes: (backlog.limit() / CHUNKS).clamp(1 << 10, CHUNK),
            backlog,
            aside: Mutex::default(),
            pieces: Mutex::default(),
            spare: Mutex::default(),
            has_news: Mutex::new(false),
            news: Condvar::new(),
        }
    }

    /// The version of the format.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Takes what was recorded since the last time, in order. While the walk is amid an entry, other records go on waiting; chunks that are
    /// not full do as well, unless `all` is wanted.
    pub fn take(&self, all: bool) -> Vec<Chunk> {
        let mut pieces = self.pieces.lock();
        let mut taken = std::mem::take(&mut pieces.gathered.full);
        if pieces.open.is_some() {
            return taken;
        }
        let mut aside = self.aside.lock();
        let is_wanted = |last: &Chunk| all && !last.is_empty();
        // What is aside must not come between the pieces of a record, of which the last may be in a chunk that is not full.
        if is_wanted(&pieces.gathered.last)
            || !(pieces.gathered.last.is_empty() || aside.full.is_empty())
        {
            taken.push(std::mem::take(&mut pieces.gathered.last));
        }
        taken.append(&mut aside.full);
        if is_wanted(&aside.last) {
            taken.push(std::mem::take(&mut aside.last));
        }
        taken
    }

    /// Takes back what is written, or is not going to be.
    pub fn put_back(&self, mut written: Chunk) {
        self.backlog.remove(written.bytes(), written.is_released);
        if 2 * CHUNK < written.bytes() {
            return;
        }
        written.clear();
        let mut spare = self.spare.lock();
        if spare.len() < SPARE {
            spare.push(written);
        }
    }

    /// Waits until there is something to take, or somebody says so; no longer than that.
    pub fn wait(&self, longest: Duration) {
        let mut has_news = self.has_news.lock();
        if !*has_news {
            self.news.wait_for(&mut has_news, longest);
        }
        *has_news = false;
    }

    /// Has the one who waits look.
    pub(super) fn rouse(&self) {
        *self.has_news.lock() = true;
        self.news.notify_one();
    }

    /// Has the full chunks that wait aside follow the record that has just ended: the next one may begin before anybody takes them.
    fn release(&self, gathered: &mut Gathering) {
        let mut aside = self.aside.lock();
        if aside.full.is_empty() {
            return;
        }
        if !gathered.last.is_empty() {
            gathered.full.push(std::mem::take(&mut gathered.last));
        }
        for mut chunk in aside.full.drain(..) {
            chunk.is_released = true;
            self.backlog.release(chunk.bytes());
            gathered.full.push(chunk);
        }
        drop(aside);
        self.rouse();
    }

    /// Where the next record of this database goes.
    fn room<'g>(&self, gathering: &'g mut Gathering, database: usize) -> &'g mut Chunk {
        if self.chunk_bytes <= gathering.last.writer.bytes().len()
            || gathering.last.writer.is_unused()
        {
            let spare = self.spare.lock().pop();
            let next = spare.unwrap_or_else(|| Chunk {
                writer: Writer::deferring(
                    Vec::with_capacity(self.chunk_bytes + self.chunk_bytes / 4),
                    self.compress,
                ),
                ..Chunk::default()
            });
            let full = std::mem::replace(&mut gathering.last, next);
            if !full.is_empty() {
                gathering.full.push(full);
                self.rouse();
            }
        }
        let chunk = &mut gathering.last;
        if chunk.database != Some(database) {
            chunk.database = Some(database);
            chunk.mark(Mark::Database(database));
        }
        chunk
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
        let (key, expiry, version) = (entry.key(), entry.expiry(), self.version);
        let value = match entry.value() {
            Held::String(StringRef::Integer(number)) => ValueRef::Integer(number),
            Held::String(StringRef::Bytes(bytes)) => ValueRef::Bytes(bytes),
            Held::String(StringRef::Shared(shared)) => ValueRef::Bytes(shared),
            Held::Object(object) => {
                // Not under the lock that all others want.
                let mut record = Writer::deferring(Vec::new(), self.compress);
                let value = ValueRef::Object(object);
                encode_key(key, expiry, eviction, value, version, &mut record);
                let mut aside = self.aside.lock();
                let chunk = self.room(&mut aside, database);
                chunk.writer.append(&record);
                self.backlog.add(record.memory(), false);
                return;
            }
        };
        let mut aside = self.aside.lock();
        let chunk = self.room(&mut aside, database);
        let before = chunk.bytes();
        if let Held::String(StringRef::Shared(shared)) = entry.value()
            && LONG <= shared.len()
        {
            encode_head(key, expiry, eviction, value, version, &mut chunk.writer);
            chunk.shared_bytes += shared.len();
            chunk.mark(Mark::Shared(Arc::clone(shared)));
        } else {
            encode_key(key, expiry, eviction, value, version, &mut chunk.writer);
        }
        self.backlog.add(chunk.bytes() - before, false);
    }

    fn begin(&self, entry: &BigEntry) {
        let mut pieces = self.pieces.lock();
        let eviction = self.eviction(entry.access);
        let chunk = self.room(&mut pieces.gathered, entry.database);
        chunk.is_released = true;
        let before = chunk.bytes();
        let encoder = pieces::Encoder::begin(
            &entry.key,
            entry.expiry,
            eviction,
            &entry.head,
            self.version,
            &mut chunk.writer,
        );
        self.backlog.add(chunk.bytes() - before, true);
        pieces.open = Some(Open { entry: entry.clone(), encoder });
    }

    fn piece(&self, piece: &Piece<'_>) {
        let mut pieces = self.pieces.lock();
        let Pieces { gathered, open: Some(open) } = &mut *pieces else { return };
        let chunk = self.room(gathered, open.entry.database);
        chunk.is_released = true;
        let before = chunk.bytes();
        open.encoder.piece(piece, &mut chunk.writer);
        self.backlog.add(chunk.bytes() - before, true);
    }

    fn end(&self) {
        let mut pieces = self.pieces.lock();
        let Some(open) = pieces.open.take() else { return };
        let chunk = self.room(&mut pieces.gathered, open.entry.database);
        chunk.is_released = true;
        let before = chunk.bytes();
        open.encoder.end(&open.entry.head, &mut chunk.writer);
        self.backlog.add(chunk.bytes() - before, true);
        self.release(&mut pieces.gathered);
    }

    fn kept(&self, before: usize, after: usize) {
        self.backlog.keep(before, after);
    }
}

impl Chunk {
    /// What it takes in memory.
    fn bytes(&self) -> usize {
        self.writer.memory() + self.shared_bytes
    }

    fn is_empty(&self) -> bool {
        self.writer.bytes().is_empty()
    }

    fn mark(&mut self, mark: Mark) {
        self.marks.push((self.writer.bytes().len(), mark));
    }

    fn clear(&mut self) {
        self.writer.clear();
        self.marks.clear();
        self.database = None;
        self.shared_bytes = 0;
        self.is_released = false;
    }

    /// Gives it to `write` as a file has it, in parts.
    pub fn write<E>(
        &self,
        recorder: &Recorder,
        mut write: impl FnMut(Records<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        /// Bytes that are completed before they are handed on.
        const PART: usize = 64 << 10;
        let mut database = 0;
        let mut from = 0;
        let end = (self.writer.bytes().len(), None);
        let marks = self.marks.iter().map(|(place, mark)| (*place, Some(mark)));
        for (place, mark) in marks.chain([end]) {
            self.writer
                .complete((from, place), PART, |bytes| write(Records { database, bytes }))?;
            from = place;
            match mark {
                Some(Mark::Database(number)) => database = *number,
                Some(Mark::Shared(shared)) => {
                    let mut writer = Writer::new(Vec::new(), recorder.compress);
                    writer.string(shared);
                    write(Records { database, bytes: writer.bytes() })?;
                }
                None => {}
            }
        }
        Ok(())
    }
}
