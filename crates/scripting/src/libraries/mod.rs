//! The libraries that every script finds beside Lua's own: `cjson`, `cmsgpack` and `struct`.
//!
//! Their results are those of Redis's, to the byte: digits of numbers, forms, limits and the texts of errors. Only the order in
//! which the fields of a table are visited is the interpreter's own.
//!
//! A function never fails as such: errors of ours would be opaque to scripts that catch them. It gives what went wrong as text, with
//! the line of its caller in front, and the prelude raises it. Few values are held at a time, since the interpreter can lend us
//! only some thousands: functions with many results give them in one table.

mod argument;
pub(crate) mod cjson;
mod cmsgpack;
mod complaint;
mod number;
pub(crate) mod quick;
mod structure;

use mlua::{Function, IntoLuaMulti, Lua, MultiValue, Table, Value as LuaValue, Variadic};

pub(crate) use argument::Arguments;
pub(crate) use complaint::Complaint;

/// Results beyond which they are given in a table.
const FEW: usize = 64;
/// Slots that a C function has on the stack of Lua 5.1, which bounds results and nesting.
const STACK_SLOTS: usize = 8000;

/// All libraries, by name.
pub(crate) fn libraries(lua: &Lua, settings: &cjson::SharedSettings) -> mlua::Result<Table> {
    let libraries = lua.create_table()?;
    libraries.raw_set("cjson", cjson::library(lua, settings)?)?;
    libraries.raw_set("cmsgpack", cmsgpack::library(lua)?)?;
    libraries.raw_set("struct", structure::library(lua)?)?;
    Ok(libraries)
}

/// What the prelude calls instead of a function that was given more arguments than it can be lent.
pub(crate) fn crowded(lua: &Lua) -> mlua::Result<Function> {
    lua.create_function(|lua, name: String| {
        let complaint = if name == "cmsgpack.pack" {
            Complaint::argument(0, "Too many arguments for MessagePack pack.")
        } else {
            Complaint::located("stack overflow (too many arguments)")
        };
        let own_name = name.rsplit('.').next().unwrap_or_default();
        complaint.tell(lua, own_name)
    })
}

/// The results of a function.
pub(crate) struct Results {
    values: Vec<LuaValue>,
    /// Once there are many.
    packed: Option<Table>,
    count: usize,
}

impl Results {
    pub(crate) fn new() -> Results {
        Results { values: Vec::new(), packed: None, count: 0 }
    }

    pub(crate) fn one(value: LuaValue) -> Results {
        Results { values: vec![value], packed: None, count: 1 }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn push(&mut self, lua: &Lua, value: LuaValue) -> mlua::Result<()> {
        self.count = self.count.saturating_add(1);
        if self.packed.is_none() && self.values.len() == FEW {
            let table = lua.create_table()?;
            for (place, value) in (1_i64..).zip(self.values.drain(..)) {
                table.raw_set(place, value)?;
            }
            self.packed = Some(table);
        }
        if let Some(table) = &self.packed {
            return table.raw_set(self.count, value);
        }
        self.values.push(value);
        Ok(())
    }

    /// Replaces the first one, which is there.
    pub(crate) fn set_first(&mut self, value: LuaValue) -> mlua::Result<()> {
        match (&self.packed, self.values.first_mut()) {
            (Some(table), _) => table.raw_set(1, value)?,
            (None, Some(first)) => *first = value,
            (None, None) => {}
        }
        Ok(())
    }

    /// Takes the last one back.
    pub(crate) fn pop(&mut self) -> mlua::Result<Option<LuaValue>> {
        if self.count == 0 {
            return Ok(None);
        }
        let place = self.count;
        self.count = place.saturating_sub(1);
        match &self.packed {
            Some(table) => {
                let value = table.raw_get(place)?;
                table.raw_set(place, LuaValue::Nil)?;
                Ok(Some(value))
            }
            None => Ok(self.values.pop()),
        }
    }

    /// Nothing that went wrong, the table if it is needed, and the values if it is not.
    fn give(self, lua: &Lua) -> mlua::Result<MultiValue> {
        if let Some(table) = self.packed {
            table.raw_set("n", self.count)?;
            return (LuaValue::Nil, table).into_lua_multi(lua);
        }
        let mut given = MultiValue::with_capacity(self.values.len().saturating_add(2));
        given.push_back(LuaValue::Nil);
        given.push_back(LuaValue::Nil);
        given.extend(self.values);
        Ok(given)
    }
}

/// What a function of a library does.
type Outcome = Result<Results, Complaint>;

/// Makes a function of a library: it gives what went wrong, its results in a table, or its results.
fn function(
    lua: &Lua,
    name: &'static str,
    run: impl Fn(&Lua, Arguments<'_>) -> Outcome + Send + 'static,
) -> mlua::Result<Function> {
    lua.create_function(move |lua, values: Variadic<LuaValue>| {
        match run(lua, Arguments::new(lua, &values)) {
            Ok(results) => results.give(lua),
            Err(complaint) => complaint.tell(lua, name)?.into_lua_multi(lua),
        }
    })
}
