//! Tables of keys that nobody sees before they take the place of all others.
//!
//! To put millions of keys into tables takes seconds. A [`Substitute`] is filled by any number of threads while clients are served from the data
//! that there is; then its tables are exchanged for the shards' own, which takes no longer for many keys than for few.

use parking_lot::Mutex;

use crate::Keyspace;
use crate::arrivals::{Arrivals, Duplicate};
use crate::database::free;
use crate::shard::Shard;
use crate::view::View;

/// See the module's page.
pub struct Substitute {
    /// Like those that they will replace; nobody watches or waits for keys here.
    shards: Box<[Mutex<Shard>]>,
    /// That of all entries.
    epoch: u8,
}

impl Substitute {
    /// One for this keyspace, with nothing in it.
    pub fn new(keyspace: &Keyspace) -> Substitute {
        Substitute {
            shards: (0..keyspace.shards()).map(|_| Mutex::default()).collect(),
            epoch: keyspace.epoch(),
        }
    }

    /// Puts all arrivals into the tables, or up to the first whose key is there already.
    pub fn admit(&self, keyspace: &Keyspace, arrivals: &mut Arrivals) -> Result<(), Duplicate> {
        arrivals.sort();
        let mut held = None;
        while let Some((arrival, ahead)) = arrivals.take_one() {
            if held.as_ref().is_none_or(|&(shard, _)| shard != arrival.shard) {
                // Let go before the next is taken.
                drop(held.take());
                held = Some((arrival.shard, self.shards[arrival.shard as usize].lock()));
            }
            let Some((_, shard)) = &mut held else { continue };
            let database = shard.database_mut(arrival.database);
            if let Some(ahead) = ahead {
                database.entries().prefetch_bucket(ahead.hash.0);
            }
            if database.find(arrival.hash, arrival.entry.key()).is_some() {
                let key = arrival.entry.key().into();
                free(arrival.entry);
                return Err(Duplicate { database: arrival.database, key });
            }
            arrival.entry.put_epoch(self.epoch);
            database.insert(&keyspace.hashing, arrival.hash, arrival.entry);
        }
        Ok(())
    }

    /// Notes that no snapshot that was begun meanwhile is about these keys.
    #[cold]
    fn renew(&mut self, epoch: u8) {
        self.epoch = epoch;
        for shard in &mut self.shards {
            let shard = shard.get_mut();
            for number in 0..shard.databases() {
                let database = shard.database_mut(number);
                database.entries().iter().for_each(|entry| entry.put_epoch(epoch));
            }
        }
    }
}

impl View<'_> {
    /// Puts these tables in the place of those that there are, which were [flushed](View::flush). Needs all shards.
    pub fn substitute(&mut self, mut substitute: Substitute) {
        let epoch = self.epoch();
        if substitute.epoch != epoch {
            substitute.renew(epoch);
        }
        self.round.changed = true;
        for (shard, new) in self.all_shards().zip(substitute.shards) {
            let old = shard.exchange_databases(new.into_inner());
            debug_assert!(old.iter().all(|database| database.len() == 0), "they were flushed");
        }
        for number in 0..self.databases() {
            // Those who watch a key that has come with them, in place of one that was there, have been told of that one's end.
            self.tell_watchers_of(number, None);
        }
    }
}
