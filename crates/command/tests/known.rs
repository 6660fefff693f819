//! The commands of Redis 7.4 as declarations, made from its facts.
//!
//! Only what a declaration must say is taken over: no arity, no `movablekeys`, no category.

use std::collections::BTreeMap;

use ochre_command::argument::{Argument, Kind};
use ochre_command::{Begin, Command, Find, Flags, Group, KeyFlags, KeySpec, facts};
use serde_json::Value;

/// Declarations by name, with nothing to run. They live as long as the program, like real ones.
pub(crate) fn commands() -> BTreeMap<String, &'static Command<()>> {
    let mut commands: BTreeMap<String, &'static Command<()>> = BTreeMap::new();
    let known = facts::known();
    // Subcommands before their containers.
    let (subcommands, others): (Vec<_>, Vec<_>) =
        known.iter().partition(|(name, _)| name.contains('|'));
    for (name, entry) in subcommands.into_iter().chain(others) {
        let subcommands: Vec<_> =
            texts(&entry["subcommands"]).map(|subcommand| commands[subcommand]).collect();
        commands.insert(name.clone(), declare(name, entry, subcommands));
    }
    commands
}

fn declare(
    name: &str,
    entry: &Value,
    subcommands: Vec<&'static Command<()>>,
) -> &'static Command<()> {
    let group = Group::ALL.into_iter().find(|group| group.name() == entry["group"]).unwrap();
    let bare = if subcommands.is_empty() {
        Command::new(leak(&name.to_uppercase()), group, text(&entry["since"]).unwrap(), ())
    } else {
        Command::container(
            leak(&name.to_uppercase()),
            group,
            text(&entry["since"]).unwrap(),
            subcommands.leak(),
        )
    };
    let visible = texts(&entry["command_flags"]).filter(|&flag| flag != "movablekeys");
    let command = Command {
        flags: visible.map(|flag| Flags::named(flag).unwrap()).fold(Flags::NONE, Flags::and),
        keys: list(&entry["key_specs"], key_spec),
        arguments: list(&entry["arguments"], argument),
        tips: texts(&entry["command_tips"]).map(leak).collect::<Vec<_>>().leak(),
        history: texts(&entry["changed_in"])
            .map(|since| (leak(since), "-"))
            .collect::<Vec<_>>()
            .leak(),
        deprecated_since: text(&entry["deprecated_since"]),
        internal: texts(&entry["doc_flags"]).any(|flag| flag == "syscmd"),
        ..bare
    };
    Box::leak(Box::new(command))
}

fn key_spec(entry: &Value) -> KeySpec {
    let begin = &entry["begin_search"]["spec"];
    let find = &entry["find_keys"]["spec"];
    let flags = entry.as_object().unwrap().keys().filter_map(|name| KeyFlags::named(name));
    KeySpec {
        begin: match entry["begin_search"]["type"].as_str() {
            Some("index") => Begin::Index(number(&begin["index"])),
            Some("keyword") => Begin::Keyword {
                word: text(&begin["keyword"]).unwrap(),
                start: number(&begin["startfrom"]),
            },
            _ => Begin::Unknown,
        },
        find: match entry["find_keys"]["type"].as_str() {
            Some("range") => Find::Range {
                last: number(&find["lastkey"]),
                step: number(&find["keystep"]),
                limit: number(&find["limit"]),
            },
            Some("keynum") => Find::Number {
                number: number(&find["keynumidx"]),
                first: number(&find["firstkey"]),
                step: number(&find["keystep"]),
            },
            _ => Find::Unknown,
        },
        flags: flags.fold(KeyFlags::NONE, KeyFlags::and),
        notes: "",
    }
}

fn argument(entry: &Value) -> Argument {
    let parts = list(&entry["arguments"], argument);
    let kind = match entry["type"].as_str().unwrap() {
        "string" => Kind::String,
        "integer" => Kind::Integer,
        "double" => Kind::Double,
        "key" => Kind::Key,
        "pattern" => Kind::Pattern,
        "unix-time" => Kind::UnixTime,
        "pure-token" => Kind::Token,
        "oneof" => Kind::OneOf(parts),
        "block" => Kind::Block(parts),
        other => panic!("{other} is no kind"),
    };
    let is = |flag: &str| entry[flag].as_bool().unwrap_or(false);
    Argument {
        name: text(&entry["name"]).unwrap(),
        display: text(&entry["display_text"]),
        kind,
        token: text(&entry["token"]),
        key_spec: entry["key_spec_index"].as_u64().map(|index| u8::try_from(index).unwrap()),
        optional: is("optional"),
        multiple: is("multiple"),
        multiple_token: is("multiple_token"),
        since: text(&entry["since"]),
        deprecated_since: text(&entry["deprecated_since"]),
    }
}

fn number<T: TryFrom<i64, Error: std::fmt::Debug>>(value: &Value) -> T {
    T::try_from(value.as_i64().unwrap()).unwrap()
}

fn text(value: &Value) -> Option<&'static str> {
    value.as_str().map(leak)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap())
}

fn list<T>(value: &Value, one: fn(&Value) -> T) -> &'static [T] {
    value.as_array().into_iter().flatten().map(one).collect::<Vec<T>>().leak()
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.into())
}
