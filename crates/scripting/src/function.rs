//! Functions that libraries register while they are loaded.

use std::sync::Arc;

use mlua::{Function, Lua, Table, Value as LuaValue, Variadic};

use crate::interpreter::Script;
use crate::native::{Checked, append_text, refused, with_state};

/// A function that a library has registered.
#[derive(Clone, Debug)]
pub struct Registered {
    /// What FCALL calls it.
    pub name: String,
    /// What it is for.
    pub description: Option<Vec<u8>>,
    /// What it may do, and when.
    pub flags: Flags,
    /// It itself.
    pub script: Script,
}

/// What a script or a function says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags that come in any combination")]
pub struct Flags {
    /// It writes nothing.
    pub no_writes: bool,
    /// It may run when there is no memory left.
    pub allow_oom: bool,
    /// It may run on a replica that has lost its primary.
    pub allow_stale: bool,
    /// It does not run in a cluster.
    pub no_cluster: bool,
    /// It may reach keys of different slots.
    pub allow_cross_slot_keys: bool,
}

impl Flags {
    /// Sets a flag; whether there is one of this name.
    pub fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            ("no-writes", self.no_writes),
            ("allow-oom", self.allow_oom),
            ("allow-stale", self.allow_stale),
            ("no-cluster", self.no_cluster),
            ("allow-cross-slot-keys", self.allow_cross_slot_keys),
        ]
        .into_iter()
        .filter_map(|(name, is_set)| is_set.then_some(name))
    }
}

/// Whether this can be the name of a library or of a function.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

const NOT_A_NAME: &str = "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character \
                          long";

/// What a call of `register_function` says.
#[derive(Default)]
struct Asked {
    name: Option<Vec<u8>>,
    description: Option<Vec<u8>>,
    callback: Option<Function>,
    flags: Flags,
}

/// `redis.register_function(name, callback)`, or with named arguments in a table.
#[expect(clippy::needless_pass_by_value, reason = "so the interpreter calls functions")]
pub(crate) fn register(lua: &Lua, arguments: Variadic<LuaValue>) -> mlua::Result<Checked> {
    let asked = match arguments.as_slice() {
        [LuaValue::Table(named)] => read_named(named)?,
        [_] => Err(
            "ERR calling redis.register_function with a single argument is only applicable to Lua table \
                    (representing named arguments).",
        ),
        [name, callback] => read_two(name, callback),
        _ => Err("ERR wrong number of arguments to redis.register_function"),
    };
    let Asked { name, description, callback, flags } = match asked {
        Ok(asked) => asked,
        Err(why) => return Ok(refused(why)),
    };
    let Some(name) = name else {
        return Ok(refused("ERR redis.register_function must get a function name argument"));
    };
    let Some(callback) = callback else {
        return Ok(refused("ERR redis.register_function must get a callback argument"));
    };
    let Some(name) = String::from_utf8(name).ok().filter(|name| is_name(name.as_bytes())) else {
        return Ok(refused(NOT_A_NAME));
    };
    let last_line = callback.info().last_line_defined.unwrap_or(0);
    let script = Script { function: Arc::new(lua.create_registry_value(callback)?), last_line };
    let registered = Registered { name, description, flags, script };
    with_state(lua, |state| match &mut state.registering {
        None => refused("ERR redis.register_function can only be called on FUNCTION LOAD command"),
        Some(others) if others.iter().any(|other| other.name == registered.name) => {
            refused("ERR Function already exists in the library")
        }
        Some(others) => {
            others.push(registered);
            (LuaValue::Nil, None)
        }
    })
}

fn text_of(value: &LuaValue) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    append_text(value, &mut text).then_some(text)
}

fn read_two(name: &LuaValue, callback: &LuaValue) -> Result<Asked, &'static str> {
    let name =
        text_of(name).ok_or("ERR first argument to redis.register_function must be a string")?;
    let LuaValue::Function(callback) = callback else {
        return Err("ERR second argument to redis.register_function must be a function");
    };
    Ok(Asked { name: Some(name), callback: Some(callback.clone()), ..Asked::default() })
}

fn read_named(named: &Table) -> mlua::Result<Result<Asked, &'static str>> {
    let mut asked = Asked::default();
    for pair in named.pairs::<LuaValue, LuaValue>() {
        let (key, value) = pair?;
        let LuaValue::String(key) = key else { return Ok(Err(UNKNOWN_ARGUMENT)) };
        let outcome = match &*key.as_bytes().to_ascii_lowercase() {
            b"function_name" => text_of(&value).map(|name| asked.name = Some(name)).ok_or(
                "ERR function_name argument given to redis.register_function must be a string",
            ),
            b"description" => {
                text_of(&value).map(|description| asked.description = Some(description)).ok_or(
                    "ERR description argument given to redis.register_function must be a string",
                )
            }
            b"callback" => match value {
                LuaValue::Function(callback) => {
                    asked.callback = Some(callback);
                    Ok(())
                }
                _ => {
                    Err("ERR callback argument given to redis.register_function must be a function")
                }
            },
            b"flags" => match &value {
                LuaValue::Table(flags) => read_flags(flags)?.map(|flags| asked.flags = flags),
                _ => Err(
                    "ERR flags argument to redis.register_function must be a table representing function flags",
                ),
            },
            _ => Err(UNKNOWN_ARGUMENT),
        };
        if let Err(why) = outcome {
            return Ok(Err(why));
        }
    }
    Ok(Ok(asked))
}

const UNKNOWN_ARGUMENT: &str = "ERR unknown argument given to redis.register_function";

fn read_flags(names: &Table) -> mlua::Result<Result<Flags, &'static str>> {
    let mut flags = Flags::default();
    for place in 1_i64.. {
        match names.raw_get(place)? {
            LuaValue::Nil => break,
            LuaValue::String(name) if flags.set(&name.as_bytes().to_ascii_lowercase()) => {}
            _ => return Ok(Err("ERR unknown flag given")),
        }
    }
    Ok(Ok(flags))
}
