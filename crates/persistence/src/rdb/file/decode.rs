//! What the bytes of records mean.

use std::borrow::Cow;

use super::Eviction;
use super::batch::{Batch, LoadedKey, LoadedValue, Tally};
use super::error::{LoadError, Place, Refusal};
use super::skip;
use super::source::Source;
use super::split::Modules;
use crate::rdb::value::{self, Limits, Value};
use crate::rdb::{Opcode, Reader, ValueType};
use crate::{Corrupt, Error};

type Bytes<'a> = Reader<&'a [u8]>;

/// Hands the keys of a batch to `receive`.
pub(super) fn records(
    batch: &Batch,
    limits: &Limits,
    receive: &mut dyn FnMut(LoadedKey<'_>) -> Result<(), Refusal>,
) -> Result<Tally, LoadError> {
    let mut reader = Reader::within(batch.bytes.as_slice(), batch.offset);
    let mut tally = Tally::default();
    while !reader.is_at_end() {
        let begin = reader.offset();
        let head =
            head(batch, &mut reader).map_err(|error| LoadError::of(error, reader.offset()))?;
        let key = reader
            .borrowed_string()
            .map_err(|error| LoadError::of(error, reader.offset()).within(None, Some(head.form)))?;
        let decoded = decode(batch, head.form, &mut reader, limits)
            .map_err(|error| error.within(Some(&key), Some(head.form)))?;
        let value = match decoded {
            Decoded::String(ref string) => LoadedValue::String(string),
            Decoded::Other(value) => value,
        };
        tally.add(Tally {
            keys: 1,
            expiring: head.expiry_ms.is_some().into(),
            empty: matches!(value, LoadedValue::Empty).into(),
        });
        receive(LoadedKey {
            database: batch.database,
            key: &key,
            value,
            expiry_ms: head.expiry_ms,
            eviction: head.eviction,
            form: head.form,
            bytes: reader.offset().saturating_sub(begin),
            offset: reader.offset(),
        })?;
    }
    Ok(tally)
}

/// What stands before a key.
struct Head {
    form: ValueType,
    expiry_ms: Option<i64>,
    eviction: Eviction,
}

fn head(batch: &Batch, reader: &mut Bytes<'_>) -> Result<Head, Error> {
    let mut expiry_ms = None;
    let mut eviction = Eviction::None;
    loop {
        let byte = reader.byte()?;
        if let Some(form) = ValueType::of_version(byte, batch.version) {
            return Ok(Head { form, expiry_ms, eviction });
        }
        match Opcode::from_byte(byte) {
            // Redis has -1 for "does not expire" in memory, and so takes it for that.
            Some(Opcode::ExpireMilliseconds) => {
                expiry_ms = Some(reader.milliseconds()?).filter(|time| *time != -1);
            }
            Some(Opcode::ExpireSeconds) => {
                let seconds = i64::from(i32::from_le_bytes(reader.array()?));
                expiry_ms = Some(seconds.saturating_mul(1000));
            }
            Some(Opcode::Idle) => eviction = Eviction::Idle(reader.count()?),
            Some(Opcode::Frequency) => eviction = Eviction::Frequency(reader.byte()?),
            _ => return Err(reader.corrupt(Corrupt::ValueType(byte))),
        }
    }
}

/// A value, whose bytes may lie in the batch.
enum Decoded<'a> {
    String(Cow<'a, [u8]>),
    Other(LoadedValue<'static>),
}

fn decode<'a>(
    batch: &Batch,
    form: ValueType,
    reader: &mut Bytes<'a>,
    limits: &Limits,
) -> Result<Decoded<'a>, LoadError> {
    if form == ValueType::String {
        let string = reader.borrowed_string();
        return string.map(Decoded::String).map_err(|error| LoadError::of(error, reader.offset()));
    }
    if form == ValueType::Module2 {
        return module(batch, reader).map(Decoded::Other);
    }
    match value::read_with(form, reader, limits, batch.settings.care) {
        Ok(Value::Object(object)) => Ok(Decoded::Other(LoadedValue::Object(object))),
        Ok(Value::String(string)) => Ok(Decoded::String(Cow::Owned(string))),
        Err(Error::Corrupt { what: Corrupt::Empty, .. }) => Ok(Decoded::Other(LoadedValue::Empty)),
        Err(error) => Err(LoadError::of(error, reader.offset())),
    }
}

fn module(batch: &Batch, reader: &mut Bytes<'_>) -> Result<LoadedValue<'static>, LoadError> {
    let id = reader.count().map_err(|error| LoadError::of(error, reader.offset()))?;
    let name = skip::module_name(id);
    if batch.settings.modules == Modules::Refused {
        return Err(LoadError::Module {
            place: Place::at(reader.offset()),
            what: "module data I can't load: no matching module type",
            module: name,
        });
    }
    // The first stage has passed over it: it is whole.
    let mut source = Source::new(*reader.inner(), false, 0);
    skip::module(&mut source)?;
    let passed = source.offset();
    reader.pass(passed);
    Ok(LoadedValue::Module { name })
}
