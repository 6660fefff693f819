//! What holds for every command, from its declaration alone.

use command::generate::{Random, Style, call};
use command::{Flags, facts};
use resp::{OwnedWords, Value};

use crate::Replay;
use crate::testing::{BEGINNING_MS, Server, commands};

/// Where a declaration is right to say something else than Redis 7.4 does: the line that the comparison finds, and why.
const JUSTIFIED: &[(&str, &str)] = &[
    ("commandlog: Redis has no such command", "Valkey 8.1 has it"),
    ("commandlog|get: Redis has no such command", "Valkey 8.1 has it"),
    ("commandlog|help: Redis has no such command", "Valkey 8.1 has it"),
    ("commandlog|len: Redis has no such command", "Valkey 8.1 has it"),
    ("commandlog|reset: Redis has no such command", "Valkey 8.1 has it"),
    ("delifeq: Redis has no such command", "Valkey 9 has it"),
];

/// What newer versions of Redis say about commands that we have as they have them, in the form of the facts about 7.4.
const NEWER: &str = include_str!("newer_facts.json");

#[test]
fn declarations_agree_with_redis() {
    let mut known = facts::known();
    known.extend(newer_facts());
    let mut found = Vec::new();
    for command in commands() {
        let name = command.lower_name.as_str();
        match known.get(name) {
            Some(entry) => found.extend(facts::differences(command, entry)),
            None => found.push(format!("{name}: Redis has no such command")),
        }
    }
    let justified = |line: &String| JUSTIFIED.iter().any(|(justified, _)| justified == line);
    let unexpected: Vec<&String> = found.iter().filter(|line| !justified(line)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    for (line, _) in JUSTIFIED {
        assert!(found.iter().any(|found| found == line), "no longer a difference: {line}");
    }
}

fn newer_facts() -> impl Iterator<Item = (String, serde_json::Value)> {
    let newer: serde_json::Map<_, _> = serde_json::from_str(NEWER).expect("facts are JSON");
    newer.into_iter()
}

/// Whatever words come, the answer is one whole value, and an error has changed nothing.
#[test]
fn any_words_are_answered() {
    let mut random = Random::new(7);
    let mut server = Server::new();
    let commands: Vec<_> = commands().collect();
    // A transaction may hold UNSUBSCRIBE, which answers more than once, as it does in Redis.
    let mut may_hold_pushes = false;
    for round in 0..20_000 {
        let command = commands[random.below(commands.len())];
        let style = if random.once_in(2) { Style::Valid } else { Style::Wild };
        let words = call(command, style, &mut random);
        let shown = || -> Vec<String> {
            words.iter().map(|word| word.escape_ascii().to_string()).collect()
        };
        let changes = server.changes();
        let answer = server.answer(&words);
        // CLIENT PAUSE would keep all that follow from being run.
        server.engine.pause.end();
        if server.engine.replication.is_replica() {
            // So would REPLICAOF keep all that write.
            let closed = server.engine.keyspace.gates().close();
            server.engine.lead();
            drop(closed);
        }
        // CLIENT REPLY may silence it.
        if !answer.is_empty() {
            let Ok(Some((value, used))) = Value::decode(&answer) else {
                panic!("{:?} {}", shown(), answer.escape_ascii());
            };
            // Those who subscribe or MONITOR are told more.
            let pushes = command.all_flags().has(Flags::PUSHES);
            may_hold_pushes |= pushes && answer == b"+QUEUED\r\n";
            let receives = server.clients[0].receives()
                || pushes
                || (may_hold_pushes && command.lower_name.as_str() == "exec");
            assert!(used == answer.len() || receives, "{:?} has one answer", shown());
            assert!(
                !value.is_error() || server.changes() == changes,
                "{:?} failed half way",
                shown()
            );
        }
        if round % 50 == 0 || server.clients[0].receives() {
            server.connect();
            server.disconnect(0);
            may_hold_pushes = false;
            server.advance_ms(i64::try_from(random.below(100_000)).unwrap_or(0));
        }
    }
}

/// Whoever runs the effects has the same data: replicas, and the append-only file when it is loaded.
#[test]
fn effects_give_the_same_data_when_replayed() {
    let writing: Vec<_> =
        commands().filter(|command| command.all_flags().has(Flags::WRITE)).collect();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut server = Server::new();
        server.effects();
        let mut calls = Vec::new();
        for _ in 0..300 {
            let command = writing[random.below(writing.len())];
            let style = if random.once_in(4) { Style::Wild } else { Style::Valid };
            // Emptied and exchanged now and then, lest there be nothing left.
            if command.arguments.iter().all(|argument| argument.key_spec.is_none())
                && !random.once_in(10)
            {
                continue;
            }
            let words = call(command, style, &mut random);
            server.answer(&words);
            calls.push(words);
            server.advance_ms(i64::try_from(random.below(3000)).unwrap_or(0));
            if random.once_in(5) {
                server.clients[0].database = random.below(3);
            }
            if random.once_in(20) {
                server.expire_actively(1_000_000);
            }
        }
        let effects = server.engine.effects.take();
        // What is told is points in time: for the copy time stands still, and nothing expires by itself.
        let mut copy = Server::new();
        assert_eq!(copy.now_ms, BEGINNING_MS);
        let mut rest = effects.as_slice();
        while let Ok(Some((request, used))) = Value::decode(rest) {
            rest = &rest[used..];
            let words = request.as_array().unwrap_or_default().iter().filter_map(Value::as_bytes);
            copy.answer(&words.collect::<Vec<_>>());
        }
        assert_eq!(copy.contents(), server.contents(), "seed {seed}: {:#?}", shown(&calls));
        let late = replayed_long_after(&effects);
        assert_eq!(late.contents(), server.contents(), "seed {seed}: {:#?}", shown(&calls));
    }
}

/// A server that has loaded effects when all times that they tell have passed: nothing expires meanwhile.
fn replayed_long_after(effects: &[u8]) -> Server {
    const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;
    let server = Server::new();
    let mut replay = Replay::new(server.engine, (BEGINNING_MS + 1000 * YEAR_MS) * 1000);
    let keyspace = &server.engine.keyspace;
    let mut closed = keyspace.gates().close();
    let mut round = replay.round();
    let mut view = keyspace.view(&mut closed, 0, &mut round);
    view.lock_all();
    let mut rest = effects;
    while let Ok(Some((request, used))) = Value::decode(rest) {
        rest = &rest[used..];
        let words = request.as_array().unwrap_or_default().iter().filter_map(Value::as_bytes);
        let words: OwnedWords = words.collect();
        let name = words.as_words().first().unwrap_or_default();
        if name != b"MULTI" && name != b"EXEC" {
            replay.run(&mut view, words.as_words()).expect("it was executed before");
        }
    }
    drop(view);
    drop(closed);
    server
}

fn shown(calls: &[Vec<Vec<u8>>]) -> Vec<String> {
    let call = |words: &Vec<Vec<u8>>| {
        let words = words.iter().map(|word| word.escape_ascii().to_string());
        words.collect::<Vec<_>>().join(" ")
    };
    calls.iter().map(call).collect()
}
