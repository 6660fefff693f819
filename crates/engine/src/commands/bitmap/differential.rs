//! The commands of this family and those of a real server.

use command::generate::{Call, Random, Style, call};

use super::super::side_by_side::compare;
use super::COMMANDS;

#[test]
fn real_server_agrees() {
    compare(drawn, KEYS, &[&["GET"], &["OBJECT", "ENCODING"], &["PEXPIRETIME"]]);
}

const KEYS: &[&str] = &["bits:{tag}", "bits:1", "bits:2", "string:1"];

fn drawn(random: &mut Random) -> Call {
    const NEWER: &[&[u8]] = &[b"DIFF", b"DIFF1", b"ANDOR", b"ONE"];
    if random.once_in(8) {
        return beginning(random);
    }
    loop {
        let command = COMMANDS[random.below(COMMANDS.len())];
        let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
        let mut words = call(command, style, random);
        enrich(&mut words, random);
        let is_newer = |word: &Vec<u8>| NEWER.iter().any(|newer| word.eq_ignore_ascii_case(newer));
        if !words.iter().any(is_newer) {
            return words;
        }
    }
}

/// Puts other numbers in the place of some: at the edges of offsets, positions, widths and values.
fn enrich(words: &mut Call, random: &mut Random) {
    const NUMBERS: &[&str] = &[
        "0",
        "1",
        "7",
        "8",
        "9",
        "63",
        "64",
        "127",
        "128",
        "255",
        "256",
        "8191",
        "8200",
        "20000",
        "-1",
        "-2",
        "-8",
        "-9",
        "-300",
        "-128",
        "-129",
        "4294967295",
        "4294967296",
        "4294967232",
        "9223372036854775807",
        "-9223372036854775808",
        "-9223372036854775681",
        "9223372036854775808",
        "#0",
        "#1",
        "#3",
        "#100",
        "#-1",
        "#",
        "#2000",
    ];
    const WIDTHS: &[&str] =
        &["i1", "u1", "i64", "u63", "u64", "i65", "i0", "u0", "u07", "i5", "U8", "i", "u33", "i16"];
    for word in words.iter_mut().skip(2) {
        let is_number = word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
        let is_width = matches!(word.as_slice(), [b'i' | b'u', digits @ ..] if digits.iter().all(u8::is_ascii_digit));
        if is_number && random.once_in(3) {
            *word = random.pick(NUMBERS).into();
        } else if is_width && random.once_in(2) {
            *word = random.pick(WIDTHS).into();
        }
        // Far offsets, where they are allowed, make half a gigabyte: only what is refused is tried.
        if matches!(word.as_slice(), b"4294967295" | b"4294967232" | b"2147483647" | b"2147483648")
        {
            *word = b"4294967296".into();
        }
    }
}

/// A call that leaves something to work on: zeros, ones or anything, of lengths around those at which something changes.
fn beginning(random: &mut Random) -> Call {
    const LENGTHS: &[usize] = &[0, 1, 2, 7, 8, 9, 44, 45, 63, 64, 65, 1023, 1024, 1025, 3000, 5000];
    let key = KEYS[random.below(KEYS.len())].as_bytes().to_vec();
    match random.below(5) {
        0 => vec![b"SET".into(), key, b"12345".into()],
        1 => vec![b"PEXPIREAT".into(), key, b"4000000000000".into()],
        2 => vec![b"DEL".into(), key],
        _ => {
            let length = random.pick(LENGTHS);
            let byte = random.pick(&[0, u8::MAX, b'x']);
            let mut value = vec![byte; length];
            if let Some(last) = value.last_mut() {
                *last = random.pick(&[byte, 0, u8::MAX, 1]);
            }
            vec![b"SET".into(), key, value]
        }
    }
}
