//! Commands on places.

use harness::Random;

use super::pool::{self, Words};
use super::step::{Generator, Step};

/// All commands of the group.
pub(super) struct Places;

impl Generator for Places {
    fn steps(&self, random: &mut Random) -> Vec<Step> {
        const KINDS: &[fn(&mut Random) -> Step] =
            &[add, add, add, ask, ask, search, search, search, radius, radius_by_member, other];
        vec![random.pick(KINDS)(random)]
    }
}

fn key(random: &mut Random) -> Vec<u8> {
    const KEYS: &[&[u8]] = &[b"g1", b"g2", b"{tag}g"];
    if random.one_in(15) { pool::key(random) } else { random.pick(KEYS).to_vec() }
}

fn member(random: &mut Random) -> Vec<u8> {
    let number = random.below(30);
    if number < 8 { number.to_string().into_bytes() } else { format!("m{number}").into_bytes() }
}

/// Degrees with so many places that no two points are equally far from anything: which of two such comes first, a partial
/// sort does not say.
fn degrees(random: &mut Random, limit: usize) -> Vec<u8> {
    let sign = if random.one_in(2) { "-" } else { "" };
    format!("{sign}{}.{:08}", random.below(limit), random.below(100_000_000)).into_bytes()
}

fn point(random: &mut Random) -> Vec<Vec<u8>> {
    let (longitude, latitude) = random.pick(&[(180, 85), (180, 60), (3, 2), (3, 2), (1, 1)]);
    let mut point = vec![degrees(random, longitude), degrees(random, latitude)];
    match random.below(15) {
        0 => point[0] = random.pick(&["180", "-180", "181", "nan", "x", ""]).into(),
        1 => point[1] = random.pick(&["85.05112878", "-85.05112878", "86", "inf", " 1"]).into(),
        _ => {}
    }
    point
}

fn add(random: &mut Random) -> Step {
    let mut words = Words::new("GEOADD").word(key(random));
    words = words.maybe(random, 6, "NX").maybe(random, 8, "xx").maybe(random, 6, "CH");
    for _ in 0..=random.below(6) {
        words = words.words(point(random)).word(member(random));
    }
    words.call()
}

fn ask(random: &mut Random) -> Step {
    let words = match random.below(3) {
        0 => Words::new("GEOPOS").word(key(random)),
        1 => Words::new("GEOHASH").word(key(random)),
        _ => {
            let words = Words::new("GEODIST").word(key(random)).word(member(random));
            let words = words.word(member(random));
            let unit = random.pick(&["m", "KM", "ft", "mi", "cm"]);
            return words.maybe(random, 2, unit).call();
        }
    };
    let members: Vec<Vec<u8>> = (0..random.below(4)).map(|_| member(random)).collect();
    words.words(members).call()
}

/// A length and no unit.
fn length(random: &mut Random) -> &'static str {
    random.pick(&["0", "1", "50", "300.25", "1500", "9000", "40000", "-1", "inf", "x", "1e-3"])
}

fn unit(random: &mut Random) -> &'static str {
    random.pick(&["m", "km", "km", "KM", "ft", "mi", "yd"])
}

fn options(mut words: Words, random: &mut Random) -> Words {
    for option in ["WITHCOORD", "withdist", "WITHHASH", "ASC", "DESC", "ANY"] {
        words = words.maybe(random, 4, option);
    }
    if random.one_in(2) {
        words = words.word("COUNT").word(random.pick(&["1", "2", "4", "100", "0", "-1", "x"]));
    }
    words
}

fn search(random: &mut Random) -> Step {
    let mut words = if random.one_in(3) {
        Words::new("GEOSEARCHSTORE").word(key(random)).word(key(random))
    } else {
        Words::new("GEOSEARCH").word(key(random))
    };
    words = if random.one_in(2) {
        words.word("FROMMEMBER").word(member(random))
    } else {
        words.word("FROMLONLAT").words(point(random))
    };
    words = if random.one_in(2) {
        words.word("BYRADIUS").word(length(random)).word(unit(random))
    } else {
        words.word("BYBOX").word(length(random)).word(length(random)).word(unit(random))
    };
    options(words, random).maybe(random, 8, "STOREDIST").call()
}

fn radius(random: &mut Random) -> Step {
    let command = random.pick(&["GEORADIUS", "GEORADIUS_RO"]);
    let words = Words::new(command).word(key(random)).words(point(random));
    stored(words, random)
}

fn radius_by_member(random: &mut Random) -> Step {
    let command = random.pick(&["GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"]);
    let words = Words::new(command).word(key(random)).word(member(random));
    stored(words, random)
}

fn stored(words: Words, random: &mut Random) -> Step {
    let words = options(words.word(length(random)).word(unit(random)), random);
    if random.one_in(6) {
        return words.word(random.pick(&["STORE", "storedist"])).word(key(random)).call();
    }
    words.call()
}

/// Scores that are no places, and members that leave.
fn other(random: &mut Random) -> Step {
    let key = key(random);
    match random.below(3) {
        0 => Words::new("ZADD").word(key).word(pool::float(random)).word(member(random)).call(),
        1 => Words::new("ZREM").word(key).word(member(random)).call(),
        _ => Words::new("ZRANGE")
            .word(key)
            .words([b"0".into(), b"-1".into()])
            .word("WITHSCORES")
            .call(),
    }
}
