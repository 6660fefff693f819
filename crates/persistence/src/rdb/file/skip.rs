//! Where a value ends, without a look at what it means.

use std::io::Read;

use super::error::LoadError;
use super::source::Source;
use crate::Corrupt;
use crate::rdb::ValueType;

/// Passes over a value.
pub(super) fn value<R: Read>(form: ValueType, source: &mut Source<R>) -> Result<(), LoadError> {
    match form {
        ValueType::String
        | ValueType::HashZipMap
        | ValueType::ListZipList
        | ValueType::SetIntSet
        | ValueType::SortedSetZipList
        | ValueType::HashZipList
        | ValueType::HashListPack
        | ValueType::SortedSetListPack
        | ValueType::SetListPack
        | ValueType::HashListPackExBeforeRelease => source.skip_string(),
        ValueType::HashListPackEx => {
            source.skip(8)?;
            source.skip_string()
        }
        ValueType::List | ValueType::Set | ValueType::ListQuickList => {
            each(source, Source::skip_string)
        }
        ValueType::Hash => each(source, |source| strings(source, 2)),
        ValueType::SortedSet => each(source, |source| {
            source.skip_string()?;
            match source.byte()? {
                253..=255 => Ok(()),
                length => source.skip(length.into()),
            }
        }),
        ValueType::SortedSet2 | ValueType::HashOfValkey => each(source, |source| {
            strings(source, if form == ValueType::HashOfValkey { 2 } else { 1 })?;
            source.skip(8)
        }),
        ValueType::ListQuickList2 => each(source, |source| {
            source.count()?;
            source.skip_string()
        }),
        ValueType::HashMetadata | ValueType::HashMetadataBeforeRelease => {
            if form == ValueType::HashMetadata {
                source.skip(8)?;
            }
            each(source, |source| {
                source.count()?;
                strings(source, 2)
            })
        }
        ValueType::StreamListPacks | ValueType::StreamListPacks2 | ValueType::StreamListPacks3 => {
            stream(form, source)
        }
        ValueType::Module2 => {
            source.count()?;
            module(source)
        }
        ValueType::ModuleBeforeRelease => Err(source.corrupt(Corrupt::Module)),
    }
}

/// Passes over as many elements as a count says. Each takes a byte at least, so a count that lies ends with the file.
fn each<R: Read>(
    source: &mut Source<R>,
    mut element: impl FnMut(&mut Source<R>) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    for _ in 0..source.count()? {
        element(source)?;
    }
    Ok(())
}

fn strings<R: Read>(source: &mut Source<R>, count: usize) -> Result<(), LoadError> {
    for _ in 0..count {
        source.skip_string()?;
    }
    Ok(())
}

fn counts<R: Read>(source: &mut Source<R>, count: usize) -> Result<(), LoadError> {
    for _ in 0..count {
        source.count()?;
    }
    Ok(())
}

fn stream<R: Read>(form: ValueType, source: &mut Source<R>) -> Result<(), LoadError> {
    /// Bytes of an ID, and of a time.
    const ID: u64 = 16;
    const TIME: u64 = 8;
    let has_more = form != ValueType::StreamListPacks;
    each(source, |source| strings(source, 2))?;
    // The length, and the last ID; then the first ID, the greatest deleted one, and how many entries there were.
    counts(source, if has_more { 8 } else { 3 })?;
    each(source, |source| {
        source.skip_string()?;
        counts(source, if has_more { 3 } else { 2 })?;
        each(source, |source| {
            source.skip(ID.saturating_add(TIME))?;
            source.count().map(|_| ())
        })?;
        each(source, |source| {
            source.skip_string()?;
            let times = if form == ValueType::StreamListPacks3 { 2 } else { 1 };
            source.skip(TIME.saturating_mul(times))?;
            each(source, |source| source.skip(ID))
        })
    })
}

/// Passes over what a module has written: numbers, each with what it is, up to the one that says that this is all.
pub(super) fn module<R: Read>(source: &mut Source<R>) -> Result<(), LoadError> {
    loop {
        match source.count()? {
            0 => return Ok(()),
            1 | 2 => source.count().map(|_| ())?,
            3 => source.skip(4)?,
            4 => source.skip(8)?,
            5 => source.skip_string()?,
            _ => return Err(source.corrupt(Corrupt::Other("unknown part of a module's value"))),
        }
    }
}

/// The name of a module's type: nine letters of six bits each, from the highest ones on; what remains is a version.
pub fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9_u32)
        .map(|place| {
            let shift = 58_u32.saturating_sub(place.saturating_mul(6));
            let letter = usize::try_from((id >> shift) & 63).unwrap_or(0);
            char::from(LETTERS.get(letter).copied().unwrap_or(b'?'))
        })
        .collect()
}
