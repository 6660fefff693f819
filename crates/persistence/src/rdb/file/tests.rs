//! Files written and read again, whole and damaged, in every version, at once and in small pieces.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;
use crate::Corrupt;
use crate::rdb::value::samples::{LIMITS, contents, reference, values};
use crate::rdb::value::{self, Value, ValueRef};
use crate::rdb::{Reader, Version, Writer};

const SETTINGS: Settings =
    Settings { checksum: true, modules: Modules::Refused, care: value::Care::Shallow };

/// What was in a file, as lines that can be compared.
#[derive(Default, Debug, PartialEq)]
struct Notes(Vec<String>);

impl Sink for Notes {
    fn auxiliary(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        self.0.push(format!("auxiliary {} {}", name.escape_ascii(), value.escape_ascii()));
        Ok(())
    }

    fn database(&mut self, number: u64) -> Result<(), Refusal> {
        self.0.push(format!("database {number}"));
        Ok(())
    }

    fn sizes(&mut self, keys: u64, expiring: u64) {
        self.0.push(format!("sizes {keys} {expiring}"));
    }

    fn function(&mut self, code: Vec<u8>) -> Result<(), Refusal> {
        self.0.push(format!("function {}", code.escape_ascii()));
        Ok(())
    }

    fn key(&mut self, key: LoadedKey<'_>) -> Result<(), Refusal> {
        let value = match key.value {
            LoadedValue::String(string) => contents(&Value::String(string.to_vec())),
            LoadedValue::Object(object) => contents(&Value::Object(object)),
            LoadedValue::Empty => vec![b"nothing".to_vec()],
            LoadedValue::Module { name } => vec![name.into_bytes()],
        };
        self.0.push(record(key.key, key.expiry_ms, key.eviction, &value));
        Ok(())
    }
}

fn record(key: &[u8], expiry: Option<i64>, eviction: Eviction, value: &[Vec<u8>]) -> String {
    format!("{} {expiry:?} {eviction:?} {value:?}", key.escape_ascii())
}

/// Gives few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(self.1);
        self.0.read(&mut room[..most])
    }
}

fn load(reader: impl Read) -> Result<(Notes, Summary), LoadError> {
    let mut notes = Notes::default();
    let summary = read_file(reader, SETTINGS, &LIMITS, &mut notes)?;
    Ok((notes, summary))
}

#[derive(Clone, Debug)]
struct Key {
    name: Vec<u8>,
    expiry_ms: Option<i64>,
    eviction: Eviction,
    value: Value,
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    let name = prop_oneof![
        any::<i32>().prop_map(|number| number.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..40),
        (0_usize..100).prop_map(|length| vec![b'k'; length]),
    ];
    let eviction = prop_oneof![
        Just(Eviction::None),
        any::<u32>().prop_map(|idle| Eviction::Idle(idle.into())),
        any::<u8>().prop_map(Eviction::Frequency),
    ];
    let expiry = proptest::option::of(0_i64..1 << 50);
    let key = (name, expiry, eviction, values())
        .prop_map(|(name, expiry_ms, eviction, value)| Key { name, expiry_ms, eviction, value });
    proptest::collection::vec(key, 0..20)
}

/// A file with these keys, half of them written elsewhere and appended, and what should be read.
fn written(keys: &[Key], version: Version, checksum: bool, compress: bool) -> (Vec<u8>, Notes) {
    let mut notes = Notes::default();
    let auxiliary: [(&[u8], &[u8]); 2] = [(b"redis-ver", b"7.4.1"), (b"used-mem", b"123456")];
    for (name, value) in auxiliary {
        notes.auxiliary(name, value).unwrap();
    }
    let mut file = FileWriter::begin(Vec::new(), version, checksum, compress, &auxiliary).unwrap();
    file.function(b"#!lua name=l\n").unwrap();
    notes.function(b"#!lua name=l\n".to_vec()).unwrap();
    for (number, keys) in keys.chunks(7).enumerate() {
        let number = number as u64 * 100;
        file.select_database(number, keys.len() as u64, 3).unwrap();
        notes.database(number).unwrap();
        notes.sizes(keys.len() as u64, 3);
        for (place, key) in keys.iter().enumerate() {
            let value = reference(&key.value);
            if place % 2 == 0 {
                file.key(&key.name, key.expiry_ms, key.eviction, value).unwrap();
            } else {
                let mut writer = Writer::new(Vec::new(), compress);
                encode_key(&key.name, key.expiry_ms, key.eviction, value, version, &mut writer);
                file.records(writer.bytes()).unwrap();
            }
            let value = expected(&key.value, version);
            notes.0.push(record(&key.name, key.expiry_ms, key.eviction, &value));
        }
    }
    (file.finish().unwrap(), notes)
}

/// What a value is after it was written in a version, which may not know of everything.
fn expected(value: &Value, version: Version) -> Vec<Vec<u8>> {
    let form = value::value_type(reference(value), version);
    let mut writer = Writer::new(Vec::new(), false);
    value::write(reference(value), version, &mut writer);
    let read = value::read(form, &mut Reader::new(writer.bytes()), &LIMITS).unwrap();
    if version == Version::REDIS_7_4 {
        assert_eq!(contents(&read), contents(value));
    }
    contents(&read)
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        keys in keys(), version in 10_u16..=12, checksum: bool, compress: bool, piece in 1_usize..300,
    ) {
        let (bytes, notes) = written(&keys, Version(version), checksum, compress);
        let (read, summary) = load(bytes.as_slice()).expect("what was written");
        prop_assert_eq!(&read, &notes);
        prop_assert_eq!(summary.bytes, bytes.len() as u64);
        prop_assert_eq!(summary.tally.keys, keys.len() as u64);
        let wanted = if checksum { Checksum::Right } else { Checksum::Absent };
        prop_assert_eq!(summary.checksum, wanted);
        let (slowly, _) = load(Trickle(&bytes, piece)).expect("what was written");
        prop_assert_eq!(&slowly, &notes);
    }

    #[test]
    fn no_part_of_a_file_can_be_missing(keys in keys(), cut: prop::sample::Index) {
        let (bytes, _) = written(&keys, Version::REDIS_7_4, true, true);
        let cut = cut.index(bytes.len());
        let error = load(&bytes[..cut]).expect_err("it is cut");
        let LoadError::EndedEarly(place) = &error else { panic!("{error}") };
        prop_assert_eq!(place.offset, cut as u64);
    }

    #[test]
    fn no_bit_can_be_another(keys in keys(), place: prop::sample::Index, bit in 0..8_u8) {
        let (mut bytes, _) = written(&keys, Version::REDIS_7_4, true, true);
        // The head is left: by one bit it becomes version 2, of which files have no checksum.
        let place = 9 + place.index(bytes.len() - 9);
        bytes[place] ^= 1 << bit;
        prop_assert!(load(bytes.as_slice()).is_err());
    }

    #[test]
    fn noise_is_refused(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let bytes: Vec<u8> = b"REDIS0012".iter().copied().chain(noise).collect();
        let _ = load(bytes.as_slice());
    }
}

#[test]
fn a_large_value_is_written_in_pieces_and_read_whole() {
    let mut set = collections::set::Set::default();
    for number in 0..200_000_u32 {
        set.add(format!("member {number}").as_bytes(), LIMITS.set);
    }
    let value = Value::Object(collections::Object::Set(set));
    let keys: Vec<Key> = (0..3)
        .map(|number| Key {
            name: format!("key {number}").into_bytes(),
            expiry_ms: None,
            eviction: Eviction::None,
            value: value.clone(),
        })
        .collect();
    let (bytes, notes) = written(&keys, Version::REDIS_7_4, true, true);
    let (read, _) = load(bytes.as_slice()).expect("what was written");
    assert_eq!(read, notes);
}

#[test]
fn a_length_that_lies_costs_nothing() {
    let mut bytes = b"REDIS0012".to_vec();
    // A set of 2^62 members, the first of which has 2^60 bytes.
    bytes.extend_from_slice(&[2, 1, b'k', 0x81, 0x40, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[0x81, 0x10, 0, 0, 0, 0, 0, 0, 0, b'x']);
    let error = load(bytes.as_slice()).expect_err("there is one byte");
    let LoadError::EndedEarly(place) = error else { panic!("{error}") };
    assert_eq!(place.key.as_deref(), Some(b"k".as_slice()));
    assert_eq!(place.offset, bytes.len() as u64);
}

#[test]
fn heads_are_looked_at() {
    let load = |head: &str| load(head.as_bytes()).expect_err("there is only a head").to_string();
    assert_eq!(load("REDIS0013\u{ff}"), "Can't handle RDB format version 13");
    assert_eq!(load("REDIS0000\u{ff}"), "Can't handle RDB format version 0");
    assert_eq!(load("VALKEY081"), "Can't handle RDB format version 81");
    assert_eq!(load("RADIS0012"), "Wrong signature trying to load DB from file");
    assert_eq!(load("REDIS0012"), "Unexpected EOF reading RDB file (at byte 9)");
}

/// A file of these bytes between head and end, without a checksum.
fn file(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, body, b"\xff\0\0\0\0\0\0\0\0"].concat()
}

#[test]
fn what_servers_of_old_said_of_keys_is_understood() {
    // An expiry in seconds; then one in ms and an idle time; then a frequency.
    let body = b"\xfe\x01\xfd\x01\0\0\0\x00\x01a\x01x\xfc\x02\0\0\0\0\0\0\0\xf8\x07\x00\x01b\xc0\x05\xf9\x09\x00\x01c\x01z";
    let (notes, summary) = load(file(b"REDIS0009", body).as_slice()).expect("a file");
    assert_eq!(summary.tally, Tally { keys: 3, expiring: 2, empty: 0 });
    let lines = [
        "database 1".to_owned(),
        record(b"a", Some(1000), Eviction::None, &[b"x".to_vec()]),
        record(b"b", Some(2), Eviction::Idle(7), &[b"5".to_vec()]),
        record(b"c", None, Eviction::Frequency(9), &[b"z".to_vec()]),
    ];
    assert_eq!(notes.0, lines);
    // Before version 5 there was no checksum, whatever follows.
    let (_, summary) = load(b"REDIS0003\xff".as_slice()).expect("a file");
    assert_eq!(summary.checksum, Checksum::Ignored);
}

#[test]
fn collections_without_elements_are_told_apart() {
    // Sets and lists of no members, a list of one empty list pack, and a string behind them.
    let body = b"\x02\x01a\x00\x01\x01b\x00\x12\x01c\x01\x02\x07\x07\0\0\0\0\0\xff\x00\x01d\x01x";
    let (notes, summary) = load(file(b"REDIS0012", body).as_slice()).expect("a file");
    assert_eq!(summary.tally, Tally { keys: 4, expiring: 0, empty: 3 });
    assert_eq!(notes.0[3], record(b"d", None, Eviction::None, &[b"x".to_vec()]));
}

#[test]
fn what_only_modules_understand_is_refused_or_passed_over() {
    // An auxiliary field of a module (2 is an unsigned number), and a value: both of the type "AAAAAAAAB".
    let auxiliary = b"\xf7\x80\0\0\x04\0\x02\x02\x02\x07\x05\x01x\x00";
    let value =
        b"\x07\x01k\x80\0\0\x04\0\x01\x05\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\x00\x00\x01d\x01x";
    let refused = load(file(b"REDIS0012", auxiliary).as_slice()).expect_err("a module");
    assert_eq!(
        refused.to_string(),
        "The RDB file contains AUX module data I can't load: no matching module 'AAAAAAAAB' (at byte 17)"
    );
    let refused = load(file(b"REDIS0012", value).as_slice()).expect_err("a module");
    assert_eq!(
        refused.to_string(),
        "The RDB file contains module data I can't load: no matching module type 'AAAAAAAAB' (at byte 17, key 'k')"
    );
    let both = file(b"REDIS0012", &[auxiliary.as_slice(), value].concat());
    let settings = Settings { modules: Modules::Skipped, ..SETTINGS };
    let mut notes = Notes::default();
    read_file(both.as_slice(), settings, &LIMITS, &mut notes).expect("all is passed over");
    let lines = [
        record(b"k", None, Eviction::None, &[b"AAAAAAAAB".to_vec()]),
        record(b"d", None, Eviction::None, &[b"x".to_vec()]),
    ];
    assert_eq!(notes.0, lines);
}

#[test]
fn members_that_come_twice_are_found_if_one_looks_closely() {
    // A set and a hash of list packs with "a" twice.
    let set = b"\x14\x01s\x0d\x0d\0\0\0\x02\0\x81a\x02\x81a\x02\xff";
    let hash = b"\x10\x01h\x13\x13\0\0\0\x04\0\x81a\x02\x81x\x02\x81a\x02\x81y\x02\xff";
    for body in [set.as_slice(), hash] {
        let bytes = file(b"REDIS0012", body);
        load(bytes.as_slice()).expect("they are no harm");
        let settings = Settings { care: value::Care::Deep, ..SETTINGS };
        let error = read_file(bytes.as_slice(), settings, &LIMITS, &mut Notes::default());
        let LoadError::Corrupt { what: Corrupt::Duplicate, place } = error.expect_err("twice")
        else {
            panic!("a member is there twice");
        };
        assert!(place.key.is_some() && place.form.is_some());
    }
}

#[test]
fn functions_of_a_release_candidate_are_refused() {
    let bytes = file(b"REDIS0010", b"\xf6\x01x\x01y\x00\x01z");
    let error = load(bytes.as_slice()).expect_err("of old");
    assert_eq!(error.to_string(), "Pre-release function format not supported. (at byte 10)");
}

#[test]
fn hashes_of_valkey_are_read_in_its_files_only() {
    let field =
        b"\x16\x01h\x02\x01a\x01x\xe8\x03\0\0\0\0\0\0\x01b\x01y\xff\xff\xff\xff\xff\xff\xff\xff";
    let mut keys = Vec::new();
    let bytes = file(b"VALKEY080", field);
    let mut splitter = Splitter::new(bytes.as_slice(), SETTINGS).expect("a file");
    while let Some(part) = splitter.next_part().expect("a part") {
        let Part::Records(batch) = part else { continue };
        let mut receive = |key: LoadedKey<'_>| {
            let LoadedValue::Object(collections::Object::Hash(hash)) = key.value else { panic!() };
            keys.push((hash.to_ref().len(), hash.to_ref().next_expiry()));
            Ok(())
        };
        batch.decode(&LIMITS, &mut receive).expect("a hash");
    }
    assert_eq!(keys, [(2, Some(1000))]);
    assert!(load(file(b"REDIS0012", field).as_slice()).is_err());
}

#[test]
fn what_follows_a_file_is_left() {
    let mut bytes = file(b"REDIS0012", b"\x00\x01d\x01x");
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut splitter = Splitter::new(Trickle(&bytes, 30), SETTINGS).expect("a file");
    while splitter.next_part().expect("a part").is_some() {}
    let (mut rest, mut reader) = splitter.into_rest();
    reader.read_to_end(&mut rest).expect("the rest");
    assert_eq!(rest, b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn a_refusal_ends_the_reading() {
    struct Refusing;
    impl Sink for Refusing {
        fn auxiliary(&mut self, _: &[u8], _: &[u8]) -> Result<(), Refusal> {
            Ok(())
        }
        fn database(&mut self, _: u64) -> Result<(), Refusal> {
            Ok(())
        }
        fn sizes(&mut self, _: u64, _: u64) {}
        fn function(&mut self, _: Vec<u8>) -> Result<(), Refusal> {
            Ok(())
        }
        fn key(&mut self, key: LoadedKey<'_>) -> Result<(), Refusal> {
            Err(Refusal(format!("no {}", key.key.escape_ascii())))
        }
    }
    let bytes = file(b"REDIS0012", b"\x00\x01d\x01x");
    let error = read_file(bytes.as_slice(), SETTINGS, &LIMITS, &mut Refusing).expect_err("no");
    assert_eq!(error.to_string(), "no d");
}

#[test]
fn integers_are_written_as_such() {
    let mut writer = Writer::new(Vec::new(), false);
    encode_key(b"k", None, Eviction::None, ValueRef::Integer(5), Version::REDIS_7_4, &mut writer);
    assert_eq!(writer.bytes(), b"\x00\x01k\xc0\x05");
}
