//! Finders for the few commands whose key specs can't find every key, or not what is done with it.
//!
//! They read a call as its handler does, so that a handler never reaches a key that was not found.
//! Where a call is malformed they say what the specs say.

use resp::Words;

use super::{KeyError, KeyPosition, KeyPositions, Search, find_by_specs};
use crate::key_spec::{KeyFlags, KeySpec};

/// What finds the keys of a command whose specs can't.
#[derive(Clone, Copy, Debug)]
pub enum KeyFinder {
    /// Appends the keys of a call, given the specs of its command.
    Positions(fn(&[KeySpec], Words<'_>, &mut KeyPositions) -> Result<(), KeyError>),
    /// The specs know where the keys are; this tells what the call does with them.
    Flags(fn(Words<'_>) -> KeyFlags),
}

/// SET: only with GET does it read the old value.
pub fn set_flags(words: Words<'_>) -> KeyFlags {
    let gets = words.skip(3).iter().any(|word| word.eq_ignore_ascii_case(b"GET"));
    if gets { CHANGES } else { KeyFlags::OVERWRITE.and(KeyFlags::UPDATE) }
}

/// BITFIELD: only reads if every operation is a GET.
pub fn bit_field_flags(words: Words<'_>) -> KeyFlags {
    let mut operations = words.skip(2);
    while let Some(operation) = operations.first() {
        let length = if operation.eq_ignore_ascii_case(b"GET") {
            3
        } else if operation.eq_ignore_ascii_case(b"OVERFLOW") {
            2
        } else {
            return CHANGES;
        };
        if operations.len() < length {
            return CHANGES;
        }
        operations = operations.skip(length);
    }
    READS
}

/// SORT: the key, and the last destination after a STORE that is not another option's value.
pub fn sort(
    specs: &[KeySpec],
    words: Words<'_>,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    let store = last_spec_flags(specs);
    first_spec(specs, words, positions)?;
    let mut destination = None;
    let mut index: usize = 2;
    while let Some(word) = words.get(index) {
        let values = if word.eq_ignore_ascii_case(b"LIMIT") {
            2
        } else if word.eq_ignore_ascii_case(b"BY") || word.eq_ignore_ascii_case(b"GET") {
            1
        } else if word.eq_ignore_ascii_case(b"STORE") {
            destination = index.checked_add(1).filter(|&index| index < words.len()).or(destination);
            1
        } else {
            0
        };
        index = index.saturating_add(values).saturating_add(1);
    }
    positions.extend(destination.map(|index| KeyPosition { index, flags: store }));
    Ok(())
}

/// MIGRATE: the third argument, or if that is empty what follows KEYS.
pub fn migrate(
    specs: &[KeySpec],
    words: Words<'_>,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    const KEY: usize = 3;
    let mut index: usize = 6;
    while let Some(word) = words.get(index) {
        let values = if word.eq_ignore_ascii_case(b"AUTH") {
            1
        } else if word.eq_ignore_ascii_case(b"AUTH2") {
            2
        } else if word.eq_ignore_ascii_case(b"KEYS") {
            let first = index.saturating_add(1);
            if first < words.len() {
                if words.get(KEY).is_some_and(|key| !key.is_empty()) {
                    return Err(KeyError::InvalidArguments);
                }
                let flags = specs.first().map_or(KeyFlags::NONE, |spec| spec.flags);
                positions.extend((first..words.len()).map(|index| KeyPosition { index, flags }));
                return Ok(());
            }
            0
        } else {
            0
        };
        index = index.saturating_add(values).saturating_add(1);
    }
    first_spec(specs, words, positions)
}

/// GEORADIUS: what the specs find, and destinations of options that are repeated.
pub fn geo_radius(
    specs: &[KeySpec],
    words: Words<'_>,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    stores(specs, words, 6, positions)
}

/// GEORADIUSBYMEMBER: what the specs find, and destinations of options that are repeated.
pub fn geo_radius_by_member(
    specs: &[KeySpec],
    words: Words<'_>,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    stores(specs, words, 5, positions)
}

/// XREADGROUP: the first half of what follows STREAMS, which a group or a consumer may be called, too.
pub fn stream_read_group(
    specs: &[KeySpec],
    words: Words<'_>,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    let mut index: usize = 1;
    let mut grouped = false;
    while let Some(word) = words.get(index) {
        let values = if word.eq_ignore_ascii_case(b"GROUP") {
            grouped = true;
            2
        } else if word.eq_ignore_ascii_case(b"COUNT") || word.eq_ignore_ascii_case(b"BLOCK") {
            1
        } else if word.eq_ignore_ascii_case(b"NOACK") {
            0
        } else if grouped && word.eq_ignore_ascii_case(b"STREAMS") {
            let first = index.saturating_add(1);
            let count = words.len().saturating_sub(first) / 2;
            let flags = specs.first().map_or(KeyFlags::NONE, |spec| spec.flags);
            let keys = first..first.saturating_add(count);
            positions.extend(keys.map(|index| KeyPosition { index, flags }));
            return Ok(());
        } else {
            break;
        };
        index = index.saturating_add(values).saturating_add(1);
    }
    find_by_specs(specs, words, Search::Keys, positions)
}

/// What the specs find, and then every other word after STORE or STOREDIST from word `start` on: of
/// several the last one counts, of which the specs don't know.
fn stores(
    specs: &[KeySpec],
    words: Words<'_>,
    start: usize,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    find_by_specs(specs, words, Search::Keys, positions)?;
    let flags = last_spec_flags(specs);
    for (option, index) in words.skip(start).iter().zip(start.saturating_add(1)..words.len()) {
        let stores =
            option.eq_ignore_ascii_case(b"STORE") || option.eq_ignore_ascii_case(b"STOREDIST");
        if stores && positions.iter().all(|position| position.index != index) {
            positions.push(KeyPosition { index, flags });
        }
    }
    Ok(())
}

fn first_spec(
    specs: &[KeySpec],
    words: Words<'_>,
    positions: &mut KeyPositions,
) -> Result<(), KeyError> {
    find_by_specs(specs.get(..1).unwrap_or(specs), words, Search::Keys, positions)
}

fn last_spec_flags(specs: &[KeySpec]) -> KeyFlags {
    specs.last().map_or(KeyFlags::NONE, |spec| spec.flags)
}

const READS: KeyFlags = KeyFlags::READ_ONLY.and(KeyFlags::ACCESS);
const CHANGES: KeyFlags = KeyFlags::READ_WRITE.and(KeyFlags::ACCESS).and(KeyFlags::UPDATE);
