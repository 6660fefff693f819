//! Hashes against a model, in every form.
#![expect(clippy::expect_used, reason = "a test that fails panics")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{FieldRef, Hash, Limits, SetExpiry};
use crate::collection::{Collection, Encoding};

const SMALL: Limits = Limits { fields: 8, bytes: 20 };

/// Values and expiries by name.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Vec<u8>, bool),
    SetExpiry(Vec<u8>, Option<i64>),
    Remove(Vec<u8>),
    RemoveExpired(i64),
    Prepare(usize),
    Pack,
    Clone,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => (0..12_u8).prop_map(|number| number.to_string().into_bytes()),
        5 => "[a-c]{0,2}".prop_map(String::into_bytes),
        1 => Just(vec![b'n'; 30]),
        1 => Just(vec![b'n'; 300]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let value = prop_oneof![
        10 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        10 => "[x-z]{0,15}".prop_map(String::into_bytes),
        1 => Just(vec![b'v'; 400]),
    ];
    let expiry =
        prop_oneof![3 => (1..6_i64).prop_map(Some), 1 => Just(None), 1 => Just(Some(i64::MAX))];
    prop_oneof![
        12 => (name(), value, any::<bool>()).prop_map(|(name, value, keep)| Step::Set(name, value, keep)),
        6 => (name(), expiry).prop_map(|(name, expiry)| Step::SetExpiry(name, expiry)),
        4 => name().prop_map(Step::Remove),
        2 => (0..8_i64).prop_map(Step::RemoveExpired),
        1 => (0..10_usize).prop_map(Step::Prepare),
        2 => Just(Step::Pack),
        1 => Just(Step::Clone),
    ]
}

fn expiry_of(keep: bool) -> SetExpiry {
    if keep { SetExpiry::Keep } else { SetExpiry::Clear }
}

fn take(hash: &mut Hash, model: &mut Model, step: Step) {
    match step {
        Step::Set(name, value, keep) => {
            let is_new = hash.set(&name, &value, expiry_of(keep), SMALL);
            let before = model.get(&name).cloned();
            assert_eq!(is_new, before.is_none());
            let expiry = before.and_then(|(_, expiry)| expiry).filter(|_| keep);
            model.insert(name, (value, expiry));
        }
        Step::SetExpiry(name, expiry) => {
            let found = hash.set_expiry(&name, expiry);
            let present = model.get_mut(&name);
            assert_eq!(found, present.is_some());
            if let Some(present) = present {
                present.1 = expiry;
            }
        }
        Step::Remove(name) => {
            assert_eq!(hash.remove(&name), model.remove(&name).is_some());
        }
        Step::RemoveExpired(now_ms) => {
            while let Some(name) = hash.remove_expired(now_ms) {
                let (_, expiry) = model.remove(&name).expect("what is removed was there");
                assert!(expiry.is_some_and(|expiry| expiry < now_ms));
                let earlier = |other: &(Vec<u8>, Option<i64>)| {
                    other.1.is_some_and(|other| other < expiry.unwrap_or(0))
                };
                assert!(!model.values().any(earlier), "the first goes first");
            }
            assert!(
                !model.values().any(|(_, expiry)| expiry.is_some_and(|expiry| expiry < now_ms))
            );
        }
        Step::Prepare(fields) => hash.prepare(fields, std::iter::empty(), SMALL),
        Step::Pack => {
            *hash = match hash.clone().into_packed() {
                Ok((encoding, bytes)) => Hash::from_packed(encoding, bytes),
                Err(hash) => hash,
            };
        }
        Step::Clone => *hash = hash.clone(),
    }
}

#[track_caller]
fn check(hash: &Hash, model: &Model) {
    let whole = hash.to_ref();
    assert_eq!(whole.len(), model.len());
    assert_eq!(Collection::is_empty(hash), model.is_empty());
    assert_eq!(whole.next_expiry(), model.values().filter_map(|(_, expiry)| *expiry).min());
    for now_ms in [i64::MIN, 0, 3, i64::MAX] {
        let seen = whole.at(now_ms);
        let is_live = |expiry: Option<i64>| expiry.is_none_or(|expiry| now_ms <= expiry);
        let live: Model = model
            .iter()
            .filter(|(_, (_, expiry))| is_live(*expiry))
            .map(|(name, field)| (name.clone(), field.clone()))
            .collect();
        assert_eq!(seen.live_len(), live.len());
        assert_eq!(seen.iter().map(owned).collect::<Model>(), live);
        assert_eq!(seen.iter().count(), live.len(), "no field comes twice");
        for (name, (value, expiry)) in model {
            let found = seen.field(name).map(|field| (field.value.to_vec(), field.expiry));
            assert_eq!(found, is_live(*expiry).then(|| (value.clone(), *expiry)));
            assert_eq!(seen.is_expired(name), !is_live(*expiry));
        }
        let mut scanned = Model::new();
        let mut cursor = 0;
        loop {
            cursor = seen.scan(cursor, |field| {
                scanned.extend([owned(field)]);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(scanned, live);
    }
}

fn owned(field: FieldRef<'_>) -> (Vec<u8>, (Vec<u8>, Option<i64>)) {
    (field.name.to_vec(), (field.value.to_vec(), field.expiry))
}

/// Fewer where an interpreter looks at every access.
const STEPS: usize = if cfg!(miri) { 25 } else { 60 };

proptest! {
    #[test]
    fn behaves_like_a_map(steps in prop::collection::vec(step(), 0..STEPS)) {
        let (mut hash, mut model) = (Hash::new(), Model::new());
        for step in steps {
            take(&mut hash, &mut model, step);
            check(&hash, &model);
        }
    }
}

fn numbered(fields: usize) -> Hash {
    let mut hash = Hash::new();
    for number in 0..fields {
        let name = number.to_string();
        hash.set(name.as_bytes(), b"v", SetExpiry::Clear, SMALL);
    }
    hash
}

#[test]
fn forms_follow_the_limits() {
    let mut hash = numbered(8);
    assert_eq!(hash.to_ref().encoding(), Encoding::ListPack);
    hash.set(b"7", b"other", SetExpiry::Clear, SMALL);
    assert_eq!(hash.to_ref().encoding(), Encoding::ListPack, "no field more");
    hash.set_expiry(b"7", Some(5));
    assert_eq!(hash.to_ref().encoding(), Encoding::ListPackEx);
    hash.set_expiry(b"7", None);
    assert_eq!(hash.to_ref().encoding(), Encoding::ListPackEx, "it does not go back");
    hash.set(b"8", b"v", SetExpiry::Clear, SMALL);
    assert_eq!(hash.to_ref().encoding(), Encoding::HashTable);
    for number in 1..9 {
        hash.remove(number.to_string().as_bytes());
    }
    assert_eq!(hash.to_ref().encoding(), Encoding::HashTable, "it does not go back");

    let mut hash = numbered(1);
    hash.set(b"0", &[b'v'; 21], SetExpiry::Clear, SMALL);
    assert_eq!(hash.to_ref().encoding(), Encoding::HashTable);
    let mut hash = numbered(1);
    hash.prepare(1, [&b"short"[..], &[b'v'; 21]].into_iter(), SMALL);
    assert_eq!(hash.to_ref().encoding(), Encoding::HashTable);
}

fn order(hash: &Hash) -> String {
    let names: Vec<String> = hash
        .to_ref()
        .iter()
        .map(|field| String::from_utf8(field.name.to_vec()).expect("names are text"))
        .collect();
    names.concat()
}

#[test]
fn fields_that_expire_come_first() {
    let mut hash = Hash::new();
    for name in ["a", "b", "c", "d", "e"] {
        hash.set(name.as_bytes(), b"v", SetExpiry::Clear, SMALL);
    }
    hash.set_expiry(b"c", Some(100));
    assert_eq!(order(&hash), "cabde");
    hash.set_expiry(b"e", Some(50));
    assert_eq!(order(&hash), "ecabd");
    hash.set_expiry(b"a", Some(1000));
    hash.set_expiry(b"b", Some(1000));
    hash.set_expiry(b"d", Some(1000));
    assert_eq!(order(&hash), "ecdba", "of equal ones the last comes first");
    hash.set(b"e", b"w", SetExpiry::Clear, SMALL);
    assert_eq!(order(&hash), "cdbae");
    hash.set_expiry(b"a", None);
    assert_eq!(order(&hash), "cdbea");
    hash.set(b"c", b"w", SetExpiry::Keep, SMALL);
    hash.set_expiry(b"e", None);
    assert_eq!(order(&hash), "cdbea");
}

/// A source of random numbers (`SplitMix64`).
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Chi-squared of how often each of `fields` was drawn, by the degrees of freedom: about 1 if each has the same chance.
fn unfairness(drawn: &BTreeMap<Vec<u8>, u32>, fields: u32) -> f64 {
    let total: u32 = drawn.values().sum();
    let expected = f64::from(total) / f64::from(fields);
    let missing = f64::from(fields.saturating_sub(u32::try_from(drawn.len()).unwrap_or(0)));
    let squares: f64 = drawn.values().map(|&count| (f64::from(count) - expected).powi(2)).sum();
    (squares / expected + missing * expected) / f64::from(fields)
}

#[test]
fn random_fields_are_fair() {
    for (fields, expired) in [(8, 3), (40, 13)] {
        let mut hash = numbered(fields);
        for number in 0..expired {
            hash.set_expiry(number.to_string().as_bytes(), Some(5));
        }
        let mut random = random(3);
        let live = u32::try_from(fields.saturating_sub(expired)).expect("few");
        for count in [1, 3, 7, 20] {
            let mut one = BTreeMap::new();
            let mut several = BTreeMap::new();
            for _ in 0..if cfg!(miri) { 20 } else { 2000 } {
                let field = hash.to_ref().at(6).random(&mut random).expect("there are fields");
                *one.entry(field.name.to_vec()).or_insert(0) += 1;
                let chosen = hash.to_ref().at(6).random_fields(count, &mut random);
                assert_eq!(chosen.len(), count.min(live as usize));
                let mut names: Vec<Vec<u8>> =
                    chosen.iter().map(|field| field.name.to_vec()).collect();
                for name in &names {
                    *several.entry(name.clone()).or_insert(0) += 1;
                }
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), chosen.len(), "they are different");
            }
            if !cfg!(miri) {
                assert!(unfairness(&one, live) < 2.5, "{one:?}");
                assert!(unfairness(&several, live) < 2.5, "{several:?}");
            }
        }
    }
    assert_eq!(Hash::new().to_ref().random(&mut random(1)), None);
}

#[test]
fn all_expired_means_no_random_field() {
    for fields in [3, 30] {
        let mut hash = numbered(fields);
        for number in 0..fields {
            hash.set_expiry(number.to_string().as_bytes(), Some(5));
        }
        assert!(hash.to_ref().at(6).random(&mut random(1)).is_none());
        assert!(hash.to_ref().at(6).random_fields(5, &mut random(1)).is_empty());
        assert_eq!((hash.to_ref().at(6).live_len(), hash.to_ref().at(6).len()), (0, fields));
    }
}

#[test]
fn a_large_hash_takes_at_most_64_bytes_a_field() {
    // Fewer where an interpreter looks at every access; then the table's directory weighs more.
    const FIELDS: usize = if cfg!(miri) { 200 } else { 100_000 };
    const MOST: usize = if cfg!(miri) { 120 } else { 56 };
    let mut hash = Hash::new();
    for number in 0..FIELDS {
        let name = format!("{number:016}");
        hash.set(name.as_bytes(), name.as_bytes(), SetExpiry::Clear, SMALL);
    }
    // The allocator's classes of small sizes are 8 bytes apart.
    let bytes = hash.to_ref().memory_bytes(usize::MAX, &|size| size.next_multiple_of(8));
    assert!(bytes <= FIELDS * MOST, "{bytes}");
}
