//! The commands of this family and those of a real server.

use command::generate::{Call, Random, Style, call};

use super::super::side_by_side::compare;
use super::COMMANDS;

#[test]
fn real_server_agrees() {
    compare(drawn, KEYS, &[&["OBJECT", "ENCODING"], &["ZCARD"]]);
}

const KEYS: &[&str] = &["geo:{tag}", "geo:1", "geo:2", "zset:1"];

fn drawn(random: &mut Random) -> Call {
    let key = KEYS[random.below(KEYS.len())].as_bytes().to_vec();
    match random.below(12) {
        0 if random.once_in(2) => vec![b"DEL".into(), key],
        0 => vec![b"ZRANGE".into(), key, b"0".into(), b"-1".into(), b"WITHSCORES".into()],
        // Scores that are no places.
        1 => {
            let score = random.pick(&[
                "-1",
                "1.5",
                "inf",
                "-inf",
                "1e300",
                "9007199254740993",
                "1e15",
                "-1e18",
            ]);
            let member = random.pick(&["a", "b", "c"]);
            vec![b"ZADD".into(), key, score.into(), member.into()]
        }
        2..6 => add(random, key),
        6..9 => search(random, key),
        _ => {
            let command = COMMANDS[random.below(COMMANDS.len())];
            let style = if random.once_in(3) { Style::Wild } else { Style::Valid };
            call(command, style, random)
        }
    }
}

/// A random number of so many thousandths, with more places.
fn thousandths(random: &mut Random, most: usize) -> String {
    let number = random.below(2_000_000 * most);
    let (sign, number) = if random.once_in(2) { ("-", number / 2) } else { ("", number / 2) };
    format!("{sign}{}.{:09}", number / 1_000_000_000, number % 1_000_000_000)
}

/// A point, and no other one just as far from anything: which of two such comes first, a partial sort does not say.
fn point(random: &mut Random) -> [Vec<u8>; 2] {
    const EDGES: [&[&str]; 2] = [
        &["180", "-180", "0", "180.0001", "nan", "x", "1e1"],
        &["85.05112878", "-85.05112878", "0", "85.06", "", "inf"],
    ];
    let (longitude, latitude) = match random.below(6) {
        0 => (180_000, 85_051),
        1 => (180_000, 66_500),
        2 => (1, 1),
        _ => (3_000, 2_000),
    };
    let mut point = [thousandths(random, longitude).into(), thousandths(random, latitude).into()];
    if random.once_in(12) {
        let which = random.below(2);
        point[which] = random.pick(EDGES[which]).into();
    }
    point
}

fn member(random: &mut Random) -> Vec<u8> {
    let number = random.below(40);
    // The names end in what makes some of them integers.
    if number < 10 { number.to_string().into_bytes() } else { format!("m{number}").into_bytes() }
}

fn add(random: &mut Random, key: Vec<u8>) -> Call {
    let mut words = vec![b"GEOADD".to_vec(), key];
    if random.once_in(4) {
        let option = random.pick(&["NX", "xx", "CH"]);
        words.push(option.into());
    }
    for _ in 0..=random.below(8) {
        words.extend(point(random));
        words.push(member(random));
    }
    words
}

fn search(random: &mut Random, key: Vec<u8>) -> Call {
    const RADII: &[&str] =
        &["0", "1", "100", "500.5", "2000", "10000", "30000", "-1", "1e10", "inf", "0.001", "x"];
    const UNITS: &[&str] = &["m", "KM", "km", "km", "ft", "mi", "Mi", "cm"];
    let mut words = Vec::new();
    let pushed =
        |words: &[&str]| -> Vec<Vec<u8>> { words.iter().map(|&word| word.into()).collect() };
    let kind = random.below(6);
    match kind {
        0 => {
            words.extend([b"GEORADIUS".to_vec(), key]);
            words.extend(point(random));
            words.extend(pushed(&[random.pick(RADII), random.pick(UNITS)]));
        }
        1 => {
            words.extend([b"GEORADIUSBYMEMBER".to_vec(), key, member(random)]);
            words.extend(pushed(&[random.pick(RADII), random.pick(UNITS)]));
        }
        _ => {
            if kind == 2 {
                words.extend([b"GEOSEARCHSTORE".to_vec(), KEYS[random.below(2)].into(), key]);
            } else {
                words.extend([b"GEOSEARCH".to_vec(), key]);
            }
            if random.once_in(2) {
                words.extend([b"FROMMEMBER".to_vec(), member(random)]);
            } else {
                words.push(b"FROMLONLAT".to_vec());
                words.extend(point(random));
            }
            if random.once_in(2) {
                words.extend(pushed(&["BYRADIUS", random.pick(RADII), random.pick(UNITS)]));
            } else {
                let (width, height) = (random.pick(RADII), random.pick(RADII));
                words.extend(pushed(&["BYBOX", width, height, random.pick(UNITS)]));
            }
        }
    }
    for option in ["WITHCOORD", "WITHDIST", "WITHHASH", "ASC", "desc", "ANY", "STOREDIST"] {
        if random.once_in(if option == "STOREDIST" { 12 } else { 4 }) {
            words.push(option.into());
        }
    }
    if random.once_in(2) {
        words.push(b"COUNT".to_vec());
        words.push(random.pick(&["1", "2", "5", "100", "0", "-1", "x"]).into());
    }
    if kind < 2 && random.once_in(6) {
        let option = random.pick(&["STORE", "STOREDIST"]);
        words.extend([option.into(), KEYS[random.below(KEYS.len())].into()]);
    }
    words
}
