//! Choosing keys to evict.
//!
//! Exact order by age or use would cost memory in every entry. Instead, each round samples a few keys of a random
//! shard and keeps the best candidates seen so far in a small pool; what leaves the pool is close to the best overall.
//! A pool belongs to a worker; a candidate may be gone or have been used when its turn comes, so it is looked up again.

use crate::database::Database;
use crate::entry::Entry;
use crate::view::{ExpiryMode, View};
use crate::writing::Freeing;

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

/// A key that was evicted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evicted {
    /// The logical database.
    pub database: usize,
    /// Its name.
    pub key: Box<[u8]>,
}

impl EvictionPolicy {
    fn is_volatile(self) -> bool {
        match self {
            EvictionPolicy::ByUse { volatile } | EvictionPolicy::Random { volatile } => volatile,
            EvictionPolicy::ByExpiry => true,
        }
    }

    /// How much an entry wants to be evicted: the higher, the more. Nothing if it is not to be.
    fn score(self, view: &View<'_>, entry: Entry) -> Option<u64> {
        match (self, entry.expiry()) {
            (EvictionPolicy::ByExpiry, Some(expiry)) => Some(u64::MAX - expiry.cast_unsigned()),
            (EvictionPolicy::ByExpiry, None) => None,
            (_, None) if self.is_volatile() => None,
            _ => Some(view.round.access.evictability(entry.access())),
        }
    }
}

/// A key that may be evicted.
#[derive(Clone, Debug)]
struct Candidate {
    database: usize,
    key: Box<[u8]>,
    /// When it was sampled.
    score: u64,
}

/// The best candidates seen, worst first.
#[derive(Clone, Default, Debug)]
pub struct EvictionPool {
    candidates: Vec<Candidate>,
    /// Databases that had keys which qualify, when that was last looked up.
    databases: Vec<usize>,
    /// How many keys are evicted until that is looked up again.
    lookup_in: usize,
    /// The place in `databases` of the one whose turn it is under random policies.
    turn: usize,
}

impl EvictionPool {
    /// Evicts a key, or nothing if none qualifies. Expired keys are evicted like any others.
    ///
    /// The view, which must roam, holds the shard of the key, so that its removal can be recorded in order.
    pub fn evict(
        &mut self,
        view: &mut View<'_>,
        policy: EvictionPolicy,
        samples: usize,
        freeing: Freeing,
    ) -> Option<Evicted> {
        /// What was sampled may all have been used since; each time more is sampled.
        const TRIES: usize = 32;
        let mode = std::mem::replace(&mut view.round.expiry, ExpiryMode::Ignore);
        let mut evicted = None;
        for _ in 0..TRIES {
            let Some(candidate) = self.choose(view, policy, samples) else { break };
            evicted = take(view, policy, candidate, freeing);
            if evicted.is_some() {
                break;
            }
        }
        view.round.expiry = mode;
        evicted
    }

    /// Forgets what was seen: the policy changed.
    pub fn clear(&mut self) {
        *self = EvictionPool::default();
    }

    fn choose(
        &mut self,
        view: &mut View<'_>,
        policy: EvictionPolicy,
        samples: usize,
    ) -> Option<Candidate> {
        /// Looking means to lock every shard, so it is done once for many keys.
        const LOOKUP_INTERVAL: usize = 500;
        if self.lookup_in == 0 {
            self.databases = used_databases(view, policy);
            self.lookup_in = LOOKUP_INTERVAL;
        }
        self.lookup_in -= 1;
        let chosen = self.sample(view, policy, samples);
        if chosen.is_none() && self.lookup_in + 1 < LOOKUP_INTERVAL {
            // There may be keys in other databases by now.
            self.lookup_in = 0;
            return self.choose(view, policy, samples);
        }
        chosen
    }

    fn sample(
        &mut self,
        view: &mut View<'_>,
        policy: EvictionPolicy,
        samples: usize,
    ) -> Option<Candidate> {
        if let EvictionPolicy::Random { volatile } = policy {
            return self.random(view, volatile);
        }
        for place in 0..self.databases.len() {
            let database = self.databases[place];
            view.select(database);
            sample(view, policy.is_volatile(), samples, &mut |view, found| {
                for &entry in found {
                    if let Some(score) = policy.score(view, entry) {
                        self.offer(database, entry.key(), score);
                    }
                }
            });
        }
        self.candidates.pop()
    }

    fn random(&mut self, view: &mut View<'_>, volatile: bool) -> Option<Candidate> {
        for _ in 0..self.databases.len() {
            let database = self.databases[self.turn % self.databases.len()];
            self.turn = self.turn.wrapping_add(1);
            view.select(database);
            let mut key: Option<Box<[u8]>> = None;
            sample(view, volatile, 1, &mut |view, found| {
                let entry = found[view.round.random.below(found.len())];
                key = Some(entry.key().into());
            });
            if let Some(key) = key {
                return Some(Candidate { database, key, score: 0 });
            }
        }
        None
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
}

/// Removes a candidate, unless it is gone or does not deserve it any more.
fn take(
    view: &mut View<'_>,
    policy: EvictionPolicy,
    candidate: Candidate,
    freeing: Freeing,
) -> Option<Evicted> {
    let Candidate { database, key, score } = candidate;
    view.select(database);
    let entry = view.live(&key)?;
    // A lower score: it was used since, or got more time. Under random policies all score alike.
    let score_now = policy.score(view, entry)?;
    if !matches!(policy, EvictionPolicy::Random { .. }) && score_now < score {
        return None;
    }
    view.remove_freeing(&key, freeing);
    Some(Evicted { database, key })
}

/// The databases with keys that qualify.
fn used_databases(view: &mut View<'_>, policy: EvictionPolicy) -> Vec<usize> {
    let len = if policy.is_volatile() { Database::expiring_len } else { Database::len };
    let mut used = vec![false; view.databases()];
    for index in 0..=view.keyspace.mask {
        let shard = view.shard_at(index);
        for (number, used) in used.iter_mut().enumerate().take(shard.databases()) {
            *used = *used || shard.database(number).is_some_and(|database| 0 < len(database));
        }
    }
    used.iter().enumerate().filter_map(|(number, used)| used.then_some(number)).collect()
}

/// Visits about `samples` keys of the database, or all if there are fewer, shard by shard from a random one on, in each
/// from a random place on. The view holds the shard of the keys that it visits.
fn sample(
    view: &mut View<'_>,
    volatile: bool,
    samples: usize,
    visit: &mut dyn FnMut(&mut View<'_>, &[Entry]),
) {
    let shards = view.keyspace.shards.len();
    let start = view.round.random.below(shards);
    let number = view.database();
    let mut found: Vec<Entry> = Vec::with_capacity(samples);
    let mut seen = 0;
    for offset in 0..shards {
        let place = view.round.random.number();
        let index = u32::try_from((start + offset) % shards).unwrap_or(0);
        let Some(database) = view.shard_at(index).database(number) else { continue };
        let table = if volatile { database.expiring() } else { database.entries() };
        found.clear();
        table.sample_some(samples - seen, place, |entry| found.push(*entry));
        if !found.is_empty() {
            visit(view, &found);
            seen += found.len();
        }
        if samples <= seen {
            return;
        }
    }
}
