//! Fields of hashes that expire: the index of such hashes, and removal.

use std::collections::{BTreeMap, BTreeSet};

use collections::Hash;
use collections::hash::{Limits, SetExpiry};

use crate::{ExpiredFields, Expiring, ExpiryCycle, ExpiryMode, Keyspace, Random, View};

const LIMITS: Limits = Limits { fields: 4, bytes: 64 };
const NOW_MS: i64 = 1_000_000;

fn with_view<R>(use_it: impl FnOnce(&mut View<'_>) -> R) -> R {
    let (keyspace, mut gates) = Keyspace::new(1, 2);
    let mut inside = keyspace.gates().enter(gates.remove(0));
    let mut round = super::round();
    let mut view = keyspace.view(&mut inside, 0, &mut round);
    view.lock_all();
    use_it(&mut view)
}

fn set(view: &mut View<'_>, key: &[u8], name: &[u8], expiry: Option<i64>) {
    let edited = view.edit::<Hash, _>(key, |hash| {
        hash.set(name, b"value", SetExpiry::Clear, LIMITS);
        hash.set_expiry(name, expiry);
    });
    edited.expect("a hash, or nothing yet");
}

/// Hashes that have fields which expire, as the index has them.
fn indexed(view: &mut View<'_>) -> usize {
    view.sizes().iter().map(|size| size.field_expiring).sum()
}

fn names(view: &mut View<'_>, key: &[u8]) -> Vec<Vec<u8>> {
    let hash = view.peek_as::<Hash>(key).expect("a hash");
    hash.into_iter().flatten().map(|field| field.name.to_vec()).collect()
}

#[test]
fn expired_fields_are_not_seen_and_removed_by_name() {
    with_view(|view| {
        set(view, b"k", b"a", Some(NOW_MS - 1));
        set(view, b"k", b"b", Some(NOW_MS - 1));
        set(view, b"k", b"c", Some(NOW_MS));
        set(view, b"k", b"d", None);
        assert_eq!(names(view, b"k"), [b"c".to_vec(), b"d".to_vec()]);
        view.round.expiry = ExpiryMode::Ignore;
        assert_eq!(names(view, b"k").len(), 4);
        view.round.expiry = ExpiryMode::Hide;
        view.expire_fields(b"k", [&b"a"[..]].into_iter());
        assert_eq!(names(view, b"k").len(), 2);
        assert!(view.expired_fields.is_empty(), "that is for others to do");
        view.round.expiry = ExpiryMode::Remove;
        view.expire_fields(b"k", [&b"a"[..], b"a", b"c", b"d", b"x"].into_iter());
        view.expire_fields(b"absent", [&b"a"[..]].into_iter());
        let gone = ExpiredFields {
            database: 0,
            key: (*b"k").into(),
            names: vec![(*b"a").into()],
            emptied: false,
        };
        assert_eq!(view.expired_fields, [gone]);
    });
}

#[test]
fn the_last_field_takes_the_key_along() {
    for count in [1, 20] {
        with_view(|view| {
            let fields: Vec<String> = (0..count).map(|number| number.to_string()).collect();
            for name in &fields {
                set(view, b"k", name.as_bytes(), Some(5));
            }
            assert_eq!(indexed(view), 1);
            view.expire_fields(b"k", fields.iter().map(String::as_bytes));
            assert!(view.expired_fields[0].emptied);
            assert_eq!(view.expired_fields[0].names.len(), count);
            assert!(view.peek(b"k").is_none());
            assert_eq!(indexed(view), 0);
        });
    }
}

/// Whatever happens to hashes, those with fields that expire are in the index, and no others.
#[test]
fn the_index_follows_the_hashes() {
    const KEYS: [&[u8]; 4] = [b"one", b"two", b"three", b"four"];
    for seed in 0..if cfg!(miri) { 2 } else { 100 } {
        let mut random = Random::new(seed);
        with_view(|view| {
            for _ in 0..if cfg!(miri) { 30 } else { 200 } {
                let key = KEYS[random.below(KEYS.len())];
                let other = KEYS[random.below(KEYS.len())];
                let name = random.below(8).to_string().into_bytes();
                view.select(random.below(2));
                match random.below(10) {
                    0..=2 => set(view, key, &name, Some(NOW_MS + 10)),
                    3 => set(view, key, &name, None),
                    4 => drop(view.edit_present::<Hash, _>(key, |hash| hash.remove(&name))),
                    5 => drop(view.rename(key, other)),
                    6 if key != other => drop(view.copy(key, other, view.database())),
                    7 if view.peek(key).is_some() => {
                        let target = 1 - view.database();
                        let source = view.database();
                        view.select(target);
                        view.remove(key);
                        view.select(source);
                        view.move_to(key, target);
                    }
                    8 => drop(view.set_expiry(key, (random.below(2) == 0).then_some(NOW_MS + 5))),
                    9 if random.below(5) == 0 => drop(view.flush(Some(view.database()))),
                    _ => drop(view.remove(key)),
                }
                let mut expected = 0;
                for database in [0, 1] {
                    view.select(database);
                    for key in KEYS {
                        let hash = view.peek_as::<Hash>(key).expect("a hash");
                        let expires = hash.is_some_and(|hash| hash.next_expiry().is_some());
                        expected += usize::from(expires);
                    }
                }
                assert_eq!(indexed(view), expected, "seed {seed}");
            }
        });
    }
}

#[test]
fn a_search_removes_all_that_have_expired() {
    let (keyspace, mut gates) = Keyspace::new(1, 1);
    let mut inside = keyspace.gates().enter(gates.remove(0));
    let mut round = super::round();
    let mut expected: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    // Hashes without other fields than one that has expired.
    let mut lonely = BTreeSet::new();
    let hashes = if cfg!(miri) { 10 } else { 200 };
    for number in 0..hashes {
        let key = format!("hash {number}").into_bytes();
        let mut view = keyspace.view(&mut inside, 0, &mut round);
        view.lock_one(&key, keyspace.hash(&key));
        if number % 40 == 1 {
            lonely.insert(key.clone());
        }
        for field in 0..number % 40 {
            let expiry = match field % 3 {
                0 => Some(NOW_MS - 1 - field),
                1 => Some(NOW_MS + 1),
                _ => None,
            };
            set(&mut view, &key, format!("field {field}").as_bytes(), expiry);
            *expected.entry(key.clone()).or_default() += usize::from(field % 3 == 0);
        }
    }
    let mut cycle = ExpiryCycle::new(Expiring::Fields, 0, 1);
    let mut removed: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    for _ in 0..100 {
        let mut view = keyspace.view(&mut inside, 0, &mut round);
        view.roam();
        let mut wrapped = false;
        while !wrapped {
            let progress = cycle.step(&mut view, 20, 10);
            wrapped = progress.wrapped;
            let count: usize = view.expired_fields.iter().map(|expired| expired.names.len()).sum();
            assert_eq!(count, progress.expired);
            assert!(count <= 2 * 20, "a step stays small");
            for expired in view.expired_fields.drain(..) {
                *removed.entry(expired.key.to_vec()).or_default() += expired.names.len();
                assert_eq!(expired.emptied, lonely.contains(&*expired.key));
            }
        }
    }
    expected.retain(|_, count| 0 < *count);
    assert_eq!(removed, expected);
}
