//! Declarations held against what is known of Redis 7.4 (feature `facts`, for tests).
//!
//! `tests/facts.json` holds, for every command and subcommand of Redis 7.4.1, what COMMAND INFO and
//! COMMAND DOCS report, texts left out: group, version, arity, flags, first and last key and step,
//! categories, tips, key specs, the grammar, the versions with changes, the names of subcommands.
//! A declaration agrees when [`differences`] finds nothing.

use serde_json::{Map, Value, json};

use crate::argument::Argument;
use crate::declaration::Command;
use crate::key_spec::{Begin, Find, KeySpec, LegacyRange};

/// What is known of every command, by its name in lower case: `get`, `config|get`.
pub fn known() -> Map<String, Value> {
    match serde_json::from_str(include_str!("../tests/facts.json")) {
        Ok(Value::Object(commands)) => commands,
        Ok(_) | Err(_) => Map::new(),
    }
}

/// Where a declaration says something else than `entry`: a line for each place, empty if it agrees.
/// Of subcommands only the names are compared.
pub fn differences<H>(command: &Command<H>, entry: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let declared = description(command);
    let mut fields: Vec<&String> = declared.keys().collect();
    fields.extend(entry.as_object().into_iter().flat_map(Map::keys));
    fields.sort_unstable();
    fields.dedup();
    for field in fields {
        compare(
            &format!("{} {field}", command.lower_name),
            declared.get(field).unwrap_or(&Value::Null),
            entry.get(field).unwrap_or(&Value::Null),
            &mut found,
        );
    }
    found
}

/// A declaration in the form of the facts.
pub fn description<H>(command: &Command<H>) -> Map<String, Value> {
    let range = LegacyRange::of(command.keys);
    let doc_flags =
        [command.deprecated_since.map(|_| "deprecated"), command.internal.then_some("syscmd")];
    let mut subcommands: Vec<&str> =
        command.subcommands.iter().map(|subcommand| subcommand.lower_name.as_str()).collect();
    subcommands.sort_unstable();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        if !(value.is_null() || value.as_array().is_some_and(Vec::is_empty)) {
            fields.insert(name.to_owned(), value);
        }
    };
    put("group", json!(command.group.name()));
    put("since", json!(command.since));
    put("arity", json!(command.arity()));
    put("command_flags", command.all_flags().names().collect());
    put("range", json!([range.first, range.last, range.step]));
    put("acl_categories", command.acl_categories().marked_names().collect());
    put("command_tips", json!(command.tips));
    put("key_specs", command.keys.iter().map(key_spec).collect());
    put("doc_flags", doc_flags.into_iter().flatten().collect());
    put("deprecated_since", json!(command.deprecated_since));
    put("changed_in", command.history.iter().map(|&(version, _)| version).collect());
    put("arguments", command.arguments.iter().map(argument).collect());
    put("subcommands", json!(subcommands));
    fields
}

fn key_spec(spec: &KeySpec) -> Value {
    let begin = match spec.begin {
        Begin::Index(index) => json!({"type": "index", "spec": {"index": index}}),
        Begin::Keyword { word, start } => {
            json!({"type": "keyword", "spec": {"keyword": word, "startfrom": start}})
        }
        Begin::Unknown => json!({"type": "unknown", "spec": {}}),
    };
    let find = match spec.find {
        Find::Range { last, step, limit } => {
            json!({"type": "range", "spec": {"lastkey": last, "keystep": step, "limit": limit}})
        }
        Find::Number { number, first, step } => {
            json!({"type": "keynum", "spec": {"keynumidx": number, "firstkey": first, "keystep": step}})
        }
        Find::Unknown => json!({"type": "unknown", "spec": {}}),
    };
    let mut fields = Map::new();
    fields.insert("begin_search".to_owned(), begin);
    fields.insert("find_keys".to_owned(), find);
    fields.extend(spec.flags.names().map(|name| (name.to_owned(), Value::Bool(true))));
    Value::Object(fields)
}

fn argument(argument: &Argument) -> Value {
    let texts = [
        ("name", Some(argument.name)),
        ("type", Some(argument.kind.name())),
        ("display_text", argument.display),
        ("token", argument.token),
        ("since", argument.since),
        ("deprecated_since", argument.deprecated_since),
    ];
    let flags = [
        ("optional", argument.optional),
        ("multiple", argument.multiple),
        ("multiple_token", argument.multiple_token),
    ];
    let mut fields = Map::new();
    for (name, text) in texts {
        fields.extend(text.map(|text| (name.to_owned(), json!(text))));
    }
    for (name, set) in flags {
        fields.extend(set.then(|| (name.to_owned(), Value::Bool(true))));
    }
    fields.extend(argument.key_spec.map(|index| ("key_spec_index".to_owned(), json!(index))));
    if !argument.parts().is_empty() {
        let parts = argument.parts().iter().map(self::argument).collect();
        fields.insert("arguments".to_owned(), parts);
    }
    Value::Object(fields)
}

/// Notes where two values differ, as deep inside as can be told.
fn compare(place: &str, declared: &Value, known: &Value, found: &mut Vec<String>) {
    match (declared, known) {
        (Value::Array(ours), Value::Array(theirs))
            if ours.len() == theirs.len() && ours.iter().chain(theirs).all(Value::is_object) =>
        {
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                let name = theirs.get("name").and_then(Value::as_str);
                let part = name.map_or_else(|| index.to_string(), str::to_owned);
                compare(&format!("{place} {part}"), ours, theirs, found);
            }
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let missing = theirs.keys().filter(|key| !ours.contains_key(*key));
            for key in ours.keys().chain(missing) {
                let ours = ours.get(key).unwrap_or(&Value::Null);
                let theirs = theirs.get(key).unwrap_or(&Value::Null);
                compare(&format!("{place} {key}"), ours, theirs, found);
            }
        }
        _ if declared == known || (is_nothing(declared) && is_nothing(known)) => {}
        _ => found.push(format!("{place}: declared {declared}, known {known}")),
    }
}

/// An empty list and no list are the same.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
