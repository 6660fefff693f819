//! The part of the keyspace that one command may touch, locked; and reading in it.
//!
//! A view is opened for one call. It locks the shards of the call's keys in ascending order and refuses others. A key
//! that has expired is removed at the first look, and noted, so that the executor can tell replicas and listeners.

use std::sync::Arc;

use smallvec::SmallVec;
use thin_vec::ThinVec;

use crate::Keyspace;
use crate::access::{AccessClock, Random};
use crate::database::{Database, free};
use crate::entry::{Entry, EntryRef, OnHeap};
use crate::field_expiry::ExpiredFields;
use crate::hashing::KeyHash;
use crate::held::Held;
use crate::shard::{AllGuard, Shard, ShardGuard};
use crate::value::{StringRef, ValueRef};

/// What a worker knows for the length of a round, and counts in it.
#[derive(Debug)]
pub struct Round {
    /// Unix time in ms.
    pub now_ms: i64,
    /// How uses are noted.
    pub access: AccessClock,
    /// Whether reading a key counts as using it (CLIENT NO-TOUCH).
    pub touch: bool,
    /// What happens to keys that have expired.
    pub expiry: ExpiryMode,
    /// For sampling.
    pub random: Random,
    /// Lookups for reading that found a key.
    pub hits: u64,
    /// Lookups for reading that did not.
    pub misses: u64,
    /// Whether anything was changed since this was last cleared.
    pub changed: bool,
    /// What is noted of the keys that a view touches.
    pub noting: Noting,
    /// Where small collections are changed.
    pub buffer: Vec<u8>,
    /// Long arguments of the present call, which may be kept as values without being copied.
    pub donated: Vec<Arc<Vec<u8>>>,
}

impl Round {
    /// A long value to be kept: what was donated, if it is that, or else a copy.
    pub(crate) fn keep(&self, value: &[u8]) -> Arc<Vec<u8>> {
        let is_it = |donated: &&Arc<Vec<u8>>| std::ptr::eq::<[u8]>(donated.as_slice(), value);
        self.donated.iter().find(is_it).map_or_else(|| Arc::new(value.to_vec()), Arc::clone)
    }
}

/// What happens to a key that is found expired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpiryMode {
    /// It is removed.
    Remove,
    /// It is treated as absent, but stays: its removal comes from the primary, or writes are paused.
    Hide,
    /// It is treated as any other.
    Ignore,
}

impl ExpiryMode {
    /// Whether an entry is one to be treated as expired.
    pub(crate) fn has_expired(self, entry: Entry, now_ms: i64) -> bool {
        self != ExpiryMode::Ignore && entry.expiry().is_some_and(|expiry| expiry < now_ms)
    }
}

/// A key that was removed because it had expired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expired {
    /// The logical database.
    pub database: usize,
    /// Its name.
    pub key: Box<[u8]>,
}

/// Something that happened to a key by the way, and not because the command does it to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Noted {
    /// The logical database.
    pub database: usize,
    /// Its name.
    pub key: Box<[u8]>,
    /// What.
    pub incident: Incident,
}

/// Things that happen to keys by the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incident {
    /// It had expired and was removed.
    Expired,
    /// It was not there before.
    Added,
    /// It was to be read and is not there.
    Missed,
}

/// Which incidents are noted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Noting {
    /// Whether a key expires.
    pub expired: bool,
    /// Whether a key is new.
    pub added: bool,
    /// Whether a key that is not there is read.
    pub missed: bool,
}

/// What is worth freeing on another thread. Dropping it frees it.
pub struct Garbage(pub(crate) Waste);

pub(crate) enum Waste {
    Value(OnHeap),
    Database(Database),
}

impl Garbage {
    /// How many keys or values it is.
    pub fn objects(&self) -> usize {
        match &self.0 {
            Waste::Value(OnHeap::String(_)) => 1,
            Waste::Value(OnHeap::Object(object)) => object.to_ref().effort().max(1),
            Waste::Database(database) => database.len(),
        }
    }
}

/// The part of the keyspace that one command may touch.
pub struct View<'a> {
    pub(crate) keyspace: &'a Keyspace,
    held: Held<'a>,
    database: usize,
    /// The key of `lock_one`, or the one whose turn it is in `each`: where its bytes are (they outlive the view, so no other
    /// key comes to lie there), and its hash, which saves computing it at every access.
    located: (*const u8, usize, KeyHash),
    /// Of the round.
    pub round: &'a mut Round,
    /// Keys that this view found expired and removed.
    pub expired: ThinVec<Expired>,
    /// What happened to keys that the round wants noted, in order.
    pub noted: ThinVec<Noted>,
    /// Fields that this view found expired and removed.
    pub expired_fields: ThinVec<ExpiredFields>,
    /// What this view removed and would take long to free.
    pub garbage: ThinVec<Garbage>,
}

impl<'a> View<'a> {
    #[inline]
    pub(crate) fn new(keyspace: &'a Keyspace, database: usize, round: &'a mut Round) -> View<'a> {
        let located = (std::ptr::null(), 0, KeyHash(0));
        View {
            keyspace,
            held: Held::Nothing,
            database,
            located,
            round,
            expired: ThinVec::new(),
            noted: ThinVec::new(),
            expired_fields: ThinVec::new(),
            garbage: ThinVec::new(),
        }
    }

    /// One of a single key, whose shard is locked.
    #[inline]
    pub(crate) fn of_one(
        keyspace: &'a Keyspace,
        database: usize,
        round: &'a mut Round,
        (key, hash): (&'a [u8], KeyHash),
        (index, shard): (u32, ShardGuard<'a>),
    ) -> View<'a> {
        View {
            keyspace,
            held: Held::One(index, shard),
            database,
            located: (key.as_ptr(), key.len(), hash),
            round,
            expired: ThinVec::new(),
            noted: ThinVec::new(),
            expired_fields: ThinVec::new(),
            garbage: ThinVec::new(),
        }
    }

    /// One that can lock nothing.
    pub(crate) fn bare(keyspace: &'a Keyspace, database: usize, round: &'a mut Round) -> View<'a> {
        View { held: Held::Several(Vec::new()), ..View::new(keyspace, database, round) }
    }

    /// Locks the shard of one key, whose hash is known.
    #[inline]
    pub fn lock_one(&mut self, key: &'a [u8], hash: KeyHash) {
        assert!(self.held.is_nothing(), "a view locks once");
        let index = hash.shard(self.keyspace.mask);
        self.located = (key.as_ptr(), key.len(), hash);
        self.held = Held::One(index, self.guard(index));
    }

    /// Locks the shards of several keys.
    pub fn lock_several<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        let keyspace = self.keyspace;
        self.lock_hashes(keys.map(|key| keyspace.hash(key)));
    }

    /// Locks the shards of several keys whose hashes are known.
    pub fn lock_hashes(&mut self, hashes: impl Iterator<Item = KeyHash>) {
        /// What calls with several keys usually have; more go to the heap.
        const FEW: usize = 32;
        assert!(self.held.is_nothing(), "a view locks once");
        let mut wanted: SmallVec<[u32; FEW]> =
            hashes.map(|hash| hash.shard(self.keyspace.mask)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        self.held = match *wanted {
            [index] => Held::One(index, self.guard(index)),
            _ => {
                Held::Several(wanted.into_iter().map(|index| (index, self.guard(index))).collect())
            }
        };
    }

    /// Locks all shards.
    pub fn lock_all(&mut self) {
        assert!(self.held.is_nothing(), "a view locks once");
        #[expect(unsafe_code, reason = "the admission is the proof that the locks ask for")]
        // SAFETY: as for `guard`; nothing is held yet.
        let all = unsafe { AllGuard::lock(&self.keyspace.shards) };
        self.held = Held::All(all);
    }

    /// Locks shards one at a time, as they are asked for: for what visits many keys and promises no picture of one moment.
    pub fn roam(&mut self) {
        assert!(self.held.is_nothing(), "a view locks once");
        self.held = Held::Roaming(None);
    }

    /// A view of the same shards, for a call that is run in the middle of this one. What it finds expired and what it removes
    /// is its own. One that roams has nothing to lend.
    pub fn lend(&mut self) -> View<'_> {
        debug_assert!(
            !matches!(self.held, Held::Roaming(None)),
            "a shard that is not held cannot be lent"
        );
        View {
            keyspace: self.keyspace,
            held: Held::Lent(&mut self.held),
            database: self.database,
            located: (std::ptr::null(), 0, KeyHash(0)),
            round: self.round,
            expired: ThinVec::new(),
            noted: ThinVec::new(),
            expired_fields: ThinVec::new(),
            garbage: ThinVec::new(),
        }
    }

    /// Says that the call is about one key above all, whose hash is known: that saves computing it at every access.
    #[inline]
    pub fn expect(&mut self, key: &'a [u8], hash: KeyHash) {
        self.located = (key.as_ptr(), key.len(), hash);
    }

    /// Whether nothing happened by the way: no key or field was found expired, nothing else was noted, and nothing has to be freed.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.expired.is_empty()
            && self.noted.is_empty()
            && self.expired_fields.is_empty()
            && self.garbage.is_empty()
    }

    /// The logical database that keys are looked up in.
    pub fn database(&self) -> usize {
        self.database
    }

    /// Looks keys up in another database from here on.
    pub fn select(&mut self, database: usize) {
        assert!(database < self.keyspace.databases, "the number was checked when it was parsed");
        self.database = database;
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.keyspace.databases
    }

    /// The entry of a key, for a command that reads it: counts as a hit or a miss and as a use.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.found(key).map(EntryRef::new)
    }

    /// The entries of two keys, for a command that reads both.
    pub fn read_two(&mut self, keys: [&[u8]; 2]) -> [Option<EntryRef<'_>>; 2] {
        // To look for the second may remove the second, but not the first: both are judged by the time of the round.
        keys.map(|key| self.found(key)).map(|found| found.map(EntryRef::new))
    }

    /// The entry of a key, for a command that asks about it but not for its value (TTL, TYPE): counts as a hit or a miss, but
    /// not as a use.
    #[inline]
    pub fn inquire(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let found = self.live(key);
        if found.is_some() {
            self.round.hits += 1;
        } else {
            self.round.misses += 1;
            self.note_missed(key);
        }
        found.map(EntryRef::new)
    }

    /// The same for a command that asks about the entry more than about the key (OBJECT): nobody is told if it is not there.
    pub fn inspect(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let found = self.live(key);
        match found {
            Some(_) => self.round.hits += 1,
            None => self.round.misses += 1,
        }
        found.map(EntryRef::new)
    }

    /// The entry of a key, for one that counts neither hit nor use.
    #[inline]
    pub fn peek(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.live(key).map(EntryRef::new)
    }

    /// The entry of a key for a command that will write it: counts as a use, but as neither hit nor miss.
    #[inline]
    pub fn look(&mut self, key: &[u8]) -> Option<EntryRef<'_>> {
        let found = self.live(key);
        if let Some(entry) = found {
            self.touch(entry);
        }
        found.map(EntryRef::new)
    }

    /// Entries of this database in the shards held.
    pub fn count_keys(&mut self) -> usize {
        let number = self.database;
        let count = |shard: &mut Shard| shard.database(number).map_or(0, Database::len);
        self.held.all().into_iter().map(count).sum()
    }

    // For the rest of this crate.

    #[inline]
    pub(crate) fn found(&mut self, key: &[u8]) -> Option<Entry> {
        let found = self.live(key);
        if let Some(entry) = found {
            self.round.hits += 1;
            self.touch(entry);
        } else {
            self.round.misses += 1;
            self.note_missed(key);
        }
        found
    }

    /// Notes that a key was to be read and is not there, if that is wanted.
    #[inline]
    fn note_missed(&mut self, key: &[u8]) {
        if self.round.noting.missed {
            self.note(key, Incident::Missed);
        }
    }

    /// Notes what happened to a key of the selected database.
    #[cold]
    pub(crate) fn note(&mut self, key: &[u8], incident: Incident) {
        self.noted.push(Noted { database: self.database, key: key.into(), incident });
    }

    #[inline]
    pub(crate) fn touch(&mut self, entry: Entry) {
        if self.round.touch {
            self.round.access.touch(entry, &mut self.round.random);
        }
    }

    /// The hash of a key, which is known already if the view was opened for it.
    #[inline]
    pub fn locate(&self, key: &[u8]) -> KeyHash {
        if std::ptr::eq(self.located.0, key.as_ptr()) && self.located.1 == key.len() {
            return self.located.2;
        }
        self.keyspace.hash(key)
    }

    /// The entry of a key that has not expired.
    #[inline]
    pub(crate) fn live(&mut self, key: &[u8]) -> Option<Entry> {
        let hash = self.locate(key);
        let number = self.database;
        let entries = self.shard(hash).database(number)?.entries();
        // Here and not by way of `Database::find`, so that the search is made part of this function.
        let entry = *entries.find(hash.0, |entry| entry.is_of(key))?;
        if entry.expires() && self.has_expired(entry) {
            self.expire(hash, entry)
        } else {
            Some(entry)
        }
    }

    pub(crate) fn has_expired(&self, entry: Entry) -> bool {
        self.round.expiry.has_expired(entry, self.round.now_ms)
    }

    /// Removes an entry that has expired, unless that is not ours to do. Gives what a lookup gives: nothing.
    #[cold]
    pub(crate) fn expire(&mut self, hash: KeyHash, entry: Entry) -> Option<Entry> {
        if self.round.expiry == ExpiryMode::Remove {
            self.expired.push(Expired { database: self.database, key: entry.key().into() });
            if self.round.noting.expired {
                self.note(entry.key(), Incident::Expired);
            }
            self.discard(hash, entry);
        }
        None
    }

    /// Takes an entry out of its database and frees it, or makes it garbage if that takes long.
    pub(crate) fn discard(&mut self, hash: KeyHash, entry: Entry) {
        self.before_change(entry);
        self.take(hash, entry);
        self.salvage(entry);
        if is_slow_to_free(entry) {
            let value = entry.take_value();
            self.garbage.extend(value.map(|value| Garbage(Waste::Value(value))));
        }
        free(entry);
    }

    pub(crate) fn take(&mut self, hash: KeyHash, entry: Entry) {
        self.database_mut(hash).take(hash, entry);
    }

    #[inline]
    pub(crate) fn database_mut(&mut self, hash: KeyHash) -> &mut Database {
        let number = self.database;
        self.shard(hash).database_mut(number)
    }

    #[inline]
    pub(crate) fn shard(&mut self, hash: KeyHash) -> &mut Shard {
        let wanted = hash.shard(self.keyspace.mask);
        // Most calls have one key, so this one shard.
        if !self.held.is_one(wanted) {
            return self.shard_at(wanted);
        }
        let Held::One(_, shard) = &mut self.held else { undeclared() };
        shard
    }

    /// Whether the shard of a key is held, now: then the key can be reached.
    pub fn reaches(&mut self, key: &[u8]) -> bool {
        let index = self.locate(key).shard(self.keyspace.mask);
        self.held.shard(index).is_some()
    }

    /// Whether something holds for one of the shards held.
    #[inline]
    pub(crate) fn any_shard(&mut self, is: impl Fn(&Shard) -> bool) -> bool {
        self.held.any(is)
    }

    pub(crate) fn shard_at(&mut self, wanted: u32) -> &mut Shard {
        if self.held.is_roaming_elsewhere(wanted) {
            debug_assert!(
                self.expired.is_empty() && self.expired_fields.is_empty(),
                "removals are recorded while the shard is held"
            );
            // Let go before the next is taken: a view that roams holds one lock.
            self.held = Held::Roaming(None);
            self.held = Held::Roaming(Some((wanted, self.guard(wanted))));
        }
        match self.held.shard(wanted) {
            Some(shard) => shard,
            None => undeclared(),
        }
    }

    /// All shards held, for what concerns whole databases.
    pub(crate) fn all_shards(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.held.all().into_iter()
    }

    #[expect(unsafe_code, reason = "the admission is the proof that the lock asks for")]
    fn guard(&self, index: u32) -> ShardGuard<'a> {
        // SAFETY: `Keyspace::view` borrows the admission exclusively for `'a`, so there is no other view of this
        // thread; this one locks each shard at most once (`lock_one` and the others are called once, and a roaming
        // view lets go first).
        unsafe { self.keyspace.shards[index as usize].lock() }
    }

    pub(crate) fn epoch(&self) -> u8 {
        self.keyspace.epoch()
    }

    /// Starts to fetch the bucket where a key would be, in a shard that is held.
    #[inline]
    pub fn prefetch_bucket(&mut self, database: usize, hash: KeyHash) {
        if let Some(database) = self.shard(hash).database(database) {
            database.entries().prefetch_bucket(hash.0);
        }
    }

    /// Starts to fetch the entries that may be a key's; its bucket should be there by now.
    #[inline]
    pub fn prefetch_entry(&mut self, database: usize, hash: KeyHash) {
        if let Some(database) = self.shard(hash).database(database) {
            database.entries().prefetch_candidates(hash.0, |entry| entry.prefetch());
        }
    }

    /// Works through many keys in order, each with what belongs to it. A few at a time are looked for in three passes (hash
    /// and bucket, entry, action), so that the memory that the action needs is on its way before its turn comes.
    pub fn each<T: Copy>(
        &mut self,
        mut items: impl Iterator<Item = (&'a [u8], T)>,
        mut act: impl FnMut(&mut View<'a>, &'a [u8], T),
    ) {
        /// Enough to hide the latency of memory, few enough to stay in the first cache.
        const AHEAD: usize = 16;
        let number = self.database;
        loop {
            let mut ahead = [None; AHEAD];
            let mut count = 0;
            for (place, (key, belonging)) in ahead.iter_mut().zip(&mut items) {
                let hash = self.locate(key);
                if let Some(database) = self.shard(hash).database(number) {
                    database.entries().prefetch_bucket(hash.0);
                }
                *place = Some((key, belonging, hash));
                count += 1;
            }
            for &(_, _, hash) in ahead.iter().flatten() {
                if let Some(database) = self.shard(hash).database(number) {
                    let entries = database.entries();
                    entries.prefetch_candidates(hash.0, |entry| entry.prefetch());
                }
            }
            for &(key, belonging, hash) in ahead.iter().flatten() {
                self.located = (key.as_ptr(), key.len(), hash);
                act(self, key, belonging);
            }
            if count < AHEAD {
                return;
            }
        }
    }
}

#[cold]
fn undeclared() -> ! {
    unreachable!("a command reaches only keys that it declared")
}

/// Whether a worker has better things to do than to free this entry's value.
fn is_slow_to_free(entry: Entry) -> bool {
    /// Bytes above which giving memory back is a system call.
    const LONG: usize = 1 << 20;
    /// Allocations.
    const MANY: usize = 64;
    match entry.value() {
        ValueRef::String(StringRef::Shared(shared)) => LONG <= shared.capacity(),
        ValueRef::String(StringRef::Bytes(_) | StringRef::Integer(_)) => false,
        ValueRef::Object(object) => MANY < object.effort(),
    }
}
