//! Values written and read again, in every version, and bytes that are no values.

use collections::stream::Stream;
use collections::{Collection, Object};
use proptest::prelude::*;

use super::samples::{LIMITS, contents, reference, values};
use super::{Value, read, value_type, write};
use crate::dump;
use crate::rdb::{Reader, ValueType, Version, Writer};

fn written(value: &Value, version: Version, compress: bool) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), compress);
    writer.byte(value_type(reference(value), version) as u8);
    write(reference(value), version, &mut writer);
    writer.into_bytes()
}

fn read_all(bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader::new(bytes);
    let form = ValueType::from_byte(reader.byte().ok()?)?;
    let value = read(form, &mut reader, &LIMITS).ok()?;
    (reader.offset() == bytes.len() as u64).then_some(value)
}

proptest! {
    #[test]
    fn what_was_written_is_read(value in values(), compress: bool) {
        let bytes = written(&value, Version::REDIS_7_4, compress);
        let read = read_all(&bytes).expect("what was written");
        prop_assert_eq!(contents(&read), contents(&value));
        // Tables may be in another order.
        let again = written(&read, Version::REDIS_7_4, compress);
        prop_assert_eq!(again.len(), bytes.len(), "and is the same again");
    }

    #[test]
    fn older_versions_are_written_too(value in values()) {
        for version in [Version::REDIS_7_0, Version::REDIS_7_2] {
            let bytes = written(&value, version, true);
            let read = read_all(&bytes).expect("what was written");
            prop_assert_eq!(contents(&read).len(), contents(&value).len());
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_mean_something_else(value in values(), place: u16, with: u8) {
        let mut bytes = written(&value, Version::REDIS_7_4, true);
        let place = usize::from(place) % bytes.len();
        bytes[place] ^= with;
        // Whatever comes of it must be sound enough to be written.
        if let Some(read) = read_all(&bytes) {
            written(&read, Version::REDIS_7_4, true);
        }
        bytes.truncate(place);
        read_all(&bytes);
    }

    #[test]
    fn noise_is_refused_or_means_something(form in 0..26_u8, noise in proptest::collection::vec(any::<u8>(), 0..64)) {
        let bytes: Vec<u8> = std::iter::once(form).chain(noise).collect();
        if let Some(read) = read_all(&bytes) {
            written(&read, Version::REDIS_7_4, true);
        }
    }
}

#[test]
fn streams_are_read_as_they_were_written() {
    let mut stream = Stream::default();
    let limits = collections::stream::NodeLimits { bytes: 4096, entries: 3 };
    for number in 1..10_u64 {
        let id = collections::stream::StreamId::new(number, 0);
        let fields: [&[u8]; 2] = [b"field", b"value"];
        stream.log_mut().add(id, fields.into_iter(), limits).expect("in order");
    }
    let value = Value::Object(Object::Stream(stream));
    for version in [Version::REDIS_7_0, Version::REDIS_7_4] {
        let bytes = written(&value, version, true);
        let read = read_all(&bytes).expect("what was written");
        assert_eq!(contents(&read), contents(&value));
    }
}

#[test]
fn forms_of_old_are_read() {
    // A ziplist of "a", 5, -300 and "bc", as Redis wrote lists, hashes and sorted sets before 7.0.
    let zip_list = b"\x18\0\0\0\x13\0\0\0\x04\0\0\x01a\x03\xf6\x02\xc0\xd4\xfe\x04\x02bc\xff";
    let mut bytes = vec![ValueType::ListZipList as u8, u8::try_from(zip_list.len()).unwrap()];
    bytes.extend_from_slice(zip_list);
    let list = read_all(&bytes).expect("a list");
    assert_eq!(contents(&list).concat(), b"a\x005\0-300\0bc");
    let zip_map = b"\x02\x01a\x01\x00x\x02bc\x02\x01yz\0\xff";
    let mut bytes = vec![ValueType::HashZipMap as u8, u8::try_from(zip_map.len()).unwrap()];
    bytes.extend_from_slice(zip_map);
    let hash = read_all(&bytes).expect("a hash");
    let Value::Object(Object::Hash(hash)) = hash else { panic!("a hash") };
    let value = |name: &[u8]| {
        Collection::to_ref(&hash).value(name).map(collections::list_pack::Element::to_vec)
    };
    assert_eq!(value(b"a"), Some(b"x".to_vec()));
    assert_eq!(value(b"bc"), Some(b"yz".to_vec()));
}

#[test]
fn payloads_are_sealed() {
    let mut payload = written(&Value::String(b"value".to_vec()), Version::REDIS_7_4, true);
    dump::seal(&mut payload, Version::REDIS_7_4);
    // What DUMP of 7.4 gives for it.
    assert_eq!(payload, b"\x00\x05value\x0c\x00\x4a\x80\xf5\xf8\x3b\x80\x05\x27");
    assert_eq!(dump::unseal(&payload), Some(b"\x00\x05value".as_slice()));
    payload[3] ^= 1;
    assert_eq!(dump::unseal(&payload), None);
    assert_eq!(dump::unseal(b"short"), None);
}
