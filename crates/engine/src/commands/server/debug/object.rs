//! DEBUG OBJECT: how a value is represented.

use config::memory::EvictionPolicy;
use keyspace::{EntryRef, StringRef, ValueRef};
use resp::ReplyError;

use crate::Call;
use crate::command_table::Outcome;

/// Tells of a value what Redis tells, in one line.
///
/// What has no counterpart here: the address is a number that is the same for the same key, and the serialized length is
/// that of a string that is not compressed, or what a collection asks of the allocator.
pub(super) fn object(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let may_share = may_share(call.config);
    let address = 0x7f00_0000_0000 | address(key);
    let Some(entry) = call.keys.peek(key) else { return Err(ReplyError::NoSuchKey) };
    let (access, encoding) = (entry.access(), entry.encoding().name());
    let references = if may_share && is_small(entry) { i32::MAX } else { 1 };
    let length = match entry.value() {
        ValueRef::String(string) => serialized_length(string),
        ValueRef::Object(object) => object.memory_bytes(usize::MAX, &|bytes| bytes),
    };
    let idle_s = call.keys.round.access.idle_ms(access) / 1000;
    let line = format!(
        "+Value at:{address:#x} refcount:{references} encoding:{encoding} serializedlength:{length} lru:{access} \
         lru_seconds_idle:{idle_s}\r\n"
    );
    call.reply.raw(line.as_bytes());
    Ok(())
}

/// Values are not shared here, but what Redis would share is told apart by tests.
fn is_small(entry: EntryRef<'_>) -> bool {
    match entry.value() {
        ValueRef::String(StringRef::Integer(number)) => (0..10_000).contains(&number),
        ValueRef::String(StringRef::Bytes(_) | StringRef::Shared(_)) | ValueRef::Object(_) => false,
    }
}

fn may_share(config: &config::Config) -> bool {
    let notes_uses = match config.memory.policy {
        EvictionPolicy::VolatileTtl
        | EvictionPolicy::VolatileRandom
        | EvictionPolicy::AllKeysRandom
        | EvictionPolicy::NoEviction => false,
        EvictionPolicy::VolatileLru
        | EvictionPolicy::AllKeysLru
        | EvictionPolicy::VolatileLfu
        | EvictionPolicy::AllKeysLfu => true,
    };
    config.memory.limit_bytes == 0 || !notes_uses
}

/// FNV-1a, cut to what looks like an address and aligned like one.
fn address(key: &[u8]) -> u64 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash & 0xff_ffff_fff0
}

/// How many bytes a string takes in a dump.
fn serialized_length(string: StringRef<'_>) -> usize {
    match string {
        StringRef::Integer(number) => integer_length(number),
        StringRef::Bytes(bytes) => text_length(bytes.len()),
        StringRef::Shared(shared) => text_length(shared.len()),
    }
}

/// Integers of up to 32 bits have forms of their own.
fn integer_length(number: i64) -> usize {
    if i8::try_from(number).is_ok() {
        2
    } else if i16::try_from(number).is_ok() {
        3
    } else if i32::try_from(number).is_ok() {
        5
    } else {
        text_length(number.to_string().len())
    }
}

/// The length comes first, in as many bytes as it needs.
fn text_length(length: usize) -> usize {
    let head = match length {
        0..64 => 1,
        64..16_384 => 2,
        _ if u32::try_from(length).is_ok() => 5,
        _ => 9,
    };
    head + length
}

#[cfg(test)]
mod tests {
    use super::{integer_length, text_length};

    #[test]
    fn serialized_lengths_are_those_of_a_dump() {
        let integers = [1, -128, 127, 128, 300, -32_768, 32_768, 123_456, 12_345_678_901, i64::MAX];
        assert_eq!(integers.map(integer_length), [2, 2, 2, 3, 3, 3, 5, 5, 12, 20]);
        let texts = [0, 63, 64, 16_383, 16_384, 1 << 32];
        assert_eq!(texts.map(text_length), [1, 64, 66, 16_385, 16_389, (1 << 32) + 9]);
    }
}
