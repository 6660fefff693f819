//! A digest of data: two servers with equal data have equal digests, whatever their representations and in whatever order they keep keys.
//!
//! This is the digest of DEBUG DIGEST, so that data can be compared with what is in a Redis. Two operations make it up, both of SHA-1:
//! to **mix** bytes in, after which the order of what was mixed matters, and to **add** them, after which it does not.
//!
//! ```text
//!  value     mix type; then for each element of
//!              string         mix the bytes
//!              list           mix the element
//!              set            add the member
//!              sorted set     add the digest of: mix member, mix score
//!              hash           add the digest of: mix name, mix value, add "!!hexpire!!" if it expires
//!              stream         mix ID, mix each name and value
//!            add "!!expire!!" if the key expires
//!  key       mix name, then the value
//!  data      for each database: mix its number, then add the digest of each key
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use collections::ObjectRef;
use collections::list::End;
use collections::list_pack::Element;
use collections::stream::StreamId;
use sha1::{Digest as _, Sha1};

use crate::rdb::value::ValueRef;

/// How the scores of sorted sets are written where they are digested: servers of different ages have different digests of the same data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scores {
    /// In as few digits as tell them apart: Redis 7.2 and later.
    #[default]
    Short,
    /// In 17 digits: before.
    Full,
}

/// The digest of something; all zeros of nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest([u8; 20]);

impl Digest {
    /// Takes bytes in so that the order matters.
    pub fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Takes bytes in so that the order does not matter. Twice the same is nothing.
    pub fn add(&mut self, bytes: &[u8]) {
        self.combine(Digest(Sha1::digest(bytes).into()));
    }

    fn combine(&mut self, other: Digest) {
        self.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte ^= other);
    }

    /// Takes a value in, and whether its key expires.
    pub fn value(&mut self, value: ValueRef<'_>, expires: bool, scores: Scores) {
        self.mix(&type_number(value).to_be_bytes());
        let mut decimal = itoa::Buffer::new();
        match value {
            ValueRef::Bytes(bytes) => self.mix(bytes),
            ValueRef::Integer(number) => self.mix(decimal.format(number).as_bytes()),
            ValueRef::Object(object) => self.elements(object, scores),
        }
        if expires {
            self.add(b"!!expire!!");
        }
    }

    fn elements(&mut self, object: ObjectRef<'_>, scores: Scores) {
        let mut decimal = itoa::Buffer::new();
        match object {
            ObjectRef::List(list) => {
                list.visit(0, End::Head, |element| {
                    self.mix(element.bytes(&mut decimal));
                    ControlFlow::<()>::Continue(())
                });
            }
            ObjectRef::Set(set) => {
                for member in set.iter() {
                    self.add(member.bytes(&mut decimal));
                }
            }
            ObjectRef::SortedSet(set) => {
                let mut text = Vec::new();
                for (member, score) in set.iter() {
                    text.clear();
                    match scores {
                        Scores::Short => resp::number::write_double_shortly(score, &mut text),
                        Scores::Full => resp::number::write_double_in_full(score, &mut text),
                    }
                    self.add(&Digest::of(&[member.bytes(&mut decimal), &text]).0);
                }
            }
            ObjectRef::Hash(hash) => {
                let mut other = itoa::Buffer::new();
                for field in hash {
                    let name = field.name.bytes(&mut decimal);
                    let mut digest = Digest::of(&[name, field.value.bytes(&mut other)]);
                    if field.expiry.is_some() {
                        digest.add(b"!!hexpire!!");
                    }
                    self.add(&digest.0);
                }
            }
            ObjectRef::Stream(stream) => {
                for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
                    let id = entry.id();
                    self.mix(format!("{}.{}", id.ms, id.sequence).as_bytes());
                    for (name, value) in entry.fields() {
                        self.mix_element(name);
                        self.mix_element(value);
                    }
                }
            }
        }
    }

    fn mix_element(&mut self, element: Element<'_>) {
        self.mix(element.bytes(&mut itoa::Buffer::new()));
    }

    /// The digest of words in their order.
    fn of(words: &[&[u8]]) -> Digest {
        let mut digest = Digest::default();
        for word in words {
            digest.mix(word);
        }
        digest
    }
}

/// As it is shown: 40 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The numbers that Redis gives to types.
fn type_number(value: ValueRef<'_>) -> u32 {
    match value {
        ValueRef::Bytes(_) | ValueRef::Integer(_) => 0,
        ValueRef::Object(ObjectRef::List(_)) => 1,
        ValueRef::Object(ObjectRef::Set(_)) => 2,
        ValueRef::Object(ObjectRef::SortedSet(_)) => 3,
        ValueRef::Object(ObjectRef::Hash(_)) => 4,
        ValueRef::Object(ObjectRef::Stream(_)) => 6,
    }
}

/// The digest of all that a server or a file has, made of its keys in any order.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// By database, the digests of its keys, added.
    databases: BTreeMap<u32, Digest>,
    scores: Scores,
}

impl Dataset {
    /// Without keys.
    pub fn new(scores: Scores) -> Dataset {
        Dataset { databases: BTreeMap::new(), scores }
    }

    /// Takes a key in.
    pub fn key(&mut self, database: u32, key: &[u8], value: ValueRef<'_>, expires: bool) {
        let mut digest = Digest::of(&[key]);
        digest.value(value, expires, self.scores);
        self.databases.entry(database).or_default().add(&digest.0);
    }

    /// The digest of all keys so far.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (database, keys) in &self.databases {
            digest.mix(&database.to_be_bytes());
            digest.combine(*keys);
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What DEBUG DIGEST-VALUE of a real server says of a string and of an integer.
    #[test]
    fn values_have_the_digests_that_redis_gives_them() {
        let digest = |value| {
            let mut digest = Digest::default();
            digest.value(value, false, Scores::Short);
            digest.to_string()
        };
        assert_eq!(digest(ValueRef::Bytes(b"b")), "b78559cd22bce6e6df712eb99ce7f3b08e8f8f1f");
        assert_eq!(digest(ValueRef::Integer(5)), "f8c2498ca74cdde7d02de23246736a661485b50e");
        assert_eq!(Dataset::default().digest().to_string(), "0".repeat(40));
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let keys: [(u32, &[u8]); 3] = [(0, b"a"), (3, b"a"), (0, b"b")];
        let digest = |order: [usize; 3]| {
            let mut data = Dataset::default();
            for place in order {
                let (database, key) = keys[place];
                data.key(database, key, ValueRef::Bytes(b"value"), place == 2);
            }
            data.digest()
        };
        assert_eq!(digest([0, 1, 2]), digest([2, 1, 0]));
        assert_ne!(digest([0, 1, 2]), digest([0, 1, 1]));
    }
}
