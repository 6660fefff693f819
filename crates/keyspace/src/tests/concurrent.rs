//! Two workers on one keyspace at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::round;
use crate::{EvictionPolicy, EvictionPool, ExpiryCycle, Freeing, Keyspace, Random, SetExpiry};

/// Fewer where an interpreter looks at every access.
const ROUNDS: usize = if cfg!(miri) { 60 } else { 20_000 };

/// Runs the same for two workers, each with its number.
fn two_workers(
    keyspace: &Keyspace,
    keys: Vec<crate::GateKey>,
    run: impl Fn(usize, crate::GateKey) + Sync,
) {
    assert!(!keyspace.gates().is_single());
    std::thread::scope(|scope| {
        for (number, key) in keys.into_iter().enumerate() {
            let run = &run;
            scope.spawn(move || run(number, key));
        }
    });
}

/// Nothing is lost or doubled when values are added up, moved between keys and databases, and looked at as a whole.
#[test]
fn every_addition_counts_once() {
    const NAMES: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
    let (keyspace, gate_keys) = Keyspace::new(2, 2);
    two_workers(&keyspace, gate_keys, |number, mut gate_key| {
        let mut round = round();
        let mut random = Random::new(number as u64);
        for turn in 0..ROUNDS {
            let mut inside = keyspace.gates().enter(gate_key);
            let name = NAMES[random.below(NAMES.len())];
            let mut view = keyspace.view(&mut inside, random.below(2), &mut round);
            view.lock_one(name, keyspace.hash(name));
            let added: Result<i64, ()> = view.update_integer(name, |entry| {
                let present = entry.map_or(Ok(0), |entry| match entry.string() {
                    crate::StringRef::Integer(present) => Ok(present),
                    crate::StringRef::Bytes(_) | crate::StringRef::Shared(_) => Err(()),
                });
                Ok(present? + 1)
            });
            assert!(added.is_ok());
            drop(view);
            let other = NAMES[random.below(NAMES.len())];
            let mut view = keyspace.view(&mut inside, 0, &mut round);
            view.lock_several([name, other].into_iter());
            // Only to a place that is free, so that no sum is lost.
            if view.peek(other).is_none() {
                view.rename(name, other);
            }
            view.select(1);
            let taken = view.peek(name).is_some();
            view.select(0);
            if !taken {
                view.move_to(name, 1);
            }
            drop(view);
            gate_key = inside.leave();
            if turn % 8 == 0 {
                let mut closed = keyspace.gates().close();
                let mut view = keyspace.view(&mut closed, 0, &mut round);
                view.lock_all();
                view.swap_databases(0, 1);
            }
        }
    });
    let mut closed = keyspace.gates().close();
    let mut round = round();
    let mut sum = 0;
    for database in 0..2 {
        let mut view = keyspace.view(&mut closed, database, &mut round);
        view.lock_all();
        view.for_each(&mut |entry| {
            let text = String::from_utf8(entry.string().to_vec()).expect("a number is text");
            sum += text.parse::<usize>().expect("only numbers were stored");
        });
    }
    assert_eq!(sum, 2 * ROUNDS);
}

/// A scan beside a writer shows every key that stays; searches and evictions beside it do no harm.
#[test]
fn a_scan_beside_others_shows_what_stays() {
    const STAY: usize = if cfg!(miri) { 20 } else { 300 };
    let (keyspace, gate_keys) = Keyspace::new(2, 1);
    let done = AtomicUsize::new(0);
    let set = |inside: &mut crate::Inside<'_>, key: &[u8], expiry: SetExpiry| {
        let mut round = round();
        let mut view = keyspace.view(inside, 0, &mut round);
        view.lock_one(key, keyspace.hash(key));
        view.set_string(key, b"value", expiry);
    };
    let mut gate_keys = gate_keys.into_iter();
    let (first, second) = (gate_keys.next(), gate_keys.next());
    let mut inside = keyspace.gates().enter(first.expect("a gate for each worker"));
    for number in 0..STAY {
        set(&mut inside, format!("stays:{number}").as_bytes(), SetExpiry::Clear);
    }
    let keys = [Some(inside.leave()), second].into_iter().flatten().collect();
    two_workers(&keyspace, keys, |number, gate_key| {
        let mut inside = keyspace.gates().enter(gate_key);
        let mut round = round();
        if number == 1 {
            let mut random = Random::new(5);
            let mut cycle = ExpiryCycle::new(crate::Expiring::Keys, 0, 1);
            let mut pool = EvictionPool::default();
            round.now_ms += 10;
            for turn in 0..ROUNDS {
                let name = format!("other:{}", random.below(STAY * 4));
                set(
                    &mut inside,
                    name.as_bytes(),
                    SetExpiry::At(round.now_ms - i64::from(random.below(2) == 0)),
                );
                let mut view = keyspace.view(&mut inside, 0, &mut round);
                view.roam();
                if turn % 3 == 0 {
                    cycle.step(&mut view, 5, 10);
                } else {
                    pool.evict(&mut view, EvictionPolicy::ByExpiry, 3, Freeing::Here);
                }
            }
            done.store(1, Ordering::Release);
            return;
        }
        let mut scans = 0;
        while scans == 0 || done.load(Ordering::Acquire) == 0 {
            let mut shown = BTreeSet::new();
            let mut cursor = 0;
            loop {
                let mut view = keyspace.view(&mut inside, 0, &mut round);
                view.roam();
                cursor = view.scan(cursor, &mut |_| true, &mut |entry| {
                    assert_eq!(entry.string().to_vec(), b"value");
                    shown.insert(entry.key().to_vec());
                });
                if cursor == 0 {
                    break;
                }
            }
            assert_eq!(shown.iter().filter(|key| key.starts_with(b"stays:")).count(), STAY);
            scans += 1;
        }
    });
}
