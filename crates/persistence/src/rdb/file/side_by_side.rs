//! Files beside a real server: what it wrote is read here, what is written here it loads, and DEBUG DIGEST says that the data is
//! the same.
//!
//! `OCHRE_ROUNDS` tries more cases than the few of every test run.

use std::fs;
use std::path::PathBuf;

use collections::list_pack::ListPack;
use collections::{Encoding, Object};
use harness::{Client, Oracle, Random, Server, Value as Reply, Version as Redis};

use super::*;
use crate::digest::{Dataset, Digest, Scores};
use crate::dump;
use crate::rdb::value::{self, Limits, Value, ValueRef};
use crate::rdb::{Reader, ValueType, Version, Writer};

/// Redis's defaults, so that forms can be compared.
const LIMITS: Limits = Limits {
    list: collections::list::Limits { node_size: -2, compress_depth: 0 },
    set: collections::set::Limits { integers: 512, members: 128, member_bytes: 64 },
    hash: collections::hash::Limits { fields: 512, bytes: 64 },
    sorted_set: collections::sorted_set::Limits { entries: 128, value_bytes: 64 },
};

const SETTINGS: Settings =
    Settings { checksum: true, modules: Modules::Refused, care: value::Care::Shallow };

const ROUNDS: u64 = 12;

fn rounds() -> u64 {
    std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

/// A key with all that is known of it.
#[derive(Clone, Debug)]
struct Kept {
    database: u64,
    key: Vec<u8>,
    value: Value,
    expiry_ms: Option<i64>,
    eviction: Eviction,
}

/// All that is in a file.
#[derive(Default)]
struct Contents {
    keys: Vec<Kept>,
    functions: Vec<Vec<u8>>,
}

impl Sink for Contents {
    fn auxiliary(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal> {
        assert!(name != b"redis-bits" || value == b"64");
        Ok(())
    }

    fn database(&mut self, _: u64) -> Result<(), Refusal> {
        Ok(())
    }

    fn sizes(&mut self, _: u64, _: u64) {}

    fn function(&mut self, code: Vec<u8>) -> Result<(), Refusal> {
        self.functions.push(code);
        Ok(())
    }

    fn key(&mut self, key: LoadedKey<'_>) -> Result<(), Refusal> {
        let value = match key.value {
            LoadedValue::String(string) => Value::String(string.to_vec()),
            LoadedValue::Object(object) => Value::Object(object),
            LoadedValue::Empty | LoadedValue::Module { .. } => panic!("no server has such keys"),
        };
        self.keys.push(Kept {
            database: key.database,
            key: key.key.to_vec(),
            value,
            expiry_ms: key.expiry_ms,
            eviction: key.eviction,
        });
        Ok(())
    }
}

impl Contents {
    fn read(bytes: &[u8]) -> Contents {
        let mut contents = Contents::default();
        read_file(bytes, SETTINGS, &LIMITS, &mut contents).expect("a whole file");
        contents
    }

    fn digest(&self, scores: Scores) -> String {
        let mut data = Dataset::new(scores);
        for kept in &self.keys {
            let database = u32::try_from(kept.database).unwrap();
            data.key(database, &kept.key, reference(&kept.value), kept.expiry_ms.is_some());
        }
        data.digest().to_string()
    }

    fn written(&self, version: Version, compress: bool) -> Vec<u8> {
        let mut file =
            FileWriter::begin(Vec::new(), version, true, compress, &[(b"ctime", b"1700000000")])
                .unwrap();
        for code in &self.functions {
            file.function(code).unwrap();
        }
        for database in 0..16 {
            let keys: Vec<&Kept> = self.keys.iter().filter(|k| k.database == database).collect();
            if keys.is_empty() {
                continue;
            }
            file.select_database(database, keys.len() as u64, 1).unwrap();
            for kept in keys {
                let value = reference(&kept.value);
                file.key(&kept.key, kept.expiry_ms, kept.eviction, value).unwrap();
            }
        }
        file.finish().unwrap()
    }
}

fn reference(value: &Value) -> ValueRef<'_> {
    match value {
        Value::String(bytes) => ValueRef::Bytes(bytes),
        Value::Object(object) => ValueRef::Object(object.to_ref()),
    }
}

/// The file that the server saves to and loads.
fn snapshot(server: &Server) -> PathBuf {
    server.directory().join("dump.rdb")
}

fn digest(client: &mut Client) -> String {
    text(&client.run("DEBUG DIGEST"))
}

#[track_caller]
fn text(reply: &Reply) -> String {
    assert!(!reply.is_error(), "{reply:?}");
    String::from_utf8_lossy(reply.as_bytes().unwrap_or_default()).into_owned()
}

#[track_caller]
fn done(reply: &Reply) {
    assert!(!reply.is_error(), "{reply:?}");
}

/// A word of some kind: small and large integers, text short and long, that compresses well or not.
fn word(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => random.below(300).to_string().into_bytes(),
        1 => (random.number().cast_signed() >> random.below(64)).to_string().into_bytes(),
        2 => vec![b'a'; random.below(600)],
        3 => (0..random.below(100)).map(|_| random.number().to_le_bytes()[0]).collect(),
        4 => format!("{}.{}", random.below(100), random.below(100)).into_bytes(),
        5 => b"00012".to_vec(),
        _ => format!("word:{}", random.below(1000)).into_bytes(),
    }
}

fn call(client: &mut Client, head: &[&[u8]], tail: impl IntoIterator<Item = Vec<u8>>) {
    let mut words: Vec<Vec<u8>> = head.iter().map(|word| word.to_vec()).collect();
    words.extend(tail);
    done(&client.call(&words));
}

fn score(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => b"inf".to_vec(),
        1 => b"-inf".to_vec(),
        2 => b"1e-300".to_vec(),
        3 => (random.below(1 << 40)).to_string().into_bytes(),
        _ => format!("{}.{}", random.below(10), random.below(1000)).into_bytes(),
    }
}

fn stream(client: &mut Client, key: &[u8], size: usize, random: &mut Random) {
    for number in 0..size {
        let id = format!("{}-{}", 1 + number / 3, number % 3 + 1).into_bytes();
        let fields: Vec<Vec<u8>> = if random.one_in(3) {
            (0..2 * (1 + random.below(3))).map(|_| word(random)).collect()
        } else {
            [b"same".to_vec(), word(random), b"name".to_vec(), word(random)].into()
        };
        call(client, &[b"XADD", key, &id], fields);
        if random.one_in(6) {
            done(&client.call(&[b"XDEL".as_slice(), key, &id]));
        }
    }
    for group in ["g1", "g2"].into_iter().take(random.below(3)) {
        let group = group.as_bytes();
        done(&client.call(&[b"XGROUP".as_slice(), b"CREATE", key, group, b"0", b"MKSTREAM"]));
        for consumer in ["c1", "c2"] {
            let words: [&[u8]; 9] = [
                b"XREADGROUP",
                b"GROUP",
                group,
                consumer.as_bytes(),
                b"COUNT",
                b"4",
                b"STREAMS",
                key,
                b">",
            ];
            done(&client.call(&words));
        }
        done(&client.call(&[b"XACK".as_slice(), key, group, b"1-1"]));
        done(&client.call(&[b"XGROUP".as_slice(), b"CREATECONSUMER", key, group, b"idle"]));
    }
}

/// Makes a key of some type and size, and perhaps has it expire, or some of its fields.
fn make(client: &mut Client, number: usize, has_field_expiry: bool, random: &mut Random) {
    let key = match random.below(4) {
        0 => number.to_string(),
        1 => format!(
            "key with a longer name, so that it is compressed: aaaaaaaaaaaaaaaaaaa {number}"
        ),
        _ => format!("k{number}"),
    };
    let key = key.as_bytes();
    let size = random.pick(&[1, 2, 10, 100, 200, 700]);
    match random.below(8) {
        0 => call(client, &[b"SET", key], [word(random)]),
        1 => call(client, &[b"RPUSH", key], (0..size).map(|_| word(random))),
        2 => {
            let integers = (0..size).map(|_| random.below(1 << 20).to_string().into_bytes());
            let integers: Vec<Vec<u8>> = integers.collect();
            call(client, &[b"SADD", key], integers);
        }
        3 => call(client, &[b"SADD", key], (0..size).map(|_| word(random))),
        4 | 5 => {
            let fields: Vec<Vec<u8>> = (0..2 * size).map(|_| word(random)).collect();
            call(client, &[b"HSET", key], fields.clone());
            if has_field_expiry && random.one_in(2) {
                for field in fields.iter().step_by(2).take(size / 2 + 1) {
                    let time = (4_000_000_000_000 + random.below(10_000)).to_string();
                    let words: [&[u8]; 6] =
                        [b"HPEXPIREAT", key, time.as_bytes(), b"FIELDS", b"1", field];
                    done(&client.call(&words));
                }
            }
        }
        6 => {
            let pairs: Vec<Vec<u8>> =
                (0..size).flat_map(|_| [score(random), word(random)]).collect();
            call(client, &[b"ZADD", key], pairs);
        }
        _ => stream(client, key, size, random),
    }
    if random.one_in(3) {
        let time = (4_000_000_000_000 + random.below(10_000)).to_string();
        done(&client.call(&[b"PEXPIREAT".as_slice(), key, time.as_bytes()]));
    }
}

fn fill(client: &mut Client, has_field_expiry: bool, random: &mut Random) {
    let policy = random.pick(&["noeviction", "allkeys-lru", "allkeys-lfu"]);
    done(&client.run(&format!("CONFIG SET maxmemory-policy {policy}")));
    let depth = random.below(2);
    let size = random.pick(&["-2", "-1", "5"]);
    done(
        &client
            .run(&format!("CONFIG SET list-compress-depth {depth} list-max-listpack-size {size}")),
    );
    let checksum = if random.one_in(2) { "yes" } else { "no" };
    done(&client.run(&format!("CONFIG SET rdbcompression {checksum}")));
    done(&client.run("FLUSHALL"));
    done(&client.run("FUNCTION FLUSH"));
    if random.one_in(2) {
        let code = "#!lua name=l\nredis.register_function('f', function() return 1 end)";
        done(&client.call(&["FUNCTION", "LOAD", code]));
    }
    for number in 0..40 {
        done(&client.run(&format!("SELECT {}", random.pick(&[0, 0, 0, 3, 15]))));
        make(client, number, has_field_expiry, random);
    }
    done(&client.run("CONFIG SET list-max-listpack-size -2"));
}

/// The names that OBJECT ENCODING gives.
fn name_of(value: &Value) -> &'static str {
    let Value::Object(object) = value else { return "" };
    match object.to_ref().encoding() {
        Encoding::ListPack => "listpack",
        Encoding::ListPackEx => "listpackex",
        Encoding::QuickList => "quicklist",
        Encoding::IntSet => "intset",
        Encoding::HashTable => "hashtable",
        Encoding::SkipList => "skiplist",
        Encoding::Stream => "stream",
    }
}

fn compare_encodings(client: &mut Client, contents: &Contents, seed: u64) {
    for kept in &contents.keys {
        // What a list is depends on how it became so; and strings have no form of their own in a file.
        if matches!(kept.value, Value::String(_) | Value::Object(Object::List(_))) {
            continue;
        }
        done(&client.run(&format!("SELECT {}", kept.database)));
        let theirs = text(&client.call(&[b"OBJECT".as_slice(), b"ENCODING", &kept.key]));
        assert_eq!(name_of(&kept.value), theirs, "seed {seed}: {}", kept.key.escape_ascii());
    }
}

/// The keys that the server has other values of.
fn differing(client: &mut Client, contents: &Contents, scores: Scores) -> Vec<String> {
    let mut keys = Vec::new();
    for kept in &contents.keys {
        done(&client.run(&format!("SELECT {}", kept.database)));
        let theirs = client.call(&[b"DEBUG".as_slice(), b"DIGEST-VALUE", &kept.key]);
        let mut ours = Digest::default();
        ours.value(reference(&kept.value), kept.expiry_ms.is_some(), scores);
        let theirs = theirs.as_array().unwrap_or_default().first().map(text);
        if theirs != Some(ours.to_string()) {
            let kind = text(&client.call(&[b"TYPE".as_slice(), &kept.key]));
            keys.push(format!("{} {kind} {}", kept.key.escape_ascii(), name_of(&kept.value)));
        }
    }
    keys
}

/// Has the server load a file and gives the digest of what it has then.
#[track_caller]
fn reloaded(server: &Server, client: &mut Client, bytes: &[u8]) -> String {
    fs::write(snapshot(server), bytes).expect("the directory of the server can be written to");
    done(&client.run("DEBUG RELOAD NOSAVE"));
    digest(client)
}

#[test]
fn files_go_both_ways() {
    let Ok(newer) = Oracle::find(Redis::V74) else { return };
    let Ok(older) = Oracle::find(Redis::V70) else { return };
    let (newer, older) = (newer.launch().start(), older.launch().start());
    let (mut newer_client, mut older_client) = (newer.client(), older.client());
    for seed in 0..rounds() {
        let mut random = Random::from_seed(seed);
        let is_newer = !random.one_in(3);
        let (server, client) =
            if is_newer { (&newer, &mut newer_client) } else { (&older, &mut older_client) };
        fill(client, is_newer, &mut random);
        let expected = digest(client);
        let scores = if is_newer { Scores::Short } else { Scores::Full };
        done(&client.run("SAVE"));
        let bytes = fs::read(snapshot(server)).expect("the server has saved");
        let contents = Contents::read(&bytes);
        let differing = differing(client, &contents, scores);
        assert!(differing.is_empty(), "seed {seed}: {differing:?}");
        assert_eq!(contents.digest(scores), expected, "seed {seed}: what a real server wrote");
        if is_newer {
            compare_encodings(client, &contents, seed);
        }
        for version in [Version::REDIS_7_0, Version::REDIS_7_2, Version::REDIS_7_4] {
            let bytes = contents.written(version, random.one_in(2));
            let ours = Contents::read(&bytes);
            // Without the expiry of fields, older versions have other data.
            if version == Version::REDIS_7_4 || !is_newer {
                assert_eq!(ours.digest(scores), expected, "seed {seed}: {version:?}");
            }
            let theirs = reloaded(&newer, &mut newer_client, &bytes);
            assert_eq!(theirs, ours.digest(Scores::Short), "seed {seed}: 7.4 reads {version:?}");
            if version == Version::REDIS_7_0 {
                let theirs = reloaded(&older, &mut older_client, &bytes);
                assert_eq!(theirs, ours.digest(Scores::Full), "seed {seed}: 7.0 reads it");
            }
        }
    }
}

/// A ziplist: each element behind the length of the one before it.
fn zip_list(elements: &[Vec<u8>]) -> Vec<u8> {
    let mut body = Vec::new();
    let (mut before, mut last) = (0, 10);
    for element in elements {
        last = 10 + body.len();
        let begin = body.len();
        if before < 254 {
            body.push(u8::try_from(before).unwrap());
        } else {
            body.push(254);
            body.extend_from_slice(&u32::try_from(before).unwrap().to_le_bytes());
        }
        zip_element(element, &mut body);
        before = body.len() - begin;
    }
    let total = u32::try_from(11 + body.len()).unwrap();
    let mut bytes = total.to_le_bytes().to_vec();
    bytes.extend_from_slice(&u32::try_from(last).unwrap().to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(elements.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.push(0xff);
    bytes
}

fn zip_element(element: &[u8], body: &mut Vec<u8>) {
    let integer = str::from_utf8(element).ok().and_then(|text| text.parse::<i64>().ok());
    let integer = integer.filter(|integer| integer.to_string().as_bytes() == element);
    match integer {
        Some(small @ 0..=12) => body.push(0xf1 + u8::try_from(small).unwrap()),
        Some(integer) => {
            let bytes = integer.to_le_bytes();
            let (mark, length) = match integer {
                -0x80..0x80 => (0xfe, 1),
                -0x8000..0x8000 => (0xc0, 2),
                -0x80_0000..0x80_0000 => (0xf0, 3),
                -0x8000_0000..0x8000_0000 => (0xd0, 4),
                _ => (0xe0, 8),
            };
            body.push(mark);
            body.extend_from_slice(&bytes[..length]);
        }
        None => {
            let length = u32::try_from(element.len()).unwrap();
            match length {
                0..64 => body.push(u8::try_from(length).unwrap()),
                64..0x4000 => {
                    body.extend_from_slice(&u16::try_from(0x4000 | length).unwrap().to_be_bytes());
                }
                _ => {
                    body.push(0x80);
                    body.extend_from_slice(&length.to_be_bytes());
                }
            }
            body.extend_from_slice(element);
        }
    }
}

/// A zipmap of names and values in turn.
fn zip_map(words: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut map = vec![u8::try_from(words.len() / 2).unwrap_or(254).min(254)];
    let length = |word: &[u8], map: &mut Vec<u8>| {
        if word.len() < 254 {
            map.push(u8::try_from(word.len()).unwrap());
        } else {
            map.push(254);
            map.extend_from_slice(&u32::try_from(word.len()).unwrap().to_le_bytes());
        }
    };
    for pair in words.chunks(2) {
        length(&pair[0], &mut map);
        map.extend_from_slice(&pair[0]);
        length(&pair[1], &mut map);
        let free = random.below(5);
        map.push(u8::try_from(free).unwrap());
        map.extend_from_slice(&pair[1]);
        map.extend(std::iter::repeat_n(0, free));
    }
    map.push(0xff);
    map
}

fn different(words: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..words).map(|_| word(random)).collect();
    all.sort();
    all.dedup();
    all
}

fn pairs(names: Vec<Vec<u8>>, mut value: impl FnMut() -> Vec<u8>) -> Vec<Vec<u8>> {
    names.into_iter().flat_map(|name| [name, value()]).collect()
}

/// A stream as 5.0 wrote it, of one node, with a group one of whose two consumers has pending entries.
fn old_stream(size: usize, writer: &mut Writer, random: &mut Random) {
    let mut pack = ListPack::new();
    let size = i64::try_from(size.min(50)).unwrap();
    // How many entries there are and how many were deleted, the fields that most have, and the end of that.
    for number in [size, 0, 1] {
        pack.push_back_integer(number);
    }
    pack.push_back(b"field");
    pack.push_back_integer(0);
    for number in 0..size {
        // Flags: the same fields; the ID counted from the node's; the value; how many elements that were.
        for part in [2, 0, number] {
            pack.push_back_integer(part);
        }
        pack.push_back(&word(random));
        pack.push_back_integer(4);
    }
    let id = |sequence: i64| [5_u64.to_be_bytes(), sequence.to_be_bytes()].concat();
    writer.length(1);
    writer.string(&id(1));
    writer.string(pack.as_bytes());
    for number in [size, 5, size] {
        writer.length(number.cast_unsigned());
    }
    writer.length(1);
    writer.string(b"group");
    for number in [5, 1] {
        writer.length(number);
    }
    writer.length(1);
    writer.raw(&id(1));
    writer.milliseconds(1_700_000_000_000);
    writer.length(3);
    writer.length(2);
    for (consumer, pending) in [(b"c1", 1), (b"c2", 0)] {
        writer.string(consumer);
        writer.milliseconds(1_700_000_000_001);
        writer.length(pending);
        if pending == 1 {
            writer.raw(&id(1));
        }
    }
}

/// Members with their scores as text.
fn old_members(size: usize, writer: &mut Writer, random: &mut Random) {
    let members = different(size, random);
    writer.length(members.len() as u64);
    for member in members {
        writer.string(&member);
        match random.below(4) {
            0 => writer.byte(254),
            1 => writer.byte(255),
            _ => {
                let score = format!("{}.5", random.below(100));
                writer.byte(u8::try_from(score.len()).unwrap());
                writer.raw(score.as_bytes());
            }
        }
    }
}

/// Fields that expire, as a release candidate wrote many of them.
fn old_fields(size: usize, writer: &mut Writer, random: &mut Random) {
    let names = different(size, random);
    writer.length(names.len() as u64);
    for name in names {
        let expires = random.one_in(2);
        writer.length(if expires { 4_000_000_000_000 } else { 0 });
        writer.string(&name);
        writer.string(&word(random));
    }
}

/// Fields that expire, as a release candidate wrote few of them.
fn old_triples(size: usize, writer: &mut Writer, random: &mut Random) {
    let mut pack = ListPack::new();
    let mut expiry = 4_000_000_000_000;
    let names = different(size, random);
    let expiring = random.below(names.len() + 1);
    for (place, name) in names.iter().enumerate() {
        pack.push_back(name);
        pack.push_back(b"a value");
        expiry += i64::try_from(random.below(3)).unwrap();
        pack.push_back_integer(if place < expiring { expiry } else { 0 });
    }
    writer.string(pack.as_bytes());
}

/// A value in a form that no server writes any more.
fn of_old(random: &mut Random) -> (ValueType, Vec<u8>) {
    let mut writer = Writer::new(Vec::new(), random.one_in(2));
    let most = random.pick(&[3, 30, 300]);
    let size = 1 + random.below(most);
    let form = random.pick(&[
        ValueType::List,
        ValueType::ListZipList,
        ValueType::ListQuickList,
        ValueType::SortedSet,
        ValueType::SortedSetZipList,
        ValueType::HashZipMap,
        ValueType::HashZipList,
        ValueType::StreamListPacks,
        ValueType::HashMetadataBeforeRelease,
        ValueType::HashListPackExBeforeRelease,
    ]);
    #[expect(clippy::wildcard_enum_match_arm, reason = "these are all")]
    match form {
        ValueType::List => {
            writer.length(size as u64);
            (0..size).for_each(|_| writer.string(&word(random)));
        }
        ValueType::ListZipList => {
            let elements: Vec<Vec<u8>> = (0..size).map(|_| word(random)).collect();
            writer.string(&zip_list(&elements));
        }
        ValueType::ListQuickList => {
            let nodes = 1 + random.below(4);
            writer.length(nodes as u64);
            for _ in 0..nodes {
                let elements: Vec<Vec<u8>> = (0..size).map(|_| word(random)).collect();
                writer.string(&zip_list(&elements));
            }
        }
        ValueType::SortedSet => old_members(size, &mut writer, random),
        ValueType::SortedSetZipList => {
            let mut scores: Vec<usize> = (0..size).map(|_| random.below(1000)).collect();
            scores.sort_unstable();
            let mut scores = scores.into_iter();
            let members = different(size, random);
            let words =
                pairs(members, || format!("{}.25", scores.next().unwrap_or(5000)).into_bytes());
            writer.string(&zip_list(&words));
        }
        ValueType::StreamListPacks => old_stream(size, &mut writer, random),
        ValueType::HashMetadataBeforeRelease => old_fields(size, &mut writer, random),
        ValueType::HashListPackExBeforeRelease => old_triples(size, &mut writer, random),
        form => {
            let words = pairs(different(size, random), || b"a value".to_vec());
            let bytes = if form == ValueType::HashZipMap {
                zip_map(&words, random)
            } else {
                zip_list(&words)
            };
            writer.string(&bytes);
        }
    }
    (form, writer.into_bytes())
}

/// Real servers still restore what they do not write any more, so they can say what it means.
#[test]
fn forms_of_old_mean_what_real_servers_say() {
    let Ok(oracle) = Oracle::find(Redis::V74) else { return };
    let server = oracle.launch().start();
    let mut client = server.client();
    for seed in 0..rounds() * 20 {
        let mut random = Random::from_seed(seed);
        let (form, bytes) = of_old(&mut random);
        let mut payload = vec![form.to_byte()];
        payload.extend_from_slice(&bytes);
        dump::seal(&mut payload, Version(6));
        done(&client.run("FLUSHALL"));
        let restored = client.call(&[b"RESTORE".as_slice(), b"k", b"0", &payload]);
        assert!(!restored.is_error(), "seed {seed}: {form:?}: {restored:?}");
        let expected = digest(&mut client);
        let encoding = text(&client.run("OBJECT ENCODING k"));
        let value = value::read(form, &mut Reader::new(bytes.as_slice()), &LIMITS)
            .unwrap_or_else(|error| panic!("seed {seed}: {form:?}: {error}"));
        let mut data = Dataset::new(Scores::Short);
        data.key(0, b"k", reference(&value), false);
        assert_eq!(data.digest().to_string(), expected, "seed {seed}: {form:?}");
        // Redis leaves a list that was a ziplist in the large form until it next becomes smaller.
        if form != ValueType::ListZipList {
            assert_eq!(name_of(&value), encoding, "seed {seed}: {form:?}");
        }
    }
}
