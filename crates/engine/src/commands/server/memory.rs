//! MEMORY: what memory is used for.

use command::argument::{integer, key};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::{EntryRef, ExpiryMode, StringRef, ValueRef};
use resp::{Reply, ReplyError};

use super::doctor;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::host::Host;
use crate::information::memory::MemoryFigures;

pub(super) static MEMORY: Command = Declaration {
    summary: "A container for commands about memory.",
    ..Declaration::container(
        "MEMORY",
        Group::Server,
        "4.0.0",
        &[&DOCTOR, &HELP, &MALLOC_STATS, &PURGE, &STATS, &USAGE],
    )
};

static DOCTOR: Command = Declaration {
    summary: "Returns what stands out in the use of memory, for people.",
    ..report("MEMORY|DOCTOR", Handler::Roaming(doctor))
};

static HELP: Command = help::declare("MEMORY|HELP", Group::Server, "4.0.0");

static MALLOC_STATS: Command = Declaration {
    summary: "Returns the allocator's report on itself.",
    complexity: "Depends on how much memory is allocated, could be slow.",
    ..report("MEMORY|MALLOC-STATS", Handler::Keys(allocator))
};

static PURGE: Command = Declaration {
    summary: "Gives free memory back to the system.",
    complexity: "Depends on how much memory is allocated, could be slow.",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..Declaration::new("MEMORY|PURGE", Group::Server, "4.0.0", Handler::Keys(purge))
};

static STATS: Command = Declaration {
    summary: "Returns how much memory is used for what.",
    ..report("MEMORY|STATS", Handler::Roaming(statistics))
};

static USAGE: Command = Declaration {
    summary: "Returns how many bytes a key takes with its value.",
    complexity: "O(N), where N is the number of samples.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(2)],
    arguments: &[key("key"), integer("count").after("SAMPLES").optional()],
    ..Declaration::new("MEMORY|USAGE", Group::Server, "4.0.0", Handler::Keys(usage))
};

const fn report(name: &'static str, run: Handler) -> Command {
    Declaration {
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        ..Declaration::new(name, Group::Server, "4.0.0", run)
    }
}

fn usage(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let samples = samples(arguments)?;
    let host = &*call.engine.host;
    // A key takes memory until it is removed, even if it has expired.
    let expiry = std::mem::replace(&mut call.keys.round.expiry, ExpiryMode::Ignore);
    match call.keys.peek(key).map(|entry| bytes(entry, samples, host)) {
        Some(bytes) => call.reply.unsigned(bytes as u64),
        None => call.reply.null(),
    }
    call.keys.round.expiry = expiry;
    Ok(())
}

/// How many elements of a value are looked at; 0 asks for all.
fn samples(mut arguments: Arguments<'_>) -> Result<usize, ReplyError> {
    let mut samples = 5;
    while !arguments.is_empty() {
        if 1 < arguments.len() && arguments.accept(b"SAMPLES") {
            samples = match usize::try_from(arguments.integer()?) {
                Ok(0) => usize::MAX,
                Ok(samples) => samples,
                Err(_) => return Err(ReplyError::Syntax),
            };
        } else {
            return Err(ReplyError::Syntax);
        }
    }
    Ok(samples)
}

/// Bytes that the allocator set aside for an entry and its value, and what finding it takes in the tables.
pub(crate) fn bytes(entry: EntryRef<'_>, samples: usize, host: &dyn Host) -> usize {
    /// A bucket of 64 bytes has seven slots.
    const SLOT: usize = 64usize.div_ceil(7);
    let size = |bytes: usize| host.block_bytes(bytes);
    let value = match entry.value() {
        // The counts of an `Arc` are two words.
        ValueRef::String(StringRef::Shared(shared)) => {
            size(size_of::<Vec<u8>>() + 2 * size_of::<usize>()) + size(shared.capacity())
        }
        ValueRef::String(StringRef::Bytes(_) | StringRef::Integer(_)) => 0,
        ValueRef::Object(_) if entry.is_packed() => 0,
        ValueRef::Object(object) => {
            size(size_of::<collections::Object>()) + object.memory_bytes(samples, &size)
        }
    };
    let slots = if entry.expiry().is_some() { 2 * SLOT } else { SLOT };
    size(entry.allocation()) + value + slots
}

fn figures(call: &mut Call<'_>) -> MemoryFigures {
    let engine = call.engine;
    engine.vitals.note_sizes(&call.keys.sizes());
    MemoryFigures::gather(engine, &engine.vitals.databases(), engine.host.process().resident)
}

fn statistics(call: &mut Call<'_>) -> Outcome {
    let figures = figures(call);
    let in_use = figures.databases.iter().enumerate().filter(|(_, size)| 0 < size.keys);
    let map = call.reply.deferred_map();
    let mut table = Table { reply: call.reply.reborrow(), rows: 0 };
    table.count("peak.allocated", figures.peak);
    table.count("total.allocated", figures.used);
    table.count("startup.allocated", figures.startup);
    table.count("replication.backlog", 0);
    table.count("clients.slaves", 0);
    table.count("clients.normal", figures.clients);
    for name in ["cluster.links", "aof.buffer"] {
        table.count(name, 0);
    }
    table.count("lua.caches", figures.scripts);
    table.count("functions.caches", figures.functions);
    for (number, size) in in_use {
        table.name(&format!("db.{number}"));
        table.reply.map(2);
        let mut inner = Table { reply: table.reply.reborrow(), rows: 0 };
        inner.count("overhead.hashtable.main", size.table_bytes);
        inner.count("overhead.hashtable.expires", size.expiry_table_bytes);
    }
    let keys = figures.keys();
    table.count("overhead.db.hashtable.lut", figures.tables());
    table.count("overhead.db.hashtable.rehashing", 0);
    table.count("overhead.total", figures.overhead());
    table.count("db.dict.rehashing.count", 0);
    table.count("keys.count", keys);
    table.count("keys.bytes-per-key", figures.since_startup().checked_div(keys).unwrap_or(0));
    table.count("dataset.bytes", figures.dataset());
    table.ratio("dataset.percentage", figures.dataset_percent());
    table.ratio("peak.percentage", figures.peak_percent());
    table.count("allocator.allocated", figures.allocator.allocated);
    table.count("allocator.active", figures.allocator.active);
    table.count("allocator.resident", figures.allocator.resident);
    table.count("allocator.muzzy", figures.allocator.muzzy);
    for (ratio, bytes, share) in [
        (
            "allocator-fragmentation.ratio",
            "allocator-fragmentation.bytes",
            figures.allocator_fragmentation(),
        ),
        ("allocator-rss.ratio", "allocator-rss.bytes", figures.allocator_resident()),
        ("rss-overhead.ratio", "rss-overhead.bytes", figures.resident_overhead()),
        ("fragmentation", "fragmentation.bytes", figures.fragmentation()),
    ] {
        table.ratio(ratio, share.ratio);
        table.name(bytes);
        table.reply.integer(share.bytes);
    }
    let rows = table.rows;
    call.reply.close(map, rows);
    Ok(())
}

/// A map that is being written.
struct Table<'a> {
    reply: Reply<'a>,
    rows: usize,
}

impl Table<'_> {
    /// The value follows.
    fn name(&mut self, name: &str) {
        self.rows += 1;
        self.reply.bulk(name.as_bytes());
    }

    fn count(&mut self, name: &str, count: usize) {
        self.name(name);
        self.reply.unsigned(count as u64);
    }

    fn ratio(&mut self, name: &str, ratio: f64) {
        self.name(name);
        self.reply.double(ratio);
    }
}

fn doctor(call: &mut Call<'_>) -> Outcome {
    let text = doctor::memory(&figures(call));
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn allocator(call: &mut Call<'_>) -> Outcome {
    call.reply.verbatim("txt", &call.engine.host.allocator_text());
    Ok(())
}

fn purge(call: &mut Call<'_>) -> Outcome {
    call.engine.host.purge_memory();
    call.reply.ok();
    Ok(())
}
