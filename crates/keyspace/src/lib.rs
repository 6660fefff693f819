//! Entries, shards, gates and the only door through which a value changes.
//!
//! A [`Keyspace`] is split into shards by the hash of the key; each holds its part of every logical database under one
//! lock. Whoever wants to use it is first admitted by the [`gate`]s, then opens a [`View`], which locks the shards of the
//! keys it was told and reaches nothing else. Readers get [`EntryRef`]s; everything that changes a value goes through the
//! methods in `writing`, which first let a snapshot see the old value.
//!
//! Invariants:
//! - Shards are locked in ascending order, so views cannot wait for each other in a circle.
//! - A key is in one shard for all databases, so MOVE and COPY between databases lock one shard for it.
//! - An entry is freed exactly once, by the database that held it or by the garbage it became.

mod access;
mod active_expiry;
mod arrivals;
mod database;
mod entry;
mod eviction;
mod field_expiry;
mod gate;
mod hashing;
mod held;
mod object;
mod scan;
mod shard;
mod snapshot;
mod substitute;
mod value;
mod view;
mod waiting;
mod watchers;
mod writing;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use collections::ObjectRef;
use parking_lot::{Mutex, RwLock};

pub use access::{AccessClock, AccessPolicy, Random};
pub use active_expiry::{Expiring, ExpiryCycle, ExpiryProgress};
pub use arrivals::{Arrivals, Duplicate, Present};
pub use entry::EntryRef;
pub use eviction::{Evicted, EvictionPolicy, EvictionPool};
pub use field_expiry::ExpiredFields;
pub use gate::{Admission, Closed, GateKey, Gates, Inside};
pub use hashing::{Hashing, KeyHash};
pub use object::WrongType;
pub use snapshot::{BigEntry, SnapshotSink, Walk};
pub use substitute::Substitute;
pub use value::{Decimal, Encoding, StringRef, ValueRef, ValueType};
pub use view::{Expired, ExpiryMode, Garbage, Incident, Noted, Noting, Round, View};
pub use waiting::{AwaitedKeys, Ticket, Waiter};
pub use watchers::Watcher;
pub use writing::{Freeing, SetExpiry};

use hashing::SHARD_BITS;
use shard::{ShardGuard, ShardLock};
use waiting::Waits;

/// Enough that a snapshot or a scan that holds one shard leaves the others to the worker.
const SHARDS_SINGLE: usize = 16;
/// Makes two of `n` workers meet in a shard in less than one of 64 cases.
const SHARDS_PER_WORKER: usize = 64;
const SHARDS_LIMIT: usize = 4096;
/// As many threads as load a file at the same time.
const SPARE_GATES: usize = 4;

/// All the data of a server.
pub struct Keyspace {
    gates: Gates,
    shards: Box<[ShardLock]>,
    mask: u32,
    hashing: Hashing,
    databases: usize,
    /// Of the snapshot that was begun last; an entry with another epoch has not been seen by it.
    epoch: AtomicU8,
    /// The snapshot whose walk has not ended.
    snapshot: RwLock<Option<Arc<snapshot::Running>>>,
    /// To gates that belong to no worker, where there are several: for what is done beside them.
    spare_keys: Mutex<Vec<GateKey>>,
    waits: Waits,
}

/// How many keys a database has, and how large the tables are that find them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct DatabaseSize {
    /// All keys, those that have expired and were not noticed yet among them.
    pub keys: usize,
    /// Those that expire.
    pub expiring: usize,
    /// Hashes with fields that expire.
    pub field_expiring: usize,
    /// Bytes of the tables that find keys.
    pub table_bytes: usize,
    /// Bytes of the tables that find keys that expire.
    pub expiry_table_bytes: usize,
}

impl Keyspace {
    /// A keyspace of `databases` logical databases for `workers` workers, and the key to each worker's gate.
    pub fn new(workers: usize, databases: usize) -> (Keyspace, Vec<GateKey>) {
        // One worker has the keyspace to itself: there, who does something beside it closes its gate.
        let spare = if workers == 1 { 0 } else { SPARE_GATES };
        let (gates, mut keys) = Gates::new(workers + spare);
        let spare_keys = Mutex::new(keys.split_off(workers));
        let shards = if gates.is_single() { SHARDS_SINGLE } else { workers * SHARDS_PER_WORKER };
        let shards = shards.next_power_of_two().min(SHARDS_LIMIT);
        assert!(shards <= 1 << SHARD_BITS, "the hash has bits for every shard");
        let keyspace = Keyspace {
            shards: (0..shards).map(|_| ShardLock::new(gates.is_single())).collect(),
            mask: u32::try_from(shards - 1).unwrap_or(0),
            gates,
            hashing: Hashing::default(),
            databases,
            epoch: AtomicU8::new(0),
            snapshot: RwLock::new(None),
            spare_keys,
            waits: Waits::default(),
        };
        (keyspace, keys)
    }

    /// The gates to enter or close before a view is opened.
    pub fn gates(&self) -> &Gates {
        &self.gates
    }

    /// How many logical databases there are.
    pub fn databases(&self) -> usize {
        self.databases
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The epoch of the snapshot that was begun last.
    pub(crate) fn epoch(&self) -> u8 {
        self.epoch.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// How keys are hashed.
    pub fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        self.hashing.hash(key)
    }

    /// Opens a view that holds no shard yet.
    ///
    /// # Panics
    ///
    /// If the admission is another keyspace's.
    #[inline]
    pub fn view<'a>(
        &'a self,
        admission: &'a mut impl Admission,
        database: usize,
        round: &'a mut Round,
    ) -> View<'a> {
        assert!(
            std::ptr::eq(admission.gates(), &raw const self.gates),
            "admitted by the gates of this keyspace"
        );
        View::new(self, database, round)
    }

    /// Opens a view of one key, whose hash is known, unless somebody waits for a key in its shard. It is what [`View::lock_one`]
    /// makes of a view, but for that.
    ///
    /// # Panics
    ///
    /// If the admission is another keyspace's.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "so that the view, which is large, is made where it stays"
    )]
    pub fn view_of_one<'a>(
        &'a self,
        admission: &'a mut impl Admission,
        database: usize,
        round: &'a mut Round,
        (key, hash): (&'a [u8], KeyHash),
    ) -> Option<View<'a>> {
        assert!(
            std::ptr::eq(admission.gates(), &raw const self.gates),
            "admitted by the gates of this keyspace"
        );
        let index = hash.shard(self.mask);
        let shard = self.lock(admission, index);
        if !shard.queues.is_empty() {
            return None;
        }
        Some(View::of_one(self, database, round, (key, hash), (index, shard)))
    }

    /// Opens a view that holds no shard and can lock none: for what reaches no key, without admission.
    pub fn bare_view<'a>(&'a self, database: usize, round: &'a mut Round) -> View<'a> {
        View::bare(self, database, round)
    }

    /// Starts to fetch the bucket where a key would be.
    #[inline]
    pub fn prefetch_bucket(&self, admission: &mut impl Admission, database: usize, hash: KeyHash) {
        let shard = self.lock(admission, hash.shard(self.mask));
        if let Some(database) = shard.database(database) {
            database.entries().prefetch_bucket(hash.0);
        }
    }

    /// Starts to fetch the entries that may be a key's; its bucket should be there by now.
    #[inline]
    pub fn prefetch_entry(&self, admission: &mut impl Admission, database: usize, hash: KeyHash) {
        let shard = self.lock(admission, hash.shard(self.mask));
        if let Some(database) = shard.database(database) {
            database.entries().prefetch_candidates(hash.0, |entry| entry.prefetch());
        }
    }

    /// Has `look` see the collection at a key, or at another key that looks like it: to fetch what calls will look up in it. Nothing that
    /// is seen may be told.
    pub fn look_ahead(
        &self,
        admission: &mut impl Admission,
        database: usize,
        hash: KeyHash,
        mut look: impl FnMut(ObjectRef<'_>),
    ) {
        let shard = self.lock(admission, hash.shard(self.mask));
        if let Some(database) = shard.database(database) {
            database.entries().prefetch_candidates(hash.0, |entry| {
                if let Some(object) = entry.object() {
                    look(object);
                }
            });
        }
    }

    /// Has `act` use a view from a thread that is no worker's, outside of all gates: beside the workers, or, where there is one, while it waits.
    pub(crate) fn beside<R>(&self, round: &mut Round, act: impl FnOnce(&mut View<'_>) -> R) -> R {
        let key = if self.gates.is_single() { None } else { self.spare_keys.lock().pop() };
        let Some(key) = key else {
            let result = act(&mut self.view(&mut self.gates.close(), 0, round));
            self.gates.give_way();
            return result;
        };
        let mut inside = self.gates.enter(key);
        let result = act(&mut self.view(&mut inside, 0, round));
        self.spare_keys.lock().push(inside.leave());
        result
    }

    /// The sizes of all databases, shard by shard: with other workers at work, no picture of one moment.
    pub fn sizes(&self, admission: &mut impl Admission) -> Vec<DatabaseSize> {
        let mut sizes = vec![DatabaseSize::default(); self.databases];
        for index in 0..=self.mask {
            let shard = self.lock(admission, index);
            for (number, size) in sizes.iter_mut().enumerate() {
                if let Some(database) = shard.database(number) {
                    size.add(database);
                }
            }
        }
        sizes
    }

    /// How many keys are watched.
    pub fn watched_keys(&self, admission: &mut impl Admission) -> usize {
        (0..=self.mask).map(|index| self.lock(admission, index).watchers.len()).sum()
    }

    #[inline]
    #[expect(unsafe_code, reason = "the admission is the proof that the lock asks for")]
    fn lock<'a>(&'a self, _admission: &'a mut impl Admission, index: u32) -> ShardGuard<'a> {
        // SAFETY: the caller was admitted, and can make no second guard while this one borrows its admission.
        unsafe { self.shards[index as usize].lock() }
    }
}

impl DatabaseSize {
    pub(crate) fn add(&mut self, part: &database::Database) {
        self.keys += part.len();
        self.expiring += part.expiring_len();
        self.field_expiring += part.field_expiring().len();
        self.table_bytes += part.entries().memory_bytes();
        self.expiry_table_bytes += part.expiring().memory_bytes();
    }
}
