//! Removing keys that have expired and that nobody looks at.
//!
//! A [`ExpiryCycle`] walks the index of expiring keys, shard by shard and database by database, a bucket at a time, from
//! where it stopped. In a table where few of the keys seen had expired it goes on to the next one; where many had, it
//! stays. It works in steps, so that the caller can look at the clock between them and let other commands in.

use crate::entry::Entry;
use crate::view::View;

/// Where one worker's search for expired keys is: it visits the shards `worker`, `worker + workers`, ...
#[derive(Clone, Debug)]
pub struct ExpiryCycle {
    first: u32,
    step: u32,
    shard: u32,
    database: usize,
    cursor: u64,
    /// Of the table being walked.
    seen: usize,
    expired: usize,
    /// Sum and count of the remaining lives of keys seen that have not expired, by database, in ms.
    pub remaining: Vec<(i64, i64)>,
}

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExpiryProgress {
    /// Keys looked at.
    pub seen: usize,
    /// Keys removed.
    pub expired: usize,
    /// All the worker's shards have been visited once more.
    pub wrapped: bool,
}

impl ExpiryCycle {
    /// The cycle of one of `workers` workers.
    pub fn new(worker: usize, workers: usize, databases: usize) -> ExpiryCycle {
        let first = u32::try_from(worker).unwrap_or(0);
        let step = u32::try_from(workers).unwrap_or(1).max(1);
        ExpiryCycle {
            first,
            step,
            shard: first,
            database: 0,
            cursor: 0,
            seen: 0,
            expired: 0,
            remaining: vec![(0, 0); databases],
        }
    }

    /// Looks at about `sample` keys of one table, or passes over tables without any. From a table of which less than `acceptable`
    /// percent of the keys seen had expired, the next step goes on to the next.
    ///
    /// The view holds the shard of the keys removed until the next step, so that their removal can be recorded in order.
    pub fn step(
        &mut self,
        view: &mut View<'_>,
        sample: usize,
        acceptable: usize,
    ) -> ExpiryProgress {
        let mut progress = ExpiryProgress::default();
        while !progress.wrapped {
            view.select(self.database);
            let mut found: Vec<Entry> = Vec::new();
            let mut end = true;
            if let Some(database) = view.shard_at(self.shard).database(self.database)
                && 0 < database.expiring_len()
            {
                self.cursor = database.expiring().scan(self.cursor, |entry| found.push(*entry));
                end = self.cursor == 0;
            }
            let expired = self.examine(view, &found);
            progress.seen += found.len();
            progress.expired += expired;
            self.seen += found.len();
            self.expired += expired;
            let poor = sample <= self.seen && self.expired * 100 < self.seen * acceptable;
            if end || poor {
                self.next_table(view, &mut progress);
            }
            let moved_on = end || poor;
            if sample <= progress.seen || moved_on && 0 < progress.seen {
                break;
            }
        }
        progress
    }

    fn examine(&mut self, view: &mut View<'_>, found: &[Entry]) -> usize {
        let mut expired = 0;
        for &entry in found {
            let Some(expiry) = entry.expiry() else { continue };
            if view.has_expired(entry) {
                let hash = view.keyspace.hash(entry.key());
                view.expire(hash, entry);
                expired += 1;
            } else {
                let (sum, count) = &mut self.remaining[self.database];
                *sum +=
                    expiry.saturating_sub(view.round.now_ms).clamp(0, i64::from(u32::MAX) * 1000);
                *count += 1;
            }
        }
        expired
    }

    fn next_table(&mut self, view: &View<'_>, progress: &mut ExpiryProgress) {
        (self.seen, self.expired) = (0, 0);
        // A poor table is taken up where it was left: its cursor is worth keeping only if there is one table.
        if 1 < view.keyspace.shards.len() {
            self.cursor = 0;
        }
        self.shard += self.step;
        if view.keyspace.mask < self.shard {
            self.shard = self.first;
            self.database += 1;
            if view.databases() <= self.database {
                self.database = 0;
                progress.wrapped = true;
            }
        }
    }
}
