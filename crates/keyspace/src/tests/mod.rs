//! Tests of views: reading, the door, expiry, scanning, moving.

mod concurrent;
mod fields;
mod model;
mod snapshot;

use std::sync::Arc;

use crate::database::free;
use crate::entry::{Content, Entry};
use crate::value::Encoding;
use crate::{AccessClock, AccessPolicy, ExpiryMode, Keyspace, Random, Round, SetExpiry};

/// Fewer where an interpreter looks at every access.
const COUNT: u32 = if cfg!(miri) { 100 } else { 5000 };

fn round() -> Round {
    Round {
        now_ms: 1_000_000,
        access: AccessClock::new(AccessPolicy::Lru, 1_000_000),
        touch: true,
        expiry: ExpiryMode::Remove,
        random: Random::new(1),
        hits: 0,
        misses: 0,
        changed: false,
        donated: Vec::new(),
        buffer: Vec::new(),
        noting: crate::Noting::default(),
    }
}

#[test]
fn set_and_read() {
    for workers in [1, 2] {
        let (keyspace, mut keys) = Keyspace::new(workers, 16);
        let mut inside = keyspace.gates().enter(keys.remove(0));
        let mut round = round();
        for number in 0..COUNT {
            let key = format!("key:{number}");
            let value = "x".repeat(number as usize % 1500);
            let mut view = keyspace.view(&mut inside, 0, &mut round);
            view.lock_one(key.as_bytes(), keyspace.hash(key.as_bytes()));
            let expiry = if number % 3 == 0 { SetExpiry::At(2_000_000) } else { SetExpiry::Clear };
            view.set_string(key.as_bytes(), value.as_bytes(), expiry);
        }
        for number in 0..COUNT {
            let key = format!("key:{number}");
            let mut view = keyspace.view(&mut inside, 0, &mut round);
            view.lock_one(key.as_bytes(), keyspace.hash(key.as_bytes()));
            let entry = view.read(key.as_bytes());
            let entry = entry.expect("it was set");
            assert_eq!(entry.key(), key.as_bytes());
            assert_eq!(entry.string().to_vec(), "x".repeat(number as usize % 1500).into_bytes());
            assert_eq!(entry.expiry(), (number % 3 == 0).then_some(2_000_000));
        }
        assert_eq!(keyspace.sizes(&mut inside)[0].keys, COUNT as usize);
        assert_eq!(keyspace.sizes(&mut inside)[0].expiring, COUNT.div_ceil(3) as usize);
    }
}

/// A view of some keys, for one call.
fn with_view<R>(keys: &[&[u8]], use_it: impl FnOnce(&mut crate::View<'_>) -> R) -> R {
    let (keyspace, mut gates) = Keyspace::new(2, 1);
    let mut inside = keyspace.gates().enter(gates.remove(0));
    let mut round = round();
    let mut view = keyspace.view(&mut inside, 0, &mut round);
    view.lock_several(keys.iter().copied());
    use_it(&mut view)
}

#[test]
fn many_keys_are_worked_through_in_order() {
    for count in [0, 1, 15, 16, 17, 100] {
        let names: Vec<String> = (0..count).map(|number| format!("key:{number}")).collect();
        let keys: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let (keyspace, mut gates) = Keyspace::new(2, 1);
        let mut inside = keyspace.gates().enter(gates.remove(0));
        let mut round = round();
        let mut view = keyspace.view(&mut inside, 0, &mut round);
        view.lock_several(keys.iter().copied());
        let items = || keys.iter().copied().zip(0_u64..);
        view.each(items(), |view, key, number| {
            view.set_string(key, number.to_string().as_bytes(), SetExpiry::Clear);
        });
        assert_eq!(view.count_keys(), count);
        let mut seen = 0;
        view.each(items(), |view, key, number| {
            assert_eq!(number, seen);
            seen += 1;
            let entry = view.read(key).expect("it was set");
            assert_eq!(entry.key(), key);
            assert_eq!(entry.string().to_vec(), number.to_string().into_bytes());
        });
        assert_eq!(seen, count as u64);
    }
}

#[test]
fn two_keys_are_read_together() {
    with_view(&[b"a", b"gone"], |view| {
        view.set_string(b"a", b"1", SetExpiry::Clear);
        view.set_string(b"gone", b"2", SetExpiry::At(1));
        let [first, second] = view.read_two([b"a", b"gone"]);
        assert_eq!(first.map(|entry| entry.string().to_vec()), Some(b"1".to_vec()));
        assert!(second.is_none());
        let [first, second] = view.read_two([b"a", b"a"]);
        assert_eq!(first.map(|entry| entry.key()), second.map(|entry| entry.key()));
        assert_eq!((view.round.hits, view.round.misses), (3, 1));
        assert_eq!(view.expired.len(), 1);
    });
}

#[test]
fn value_is_replaced_in_place_or_by_another_entry() {
    use crate::Encoding::{EmbStr, Int, Raw};
    let long = "x".repeat(2000);
    with_view(&[b"k"], |view| {
        let mut check = |value: &str, expiry, at, encoding| {
            view.set_string(b"k", value.as_bytes(), expiry);
            let entry = view.peek(b"k").expect("it was set");
            assert_eq!(entry.string().to_vec(), value.as_bytes());
            assert_eq!((entry.expiry(), entry.encoding()), (at, encoding), "{value}");
        };
        let far = 5_000_000;
        check("1", SetExpiry::Clear, None, Int);
        check("2", SetExpiry::Clear, None, Int);
        check("3", SetExpiry::At(far), Some(far), Int);
        check("4", SetExpiry::At(far + 1), Some(far + 1), Int);
        check("5", SetExpiry::Keep, Some(far + 1), Int);
        check("abc", SetExpiry::Keep, Some(far + 1), EmbStr);
        check("abd", SetExpiry::At(far), Some(far), EmbStr);
        check("abe", SetExpiry::Clear, None, EmbStr);
        check(&long, SetExpiry::Clear, None, Raw);
        check("6", SetExpiry::Clear, None, Int);
    });
}

#[test]
fn bytes_stay_bytes_and_edits_are_raw() {
    use crate::Encoding::{EmbStr, Int, Raw};
    with_view(&[b"k"], |view| {
        let encoding = |view: &mut crate::View<'_>| view.peek(b"k").map(|entry| entry.encoding());
        view.set_bytes(b"k", b"12", SetExpiry::Keep);
        assert_eq!(encoding(view), Some(EmbStr));
        view.edit_string(b"k", |bytes| bytes[0] = b'3');
        assert_eq!(encoding(view), Some(Raw));
        assert_eq!(view.peek(b"k").map(|entry| entry.string().to_vec()), Some(b"32".to_vec()));
        let sum = view.update_integer(b"k", |present| {
            assert!(present.is_some());
            Ok::<i64, ()>(33)
        });
        assert_eq!((sum, encoding(view)), (Ok(33), Some(Int)));
        assert_eq!(view.update_integer(b"k", |_| Err::<i64, &str>("no")), Err("no"));
        assert_eq!(view.peek(b"k").map(|entry| entry.string().to_vec()), Some(b"33".to_vec()));
    });
}

/// Where the key of an entry lies depends on what else is there, and keys of some lengths are compared in pieces.
#[test]
fn an_entry_is_of_its_key_alone() {
    let lengths = (0..40).chain([255, 256, 300]);
    for (length, expiry) in lengths.flat_map(|length| [(length, None), (length, Some(5))]) {
        let key: Vec<u8> = (0..length).map(|place: u16| place.to_le_bytes()[0]).collect();
        let contents = [
            Content::Integer(7),
            Content::Bytes(b"short", Encoding::EmbStr),
            Content::Bytes(&[b'x'; 300], Encoding::Raw),
            Content::Heap(Arc::new(b"elsewhere".to_vec())),
        ];
        for content in contents {
            let entry = Entry::new(&key, content, expiry, 0, 0);
            assert!(entry.is_of(&key), "{length} bytes");
            assert!(!entry.is_of(&[&*key, b"x"].concat()), "{length} bytes and one more");
            for place in 0..key.len() {
                let mut other = key.clone();
                other[place] ^= 1;
                assert!(!entry.is_of(&other), "byte {place} of {length}");
                assert!(!entry.is_of(&key[..place]), "{place} of {length} bytes");
            }
            free(entry);
        }
    }
}
