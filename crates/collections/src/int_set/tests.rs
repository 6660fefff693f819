//! A set of integers against a plain one, its bytes against Redis's, and bytes that are none.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn integers() -> impl Strategy<Value = i64> {
    const EDGES: [i64; 7] = [-0x8000, 0x7fff, -0x8000_0000, 0x7fff_ffff, i64::MIN, i64::MAX, 0];
    prop_oneof![
        8 => -20..20_i64,
        2 => (-2..2_i64, prop::sample::select(&EDGES[..])).prop_map(|(by, edge)| edge.saturating_add(by)),
        1 => any::<i64>(),
    ]
}

#[derive(Clone, Debug)]
enum Action {
    Insert(i64),
    Remove(i64),
    RemoveAt(usize, usize),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        6 => integers().prop_map(Action::Insert),
        3 => integers().prop_map(Action::Remove),
        1 => (0..60_usize, 0..9_usize).prop_map(|(index, count)| Action::RemoveAt(index, count)),
    ];
    prop::collection::vec(action, 0..120)
}

/// The width that values that were ever there have needed, as Redis writes it.
fn expected_bytes(width: usize, model: &BTreeSet<i64>) -> Vec<u8> {
    let mut bytes = u32::try_from(width).unwrap().to_le_bytes().to_vec();
    bytes.extend(u32::try_from(model.len()).unwrap().to_le_bytes());
    for value in model {
        bytes.extend(&value.to_le_bytes()[..width]);
    }
    bytes
}

fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

proptest! {
    #[test]
    fn as_a_plain_set(actions in actions()) {
        let (mut set, mut model, mut width) = (IntSet::new(), BTreeSet::new(), 2);
        for action in actions {
            match action {
                Action::Insert(value) => {
                    prop_assert_eq!(set.insert(value), model.insert(value));
                    width = width.max(width_of(value));
                }
                Action::Remove(value) => prop_assert_eq!(set.remove(value), model.remove(&value)),
                Action::RemoveAt(index, count) => {
                    set.remove_at(index, count);
                    let removed: Vec<i64> = model.iter().copied().skip(index).take(count).collect();
                    for value in &removed { model.remove(value); }
                }
            }
            prop_assert_eq!(set.as_bytes(), expected_bytes(width, &model));
            prop_assert_eq!(set.is_empty(), model.is_empty());
        }
        let read = set.as_ref();
        prop_assert!(read.iter().eq(model.iter().copied()));
        prop_assert!(read.iter().rev().eq(model.iter().rev().copied()));
        prop_assert_eq!(read.iter().len(), model.len());
        prop_assert_eq!((read.first(), read.last()), (model.first().copied(), model.last().copied()));
        for (index, value) in model.iter().enumerate() {
            prop_assert_eq!(read.nth(index), Some(*value));
            prop_assert!(read.contains(*value));
            prop_assert_eq!(read.contains(value.wrapping_add(1)), model.contains(&value.wrapping_add(1)));
        }
        prop_assert_eq!(read.nth(model.len()), None);
        if !model.is_empty() {
            let again = IntSet::from_bytes_checked(set.as_bytes().to_vec());
            prop_assert_eq!(again.as_ref(), Ok(&set));
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(0..9_u8, 0..40)) {
        if let Ok(set) = IntSet::from_bytes_checked(bytes.clone()) {
            let values: Vec<i64> = set.as_ref().iter().collect();
            prop_assert!(values.is_sorted_by(|this, next| this < next));
            prop_assert_eq!(set.into_bytes(), bytes);
        }
    }
}

#[test]
fn memory_is_given_back_and_not_wasted() {
    let mut set: IntSet = (0..1000).collect();
    assert!(set.memory_bytes() <= 2008 * 5 / 4, "{}", set.memory_bytes());
    set.remove_at(10, 990);
    assert_eq!(set.len(), 10);
    assert!(set.memory_bytes() <= 64, "{}", set.memory_bytes());
    assert_eq!(IntSet::new().memory_bytes(), 0);
}

#[test]
fn bytes_that_are_none() {
    check(&[], Corrupt::Header(0));
    check(&[2, 0, 0, 0, 1, 0, 0], Corrupt::Header(7));
    check(&[3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0], Corrupt::Width(3));
    check(&[2, 1, 0, 0, 1, 0, 0, 0, 1, 0], Corrupt::Width(258));
    check(&[2, 0, 0, 0, 0, 0, 0, 0], Corrupt::Empty);
    check(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0], Corrupt::Count { said: 2, actual: 10 });
    check(&[2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 2], Corrupt::Count { said: 1, actual: 11 });
    check(&[8, 0, 0, 0, 255, 255, 255, 255, 0], Corrupt::Count { said: u32::MAX, actual: 9 });
    check(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0], Corrupt::Order(1));
    check(&[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 255, 255], Corrupt::Order(1));
}

#[track_caller]
fn check(bytes: &[u8], error: Corrupt) {
    assert_eq!(IntSet::from_bytes_checked(bytes.to_vec()), Err(error));
}
