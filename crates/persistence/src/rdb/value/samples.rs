//! Random values, for tests.

use collections::Object;
use collections::hash::{self, Hash};
use collections::list::{End, List};
use collections::set::Set;
use collections::sorted_set::SortedSet;
use proptest::prelude::*;

use super::{Limits, Value, ValueRef};

/// Small ones, so that all forms occur.
pub(crate) const LIMITS: Limits = Limits {
    list: collections::list::Limits { node_size: 4, compress_depth: 0 },
    set: collections::set::Limits { integers: 4, members: 4, member_bytes: 8 },
    hash: hash::Limits { fields: 4, bytes: 8 },
    sorted_set: collections::sorted_set::Limits { entries: 4, value_bytes: 8 },
};

/// All there is to a value, in an order of its own.
pub(crate) fn contents(value: &Value) -> Vec<Vec<u8>> {
    match value {
        Value::String(bytes) => vec![bytes.clone()],
        Value::Object(object) => {
            let mut elements = Vec::new();
            object.to_ref().digest(&mut |parts| elements.push(parts.join(&b'\0')));
            elements.sort_unstable();
            elements
        }
    }
}

/// For writing.
pub(crate) fn reference(value: &Value) -> ValueRef<'_> {
    match value {
        Value::String(bytes) => ValueRef::Bytes(bytes),
        Value::Object(object) => ValueRef::Object(object.to_ref()),
    }
}

fn strings() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let string = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-200_i64..200).prop_map(|number| number.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..12),
        (0_usize..200).prop_map(|length| vec![b'a'; length]),
    ];
    proptest::collection::vec(string, 1..12)
}

/// Values of any type but streams.
pub(crate) fn values() -> impl Strategy<Value = Value> {
    strings().prop_flat_map(|strings| {
        (0..5_u8).prop_map(move |kind| {
            let mut unique = strings.clone();
            unique.sort();
            unique.dedup();
            match kind {
                0 => Value::String(strings[0].clone()),
                1 => {
                    let mut list = List::default();
                    list.push(End::Tail, strings.iter().map(Vec::as_slice), LIMITS.list);
                    Value::Object(Object::List(list))
                }
                2 => {
                    let mut set = Set::default();
                    for member in &unique {
                        set.add(member, LIMITS.set);
                    }
                    Value::Object(Object::Set(set))
                }
                3 => {
                    let mut hash = Hash::new();
                    for (place, name) in unique.iter().enumerate() {
                        hash.set(
                            name,
                            &strings[place % strings.len()],
                            hash::SetExpiry::Clear,
                            LIMITS.hash,
                        );
                        if place % 3 == 1 && strings.len() % 2 == 0 {
                            hash.set_expiry(
                                name,
                                Some(1_700_000_000_000 + i64::try_from(place).unwrap()),
                            );
                        }
                    }
                    Value::Object(Object::Hash(hash))
                }
                _ => {
                    let mut set = SortedSet::default();
                    for (place, member) in unique.iter().enumerate() {
                        let score = [0.5, -1.0, f64::INFINITY, 3.0, 1e300][place % 5];
                        set.insert(member, score, LIMITS.sorted_set);
                    }
                    Value::Object(Object::SortedSet(set))
                }
            }
        })
    })
}
