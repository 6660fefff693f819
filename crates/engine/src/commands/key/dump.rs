//! Values as bytes that other servers understand: DUMP and RESTORE.

use std::sync::atomic::Ordering;

use command::argument::{Argument, integer, key, string, token};
use command::{Arguments, Categories, Command as Declaration, Flags, Group, KeySpec};
use keyspace::{EntryRef, SetExpiry, StringRef};
use persistence::dump::{seal, unseal, unseal_unchecked};
use persistence::rdb::value::{self, Limits, Value, ValueRef, value_type};
use persistence::rdb::{Reader, ValueType, Version, Writer};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::{hash, list, set, sorted_set};
use crate::events;

pub(super) static DUMP: Command = Declaration {
    summary: "Returns the value at a key as bytes from which RESTORE makes it again, here or on another server.",
    complexity: "O(N*M), where N is the number of elements of the value and M their average size.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key")],
    tips: &["nondeterministic_output"],
    ..Declaration::new("DUMP", Group::Generic, "2.6.0", Handler::Keys(dump))
};

fn dump(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let compress = call.config.persistence.snapshot_compression;
    match call.keys.read(key).map(|entry| payload_of(entry, compress)) {
        Some(payload) => call.reply.bulk(&payload),
        None => call.reply.null(),
    }
    Ok(())
}

/// What DUMP gives for a value.
pub(crate) fn payload_of(entry: EntryRef<'_>, compress: bool) -> Vec<u8> {
    let version = Version::REDIS_7_4;
    let value = match entry.value() {
        keyspace::ValueRef::String(StringRef::Integer(number)) => ValueRef::Integer(number),
        keyspace::ValueRef::String(StringRef::Bytes(bytes)) => ValueRef::Bytes(bytes),
        keyspace::ValueRef::String(StringRef::Shared(shared)) => ValueRef::Bytes(shared),
        keyspace::ValueRef::Object(object) => ValueRef::Object(object),
    };
    let mut writer = Writer::new(Vec::new(), compress);
    writer.byte(value_type(value, version) as u8);
    value::write(value, version, &mut writer);
    let mut payload = writer.into_bytes();
    seal(&mut payload, version);
    payload
}

const RESTORE_KEYS: &[KeySpec] = &[KeySpec::overwrite(1).updates()];

const RESTORE_ARGUMENTS: &[Argument] = &[
    key("key"),
    integer("ttl"),
    string("serialized-value"),
    token("replace", "REPLACE").optional().since("3.0.0"),
    token("absttl", "ABSTTL").optional().since("5.0.0"),
    integer("seconds").after("IDLETIME").optional().since("5.0.0"),
    integer("frequency").after("FREQ").optional().since("5.0.0"),
];

pub(super) static RESTORE: Command = Declaration {
    history: &[
        ("3.0.0", "Has the option `REPLACE`."),
        ("5.0.0", "Has the option `ABSTTL`."),
        ("5.0.0", "Has the options `IDLETIME` and `FREQ`."),
    ],
    categories: Categories::DANGEROUS,
    ..restoring("RESTORE", Group::Generic, "2.6.0", Flags::WRITE.and(Flags::DENY_OOM))
};

pub(super) static RESTORE_ASKING: Command = Declaration {
    internal: true,
    categories: Categories::KEYSPACE.and(Categories::DANGEROUS),
    history: RESTORE.history,
    ..restoring(
        "RESTORE-ASKING",
        Group::Server,
        "3.0.0",
        Flags::WRITE.and(Flags::DENY_OOM).and(Flags::ASKING),
    )
};

const fn restoring(name: &'static str, group: Group, since: &'static str, flags: Flags) -> Command {
    Declaration {
        summary: "Makes a key with a value that DUMP gave.",
        complexity: "O(N*M), where N is the number of elements of the value and M their average size; for sorted sets O(N*M*log(N)).",
        flags,
        keys: RESTORE_KEYS,
        arguments: RESTORE_ARGUMENTS,
        ..Declaration::new(name, group, since, Handler::Keys(restore))
    }
}

/// What RESTORE is asked for beside the value.
#[derive(Default)]
struct Options {
    replace: bool,
    /// The time is unix time, not from now on.
    absolute: bool,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(mut arguments: Arguments<'_>) -> Result<Options, ReplyError> {
        let mut options = Options::default();
        while !arguments.is_empty() {
            let has_value = 2 <= arguments.len();
            if arguments.accept(b"REPLACE") {
                options.replace = true;
            } else if arguments.accept(b"ABSTTL") {
                options.absolute = true;
            } else if has_value && options.frequency.is_none() && arguments.accept(b"IDLETIME") {
                options.idle_s =
                    Some(u64::try_from(arguments.integer()?).map_err(|_| BAD_IDLE_TIME)?);
            } else if has_value && options.idle_s.is_none() && arguments.accept(b"FREQ") {
                options.frequency =
                    Some(u8::try_from(arguments.integer()?).map_err(|_| BAD_FREQUENCY)?);
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(options)
    }
}

fn restore(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let (ttl, payload) = (arguments.string()?, arguments.string()?);
    let options = Options::parse(arguments)?;

    let is_there = call.keys.look(key).is_some();
    if is_there && !options.replace {
        return Err(BUSY_KEY);
    }
    let ttl = resp::number::parse_integer(ttl).ok_or(ReplyError::NotInteger)?;
    if ttl < 0 {
        return Err(BAD_TTL);
    }
    let skips_checksum = call.engine.switches.checksums_skipped.load(Ordering::Relaxed);
    let unseal = if skips_checksum { unseal_unchecked } else { unseal };
    let bytes = unseal(payload).ok_or(BAD_PAYLOAD)?;
    let value = value_of(bytes, call.config).ok_or(BAD_FORMAT)?;
    let now_ms = call.now_ms();
    let expiry = match (ttl, options.absolute) {
        (0, _) => None,
        (time, true) => Some(time),
        (time, false) => Some(time.wrapping_add(now_ms)),
    };
    if expiry.is_some_and(|time| call.has_passed(time)) {
        // It has expired on its way.
        if is_there {
            call.keys.remove(key);
            call.modified(key, events::DELETE);
            let removal: &[u8] =
                if call.config.memory.lazy_server_del { b"UNLINK" } else { b"DEL" };
            call.replicate_as(&[removal, key]);
        }
        call.reply.ok();
        return Ok(());
    }
    let set_expiry = expiry.map_or(SetExpiry::Clear, SetExpiry::At);
    // It is not to look like one that was changed.
    call.keys.remove(key);
    match value {
        Value::String(string) => call.keys.set_string(key, &string, set_expiry),
        Value::Object(object) => call.keys.put_object(key, object, set_expiry),
    }
    note_use(call, key, &options);
    call.modified(key, events::RESTORE);
    if let Some(time) = expiry.filter(|_| !options.absolute) {
        replicate(call, time);
    }
    call.reply.ok();
    Ok(())
}

/// How values from outside are represented.
pub(crate) fn value_limits(config: &config::Config) -> Limits {
    Limits {
        list: list::limits(config),
        set: set::limits(config),
        hash: hash::limits(config),
        sorted_set: sorted_set::limits(config),
    }
}

/// The value that the bytes of a payload are, if they are one.
fn value_of(bytes: &[u8], config: &config::Config) -> Option<Value> {
    let limits = value_limits(config);
    let mut reader = Reader::new(bytes);
    let form = ValueType::from_byte(reader.byte().ok()?)?;
    let value = value::read(form, &mut reader, &limits).ok()?;
    (reader.offset() == bytes.len() as u64).then_some(value)
}

/// Has eviction judge the key as if it had been used when and as often as the call says.
fn note_use(call: &mut Call<'_>, key: &[u8], options: &Options) {
    let bits = call.keys.round.access.restored(options.idle_s, options.frequency);
    if let Some(bits) = bits {
        call.keys.set_access(key, bits);
    }
}

/// Has the call replicated with the time at which the key expires.
fn replicate(call: &mut Call<'_>, time: i64) {
    let mut decimal = itoa::Buffer::new();
    let mut words: Vec<&[u8]> = call.words.iter().collect();
    if let Some(ttl) = words.get_mut(2) {
        *ttl = decimal.format(time).as_bytes();
    }
    words.push(b"ABSTTL");
    call.replicate_as(&words);
}

const BUSY_KEY: ReplyError = ReplyError::coded("BUSYKEY Target key name already exists.");
const BAD_TTL: ReplyError = ReplyError::message("Invalid TTL value, must be >= 0");
const BAD_PAYLOAD: ReplyError = ReplyError::message("DUMP payload version or checksum are wrong");
const BAD_FORMAT: ReplyError = ReplyError::message("Bad data format");
const BAD_IDLE_TIME: ReplyError = ReplyError::message("Invalid IDLETIME value, must be >= 0");
const BAD_FREQUENCY: ReplyError =
    ReplyError::message("Invalid FREQ value, must be >= 0 and <= 255");
