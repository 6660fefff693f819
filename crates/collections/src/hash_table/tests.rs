//! The table against a model, and the promises that are not about single calls: what a scan visits, fair samples, no
//! leak, memory, and panics on the way.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the numbers of a test are small"
)]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use proptest::prelude::*;

use super::bucket::SLOTS;
use super::*;

/// An element behind a pointer, counted as long as it lives.
#[derive(Debug)]
struct Element(Box<Inner>);

#[derive(Debug)]
struct Inner {
    key: u64,
    value: u64,
    alive: Rc<Cell<usize>>,
}

impl Element {
    fn new(key: u64, value: u64, alive: &Rc<Cell<usize>>) -> Element {
        alive.set(alive.get() + 1);
        Element(Box::new(Inner { key, value, alive: Rc::clone(alive) }))
    }
}

impl Drop for Element {
    fn drop(&mut self) {
        self.0.alive.set(self.0.alive.get() - 1);
    }
}

/// Good and bad hash functions.
#[derive(Clone, Copy, Debug)]
enum Quality {
    Mixed,
    /// All elements in one chain, with one tag.
    Equal,
    /// A few chains.
    FewBits,
    /// Well spread, but tags are all the same.
    OneTag,
    /// One chain, various tags.
    OneBucket,
}

impl Quality {
    fn hash(self, key: u64) -> u64 {
        match self {
            Quality::Mixed => mix(key),
            Quality::Equal => 0xdead_beef,
            Quality::FewBits => mix(key) & 0x0100_0000_0000_0005,
            Quality::OneTag => mix(key) >> 8,
            Quality::OneBucket => mix(key) << 40,
        }
    }
}

fn mix(value: u64) -> u64 {
    Random(value).next()
}

/// A generator whose numbers are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl<T> HashTable<T> {
    /// Compares everything stored with what it is derived from.
    fn check(&self, hash: impl Fn(&T) -> u64) {
        let count = self.directory.count();
        assert_eq!(
            self.mask,
            if count == 0 { self.mask } else { (count + 1).next_power_of_two() - 1 }
        );
        let (mut len, mut chained) = (0, 0);
        for index in 0..count {
            let buckets: Vec<_> = self.directory.get(index).unwrap().chain().collect();
            let (last, full) = buckets.split_last().unwrap();
            assert!(full.iter().all(|bucket| bucket.occupied() == SLOTS - 1));
            assert!(full.is_empty() || 2 <= last.occupied());
            assert!(full.len() <= self.overflow.longest);
            chained += full.len();
            for value in buckets.iter().flat_map(|bucket| bucket.values()) {
                assert_eq!(self.index_of(hash(value)), index);
                len += 1;
            }
            for bucket in buckets {
                for (slot, value) in bucket.values().enumerate() {
                    assert!(bucket.matches(Tag::of(hash(value))).any(|found| found == slot));
                }
                let tags = (0..=u8::MAX).step_by(if cfg!(miri) { 85 } else { 2 });
                let mut found = tags.flat_map(|tag| bucket.matches(Tag::of(u64::from(tag) << 56)));
                assert!(found.all(|slot| slot < bucket.occupied()));
            }
        }
        assert_eq!((self.len, self.overflow.buckets), (len, chained));
        assert_eq!(self.iter().count(), len);
    }
}

#[derive(Clone, Debug)]
enum Step {
    InsertUnlessThere(u64, u64),
    Upsert(u64, u64),
    Replace(u64, u64),
    Remove(u64),
    RemoveByEntry(u64),
    InsertMany(u64, u64),
    RemoveMany(u64, u64),
    Retain(u64),
    DrainSome(usize),
    Clear,
}

const KEYS: u64 = if cfg!(miri) { 60 } else { 600 };

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS;
    prop_oneof![
        8 => (key(), any::<u64>()).prop_map(|(key, value)| Step::InsertUnlessThere(key, value)),
        8 => (key(), any::<u64>()).prop_map(|(key, value)| Step::Upsert(key, value)),
        2 => (key(), any::<u64>()).prop_map(|(key, value)| Step::Replace(key, value)),
        8 => key().prop_map(Step::Remove),
        4 => key().prop_map(Step::RemoveByEntry),
        4 => (key(), 0..KEYS / 2).prop_map(|(key, many)| Step::InsertMany(key, many)),
        4 => (key(), 0..KEYS / 2).prop_map(|(key, many)| Step::RemoveMany(key, many)),
        1 => (2_u64..9).prop_map(Step::Retain),
        1 => (0_usize..50).prop_map(Step::DrainSome),
        1 => Just(Step::Clear),
    ]
}

fn quality() -> impl Strategy<Value = Quality> {
    prop_oneof![
        4 => Just(Quality::Mixed),
        1 => Just(Quality::Equal),
        1 => Just(Quality::FewBits),
        1 => Just(Quality::OneTag),
        1 => Just(Quality::OneBucket),
    ]
}

/// A table and what should be in it.
struct Pair {
    table: HashTable<Element>,
    model: BTreeMap<u64, u64>,
    quality: Quality,
    alive: Rc<Cell<usize>>,
}

impl Pair {
    fn apply(&mut self, step: &Step) {
        match *step {
            Step::InsertUnlessThere(key, value) => {
                let is_new = self.insert_unless_there(key, value);
                assert_eq!(is_new, !self.model.contains_key(&key));
                self.model.entry(key).or_insert(value);
            }
            Step::Upsert(key, value) => {
                let element = Element::new(key, value, &self.alive);
                let quality = self.quality;
                let before = match self.table.entry(quality.hash(key), |held| held.0.key == key) {
                    Entry::Occupied(mut entry) => {
                        assert_eq!(entry.element().0.key, key);
                        Some(entry.replace(element).0.value)
                    }
                    Entry::Vacant(entry) => {
                        entry.insert(element, &|held: &Element| quality.hash(held.0.key));
                        None
                    }
                };
                assert_eq!(before, self.model.insert(key, value));
            }
            Step::Replace(key, value) => self.replace(key, value),
            Step::Remove(key) => {
                let removed = self.table.remove(self.quality.hash(key), |held| held.0.key == key);
                assert_eq!(removed.map(|held| held.0.value), self.model.remove(&key));
            }
            Step::RemoveByEntry(key) => {
                let removed =
                    match self.table.entry(self.quality.hash(key), |held| held.0.key == key) {
                        Entry::Occupied(entry) => Some(entry.remove().0.value),
                        Entry::Vacant(_) => None,
                    };
                assert_eq!(removed, self.model.remove(&key));
            }
            Step::InsertMany(start, many) => {
                (start..start + many)
                    .for_each(|key| self.apply(&Step::InsertUnlessThere(key, key)));
            }
            Step::RemoveMany(start, many) => {
                (start..start + many).for_each(|key| self.apply(&Step::Remove(key)));
            }
            Step::Retain(divisor) => {
                self.table.retain(|held| held.0.key % divisor == 0);
                self.model.retain(|key, _| key % divisor == 0);
            }
            Step::DrainSome(many) => self.drain_some(many),
            Step::Clear => {
                self.table.clear();
                self.model.clear();
            }
        }
    }

    fn insert_unless_there(&mut self, key: u64, value: u64) -> bool {
        let quality = self.quality;
        let hash = quality.hash(key);
        if self.table.find(hash, |held| held.0.key == key).is_some() {
            return false;
        }
        let element = Element::new(key, value, &self.alive);
        let hasher = |held: &Element| quality.hash(held.0.key);
        assert_eq!(self.table.insert_unique(hash, element, &hasher).0.key, key);
        true
    }

    fn replace(&mut self, key: u64, value: u64) {
        let element = Element::new(key, value, &self.alive);
        let replaced =
            self.table.replace(self.quality.hash(key), |held| held.0.key == key, element);
        match self.model.get_mut(&key) {
            Some(before) => {
                assert_eq!(replaced.unwrap().0.value, *before);
                *before = value;
            }
            None => assert_eq!(replaced.unwrap_err().0.value, value),
        }
    }

    fn drain_some(&mut self, many: usize) {
        let drain = self.table.drain();
        assert_eq!(drain.size_hint(), (self.model.len(), Some(self.model.len())));
        for element in drain.take(many) {
            assert_eq!(self.model.remove(&element.0.key), Some(element.0.value));
        }
        self.model.clear();
    }

    fn compare(&self) {
        self.table.check(|held| self.quality.hash(held.0.key));
        assert_eq!(self.table.len(), self.model.len());
        assert_eq!(self.table.is_empty(), self.model.is_empty());
        assert_eq!(self.alive.get(), self.model.len());
        let held: BTreeMap<u64, u64> =
            self.table.iter().map(|held| (held.0.key, held.0.value)).collect();
        assert_eq!(held, self.model);
        for key in 0..KEYS {
            let found = self.table.find(self.quality.hash(key), |held| held.0.key == key);
            assert_eq!(found.map(|held| held.0.value), self.model.get(&key).copied());
        }
        let sample = self.table.sample(|| mix(self.model.len() as u64));
        assert_eq!(sample.is_none(), self.model.is_empty());
        assert!(sample.is_none_or(|held| self.model.contains_key(&held.0.key)));
        assert_eq!(self.table.is_empty(), self.table.memory_bytes() == 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 400 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn behaves_like_a_model(
        quality in quality(),
        steps in prop::collection::vec(step(), 0..if cfg!(miri) { 12 } else { 60 }),
    ) {
        let alive = Rc::new(Cell::new(0));
        let mut pair =
            Pair { table: HashTable::new(), model: BTreeMap::new(), quality, alive: Rc::clone(&alive) };
        for step in &steps {
            pair.apply(step);
            pair.compare();
        }
        drop(pair);
        prop_assert_eq!(alive.get(), 0);
    }

    #[test]
    fn scan_visits_what_stays_through_any_change_of_size(
        seed in any::<u64>(),
        stable in 1..if cfg!(miri) { 30_u64 } else { 300 },
        others in 0..if cfg!(miri) { 200_u64 } else { 4_000 },
        burst in 1..if cfg!(miri) { 60_u64 } else { 1_500 },
    ) {
        let mut random = Random(seed);
        let mut table = HashTable::new();
        let hasher = |key: &u64| mix(*key);
        (0..stable).for_each(|key| { table.insert_unique(mix(key), key, &hasher); });
        let mut held = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let (mut cursor, mut calls) = (0, 0_u64);
        loop {
            cursor = table.scan(cursor, |key| { seen.insert(*key); });
            calls += 1;
            if cursor == 0 {
                break;
            }
            prop_assert!(calls < 100_000, "a scan must end");
            // Bursts of one kind, so that the size goes far up and down, but they thin out, so that the scan gets on.
            if random.below(4 + calls) < 4 {
                let grows = random.below(2) == 0;
                for _ in 0..random.below(burst) {
                    let key = stable + random.below(others + 1);
                    if grows && held.insert(key) {
                        table.insert_unique(mix(key), key, &hasher);
                    } else if !grows && held.remove(&key) {
                        prop_assert_eq!(table.remove(mix(key), |element| *element == key), Some(key));
                    }
                }
            }
            if random.below(200) == 0 {
                table.retain(|key| *key < stable);
                held.clear();
            }
        }
        prop_assert!((0..stable).all(|key| seen.contains(&key)));
    }
}

#[test]
fn holds_what_was_inserted_at_any_size() {
    let most = if cfg!(miri) { 300 } else { 60_000 };
    let is_checked = |len: u64| len.is_multiple_of(if cfg!(miri) { 101 } else { 4_001 });
    let all_found = |table: &HashTable<u64>, mut keys: std::ops::Range<u64>| {
        keys.all(|key| table.find(mix(key), |held| *held == key).is_some())
    };
    let mut table = HashTable::new();
    for key in 0..most {
        table.insert_unique(mix(key), key, &|key: &u64| mix(*key));
        if is_checked(key) {
            assert!(all_found(&table, 0..key + 1));
            table.check(|key| mix(*key));
        }
    }
    for key in 0..most {
        assert_eq!(table.remove(mix(key), |held| *held == key), Some(key));
        assert_eq!(table.find(mix(key), |held| *held == key), None);
        if is_checked(key) {
            assert!(all_found(&table, key + 1..most));
            table.check(|key| mix(*key));
        }
    }
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn equal_hashes_are_only_slow() {
    let most = if cfg!(miri) { 60 } else { 3_000 };
    let mut table = HashTable::new();
    for key in 0..most {
        table.insert_unique(7, key, &|_: &u64| 7);
    }
    table.check(|_| 7);
    assert!((0..most).all(|key| table.find(7, |held| *held == key) == Some(&key)));
    let mut random = Random(1);
    assert!((0..20).all(|_| table.sample(|| random.next()).is_some()));
    let mut seen = 0;
    let mut cursor = 0;
    loop {
        cursor = table.scan(cursor, |_| seen += 1);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, most);
    table.retain(|key| key.is_multiple_of(3));
    table.check(|_| 7);
    assert_eq!(table.len() as u64, most.div_ceil(3));
}

#[test]
fn scan_of_a_table_at_rest_visits_each_element_once() {
    for len in (0..40).chain([100, 333, if cfg!(miri) { 500 } else { 9_000 }]) {
        let table = filled(len);
        let mut seen = Vec::new();
        let (mut cursor, mut calls) = (0, 0);
        loop {
            cursor = table.scan(cursor, |key| seen.push(*key));
            calls += 1;
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(calls, table.bucket_count().max(1));
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..len));
    }
}

#[test]
fn scan_takes_any_cursor() {
    let table = filled(1_000);
    let mut random = Random(3);
    for start in [1, 1 << 63, u64::MAX, u64::MAX - 1, 4_095, 4_096]
        .into_iter()
        .chain(iter::repeat_with(|| random.next()).take(50))
    {
        let mut cursor = start;
        let mut calls = 0;
        while cursor != 0 {
            cursor = table.scan(cursor, |_| {});
            calls += 1;
            assert!(calls <= table.bucket_count());
        }
    }
    assert_eq!(HashTable::<u64>::new().scan(12_345, |_| {}), 0);
}

/// With `n` equally likely elements, the statistic has a mean of `n - 1` and a deviation of `sqrt(2n)`; five deviations
/// are allowed, and the seed is fixed.
#[test]
fn samples_are_fair() {
    for len in if cfg!(miri) { vec![5] } else { vec![1_u64, 2, 7, 8, 50, 700, 3_000] } {
        let table = filled(len);
        let mut random = Random(len);
        let mut counts = vec![0_u32; len as usize];
        let draws = len * 200;
        for _ in 0..draws {
            counts[*table.sample(|| random.next()).unwrap() as usize] += 1;
        }
        let deviation = |count: &u32| (f64::from(*count) - 200.0).powi(2) / 200.0;
        let statistic: f64 = counts.iter().map(deviation).sum();
        let bound = (len - 1) as f64 + 5.0 * (2.0 * len as f64).sqrt();
        assert!(statistic <= bound, "{len} elements: {statistic} above {bound}");
    }
    assert_eq!(HashTable::<u64>::new().sample(|| 0), None);
}

#[test]
fn sample_some_visits_as_many_as_asked_and_each_once() {
    let table = filled(500);
    let mut random = Random(9);
    for count in [0, 1, 5, 16, 400, 500, 501, 9_999] {
        let mut seen = Vec::new();
        table.sample_some(count, random.next(), |key| seen.push(*key));
        assert!(count.min(500) <= seen.len());
        assert!(seen.len() < count + 100);
        let unique: BTreeSet<u64> = seen.iter().copied().collect();
        assert_eq!(unique.len(), seen.len());
    }
    HashTable::<u64>::new().sample_some(5, 0, |_| unreachable!("there is nothing to visit"));
}

#[test]
fn candidates_are_those_that_a_lookup_compares() {
    let table = filled(300);
    for key in 0..300 {
        table.prefetch_bucket(mix(key));
        let head: Vec<u64> = table.head(mix(key)).unwrap().values().copied().collect();
        let mut candidates = Vec::new();
        table.prefetch_candidates(mix(key), |held| candidates.push(*held));
        assert_eq!(candidates.contains(&key), head.contains(&key));
        assert!(candidates.len() <= SLOTS);
    }
    HashTable::<u64>::new().prefetch_candidates(5, |_| unreachable!("there is nothing to visit"));
}

#[test]
fn memory_stays_near_fourteen_bytes_an_element() {
    let (most, from) = if cfg!(miri) { (2_000, 1_500) } else { (1_100_000, 100_000) };
    let limit = if cfg!(miri) { 16.5 } else { 14.5 };
    let mut table = HashTable::new();
    for key in 0..most {
        table.insert_unique(mix(key), key, &|key: &u64| mix(*key));
        if from <= key {
            let each = table.memory_bytes() as f64 / table.len() as f64;
            assert!(each <= limit, "{each} at {key}");
        }
    }
    for key in 0..most {
        assert!(table.remove(mix(key), |held| *held == key).is_some());
        if from <= table.len() as u64 {
            let each = table.memory_bytes() as f64 / table.len() as f64;
            assert!(each <= limit + 1.2, "{each} at {}", table.len());
        }
    }
}

#[test]
fn small_tables_are_compact() {
    check_memory(0, 0);
    check_memory(1, 64 + 8);
    check_memory(7, 64 + 8);
    check_memory(10, 2 * 64 + 8);
    check_memory(200, 50 * 64);
}

#[track_caller]
fn check_memory(len: u64, most: usize) {
    let memory_bytes = filled(len).memory_bytes();
    assert!(memory_bytes <= most, "{memory_bytes}");
}

#[test]
fn capacity_given_at_first_is_enough() {
    for capacity in [0, 1, 7, 100, if cfg!(miri) { 500 } else { 50_000 }] {
        let mut table = HashTable::with_capacity(capacity);
        let buckets = table.bucket_count();
        for key in 0..capacity as u64 {
            table.insert_unique(mix(key), key, &|_: &u64| -> u64 { unreachable!("no growth") });
        }
        assert_eq!(table.bucket_count(), buckets);
        table.check(|key| mix(*key));
    }
}

#[test]
fn removals_give_back_what_was_reserved() {
    // More than one segment, without the time that filling them takes.
    let mut table = HashTable::with_capacity(12_000);
    let reserved = table.memory_bytes();
    for key in 0..30 {
        table.insert_unique(mix(key), key, &|key: &u64| mix(*key));
    }
    for key in 0..30 {
        assert_eq!(table.remove(mix(key), |held| *held == key), Some(key));
        table.insert_unique(mix(key), key, &|key: &u64| mix(*key));
    }
    assert!(table.memory_bytes() < reserved);
    table.retain(|key| *key == 3);
    assert_eq!(table.bucket_count(), 1);
    table.check(|key| mix(*key));
    table.retain(|_| false);
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn statistics_add_up() {
    let table = filled(5_000);
    let statistics = table.statistics(50);
    assert_eq!(statistics.elements, 5_000);
    assert_eq!(statistics.chains.iter().sum::<usize>(), statistics.buckets);
    let elements: usize =
        statistics.chains.iter().enumerate().map(|(length, chains)| length * chains).sum();
    assert_eq!(elements, 5_000);
    assert_eq!(statistics.memory_bytes, table.memory_bytes());
    assert_eq!(
        statistics.longest_chain,
        statistics.chains.iter().rposition(|chains| 0 < *chains).unwrap()
    );
    assert_eq!(table.statistics(0).chains, [statistics.buckets]);
}

#[test]
fn a_panic_of_the_hasher_loses_nothing() {
    let alive = Rc::new(Cell::new(0));
    let mut table = HashTable::new();
    let calls = Cell::new(0_u32);
    let hasher = |held: &Element| {
        calls.set(calls.get() + 1);
        assert!(!calls.get().is_multiple_of(11), "planned");
        mix(held.0.key)
    };
    let mut there = BTreeSet::new();
    for key in 0..if cfg!(miri) { 150 } else { 2_000 } {
        let element = Element::new(key, 0, &alive);
        let insertion = AssertUnwindSafe(|| {
            table.insert_unique(mix(key), element, &hasher);
        });
        if catch_unwind(insertion).is_ok() {
            there.insert(key);
        }
        assert_eq!(alive.get(), there.len());
    }
    table.check(|held| mix(held.0.key));
    assert_eq!(table.iter().map(|held| held.0.key).collect::<BTreeSet<_>>(), there);
    drop(table);
    assert_eq!(alive.get(), 0);
}

#[test]
fn a_panic_while_retaining_or_comparing_loses_nothing() {
    let alive = Rc::new(Cell::new(0));
    let mut table = HashTable::new();
    for key in 0..200 {
        table.insert_unique(mix(key), Element::new(key, 0, &alive), &|held: &Element| {
            mix(held.0.key)
        });
    }
    let mut left = 100;
    let retaining = AssertUnwindSafe(|| {
        table.retain(|_| {
            left -= 1;
            assert!(0 < left, "planned");
            left % 2 == 0
        });
    });
    assert!(catch_unwind(retaining).is_err());
    table.check(|held| mix(held.0.key));
    assert_eq!(table.len(), alive.get());

    let some = table.iter().next().unwrap().0.key;
    let comparing = AssertUnwindSafe(|| drop(table.remove(mix(some), |_| unreachable!("planned"))));
    assert!(catch_unwind(comparing).is_err());
    table.check(|held| mix(held.0.key));
    assert_eq!(table.len(), alive.get());
    drop(table);
    assert_eq!(alive.get(), 0);
}

#[test]
fn a_panic_of_a_drop_loses_nothing_else() {
    struct Fragile(Box<u64>);
    impl Drop for Fragile {
        fn drop(&mut self) {
            assert_ne!(*self.0, 17, "planned");
        }
    }
    let mut table = HashTable::new();
    for key in 0..40 {
        table.insert_unique(mix(key), Fragile(Box::new(key)), &|held: &Fragile| mix(*held.0));
    }
    let retaining = AssertUnwindSafe(|| table.retain(|held| !(10..20).contains(&*held.0)));
    assert!(catch_unwind(retaining).is_err());
    table.check(|held| mix(*held.0));
    assert!(table.find(mix(17), |held| *held.0 == 17).is_none());
    table.retain(|held| !(10..20).contains(&*held.0));
    assert_eq!(table.len(), 30);
}

#[test]
fn elements_can_be_changed_in_place() {
    // The hash ignores what is changed.
    const MARK: u64 = 1 << 32;
    let mut table = filled(100);
    *table.find_mut(mix(42), |held| *held == 42).unwrap() += MARK;
    assert_eq!(table.find(mix(42), |held| *held == 42), None);
    assert_eq!(table.find(mix(42), |held| *held == 42 + MARK), Some(&(42 + MARK)));
    assert_eq!(table.find_mut(mix(100), |held| *held == 100), None);
    if let Entry::Occupied(mut entry) = table.entry(mix(7), |held| *held == 7) {
        *entry.element_mut() += MARK;
        *entry.into_mut() += MARK;
    }
    assert!(table.find(mix(7), |held| *held == 7 + 2 * MARK).is_some());
}

#[test]
fn iterators_know_their_length() {
    let table = filled(123);
    let mut iter = table.iter();
    for left in (0..123).rev() {
        assert!(iter.next().is_some());
        assert_eq!(iter.len(), left);
    }
    assert!(iter.next().is_none());
    assert!(iter.next().is_none());
    assert_eq!(format!("{:?}", filled(1)), "{0}");
}

#[test]
fn tables_cross_threads_if_their_elements_do() {
    fn is_sendable<T: Send + Sync>() {}
    is_sendable::<HashTable<u64>>();
    is_sendable::<HashTable<Box<[u64; 4]>>>();
}

/// A table of the numbers below `len`.
fn filled(len: u64) -> HashTable<u64> {
    let mut table = HashTable::new();
    for key in 0..len {
        table.insert_unique(mix(key), key, &|key: &u64| mix(*key & u64::from(u32::MAX)));
    }
    table
}
