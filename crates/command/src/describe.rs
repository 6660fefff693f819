//! Descriptions of commands, as COMMAND INFO and COMMAND DOCS reply them.
//!
//! Both write into a [`Reply`] and so speak RESP2 and RESP3. The shapes are Redis's to the byte, its
//! quirks among them: a command without subcommands has an empty set of them, one with subcommands an
//! array.

use resp::Reply;

use crate::argument::Argument;
use crate::declaration::Command;
use crate::key_spec::{Begin, Find, KeySpec, LegacyRange};

/// Writes what COMMAND INFO says of a command, its subcommands included.
pub fn info<H>(command: &Command<H>, reply: &mut Reply<'_>) {
    let range = LegacyRange::of(command.keys);
    reply.array(10);
    reply.bulk(command.lower_name.as_bytes());
    reply.integer(i64::from(command.arity()));
    simple_set(command.all_flags().names(), reply);
    reply.integer(i64::from(range.first));
    reply.integer(i64::from(range.last));
    reply.integer(i64::from(range.step));
    simple_set(command.acl_categories().marked_names(), reply);
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|spec| key_spec(spec, reply));
    if command.subcommands.is_empty() {
        reply.set(0);
    } else {
        reply.array(command.subcommands.len());
        command.subcommands.iter().for_each(|subcommand| info(subcommand, reply));
    }
}

/// Writes the pair of a command's name and what COMMAND DOCS says of it, subcommands included. It goes
/// into a map of such pairs.
pub fn docs<H>(command: &Command<H>, reply: &mut Reply<'_>) {
    reply.bulk(command.lower_name.as_bytes());
    let map = reply.deferred_map();
    let mut pairs: usize = 0;
    let mut count = |present: bool| {
        pairs = pairs.saturating_add(usize::from(present));
        present
    };
    let texts = [
        ("summary", Some(command.summary)),
        ("since", Some(command.since)),
        ("group", Some(command.group.name())),
        ("complexity", Some(command.complexity)),
    ];
    for (name, text) in texts {
        count(text_pair(name, text, reply));
    }
    let doc_flags =
        [command.deprecated_since.map(|_| "deprecated"), command.internal.then_some("syscmd")];
    if count(doc_flags.iter().any(Option::is_some)) {
        reply.bulk(b"doc_flags");
        simple_set(doc_flags.into_iter().flatten(), reply);
    }
    count(text_pair("deprecated_since", command.deprecated_since, reply));
    count(text_pair("replaced_by", command.replaced_by, reply));
    if count(!command.history.is_empty()) {
        reply.bulk(b"history");
        reply.set(command.history.len());
        for (version, change) in command.history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(change.as_bytes());
        }
    }
    if count(!command.arguments.is_empty()) {
        reply.bulk(b"arguments");
        arguments(command.arguments, reply);
    }
    if count(!command.subcommands.is_empty()) {
        reply.bulk(b"subcommands");
        reply.map(command.subcommands.len());
        command.subcommands.iter().for_each(|subcommand| docs(subcommand, reply));
    }
    reply.close(map, pairs);
}

fn key_spec(spec: &KeySpec, reply: &mut Reply<'_>) {
    reply.map(if spec.notes.is_empty() { 3 } else { 4 });
    text_pair("notes", Some(spec.notes), reply);
    reply.bulk(b"flags");
    simple_set(spec.flags.names(), reply);

    reply.bulk(b"begin_search");
    match spec.begin {
        Begin::Index(index) => search("index", &[("index", i64::from(index))], reply),
        Begin::Keyword { word, start } => {
            search_header("keyword", 2, reply);
            text_pair("keyword", Some(word), reply);
            number_pair("startfrom", i64::from(start), reply);
        }
        Begin::Unknown => search("unknown", &[], reply),
    }

    reply.bulk(b"find_keys");
    match spec.find {
        Find::Range { last, step, limit } => {
            let numbers = [
                ("lastkey", i64::from(last)),
                ("keystep", i64::from(step)),
                ("limit", i64::from(limit)),
            ];
            search("range", &numbers, reply);
        }
        Find::Number { number, first, step } => {
            let numbers = [
                ("keynumidx", i64::from(number)),
                ("firstkey", i64::from(first)),
                ("keystep", i64::from(step)),
            ];
            search("keynum", &numbers, reply);
        }
        Find::Unknown => search("unknown", &[], reply),
    }
}

fn search(kind: &str, numbers: &[(&str, i64)], reply: &mut Reply<'_>) {
    search_header(kind, numbers.len(), reply);
    for &(name, number) in numbers {
        number_pair(name, number, reply);
    }
}

fn search_header(kind: &str, pairs: usize, reply: &mut Reply<'_>) {
    reply.map(2);
    text_pair("type", Some(kind), reply);
    reply.bulk(b"spec");
    reply.map(pairs);
}

fn arguments(list: &[Argument], reply: &mut Reply<'_>) {
    reply.array(list.len());
    for each in list {
        argument(each, reply);
    }
}

fn argument(argument: &Argument, reply: &mut Reply<'_>) {
    let parts = argument.parts();
    let display = if parts.is_empty() { Some(argument.display_text()) } else { argument.display };
    let flags = [
        argument.optional.then_some("optional"),
        argument.multiple.then_some("multiple"),
        argument.multiple_token.then_some("multiple_token"),
    ];

    let map = reply.deferred_map();
    text_pair("name", Some(argument.name), reply);
    text_pair("type", Some(argument.kind.name()), reply);
    let mut pairs: usize = 2;
    let mut count = |present: bool| {
        pairs = pairs.saturating_add(usize::from(present));
        present
    };
    count(text_pair("display_text", display, reply));
    if count(argument.key_spec.is_some()) {
        number_pair("key_spec_index", argument.key_spec.map_or(0, i64::from), reply);
    }
    // An empty token is a word without bytes, and is said.
    if count(argument.token.is_some()) {
        reply.bulk(b"token");
        reply.bulk(argument.token.unwrap_or_default().as_bytes());
    }
    count(text_pair("since", argument.since, reply));
    count(text_pair("deprecated_since", argument.deprecated_since, reply));
    if count(flags.iter().any(Option::is_some)) {
        reply.bulk(b"flags");
        simple_set(flags.into_iter().flatten(), reply);
    }
    if count(!parts.is_empty()) {
        reply.bulk(b"arguments");
        arguments(parts, reply);
    }
    reply.close(map, pairs);
}

/// Writes a pair, if there is a text, and tells whether there is.
fn text_pair(name: &str, text: Option<&str>, reply: &mut Reply<'_>) -> bool {
    let text = text.filter(|text| !text.is_empty());
    if let Some(text) = text {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    text.is_some()
}

fn number_pair(name: &str, number: i64, reply: &mut Reply<'_>) {
    reply.bulk(name.as_bytes());
    reply.integer(number);
}

fn simple_set(names: impl Iterator<Item = &'static str> + Clone, reply: &mut Reply<'_>) {
    reply.set(names.clone().count());
    names.for_each(|name| reply.simple(name));
}
