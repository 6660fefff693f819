//! The keys of calls, as COMMAND GETKEYSANDFLAGS reports them.

use ochre_command::generate::{Random, Style, call};
use ochre_command::{KeyError, KeyFlags, KeyLayout, KeyPositions, Search, Table};
use resp::{OwnedWords, ReplyError};
use serde_json::{Value, json};

use crate::{known, toy};

#[test]
fn keys_and_flags_are_those_that_redis_reports() {
    let table = Table::new(toy::FAMILIES);
    let cases: Vec<(Vec<String>, Value)> = serde_json::from_str(include_str!("keys.json")).unwrap();
    for (words, expected) in cases {
        let owned: OwnedWords = words.iter().collect();
        let words = owned.as_words();
        let command = table.find_call(words).unwrap().command;
        let found = match command.keys_of(words) {
            Ok(positions) => positions
                .iter()
                .map(|position| {
                    let key = String::from_utf8_lossy(words.get(position.index).unwrap());
                    let flags = position.flags.names().map(str::to_owned);
                    std::iter::once(key.into_owned()).chain(flags).collect::<Value>()
                })
                .collect(),
            Err(error) => json!(ReplyError::from(error).to_string()),
        };
        assert_eq!(found, expected, "{words:?}");
    }
}

#[test]
fn a_repeated_destination_is_found_as_well() {
    check("GEORADIUS k 1 2 3 m STORE d STORE e", &[1, 7, 9]);
    check("GEORADIUS k 1 2 3 m STORE d STOREDIST e STOREDIST f", &[1, 7, 9, 11]);
}

#[test]
fn a_group_may_be_called_like_the_keyword() {
    check("XREADGROUP COUNT 1 GROUP STREAMS c STREAMS a 0", &[7]);
}

#[test]
fn places_are_found_for_routing_only() {
    let table = Table::new(toy::FAMILIES);
    let entry = table.find(b"spublish").unwrap();
    let owned: OwnedWords = ["SPUBLISH", "channel", "message"].into_iter().collect();
    assert_eq!(entry.command.keys_of(owned.as_words()), Err(KeyError::NoKeys));
    assert_eq!(entry.layout, KeyLayout::None);
    let mut positions = KeyPositions::new();
    entry.command.find_keys(owned.as_words(), Search::Places, &mut positions).unwrap();
    assert_eq!(positions.len(), 1);
    assert_eq!((positions[0].index, positions[0].flags), (1, KeyFlags::NOT_KEY));
}

/// However damaged a call is, its keys lie within it, and a layout says what the specs say.
#[test]
fn damaged_calls_have_keys_within_bounds() {
    let table = Table::new(toy::FAMILIES);
    let mut random = Random::new(11);
    for entry in &table {
        for _ in 0..2_000 {
            let words: OwnedWords =
                call(entry.command, Style::Wild, &mut random).into_iter().collect();
            let words = words.as_words();
            let mut positions = KeyPositions::new();
            let found = entry.command.find_keys(words, Search::Keys, &mut positions);
            let indexes: Vec<usize> = positions.iter().map(|position| position.index).collect();
            assert!(indexes.iter().all(|&index| 0 < index && index < words.len()), "{words:?}");
            if entry.layout != KeyLayout::General && found.is_ok() {
                let laid_out: Vec<usize> = entry.layout.positions(words.len()).collect();
                assert_eq!(laid_out, indexes, "{words:?}");
            }
            let mut visited = Vec::new();
            entry.command.for_each_key(entry.layout, words, |key| visited.push(key));
            assert!(indexes.len() <= visited.len(), "{words:?}");
        }
    }
}

#[track_caller]
fn check(line: &str, expected: &[usize]) {
    let owned: OwnedWords = line.split(' ').collect();
    let table = Table::new(toy::FAMILIES);
    let command = table.find_call(owned.as_words()).unwrap().command;
    let positions = command.keys_of(owned.as_words()).unwrap();
    let indexes: Vec<usize> = positions.iter().map(|position| position.index).collect();
    assert_eq!(indexes, expected);
}

#[test]
fn layouts_are_as_simple_as_they_can_be() {
    let commands = known::commands();
    let layout = |name: &str| KeyLayout::of(commands[name]);
    assert_eq!(layout("get"), KeyLayout::One(1));
    assert_eq!(layout("object|encoding"), KeyLayout::One(2));
    assert_eq!(layout("ping"), KeyLayout::None);
    assert_eq!(layout("ssubscribe"), KeyLayout::None);
    assert_eq!(layout("del"), KeyLayout::Range { first: 1, last: -1, step: 1 });
    assert_eq!(layout("mset"), KeyLayout::Range { first: 1, last: -1, step: 2 });
    assert_eq!(layout("blpop"), KeyLayout::Range { first: 1, last: -2, step: 1 });
    assert_eq!(layout("rename"), KeyLayout::Range { first: 1, last: 2, step: 1 });
    assert_eq!(layout("bitop"), KeyLayout::Range { first: 2, last: -1, step: 1 });
    assert_eq!(layout("zunionstore"), KeyLayout::General);
    assert_eq!(layout("xread"), KeyLayout::General);
}

/// For every command of Redis: a layout finds what the specs find, however damaged the call is.
#[test]
fn layouts_find_what_the_specs_find() {
    let mut random = Random::new(12);
    for command in known::commands().into_values() {
        let layout = KeyLayout::of(command);
        for _ in 0..200 {
            let words: OwnedWords = call(command, Style::Wild, &mut random).into_iter().collect();
            let words = words.as_words();
            let mut positions = KeyPositions::new();
            let found = command.find_keys(words, Search::Keys, &mut positions);
            if layout != KeyLayout::General && found.is_ok() {
                let indexes = positions.iter().map(|position| position.index);
                assert!(layout.positions(words.len()).eq(indexes), "{words:?}");
            }
        }
    }
}
