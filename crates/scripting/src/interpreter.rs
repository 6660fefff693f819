//! The interpreter: compiling scripts and running them.

use std::sync::{Arc, PoisonError};

use mlua::{
    ChunkMode, Function, HookTriggers, Lua, LuaOptions, RegistryKey, StdLib, Table,
    Value as LuaValue, Variadic, VmState,
};
use resp::Reply;
use smallvec::SmallVec;

use crate::convert::{Names, to_reply};
use crate::function::Registered;
use crate::host::{self, Host, Progress};
use crate::native::{Shared, State, describe_error, natives, with_state};

/// Instructions between two looks at whether the script may go on.
const PERIOD: u32 = 100_000;

/// An interpreter: one for scripts, and another one for functions.
pub struct Interpreter {
    lua: Lua,
    /// Of scripts, or of the code of libraries.
    environment: Table,
    /// What natives keep.
    state: Shared,
    names: Names,
    run: Function,
    run_with_words: Function,
    tidy: Function,
    /// Libraries see little while they are loaded.
    begin_loading: Function,
    end_loading: Function,
    purpose: Purpose,
    /// Bytes.
    memory_limit: usize,
}

/// What an interpreter is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Scripts, which find their keys and arguments in globals.
    Scripts,
    /// Functions, which are called with them.
    Functions,
}

impl Purpose {
    /// What errors call the code.
    fn source(self) -> &'static str {
        match self {
            Purpose::Scripts => "user_script",
            Purpose::Functions => "user_function",
        }
    }
}

/// A script that was compiled, or a function that a library has registered.
#[derive(Clone, Debug)]
pub struct Script {
    /// The interpreter keeps it as long as this is there: it could not lend us very many.
    pub(crate) function: Arc<RegistryKey>,
    /// Where it is said to have failed if no function of it runs any more, as after a call in its last statement.
    pub(crate) last_line: usize,
}

/// Why a script did not end well.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// It is not Lua.
    #[error("{0}")]
    Syntax(String),
    /// It has raised an error: its text with the code in front, and where.
    #[error("{}", String::from_utf8_lossy(text))]
    Raised {
        /// The text, with the code in front.
        text: Vec<u8>,
        /// The source and the line, if they are known.
        place: Option<(String, i64)>,
    },
}

impl Interpreter {
    /// An interpreter of its own, whose memory is limited to so many bytes, 0 for no limit. `version` is what scripts are told.
    pub fn new(purpose: Purpose, memory_limit: usize, version: &str) -> mlua::Result<Interpreter> {
        let libraries =
            StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS | StdLib::BIT | StdLib::JIT;
        let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(false))?;
        let own = lua.globals();
        // Compiled code could not be interrupted.
        own.get::<Table>("jit")?.get::<Function>("off")?.call::<()>(())?;
        let state = Shared::default();
        lua.set_app_data(state.clone());
        let prelude = lua
            .load(include_str!("prelude.lua"))
            .set_name("=prelude")
            .set_mode(ChunkMode::Text)
            .set_environment(lua.create_table()?);
        let for_functions = purpose == Purpose::Functions;
        let parts: Table = prelude.call((own, natives(&lua, version, &state)?, for_functions))?;
        lua.set_globals(parts.get::<Table>("environment")?)?;
        let environment: Table =
            parts.get(if for_functions { "library_environment" } else { "environment" })?;
        if memory_limit != 0 {
            lua.set_memory_limit(memory_limit)?;
        }
        watch(&lua)?;
        Ok(Interpreter {
            state,
            names: Names::new(&lua)?,
            run: parts.get("run")?,
            run_with_words: parts.get("run_with_words")?,
            tidy: parts.get("tidy")?,
            begin_loading: parts.get("begin_loading")?,
            end_loading: parts.get("end_loading")?,
            purpose,
            environment,
            memory_limit: if memory_limit == 0 { usize::MAX } else { memory_limit },
            lua,
        })
    }

    /// Bytes that the interpreter uses.
    pub fn used_memory(&self) -> usize {
        self.lua.used_memory()
    }

    /// Compiles a script. Errors are as the compiler words them.
    pub fn compile(&self, source: &[u8]) -> Result<Script, Failure> {
        let function = self.compiled(source)?;
        let key = self.lua.create_registry_value(function).map_err(|error| raised(&error))?;
        // Scripts that are gone leave room.
        self.lua.expire_registry_values();
        Ok(Script { function: Arc::new(key), last_line: last_line(source) })
    }

    fn compiled(&self, source: &[u8]) -> Result<Function, Failure> {
        let name = format!("@{}", self.purpose.source());
        let chunk = self.lua.load(source).set_name(name).set_mode(ChunkMode::Text);
        chunk
            .set_environment(self.environment.clone())
            .into_function()
            .map_err(|error| Failure::Syntax(describe_error(&error)))
    }

    /// Runs the code of a library; gives the functions that it registers.
    pub fn load_library(
        &self,
        code: &[u8],
        host: &mut dyn Host,
    ) -> Result<Vec<Registered>, Failure> {
        let function = self.compiled(code)?;
        let run = || -> mlua::Result<Result<(), Failure>> {
            self.with_state(|state| {
                state.reset();
                state.last_place = Some((self.purpose.source(), last_line(code)));
                state.registering = Some(Vec::new());
            });
            self.begin_loading.call::<()>(())?;
            let (done, value): (bool, LuaValue) = self.run.call(&function)?;
            Ok(if done { Ok(()) } else { Err(self.failure(&value, last_line(code))) })
        };
        let outcome = self.settle(host::lend(host, run), || {});
        let registered = self.with_state(|state| state.registering.take());
        self.end_loading.call::<()>(()).map_err(|error| raised(&error))?;
        self.lua.expire_registry_values();
        outcome?;
        Ok(registered.unwrap_or_default())
    }

    /// Runs a script and replies with what it returns.
    pub fn run(
        &self,
        script: &Script,
        keys: &[&[u8]],
        arguments: &[&[u8]],
        host: &mut dyn Host,
        reply: &mut Reply<'_>,
    ) -> Result<(), Failure> {
        let mark = reply.output().mark();
        let outcome = host::lend(host, || self.run_lent(script, keys, arguments, reply));
        self.settle(outcome, || reply.output().truncate(mark))
    }

    /// Makes everything as it should be for the next script, however one has ended. What a script that was stopped has replied is
    /// taken back.
    fn settle(
        &self,
        outcome: mlua::Result<Result<(), Failure>>,
        take_back: impl FnOnce(),
    ) -> Result<(), Failure> {
        let mut outcome = outcome;
        if let Some(why) = self.with_state(|state| state.stopped.take()) {
            // It was not let to handle that itself.
            take_back();
            let (why, line) = why;
            let line = i64::try_from(line).unwrap_or(i64::MAX);
            let place = Some((format!("@{}", self.purpose.source()), line));
            outcome = watch(&self.lua).map(|()| Err(Failure::Raised { text: why.into(), place }));
        }
        // What has run to its end has tidied up already.
        let tidied = if matches!(outcome, Ok(Ok(()))) { Ok(()) } else { self.tidy.call::<()>(()) };
        if self.memory_limit / 2 < self.lua.used_memory() {
            // What it has left behind would be missing to the next.
            self.lua.gc_collect().map_err(|error| raised(&error))?;
        }
        let outcome = outcome.unwrap_or_else(|error| Err(raised(&error)));
        tidied.map_err(|error| raised(&error)).and(outcome)
    }

    fn run_lent(
        &self,
        script: &Script,
        keys: &[&[u8]],
        arguments: &[&[u8]],
        reply: &mut Reply<'_>,
    ) -> mlua::Result<Result<(), Failure>> {
        self.with_state(|state| {
            state.reset();
            state.last_place = Some((self.purpose.source(), script.last_line));
        });
        let function: Function = self.lua.registry_value(&script.function)?;
        let (done, value) = self.run_function(function, keys, arguments)?;
        if !done {
            return Ok(Err(self.failure(&value, script.last_line)));
        }
        let protocol = self.with_state(|state| state.protocol);
        to_reply(&value, &self.names, protocol, reply);
        Ok(Ok(()))
    }

    fn run_function(
        &self,
        function: Function,
        keys: &[&[u8]],
        arguments: &[&[u8]],
    ) -> mlua::Result<(bool, LuaValue)> {
        /// Words that go as one string, which costs less than to make each.
        const FEW: usize = 16;
        /// Bytes that may as well be copied once more.
        const SHORT: usize = 4096;
        let words = || keys.iter().chain(arguments);
        let bytes = words().fold(0_usize, |sum, word| sum.saturating_add(word.len()));
        if FEW < keys.len().saturating_add(arguments.len()) || SHORT < bytes {
            return self.run.call((function, self.strings(keys)?, self.strings(arguments)?));
        }
        let mut joined: SmallVec<[u8; 256]> = SmallVec::new();
        let mut ends: Variadic<usize> = Variadic::new();
        for word in words() {
            joined.extend_from_slice(word);
            ends.push(joined.len());
        }
        self.run_with_words.call((function, keys.len(), self.lua.create_string(&joined)?, ends))
    }

    fn strings(&self, strings: &[&[u8]]) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(strings.len(), 0)?;
        for (place, string) in (1_i64..).zip(strings) {
            table.raw_set(place, self.lua.create_string(string)?)?;
        }
        Ok(table)
    }

    fn with_state<R>(&self, use_it: impl FnOnce(&mut State) -> R) -> R {
        use_it(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the prelude's handler has made of an error.
    fn failure(&self, value: &LuaValue, last_line: usize) -> Failure {
        let LuaValue::Table(table) = value else {
            return Failure::Raised { text: b"ERR error in error handling".to_vec(), place: None };
        };
        let text = match table.raw_get("err") {
            Ok(LuaValue::String(text)) => text.as_bytes().to_vec(),
            _ => b"ERR unknown error".to_vec(),
        };
        let source: Option<String> = table.raw_get("source").ok().flatten();
        let line: Option<i64> = table.raw_get("line").ok().flatten();
        let place = source.zip(line).unwrap_or_else(|| {
            let line = i64::try_from(last_line).unwrap_or(i64::MAX);
            (format!("@{}", self.purpose.source()), line)
        });
        Failure::Raised { text, place: Some(place) }
    }
}

/// The number of the last line with anything in it.
fn last_line(source: &[u8]) -> usize {
    source.trim_ascii_end().split(|byte| *byte == b'\n').count()
}

/// Has the interpreter ask the host now and then whether the script that runs may go on.
///
/// A script could catch the error that is to end it, and go on. So once it is to end, there is an error at every step it takes.
fn watch(lua: &Lua) -> mlua::Result<()> {
    let triggers = HookTriggers::new().every_nth_instruction(PERIOD);
    lua.set_global_hook(triggers, |lua, debug| match host::ask(|host| host.progress()) {
        Some(Progress::Stop(why)) => {
            let line = debug.current_line().unwrap_or(0);
            with_state(lua, |state| state.stopped = Some((why, line)))?;
            let always = HookTriggers::new().every_nth_instruction(1);
            lua.set_global_hook(always, move |_, _| Err(mlua::Error::runtime(why)))?;
            Err(mlua::Error::runtime(why))
        }
        Some(Progress::Continue) | None => Ok(VmState::Continue),
    })
}

/// An error that no script could have caught: there was no memory even to run it.
fn raised(error: &mlua::Error) -> Failure {
    Failure::Raised { text: format!("ERR {}", describe_error(error)).into_bytes(), place: None }
}
