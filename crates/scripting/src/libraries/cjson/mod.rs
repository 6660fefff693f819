//! `cjson`: values as JSON, and back.
//!
//! Its settings belong to an instance: the one that scripts find, which is as it was at each script's beginning, and those that
//! `cjson.new()` makes.

mod decode;
mod encode;
mod settings;

use std::sync::{Arc, Mutex, PoisonError};

use mlua::{Function, Lua, Table, Value as LuaValue};

pub(super) use encode::append_quoted;
pub(crate) use settings::Settings;

use super::function;
use crate::native::common;

/// The settings of an instance.
pub(crate) type SharedSettings = Arc<Mutex<Settings>>;

/// The deepest that tables may be nested, whatever is asked for: the interpreter lends us not many more.
const DEEPEST_DECODED: usize = 3999;
const DEEPEST_ENCODED: usize = 1500;

pub(super) fn library(lua: &Lua, settings: &SharedSettings) -> mlua::Result<Table> {
    let functions = lua.create_table()?;
    for (name, run) in settings::FUNCTIONS {
        let shared = settings.clone();
        let change = function(lua, name, move |lua, arguments| {
            common(lua)?.note_change();
            run(&mut lock(&shared), lua, arguments)
        })?;
        functions.raw_set(*name, change)?;
    }
    let shared = settings.clone();
    let encode = function(lua, "encode", move |lua, arguments| {
        let current = *lock(&shared);
        encode::encode(current, lua, arguments)
    })?;
    functions.raw_set("encode", encode)?;
    let shared = settings.clone();
    let decode = function(lua, "decode", move |lua, arguments| {
        let current = *lock(&shared);
        decode::decode(current, lua, arguments)
    })?;
    functions.raw_set("decode", decode)?;
    functions.raw_set("null", LuaValue::NULL)?;
    functions.raw_set("_NAME", "cjson")?;
    functions.raw_set("_VERSION", "2.1.0")?;
    Ok(functions)
}

/// Makes another instance.
pub(crate) fn maker(lua: &Lua) -> mlua::Result<Function> {
    lua.create_function(|lua, ()| library(lua, &SharedSettings::default()))
}

fn lock(settings: &SharedSettings) -> std::sync::MutexGuard<'_, Settings> {
    settings.lock().unwrap_or_else(PoisonError::into_inner)
}
