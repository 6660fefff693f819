//! Choosing keys to evict.
//!
//! Exact order by age or use would cost memory in every entry. Instead, each round samples a few keys of a random
//! shard and keeps the best candidates seen so far in a small pool; what leaves the pool is close to the best overall.
//! A pool belongs to a worker; a candidate may be gone or changed when its turn comes, so it is looked up again.

use crate::access::Random;
use crate::entry::Entry;
use crate::view::View;

/// Candidates kept between rounds.
const POOL: usize = 16;

/// Which keys make room for new ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvictionPolicy {
    /// The longest unused, or least often used: the view's access policy says which.
    ByUse {
        /// Only keys that expire.
        volatile: bool,
    },
    /// Any.
    Random {
        /// Only keys that expire.
        volatile: bool,
    },
    /// The next to expire.
    ByExpiry,
}

impl EvictionPolicy {
    fn is_volatile(self) -> bool {
        match self {
            EvictionPolicy::ByUse { volatile } | EvictionPolicy::Random { volatile } => volatile,
            EvictionPolicy::ByExpiry => true,
        }
    }
}

/// A key that may be evicted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The logical database.
    pub database: usize,
    /// Its name.
    pub key: Box<[u8]>,
    /// The higher, the sooner it goes.
    score: u64,
}

/// The best candidates seen, worst first.
#[derive(Clone, Default, Debug)]
pub struct EvictionPool {
    candidates: Vec<Candidate>,
    /// Random policies take databases in turn.
    next_database: usize,
}

impl EvictionPool {
    /// Samples keys and takes the best candidate; nothing if no key qualifies. The view must roam.
    pub fn choose(
        &mut self,
        view: &mut View<'_>,
        policy: EvictionPolicy,
        samples: usize,
        sizes: &[usize],
    ) -> Option<Candidate> {
        if let EvictionPolicy::Random { volatile } = policy {
            return self.random(view, volatile);
        }
        for (database, &keys) in sizes.iter().enumerate() {
            if 0 < keys {
                view.select(database);
                self.sample(view, policy, samples);
            }
        }
        self.candidates.pop()
    }

    fn random(&mut self, view: &mut View<'_>, volatile: bool) -> Option<Candidate> {
        for _ in 0..view.databases() {
            let database = self.next_database;
            self.next_database = (self.next_database + 1) % view.databases();
            view.select(database);
            let mut chosen = None;
            sample_somewhere(view, volatile, 1, &mut |entry| chosen = Some(entry));
            if let Some(entry) = chosen {
                return Some(Candidate { database, key: entry.key().into(), score: 0 });
            }
        }
        None
    }

    fn sample(&mut self, view: &mut View<'_>, policy: EvictionPolicy, samples: usize) {
        let mut found: Vec<Entry> = Vec::with_capacity(samples);
        sample_somewhere(view, policy.is_volatile(), samples, &mut |entry| found.push(entry));
        let database = view.database();
        for entry in found {
            let score = match (policy, entry.expiry()) {
                (EvictionPolicy::ByExpiry, Some(expiry)) => u64::MAX - expiry.cast_unsigned(),
                _ => view.round.access.evictability(entry.access()),
            };
            self.offer(database, entry.key(), score);
        }
    }

    fn offer(&mut self, database: usize, key: &[u8], score: u64) {
        let full = POOL <= self.candidates.len();
        if full && self.candidates.first().is_some_and(|worst| score <= worst.score) {
            return;
        }
        if self.candidates.iter().any(|other| other.database == database && *other.key == *key) {
            return;
        }
        if full {
            self.candidates.remove(0);
        }
        let place = self.candidates.partition_point(|other| other.score <= score);
        self.candidates.insert(place, Candidate { database, key: key.into(), score });
    }

    /// Forgets what was seen: the policy changed.
    pub fn clear(&mut self) {
        self.candidates.clear();
    }
}

/// Visits up to `samples` keys around a random place of a shard that has any, starting at a random one.
fn sample_somewhere(
    view: &mut View<'_>,
    volatile: bool,
    samples: usize,
    visit: &mut dyn FnMut(Entry),
) {
    let shards = view.keyspace.shards.len();
    let mut random = Random::new(view.round.random.number());
    let start = random.below(shards);
    let number = view.database();
    for offset in 0..shards {
        let index = u32::try_from((start + offset) % shards).unwrap_or(0);
        let Some(database) = view.shard_at(index).database(number) else { continue };
        let table = if volatile { database.expiring() } else { database.entries() };
        if !table.is_empty() {
            table.sample_some(samples, random.number(), |entry| visit(*entry));
            return;
        }
    }
}
