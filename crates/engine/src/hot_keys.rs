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

/// Counts of the keys that were seen most.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sketch {
    counters: Vec<Counter>,
    /// Unix time in ms up to which counts have faded.
    faded_ms: i64,
}

#[derive(Clone, Debug)]
struct Counter {
    database: usize,
    key: Box<[u8]>,
    count: f64,
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
    /// Counts a key.
    pub(crate) fn note(&mut self, database: usize, key: &[u8], calls: u32, now_ms: i64) {
        self.fade(now_ms);
        let calls = f64::from(calls);
        let found = self.counters.iter_mut().find(|it| it.database == database && *it.key == *key);
        if let Some(counter) = found {
            counter.count += calls;
            return;
        }
        let fresh = Counter { database, key: key.into(), count: calls };
        if self.counters.len() < COUNTERS {
            self.counters.push(fresh);
            return;
        }
        let coldest =
            self.counters.iter_mut().min_by(|one, other| one.count.total_cmp(&other.count));
        if let Some(coldest) = coldest {
            // It may have been seen as often as that before.
            *coldest = Counter { count: coldest.count + calls, ..fresh };
        }
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
        self.counters.iter_mut().for_each(|counter| counter.count *= factor);
        self.counters.retain(|counter| FORGOTTEN <= counter.count);
    }
}

impl HotKeys {
    pub(crate) fn new(workers: usize) -> HotKeys {
        HotKeys {
            workers: (0..workers).map(|_| OfWorker::default()).collect(),
            big: Mutex::default(),
        }
    }

    /// Notes that a key was called, for so many calls that were not looked at.
    pub(crate) fn note(
        &self,
        worker: usize,
        database: usize,
        key: &[u8],
        is_write: bool,
        now_ms: i64,
    ) {
        let Some(worker) = self.workers.get(worker).filter(|_| key.len() <= NAME_BYTES) else {
            return;
        };
        let mut seen = worker.0.lock();
        if !is_write {
            return seen.reads.note(database, key, ONE_OF, now_ms);
        }
        seen.writes.note(database, key, ONE_OF, now_ms);
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
            for Counter { database, key, count } in &sketch.counters {
                *merged.entry((*database, key.clone())).or_default() += count;
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
    use super::*;

    /// Calls of many keys, of which some are called far more often than the others.
    #[test]
    fn the_hottest_of_many_keys_are_found() {
        let keys = HotKeys::new(2);
        let mut state = 1_u64;
        for call in 0..200_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = state >> 33;
            // One call of ten is of one of five hot keys, the rest of a hundred thousand.
            let key = if random.is_multiple_of(10) {
                format!("hot:{}", random / 10 % 5)
            } else {
                format!("cold:{}", random % 100_000)
            };
            let worker = usize::try_from(call % 2).unwrap_or(0);
            keys.note(worker, 0, key.as_bytes(), call % 3 == 0, 1_000_000);
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
        for second in 0..100 {
            for _ in 0..10 {
                sketch.note(0, b"steady", 64, 1_000_000 + second * 1000);
            }
        }
        let rate = sketch.counters[0].count * (1.0 - FADING);
        assert!((rate - 640.0).abs() < 64.0, "{rate} calls a second");
        sketch.fade(1_100_000 + 20_000);
        let faded = sketch.counters[0].count * (1.0 - FADING);
        assert!((50.0..120.0).contains(&faded), "{faded}");
        sketch.fade(1_100_000 + 200_000);
        assert!(sketch.counters.is_empty());
        sketch.note(0, b"key", 64, 5);
        assert_eq!(sketch.counters.len(), 1, "the clock was set back");
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
