//! What is known of streams and their groups: XINFO.

use collections::Stream;
use collections::stream::{Consumer, ConsumerIndex, Entry, Group, Log, StreamId, StreamRef};
use command::argument::{block, integer, key, string, token};
use command::{Arguments, Command as Declaration, Flags, Group as Chapter, KeySpec};
use resp::{Reply, ReplyError};

use super::entry::{reply_entries, reply_entry, reply_id};
use super::{elapsed_ms, no_group_at};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;

pub(super) static XINFO: Command = Declaration::container(
    "XINFO",
    Chapter::Stream,
    "5.0.0",
    &[&CONSUMERS, &GROUPS, &HELP, &STREAM],
);

static CONSUMERS: Command = Declaration {
    summary: "Returns what is known of the consumers of a group.",
    arguments: &[key("key"), string("group")],
    history: &[("7.2.0", "Returns the field `inactive`, and changes what `idle` means.")],
    tips: &["nondeterministic_output"],
    ..declaration("XINFO|CONSUMERS", consumers)
};

static GROUPS: Command = Declaration {
    summary: "Returns what is known of the groups of a stream.",
    arguments: &[key("key")],
    history: &[("7.0.0", "Returns the fields `entries-read` and `lag`.")],
    ..declaration("XINFO|GROUPS", groups)
};

static STREAM: Command = Declaration {
    summary: "Returns what is known of a stream.",
    arguments: &[
        key("key"),
        block("full-block", &[token("full", "FULL"), integer("count").after("COUNT").optional()])
            .optional(),
    ],
    history: &[
        ("6.0.0", "Has the option `FULL`."),
        (
            "7.0.0",
            "Returns the fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and `lag`.",
        ),
        ("7.2.0", "Returns the field `active-time`, and changes what `seen-time` means."),
    ],
    ..declaration("XINFO|STREAM", stream)
};

static HELP: Command = help::declare("XINFO|HELP", Chapter::Stream, "5.0.0");

const KEYS: &[KeySpec] = &[KeySpec::read_only(2).accesses()];

const fn declaration(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Command {
    Declaration {
        flags: Flags::READ_ONLY,
        keys: KEYS,
        ..Declaration::new(name, Chapter::Stream, "5.0.0", Handler::Keys(run))
    }
}

fn consumers(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, name) = (arguments.string()?, arguments.string()?);
    let now_ms = call.now_ms();
    let stream = call.keys.read_as::<Stream>(key)?.ok_or(ReplyError::NoSuchKey)?;
    let group = stream.group(name).ok_or_else(|| no_group_at(key, name))?;
    let reply = &mut call.reply;
    reply.array(group.consumer_count());
    for (_, consumer) in group.consumers() {
        let inactive_ms = consumer.active_ms.map_or(-1, |active_ms| elapsed_ms(now_ms, active_ms));
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"pending");
        reply.unsigned(consumer.pending_count() as u64);
        reply.bulk(b"idle");
        reply.integer(elapsed_ms(now_ms, consumer.seen_ms));
        reply.bulk(b"inactive");
        reply.integer(inactive_ms);
    }
    Ok(())
}

fn groups(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let stream = call.keys.read_as::<Stream>(key)?.ok_or(ReplyError::NoSuchKey)?;
    let reply = &mut call.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"consumers");
        reply.unsigned(group.consumer_count() as u64);
        reply.bulk(b"pending");
        reply.unsigned(group.pending_count() as u64);
        reply_progress(reply, stream.log(), group);
    }
    Ok(())
}

fn stream(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let wrong_call = help::wrong_subcommand_call(call);
    let stream = call.keys.read_as::<Stream>(key)?.ok_or(ReplyError::NoSuchKey)?;
    let reply = &mut call.reply;
    if arguments.is_empty() {
        reply.map(10);
        reply_log(reply, stream.log());
        reply_summary(reply, stream);
        return Ok(());
    }
    let limit = full_limit(arguments, wrong_call)?;
    reply.map(9);
    reply_log(reply, stream.log());
    let entries = stream.log().range(StreamId::MIN, StreamId::MAX);
    reply.bulk(b"entries");
    reply_entries(reply, entries, limit, |_| ());
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply_group(reply, stream.log(), name, group, limit);
    }
    Ok(())
}

/// How many entries of each kind FULL lists.
fn full_limit(mut arguments: Arguments<'_>, wrong_call: ReplyError) -> Result<usize, ReplyError> {
    const USUAL: usize = 10;
    if !arguments.accept(b"FULL") {
        return Err(wrong_call);
    }
    if arguments.is_empty() {
        return Ok(USUAL);
    }
    if arguments.len() != 2 || !arguments.accept(b"COUNT") {
        return Err(wrong_call);
    }
    Ok(match usize::try_from(arguments.integer()?) {
        Ok(0) => usize::MAX,
        Ok(count) => count,
        Err(_) => USUAL,
    })
}

/// Seven fields that are always there.
fn reply_log(reply: &mut Reply<'_>, log: &Log) {
    let mut number = |name: &[u8], value: u64| {
        reply.bulk(name);
        reply.unsigned(value);
    };
    number(b"length", log.len());
    number(b"radix-tree-keys", log.node_count() as u64);
    number(b"radix-tree-nodes", log.radix_nodes());
    reply.bulk(b"last-generated-id");
    reply_id(reply, log.last_id());
    reply.bulk(b"max-deleted-entry-id");
    reply_id(reply, log.max_deleted_id());
    reply.bulk(b"entries-added");
    reply.unsigned(log.entries_added());
    reply.bulk(b"recorded-first-entry-id");
    reply_id(reply, log.first_id());
}

/// Three fields that FULL does without.
fn reply_summary(reply: &mut Reply<'_>, stream: StreamRef<'_>) {
    let (from, to) = (StreamId::MIN, StreamId::MAX);
    reply.bulk(b"groups");
    reply.unsigned(stream.groups().len() as u64);
    reply.bulk(b"first-entry");
    reply_optional(reply, stream.log().range(from, to).next());
    reply.bulk(b"last-entry");
    reply_optional(reply, stream.log().range_backward(from, to).next());
}

fn reply_optional(reply: &mut Reply<'_>, entry: Option<Entry<'_>>) {
    match entry {
        Some(entry) => reply_entry(reply, entry),
        None => reply.null(),
    }
}

/// Three fields of a group.
fn reply_progress(reply: &mut Reply<'_>, log: &Log, group: &Group) {
    reply.bulk(b"last-delivered-id");
    reply_id(reply, group.last_delivered);
    for (name, value) in [("entries-read", group.entries_read), ("lag", log.lag(group))] {
        reply.bulk(name.as_bytes());
        match value {
            Some(value) => reply.integer(value),
            None => reply.null(),
        }
    }
}

fn reply_group(reply: &mut Reply<'_>, log: &Log, name: &[u8], group: &Group, limit: usize) {
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(name);
    reply_progress(reply, log, group);
    reply.bulk(b"pel-count");
    reply.unsigned(group.pending_count() as u64);
    reply.bulk(b"pending");
    reply.array(group.pending_count().min(limit));
    for (id, pending) in group.pending_in(StreamId::MIN..=StreamId::MAX).take(limit) {
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.consumer_name(pending.consumer));
        reply.integer(pending.delivered_ms);
        reply.unsigned(pending.deliveries);
    }
    reply.bulk(b"consumers");
    reply.array(group.consumer_count());
    for (index, consumer) in group.consumers() {
        reply_consumer(reply, group, index, consumer, limit);
    }
}

fn reply_consumer(
    reply: &mut Reply<'_>,
    group: &Group,
    index: ConsumerIndex,
    consumer: &Consumer,
    limit: usize,
) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen_ms);
    reply.bulk(b"active-time");
    reply.integer(consumer.active_ms.unwrap_or(-1));
    reply.bulk(b"pel-count");
    reply.unsigned(consumer.pending_count() as u64);
    reply.bulk(b"pending");
    reply.array(consumer.pending_count().min(limit));
    for (id, pending) in group.pending_for(index, StreamId::MIN..=StreamId::MAX).take(limit) {
        reply.array(3);
        reply_id(reply, id);
        reply.integer(pending.delivered_ms);
        reply.unsigned(pending.deliveries);
    }
}
