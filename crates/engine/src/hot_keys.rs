//! The keys that are called most, reads and writes apart, and the keys that take most memory, kept up to date all the time.
//!
//! Of every so many calls one is looked at, at random distances: its key goes into a *space-saving sketch* of the worker's own, a table of few
//! counters in which a key that has none takes over that of the coldest. Counts fade by a tenth each second, so that they tell
//! of the last ten seconds or so. Whoever asks merges the workers' sketches.
//!
//! Of the keys written among these, and of some at random, the memory is measured at ticks; the biggest are kept, and measured again in
//! turn, so that those which have shrunk or gone do not stay.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::VecDeque;

use keyspace::KeyHash;
use parking_lot::Mutex;

/// One of so many calls is looked at, on average.
pub(crate) const ONE_OF: u32 = 64;
/// Counters of a sketch. A key with more than one part in as many of all calls is certain to be among them.
const COUNTERS: usize = 64;
/// Keys that are told of each kind.
const TOLD: usize = 16;
/// Longer names are not kept.
const NAME_BYTES: usize = 1024;
/// What is left of a count after a second.
const FADING: f64 = 0.9;
/// A count that has faded below this is forgotten.
const FORGOTTEN: f64 = 1.0;
/// Keys that wait to be measured.
const CANDIDATES: usize = 32;

/// A key by its database and name.
pub(crate) type Name = (usize, Box<[u8]>);

/// What is known of hot and big keys.
#[derive(Debug)]
pub(crate) struct HotKeys {
    workers: Box<[OfWorker]>,
    big: Mutex<BigKeys>,
}

/// What a worker has seen, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct OfWorker(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    reads: Sketch,
    writes: Sketch,
    candidates: VecDeque<Name>,
}

/// Counts of the keys that were seen most. To find a counter, only numbers that lie side by side are looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sketch {
    /// The hash of the key of each counter.
    hashes: Vec<KeyHash>,
    /// By the place of the counter, as the others.
    counts: Vec<f64>,
    names: Vec<Name>,
    /// No counter before this place has a count as low as `lowest`, and none has a lower one: so the coldest is found in a few steps.
    next_coldest: usize,
    lowest: f64,
    /// Unix time in ms up to which counts have faded.
    faded_ms: i64,
}

/// A key and how often it is called.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct HotKey {
    pub(crate) database: usize,
    pub(crate) key: Box<[u8]>,
    pub(crate) calls_per_s: f64,
}

impl HotKey {
    /// Calls a second, without a fraction.
    pub(crate) fn rounded(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are not negative, and far below 2^53"
        )]
        let rounded = self.calls_per_s.round() as u64;
        rounded
    }
}

/// A key and how much memory it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BigKey {
    pub(crate) database: usize,
    pub(crate) key: Box<[u8]>,
    pub(crate) kind: &'static str,
    pub(crate) bytes: usize,
}

/// The biggest keys known.
#[derive(Debug, Default)]
struct BigKeys {
    /// In no order.
    known: Vec<BigKey>,
    /// The place of the one to be measured again next.
    next: usize,
}

impl Sketch {
    /// Counts so many calls of a key, whose hash is known.
    pub(crate) fn note(
        &mut self,
        (hash, database, key): (KeyHash, usize, &[u8]),
        calls: u32,
        now_ms: i64,
    ) {
        self.fade(now_ms);
        let calls = f64::from(calls);
        if let Some(place) = self.place_of(hash, database, key) {
            self.counts[place] += calls;
            return;
        }
        if self.counts.len() < COUNTERS {
            self.hashes.push(hash);
            self.counts.push(calls);
            self.names.push((database, key.into()));
            self.forget_coldest();
            return;
        }
        let place = self.coldest();
        self.hashes[place] = hash;
        // It may have been seen as often as that before.
        self.counts[place] += calls;
        let name = &mut self.names[place];
        name.0 = database;
        if name.1.len() == key.len() {
            name.1.copy_from_slice(key);
        } else {
            name.1 = key.into();
        }
    }

    fn place_of(&self, hash: KeyHash, database: usize, key: &[u8]) -> Option<usize> {
        let is_it = |place: &usize| {
            let name = &self.names[*place];
            name.0 == database && *name.1 == *key
        };
        let alike = self.hashes.iter().enumerate().filter(|(_, known)| **known == hash);
        alike.map(|(place, _)| place).find(is_it)
    }

    /// The place of a counter than which none is colder; there are counters.
    fn coldest(&mut self) -> usize {
        let rest = self.counts[self.next_coldest..].iter();
        let found = rest.zip(self.next_coldest..).find(|(count, _)| **count <= self.lowest);
        self.next_coldest = found.map_or_else(
            || {
                self.lowest = self.counts.iter().copied().fold(f64::INFINITY, f64::min);
                self.counts.iter().position(|count| *count <= self.lowest).unwrap_or(0)
            },
            |(_, place)| place,
        );
        self.next_coldest
    }

    /// Counters have become others, or colder.
    fn forget_coldest(&mut self) {
        self.next_coldest = 0;
        self.lowest = f64::NEG_INFINITY;
    }

    fn fade(&mut self, now_ms: i64) {
        let seconds = (now_ms - self.faded_ms).div_euclid(1000);
        if seconds == 0 {
            return;
        }
        // A clock that was set back, or the first time.
        let factor =
            i32::try_from(seconds).ok().filter(|it| 0 < *it).map_or(1.0, |it| FADING.powi(it));
        self.faded_ms = now_ms - now_ms.rem_euclid(1000);
        self.counts.iter_mut().for_each(|count| *count *= factor);
        let mut place = 0;
        while place < self.counts.len() {
            if FORGOTTEN <= self.counts[place] {
                place += 1;
            } else {
                self.counts.swap_remove(place);
                self.hashes.swap_remove(place);
                self.names.swap_remove(place);
            }
        }
        self.forget_coldest();
    }

    /// The keys that have counters, and what these have counted.
    fn counted(&self) -> impl Iterator<Item = (&Name, f64)> {
        self.names.iter().zip(self.counts.iter().copied())
    }
}

impl HotKeys {
    pub(crate) fn new(workers: usize) -> HotKeys {
        HotKeys {
            workers: (0..workers).map(|_| OfWorker::default()).collect(),
            big: Mutex::default(),
        }
    }

    /// Notes that a key, whose hash is known, was called: for so many calls that were not looked at.
    pub(crate) fn note(
        &self,
        worker: usize,
        (hash, database, key): (KeyHash, usize, &[u8]),
        is_write: bool,
        now_ms: i64,
    ) {
        let Some(worker) = self.workers.get(worker).filter(|_| key.len() <= NAME_BYTES) else {
            return;
        };
        let mut seen = worker.0.lock();
        if !is_write {
            return seen.reads.note((hash, database, key), ONE_OF, now_ms);
        }
        seen.writes.note((hash, database, key), ONE_OF, now_ms);
        push_candidate(&mut seen.candidates, database, key);
    }

    /// Has a key measured at the next tick.
    pub(crate) fn suggest(&self, worker: usize, database: usize, key: &[u8]) {
        if let Some(worker) = self.workers.get(worker)
            && key.len() <= NAME_BYTES
        {
            push_candidate(&mut worker.0.lock().candidates, database, key);
        }
    }

    /// A key to be measured: one that was suggested, or else one of the biggest, to see what has become of it.
    pub(crate) fn next_to_measure(&self, worker: usize, again: bool) -> Option<Name> {
        if again {
            let mut big = self.big.lock();
            big.next = (big.next + 1) % big.known.len().max(1);
            return big.known.get(big.next).map(|known| (known.database, known.key.clone()));
        }
        self.workers.get(worker)?.0.lock().candidates.pop_front()
    }

    /// What a key was found to take; none if it is gone.
    pub(crate) fn note_size(&self, name: Name, measured: Option<(&'static str, usize)>) {
        let (database, key) = name;
        let mut big = self.big.lock();
        big.known.retain(|known| known.database != database || known.key != key);
        let Some((kind, bytes)) = measured else { return };
        big.known.push(BigKey { database, key, kind, bytes });
        if TOLD < big.known.len() {
            let smallest = big.known.iter().enumerate().min_by_key(|(_, known)| known.bytes);
            if let Some((place, _)) = smallest {
                big.known.swap_remove(place);
            }
        }
    }

    /// The hottest keys, hottest first.
    pub(crate) fn hottest(&self, writes: bool, now_ms: i64) -> Vec<HotKey> {
        let mut merged: BTreeMap<Name, f64> = BTreeMap::new();
        for worker in &self.workers {
            let mut seen = worker.0.lock();
            let sketch = if writes { &mut seen.writes } else { &mut seen.reads };
            sketch.fade(now_ms);
            for (name, count) in sketch.counted() {
                *merged.entry(name.clone()).or_default() += count;
            }
        }
        // A steady rate adds up to ten times itself.
        let hot = merged.into_iter().map(|((database, key), count)| HotKey {
            database,
            key,
            calls_per_s: count * (1.0 - FADING),
        });
        let mut hot: Vec<HotKey> = hot.collect();
        hot.sort_by(|one, other| other.calls_per_s.total_cmp(&one.calls_per_s));
        hot.truncate(TOLD);
        hot
    }

    /// The biggest keys, biggest first.
    pub(crate) fn biggest(&self) -> Vec<BigKey> {
        let mut known = self.big.lock().known.clone();
        known.sort_by_key(|known| Reverse(known.bytes));
        known
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        self.workers.iter().for_each(|worker| *worker.0.lock() = Seen::default());
        *self.big.lock() = BigKeys::default();
    }
}

fn push_candidate(candidates: &mut VecDeque<Name>, database: usize, key: &[u8]) {
    let is_there = candidates.iter().any(|(number, name)| *number == database && **name == *key);
    if !is_there && candidates.len() < CANDIDATES {
        candidates.push_back((database, key.into()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use keyspace::Keyspace;

    use super::*;

    /// Random numbers, the same ones each time.
    fn random_numbers() -> impl Iterator<Item = u64> {
        let next = |state: &u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::iter::successors(Some(1_u64), move |state| Some(next(state))).map(|state| state >> 33)
    }

    /// Calls of many keys, of which some are called far more often than the others.
    #[test]
    fn the_hottest_of_many_keys_are_found() {
        let keys = HotKeys::new(2);
        let (keyspace, _gates) = Keyspace::new(1, 1);
        for (call, random) in (0..200_000_u64).zip(random_numbers()) {
            // One call of ten is of one of five hot keys, the rest of a hundred thousand.
            let key = if random.is_multiple_of(10) {
                format!("hot:{}", random / 10 % 5)
            } else {
                format!("cold:{}", random % 100_000)
            };
            let worker = usize::try_from(call % 2).unwrap_or(0);
            let key = key.as_bytes();
            keys.note(worker, (keyspace.hash(key), 0, key), call % 3 == 0, 1_000_000);
        }
        for writes in [false, true] {
            let hot = keys.hottest(writes, 1_000_000);
            assert_eq!(hot.len(), TOLD);
            let first: Vec<String> =
                hot[..5].iter().map(|hot| String::from_utf8_lossy(&hot.key).into_owned()).collect();
            assert!(first.iter().all(|key| key.starts_with("hot:")), "{first:?}");
        }
    }

    #[test]
    fn counts_fade_and_are_forgotten() {
        let mut sketch = Sketch::default();
        let (keyspace, _gates) = Keyspace::new(1, 1);
        let steady = (keyspace.hash(b"steady"), 0, b"steady".as_slice());
        for second in 0..100 {
            for _ in 0..10 {
                sketch.note(steady, 64, 1_000_000 + second * 1000);
            }
        }
        let rate = sketch.counts[0] * (1.0 - FADING);
        assert!((rate - 640.0).abs() < 64.0, "{rate} calls a second");
        sketch.fade(1_100_000 + 20_000);
        let faded = sketch.counts[0] * (1.0 - FADING);
        assert!((50.0..120.0).contains(&faded), "{faded}");
        sketch.fade(1_100_000 + 200_000);
        assert_eq!(sketch.counted().count(), 0);
        sketch.note(steady, 64, 5);
        assert_eq!(sketch.counted().count(), 1, "the clock was set back");
    }

    /// What the sketch promises: no count is below the calls of its key, and none is above them by more than the coldest counter has; which
    /// holds only if it is always the coldest that is taken over.
    #[test]
    fn counts_are_never_too_low_and_no_higher_than_the_coldest_above() {
        let mut sketch = Sketch::default();
        let (keyspace, _gates) = Keyspace::new(1, 1);
        let mut calls: HashMap<Name, f64> = HashMap::new();
        for (turn, random) in (0..20_000_u32).zip(random_numbers()) {
            // Of a hundred keys some are called far more often than others, each in two databases.
            let number = (random % 100) * (random / 100 % 100) / 100;
            let (database, key) = ((random / 10_000 % 2) as usize, format!("key:{number}"));
            let weight = 1 + turn % 3;
            *calls.entry((database, key.as_bytes().into())).or_default() += f64::from(weight);
            sketch.note(
                (keyspace.hash(key.as_bytes()), database, key.as_bytes()),
                weight,
                1_000_000,
            );
            let coldest = sketch.counts.iter().copied().fold(f64::INFINITY, f64::min);
            let excess = if sketch.counts.len() < COUNTERS { 0.0 } else { coldest };
            for (name, count) in sketch.counted() {
                let called = calls[name];
                assert!(
                    (called..=called + excess).contains(&count),
                    "{name:?}: {called}, told {count}"
                );
            }
            let total: f64 = sketch.counts.iter().sum();
            assert!(
                (total - calls.values().sum::<f64>()).abs() < 1e-6,
                "a call adds to one counter"
            );
            if turn % 16 == 0 {
                let mut names: Vec<&Name> = sketch.counted().map(|(name, _)| name).collect();
                names.sort();
                names.dedup();
                assert_eq!(names.len(), sketch.counts.len(), "a key has one counter");
            }
        }
    }

    #[test]
    fn the_biggest_are_kept_and_those_that_go_leave() {
        let keys = HotKeys::new(1);
        let name = |number: usize| (0, format!("key:{number}").into_bytes().into_boxed_slice());
        for number in 0..100 {
            keys.note_size(name(number), Some(("string", number * 10)));
        }
        let sizes: Vec<usize> = keys.biggest().iter().map(|big| big.bytes).collect();
        assert_eq!(sizes, (84..100).rev().map(|number| number * 10).collect::<Vec<_>>());
        keys.note_size(name(99), None);
        keys.note_size(name(98), Some(("list", 1)));
        assert_eq!(keys.biggest()[0].key, name(97).1);
        assert_eq!(keys.biggest().len(), TOLD - 1);
        let again: Vec<_> = (0..TOLD - 1).filter_map(|_| keys.next_to_measure(0, true)).collect();
        assert_eq!(again.len(), TOLD - 1, "each has its turn");
        keys.reset();
        assert!(keys.biggest().is_empty() && keys.hottest(true, 0).is_empty());
    }
}
