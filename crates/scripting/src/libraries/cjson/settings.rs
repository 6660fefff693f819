//! What an instance of `cjson` is set to, and the functions that set it.

use mlua::{Lua, Value as LuaValue};

use super::super::argument::Arguments;
use super::super::complaint::Complaint;
use super::super::number::narrow;
use super::super::{Outcome, Results};

/// What becomes of numbers that JSON has no form for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InvalidNumbers {
    Refused,
    Written,
    Null,
}

/// The settings of an instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Settings {
    /// Arrays with too many holes become objects.
    pub(super) sparse_convert: bool,
    /// How many times as long as it has elements an array may be; 0 for any.
    pub(super) sparse_ratio: i32,
    /// How long an array may be whatever it holds.
    pub(super) sparse_safe: i32,
    pub(super) encode_max_depth: i32,
    pub(super) decode_max_depth: i32,
    /// Significant digits.
    pub(super) precision: i32,
    pub(super) encode_invalid: InvalidNumbers,
    pub(super) decode_invalid: bool,
    /// It changes nothing here: memory is given back after each call.
    keep_buffer: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_max_depth: 1000,
            decode_max_depth: 1000,
            precision: 14,
            encode_invalid: InvalidNumbers::Refused,
            decode_invalid: true,
            keep_buffer: true,
        }
    }
}

type Change = fn(&mut Settings, &Lua, Arguments<'_>) -> Outcome;

/// Each gives the setting as it is then.
pub(super) const FUNCTIONS: &[(&str, Change)] = &[
    ("encode_sparse_array", |settings, lua, arguments| {
        at_most(arguments, 3)?;
        let mut results = Results::new();
        let convert = &mut settings.sparse_convert;
        results.push(lua, switch(arguments, convert)?)?;
        let ratio = &mut settings.sparse_ratio;
        results.push(lua, bounded(arguments, 2, ratio, 0..=i32::MAX)?)?;
        let safe = &mut settings.sparse_safe;
        results.push(lua, bounded(arguments, 3, safe, 0..=i32::MAX)?)?;
        Ok(results)
    }),
    ("encode_max_depth", |settings, _, arguments| {
        at_most(arguments, 1)?;
        let depth = &mut settings.encode_max_depth;
        Ok(Results::one(bounded(arguments, 1, depth, 1..=i32::MAX)?))
    }),
    ("decode_max_depth", |settings, _, arguments| {
        at_most(arguments, 1)?;
        let depth = &mut settings.decode_max_depth;
        Ok(Results::one(bounded(arguments, 1, depth, 1..=i32::MAX)?))
    }),
    ("encode_number_precision", |settings, _, arguments| {
        at_most(arguments, 1)?;
        let precision = &mut settings.precision;
        Ok(Results::one(bounded(arguments, 1, precision, 1..=14)?))
    }),
    ("encode_keep_buffer", |settings, _, arguments| {
        at_most(arguments, 1)?;
        Ok(Results::one(switch(arguments, &mut settings.keep_buffer)?))
    }),
    ("encode_invalid_numbers", |settings, lua, arguments| {
        at_most(arguments, 1)?;
        encode_invalid_numbers(settings, lua, arguments)
    }),
    ("decode_invalid_numbers", |settings, _, arguments| {
        at_most(arguments, 1)?;
        Ok(Results::one(switch(arguments, &mut settings.decode_invalid)?))
    }),
];

fn at_most(arguments: Arguments<'_>, count: usize) -> Result<(), Complaint> {
    if count < arguments.len() {
        return Err(Complaint::argument(count.saturating_add(1), "found too many arguments"));
    }
    Ok(())
}

/// The first argument as a boolean, `on` or `off`.
fn switch(arguments: Arguments<'_>, setting: &mut bool) -> Result<LuaValue, Complaint> {
    match arguments.at(1) {
        None | Some(LuaValue::Nil) => {}
        Some(LuaValue::Boolean(value)) => *setting = *value,
        Some(_) => {
            let word = arguments.string(1)?;
            *setting = match &*word.as_bytes() {
                b"off" => false,
                b"on" => true,
                other => return Err(invalid_option(other)),
            };
        }
    }
    Ok(LuaValue::Boolean(*setting))
}

fn encode_invalid_numbers(settings: &mut Settings, lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    let setting = &mut settings.encode_invalid;
    match arguments.at(1) {
        None | Some(LuaValue::Nil) => {}
        Some(LuaValue::Boolean(true)) => *setting = InvalidNumbers::Written,
        Some(LuaValue::Boolean(false)) => *setting = InvalidNumbers::Refused,
        Some(_) => {
            let word = arguments.string(1)?;
            *setting = match &*word.as_bytes() {
                b"off" => InvalidNumbers::Refused,
                b"on" => InvalidNumbers::Written,
                b"null" => InvalidNumbers::Null,
                other => return Err(invalid_option(other)),
            };
        }
    }
    Ok(Results::one(match setting {
        InvalidNumbers::Refused => LuaValue::Boolean(false),
        InvalidNumbers::Written => LuaValue::Boolean(true),
        InvalidNumbers::Null => LuaValue::String(lua.create_string("null")?),
    }))
}

fn invalid_option(word: &[u8]) -> Complaint {
    // As text of C it ends with the first zero.
    let shown = word.split(|byte| *byte == 0).next().unwrap_or_default();
    Complaint::argument(1, [b"invalid option '", shown, b"'"].concat())
}

/// An integer within bounds. Whichever argument is out of them, the first one is blamed.
fn bounded(
    arguments: Arguments<'_>,
    position: usize,
    setting: &mut i32,
    bounds: std::ops::RangeInclusive<i32>,
) -> Result<LuaValue, Complaint> {
    if !arguments.is_nil(position) {
        let value = narrow(arguments.integer(position)?);
        if !bounds.contains(&value) {
            let (low, high) = (bounds.start(), bounds.end());
            let text = format!("expected integer between {low} and {high}");
            return Err(Complaint::argument(1, text));
        }
        *setting = value;
    }
    Ok(LuaValue::Integer((*setting).into()))
}
