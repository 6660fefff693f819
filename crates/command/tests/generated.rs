//! Random calls from grammars.

use std::collections::BTreeSet;

use ochre_command::Table;
use ochre_command::generate::{Random, Style, call};
use resp::OwnedWords;

use crate::{known, toy};

#[test]
fn a_valid_call_has_an_acceptable_length() {
    let mut random = Random::new(1);
    for (name, command) in known::commands() {
        for _ in 0..300 {
            let words = call(command, Style::Valid, &mut random);
            assert!(command.admits(words.len()), "{name} {words:?}");
        }
    }
}

/// What the grammar allows, the handlers read.
#[test]
fn handlers_read_what_their_grammar_allows() {
    let table = Table::new(toy::FAMILIES);
    let mut random = Random::new(2);
    for entry in table.iter().filter(|entry| entry.run.is_some()) {
        for _ in 0..1_000 {
            let words: OwnedWords =
                call(entry.command, Style::Valid, &mut random).into_iter().collect();
            let reply = toy::run(&table, words.as_words());
            assert_ne!(reply.first(), Some(&b'-'), "{words:?} {}", reply.escape_ascii());
        }
    }
}

#[test]
fn wild_calls_meet_every_error() {
    let table = Table::new(toy::FAMILIES);
    let mut random = Random::new(3);
    let mut errors = BTreeSet::new();
    for _ in 0..5_000 {
        for name in ["set", "zunionstore"] {
            let command = table.find(name.as_bytes()).unwrap().command;
            let words: OwnedWords = call(command, Style::Wild, &mut random).into_iter().collect();
            let reply = toy::run(&table, words.as_words());
            errors.extend(reply.strip_prefix(b"-").map(|error| error.trim_ascii_end().to_vec()));
        }
    }
    let errors: Vec<_> = errors.iter().map(|error| String::from_utf8_lossy(error)).collect();
    assert_eq!(
        errors,
        [
            "ERR syntax error",
            "ERR value is not a valid float",
            "ERR value is not an integer or out of range",
            "ERR value is out of range, must be positive",
            "ERR wrong number of arguments for 'set' command",
            "ERR wrong number of arguments for 'zunionstore' command",
        ]
    );
}

#[test]
fn a_seed_yields_the_same_calls() {
    let table = Table::new(toy::FAMILIES);
    let calls = |seed| {
        let mut random = Random::new(seed);
        table.iter().map(|entry| call(entry.command, Style::Wild, &mut random)).collect::<Vec<_>>()
    };
    assert_eq!(calls(5), calls(5));
    assert_ne!(calls(5), calls(6));
}

#[test]
fn unknown_names_are_told() {
    let table = Table::new(toy::FAMILIES);
    let answer = |line: &str| {
        let words: OwnedWords = line.split(' ').collect();
        String::from_utf8(toy::run(&table, words.as_words())).unwrap()
    };
    assert_eq!(answer("get a"), ":1\r\n");
    assert_eq!(answer("Config Set a b"), ":2\r\n");
    assert_eq!(answer("get"), "-ERR wrong number of arguments for 'get' command\r\n");
    assert_eq!(answer("CONFIG"), "-ERR wrong number of arguments for 'config' command\r\n");
    assert_eq!(
        answer("config SET a"),
        "-ERR wrong number of arguments for 'config|set' command\r\n"
    );
    assert_eq!(answer("config sit a b"), "-ERR unknown subcommand 'sit'. Try CONFIG HELP.\r\n");
    assert_eq!(
        answer("sot a b"),
        "-ERR unknown command 'sot', with args beginning with: 'a' 'b' \r\n"
    );
}
