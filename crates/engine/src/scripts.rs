//! The scripts that clients have sent: compiled once, and called by their names from then on.
//!
//! There is one interpreter for all workers, made when the first script comes. A script runs while everything else is at rest,
//! so it is never waited for. Scripts that were loaded (SCRIPT LOAD) stay until SCRIPT FLUSH; of those that were only
//! run (EVAL) the most recent ones do.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use command::Flags as CallFlags;
use config::words::split;
use foldhash::fast::RandomState;
use resp::{ReplyError, Words};
use scripting::{Failure, Flags, Interpreter, LogLevel, Purpose, Script};

use crate::Engine;
use crate::command_table::Callable;

/// Scripts that were only run, which are kept.
const EVALUATED_LIMIT: usize = 500;
/// Bytes that scripts may use together.
const MEMORY_LIMIT: usize = 1 << 30;

/// All scripts.
#[derive(Default)]
pub(crate) struct Scripts {
    interpreter: Option<Interpreter>,
    cache: HashMap<Name, Cached, RandomState>,
    /// Their names by their sources, which saves a digest for those that are sent again and again.
    names: HashMap<Arc<[u8]>, Name, RandomState>,
    /// Names of those that were only run, the least recently compiled first.
    evaluated: VecDeque<Name>,
    source_bytes: usize,
}

/// How large the scripts are.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// How many there are.
    pub(crate) scripts: AtomicUsize,
    /// Of what is kept of them: their sources, and the tables in which they are found.
    pub(crate) cache_bytes: AtomicUsize,
    /// Of the interpreter, with all that scripts have made in it.
    pub(crate) interpreter_bytes: AtomicUsize,
}

/// What a script is called: the digest of its source, in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Name([u8; Name::DIGITS]);

impl Name {
    const DIGITS: usize = 40;

    /// The name in a client's words, in any case; none if it can be no name.
    pub(crate) fn parse(word: &[u8]) -> Option<Name> {
        let mut digits: [u8; Name::DIGITS] = word.try_into().ok()?;
        digits.make_ascii_lowercase();
        digits.iter().all(u8::is_ascii_hexdigit).then_some(Name(digits))
    }

    fn of(source: &[u8]) -> Name {
        let digits = scripting::name_of(source);
        Name(digits.as_bytes().try_into().unwrap_or([b'0'; Name::DIGITS]))
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A script that is kept.
pub(crate) struct Cached {
    pub(crate) script: Script,
    /// If it has one.
    pub(crate) header: Option<Header>,
    source: Arc<[u8]>,
    was_loaded: bool,
}

/// What the first line of a script says of it, if it begins with `#!`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Header {
    pub(crate) flags: Flags,
}

impl Header {
    /// Reads the first line; gives what is behind it, with the end of the line, so that lines keep their numbers.
    fn parse(source: &[u8]) -> Result<(Option<Header>, &[u8]), ReplyError> {
        if !source.starts_with(b"#!") {
            return Ok((None, source));
        }
        let end = source.iter().position(|byte| *byte == b'\n');
        let (line, rest) = end
            .and_then(|end| source.split_at_checked(end))
            .ok_or(ReplyError::message("Invalid script shebang"))?;
        let words =
            split(line).map_err(|_| ReplyError::message("Invalid engine in script shebang"))?;
        let mut words = words.iter().map(config::Text::as_bytes);
        let engine = words.next().unwrap_or_default();
        let quote = |text: &str, word: &[u8]| {
            ReplyError::quoting([b"ERR ", text.as_bytes(), b": ", word].concat())
        };
        if engine != b"#!lua" {
            return Err(quote("Unexpected engine in script shebang", engine));
        }
        let mut header = Header::default();
        for option in words {
            let Some(flags) = option.strip_prefix(b"flags=") else {
                return Err(quote("Unknown lua shebang option", option));
            };
            for flag in flags.split(|byte| *byte == b',').filter(|flag| !flag.is_empty()) {
                if !header.flags.set(flag) {
                    return Err(quote("Unexpected flag in script shebang", flag));
                }
            }
        }
        Ok((Some(header), rest))
    }
}

/// What a call of a script or a function is like that says what it does. Of scripts that say nothing, the calls are looked at one by one.
#[cold]
pub(crate) fn flags_of_call(engine: &Engine, callable: &Callable, words: Words<'_>) -> CallFlags {
    let is_like = |said: Flags| {
        let asks = [
            (!said.no_writes, CallFlags::WRITE),
            (!said.no_writes && !said.allow_oom, CallFlags::DENY_OOM),
            (said.allow_stale, CallFlags::STALE),
        ];
        let chosen = asks.into_iter().filter_map(|(is_so, flag)| is_so.then_some(flag));
        let fixed = callable.flags.without(CallFlags::STALE.and(CallFlags::MAY_REPLICATE));
        chosen.fold(fixed, CallFlags::and)
    };
    said_of_itself(engine, callable, words).map_or(callable.flags, is_like)
}

/// What a script or a function that is called says of itself; nothing if it says nothing, or is not there.
fn said_of_itself(engine: &Engine, callable: &Callable, words: Words<'_>) -> Option<Flags> {
    let subject = words.get(1).unwrap_or_default();
    match callable.command.name {
        "EVAL" | "EVAL_RO" => {
            Header::parse(subject).ok().and_then(|(header, _)| Some(header?.flags))
        }
        "EVALSHA" | "EVALSHA_RO" => {
            let header =
                |name| engine.scripts.lock().cache.get(&name).and_then(|cached| cached.header);
            Name::parse(subject).and_then(header).map(|header| header.flags)
        }
        "FCALL" | "FCALL_RO" => engine
            .functions
            .look(|state| state.find(subject).map(|function| function.registered.flags)),
        _ => None,
    }
}

/// Writes what a script has to say to the log.
pub(crate) fn log(engine: &Engine, level: LogLevel, message: &[u8]) {
    let level = match level {
        LogLevel::Debug => crate::host::LogLevel::Debug,
        LogLevel::Verbose => crate::host::LogLevel::Verbose,
        LogLevel::Notice => crate::host::LogLevel::Notice,
        LogLevel::Warning => crate::host::LogLevel::Warning,
    };
    engine.host.log(level, &String::from_utf8_lossy(message));
}

impl Scripts {
    /// The interpreter, which is made if there is none yet.
    fn interpreter(&mut self) -> Result<&mut Interpreter, ReplyError> {
        match &mut self.interpreter {
            Some(interpreter) => Ok(interpreter),
            none => {
                let made = Interpreter::new(Purpose::Scripts, MEMORY_LIMIT, crate::REDIS_VERSION)
                    .map_err(|error| ReplyError::Message(error.to_string().into()))?;
                Ok(none.insert(made))
            }
        }
    }

    /// The script of a name, and what runs it.
    pub(crate) fn find(&mut self, name: &Name) -> Option<(&mut Interpreter, &Cached)> {
        self.interpreter.as_mut().zip(self.cache.get(name))
    }

    /// Whether there is a script of this name.
    pub(crate) fn has(&self, name: &Name) -> bool {
        self.cache.contains_key(name)
    }

    /// The name of the script of this source, which is compiled if it is not there yet.
    pub(crate) fn prepare(&mut self, source: &[u8], is_loaded: bool) -> Result<Name, ReplyError> {
        if let Some(&name) = self.names.get(source) {
            if is_loaded
                && let Some(cached) = self.cache.get_mut(&name)
                && !cached.was_loaded
            {
                cached.was_loaded = true;
                self.evaluated.retain(|other| *other != name);
            }
            return Ok(name);
        }
        let name = Name::of(source);
        let (header, body) = Header::parse(source)?;
        let script = self.interpreter()?.compile(body).map_err(|failure| not_compiled(&failure))?;
        let source: Arc<[u8]> = source.into();
        self.source_bytes += source.len();
        self.names.insert(source.clone(), name);
        self.cache.insert(name, Cached { script, header, source, was_loaded: is_loaded });
        if !is_loaded {
            self.evaluated.push_back(name);
            if EVALUATED_LIMIT < self.evaluated.len()
                && let Some(oldest) = self.evaluated.pop_front()
                && let Some(removed) = self.cache.remove(&oldest)
            {
                self.names.remove(&removed.source);
                self.source_bytes -= removed.source.len();
            }
        }
        Ok(name)
    }

    /// Forgets all scripts, and the interpreter with whatever they have left in its memory.
    pub(crate) fn flush(&mut self) {
        *self = Scripts::default();
    }

    /// Bytes of what is kept of scripts beside the interpreter.
    fn cache_bytes(&self) -> usize {
        /// The counts of an `Arc`, beside its contents.
        const COUNTS: usize = 2 * size_of::<usize>();
        /// What a table keeps for each of its places.
        const TAG: usize = 1;
        let cached = self.cache.capacity() * (size_of::<(Name, Cached)>() + TAG);
        let names = self.names.capacity() * (size_of::<(Arc<[u8]>, Name)>() + TAG);
        let evaluated = self.evaluated.capacity() * size_of::<Name>();
        self.source_bytes + self.names.len() * COUNTS + cached + names + evaluated
    }

    /// Notes how large all this is, for those who may not look while a script runs.
    pub(crate) fn note(&self, figures: &Figures) {
        figures.scripts.store(self.cache.len(), Relaxed);
        figures.cache_bytes.store(self.cache_bytes(), Relaxed);
        let interpreter = self.interpreter.as_ref().map_or(0, Interpreter::used_memory);
        figures.interpreter_bytes.store(interpreter, Relaxed);
    }
}

fn not_compiled(failure: &Failure) -> ReplyError {
    ReplyError::quoting(
        format!("ERR Error compiling script (new function): {failure}").into_bytes(),
    )
}
