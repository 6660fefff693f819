//! OBJECT: how a value is represented, and how eviction sees it.

use command::argument::{Argument, key};
use command::{Command as Declaration, Flags, Group, KeySpec};
use config::memory::EvictionPolicy;
use keyspace::{EntryRef, StringRef, ValueRef};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;

pub(super) static OBJECT: Command = Declaration::container(
    "OBJECT",
    Group::Generic,
    "2.2.3",
    &[&ENCODING, &FREQ, &HELP, &IDLETIME, &REFCOUNT],
);

static ENCODING: Command = Declaration {
    summary: "Returns how the value at a key is represented.",
    ..declaration("OBJECT|ENCODING", "2.2.3", encoding)
};

static FREQ: Command = Declaration {
    summary: "Returns how often a key is used, on a logarithmic scale.",
    ..declaration("OBJECT|FREQ", "4.0.0", frequency)
};

static IDLETIME: Command = Declaration {
    summary: "Returns how many seconds ago a key was last used.",
    ..declaration("OBJECT|IDLETIME", "2.2.3", idle_time)
};

static REFCOUNT: Command = Declaration {
    summary: "Returns how many keys could share the value at a key.",
    ..declaration("OBJECT|REFCOUNT", "2.2.3", reference_count)
};

static HELP: Command = help::declare("OBJECT|HELP", Group::Generic, "6.2.0");

const KEYS: &[KeySpec] = &[KeySpec::read_only(2)];
const ARGUMENTS: &[Argument] = &[key("key")];

const fn declaration(
    name: &'static str,
    since: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        flags: Flags::READ_ONLY,
        keys: KEYS,
        arguments: ARGUMENTS,
        tips: &["nondeterministic_output"],
        ..Declaration::new(name, Group::Generic, since, Handler::Keys(run))
    }
}

fn encoding(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    match call.keys.inspect(key) {
        Some(entry) => call.reply.bulk(entry.encoding().name().as_bytes()),
        None => call.reply.null(),
    }
    Ok(())
}

fn frequency(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let access = call.keys.inspect(key).map(|entry| entry.access());
    let Some(access) = access else {
        call.reply.null();
        return Ok(());
    };
    if !counts_uses(call.config.memory.policy) {
        return Err(NO_FREQUENCY);
    }
    call.reply.unsigned(call.keys.round.access.frequency(access).into());
    Ok(())
}

fn idle_time(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let access = call.keys.inspect(key).map(|entry| entry.access());
    let Some(access) = access else {
        call.reply.null();
        return Ok(());
    };
    if counts_uses(call.config.memory.policy) {
        return Err(NO_IDLE_TIME);
    }
    call.reply.unsigned(call.keys.round.access.idle_ms(access) / 1000);
    Ok(())
}

/// Values are not shared here. Redis shares small integers unless it has to know when each was used, and says so with
/// the largest number; what looks at that number finds the same here.
fn reference_count(call: &mut Call<'_>) -> Outcome {
    /// From 0 on, this many integers are shared.
    const SHARED_INTEGERS: i64 = 10_000;
    let memory = &call.config.memory;
    let may_share = memory.limit_bytes == 0 || !notes_uses(memory.policy);
    let key = call.arguments.string()?;
    let is_small = |entry: EntryRef<'_>| match entry.value() {
        ValueRef::String(StringRef::Integer(number)) => (0..SHARED_INTEGERS).contains(&number),
        ValueRef::String(StringRef::Bytes(_) | StringRef::Shared(_)) | ValueRef::Object(_) => false,
    };
    match call.keys.inspect(key).map(is_small) {
        Some(true) if may_share => call.reply.integer(i32::MAX.into()),
        Some(_) => call.reply.integer(1),
        None => call.reply.null(),
    }
    Ok(())
}

/// Whether the policy goes by how often keys are used.
fn counts_uses(policy: EvictionPolicy) -> bool {
    match policy {
        EvictionPolicy::AllKeysLfu | EvictionPolicy::VolatileLfu => true,
        EvictionPolicy::AllKeysLru
        | EvictionPolicy::VolatileLru
        | EvictionPolicy::AllKeysRandom
        | EvictionPolicy::VolatileRandom
        | EvictionPolicy::VolatileTtl
        | EvictionPolicy::NoEviction => false,
    }
}

/// Whether the policy goes by when or how often keys are used.
fn notes_uses(policy: EvictionPolicy) -> bool {
    counts_uses(policy)
        || matches!(policy, EvictionPolicy::AllKeysLru | EvictionPolicy::VolatileLru)
}

const NO_FREQUENCY: ReplyError = ReplyError::message(
    "An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at \
     runtime LRU and LFU data will take some time to adjust.",
);
const NO_IDLE_TIME: ReplyError = ReplyError::message(
    "An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU \
     and LFU data will take some time to adjust.",
);
