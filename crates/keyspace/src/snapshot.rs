//! The keyspace as it was at one moment, while it goes on changing.
//!
//! A snapshot begins behind closed gates with a new **epoch** ([`View::begin_snapshot`]). From then on a [`Walk`] visits all tables,
//! a few buckets at a time, and shows each entry to a [`SnapshotSink`]. An entry carries the epoch in which it was shown or made; whoever is about
//! to change, move or remove one that carries another shows it first. So each entry that there was is shown once, as it
//! was, and what came later never is.
//!
//! - **A table** may grow and shrink meanwhile: the walk uses its scan. It belongs to its [`Database`], which knows how far it was walked
//!   and which number it had; so databases may be swapped. One that is flushed goes to the walk as a whole instead of being freed.
//! - **A big collection** is not shown at once, neither by the walk nor by a writer: it is written in [pieces]. From the first change on (or when the walk
//!   comes to it) the collection itself keeps what is changed, and it is put into a queue of the walk, which tells where it is now. Whoever renames
//!   or moves its key says so there; whoever removes it leaves the collection to the walk.
//!
//! Invariants:
//! - While there is no snapshot, all entries carry the same epoch, the present one. (One that is given up ends its walk all the same,
//!   showing nothing.) So no entry can carry an epoch of long ago by chance.
//! - The queue is locked after shards, never before.
//!
//! [pieces]: collections::pieces

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use collections::Object;
use collections::pieces::{Head, Piece};
use parking_lot::Mutex;

use crate::access::{AccessClock, AccessPolicy, Random};
use crate::database::Database;
use crate::entry::{Entry, EntryRef, OnHeap};
use crate::value::{StringRef, ValueRef};
use crate::view::{ExpiryMode, Garbage, Noting, Round, View, Waste};
use crate::{DatabaseSize, Keyspace};

/// What a snapshot is shown to.
///
/// All methods are called while shards are locked: they must neither wait nor use the keyspace.
pub trait SnapshotSink: Send + Sync {
    /// An entry as it was, of the database that had this number; by the walk, or by whoever is about to change it.
    fn entry(&self, database: usize, entry: EntryRef<'_>);
    /// The beginning of an entry that follows in pieces. From here to the end only the walk shows pieces, but others go on showing
    /// entries.
    fn begin(&self, entry: &BigEntry);
    /// A piece of it.
    fn piece(&self, piece: &Piece<'_>);
    /// Its end.
    fn end(&self);
    /// A big collection keeps so many bytes of old states, until pieces have been made of them; before, it kept as many as this.
    fn kept(&self, before: usize, after: usize);
}

/// An entry that is shown in pieces, as it was.
#[derive(Clone, Debug)]
pub struct BigEntry {
    /// The number that the database had.
    pub database: usize,
    /// The name.
    pub key: Box<[u8]>,
    /// Unix time in ms at which the key expires.
    pub expiry: Option<i64>,
    /// The 24 bits that eviction judges by.
    pub access: u32,
    /// What is known of the value before its pieces.
    pub head: Head,
}

/// A snapshot, as those who change values see it.
pub(crate) struct Running {
    sink: Arc<dyn SnapshotSink>,
    /// Given up: nothing is shown any more.
    given_up: AtomicBool,
    /// Big collections that are not shown completely; the walk is at the first.
    queue: Mutex<VecDeque<Big>>,
    /// Databases that were flushed before they were walked completely.
    flushed: Mutex<Vec<Database>>,
    /// Elements of those in the queue that are not shown.
    left: AtomicUsize,
}

struct Big {
    entry: BigEntry,
    place: Place,
}

/// Where a big collection is now.
enum Place {
    At(Address),
    /// Its key was removed or has another value.
    Here(Box<Object>),
}

#[derive(Clone, PartialEq, Eq)]
struct Address {
    database: usize,
    key: Box<[u8]>,
}

impl Running {
    /// Shows an entry that has not been, wherever it is now, or puts it into the queue.
    fn show(&self, origin: usize, database: usize, entry: Entry) {
        if self.given_up.load(Ordering::Relaxed) {
            return;
        }
        let head = entry.object_mut().and_then(Object::begin_pieces);
        let Some(head) = head else {
            self.sink.entry(origin, EntryRef::new(entry));
            return;
        };
        entry.put_in_pieces(true);
        self.left.fetch_add(head.elements(), Ordering::Relaxed);
        let key: Box<[u8]> = entry.key().into();
        self.queue.lock().push_back(Big {
            place: Place::At(Address { database, key: key.clone() }),
            entry: BigEntry {
                database: origin,
                key,
                expiry: entry.expiry(),
                access: entry.access(),
                head,
            },
        });
    }

    /// Changes where a big collection is.
    fn relocate(&self, from: &Address, place: Place) {
        let is_it = |big: &&mut Big| matches!(&big.place, Place::At(address) if address == from);
        if let Some(big) = self.queue.lock().iter_mut().find(is_it) {
            big.place = place;
        }
    }
}

impl View<'_> {
    /// Begins a snapshot of all databases, as they are now; the walk must be ended. Needs all shards, behind closed gates, and
    /// that there is no other snapshot.
    pub fn begin_snapshot(&mut self, sink: Arc<dyn SnapshotSink>) -> Walk {
        let running = Arc::new(Running {
            sink,
            given_up: AtomicBool::new(false),
            queue: Mutex::default(),
            flushed: Mutex::default(),
            left: AtomicUsize::new(0),
        });
        let mut sizes = vec![DatabaseSize::default(); self.databases()];
        for shard in self.all_shards() {
            let used = shard.databases();
            for (number, size) in sizes.iter_mut().enumerate().take(used) {
                let database = shard.database_mut(number);
                database.begin_walk(number);
                size.add(database);
            }
        }
        let previous = self.keyspace.snapshot.write().replace(Arc::clone(&running));
        assert!(previous.is_none(), "there is one snapshot at a time");
        let epoch = self.keyspace.epoch.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Walk {
            running,
            epoch,
            shard: 0,
            flushed: None,
            begun: false,
            sizes,
            shown: 0,
            passed: 0,
            found: Vec::new(),
            garbage: Vec::new(),
        }
    }

    /// Shows an entry to the snapshot, which has not seen it.
    #[cold]
    pub(crate) fn show(&mut self, entry: Entry) {
        let keyspace = self.keyspace;
        if let Some(running) = &*keyspace.snapshot.read() {
            let number = self.database();
            let hash = keyspace.hash(entry.key());
            let origin = self.database_mut(hash).origin();
            running.show(origin, number, entry);
        }
        entry.put_epoch(self.epoch());
    }

    /// Called before an entry is freed: a collection that is being written in pieces is left to the snapshot.
    #[inline]
    pub(crate) fn salvage(&self, entry: Entry) {
        if entry.is_in_pieces() {
            self.salvage_object(self.database(), entry);
        }
    }

    #[cold]
    fn salvage_object(&self, database: usize, entry: Entry) {
        let from = Address { database, key: entry.key().into() };
        if let (Some(OnHeap::Object(object)), Some(running)) =
            (entry.take_value(), &*self.keyspace.snapshot.read())
        {
            running.relocate(&from, Place::Here(object));
        }
    }

    /// Called after a collection that is being written in pieces was changed: it may keep more than before.
    #[cold]
    pub(crate) fn note_kept(&self, before: usize, after: usize) {
        if let Some(running) = &*self.keyspace.snapshot.read()
            && before != after
        {
            running.sink.kept(before, after);
        }
    }

    /// Called after the value of a key, which is being written in pieces, was given to another one.
    #[cold]
    pub(crate) fn note_moved(&self, from: (usize, &[u8]), to: (usize, &[u8])) {
        let address = |(database, key): (usize, &[u8])| Address { database, key: key.into() };
        if let Some(running) = &*self.keyspace.snapshot.read() {
            running.relocate(&address(from), Place::At(address(to)));
        }
    }

    /// Called when two databases were exchanged.
    pub(crate) fn note_swapped(&self, one: usize, other: usize) {
        let running = self.keyspace.snapshot.read();
        let Some(running) = &*running else { return };
        for big in &mut *running.queue.lock() {
            if let Place::At(Address { database, .. }) = &mut big.place {
                *database = match *database {
                    number if number == one => other,
                    number if number == other => one,
                    number => number,
                };
            }
        }
    }

    /// Called before a database is emptied: its big collections that are being written are left to the snapshot.
    pub(crate) fn salvage_all(&mut self, numbers: std::ops::Range<usize>) {
        let keyspace = self.keyspace;
        let running = keyspace.snapshot.read();
        let Some(running) = &*running else { return };
        for big in &mut *running.queue.lock() {
            let Place::At(Address { database, key }) = &big.place else { continue };
            if !numbers.contains(database) {
                continue;
            }
            let hash = keyspace.hash(key);
            let found = self.shard(hash).database(*database).and_then(|held| held.find(hash, key));
            if let Some(OnHeap::Object(object)) = found.and_then(Entry::take_value) {
                big.place = Place::Here(object);
            }
        }
    }

    /// Takes a database that was emptied, if the snapshot has not seen all of it; otherwise gives it back.
    pub(crate) fn leave_to_snapshot(&self, database: Database) -> Option<Database> {
        if database.cursor().is_some()
            && let Some(running) = &*self.keyspace.snapshot.read()
        {
            running.flushed.lock().push(database);
            return None;
        }
        Some(database)
    }
}

/// Visits all entries of a snapshot; see the module's page.
///
/// It must be [driven](Walk::step) to its end, also when it is given up; only then another can begin.
pub struct Walk {
    running: Arc<Running>,
    epoch: u8,
    shard: u32,
    /// A flushed database that is being walked.
    flushed: Option<Database>,
    /// The first of the queue has been begun.
    begun: bool,
    sizes: Vec<DatabaseSize>,
    shown: usize,
    /// Elements of big collections that were shown.
    passed: usize,
    found: Vec<Entry>,
    /// What was shown, belongs to nobody any more, and would take long to free.
    pub garbage: Vec<Garbage>,
}

impl Walk {
    /// The sizes of all databases when the snapshot began.
    pub fn sizes(&self) -> &[DatabaseSize] {
        &self.sizes
    }

    /// How many entries the walk has come to.
    pub fn shown(&self) -> usize {
        self.shown
    }

    /// How many elements of big collections were shown.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// How many are not shown yet, of those collections that are known to be big.
    pub fn left(&self) -> usize {
        self.running.left.load(Ordering::Relaxed)
    }

    /// Whether the entry that was shown last is not complete: pieces of it follow.
    pub fn is_within_entry(&self) -> bool {
        self.begun
    }

    /// Shows nothing any more, whoever asks.
    pub fn give_up(&self) {
        self.running.given_up.store(true, Ordering::Relaxed);
    }

    /// Goes on, by as much as `budget` says, which is about the bytes that are copied. Says whether there is more.
    ///
    /// The view roams, or holds all shards.
    pub fn step(&mut self, view: &mut View<'_>, budget: usize) -> bool {
        let mut spent = 0;
        let mut holds_shard = false;
        while spent < budget {
            if self.flushed.is_some() || !self.running.flushed.lock().is_empty() {
                if holds_shard {
                    // Nobody has to wait for what is not shared, nor for its being freed.
                    return true;
                }
                spent += self.walk_flushed(budget);
                continue;
            }
            let big = self.running.queue.lock().front().map(|big| match &big.place {
                Place::At(address) => Some(address.clone()),
                Place::Here(_) => None,
            });
            match big {
                Some(Some(address)) => spent += self.write_there(view, &address, budget - spent),
                Some(None) => spent += self.write_here(budget - spent),
                None if view.keyspace.mask < self.shard => {
                    let running = view.keyspace.snapshot.write().take();
                    debug_assert!(running.is_some(), "a walk ends once");
                    return false;
                }
                None => spent += self.walk_shard(view, budget - spent),
            }
            holds_shard = true;
        }
        true
    }

    /// Walks some buckets of the present shard; gives the cost.
    fn walk_shard(&mut self, view: &mut View<'_>, budget: usize) -> usize {
        let shard = view.shard_at(self.shard);
        let unfinished = (0..shard.databases())
            .find(|number| shard.database(*number).is_some_and(|held| held.cursor().is_some()));
        let Some(number) = unfinished else {
            self.shard += 1;
            return 0;
        };
        let database = shard.database_mut(number);
        self.walk_buckets(database, budget, |walk, origin, entry| walk.show(origin, number, entry))
    }

    /// Shows what is in the next few buckets, or as much of it as fits the budget: what was shown is passed over the next time.
    fn walk_buckets(
        &mut self,
        database: &mut Database,
        budget: usize,
        mut show: impl FnMut(&mut Walk, usize, Entry) -> usize,
    ) -> usize {
        let (origin, cursor) = (database.origin(), database.cursor());
        // Entries are removed under the shard's lock only, so those found are there.
        let mut found = std::mem::take(&mut self.found);
        database.walk(&mut found);
        let mut spent = 0;
        for entry in found.drain(..) {
            if budget <= spent {
                database.walk_again(cursor);
                break;
            }
            spent += show(self, origin, entry);
        }
        self.found = found;
        spent
    }

    fn walk_flushed(&mut self, budget: usize) -> usize {
        let mut database = match self.flushed.take() {
            Some(database) => database,
            None => match self.running.flushed.lock().pop() {
                Some(database) => database,
                None => return 0,
            },
        };
        let mut spent = 0;
        while spent < budget && database.cursor().is_some() {
            spent += self.walk_buckets(&mut database, budget - spent, Walk::show_flushed);
        }
        if database.cursor().is_some() {
            self.flushed = Some(database);
        } else {
            self.garbage.push(Garbage(Waste::Database(database)));
        }
        spent
    }

    fn show(&mut self, origin: usize, number: usize, entry: Entry) -> usize {
        if entry.epoch() == self.epoch {
            return 0;
        }
        self.running.show(origin, number, entry);
        entry.put_epoch(self.epoch);
        self.shown += 1;
        cost(entry)
    }

    /// The same for an entry of a database that nobody else has: what is big is taken out of it.
    fn show_flushed(&mut self, origin: usize, entry: Entry) -> usize {
        let cost = self.show(origin, usize::MAX, entry);
        if entry.is_in_pieces()
            && let Some(OnHeap::Object(object)) = entry.take_value()
        {
            let from = Address { database: usize::MAX, key: entry.key().into() };
            self.running.relocate(&from, Place::Here(object));
        }
        cost
    }

    /// Writes a piece of the first collection in the queue, which is at its key; gives the cost.
    fn write_there(&mut self, view: &mut View<'_>, address: &Address, budget: usize) -> usize {
        let keyspace = view.keyspace;
        let hash = keyspace.hash(&address.key);
        let shard = view.shard(hash);
        // It may have been moved or removed before the shard was locked. From here on it cannot be.
        let is_there = match self.running.queue.lock().front() {
            Some(Big { place: Place::At(now), .. }) => now == address,
            Some(Big { place: Place::Here(_), .. }) | None => false,
        };
        if !is_there {
            return 0;
        }
        let entry =
            shard.database(address.database).and_then(|database| database.find(hash, &address.key));
        let Some((entry, object)) = entry.and_then(|entry| Some((entry, entry.object_mut()?)))
        else {
            unreachable!("the queue knows where each collection is");
        };
        let (spent, more) = self.write(object, budget);
        if !more {
            entry.put_in_pieces(false);
            self.running.queue.lock().pop_front();
        }
        spent
    }

    /// The same for one that nobody else has.
    fn write_here(&mut self, budget: usize) -> usize {
        let mut queue = self.running.queue.lock();
        let Some(Big { entry, place: Place::Here(mut object) }) = queue.pop_front() else {
            unreachable!("only the walk takes from the front");
        };
        queue.push_front(Big {
            entry,
            place: Place::At(Address { database: usize::MAX, key: Box::default() }),
        });
        drop(queue);
        let (spent, more) = self.write(&mut object, budget);
        let mut queue = self.running.queue.lock();
        if let Some(big) = queue.pop_front()
            && more
        {
            queue.push_front(Big { place: Place::Here(object), ..big });
        } else {
            self.garbage.push(Garbage(Waste::Value(OnHeap::Object(object))));
        }
        spent
    }

    /// Writes a piece of the first collection in the queue; gives the cost, and whether there is more of it.
    fn write(&mut self, object: &mut Object, budget: usize) -> (usize, bool) {
        let kept = object.kept_bytes();
        if self.running.given_up.load(Ordering::Relaxed) {
            object.abandon_pieces();
            self.running.sink.kept(kept, 0);
            self.begun = false;
            return (0, false);
        }
        let sink = Arc::clone(&self.running.sink);
        if !self.begun {
            self.begun = true;
            if let Some(big) = self.running.queue.lock().front() {
                sink.begin(&big.entry);
            }
        }
        let (mut spent, mut passed) = (0, 0);
        let more = object.next_piece(budget, &mut |piece| {
            spent += piece.cost();
            passed += 1;
            sink.piece(piece);
        });
        self.passed += passed;
        self.running.left.fetch_sub(passed, Ordering::Relaxed);
        sink.kept(kept, object.kept_bytes());
        if !more {
            self.begun = false;
            sink.end();
        }
        (spent, more)
    }
}

/// What showing an entry costs, in bytes that could be copied meanwhile.
fn cost(entry: Entry) -> usize {
    /// What waiting for it from memory takes.
    const FOUND: usize = 128;
    let elsewhere = match entry.value() {
        ValueRef::Object(object) => object.effort() * FOUND,
        ValueRef::String(StringRef::Bytes(_) | StringRef::Integer(_) | StringRef::Shared(_)) => 0,
    };
    FOUND + entry.allocation() + elsewhere
}

impl Keyspace {
    /// Drives a walk on by one step; see [`Walk::step`]. Keeps others waiting for no longer than that takes. The caller is outside
    /// of all gates.
    pub fn step(&self, walk: &mut Walk, budget: usize) -> bool {
        self.beside(&mut Round::aside(), |view| {
            view.roam();
            walk.step(view, budget)
        })
    }

    /// Whether there is a snapshot whose walk has not ended.
    pub fn has_snapshot(&self) -> bool {
        self.snapshot.read().is_some()
    }
}

impl Round {
    /// A round of somebody who is no worker: nothing is noted, and nothing expires.
    pub fn aside() -> Round {
        Round {
            now_ms: 0,
            access: AccessClock::new(AccessPolicy::Lru, 0),
            touch: false,
            expiry: ExpiryMode::Ignore,
            random: Random::new(0),
            hits: 0,
            misses: 0,
            changed: false,
            noting: Noting::default(),
            buffer: Vec::new(),
            donated: Vec::new(),
        }
    }
}
