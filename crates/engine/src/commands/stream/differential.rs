//! The commands of streams and those of a real server, called with the same random words: every reply must be equal, and
//! what is there after it, down to the bytes of the nodes.
//!
//! Times are compared roughly: the two servers don't get a call in the same millisecond. `OCHRE_ROUNDS` tries more cases than
//! the few of every test run.

use collections::Stream;
use command::Command as Declaration;
use command::generate::{Call, Random, Style, call};
use harness::{Client, Oracle, Protocol, Version};
use resp::Value;

use super::COMMANDS;
use crate::testing::Server;
use crate::worker::Gate;

const ROUNDS: u64 = 40;
const CALLS: usize = 100;

/// The keys of streams, and one of a string.
const KEYS: &[&str] = &["k1", "k2", "k3"];

#[test]
fn real_server_agrees() {
    let Ok(oracle) = Oracle::find(Version::V74) else { return };
    let real = oracle.launch().start();
    let rounds = std::env::var("OCHRE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for seed in 0..rounds.unwrap_or(ROUNDS) {
        let mut random = Random::new(seed);
        let mut theirs = real.client();
        let mut ours = Server::new();
        prepare(&mut ours, &mut theirs, &mut random);
        let mut told = Vec::new();
        let mut calls = Calls { last: 1 };
        let mut changes = (ours.changes(), their_changes(&mut theirs));
        for _ in 0..CALLS {
            let words = calls.draw(&mut random);
            let shown = words.iter().map(|word| word.escape_ascii().to_string());
            told.push(shown.collect::<Vec<_>>().join(" "));
            ours.now_ms = clock(&mut theirs);
            theirs.send(&words).expect("the real server reads");
            let expected = theirs.read_reply_bytes().expect("the real server answers");
            let mut answered = ours.answer(&words);
            if answered.is_empty() {
                answered = format!("{}\r\n", ours.time_out(0)).into_bytes();
            }
            assert!(
                agree(&answered, &expected),
                "seed {seed}: {} instead of {}: {told:#?}",
                answered.escape_ascii(),
                expected.escape_ascii()
            );
            let now = (ours.changes(), their_changes(&mut theirs));
            assert_eq!(
                now.0 - changes.0,
                now.1 - changes.1,
                "seed {seed}: changes counted: {told:#?}"
            );
            changes = now;
            for key in &KEYS[..2] {
                same_state(&mut ours, &mut theirs, key, &format!("seed {seed}: {told:#?}"));
            }
        }
        same_when_replayed(&ours, &format!("seed {seed}: {told:#?}"));
    }
}

/// Whoever runs the effects has the same streams.
#[track_caller]
fn same_when_replayed(server: &Server, context: &str) {
    let effects = server.engine.effects.take();
    let mut copy = Server::new();
    let mut rest = effects.as_slice();
    while let Ok(Some((request, used))) = Value::decode(rest) {
        rest = &rest[used..];
        let words = request.as_array().unwrap_or_default().iter().filter_map(Value::as_bytes);
        copy.answer(&words.collect::<Vec<_>>());
    }
    assert_eq!(copy.contents(), server.contents(), "{context}");
}

/// How many changes INFO counts.
fn their_changes(client: &mut Client) -> u64 {
    let information = client.run("INFO persistence").as_text().unwrap_or_default();
    let count =
        information.lines().find_map(|line| line.strip_prefix("rdb_changes_since_last_save:"));
    count.and_then(|count| count.parse().ok()).expect("INFO counts changes")
}

fn prepare(ours: &mut Server, theirs: &mut Client, random: &mut Random) {
    ours.effects();
    theirs.run("FLUSHALL");
    theirs.run("CONFIG SET rdbcompression no");
    let entries = random.pick(&[0_u64, 1, 2, 3, 100]);
    let bytes = random.pick(&[0_u64, 60, 200, 4096]);
    theirs.run(&format!(
        "CONFIG SET stream-node-max-entries {entries} stream-node-max-bytes {bytes}"
    ));
    ours.configure(|config| {
        config.data_structures.stream_node_entries = entries;
        config.data_structures.stream_node_bytes = bytes;
    });
    if random.once_in(2) {
        theirs.hello(Protocol::Resp3);
        ours.speak(resp::Protocol::Resp3);
    }
    for line in ["SET k3 text", "XGROUP CREATE k1 g1 0 MKSTREAM", "XGROUP CREATE k2 g1 $ MKSTREAM"]
    {
        theirs.run(line);
        ours.say(line);
    }
}

/// Draws calls whose IDs are mostly around those that are there.
struct Calls {
    /// The greatest time of an ID so far.
    last: usize,
}

/// Capitals are placeholders: a key, a group, a consumer, an ID, a new ID, a count, a time to have been idle for.
const TEMPLATES: &[&str] = &[
    "XADD K A f v",
    "XADD K A f v",
    "XADD K A f v",
    "XADD K A f v g 7",
    "XADD K A 1 -5 2 long-long-long-long-long-long-long-long-long-long-long-long-long-long-long",
    "XADD K NOMKSTREAM A f w",
    "XADD K MAXLEN N A f v",
    "XADD K MAXLEN = N A f v",
    "XADD K MAXLEN ~ N A f v",
    "XADD K MAXLEN ~ N LIMIT N A f v",
    "XADD K MINID I A f v",
    "XADD K MINID ~ I LIMIT N A f v",
    "XADD K NOMKSTREAM MINID ~ I A f v",
    "XTRIM K MAXLEN N",
    "XTRIM K MAXLEN ~ N",
    "XTRIM K MAXLEN ~ N LIMIT N",
    "XTRIM K MINID I",
    "XTRIM K MINID ~ I LIMIT N",
    "XDEL K I",
    "XDEL K I I I",
    "XLEN K",
    "XRANGE K I I",
    "XRANGE K - + COUNT N",
    "XREVRANGE K I I COUNT N",
    "XREVRANGE K + -",
    "XREAD STREAMS K I",
    "XREAD COUNT N STREAMS K K I I",
    "XREAD BLOCK 1 STREAMS K $",
    "XREAD STREAMS K +",
    "XSETID K A",
    "XSETID K A ENTRIESADDED N MAXDELETEDID I",
    "XSETID K A ENTRIESADDED N",
    "XGROUP CREATE K G I",
    "XGROUP CREATE K G $ MKSTREAM",
    "XGROUP CREATE K G 0 ENTRIESREAD N",
    "XGROUP SETID K G I",
    "XGROUP SETID K G I ENTRIESREAD N",
    "XGROUP DESTROY K G",
    "XGROUP CREATECONSUMER K G C",
    "XGROUP DELCONSUMER K G C",
    "XREADGROUP GROUP G C STREAMS K >",
    "XREADGROUP GROUP G C STREAMS K >",
    "XREADGROUP GROUP G C COUNT N STREAMS K >",
    "XREADGROUP GROUP G C COUNT N NOACK STREAMS K >",
    "XREADGROUP GROUP G C STREAMS K I",
    "XREADGROUP GROUP G C COUNT N STREAMS K K > I",
    "XREADGROUP GROUP G C BLOCK 1 STREAMS K K > >",
    "XACK K G I",
    "XACK K G I I I",
    "XPENDING K G",
    "XPENDING K G - + N",
    "XPENDING K G IDLE T I I N C",
    "XCLAIM K G C T I",
    "XCLAIM K G C T I I FORCE",
    "XCLAIM K G C T I JUSTID LASTID I",
    "XCLAIM K G C 0 I I IDLE T RETRYCOUNT N",
    "XCLAIM K G C 0 I TIME T FORCE JUSTID",
    "XAUTOCLAIM K G C T I",
    "XAUTOCLAIM K G C 0 0 COUNT N",
    "XAUTOCLAIM K G C T - COUNT N JUSTID",
    "XINFO STREAM K",
    "XINFO STREAM K FULL COUNT N",
    "XINFO GROUPS K",
    "XINFO CONSUMERS K G",
    "DEL K",
];

impl Calls {
    fn draw(&mut self, random: &mut Random) -> Call {
        let mut words = if random.once_in(6) {
            self.drawn_by_grammar(random)
        } else {
            let template = random.pick(TEMPLATES);
            template.split(' ').map(|word| self.fill(word, random)).collect()
        };
        if random.once_in(12) {
            spoil(&mut words, random);
        }
        tame(&mut words);
        words
    }

    fn fill(&mut self, placeholder: &str, random: &mut Random) -> Vec<u8> {
        match placeholder {
            "K" => {
                random.pick(&["k1", "k1", "k1", "k1", "k1", "k2", "k2", "k2", "k3", "k4"]).into()
            }
            "G" => random.pick(&["g1", "g1", "g1", "g2", "g3"]).into(),
            "C" => random.pick(&["ann", "bob", "bob", "eve"]).into(),
            "N" => random.pick(&["0", "1", "2", "3", "5", "10", "-1"]).into(),
            "T" => random.pick(&["0", "0", "100000000"]).into(),
            "A" => self.new_id(random),
            "I" => self.any_id(random),
            word => word.into(),
        }
    }

    fn new_id(&mut self, random: &mut Random) -> Vec<u8> {
        self.last += random.below(3);
        match random.below(12) {
            0 => format!("{}-*", self.last).into(),
            1 => format!("{}", self.last + 1).into(),
            2 => self.any_id(random),
            3 => {
                self.last += random.pick(&[0, 255, 65_536]);
                format!("{}-1", self.last).into()
            }
            _ => format!("{}-{}", self.last, random.below(5)).into(),
        }
    }

    fn any_id(&self, random: &mut Random) -> Vec<u8> {
        let ms = self.last.saturating_sub(random.below(12));
        match random.below(20) {
            0 => b"0".into(),
            1 => format!("({ms}-1").into(),
            2 => random
                .pick(&["-", "+", "$", ">", "0-0", "18446744073709551615-18446744073709551615"])
                .into(),
            3 => format!("{ms}").into(),
            _ => format!("{ms}-{}", random.below(5)).into(),
        }
    }

    /// A call as the grammar of some command allows it, or nearly.
    fn drawn_by_grammar(&mut self, random: &mut Random) -> Call {
        loop {
            let container = COMMANDS[random.below(COMMANDS.len())];
            let commands: Vec<_> = Declaration::with_subcommands(container).collect();
            let command = commands[random.below(commands.len())];
            if command.since.starts_with('8') || command.name.ends_with("HELP") {
                continue;
            }
            let style = if random.once_in(3) { Style::Wild } else { Style::Valid };
            let mut words = call(command, style, random);
            if words.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"HELP")) {
                continue;
            }
            for word in words.iter_mut().skip(1) {
                if random.once_in(3) {
                    *word = self.fill(random.pick(&["K", "G", "C", "N", "I", "I", "T"]), random);
                }
            }
            return words;
        }
    }
}

/// Leaves a word out, says it twice, or puts another in its place.
fn spoil(words: &mut Call, random: &mut Random) {
    const ODD: &[&str] = &[
        "",
        "x",
        "*",
        "~",
        "=",
        "COUNT",
        "LIMIT",
        "STREAMS",
        "GROUP",
        "NOACK",
        "FULL",
        "MAXLEN",
        "JUSTID",
        "IDLE",
        "MKSTREAM",
        "ENTRIESREAD",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "5-",
        "-5",
        "5-*",
        "1.5",
        " 5-1",
        "+5-+1",
        "5--1",
        "00005",
        "k3",
        "576460752303423487",
    ];
    let place = 1 + random.below(words.len());
    match random.below(3) {
        0 if place < words.len() && 2 < words.len() => drop(words.remove(place)),
        1 => words.insert(place, random.pick(ODD).into()),
        _ => {
            if let Some(word) = words.get_mut(place) {
                *word = random.pick(ODD).into();
            }
        }
    }
}

/// Has no call wait for longer than a moment, and none have its ID made by the clock.
fn tame(words: &mut Call) {
    let name = words[0].to_ascii_uppercase();
    for place in 1..words.len() {
        let before = words[place - 1].to_ascii_uppercase();
        if before == b"BLOCK" && words[place].first().is_some_and(u8::is_ascii_digit) {
            words[place] = b"1".to_vec();
        }
        if name == b"XADD" && words[place] == b"*" {
            words[place] = b"4611686018427387904-*".to_vec();
        }
        // Idle for as long as the test takes, and then some, or not at all.
        let times: [&[u8]; 2] = [b"XCLAIM", b"XAUTOCLAIM"];
        let is_time =
            times.contains(&&*name) && place == 4 || before == b"IDLE" || before == b"TIME";
        let number =
            std::str::from_utf8(&words[place]).ok().and_then(|text| text.parse::<i64>().ok());
        if is_time && number.is_some_and(|number| (1..100_000).contains(&number)) {
            words[place].extend_from_slice(b"000000");
        }
    }
}

/// Compares all that is known of a stream.
#[track_caller]
fn same_state(ours: &mut Server, theirs: &mut Client, key: &str, context: &str) {
    for question in [
        &["XINFO", "STREAM", key, "FULL", "COUNT", "0"][..],
        &["XINFO", "STREAM", key],
        &["XINFO", "GROUPS", key],
        &["XPENDING", key, "g1"],
        &["TYPE", key],
    ] {
        ours.now_ms = clock(theirs);
        theirs.send(question).expect("the real server reads");
        let expected = theirs.read_reply_bytes().expect("the real server answers");
        let answered = ours.answer(question);
        assert!(
            agree(&answered, &expected),
            "{question:?}: {} instead of {}: {context}",
            answered.escape_ascii(),
            expected.escape_ascii()
        );
    }
    let dump = theirs.call(&["DUMP", key]);
    let Some(dump) = dump.as_bytes().filter(|_| key != "k3") else { return };
    for node in nodes(ours, key.as_bytes()) {
        let is_there = dump.windows(node.len()).any(|part| part == node);
        assert!(is_there, "{} is not in {}: {context}", node.escape_ascii(), dump.escape_ascii());
    }
}

/// The list packs of a stream.
fn nodes(server: &mut Server, key: &[u8]) -> Vec<Vec<u8>> {
    server.worker.begin_round(crate::Time { unix_us: server.now_ms * 1000 });
    let worker = &mut server.worker;
    let Gate::Inside(inside) = &mut worker.gate else { unreachable!("a round was begun") };
    let keyspace = &server.engine.keyspace;
    let mut view = keyspace.view(inside, 0, &mut worker.round);
    view.lock_one(key, keyspace.hash(key));
    let stream = view.peek_as::<Stream>(key).ok().flatten();
    let nodes = stream.map_or_else(Vec::new, |stream| stream.to_parts().nodes);
    drop(view);
    server.worker.end_round();
    nodes.into_iter().map(|(_, pack)| pack).collect()
}

fn clock(client: &mut Client) -> i64 {
    let time = client.run("TIME");
    let parts = time.as_array().expect("TIME answers two numbers");
    let part = |index: usize| parts[index].as_text().and_then(|text| text.parse::<i64>().ok());
    let (seconds, microseconds) = part(0).zip(part(1)).expect("TIME answers two numbers");
    seconds * 1000 + microseconds / 1000
}

fn agree(ours: &[u8], theirs: &[u8]) -> bool {
    if ours == theirs {
        return true;
    }
    match (Value::decode(ours), Value::decode(theirs)) {
        (Ok(Some((ours, _))), Ok(Some((theirs, _)))) => alike(&ours, &theirs),
        _ => false,
    }
}

/// Whether two values are the same but for times.
fn alike(ours: &Value, theirs: &Value) -> bool {
    if let (Value::Map(ours), Value::Map(theirs)) = (ours, theirs) {
        let pairs = ours.iter().zip(theirs);
        return ours.len() == theirs.len()
            && pairs.into_iter().all(|((name, mine), (other, value))| {
                name == other && (alike(mine, value) || is_time(name) && close(mine, value))
            });
    }
    let (Some(mine), Some(others)) = (ours.as_array(), theirs.as_array()) else {
        return ours == theirs;
    };
    let numbers: Vec<bool> = mine.iter().map(|value| value.as_integer().is_some()).collect();
    // A pending entry has the time of its delivery before the number of its deliveries.
    let time = match *numbers {
        [false, false, true, true] => Some(2),
        [false, true, true] => Some(1),
        _ => None,
    };
    mine.len() == others.len()
        && mine.iter().zip(others).enumerate().all(|(place, (mine, other))| {
            let follows_name = place.checked_sub(1).is_some_and(|before| is_time(&others[before]));
            let may_differ = time == Some(place) || follows_name;
            alike(mine, other) || may_differ && close(mine, other)
        })
}

fn is_time(name: &Value) -> bool {
    let names = ["idle", "inactive", "seen-time", "active-time"];
    name.as_text().is_some_and(|name| names.contains(&&*name))
}

fn close(ours: &Value, theirs: &Value) -> bool {
    const APART_MS: u64 = 1000;
    let times = ours.as_integer().zip(theirs.as_integer());
    times.is_some_and(|(ours, theirs)| 0 <= ours && 0 <= theirs && ours.abs_diff(theirs) < APART_MS)
}
