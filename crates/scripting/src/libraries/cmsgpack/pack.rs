//! From values to `MessagePack`.

use mlua::{Lua, Table, Value as LuaValue};

use super::super::argument::Arguments;
use super::super::complaint::Complaint;
use super::super::number::to_signed;
use super::super::{Outcome, Results};

/// Tables that are nested deeper become nil.
const DEEPEST: usize = 16;

/// `pack(...)`: one after the other.
pub(super) fn pack(lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    if arguments.len() == 0 {
        return Err(Complaint::argument(0, "MessagePack pack needs input."));
    }
    let mut packed = Vec::new();
    for value in arguments.values() {
        append(value, 0, &mut packed)?;
    }
    Ok(Results::one(LuaValue::String(lua.create_string(packed)?)))
}

fn append(value: &LuaValue, depth: usize, packed: &mut Vec<u8>) -> mlua::Result<()> {
    match value {
        LuaValue::Boolean(value) => packed.push(if *value { 0xc3 } else { 0xc2 }),
        LuaValue::Integer(number) => append_integer(*number, packed),
        LuaValue::Number(number) => append_number(*number, packed),
        LuaValue::String(string) => append_string(&string.as_bytes(), packed),
        LuaValue::Table(table) if depth < DEEPEST => append_table(table, depth, packed)?,
        _ => packed.push(0xc0),
    }
    Ok(())
}

/// In the shortest form that holds it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "whether the number stays the same is the question"
)]
pub(in crate::libraries) fn append_number(number: f64, packed: &mut Vec<u8>) {
    let integer = to_signed(number);
    let single = number as f32;
    if number.is_finite() && integer as f64 == number {
        append_integer(integer, packed);
    } else if f64::from(single) == number {
        packed.push(0xca);
        packed.extend_from_slice(&single.to_be_bytes());
    } else {
        packed.push(0xcb);
        packed.extend_from_slice(&number.to_be_bytes());
    }
}

/// In the shortest form that holds it.
fn append_integer(number: i64, packed: &mut Vec<u8>) {
    if let Ok(number) = u64::try_from(number) {
        if let Ok(short @ 0..=0x7f) = u8::try_from(number) {
            packed.push(short);
        } else {
            append_sized(number, 0xcc, packed);
        }
    } else if let Ok(short @ -32..) = i8::try_from(number) {
        packed.extend_from_slice(&short.to_be_bytes());
    } else if let Ok(number) = i8::try_from(number) {
        packed.push(0xd0);
        packed.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = i16::try_from(number) {
        packed.push(0xd1);
        packed.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = i32::try_from(number) {
        packed.push(0xd2);
        packed.extend_from_slice(&number.to_be_bytes());
    } else {
        packed.push(0xd3);
        packed.extend_from_slice(&number.to_be_bytes());
    }
}

/// A number in 1, 2, 4 or 8 bytes, behind a tag that counts from `tag`.
fn append_sized(number: u64, tag: u8, packed: &mut Vec<u8>) {
    if let Ok(number) = u8::try_from(number) {
        packed.push(tag);
        packed.push(number);
    } else if let Ok(number) = u16::try_from(number) {
        packed.push(tag.wrapping_add(1));
        packed.extend_from_slice(&number.to_be_bytes());
    } else if let Ok(number) = u32::try_from(number) {
        packed.push(tag.wrapping_add(2));
        packed.extend_from_slice(&number.to_be_bytes());
    } else {
        packed.push(tag.wrapping_add(3));
        packed.extend_from_slice(&number.to_be_bytes());
    }
}

pub(in crate::libraries) fn append_string(bytes: &[u8], packed: &mut Vec<u8>) {
    match u8::try_from(bytes.len()) {
        Ok(length @ 0..=31) => packed.push(0xa0 | length),
        _ => append_sized(bytes.len() as u64, 0xd9, packed),
    }
    packed.extend_from_slice(bytes);
}

/// The length of an array or a map: in its tag if it is below 16, else in two or four bytes.
pub(in crate::libraries) fn append_length(length: u64, short: u8, long: u8, packed: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(length @ 0..=15) => packed.push(short | length),
        _ if length <= 0xffff => {
            packed.push(long);
            packed.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
        _ => {
            packed.push(long.wrapping_add(1));
            packed.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}

fn append_table(table: &Table, depth: usize, packed: &mut Vec<u8>) -> mlua::Result<()> {
    let deeper = depth.saturating_add(1);
    if is_array(table)? {
        let length = table.raw_len();
        append_length(length as u64, 0x90, 0xdc, packed);
        for place in 1..=length {
            append(&table.raw_get(place)?, deeper, packed)?;
        }
        return Ok(());
    }
    let mut count = 0_u64;
    table.for_each(|_: LuaValue, _: LuaValue| {
        count = count.saturating_add(1);
        Ok(())
    })?;
    append_length(count, 0x80, 0xde, packed);
    table.for_each(|key: LuaValue, value: LuaValue| {
        append(&key, deeper, packed)?;
        append(&value, deeper, packed)
    })
}

/// Whether the keys of a table are the integers from 1 to as many as there are.
fn is_array(table: &Table) -> mlua::Result<bool> {
    let (mut count, mut highest) = (0_i64, 0_i64);
    for pair in table.pairs::<LuaValue, LuaValue>() {
        match pair? {
            (LuaValue::Integer(key @ 1..), _) if i32::try_from(key).is_ok() => {
                highest = highest.max(key);
                count = count.saturating_add(1);
            }
            _ => return Ok(false),
        }
    }
    Ok(count == highest)
}
