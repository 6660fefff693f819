//! Measures `HashTable` beside `hashbrown`: bytes an element at many sizes, and nanoseconds an operation.
//!
//! ```sh
//! cargo run --release -p ochre-collections --example hash_table -- 1000000 10000000
//! ```
//!
//! Elements are pointers to small allocations with the key in them, as in a keyspace, so a lookup has two
//! dependent misses. The arguments are the numbers of elements to time.

#![expect(clippy::print_stdout, reason = "a program for a terminal")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(clippy::cast_possible_truncation, reason = "sizes fit the memory")]

use std::hash::BuildHasher;
use std::hint::black_box;
use std::time::Instant;

use ochre_collections::HashTable;
use ochre_collections::hash_table::{Rehash, Statistics, prefetch};

fn main() {
    if std::env::args().len() < 2 {
        print_memory();
    }
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    for size in if sizes.is_empty() { vec![1_000, 1_000_000] } else { sizes } {
        print_times(size);
    }
}

/// A heap allocation of about the size of a small keyspace entry.
struct Entry {
    key: u64,
    zeros: [u64; 7],
}

type Hasher = foldhash::fast::FixedState;

struct Rehasher(Hasher);

impl Rehash<Box<Entry>> for Rehasher {
    fn hash(&self, element: &Box<Entry>) -> u64 {
        self.0.hash_one(element.key)
    }

    fn address(&self, element: &Box<Entry>) -> *const u8 {
        std::ptr::from_ref::<Entry>(element).cast()
    }
}

fn print_memory() {
    let state = Hasher::with_seed(1);
    let rehash = |value: &u64| state.hash_one(*value);
    let mut table = HashTable::new();
    let mut worst: f64 = 0.0;
    let mut next_print = 4;
    println!(
        "{:>9} {:>8} {:>8} {:>9} {:>8}",
        "elements", "buckets", "chained", "bytes/el.", "longest"
    );
    for value in 0..8_500_000_u64 {
        table.insert_unique(state.hash_one(value), value, &rehash);
        let len = table.len();
        if 100_000 <= len {
            worst = worst.max(table.memory_bytes() as f64 / len as f64);
        }
        if len == next_print || len == 1_000_000 {
            let Statistics { buckets, chained_buckets, memory_bytes, longest_chain, .. } =
                table.statistics(1);
            let each = memory_bytes as f64 / len as f64;
            println!("{len:>9} {buckets:>8} {chained_buckets:>8} {each:>9.2} {longest_chain:>8}");
        }
        if len == next_print {
            next_print += (next_print / 5).max(3);
        }
    }
    println!("worst at 100,000 to {} elements: {worst:.2} bytes each\n", table.len());
}

fn print_times(size: usize) {
    let state = Hasher::with_seed(1);
    let hash = |key: u64| state.hash_one(key);
    let lookups = shuffled(size, 1);
    println!("{size} elements, ns an operation");

    let mut ours = HashTable::new();
    let rehasher = Rehasher(Hasher::with_seed(1));
    let entries = entries(size);
    let insert = time(size, || {
        for entry in entries {
            ours.insert_unique(hash(entry.key), entry, &rehasher);
        }
    });
    let hit = best(size, || {
        for &key in &lookups {
            black_box(ours.find(hash(key), |entry| entry.key == key).is_some());
        }
    });
    let miss = best(size, || {
        for &key in &lookups {
            black_box(ours.find(hash(!key), |entry| entry.key == !key).is_some());
        }
    });
    // Each key waits for the element found before, as in a server that finishes one command before the next.
    let dependent = best(size, || {
        let mut zero = 0;
        for &key in &lookups {
            let key = key + zero;
            let found = ours.find(hash(key), |entry| entry.key == key);
            zero = found.map_or(1, |entry| entry.zeros[0]);
        }
        black_box(zero);
    });
    let batched = best(size, || {
        for batch in lookups.chunks(16) {
            for &key in batch {
                ours.prefetch_bucket(hash(key));
            }
            for &key in batch {
                ours.prefetch_candidates(hash(key), |entry| {
                    prefetch(std::ptr::from_ref::<Entry>(entry));
                });
            }
            for &key in batch {
                black_box(ours.find(hash(key), |entry| entry.key == key).is_some());
            }
        }
    });
    let mut random = Random(7);
    let sample = best(size, || {
        for _ in 0..size {
            black_box(ours.sample(|| random.next()).is_some());
        }
    });
    let mut removed = Vec::with_capacity(size);
    let remove = time(size, || {
        for &key in &lookups {
            removed.extend(ours.remove(hash(key), |entry| entry.key == key));
        }
    });
    println!(
        "  ours       insert {insert:6.1}  hit {hit:6.1}  miss {miss:6.1}  dependent hit {dependent:6.1}  remove {remove:6.1}  batched hit {batched:6.1}  sample {sample:6.1}"
    );
    drop(removed);
    print_times_of_hashbrown(size, &lookups);
}

fn print_times_of_hashbrown(size: usize, lookups: &[u64]) {
    let state = Hasher::with_seed(1);
    let hash = |key: u64| state.hash_one(key);
    let mut theirs: hashbrown::HashTable<Box<Entry>> = hashbrown::HashTable::new();
    let entries = entries(size);
    let insert = time(size, || {
        for entry in entries {
            theirs.insert_unique(hash(entry.key), entry, |entry| hash(entry.key));
        }
    });
    let hit = best(size, || {
        for &key in lookups {
            black_box(theirs.find(hash(key), |entry| entry.key == key).is_some());
        }
    });
    let miss = best(size, || {
        for &key in lookups {
            black_box(theirs.find(hash(!key), |entry| entry.key == !key).is_some());
        }
    });
    let dependent = best(size, || {
        let mut zero = 0;
        for &key in lookups {
            let key = key + zero;
            let found = theirs.find(hash(key), |entry| entry.key == key);
            zero = found.map_or(1, |entry| entry.zeros[0]);
        }
        black_box(zero);
    });
    let mut removed = Vec::with_capacity(size);
    let remove = time(size, || {
        for &key in lookups {
            if let Ok(found) = theirs.find_entry(hash(key), |entry| entry.key == key) {
                removed.push(found.remove().0);
            }
        }
    });
    println!(
        "  hashbrown  insert {insert:6.1}  hit {hit:6.1}  miss {miss:6.1}  dependent hit {dependent:6.1}  remove {remove:6.1}\n"
    );
}

/// Entries in a random order of keys, allocated before the clock runs.
#[expect(clippy::vec_box, reason = "the tables hold pointers")]
fn entries(size: usize) -> Vec<Box<Entry>> {
    let entry = |key| Box::new(Entry { key, zeros: [0; 7] });
    shuffled(size, 42).into_iter().map(entry).collect()
}

/// Nanoseconds for each of `count` operations.
fn time(count: usize, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_nanos() as f64 / count as f64
}

/// The same, the best of a few runs.
fn best(count: usize, mut run: impl FnMut()) -> f64 {
    let runs = (3_000_000 / count).clamp(3, 100);
    (0..runs).map(|_| time(count, &mut run)).fold(f64::INFINITY, f64::min)
}

/// The numbers below `count`, so that neither inserting nor looking up follows the order of allocations.
fn shuffled(count: usize, seed: u64) -> Vec<u64> {
    let mut keys: Vec<u64> = (0..count as u64).collect();
    let mut random = Random(seed);
    for last in (1..count).rev() {
        keys.swap(last, (random.next() % (last as u64 + 1)) as usize);
    }
    keys
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
