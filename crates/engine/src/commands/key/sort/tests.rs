//! SORT beside a real server, and what that does not show.

use command::generate::{Call, Random, Style, call};

use super::super::super::side_by_side::compare;
use super::{SORT, SORT_RO, needs_everything};
use crate::testing::Server;

#[test]
fn real_server_agrees() {
    compare(drawn, KEYS, &[&["OBJECT", "ENCODING"], &["LLEN"]]);
}

const KEYS: &[&str] = &["list:1", "list:2", "set:1", "zset:1", "weight_1", "w_a"];

fn drawn(random: &mut Random) -> Call {
    let split =
        |line: &str| -> Call { line.split(' ').map(|word| word.as_bytes().to_vec()).collect() };
    let number = random.below(12);
    let element = random.pick(&["1", "2", "3", "10", "-5", "2.5", "a", "b", "c", "aa", ""]);
    // Mostly numbers: one other element, and nothing can be sorted as numbers.
    let element = if random.once_in(4) { element.to_owned() } else { number.to_string() };
    match random.below(16) {
        0 => split(&format!("DEL {}", KEYS[random.below(KEYS.len())])),
        1 | 2 => split(&format!("RPUSH list:{} {element} {number}", 1 + random.below(2))),
        // Members of small sets of integers come in one order, others in any.
        3 => split(&format!("SADD set:1 {number}")),
        4 | 5 => split(&format!("ZADD zset:1 {} {element}", random.below(5))),
        6 => split(&format!("SET weight_{number} {}", random.below(100))),
        7 => split(&format!(
            "SET w_{element} {}",
            random.pick(&["x", "y", "7", "1e3", "inf", "nan", ""])
        )),
        8 => split(&format!("HSET h_{number} f {} g {element}", random.below(50))),
        9 => split(&format!("LRANGE list:{} 0 -1", 1 + random.below(2))),
        _ => sort(random),
    }
}

const PATTERNS: &[&str] = &[
    "weight_*", "h_*->f", "h_*->g", "w_*", "nosort", "#", "*", "none_*", "h_*->", "->f_*", "w_*->f",
];

/// A call that the grammar allows, or nearly; none where the order among elements with the same text would show.
fn from_grammar(random: &mut Random) -> Call {
    loop {
        let command = if random.once_in(2) { &SORT } else { &SORT_RO };
        let style = if random.once_in(2) { Style::Wild } else { Style::Valid };
        let words = call(command, style, random);
        let has = |name: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(name));
        if !(has(b"ALPHA") && has(b"BY")) {
            return words;
        }
    }
}

fn sort(random: &mut Random) -> Call {
    if random.once_in(4) {
        return from_grammar(random);
    }
    let name = random.pick(&["SORT", "sort", "SORT_RO"]);
    let key = random.pick(KEYS);
    let mut words: Vec<String> = vec![name.into(), key.into()];
    let mut is_total = true;
    if random.once_in(2) {
        let pattern = random.pick(PATTERNS);
        is_total = false;
        words.extend(["BY".into(), pattern.into()]);
    }
    while random.once_in(3) {
        words.extend(["GET".into(), random.pick(PATTERNS).into()]);
    }
    // Which of several elements with the same text come first, a partial sort does not say, nor does a sorted set.
    let is_alphabetic = random.once_in(2) && (is_total || key != "zset:1");
    if is_alphabetic {
        words.push("ALPHA".into());
    }
    if (is_total || !is_alphabetic) && random.once_in(2) {
        let numbers =
            ["0", "1", "2", "5", "-1", "100", "9223372036854775807", "x", "-9223372036854775808"];
        words.extend(["LIMIT".into(), random.pick(&numbers).into(), random.pick(&numbers).into()]);
    }
    if random.once_in(2) {
        words.push(random.pick(&["ASC", "desc"]).into());
    }
    if random.once_in(4) {
        words.extend(["STORE".into(), KEYS[random.below(2)].into()]);
    }
    words.into_iter().map(String::into_bytes).collect()
}

#[test]
fn only_patterns_need_everything() {
    for (line, expected) in [
        ("SORT k", false),
        ("SORT k BY nosort GET # LIMIT 0 1 STORE d", false),
        ("SORT k BY w_*", true),
        ("SORT k GET # GET o_*->f", true),
        ("SORT k STORE GET BY x", false),
        ("SORT k LIMIT BY w_*", false),
        ("SORT k BY", false),
    ] {
        let words: resp::OwnedWords = line.split(' ').collect();
        assert_eq!(needs_everything(words.as_words()), expected, "{line}");
    }
}

#[test]
fn lists_are_stored_and_told() {
    let mut server = Server::new();
    server.say("RPUSH {t}l 3 1 2");
    server.say("SET {t}1 one");
    server.effects();
    assert_eq!(server.say("SORT {t}l GET {t}* STORE {t}d"), ":3");
    assert_eq!(server.say("LRANGE {t}d 0 -1"), "*3 $3 one $0  $0");
    assert_eq!(server.effects().last().map(String::as_str), Some("SORT {t}l GET {t}* STORE {t}d"));
    assert_eq!(server.say("SORT {t}l LIMIT 5 1 STORE {t}d"), ":0");
    assert_eq!(server.say("EXISTS {t}d"), ":0");
    assert_eq!(server.effects(), ["SORT {t}l LIMIT 5 1 STORE {t}d"]);
    assert_eq!(server.say("SORT {t}none STORE {t}d"), ":0");
    assert!(server.effects().is_empty());
}

#[test]
fn patterns_reach_all_keys_in_transactions_too() {
    let mut server = Server::new();
    server.say("RPUSH l 2 1");
    server.say("MSET w_1 5 w_2 3");
    server.say("MULTI");
    assert_eq!(server.say("SORT l BY w_* GET # GET w_*"), "+QUEUED");
    assert_eq!(server.say("EXEC"), "*1 *4 $1 2 $1 3 $1 1 $1 5");
}
