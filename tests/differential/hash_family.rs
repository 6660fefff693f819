//! Commands on hashes, and on the times at which their fields expire.

use std::time::Duration;

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of the group but for those that choose at random.
pub(super) struct Hashes;

impl Generator for Hashes {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            set, set, set, set, get, get, get, all, all, delete, delete, number, number, scan,
            expire, expire, expire, lifetime, lifetime, persist, other,
        ];
        if random.one_in(15) {
            return expired(random);
        }
        vec![random.pick(KINDS)(random)]
    }
}

/// Mostly one of three that hold hashes, else one of those that strings are drawn with.
fn key(random: &mut Random) -> Vec<u8> {
    const KEYS: &[&[u8]] = &[b"h1", b"h2", b"{tag}h"];
    if random.one_in(15) { pool::key(random) } else { random.pick(KEYS).to_vec() }
}

fn field(random: &mut Random) -> Vec<u8> {
    const FIELDS: &[&[u8]] = &[b"f1", b"f2", b"f3", b"10", b"", b"bin\x00\xff", b"-1"];
    match random.below(30) {
        0 => vec![b'f'; random.pick(&[63, 64, 65, 300])],
        1 => pool::value(random),
        _ => random.pick(FIELDS).to_vec(),
    }
}

fn fields(random: &mut Random) -> Vec<Vec<u8>> {
    (0..=random.below(3)).map(|_| field(random)).collect()
}

/// `FIELDS`, how many, and they.
fn counted_fields(random: &mut Random) -> Vec<Vec<u8>> {
    let fields = fields(random);
    let count = if random.one_in(30) { pool::integer(random) } else { decimal(fields.len()) };
    [b"FIELDS".to_vec(), count].into_iter().chain(fields).collect()
}

fn decimal(number: impl std::fmt::Display) -> Vec<u8> {
    format!("{number}").into_bytes()
}

fn set(random: &mut Random) -> Step {
    if random.one_in(5) {
        let words = Words::new("HSETNX").word(key(random)).word(field(random));
        return words.word(pool::value(random)).call();
    }
    let mut words = Words::new(random.pick(&["HSET", "HSET", "HMSET"])).word(key(random));
    for _ in 0..=random.below(4) {
        words = words.word(field(random)).word(pool::value(random));
    }
    words.call()
}

fn get(random: &mut Random) -> Step {
    let command = random.pick(&["HGET", "HEXISTS", "HSTRLEN", "HMGET"]);
    let words = Words::new(command).word(key(random));
    if command == "HMGET" {
        return words.words(fields(random)).call();
    }
    words.word(field(random)).call()
}

fn all(random: &mut Random) -> Step {
    Words::new(random.pick(&["HGETALL", "HKEYS", "HVALS", "HLEN"])).word(key(random)).call()
}

fn delete(random: &mut Random) -> Step {
    Words::new("HDEL").word(key(random)).words(fields(random)).call()
}

fn number(random: &mut Random) -> Step {
    if random.one_in(2) {
        let words = Words::new("HINCRBY").word(key(random)).word(field(random));
        words.word(pool::integer(random)).call()
    } else {
        let words = Words::new("HINCRBYFLOAT").word(key(random)).word(field(random));
        words.word(pool::float(random)).call()
    }
}

/// The whole hash, since which part of a table a call visits is each server's own affair.
fn scan(random: &mut Random) -> Step {
    let words = Words::new("HSCAN").word(key(random)).word("0").word("COUNT").word("1000");
    let words = words.maybe(random, 3, "NOVALUES");
    if random.one_in(2) { words.word("MATCH").word(pool::pattern(random)) } else { words }.call()
}

fn expire(random: &mut Random) -> Step {
    let command = random.pick(&["HEXPIRE", "HPEXPIRE", "HEXPIREAT", "HPEXPIREAT"]);
    let time = match (random.below(8), command) {
        (0, _) => pool::odd(random),
        (1, _) => b"0".to_vec(),
        (2, _) => random.pick(&["70368744177663", "70368744177664", "70368744178", "-1"]).into(),
        (_, "HEXPIRE") => decimal(1000 * (1 + random.below(5))),
        (_, "HPEXPIRE") => decimal(1_000_000 * (1 + random.below(5))),
        (3, "HEXPIREAT" | "HPEXPIREAT") => b"1".to_vec(),
        (_, "HEXPIREAT") => decimal(4_102_444_800_u64 + random.below(3) as u64),
        _ => decimal(4_102_444_800_000_u64 + random.below(2000) as u64),
    };
    let mut words = Words::new(command).word(key(random)).word(time);
    if random.one_in(2) {
        words = words.word(random.pick(&["NX", "XX", "GT", "LT"]));
    }
    words.words(counted_fields(random)).call()
}

fn lifetime(random: &mut Random) -> Step {
    let command = random.pick(&["HTTL", "HPTTL", "HEXPIRETIME", "HPEXPIRETIME"]);
    Words::new(command).word(key(random)).words(counted_fields(random)).call()
}

fn persist(random: &mut Random) -> Step {
    Words::new("HPERSIST").word(key(random)).words(counted_fields(random)).call()
}

/// Something that happens to hashes as to values of any type.
fn other(random: &mut Random) -> Step {
    let command =
        random.pick(&["DEL", "TYPE", "OBJECT ENCODING", "EXISTS", "PERSIST", "COPY", "RENAME"]);
    let words = Words::new(command).word(key(random));
    match command {
        "COPY" => words.word(key(random)).maybe(random, 2, "REPLACE").call(),
        "RENAME" => words.word(key(random)).call(),
        _ => words.call(),
    }
}

/// A field expires: for certain, and on both servers before the next step, which is one that meets it. What other commands
/// do about a field that has expired and was not met is not the same in both.
fn expired(random: &mut Random) -> Vec<Step> {
    let key = key(random);
    let field = field(random);
    let call = |line: &str, rest: &[&[u8]]| {
        let rest = rest.iter().map(|word| word.to_vec());
        Words::new(line).word(key.clone()).words(rest).call()
    };
    let tell = call("HPEXPIRE", &[b"1", b"FIELDS", b"1", &field]);
    let unseen = match random.below(5) {
        0 => call("HGETALL", &[]),
        1 => call("HLEN", &[]),
        2 => call("HPTTL", &[b"FIELDS", b"1", &field]),
        3 => call("HPERSIST", &[b"FIELDS", b"1", &field]),
        _ => call("HSCAN", &[b"0", b"COUNT", b"1000"]),
    };
    let meets = match random.below(6) {
        0 => call("HGET", &[&field]),
        1 => call("HMGET", &[&field, b"f1"]),
        2 => call("HINCRBY", &[&field, b"1"]),
        3 => call("HSETNX", &[&field, b"value"]),
        4 => call("HSET", &[&field, b"value"]),
        _ => call("HDEL", &[&field]),
    };
    vec![tell, Step::Elapse(Duration::from_millis(3)), unseen, meets]
}
