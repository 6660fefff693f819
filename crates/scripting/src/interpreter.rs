//! The interpreter: compiling scripts and running them.

use std::ptr::NonNull;
use std::sync::Arc;

use mlua::{ChunkMode, Function, Lua, LuaOptions, RegistryKey, StdLib, Table};
use resp::{Output, Protocol, Reply, Words};

use crate::answer::{ErrorReply, IS_COUNTED, up_to_nul};
use crate::bridge::{self, Manner, OwnedBridge, Task};
use crate::function::Registered;
use crate::host::{self, Host};
use crate::interrupt::Course;
use crate::native::{Common, Shared, State, describe_error, natives};
use crate::search;
use crate::stack::{Ended, Kept, Seen, Stack};
use crate::watch::Post;

/// An interpreter: one for scripts, and another one for functions.
pub struct Interpreter {
    lua: Lua,
    /// Of scripts, or of the code of libraries.
    environment: Table,
    /// What natives keep.
    common: Shared,
    /// Runs what is to be run.
    entrance: RegistryKey,
    /// Makes a table of an error and the place where it was raised.
    handler: RegistryKey,
    tidy: Function,
    /// Libraries see little while they are loaded.
    begin_loading: Function,
    end_loading: Function,
    purpose: Purpose,
    /// Bytes.
    memory_limit: usize,
    /// Where the watchdog sees what runs.
    post: Arc<Post>,
    /// Replies, until they are complete.
    reply: Output,
    /// The errors in them.
    errors: Vec<ErrorReply>,
    /// What it uses, in bytes, as of the end of the last run.
    memory: usize,
    /// Behind the interpreter, which may call natives until it is gone.
    bridge: OwnedBridge,
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
        /// It is the error of a call, and was counted when that was made.
        is_counted: bool,
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
        let common: Shared = Arc::new(Common::new(purpose.source()));
        let bridge = OwnedBridge::new(common.clone());
        lua.set_app_data(common.clone());
        let proxies = proxies(&lua)?;
        let own_natives = natives(&lua, version, &common)?;
        let functions = bridge::functions(&lua, bridge.address(), &proxies)?;
        own_natives.raw_set("behind", proxies)?;
        own_natives.raw_set("call", functions.call)?;
        own_natives.raw_set("pcall", functions.try_call)?;
        own_natives.raw_set("insert", functions.insert)?;
        own_natives.raw_set("search", lua.create_table_from(search::functions(&lua)?)?)?;
        own_natives.raw_set("quick", lua.create_table_from(functions.quick)?)?;
        let prelude = lua
            .load(include_str!("prelude.lua"))
            .set_name("=prelude")
            .set_mode(ChunkMode::Text)
            .set_environment(lua.create_table()?);
        let for_functions = purpose == Purpose::Functions;
        let parts: Table = prelude.call((own, own_natives, for_functions))?;
        lua.set_globals(parts.get::<Table>("environment")?)?;
        let environment: Table =
            parts.get(if for_functions { "library_environment" } else { "environment" })?;
        let entrance = bridge::entrance(&lua, bridge.address(), &parts.get("globals")?)?;
        if memory_limit != 0 {
            lua.set_memory_limit(memory_limit)?;
        }
        Ok(Interpreter {
            common,
            entrance: lua.create_registry_value(entrance)?,
            handler: lua.create_registry_value(parts.get::<Function>("handler")?)?,
            tidy: parts.get("tidy")?,
            begin_loading: parts.get("begin_loading")?,
            end_loading: parts.get("end_loading")?,
            purpose,
            environment,
            memory_limit: if memory_limit == 0 { usize::MAX } else { memory_limit },
            post: Post::new()?,
            reply: Output::new(),
            errors: Vec::new(),
            memory: lua.used_memory(),
            lua,
            bridge,
        })
    }

    /// Bytes that the interpreter uses, as of the end of the last run.
    pub fn used_memory(&self) -> usize {
        self.memory
    }

    /// Compiles a script. Errors are as the compiler words them.
    pub fn compile(&mut self, source: &[u8]) -> Result<Script, Failure> {
        let function = self.compiled(source)?;
        self.memory = self.lua.used_memory();
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
        &mut self,
        code: &[u8],
        host: &mut dyn Host,
    ) -> Result<Vec<Registered>, Failure> {
        let function = self.compiled(code)?;
        let key = self.lua.create_registry_value(function).map_err(|error| raised(&error))?;
        let script = Script { function: Arc::new(key), last_line: last_line(code) };
        self.with_state(|state| state.registering = Some(Vec::new()));
        let begun = self.begin_loading.call::<()>(()).map_err(|error| raised(&error));
        let outcome = begun.and_then(|()| {
            let nothing = Given { words: Words::new(&[], &[]), keys: 0, protocol: Protocol::Resp2 };
            self.run_as(Manner::Library, &script, nothing, host).map(drop)
        });
        let registered = self.with_state(|state| state.registering.take());
        self.end_loading.call::<()>(()).map_err(|error| raised(&error))?;
        drop(script);
        self.lua.expire_registry_values();
        outcome?;
        Ok(registered.unwrap_or_default())
    }

    /// Runs a script, and gives what it replies if it comes to its end.
    pub fn run(
        &mut self,
        script: &Script,
        given: Given<'_>,
        host: &mut dyn Host,
    ) -> Result<Replied<'_>, Failure> {
        let manner = match self.purpose {
            Purpose::Scripts => Manner::Script,
            Purpose::Functions => Manner::Function,
        };
        self.run_as(manner, script, given, host)
    }

    fn run_as(
        &mut self,
        manner: Manner,
        script: &Script,
        given: Given<'_>,
        host: &mut dyn Host,
    ) -> Result<Replied<'_>, Failure> {
        self.reply.clear();
        self.errors.clear();
        self.common.begin(script.last_line);
        let mut reply = Reply::new(&mut self.reply, given.protocol);
        let mut task = Task {
            script: Kept(script.function.id()),
            words: given.words,
            keys: given.keys,
            manner,
            reply: &mut reply,
            errors: &mut self.errors,
        };
        let run = Protected {
            entrance: Kept(self.entrance.id()),
            handler: Kept(self.handler.id()),
            common: &self.common,
            post: &self.post,
        };
        let lua = &self.lua;
        let run = || bridge::with_stack(lua, |stack| run.run(stack, &mut task));
        let (outcome, memory) = host::lend(host, run);
        self.memory = memory;
        self.settle(outcome)?;
        Ok(Replied { reply: &mut self.reply, errors: &self.errors })
    }

    /// Makes everything as it should be for the next script, however one has ended.
    fn settle(&mut self, outcome: Result<(), Raised>) -> Result<(), Failure> {
        let stopped = self.common.take_end();
        if self.common.is_changed() {
            self.tidy.call::<()>(()).map_err(|error| raised(&error))?;
        }
        if self.memory_limit / 2 < self.memory {
            // What it has left behind would be missing to the next.
            self.lua.gc_collect().map_err(|error| raised(&error))?;
            self.memory = self.lua.used_memory();
        }
        self.reply.shrink_to(bridge::KEPT);
        self.bridge.tidy();
        let place = |line: usize| {
            Some((format!("@{}", self.purpose.source()), i64::try_from(line).unwrap_or(i64::MAX)))
        };
        if let Some((why, line)) = stopped {
            // It was not let to handle that itself.
            return Err(Failure::Raised {
                text: why.into(),
                place: place(line),
                is_counted: false,
            });
        }
        outcome.map_err(|Raised { text, place: known, is_bare, is_counted }| Failure::Raised {
            text,
            place: if is_bare { None } else { known.or_else(|| place(self.common.last_line())) },
            is_counted,
        })
    }

    fn with_state<R>(&self, use_it: impl FnOnce(&mut State) -> R) -> R {
        self.common.with_state(use_it)
    }
}

/// What a script replies.
#[derive(Debug)]
pub struct Replied<'i> {
    /// The bytes, which may be taken.
    pub reply: &'i mut Output,
    /// The errors among them, in their order.
    pub errors: &'i [ErrorReply],
}

/// What a script is given.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Its keys, and then its arguments.
    pub words: Words<'a>,
    /// How many of the words are keys.
    pub keys: usize,
    /// Which protocol its reply is written in.
    pub protocol: Protocol,
}

/// An error that has ended a script.
#[derive(Default)]
struct Raised {
    text: Vec<u8>,
    place: Option<(String, i64)>,
    /// It has no place.
    is_bare: bool,
    /// It is the error of a call, which was counted.
    is_counted: bool,
}

/// What a protected run takes.
struct Protected<'a> {
    entrance: Kept,
    handler: Kept,
    common: &'a Common,
    post: &'a Post,
}

impl Protected<'_> {
    /// Runs a task; gives how it ended, and how much memory the interpreter uses then.
    fn run(&self, stack: &mut Stack<'_>, task: &mut Task<'_, '_>) -> (Result<(), Raised>, usize) {
        let len = stack.len();
        stack.push_kept(self.handler);
        let handler = stack.len();
        stack.push_kept(self.entrance);
        stack.push_address(NonNull::from(task).cast());
        let course = Course::new(stack, self.common);
        let ended = course.interruptible(|| {
            let _run = self.post.begin();
            stack.call_protected(1, handler)
        });
        course.settle(stack);
        let outcome = match ended {
            Ended::Well => Ok(()),
            Ended::OutOfMemory => Err(bare(b"ERR not enough memory")),
            Ended::WithError => Err(read_error(stack)),
        };
        stack.truncate(len);
        (outcome, stack.memory())
    }
}

/// An error without a place.
fn bare(text: &[u8]) -> Raised {
    Raised { text: text.to_vec(), is_bare: true, ..Raised::default() }
}

/// Reads what the handler has made of an error, which is the last value.
fn read_error(stack: &mut Stack<'_>) -> Raised {
    let table = stack.len();
    if stack.see(table) != Seen::Table {
        return bare(b"ERR error in error handling");
    }
    let mut raised = Raised { text: b"ERR unknown error".to_vec(), ..Raised::default() };
    let (mut source, mut line) = (None, None);
    // To look a name up would be to make a string, which can fail here.
    stack.push_nil();
    let key = stack.len();
    while stack.advance(table) {
        match (stack.see(key), stack.see(key.saturating_add(1))) {
            (Seen::String(b"err"), Seen::String(text)) => raised.text = up_to_nul(text).to_vec(),
            (Seen::String(IS_COUNTED), Seen::Boolean(true)) => raised.is_counted = true,
            (Seen::String(b"source"), Seen::String(text)) => {
                source = Some(String::from_utf8_lossy(text).into_owned());
            }
            #[expect(clippy::cast_possible_truncation, reason = "a line's number")]
            (Seen::String(b"line"), Seen::Number(number)) => line = Some(number as i64),
            _ => {}
        }
        stack.truncate(key);
    }
    raised.place = source.zip(line);
    raised
}

/// The table in which all tables are found that nobody may change.
fn proxies(lua: &Lua) -> mlua::Result<Table> {
    let proxies = lua.create_table()?;
    let weak = lua.create_table()?;
    weak.raw_set("__mode", "k")?;
    proxies.set_metatable(Some(weak))?;
    Ok(proxies)
}

/// The number of the last line with anything in it.
fn last_line(source: &[u8]) -> usize {
    source.trim_ascii_end().split(|byte| *byte == b'\n').count()
}

/// An error that no script could have caught: there was no memory even to run it.
fn raised(error: &mlua::Error) -> Failure {
    let text = format!("ERR {}", describe_error(error)).into_bytes();
    Failure::Raised { text, place: None, is_counted: false }
}
