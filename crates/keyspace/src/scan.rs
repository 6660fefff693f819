//! Visiting many keys: SCAN, KEYS, RANDOMKEY.

use collections::hash_table::Statistics;

use crate::DatabaseSize;
use smallvec::SmallVec;

use crate::database::Database;
use crate::entry::{Entry, EntryRef};
use crate::view::View;

impl View<'_> {
    /// Visits the keys of one bucket of one shard and gives the cursor of the next, 0 at the end.
    ///
    /// The low bits of a cursor name the shard, the others are the cursor of its table; shards are visited one after
    /// the other, so what is promised for a table holds for the keyspace: a key that is there the whole time is visited.
    /// Only keys that are `wanted` are looked at further: those that have expired are removed, the others visited. Any
    /// number is a cursor.
    pub fn scan(
        &mut self,
        cursor: u64,
        wanted: &mut dyn FnMut(&[u8]) -> bool,
        visit: &mut dyn FnMut(EntryRef<'_>),
    ) -> u64 {
        /// More than nearly every bucket has.
        const BUCKET: usize = 16;
        let mask = self.keyspace.mask;
        let bits = mask.count_ones();
        let index = u32::try_from(cursor & u64::from(mask)).unwrap_or(0);
        let number = self.database();
        let mut found: SmallVec<[Entry; BUCKET]> = SmallVec::new();
        let next = self.shard_at(index).database(number).map_or(0, |database| {
            let entries = database.entries();
            entries
                .scan(cursor >> bits, |entry| found.extend(wanted(entry.key()).then_some(*entry)))
        });
        self.visit_live(&found, visit);
        match next {
            0 if index == mask => 0,
            0 => u64::from(index + 1),
            next => next << bits | u64::from(index),
        }
    }

    /// Visits every key of the database that has not expired. Needs all shards.
    pub fn for_each(&mut self, visit: &mut dyn FnMut(EntryRef<'_>)) {
        let number = self.database();
        let (mode, now_ms) = (self.round.expiry, self.round.now_ms);
        for shard in self.all_shards() {
            let entries = shard.database(number).into_iter().flat_map(Database::entries);
            entries
                .filter(|entry| !mode.has_expired(**entry, now_ms))
                .for_each(|entry| visit(EntryRef::new(*entry)));
        }
    }

    /// The sizes of all databases. The view roams or has all shards; if it roams, this is no picture of one moment.
    pub fn sizes(&mut self) -> Vec<DatabaseSize> {
        let mut sizes = vec![DatabaseSize::default(); self.databases()];
        for index in 0..=self.keyspace.mask {
            let shard = self.shard_at(index);
            for (number, size) in sizes.iter_mut().enumerate() {
                if let Some(database) = shard.database(number) {
                    size.add(database);
                }
            }
        }
        sizes
    }

    /// Visits every key of every database with the database's number, those among them that have expired and are still there. The
    /// view roams or has all shards; if it roams, this is no picture of one moment.
    pub fn survey(&mut self, visit: &mut dyn FnMut(usize, EntryRef<'_>)) {
        let databases = self.databases();
        for index in 0..=self.keyspace.mask {
            let shard = self.shard_at(index);
            for number in 0..databases {
                let entries = shard.database(number).into_iter().flat_map(Database::entries);
                entries.for_each(|entry| visit(number, EntryRef::new(*entry)));
            }
        }
    }

    /// What the tables of the database look like inside, all shards together: those of keys, and those of keys that
    /// expire. `lengths` bounds their histograms. Looks at every bucket.
    pub fn table_statistics(&mut self, lengths: usize) -> (Statistics, Statistics) {
        let number = self.database();
        let (mut entries, mut expiring) = (Statistics::default(), Statistics::default());
        for index in 0..=self.keyspace.mask {
            if let Some(database) = self.shard_at(index).database(number) {
                entries.add(&database.entries().statistics(lengths));
                expiring.add(&database.expiring().statistics(lengths));
            }
        }
        (entries, expiring)
    }

    /// A key of the database, each with the same chance. Needs all shards.
    pub fn random(&mut self) -> Option<EntryRef<'_>> {
        /// Redis's bound: where expired keys may not be removed, all may have expired.
        const TRIES: usize = 100;
        let number = self.database();
        for _ in 0..TRIES {
            let total = self.count_keys();
            if total == 0 {
                return None;
            }
            let mut skip = self.round.random.below(total);
            let index = self.all_shards().position(|shard| {
                let length = shard.database(number).map_or(0, Database::len);
                let here = skip < length;
                skip = skip.saturating_sub(length);
                here
            })?;
            let mut random = self.round.random.clone();
            let index = u32::try_from(index).unwrap_or(0);
            let database = self.shard_at(index).database(number)?;
            let entry = database.entries().sample(|| random.number()).copied();
            self.round.random = random;
            let entry = entry?;
            if !self.has_expired(entry) {
                return Some(EntryRef::new(entry));
            }
            let hash = self.keyspace.hash(entry.key());
            self.expire(hash, entry);
        }
        None
    }

    fn visit_live(&mut self, found: &[Entry], visit: &mut dyn FnMut(EntryRef<'_>)) {
        for &entry in found {
            if entry.expires() && self.has_expired(entry) {
                let hash = self.keyspace.hash(entry.key());
                self.expire(hash, entry);
            } else {
                visit(EntryRef::new(entry));
            }
        }
    }
}
