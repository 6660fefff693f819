//! What is done with values that were made of bytes from outside.

use collections::hash::SetExpiry;
use collections::list::{self, End, Side};
use collections::{Object, hash, set, sorted_set};
use persistence::digest::{Digest, Scores};
use persistence::rdb::value::{Care, Limits, Value, ValueRef, read_with, value_type, write};
use persistence::rdb::{Reader, Version, Writer};

/// Small, so that small and large forms occur.
pub(crate) const LIMITS: Limits = limits(6, 12);

const fn limits(elements: usize, bytes: usize) -> Limits {
    Limits {
        list: list::Limits { node_size: 4, compress_depth: 1 },
        set: set::Limits { integers: elements, members: elements, member_bytes: bytes },
        hash: hash::Limits { fields: elements, bytes },
        sorted_set: sorted_set::Limits { entries: elements, value_bytes: bytes },
    }
}

/// Writes it in every version, reads it again, and changes it.
pub(crate) fn try_all(value: Value) {
    for version in [Version::REDIS_7_0, Version::REDIS_7_2, Version::REDIS_7_4] {
        let mut writer = Writer::new(Vec::new(), true);
        write(reference(&value), version, &mut writer);
        let form = value_type(reference(&value), version);
        let read = read_with(form, &mut Reader::new(writer.bytes()), &LIMITS, Care::Shallow);
        // What is written apart cannot have members twice; what stays packed can.
        if let (Ok(read), Version::REDIS_7_4) = (read, version) {
            assert_eq!(digest(&read), digest(&value));
        }
    }
    if let Value::Object(object) = value {
        change(object);
    }
}

fn reference(value: &Value) -> ValueRef<'_> {
    match value {
        Value::String(bytes) => ValueRef::Bytes(bytes),
        Value::Object(object) => ValueRef::Object(object.to_ref()),
    }
}

fn digest(value: &Value) -> Digest {
    let mut digest = Digest::default();
    digest.value(reference(value), false, Scores::Short);
    digest
}

/// Changes it in its own form, and so that it must take the large one.
fn change(object: Object) {
    for limits in [LIMITS, limits(0, 0)] {
        match object.clone() {
            Object::List(mut list) => {
                let words: [&[u8]; 2] = [b"word", b"5"];
                list.push(End::Head, words.into_iter(), limits.list);
                list.insert(b"5", Side::After, b"between", limits.list);
                list.pop(End::Tail, limits.list, |_| ());
                list.remove_range(0, 2, limits.list);
            }
            Object::Set(mut set) => {
                set.add(b"a member that is long", limits.set);
                set.add(b"77", limits.set);
                set.remove(b"77");
            }
            Object::Hash(mut hash) => {
                hash.set(b"name", b"a value that is long", SetExpiry::Clear, limits.hash);
                hash.prepare_expiry();
                hash.set_expiry(b"name", Some(5));
                hash.remove_expired(10);
            }
            Object::SortedSet(mut set) => {
                set.insert(b"a member that is long", 1.5, limits.sorted_set);
                set.insert(b"m", -1.0, limits.sorted_set);
                set.remove(b"m");
            }
            Object::Stream(_) => {}
        }
    }
}
