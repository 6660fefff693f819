//! `cmsgpack`: values as `MessagePack`, and back.
//!
//! What has no form there (functions, extensions, binary data) is packed as nil, and is an error to unpack. A table whose keys are
//! exactly 1 to n is an array, any other a map.

mod pack;
mod unpack;

use mlua::{Lua, Table};

pub(super) use pack::{append_length, append_number, append_string as append_text};

use super::function;

pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let functions = lua.create_table()?;
    functions.raw_set("pack", function(lua, "pack", pack::pack)?)?;
    functions.raw_set("unpack", function(lua, "unpack", unpack::unpack)?)?;
    functions.raw_set("unpack_one", function(lua, "unpack_one", unpack::unpack_one)?)?;
    functions.raw_set("unpack_limit", function(lua, "unpack_limit", unpack::unpack_limit)?)?;
    functions.raw_set("_NAME", "cmsgpack")?;
    functions.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    functions.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    functions.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(functions)
}
