//! The functions behind `redis.*` and the generator behind `math.random`.
//!
//! One that fails gives nothing and the text of the error, which the prelude raises: errors of ours would be opaque to scripts that
//! catch them.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "so the interpreter calls functions"
)]

use std::any::Any;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

use mlua::{IntoLuaMulti, Lua, MultiValue, Table, Value as LuaValue, Variadic};
use resp::{OwnedWords, Protocol};
use sha1::{Digest, Sha1};

use crate::answer::up_to_nul;
use crate::convert::append_word;
use crate::function::{self, Registered};
use crate::host::{self, LogLevel, Replication};
use crate::libraries::cjson::{self, Settings, SharedSettings};
use crate::libraries::{crowded, libraries};
use crate::random::{LARGEST, Random};

/// What natives keep between calls of one script.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Of the `cjson` that scripts find.
    pub(crate) json: SharedSettings,
    /// What the library that is being loaded has registered; nothing if none is.
    pub(crate) registering: Option<Vec<Registered>>,
    random: Random,
    /// Why the script was stopped, if it was, and in which line.
    stopped: Option<(&'static str, usize)>,
    /// What the server failed with in the middle of it.
    panic: Option<Box<dyn Any + Send>>,
}

/// What all natives of an interpreter have in common.
#[derive(Debug)]
pub(crate) struct Common {
    /// What errors call the code.
    pub(crate) source: &'static str,
    state: Mutex<State>,
    is_resp3: AtomicBool,
    /// The script is to end, and can do nothing but end.
    is_ending: AtomicBool,
    /// Something is not as it is when a script begins.
    is_changed: AtomicBool,
    /// Where a function is said to have failed that has ended with a call.
    last_line: AtomicUsize,
}

impl Common {
    pub(crate) fn new(source: &'static str) -> Common {
        Common {
            source,
            state: Mutex::default(),
            is_resp3: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            is_changed: AtomicBool::new(false),
            last_line: AtomicUsize::new(0),
        }
    }

    pub(crate) fn with_state<R>(&self, use_it: impl FnOnce(&mut State) -> R) -> R {
        use_it(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A script begins, of which this is the last line.
    pub(crate) fn begin(&self, last_line: usize) {
        self.last_line.store(last_line, Relaxed);
        if self.is_changed.swap(false, Relaxed) {
            self.is_resp3.store(false, Relaxed);
            self.is_ending.store(false, Relaxed);
            self.with_state(|state| {
                state.stopped = None;
                state.panic = None;
                *state.json.lock().unwrap_or_else(PoisonError::into_inner) = Settings::default();
            });
        }
    }

    /// Something is not as it is when a script begins.
    pub(crate) fn note_change(&self) {
        self.is_changed.store(true, Relaxed);
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed.load(Relaxed)
    }

    /// The protocol that the script has chosen for the replies to its calls.
    pub(crate) fn protocol(&self) -> Protocol {
        if self.is_resp3.load(Relaxed) { Protocol::Resp3 } else { Protocol::Resp2 }
    }

    fn set_protocol(&self, protocol: Protocol) {
        self.note_change();
        self.is_resp3.store(protocol == Protocol::Resp3, Relaxed);
    }

    pub(crate) fn last_line(&self) -> usize {
        self.last_line.load(Relaxed)
    }

    /// Whether the script is to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Relaxed)
    }

    /// The script is to end, and this is why, and where it was.
    pub(crate) fn stop(&self, why: &'static str, line: usize) {
        self.note_end();
        self.with_state(|state| state.stopped = Some((why, line)));
    }

    /// The script is to end, since the server has failed in the middle of it.
    pub(crate) fn note_panic(&self, panic: Box<dyn Any + Send>) {
        self.note_end();
        self.with_state(|state| state.panic = Some(panic));
    }

    fn note_end(&self) {
        self.note_change();
        self.is_ending.store(true, Relaxed);
    }

    /// Why the script was stopped, and where. Goes on with the panic if there was one.
    pub(crate) fn take_end(&self) -> Option<(&'static str, usize)> {
        if !self.is_ending.swap(false, Relaxed) {
            return None;
        }
        if let Some(panic) = self.with_state(|state| state.panic.take()) {
            resume_unwind(panic);
        }
        self.with_state(|state| state.stopped.take())
    }
}

/// What all natives of an interpreter have in common.
pub(crate) type Shared = Arc<Common>;

pub(crate) fn common(lua: &Lua) -> mlua::Result<Shared> {
    let shared = lua.app_data_ref::<Shared>().ok_or_else(|| mlua::Error::runtime("no state"))?;
    Ok(shared.clone())
}

pub(crate) fn with_state<R>(lua: &Lua, use_it: impl FnOnce(&mut State) -> R) -> mlua::Result<R> {
    Ok(common(lua)?.with_state(use_it))
}

/// What the prelude needs of us.
pub(crate) fn natives(lua: &Lua, version: &str, common: &Shared) -> mlua::Result<Table> {
    let natives = lua.create_table()?;
    natives.raw_set("random", lua.create_function(random)?)?;
    natives.raw_set("seed", lua.create_function(seed)?)?;
    natives.raw_set("describe", lua.create_function(describe)?)?;
    natives.raw_set("place", lua.create_function(place)?)?;
    natives.raw_set("note_change", lua.create_function(note_change)?)?;
    natives.raw_set("register_function", lua.create_function(function::register)?)?;
    natives.raw_set("redis", redis(lua)?)?;
    natives.raw_set("constants", constants(lua, version)?)?;
    let json = common.with_state(|state| state.json.clone());
    natives.raw_set("libraries", libraries(lua, &json)?)?;
    natives.raw_set("new_cjson", cjson::maker(lua)?)?;
    natives.raw_set("crowded", crowded(lua)?)?;
    Ok(natives)
}

/// Something is not as it is when a script begins.
fn note_change(lua: &Lua, (): ()) -> mlua::Result<()> {
    common(lua)?.note_change();
    Ok(())
}

/// Nothing, and what is wrong.
pub(crate) fn refused(text: &str) -> (LuaValue, Option<String>) {
    (LuaValue::Nil, Some(text.to_owned()))
}

pub(crate) type Checked = (LuaValue, Option<String>);

fn redis(lua: &Lua) -> mlua::Result<Table> {
    let functions = lua.create_table()?;
    functions.raw_set("sha1hex", lua.create_function(sha1hex)?)?;
    functions.raw_set("error_reply", lua.create_function(|lua, text| single(lua, "err", text))?)?;
    functions.raw_set("status_reply", lua.create_function(|lua, text| single(lua, "ok", text))?)?;
    functions.raw_set("log", lua.create_function(log)?)?;
    functions.raw_set("setresp", lua.create_function(set_protocol)?)?;
    functions.raw_set("set_repl", lua.create_function(set_replication)?)?;
    functions.raw_set("acl_check_cmd", lua.create_function(may_call)?)?;
    functions.raw_set("replicate_commands", lua.create_function(|_, ()| Ok(true))?)?;
    // There is no debugger to break into or to print to.
    functions.raw_set("breakpoint", lua.create_function(|_, ()| Ok(false))?)?;
    functions.raw_set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    Ok(functions)
}

const LOG_LEVELS: [(&str, LogLevel); 4] = [
    ("LOG_DEBUG", LogLevel::Debug),
    ("LOG_VERBOSE", LogLevel::Verbose),
    ("LOG_NOTICE", LogLevel::Notice),
    ("LOG_WARNING", LogLevel::Warning),
];
const REPLICATE_TO_FILE: i64 = 1;
const REPLICATE_TO_REPLICAS: i64 = 2;

fn constants(lua: &Lua, version: &str) -> mlua::Result<Table> {
    let constants = lua.create_table()?;
    for (level, (name, _)) in (0_i64..).zip(LOG_LEVELS) {
        constants.raw_set(name, level)?;
    }
    constants.raw_set("REPL_NONE", 0)?;
    constants.raw_set("REPL_AOF", REPLICATE_TO_FILE)?;
    constants.raw_set("REPL_REPLICA", REPLICATE_TO_REPLICAS)?;
    constants.raw_set("REPL_SLAVE", REPLICATE_TO_REPLICAS)?;
    constants.raw_set("REPL_ALL", REPLICATE_TO_FILE | REPLICATE_TO_REPLICAS)?;
    constants.raw_set("REDIS_VERSION", version)?;
    constants.raw_set("REDIS_VERSION_NUM", version_number(version))?;
    Ok(constants)
}

/// A byte for each part of a version.
fn version_number(version: &str) -> i64 {
    version.split('.').fold(0, |number, part| number << 8 | part.parse::<i64>().unwrap_or(0))
}

fn sha1hex(lua: &Lua, arguments: Variadic<LuaValue>) -> mlua::Result<Checked> {
    let mut text = Vec::new();
    match arguments.as_slice() {
        [value] => {
            // What is neither string nor number counts as the empty string.
            append_text(value, &mut text);
        }
        _ => return Ok(refused("ERR wrong number of arguments")),
    }
    Ok((LuaValue::String(lua.create_string(hexadecimal(&Sha1::digest(&text)))?), None))
}

/// A string, or a number as Lua writes it.
pub(crate) fn append_text(value: &LuaValue, text: &mut Vec<u8>) -> bool {
    match value {
        LuaValue::String(string) => text.extend_from_slice(&string.as_bytes()),
        LuaValue::Integer(_) | LuaValue::Number(_) => {
            let written = value.to_string().unwrap_or_default();
            text.extend_from_slice(written.as_bytes());
        }
        _ => return false,
    }
    true
}

/// Bytes as digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// What `error_reply` and `status_reply` give.
fn single(lua: &Lua, tag: &str, arguments: Variadic<LuaValue>) -> mlua::Result<Checked> {
    let table = lua.create_table_with_capacity(0, 1)?;
    let [LuaValue::String(text)] = arguments.as_slice() else {
        table.raw_set("err", "ERR wrong number or type of arguments")?;
        return Ok((LuaValue::Table(table), None));
    };
    let bytes = text.as_bytes();
    if tag == "ok" {
        table.raw_set(tag, text)?;
        return Ok((LuaValue::Table(table), None));
    }
    // One word is a text that lacks its code.
    let line = up_to_nul(bytes.strip_prefix(b"-").unwrap_or(&bytes));
    let code: &[u8] = if line.contains(&b' ') { b"" } else { b"ERR " };
    table.raw_set(tag, lua.create_string([code, line].concat())?)?;
    Ok((LuaValue::Table(table), None))
}

fn log(_: &Lua, arguments: Variadic<LuaValue>) -> mlua::Result<Checked> {
    let [level, message @ ..] = arguments.as_slice() else {
        return Ok(refused("ERR redis.log() requires two arguments or more."));
    };
    if message.is_empty() {
        return Ok(refused("ERR redis.log() requires two arguments or more."));
    }
    let Some(level) = integer_of(level) else {
        return Ok(refused("ERR First argument must be a number (log level)."));
    };
    let Some((_, level)) = usize::try_from(level).ok().and_then(|level| LOG_LEVELS.get(level))
    else {
        return Ok(refused("ERR Invalid log level."));
    };
    let mut line = Vec::new();
    for (place, part) in message.iter().enumerate() {
        let before = line.len();
        if place != 0 {
            line.push(b' ');
        }
        if !append_text(part, &mut line) {
            line.truncate(before);
        }
    }
    host::ask(|host| host.log(*level, &line));
    Ok((LuaValue::Nil, None))
}

#[expect(clippy::cast_possible_truncation, reason = "as Lua converts")]
fn integer_of(value: &LuaValue) -> Option<i64> {
    match value {
        LuaValue::Integer(number) => Some(*number),
        LuaValue::Number(number) => Some(*number as i64),
        LuaValue::String(text) => {
            text.to_str().ok()?.parse::<f64>().ok().map(|number| number as i64)
        }
        _ => None,
    }
}

fn set_protocol(lua: &Lua, arguments: Variadic<LuaValue>) -> mlua::Result<Checked> {
    let [version] = arguments.as_slice() else {
        return Ok(refused("ERR redis.setresp() requires one argument."));
    };
    let protocol = match integer_of(version) {
        Some(2) => Protocol::Resp2,
        Some(3) => Protocol::Resp3,
        _ => return Ok(refused("ERR RESP version must be 2 or 3.")),
    };
    common(lua)?.set_protocol(protocol);
    host::ask(|host| host.set_protocol(protocol));
    Ok((LuaValue::Nil, None))
}

fn set_replication(_: &Lua, arguments: Variadic<LuaValue>) -> mlua::Result<Checked> {
    let [flags] = arguments.as_slice() else {
        return Ok(refused("ERR redis.set_repl() requires one argument."));
    };
    let flags = integer_of(flags).unwrap_or(0);
    if flags & !(REPLICATE_TO_FILE | REPLICATE_TO_REPLICAS) != 0 {
        return Ok(refused(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    let replication = Replication {
        append_only_file: flags & REPLICATE_TO_FILE != 0,
        replicas: flags & REPLICATE_TO_REPLICAS != 0,
    };
    host::ask(|host| host.set_replication(replication));
    Ok((LuaValue::Nil, None))
}

fn may_call(_: &Lua, arguments: Variadic<LuaValue>) -> mlua::Result<Checked> {
    if arguments.is_empty() {
        return Ok(refused("ERR Please specify at least one argument for this redis lib call"));
    }
    let mut words = OwnedWords::default();
    for argument in arguments.iter() {
        if !append_word(argument, &mut words) {
            return Ok(refused(
                "ERR redis.acl_check_cmd() command arguments must be strings or integers",
            ));
        }
    }
    match host::ask(|host| host.may_call(words.as_words())).flatten() {
        Some(may) => Ok((LuaValue::Boolean(may), None)),
        None => Ok(refused("ERR Invalid command passed to redis.acl_check_cmd()")),
    }
}

/// `math.random`: of nothing, of an upper bound, of both bounds.
fn random(lua: &Lua, bounds: Variadic<f64>) -> mlua::Result<MultiValue> {
    let fraction = with_state(lua, |state| state.random.fraction())?;
    let (low, high) = match bounds.as_slice() {
        [] => return fraction.into_lua_multi(lua),
        [high] => (1.0, *high),
        [low, high] => (*low, *high),
        _ => return Err(mlua::Error::runtime("wrong number of arguments")),
    };
    if high < low {
        return Err(mlua::Error::runtime("bad argument to 'random' (interval is empty)"));
    }
    ((fraction * (high - low + 1.0)).floor() + low).into_lua_multi(lua)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as C converts a seed")]
fn seed(lua: &Lua, seed: f64) -> mlua::Result<()> {
    with_state(lua, |state| state.random = Random::new(seed as i64 as u32))
}

/// Where in a script something has failed: the innermost of its functions that still runs.
fn place(lua: &Lua, (): ()) -> mlua::Result<(Option<String>, Option<usize>)> {
    /// Deeper than the functions of the prelude.
    const LEVELS: usize = 20;
    for level in 0..LEVELS {
        let found = lua.inspect_stack(level, |debug| {
            let source = debug.source().source?;
            source.starts_with("@user_").then(|| (source.into_owned(), debug.current_line()))
        });
        match found {
            Some(Some((source, line))) => return Ok((Some(source), line)),
            Some(None) => {}
            None => break,
        }
    }
    Ok((None, None))
}

/// What is known of an error value that is no text: only ours are of use.
fn describe(_: &Lua, value: LuaValue) -> mlua::Result<String> {
    Ok(match value {
        LuaValue::Error(error) => describe_error(&error),
        other => format!("(error object is a {} value)", other.type_name()),
    })
}

/// The text of an error, without the traceback.
pub(crate) fn describe_error(error: &mlua::Error) -> String {
    match error {
        mlua::Error::RuntimeError(text) | mlua::Error::MemoryError(text) => text.clone(),
        mlua::Error::SyntaxError { message, .. } => message.clone(),
        mlua::Error::CallbackError { cause, .. } => describe_error(cause),
        other => other.to_string(),
    }
}

const _: () = assert!(LARGEST == 0x7fff_ffff);
