//! Between Lua's values and replies, in both directions, as the documentation of scripting has it.

use mlua::{Lua, String as LuaString, Table, Value as LuaValue};
use resp::number::{write_double, write_integer};
use resp::{OwnedWords, Protocol, Reply, ReplyError, Value};

/// How deep tables may be nested that become a reply.
const DEPTH_LIMIT: usize = 500;

/// Appends a script's argument for a command, if it is one: a string, or a number in decimal.
pub(crate) fn append_word(value: &LuaValue, words: &mut OwnedWords) -> bool {
    match value {
        LuaValue::String(string) => words.push(&string.as_bytes()),
        LuaValue::Integer(number) => words.push(itoa::Buffer::new().format(*number).as_bytes()),
        LuaValue::Number(number) => append_number(*number, words),
        _ => return false,
    }
    true
}

fn append_number(number: f64, words: &mut OwnedWords) {
    let mut text = Vec::new();
    match exact_integer(number) {
        Some(integer) => write_integer(integer, &mut text),
        None => write_double(number, &mut text),
    }
    words.push(&text);
}

/// The integer that a double is, if it is one that is written without an exponent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "it is compared after the cast"
)]
fn exact_integer(number: f64) -> Option<i64> {
    /// Doubles hold every integer up to this.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.abs() <= EXACT && number.trunc() == number).then_some(number as i64)
}

/// What the prelude is told of a reply.
pub(crate) type Kind = u8;
/// It is what the script sees.
const AS_IT_IS: Kind = 0;
/// It is an error.
pub(crate) const FAILED: Kind = 1;
/// It is the text of a status.
pub(crate) const STATUS: Kind = 2;

/// The bytes of a reply as a script sees them; nothing if they are no reply.
pub(crate) fn read_reply(
    lua: &Lua,
    reply: &[u8],
    protocol: Protocol,
) -> mlua::Result<Option<(LuaValue, Kind)>> {
    if let Some(simple) = read_simple(lua, reply)? {
        return Ok(Some((simple, AS_IT_IS)));
    }
    match Value::decode(reply) {
        Ok(Some((Value::Simple(text), _))) => {
            Ok(Some((LuaValue::String(lua.create_string(text)?), STATUS)))
        }
        Ok(Some((value, _))) => {
            let kind = if value.is_error() { FAILED } else { AS_IT_IS };
            Ok(Some((to_lua(lua, value, protocol)?, kind)))
        }
        Ok(None) | Err(_) => Ok(None),
    }
}

/// What most replies are, without the way over an own value: an integer, a string.
fn read_simple(lua: &Lua, reply: &[u8]) -> mlua::Result<Option<LuaValue>> {
    let Some((kind @ (b':' | b'$'), rest)) = reply.split_first() else { return Ok(None) };
    let Some(end) = rest.iter().position(|byte| *byte == b'\r') else { return Ok(None) };
    let Some(number) = rest.get(..end).and_then(resp::number::parse_integer) else {
        return Ok(None);
    };
    if *kind == b':' {
        return Ok(Some(integer_to_lua(number)));
    }
    let string = usize::try_from(number).ok().and_then(|length| {
        let behind = rest.get(end.saturating_add(2)..)?;
        behind.get(..length)
    });
    string.map(|string| Ok(LuaValue::String(lua.create_string(string)?))).transpose()
}

/// A reply as a script sees it.
fn to_lua(lua: &Lua, reply: Value, protocol: Protocol) -> mlua::Result<LuaValue> {
    Ok(match reply {
        Value::Integer(number) => integer_to_lua(number),
        Value::Bulk(bytes) => LuaValue::String(lua.create_string(bytes)?),
        Value::Simple(text) => tagged(lua, "ok", lua.create_string(text)?)?,
        Value::Error(text) | Value::BulkError(text) => failure(lua, &text)?,
        Value::NullBulk | Value::NullArray | Value::Null => match protocol {
            Protocol::Resp2 => LuaValue::Boolean(false),
            Protocol::Resp3 => LuaValue::Nil,
        },
        Value::Boolean(value) => LuaValue::Boolean(value),
        Value::Double(text) => {
            let number =
                str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
            tagged(lua, "double", LuaValue::Number(number))?
        }
        Value::BigNumber(text) => tagged(lua, "big_number", lua.create_string(text)?)?,
        Value::Verbatim { format, text } => {
            let verbatim = lua.create_table_with_capacity(0, 2)?;
            verbatim.raw_set("string", lua.create_string(text)?)?;
            verbatim.raw_set("format", lua.create_string(format)?)?;
            tagged(lua, "verbatim_string", verbatim)?
        }
        Value::Array(items) | Value::Push(items) => {
            let array = lua.create_table_with_capacity(items.len(), 0)?;
            for (place, item) in (1_i64..).zip(items) {
                array.raw_set(place, to_lua(lua, item, protocol)?)?;
            }
            LuaValue::Table(array)
        }
        Value::Map(pairs) => {
            let map = lua.create_table_with_capacity(0, pairs.len())?;
            for (key, value) in pairs {
                map.raw_set(to_lua(lua, key, protocol)?, to_lua(lua, value, protocol)?)?;
            }
            tagged(lua, "map", map)?
        }
        Value::Set(items) => {
            let set = lua.create_table_with_capacity(0, items.len())?;
            for item in items {
                set.raw_set(to_lua(lua, item, protocol)?, true)?;
            }
            tagged(lua, "set", set)?
        }
        Value::Attribute { value, .. } => to_lua(lua, *value, protocol)?,
    })
}

#[expect(clippy::cast_precision_loss, reason = "numbers are doubles in Lua 5.1")]
fn integer_to_lua(number: i64) -> LuaValue {
    LuaValue::Number(number as f64)
}

/// An error reply as a script sees it.
pub(crate) fn failure(lua: &Lua, text: &[u8]) -> mlua::Result<LuaValue> {
    let table = lua.create_table_with_capacity(0, 2)?;
    table.raw_set("err", lua.create_string(text)?)?;
    table.raw_set("ignore_error_stats_update", true)?;
    Ok(LuaValue::Table(table))
}

fn tagged(lua: &Lua, tag: &str, value: impl mlua::IntoLua) -> mlua::Result<LuaValue> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(tag, value)?;
    Ok(LuaValue::Table(table))
}

/// The names of the fields that say what reply a table is: kept, since to make one costs more than to look it up.
#[derive(Debug)]
pub(crate) struct Names {
    err: LuaString,
    ok: LuaString,
    double: LuaString,
    map: LuaString,
    set: LuaString,
    big_number: LuaString,
    verbatim_string: LuaString,
}

impl Names {
    pub(crate) fn new(lua: &Lua) -> mlua::Result<Names> {
        Ok(Names {
            err: lua.create_string("err")?,
            ok: lua.create_string("ok")?,
            double: lua.create_string("double")?,
            map: lua.create_string("map")?,
            set: lua.create_string("set")?,
            big_number: lua.create_string("big_number")?,
            verbatim_string: lua.create_string("verbatim_string")?,
        })
    }
}

/// Replies with what a script has returned. `protocol` is the one that the script has chosen.
pub(crate) fn to_reply(value: &LuaValue, names: &Names, protocol: Protocol, reply: &mut Reply<'_>) {
    write(value, names, protocol, reply, 0);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a reply has the integer part, as far as it fits"
)]
fn write(value: &LuaValue, names: &Names, protocol: Protocol, reply: &mut Reply<'_>, depth: usize) {
    match value {
        LuaValue::String(string) => reply.bulk(&string.as_bytes()),
        LuaValue::Integer(number) => reply.integer(*number),
        LuaValue::Number(number) => reply.integer(*number as i64),
        LuaValue::Boolean(value) => match (protocol, value) {
            (Protocol::Resp3, value) => reply.boolean(*value),
            (Protocol::Resp2, true) => reply.integer(1),
            (Protocol::Resp2, false) => reply.null(),
        },
        LuaValue::Table(table) => {
            if write_table(table, names, protocol, reply, depth).is_err() {
                reply.null();
            }
        }
        _ => reply.null(),
    }
}

/// Fails, before anything is written, only if the table cannot be looked at.
fn write_table(
    table: &Table,
    names: &Names,
    protocol: Protocol,
    reply: &mut Reply<'_>,
    depth: usize,
) -> mlua::Result<()> {
    if DEPTH_LIMIT <= depth {
        reply.error(&ReplyError::message("reached lua stack limit"));
        return Ok(());
    }
    let deeper = depth.saturating_add(1);
    if let LuaValue::String(text) = table.raw_get::<LuaValue>(&names.err)? {
        reply.error(&error_of(&text));
        return Ok(());
    }
    if let LuaValue::String(text) = table.raw_get::<LuaValue>(&names.ok)? {
        write_status(&text, reply);
        return Ok(());
    }
    if let LuaValue::Number(number) = table.raw_get::<LuaValue>(&names.double)? {
        reply.double(number);
        return Ok(());
    }
    if let LuaValue::Table(map) = table.raw_get::<LuaValue>(&names.map)? {
        let pending = reply.deferred_map();
        let mut count = 0_usize;
        for (key, value) in map.pairs::<LuaValue, LuaValue>().flatten() {
            write(&key, names, protocol, reply, deeper);
            write(&value, names, protocol, reply, deeper);
            count = count.saturating_add(1);
        }
        reply.close(pending, count);
        return Ok(());
    }
    if let LuaValue::Table(set) = table.raw_get::<LuaValue>(&names.set)? {
        let pending = reply.deferred_set();
        let mut count = 0_usize;
        for (member, _) in set.pairs::<LuaValue, LuaValue>().flatten() {
            write(&member, names, protocol, reply, deeper);
            count = count.saturating_add(1);
        }
        reply.close(pending, count);
        return Ok(());
    }
    if let LuaValue::String(number) = table.raw_get::<LuaValue>(&names.big_number)? {
        let decimal: String = number.to_string_lossy().replace(['\r', '\n'], " ");
        reply.big_number(&decimal);
        return Ok(());
    }
    if let LuaValue::Table(verbatim) = table.raw_get::<LuaValue>(&names.verbatim_string)?
        && let LuaValue::String(format) = verbatim.raw_get::<LuaValue>("format")?
        && let LuaValue::String(text) = verbatim.raw_get::<LuaValue>("string")?
    {
        write_verbatim(&format, &text, reply);
        return Ok(());
    }
    let pending = reply.deferred_array();
    let mut count = 0_usize;
    // One at a time: the interpreter lends us only some thousands.
    for item in table.sequence_values::<LuaValue>().flatten() {
        write(&item, names, protocol, reply, deeper);
        count = count.saturating_add(1);
    }
    reply.close(pending, count);
    Ok(())
}

fn error_of(text: &LuaString) -> ReplyError {
    ReplyError::quoting(&*text.as_bytes())
}

/// A status may not end its line early.
fn write_status(text: &LuaString, reply: &mut Reply<'_>) {
    let mut line = vec![b'+'];
    line.extend(
        text.as_bytes().iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }),
    );
    line.extend_from_slice(b"\r\n");
    reply.raw(&line);
}

fn write_verbatim(format: &LuaString, text: &LuaString, reply: &mut Reply<'_>) {
    match &*format.as_bytes() {
        b"mkd" => reply.verbatim("mkd", &text.as_bytes()),
        _ => reply.verbatim("txt", &text.as_bytes()),
    }
}
