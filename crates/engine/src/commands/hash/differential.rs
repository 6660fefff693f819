//! The commands of this family and those of a real server, called with the same random words: every reply must be equal, and
//! what is there after it.
//!
//! Fields expire on both at the same time, and the real one is kept from searching for them, so what is compared is what
//! commands do when they meet them. `OCHRE_ROUNDS` tries more cases than the few of every test run.

use command::generate::{Call, Random, Style, call};
use harness::{Client, Oracle, Protocol, Version};
use resp::Value;

use super::COMMANDS;
use crate::testing::Server;

const ROUNDS: u64 = 40;
const CALLS: usize = 60;
/// How much later the one server may be than the other.
const APART_MS: u64 = 2000;

#[test]
fn real_server_agrees() {
    let Ok(oracle) = Oracle::find(Version::V74) else { return };
    let real = oracle.launch().start();
    let rounds = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let first = std::env::var("OCHRE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for seed in first..first + rounds.unwrap_or(ROUNDS) {
        Case::new(real.client(), seed).run();
    }
}

/// One sequence of calls.
struct Case {
    theirs: Client,
    ours: Server,
    random: Random,
    seed: u64,
    told: Vec<String>,
}

impl Case {
    fn new(mut theirs: Client, seed: u64) -> Case {
        let mut random = Random::new(seed);
        let mut ours = Server::new();
        theirs.run("FLUSHALL");
        theirs.run("DEBUG SET-ACTIVE-EXPIRE 0");
        // Half of the cases go through all encodings.
        let (entries, bytes) = if random.once_in(2) { (3, 8) } else { (512, 64) };
        theirs.run(&format!("CONFIG SET hash-max-listpack-entries {entries}"));
        theirs.run(&format!("CONFIG SET hash-max-listpack-value {bytes}"));
        ours.configure(|config| {
            config.data_structures.hash_compact_entries = entries;
            config.data_structures.hash_compact_value_bytes = bytes;
        });
        if random.once_in(2) {
            theirs.hello(Protocol::Resp3);
            ours.speak(resp::Protocol::Resp3);
        }
        theirs.run("SET string:1 value");
        ours.say("SET string:1 value");
        Case { theirs, ours, random, seed, told: Vec::new() }
    }

    fn run(&mut self) {
        for _ in 0..CALLS {
            let words = if self.random.once_in(12) { self.soon() } else { drawn(&mut self.random) };
            let name = words[0].to_ascii_uppercase();
            if name == b"HRANDFIELD" || name.windows(6).any(|part| part == b"EXPIRE") {
                self.meet_expired(&words);
            }
            let shown = words.iter().map(|word| word.escape_ascii().to_string());
            self.told.push(shown.collect::<Vec<_>>().join(" "));
            self.ours.now_ms = clock(&mut self.theirs);
            let expected = their_answer(&mut self.theirs, &words);
            let answered = decoded(&self.ours.answer(&words));
            if words.last().is_some_and(|word| word == SOON) {
                // A field that was to expire soon did while it was told, or does so now.
                let late = clock(&mut self.theirs);
                if deadline(&words) <= late {
                    return;
                }
                while clock(&mut self.theirs) <= deadline(&words) + 1 {}
            }
            self.compare(&words, &answered, &expected);
            for key in KEYS {
                self.compare_state(key);
            }
        }
    }

    /// Has fields that have expired removed: a real server that has not removed one yet lets it live on when it is told to
    /// expire later, though nobody can see it any more. Here it is gone for every command. And HRANDFIELD removes there
    /// what it happens to draw.
    fn meet_expired(&mut self, words: &Call) {
        let Some(key) = words.get(1) else { return };
        let words = [b"HMGET".as_slice(), key, b"f1", b"f2", b"f3", b"10"].map(<[u8]>::to_vec);
        self.ours.now_ms = clock(&mut self.theirs);
        their_answer(&mut self.theirs, &words.to_vec());
        self.ours.answer(&words);
    }

    /// A call that tells a field to expire so soon that the next call finds it expired.
    fn soon(&mut self) -> Call {
        const SOON_MS: i64 = 40;
        let key = self.random.pick(KEYS);
        let field = self.random.pick(&["f1", "f2", "f3", "10"]);
        let at = (clock(&mut self.theirs) + SOON_MS).to_string();
        let words = ["HPEXPIREAT", key, &at, "FIELDS", "2", field, "soon"];
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[track_caller]
    fn compare(&mut self, words: &Call, ours: &Value, theirs: &Value) {
        let name = words[0].to_ascii_uppercase();
        let text = |index: usize| words.get(index).map_or(&b""[..], Vec::as_slice);
        let in_order = self.encoding(text(1)) != "hashtable";
        let is_same = match name.as_slice() {
            b"HTTL" | b"HPTTL" | b"HEXPIRETIME" | b"HPEXPIRETIME" => near(ours, theirs),
            b"HRANDFIELD" => same_size(ours, theirs),
            b"HGETALL" | b"HKEYS" | b"HVALS" | b"HSCAN" if !in_order => {
                sorted(ours) == sorted(theirs)
            }
            _ => ours == theirs,
        };
        let (seed, told) = (self.seed, &self.told);
        assert!(is_same, "seed {seed}: {ours:?}, not {theirs:?}: {told:#?}");
    }

    fn encoding(&mut self, key: &[u8]) -> String {
        let answer = self.ours.answer(&[b"OBJECT".as_slice(), b"ENCODING", key]);
        decoded(&answer).as_text().unwrap_or_default()
    }

    #[track_caller]
    fn compare_state(&mut self, key: &str) {
        for line in
            [format!("OBJECT ENCODING {key}"), format!("HGETALL {key}"), format!("HLEN {key}")]
        {
            let words: Call = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            self.ours.now_ms = clock(&mut self.theirs);
            let theirs = their_answer(&mut self.theirs, &words);
            let ours = decoded(&self.ours.answer(&words));
            self.told.push(format!("(state) {line}"));
            self.compare(&words, &ours, &theirs);
            self.told.pop();
        }
        let words = ["HPEXPIRETIME", key, "FIELDS", "5", "f1", "f2", "f3", "10", ""];
        let words: Call = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let theirs = their_answer(&mut self.theirs, &words);
        let ours = decoded(&self.ours.answer(&words));
        self.compare(&words, &ours, &theirs);
    }
}

/// The time that a call of [`Case::soon`] says.
fn deadline(words: &Call) -> i64 {
    let number = words.get(2).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    number.expect("a time")
}

const KEYS: &[&str] = &["hash:{tag}", "hash:1", "hash:2"];
/// Ends the words of a call whose field expires soon; no such field is ever set.
const SOON: &[u8] = b"soon";

/// A call of a command that the real server has.
fn drawn(random: &mut Random) -> Call {
    loop {
        let command = COMMANDS[random.below(COMMANDS.len())];
        if command.since.starts_with('8') {
            continue;
        }
        let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
        let mut words = call(command, style, random);
        enrich(&mut words, random);
        if command.name.contains("EXPIRE") && !command.name.ends_with("TIME") {
            put_off(&mut words);
        }
        if command.name == "HSCAN" {
            visit_all(&mut words);
        }
        if command.name == "HRANDFIELD" && words.get(2).is_some_and(|count| 4 < count.len()) {
            // A real server would try to answer with as many fields as that.
            continue;
        }
        return words;
    }
}

/// Makes an HSCAN visit everything at once: where in a table fields lie is each server's own affair.
fn visit_all(words: &mut Call) {
    let is_number = |word: &Vec<u8>| !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    if let Some(cursor) = words.get_mut(2).filter(|cursor| is_number(cursor)) {
        *cursor = b"0".to_vec();
    }
    for word in words.iter_mut().skip(3).filter(|word| is_number(word) && word.len() < 3) {
        if word.iter().any(|digit| *digit != b'0') {
            *word = b"100".to_vec();
        }
    }
}

/// Makes short durations long, so that no field expires on the way from one server to the other.
fn put_off(words: &mut Call) {
    if let Some(word) = words.get_mut(2)
        && word.len() < 4
        && matches!(word.as_slice(), [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit))
    {
        word.extend_from_slice(b"000000");
    }
}

/// Puts other values in the place of some: at the edges of what is a number, of encodings, and of times.
fn enrich(words: &mut Call, random: &mut Random) {
    const NUMBERS: &[&[u8]] = &[
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9223372036854775808",
        b"00000000000000000001",
        b"-0",
        b"+5",
        b"3.0",
        b"1.7976931348623157e308",
        b"0.12345678901234567",
        b"1e4000",
        b"-3.00000",
        b"70368744177663",
        b"70368744177664",
        b"70368744178",
        b"4102444800000",
        b"4102444800999",
        b"4102444800",
        b"4102444801",
    ];
    const LENGTHS: &[usize] = &[7, 8, 9, 63, 64, 65, 300, 20_000];
    for word in words.iter_mut().skip(2) {
        match random.below(20) {
            0 => *word = random.pick(NUMBERS).to_vec(),
            1 => *word = vec![b'x'; random.pick(LENGTHS)],
            _ => {}
        }
    }
}

fn clock(client: &mut Client) -> i64 {
    let time = client.run("TIME");
    let parts = time.as_array().expect("TIME answers two numbers");
    let part = |index: usize| parts[index].as_text().and_then(|text| text.parse::<i64>().ok());
    let (seconds, microseconds) = part(0).zip(part(1)).expect("TIME answers two numbers");
    seconds * 1000 + microseconds / 1000
}

fn their_answer(client: &mut Client, words: &Call) -> Value {
    client.send(words).expect("the real server reads");
    decoded(&client.read_reply_bytes().expect("the real server answers"))
}

fn decoded(bytes: &[u8]) -> Value {
    match Value::decode(bytes) {
        Ok(Some((value, used))) if used == bytes.len() => value,
        other => panic!("{other:?} of {}", bytes.escape_ascii()),
    }
}

/// Whether two lists of times agree, but for the time that passed between the calls that made them.
fn near(ours: &Value, theirs: &Value) -> bool {
    let (Some(ours), Some(theirs)) = (ours.as_array(), theirs.as_array()) else {
        return ours == theirs;
    };
    let times = |values: &[Value]| -> Vec<i64> {
        values.iter().map(|value| value.as_integer().expect("a time")).collect()
    };
    let mut pairs = times(ours).into_iter().zip(times(theirs));
    ours.len() == theirs.len()
        && pairs.all(|(ours, theirs)| {
            if ours < 0 || theirs < 0 { ours == theirs } else { ours.abs_diff(theirs) < APART_MS }
        })
}

/// Whether two lists, chosen at random, are equally long, and so are the lists in them.
fn same_size(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_array(), theirs.as_array()) {
        (Some(ours), Some(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|(ours, theirs)| {
                    let length = |value: &Value| value.as_array().map(<[Value]>::len);
                    length(ours) == length(theirs)
                })
        }
        _ => {
            ours == theirs
                || ours.as_bytes().is_some() && theirs.as_bytes().is_some() && !ours.is_error()
        }
    }
}

/// What a table holds, in the order of the bytes: names with their values.
fn sorted(value: &Value) -> Vec<String> {
    let shown = |value: &Value| format!("{value:?}");
    let mut elements: Vec<String> = if let Value::Map(pairs) = value {
        pairs.iter().map(|(name, value)| shown(name) + &shown(value)).collect()
    } else if let Some([cursor, Value::Array(fields)]) = value.as_array() {
        // Of HSCAN.
        fields.iter().chain([cursor]).map(shown).collect()
    } else {
        value.as_array().map_or_else(|| vec![shown(value)], |all| all.iter().map(shown).collect())
    };
    elements.sort_unstable();
    elements
}
