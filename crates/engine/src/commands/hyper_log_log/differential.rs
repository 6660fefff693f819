//! The commands of this family and those of a real server: their values must be the same byte for byte.

use command::generate::{Call, Random, Style, call};

use super::super::side_by_side::compare;
use super::COMMANDS;

#[test]
fn real_server_agrees() {
    compare(drawn, KEYS, &[&["GET"], &["OBJECT", "ENCODING"], &["PFDEBUG", "ENCODING"]]);
}

const KEYS: &[&str] = &["hll:{tag}", "hll:1", "hll:2"];

fn drawn(random: &mut Random) -> Call {
    let key = KEYS[random.below(KEYS.len())].as_bytes().to_vec();
    match random.below(10) {
        0 => broken(random, key),
        1 => vec![b"DEL".into(), key],
        2 => {
            let subcommand = random.pick(&["GETREG", "decode", "ENCODING", "ToDense", "none"]);
            vec![b"PFDEBUG".into(), subcommand.into(), key]
        }
        3 => vec![b"PFCOUNT".into(), key],
        4..7 => {
            // Enough to split and merge runs, now and then enough for more than the sparse form holds.
            let most = random.pick(&[3, 30, 30, 200, 1500]);
            let elements = (0..=random.below(most)).map(|_| element(random));
            [b"PFADD".into(), key].into_iter().chain(elements).collect()
        }
        _ => loop {
            let command = COMMANDS[random.below(COMMANDS.len())];
            let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
            // It takes seconds.
            if command.name != "PFSELFTEST" {
                return call(command, style, random);
            }
        },
    }
}

fn element(random: &mut Random) -> Vec<u8> {
    let number = random.number().to_le_bytes();
    let length = random.below(9);
    let mut element = number[..length].to_vec();
    if random.once_in(10) {
        element.extend(number.repeat(3));
    }
    element
}

/// A value that is none, or almost one. (What real servers make of runs that are too long is not always an error there.)
fn broken(random: &mut Random, key: Vec<u8>) -> Call {
    const VALUES: &[&[u8]] = &[
        b"10",
        b"",
        b"HYLL",
        b"HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80",
        b"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80",
        b"HYLL\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff",
        b"hyll\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff",
        b"HYLL\x01\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x7f\xff",
        b"HYLL\x01\x01\x02\x03\x05\x00\x00\x00\x00\x00\x00\x80\x7f\xff",
        b"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xfe",
        b"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x80\x83\xa0\x7f\xfa",
        b"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x80\x80\x80\x80\x80\x7f\xfa",
    ];
    vec![b"SET".into(), key, random.pick(VALUES).into()]
}
