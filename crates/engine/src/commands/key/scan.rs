//! Visiting the keys of a database: KEYS, SCAN and RANDOMKEY.
//!
//! KEYS and RANDOMKEY answer for one moment (a key that is renamed meanwhile is there once, never twice or not at all), so they
//! need everything at rest. SCAN promises less and visits one shard at a time beside other commands.

use collections::glob::{Case, glob_matches};
use command::argument::{integer, pattern, string};
use command::{Command as Declaration, Flags, Group};
use keyspace::EntryRef;
use resp::Reply;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::scanning::{ScanOptions, ScanReply, Scanned, parse_cursor};

pub(super) static KEYS: Command = Declaration {
    summary: "Returns all keys that match a pattern.",
    complexity: "O(N) where N is the number of keys in the database.",
    flags: Flags::READ_ONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
    categories: command::Categories::DANGEROUS,
    arguments: &[pattern("pattern")],
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    ..Declaration::new("KEYS", Group::Generic, "1.0.0", Handler::Everything(keys))
};

pub(super) static SCAN: Command = Declaration {
    summary: "Visits some keys of the database, and returns the cursor with which the next call goes on.",
    complexity: "O(1) for a call, O(N) for all that it takes to visit the database, where N is the number of its keys.",
    flags: Flags::READ_ONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
    arguments: &[
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
        string("type").after("TYPE").optional().since("6.0.0"),
    ],
    history: &[("6.0.0", "Has the option `TYPE`.")],
    tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
    ..Declaration::new("SCAN", Group::Generic, "2.8.0", Handler::Roaming(scan))
};

pub(super) static RANDOMKEY: Command = Declaration {
    summary: "Returns a random key of the database.",
    flags: Flags::READ_ONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
    tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    ..Declaration::new("RANDOMKEY", Group::Generic, "1.0.0", Handler::Everything(random_key))
};

fn keys(call: &mut Call<'_>) -> Outcome {
    let pattern = call.arguments.string()?;
    let list = call.reply.deferred_array();
    let mut found = 0;
    let Call { keys, reply, .. } = call;
    keys.for_each(&mut |entry| {
        if pattern == b"*" || glob_matches(pattern, entry.key(), Case::Sensitive) {
            found += 1;
            reply.bulk(entry.key());
        }
    });
    call.reply.close(list, found);
    Ok(())
}

fn random_key(call: &mut Call<'_>) -> Outcome {
    match call.keys.random() {
        Some(entry) => call.reply.bulk(entry.key()),
        None => call.reply.null(),
    }
    Ok(())
}

fn scan(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let mut cursor = parse_cursor(arguments.string()?)?;
    let options = ScanOptions::parse(arguments, Scanned::Keys)?;

    let list = ScanReply::begin(&mut call.reply);
    let (mut visited, mut live, mut gone, mut found) = (0, 0, 0, 0);
    // Each shard ends with a bucket of its own, which must not keep a small database from being visited in one call.
    let buckets = options
        .count
        .saturating_mul(ScanOptions::BUCKETS_PER_ELEMENT)
        .saturating_add(call.engine.keyspace.shards());
    for _ in 0..buckets {
        let Call { keys, reply, .. } = call;
        let mut wanted = |key: &[u8]| {
            visited += 1;
            options.matches(key)
        };
        cursor = keys.scan(cursor, &mut wanted, &mut |entry| {
            live += 1;
            found += show(&options, entry, reply);
        });
        gone += keys.expired.len() as u64;
        call.record_expired();
        if cursor == 0 || options.count <= visited {
            break;
        }
    }
    if options.value_type.is_some() {
        // Whose type is wanted is looked up.
        call.keys.round.hits += live;
        call.keys.round.misses += gone;
    }
    list.end(&mut call.reply, cursor, found);
    Ok(())
}

/// Shows a key if its value is of the type wanted; gives how many were shown.
fn show(options: &ScanOptions<'_>, entry: EntryRef<'_>, reply: &mut Reply<'_>) -> usize {
    let name = entry.value_type().name().as_bytes();
    let is_of_type = options.value_type.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted));
    if is_of_type {
        reply.bulk(entry.key());
    }
    usize::from(is_of_type)
}
