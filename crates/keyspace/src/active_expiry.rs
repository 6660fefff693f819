//! Removing keys, and fields of hashes, that have expired and that nobody looks at.
//!
//! An [`ExpiryCycle`] walks the index of expiring keys, or that of hashes with fields that expire, shard by shard and database by database, a few buckets at a time. In
//! a table where many of the keys seen had expired it stays; where few had, it goes on to the next, and takes this one up
//! where it left it when its turn comes again: so every key is looked at some time, however many of the others stay. It works in
//! steps, so that the caller can look at the clock between them and let other commands in.

use std::collections::BTreeMap;

use collections::{HashTable, ObjectRef};

use crate::entry::Entry;
use crate::shard::Shard;
use crate::view::View;

/// What a cycle searches for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiring {
    /// Keys.
    Keys,
    /// Fields of hashes.
    Fields,
}

/// Where one worker's search for what has expired is: it visits the shards `worker`, `worker + workers`, ...
#[derive(Clone, Debug)]
pub struct ExpiryCycle {
    what: Expiring,
    first: u32,
    step: u32,
    shard: u32,
    database: usize,
    /// By shard and database, where a table was left; tables that begin anew are not listed.
    cursors: BTreeMap<(u32, usize), u64>,
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExpiryProgress {
    /// The logical database in which it was.
    pub database: usize,
    /// Keys looked at; of hashes, every field that was removed counts, or else one.
    pub seen: usize,
    /// Keys or fields removed.
    pub expired: usize,
    /// The sum of the times that the others have left, in ms.
    pub remaining_ms: i64,
    /// All the worker's shards have been visited once more.
    pub wrapped: bool,
}

impl ExpiryCycle {
    /// The cycle of one of `workers` workers.
    pub fn new(what: Expiring, worker: usize, workers: usize) -> ExpiryCycle {
        let first = u32::try_from(worker).unwrap_or(0);
        let step = u32::try_from(workers).unwrap_or(1).max(1);
        ExpiryCycle { what, first, step, shard: first, database: 0, cursors: BTreeMap::new() }
    }

    /// Looks at about `sample` keys of one table, passing over tables without any. After a table of which less than `acceptable`
    /// percent of the keys seen had expired, the next step goes on to the next.
    ///
    /// The view, which must roam, holds the shard of the keys removed until the next step, so that their removal can be
    /// recorded in order.
    pub fn step(
        &mut self,
        view: &mut View<'_>,
        sample: usize,
        acceptable: usize,
    ) -> ExpiryProgress {
        let mut progress = ExpiryProgress::default();
        while !progress.wrapped && progress.seen == 0 {
            let shard = view.shard_at(self.shard);
            let databases = shard.databases();
            if self.index(shard).is_some_and(|index| !index.is_empty()) {
                progress.database = self.database;
                let ended = self.search(view, sample, &mut progress);
                let poor = progress.expired * 100 < progress.seen * acceptable;
                if !ended && !poor {
                    break;
                }
            }
            progress.wrapped = self.go_on(view, databases);
        }
        progress
    }

    /// Looks at keys of the present table; says whether its end was reached.
    fn search(
        &mut self,
        view: &mut View<'_>,
        sample: usize,
        progress: &mut ExpiryProgress,
    ) -> bool {
        let table = (self.shard, self.database);
        let mut cursor = self.cursors.remove(&table).unwrap_or(0);
        let mut found: Vec<Entry> = Vec::new();
        view.select(self.database);
        while progress.seen < sample {
            found.clear();
            let behind = self
                .index(view.shard_at(self.shard))
                .map_or(0, |index| index.scan(cursor, |entry| found.push(*entry)));
            let done = match self.what {
                Expiring::Keys => examine(view, &found, progress),
                Expiring::Fields => examine_fields(view, &found, sample, progress),
            };
            if !done {
                // The same bucket again.
                break;
            }
            cursor = behind;
            if cursor == 0 {
                return true;
            }
        }
        self.cursors.insert(table, cursor);
        false
    }

    /// The present table's index.
    fn index<'s>(&self, shard: &'s Shard) -> Option<&'s HashTable<Entry>> {
        shard.database(self.database).map(|database| match self.what {
            Expiring::Keys => database.expiring(),
            Expiring::Fields => database.field_expiring(),
        })
    }

    /// Goes on to the next table; says whether that is the first one again.
    fn go_on(&mut self, view: &View<'_>, databases: usize) -> bool {
        self.database += 1;
        if self.database < databases {
            return false;
        }
        self.database = 0;
        self.shard += self.step;
        let wrapped = view.keyspace.mask < self.shard;
        if wrapped {
            self.shard = self.first;
        }
        wrapped
    }
}

/// Removes those of the entries found that have expired; says that all were looked at.
fn examine(view: &mut View<'_>, found: &[Entry], progress: &mut ExpiryProgress) -> bool {
    for &entry in found {
        let Some(expiry) = entry.expiry() else { continue };
        progress.seen += 1;
        if view.has_expired(entry) {
            let hash = view.keyspace.hash(entry.key());
            view.expire(hash, entry);
            progress.expired += 1;
        } else {
            let left_ms = expiry.saturating_sub(view.round.now_ms).max(0);
            progress.remaining_ms = progress.remaining_ms.saturating_add(left_ms);
        }
    }
    true
}

/// Removes fields that have expired of the hashes found, about `sample` in all; says whether none is left.
fn examine_fields(
    view: &mut View<'_>,
    found: &[Entry],
    sample: usize,
    progress: &mut ExpiryProgress,
) -> bool {
    for &entry in found {
        let next = entry.object().and_then(ObjectRef::next_expiry);
        if next.is_none_or(|expiry| view.round.now_ms <= expiry) {
            progress.seen += 1;
            continue;
        }
        let limit = sample.saturating_sub(progress.expired).max(1);
        let hash = view.keyspace.hash(entry.key());
        let (removed, more) = view.expire_some_fields(hash, entry, limit);
        progress.seen += removed;
        progress.expired += removed;
        if more {
            return false;
        }
    }
    true
}
