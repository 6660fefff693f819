//! What follows from declarations, for every command of Redis 7.4.

use std::collections::BTreeMap;

use ochre_command::{Command, Flags, Table, facts};
use serde_json::Value;

use crate::known;

/// Where the grammar yields another arity than Redis has: these declare theirs.
const ARITIES: &[&str] =
    &["client|kill", "command", "debug", "psync", "quit", "replconf", "sentinel|simulate-failure"];

/// What names categories of its own, or is not in its group's.
const CATEGORIES: &[&str] = &[
    "asking",
    "command",
    "command|count",
    "command|docs",
    "command|getkeys",
    "command|getkeysandflags",
    "command|help",
    "command|info",
    "command|list",
    "dbsize",
    "flushall",
    "flushdb",
    "info",
    "keys",
    "lastsave",
    "migrate",
    "pubsub|help",
    "readonly",
    "readwrite",
    "restore",
    "restore-asking",
    "role",
    "sort",
    "sort_ro",
    "swapdb",
    "wait",
    "waitaof",
];

#[test]
fn arity_follows_from_the_grammar() {
    assert_eq!(disagreeing("arity"), ARITIES);
}

#[test]
fn categories_follow_from_flags_and_group() {
    assert_eq!(disagreeing("acl_categories"), CATEGORIES);
}

#[test]
fn everything_else_is_as_declared() {
    let known = facts::known();
    for (name, command) in known::commands() {
        let differences = facts::differences(command, &known[&name]);
        let unexpected = differences.iter().find(|line| {
            let field = line.split([' ', ':']).nth(1);
            field != Some("arity") && field != Some("acl_categories")
        });
        assert_eq!(unexpected, None);
    }
}

#[test]
fn a_difference_is_told_with_its_place() {
    let known = facts::known();
    let mut entry = known["zadd"].clone();
    entry["arguments"][5]["arguments"][0]["type"] = "integer".into();
    let zadd = known::commands()["zadd"];
    assert_eq!(
        facts::differences(zadd, &entry),
        ["zadd arguments data arguments score type: declared \"double\", known \"integer\""]
    );
}

#[test]
fn visible_flags_are_in_their_order() {
    for (name, entry) in facts::known() {
        let names: Vec<&str> =
            entry["command_flags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let flags =
            names.iter().map(|name| Flags::named(name).unwrap()).fold(Flags::NONE, Flags::and);
        assert_eq!(flags.names().collect::<Vec<_>>(), names, "{name}");
    }
}

#[test]
fn syntax_is_as_the_command_line_shows_it() {
    let lines: BTreeMap<String, String> =
        serde_json::from_str(include_str!("syntax.json")).unwrap();
    let commands = known::commands();
    assert_eq!(lines.len(), commands.len());
    // Redis declares the tokens of this one without their words.
    for (name, line) in lines.into_iter().filter(|(name, _)| name != "sentinel|simulate-failure") {
        assert_eq!(commands[&name].syntax(), line, "{name}");
    }
}

#[test]
fn every_command_is_found_by_its_name() {
    let commands = known::commands();
    let family: Vec<&'static Command<()>> = commands
        .iter()
        .filter(|(name, _)| !name.contains('|'))
        .map(|(_, &command)| command)
        .collect();
    let table = Table::new(&[&family]);
    assert_eq!(table.len(), commands.len());
    for (name, command) in &commands {
        for spelling in [name.to_lowercase(), name.to_uppercase()] {
            let entry = table.find_full(spelling.as_bytes()).unwrap();
            assert_eq!(entry.command.name, command.name);
            assert_eq!(table.get(entry.id).unwrap().command.name, command.name);
        }
        for (index, _) in name.bytes().enumerate() {
            let mut damaged = name.clone().into_bytes();
            damaged[index] ^= 0x80;
            assert!(table.find_full(&damaged).is_none(), "{}", damaged.escape_ascii());
        }
    }
}

/// The commands whose declaration, made from the facts, does not agree with them in `field`.
fn disagreeing(field: &str) -> Vec<String> {
    let known = facts::known();
    let commands = known::commands();
    let disagrees = |(name, command): &(String, &'static Command<()>)| {
        facts::description(command).get(field) != known[name].get(field)
    };
    commands.into_iter().filter(disagrees).map(|(name, _)| name).collect()
}
