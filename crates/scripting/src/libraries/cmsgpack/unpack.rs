//! From `MessagePack` to values.
//!
//! Containers may be nested as deep as the stack of Lua 5.1 lets them; here an own stack holds them.

use mlua::{Lua, Table, Value as LuaValue};

use super::super::argument::Arguments;
use super::super::complaint::Complaint;
use super::super::{Outcome, Results, STACK_SLOTS};

/// Containers that are open at a time: the interpreter lends us not many more.
const OPEN_LIMIT: usize = 6000;

/// `unpack(text)`: all values.
pub(super) fn unpack(lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    unpack_part(lua, arguments, 0, 0, arguments.len())
}

/// `unpack_one(text, offset)`: one value, and where the next one is.
pub(super) fn unpack_one(lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    let offset = arguments.integer_or(2, 0)?;
    unpack_part(lua, arguments, 1, offset, 1)
}

/// `unpack_limit(text, limit, offset)`: so many values, and where the next one is.
pub(super) fn unpack_limit(lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    let limit = arguments.integer(2)?;
    let offset = arguments.integer_or(3, 0)?;
    unpack_part(lua, arguments, limit, offset, 1)
}

/// `occupied` slots of the stack are in use before anything is unpacked.
fn unpack_part(
    lua: &Lua,
    arguments: Arguments<'_>,
    limit: i64,
    offset: i64,
    occupied: usize,
) -> Outcome {
    let text = arguments.string(1)?;
    let bytes = text.as_bytes();
    let narrow = super::super::number::narrow;
    let (Ok(begin), Ok(most)) = (usize::try_from(offset), usize::try_from(limit)) else {
        return Err(Complaint::located(format!(
            "Invalid request to unpack with offset of {} and limit of {}.",
            narrow(offset),
            bytes.len()
        )));
    };
    let rest = bytes.get(begin..).ok_or_else(|| {
        Complaint::located(format!(
            "Start offset {} greater than input length {}.",
            narrow(offset),
            bytes.len()
        ))
    })?;
    let takes_all = limit == 0 && offset == 0;
    let most = if takes_all { usize::MAX } else { most };
    let mut values = Results::new();
    if !takes_all {
        // Its place is the first; what it is follows from the others.
        values.push(lua, LuaValue::Nil)?;
    }
    let mut unpacker = Unpacker { lua, rest, slots: occupied, open: Vec::new() };
    let mut count = 0_usize;
    while !unpacker.rest.is_empty() && count < most {
        let value = unpacker.value()?;
        values.push(lua, value)?;
        count = count.saturating_add(1);
        unpacker.slots = occupied.saturating_add(count);
    }
    if !takes_all {
        let next = bytes.len().saturating_sub(unpacker.rest.len());
        let next = if unpacker.rest.is_empty() { -1 } else { i64::try_from(next).unwrap_or(-1) };
        values.set_first(LuaValue::Integer(next))?;
    }
    Ok(values)
}

struct Unpacker<'a> {
    lua: &'a Lua,
    rest: &'a [u8],
    /// Of the stack of Lua 5.1, as far as they are in use.
    slots: usize,
    open: Vec<Container>,
}

/// An array or a map whose elements are not all there yet.
struct Container {
    table: Table,
    /// Elements, of maps pairs.
    missing: u32,
    kind: Kind,
}

enum Kind {
    /// With the place of the next element.
    Array(i64),
    Map(Key),
}

/// The key of the value that comes next.
enum Key {
    Awaited,
    Given(LuaValue),
    /// Its value is a container that is filled, and has its place in the map already.
    Settled,
}

/// What comes next.
enum Item {
    Value(LuaValue),
    Array(u32),
    Map(u32),
}

const BAD_FORMAT: &str = "Bad data format in input.";
const TOO_MANY: &str = "too many return values at once; use unpack_one or unpack_limit instead.";
const TOO_DEEP: &str = "in function mp_decode_to_lua_array";

impl Unpacker<'_> {
    /// The next value, with everything in it.
    fn value(&mut self) -> Result<LuaValue, Complaint> {
        loop {
            self.reserve(0, TOO_MANY)?;
            let begun = match self.item()? {
                Item::Value(value) => Some(value),
                Item::Array(length) => {
                    self.reserve(1, TOO_DEEP)?;
                    self.begin(length, Kind::Array(1))?
                }
                Item::Map(length) => self.begin(length, Kind::Map(Key::Awaited))?,
            };
            if let Some(value) = begun
                && let Some(complete) = self.add(value)?
            {
                return Ok(complete);
            }
        }
    }

    /// Opens a container; gives it if it is empty.
    fn begin(&mut self, length: u32, kind: Kind) -> Result<Option<LuaValue>, Complaint> {
        let table = self.lua.create_table()?;
        if length == 0 {
            return Ok(Some(LuaValue::Table(table)));
        }
        if OPEN_LIMIT <= self.open.len() {
            return Err(overflow(TOO_DEEP));
        }
        if let Some(outer) = self.open.last_mut() {
            outer.attach(&table)?;
        }
        let container = Container { table, missing: length, kind };
        self.slots = self.slots.saturating_add(container.slots());
        self.open.push(container);
        Ok(None)
    }

    /// Adds a complete value to the container that is open, and that one to its own if it is complete with it. Gives what is
    /// part of nothing.
    fn add(&mut self, value: LuaValue) -> Result<Option<LuaValue>, Complaint> {
        let mut value = value;
        while let Some(mut container) = self.open.pop() {
            self.slots = self.slots.saturating_sub(container.slots());
            container.add(value)?;
            if container.missing != 0 {
                self.slots = self.slots.saturating_add(container.slots());
                self.open.push(container);
                return Ok(None);
            }
            value = LuaValue::Table(container.table);
        }
        Ok(Some(value))
    }

    /// Checks that the stack has a slot beside so many more.
    fn reserve(&self, more: usize, failure: &str) -> Result<(), Complaint> {
        if STACK_SLOTS <= self.slots.saturating_add(more) {
            return Err(overflow(failure));
        }
        Ok(())
    }

    /// What the next tag begins.
    fn item(&mut self) -> Result<Item, Complaint> {
        let [tag] = self.bytes()?;
        Ok(Item::Value(match tag {
            0..=0x7f => LuaValue::Integer(tag.into()),
            0x80..=0x8f => return Ok(Item::Map(u32::from(tag & 0xf))),
            0x90..=0x9f => return Ok(Item::Array(u32::from(tag & 0xf))),
            0xa0..=0xbf => self.string(u32::from(tag & 0x1f))?,
            0xc0 => LuaValue::Nil,
            0xc2 => LuaValue::Boolean(false),
            0xc3 => LuaValue::Boolean(true),
            0xca => LuaValue::Number(f32::from_be_bytes(self.bytes()?).into()),
            0xcb => LuaValue::Number(f64::from_be_bytes(self.bytes()?)),
            0xcc => LuaValue::Integer(u8::from_be_bytes(self.bytes()?).into()),
            0xcd => LuaValue::Integer(u16::from_be_bytes(self.bytes()?).into()),
            0xce => LuaValue::Integer(u32::from_be_bytes(self.bytes()?).into()),
            // Beyond what is signed they wrap around.
            0xcf | 0xd3 => LuaValue::Integer(i64::from_be_bytes(self.bytes()?)),
            0xd0 => LuaValue::Integer(i8::from_be_bytes(self.bytes()?).into()),
            0xd1 => LuaValue::Integer(i16::from_be_bytes(self.bytes()?).into()),
            0xd2 => LuaValue::Integer(i32::from_be_bytes(self.bytes()?).into()),
            0xd9 => self.string_of(|unpacker| Ok(u8::from_be_bytes(unpacker.bytes()?).into()))?,
            0xda => self.string_of(|unpacker| Ok(u16::from_be_bytes(unpacker.bytes()?).into()))?,
            0xdb => self.string_of(|unpacker| Ok(u32::from_be_bytes(unpacker.bytes()?)))?,
            0xdc => return Ok(Item::Array(u16::from_be_bytes(self.bytes()?).into())),
            0xdd => return Ok(Item::Array(u32::from_be_bytes(self.bytes()?))),
            0xde => return Ok(Item::Map(u16::from_be_bytes(self.bytes()?).into())),
            0xdf => return Ok(Item::Map(u32::from_be_bytes(self.bytes()?))),
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 => return Err(Complaint::located(BAD_FORMAT)),
            0xe0.. => LuaValue::Integer(i8::from_be_bytes([tag]).into()),
        }))
    }

    fn string_of(
        &mut self,
        length: impl FnOnce(&mut Self) -> Result<u32, Complaint>,
    ) -> Result<LuaValue, Complaint> {
        let length = length(self)?;
        self.string(length)
    }

    fn string(&mut self, length: u32) -> Result<LuaValue, Complaint> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(missing)?;
        self.rest = rest;
        Ok(LuaValue::String(self.lua.create_string(bytes)?))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Complaint> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(missing)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn missing() -> Complaint {
    Complaint::located("Missing bytes in input.")
}

fn overflow(failure: &str) -> Complaint {
    Complaint::located(format!("stack overflow ({failure})"))
}

impl Container {
    /// What it takes of the stack of Lua 5.1.
    fn slots(&self) -> usize {
        match &self.kind {
            Kind::Array(_) | Kind::Map(Key::Given(_) | Key::Settled) => 2,
            Kind::Map(Key::Awaited) => 1,
        }
    }

    /// Adds an element, or a key, or the value of that key.
    fn add(&mut self, value: LuaValue) -> Result<(), Complaint> {
        match &mut self.kind {
            Kind::Array(place) => {
                self.table.raw_set(*place, value)?;
                *place = place.saturating_add(1);
            }
            Kind::Map(key) => match std::mem::replace(key, Key::Awaited) {
                Key::Awaited => {
                    *key = Key::Given(value);
                    return Ok(());
                }
                Key::Given(LuaValue::Nil) => {
                    return Err(Complaint::Bare(b"table index is nil".to_vec()));
                }
                Key::Given(LuaValue::Number(number)) if number.is_nan() => {
                    return Err(Complaint::Bare(b"table index is NaN".to_vec()));
                }
                Key::Given(key) => self.table.raw_set(key, value)?,
                Key::Settled => {}
            },
        }
        self.missing = self.missing.saturating_sub(1);
        Ok(())
    }

    /// Puts a table that is going to be filled in its place, if it is the value of a key: so nobody has to hold the key.
    fn attach(&mut self, table: &Table) -> mlua::Result<()> {
        let Kind::Map(key) = &mut self.kind else { return Ok(()) };
        match key {
            // What cannot be a key is told when the value is known.
            Key::Awaited | Key::Settled | Key::Given(LuaValue::Nil) => Ok(()),
            Key::Given(LuaValue::Number(number)) if number.is_nan() => Ok(()),
            Key::Given(given) => {
                self.table.raw_set(&*given, table)?;
                *key = Key::Settled;
                Ok(())
            }
        }
    }
}
