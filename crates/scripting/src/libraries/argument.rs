//! The arguments of a library's function, converted as Lua's own functions convert theirs.

use mlua::{Lua, String as LuaString, Value as LuaValue};

use super::complaint::Complaint;
use super::number::to_signed;

/// Arguments; the first has position 1.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    lua: &'a Lua,
    values: &'a [LuaValue],
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(lua: &'a Lua, values: &'a [LuaValue]) -> Arguments<'a> {
        Arguments { lua, values }
    }

    pub(crate) fn len(self) -> usize {
        self.values.len()
    }

    pub(crate) fn values(self) -> &'a [LuaValue] {
        self.values
    }

    pub(crate) fn at(self, position: usize) -> Option<&'a LuaValue> {
        self.values.get(position.checked_sub(1)?)
    }

    /// Whether there is nothing, or nil.
    pub(crate) fn is_nil(self, position: usize) -> bool {
        matches!(self.at(position), None | Some(LuaValue::Nil))
    }

    /// A string, or a number as one.
    pub(crate) fn string(self, position: usize) -> Result<LuaString, Complaint> {
        match self.at(position) {
            Some(LuaValue::String(string)) => Ok(string.clone()),
            // The interpreter itself would leave out the sign.
            Some(LuaValue::Number(number)) if number.is_nan() => {
                let text = if number.is_sign_negative() { "-nan" } else { "nan" };
                Ok(self.lua.create_string(text)?)
            }
            Some(number @ (LuaValue::Integer(_) | LuaValue::Number(_))) => self
                .lua
                .coerce_string(number.clone())?
                .ok_or_else(|| self.unexpected(position, "string")),
            _ => Err(self.unexpected(position, "string")),
        }
    }

    /// A number, or a string that is one.
    pub(crate) fn number(self, position: usize) -> Result<f64, Complaint> {
        self.at(position)
            .and_then(|value| as_number(self.lua, value).transpose())
            .transpose()?
            .ok_or_else(|| self.unexpected(position, "number"))
    }

    /// A number without its fraction.
    pub(crate) fn integer(self, position: usize) -> Result<i64, Complaint> {
        self.number(position).map(to_signed)
    }

    pub(crate) fn integer_or(self, position: usize, default: i64) -> Result<i64, Complaint> {
        if self.is_nil(position) { Ok(default) } else { self.integer(position) }
    }

    fn unexpected(self, position: usize, expected: &str) -> Complaint {
        let found = self.at(position).map_or("no value", type_name);
        Complaint::argument(position, format!("{expected} expected, got {found}"))
    }
}

/// The number that a value is or says, if it does.
#[expect(clippy::cast_precision_loss, reason = "numbers are doubles in Lua 5.1")]
pub(crate) fn as_number(lua: &Lua, value: &LuaValue) -> mlua::Result<Option<f64>> {
    match value {
        LuaValue::Number(number) => Ok(Some(*number)),
        LuaValue::Integer(number) => Ok(Some(*number as f64)),
        LuaValue::String(_) => lua.coerce_number(value.clone()),
        _ => Ok(None),
    }
}

/// What scripts call the type of a value.
pub(crate) fn type_name(value: &LuaValue) -> &'static str {
    match value {
        LuaValue::Nil => "nil",
        LuaValue::Boolean(_) => "boolean",
        LuaValue::Integer(_) | LuaValue::Number(_) => "number",
        LuaValue::String(_) => "string",
        LuaValue::Table(_) => "table",
        LuaValue::Function(_) => "function",
        LuaValue::Thread(_) => "thread",
        _ => "userdata",
    }
}
