//! The interpreter: compiling scripts and running them.

use mlua::{
    ChunkMode, Function, HookTriggers, Lua, LuaOptions, StdLib, Table, Value as LuaValue, VmState,
};
use resp::Reply;

use crate::convert::to_reply;
use crate::host::{self, Host, Progress};
use crate::libraries::set_last_place;
use crate::native::{Shared, State, describe_error, natives, with_state};

/// Instructions between two looks at whether the script may go on.
const PERIOD: u32 = 100_000;

/// The one interpreter.
pub struct Interpreter {
    lua: Lua,
    environment: Table,
    globals: Table,
    run: Function,
    tidy: Function,
    /// Bytes.
    memory_limit: usize,
}

/// A script that was compiled.
#[derive(Clone, Debug)]
pub struct Script {
    function: Function,
    /// Of its source: where it is said to have failed if no function of it runs any more, as after a call in its last statement.
    last_line: usize,
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
    pub fn new(memory_limit: usize, version: &str) -> mlua::Result<Interpreter> {
        let libraries =
            StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS | StdLib::BIT | StdLib::JIT;
        let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(false))?;
        let own = lua.globals();
        // Compiled code could not be interrupted.
        own.get::<Table>("jit")?.get::<Function>("off")?.call::<()>(())?;
        lua.set_app_data(Shared::new(State::default()));
        let prelude = lua
            .load(include_str!("prelude.lua"))
            .set_name("=prelude")
            .set_mode(ChunkMode::Text)
            .set_environment(lua.create_table()?);
        let parts: Table = prelude.call((own, natives(&lua, version)?))?;
        let environment: Table = parts.get("environment")?;
        lua.set_globals(environment.clone())?;
        if memory_limit != 0 {
            lua.set_memory_limit(memory_limit)?;
        }
        watch(&lua)?;
        Ok(Interpreter {
            globals: parts.get("globals")?,
            run: parts.get("run")?,
            tidy: parts.get("tidy")?,
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
        let chunk = self.lua.load(source).set_name("@user_script").set_mode(ChunkMode::Text);
        let function = chunk
            .set_environment(self.environment.clone())
            .into_function()
            .map_err(|error| Failure::Syntax(describe_error(&error)))?;
        let lines = source.trim_ascii_end().split(|byte| *byte == b'\n').count();
        Ok(Script { function, last_line: lines })
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
        let mut outcome = host::lend(host, || self.run_lent(script, keys, arguments, reply));
        if let Ok(Some(why)) = self.with_state(|state| state.stopped.take()) {
            // It was not let to handle that itself.
            reply.output().truncate(mark);
            let (why, line) = why;
            let line = i64::try_from(line).unwrap_or(i64::MAX);
            let place = Some(("@user_script".to_owned(), line));
            outcome = watch(&self.lua).map(|()| Err(Failure::Raised { text: why.into(), place }));
        }
        // Whatever went wrong, the next script finds everything as it should be.
        let tidied = self.tidy.call::<()>(());
        self.lua.gc_restart();
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
        self.with_state(State::reset)?;
        set_last_place(&self.lua, "user_script", script.last_line)?;
        self.globals.raw_set("KEYS", self.strings(keys)?)?;
        self.globals.raw_set("ARGV", self.strings(arguments)?)?;
        let (done, value): (bool, LuaValue) = self.run.call(&script.function)?;
        if !done {
            return Ok(Err(failure(&value, script.last_line)));
        }
        let protocol = self.with_state(|state| state.protocol)?;
        to_reply(&value, protocol, reply);
        Ok(Ok(()))
    }

    fn strings(&self, strings: &[&[u8]]) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(strings.len(), 0)?;
        for (place, string) in (1_i64..).zip(strings) {
            table.raw_set(place, self.lua.create_string(string)?)?;
        }
        Ok(table)
    }

    fn with_state<R>(&self, use_it: impl FnOnce(&mut State) -> R) -> mlua::Result<R> {
        with_state(&self.lua, use_it)
    }
}

/// What the prelude's handler has made of an error.
fn failure(value: &LuaValue, last_line: usize) -> Failure {
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
        ("@user_script".to_owned(), i64::try_from(last_line).unwrap_or(i64::MAX))
    });
    Failure::Raised { text, place: Some(place) }
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
