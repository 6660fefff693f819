//! Commands on bitmaps, and on `HyperLogLog`s: both are strings.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of both groups.
pub(super) struct Bits;

impl Generator for Bits {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] = &[
            set, single, single, single, count, count, position, position, combine, combine, field,
            field, field, add, add, add, estimate, merge, inside,
        ];
        vec![random.pick(KINDS)(random)]
    }
}

/// Mostly one of three that hold bits, else one of those that strings are drawn with.
fn key(random: &mut Random) -> Vec<u8> {
    const KEYS: &[&[u8]] = &[b"b1", b"b2", b"{tag}b"];
    if random.one_in(10) { pool::key(random) } else { random.pick(KEYS).to_vec() }
}

/// One that holds a `HyperLogLog` and nothing else ever: where several are merged, 7.4.1 takes some damaged ones for whole ones,
/// which later releases of both versions refuse for safety's sake.
fn estimator(random: &mut Random) -> Vec<u8> {
    random.pick::<&[u8]>(&[b"h1", b"h2", b"{tag}h"]).to_vec()
}

/// One of these, or what may be damaged, or no `HyperLogLog` at all.
fn any(random: &mut Random) -> Vec<u8> {
    if random.one_in(2) { estimator(random) } else { key(random) }
}

fn estimators(random: &mut Random) -> Vec<Vec<u8>> {
    (0..=random.below(3)).map(|_| estimator(random)).collect()
}

fn keys(random: &mut Random) -> Vec<Vec<u8>> {
    (0..=random.below(3)).map(|_| key(random)).collect()
}

/// Runs of equal bytes around the lengths at which something changes.
fn set(random: &mut Random) -> Step {
    let length = random.pick(&[0, 1, 2, 8, 9, 44, 45, 64, 255, 256, 1024, 1025, 4096]);
    let mut value = vec![random.pick(&[0, 0, u8::MAX, u8::MAX, b'a']); length];
    if let Some(last) = value.last_mut() {
        *last = random.pick(&[*last, 0, 1, 0x80, u8::MAX]);
    }
    Words::new("SET").word(key(random)).word(value).call()
}

/// An offset: near, or out of range. In between lie half a gigabyte of zeros.
fn bit_offset(random: &mut Random) -> Vec<u8> {
    let offsets = [
        "0",
        "1",
        "6",
        "7",
        "8",
        "63",
        "64",
        "359",
        "360",
        "8191",
        "8192",
        "20000",
        "-1",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "x",
        "",
        "1.0",
        "#1",
    ];
    random.pick(&offsets).into()
}

/// A bound of a range of bytes or of bits.
fn bound(random: &mut Random) -> Vec<u8> {
    if random.one_in(3) {
        return pool::offset(random);
    }
    random.pick(&["0", "1", "7", "8", "9", "15", "-1", "-2", "-8", "-9", "-17", "8191"]).into()
}

fn single(random: &mut Random) -> Step {
    let bit = random.pick(&["0", "1", "1", "1", "2", "-1", "x"]);
    match random.below(3) {
        0 => Words::new("GETBIT").word(key(random)).word(bit_offset(random)).call(),
        _ => Words::new("SETBIT").word(key(random)).word(bit_offset(random)).word(bit).call(),
    }
}

fn count(random: &mut Random) -> Step {
    let words = Words::new("BITCOUNT").word(key(random));
    if random.one_in(4) {
        return words.call();
    }
    let words = words.word(bound(random)).word(bound(random));
    words.maybe(random, 3, "BIT").maybe(random, 6, "byte").call()
}

fn position(random: &mut Random) -> Step {
    let bit = random.pick(&["0", "1", "0", "1", "2", "x"]);
    let mut words = Words::new("BITPOS").word(key(random)).word(bit);
    for _ in 0..random.below(3) {
        words = words.word(bound(random));
    }
    words.maybe(random, 3, "bit").maybe(random, 8, "BYTE").call()
}

fn combine(random: &mut Random) -> Step {
    let operation = random.pick(&["AND", "OR", "xor", "NOT", "nand"]);
    let mut sources = keys(random);
    if random.one_in(4) {
        sources.push(estimator(random));
    }
    Words::new("BITOP").word(operation).word(key(random)).words(sources).call()
}

fn field(random: &mut Random) -> Step {
    let command = random.pick(&["BITFIELD", "BITFIELD", "BITFIELD", "BITFIELD_RO"]);
    let mut words = Words::new(command).word(key(random));
    for _ in 0..random.below(4) {
        if random.one_in(3) {
            words = words.word("OVERFLOW").word(random.pick(&["WRAP", "sat", "FAIL", "none"]));
        }
        let kind =
            random.pick(&["u8", "i8", "u1", "i1", "u63", "i64", "i5", "u33", "u64", "i0", "x8"]);
        let offset = if random.one_in(3) {
            random.pick(&["#0", "#1", "#2", "#100", "#-1", "#x"]).into()
        } else {
            bit_offset(random)
        };
        words = match random.below(3) {
            0 => words.word("GET").word(kind).word(offset),
            1 => words.word("SET").word(kind).word(offset).word(pool::integer(random)),
            _ => words.word("INCRBY").word(kind).word(offset).word(pool::integer(random)),
        };
    }
    words.call()
}

fn add(random: &mut Random) -> Step {
    // Enough for runs of the sparse form to be split and merged, now and then too much for it.
    let most = random.pick(&[3, 20, 20, 100, 1500]);
    let elements = (0..random.below(most)).map(|_| {
        let number = random.number().to_le_bytes();
        number[..random.below(9)].to_vec()
    });
    let elements: Vec<Vec<u8>> = elements.collect();
    Words::new("PFADD").word(any(random)).words(elements).call()
}

fn estimate(random: &mut Random) -> Step {
    let words = Words::new("PFCOUNT");
    if random.one_in(2) { words.word(any(random)) } else { words.words(estimators(random)) }.call()
}

fn merge(random: &mut Random) -> Step {
    Words::new("PFMERGE").words(estimators(random)).call()
}

fn inside(random: &mut Random) -> Step {
    let subcommand = random.pick(&["ENCODING", "decode", "TODENSE", "GETREG", "none"]);
    Words::new("PFDEBUG").word(subcommand).word(any(random)).call()
}
