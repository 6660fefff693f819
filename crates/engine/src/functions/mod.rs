//! Functions: code that clients load as libraries, and call by the names that it registers.
//!
//! There is one interpreter for all libraries, beside the one for scripts, made when the first library comes: SCRIPT FLUSH does not
//! concern it, and what a library keeps in local variables stays as long as the library does. A library is loaded in whole or
//! not at all: its code is run and its names are compared before anything that is there is touched.
//!
//! Libraries belong to the data: they are replicated, saved and loaded with it, as their code ([`Functions::libraries`],
//! [`Functions::load_code`]).

mod metadata;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;
use resp::{Output, ReplyError, Words};
use scripting::{Failure, Host, Interpreter, LogLevel, Progress, Purpose, Registered, Replication};

use metadata::Metadata;

/// Bytes that functions may use together.
const MEMORY_LIMIT: usize = 1 << 30;
/// How long the code of a library may run that a client loads.
const PATIENCE_NS: u64 = 500_000_000;
/// Looks at a library that is loaded from a file, a millisecond or more apart, until it is given up: ten seconds or so.
const LOOKS: u32 = 10_000;

/// All libraries.
#[derive(Default)]
pub struct Functions {
    state: Mutex<State>,
    figures: Figures,
}

/// How many libraries there are and how large, for those who may not look while a function runs.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) libraries: AtomicUsize,
    pub(crate) functions: AtomicUsize,
    /// Of what is kept of them: their code, and the tables in which they are found.
    pub(crate) cache_bytes: AtomicUsize,
    /// Of the interpreter, with all that functions have made in it.
    pub(crate) interpreter_bytes: AtomicUsize,
}

/// The libraries, while they are held.
#[derive(Default)]
pub(crate) struct State {
    interpreter: Option<Interpreter>,
    libraries: BTreeMap<String, Library>,
    /// Every function, by its name in lower case.
    functions: HashMap<String, Arc<Function>>,
}

/// A library.
#[derive(Clone)]
pub(crate) struct Library {
    /// As it was loaded.
    pub(crate) code: Arc<[u8]>,
    /// In the order of their names.
    pub(crate) functions: Vec<Arc<Function>>,
}

/// A function, and whose it is.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) registered: Registered,
    library: String,
}

/// Whether a library may take the place of another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Existing {
    /// It may.
    Replaced,
    /// It is an error if there is one.
    Kept,
}

impl Functions {
    /// The code of all libraries, in the order of their names.
    pub fn libraries(&self) -> Vec<Arc<[u8]>> {
        self.state.lock().libraries.values().map(|library| library.code.clone()).collect()
    }

    /// Loads a library that was saved.
    pub fn load_code(&self, code: &[u8]) -> Result<(), ReplyError> {
        self.restore(code, Existing::Kept)
    }

    /// The same; `existing` says whether it may take the place of one of its name.
    pub(crate) fn restore(&self, code: &[u8], existing: Existing) -> Result<(), ReplyError> {
        let mut host = Loading { looks: 0, may_go_on: &mut |looks| looks < LOOKS, log: &|_, _| {} };
        self.change(|state| state.load(code, existing, &mut host)).map(drop)
    }

    /// Forgets all libraries, and the interpreter with whatever they have kept in it.
    pub fn flush(&self) {
        self.change(|state| *state = State::default());
    }

    /// Holds them.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state.lock())
    }

    /// Holds them, to run one.
    pub(crate) fn run<R>(&self, run: impl FnOnce(&mut State) -> R) -> R {
        run(&mut self.state.lock())
    }

    /// Holds them, changes them, and notes how large they are then.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let changed = change(&mut state);
        self.figures.libraries.store(state.libraries.len(), Relaxed);
        self.figures.functions.store(state.functions.len(), Relaxed);
        self.figures.cache_bytes.store(state.cache_bytes(), Relaxed);
        self.note_interpreter(&state);
        changed
    }

    /// Notes how much memory functions use.
    pub(crate) fn note_interpreter(&self, state: &State) {
        let used = state.interpreter.as_ref().map_or(0, Interpreter::used_memory);
        self.figures.interpreter_bytes.store(used, Relaxed);
    }

    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }
}

impl State {
    /// All libraries, by name.
    pub(crate) fn libraries(&self) -> &BTreeMap<String, Library> {
        &self.libraries
    }

    /// Bytes of what is kept of libraries beside the interpreter.
    fn cache_bytes(&self) -> usize {
        /// The counts of an `Arc`, beside its contents.
        const COUNTS: usize = 2 * size_of::<usize>();
        /// What a table keeps for each of its places.
        const TAG: usize = 1;
        let function = |function: &Arc<Function>| {
            let Function { registered, library } = &**function;
            let description = registered.description.as_ref().map_or(0, Vec::capacity);
            let names = 2 * registered.name.capacity() + library.capacity();
            COUNTS + size_of::<Function>() + size_of::<Arc<Function>>() + names + description
        };
        let libraries = self.libraries.iter().map(|(name, library)| {
            let functions: usize = library.functions.iter().map(function).sum();
            size_of::<(String, Library)>() + name.capacity() + library.code.len() + functions
        });
        let found = self.functions.capacity() * (size_of::<(String, Arc<Function>)>() + TAG);
        size_of::<State>() + found + libraries.sum::<usize>()
    }

    /// The function of a name, in any case.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Arc<Function>> {
        let name = str::from_utf8(name).ok()?;
        if let Some(found) = self.functions.get(name) {
            return Some(found.clone());
        }
        self.functions.get(&name.to_ascii_lowercase()).cloned()
    }

    /// The interpreter, which is there if there is a function.
    pub(crate) fn interpreter(&mut self) -> Option<&mut Interpreter> {
        self.interpreter.as_mut()
    }

    /// Loads a library; gives its name.
    pub(crate) fn load(
        &mut self,
        code: &[u8],
        existing: Existing,
        host: &mut dyn Host,
    ) -> Result<String, ReplyError> {
        let name = Metadata::parse(code)?.name;
        if existing == Existing::Kept && self.libraries.contains_key(&name) {
            return Err(quoted(&format!("Library '{name}' already exists")));
        }
        let library = self.make(&name, code, host)?;
        self.compare_names(&library, |owner| owner == name)?;
        self.remove(&name);
        self.add(name.clone(), library);
        Ok(name)
    }

    /// Loads several libraries, or none of them. `first_flush`: in place of all that are there.
    pub(crate) fn load_all(
        &mut self,
        codes: &[Vec<u8>],
        existing: Existing,
        first_flush: bool,
        host: &mut dyn Host,
    ) -> Result<(), ReplyError> {
        let mut loaded = State { interpreter: self.interpreter.take(), ..State::default() };
        let outcome =
            codes.iter().try_for_each(|code| loaded.load(code, Existing::Kept, host).map(drop));
        self.interpreter = loaded.interpreter.take();
        outcome?;
        if first_flush {
            self.libraries.clear();
            self.functions.clear();
        }
        for (name, library) in &loaded.libraries {
            if existing == Existing::Kept && self.libraries.contains_key(name) {
                return Err(quoted(&format!("Library {name} already exists")));
            }
            self.compare_names(library, |owner| loaded.libraries.contains_key(owner))?;
        }
        for (name, library) in std::mem::take(&mut loaded.libraries) {
            self.remove(&name);
            self.add(name, library);
        }
        Ok(())
    }

    /// Removes a library; whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(library) = self.libraries.remove(name) else { return false };
        for function in &library.functions {
            let lower = function.registered.name.to_ascii_lowercase();
            // Of two names that differ in case only, one counts.
            if self.functions.get(&lower).is_some_and(|known| known.library == name) {
                self.functions.remove(&lower);
            }
        }
        true
    }

    fn add(&mut self, name: String, library: Library) {
        for function in &library.functions {
            let lower = function.registered.name.to_ascii_lowercase();
            self.functions.entry(lower).or_insert_with(|| function.clone());
        }
        self.libraries.insert(name, library);
    }

    /// Runs the code of a library, to see what it registers.
    fn make(
        &mut self,
        name: &str,
        code: &[u8],
        host: &mut dyn Host,
    ) -> Result<Library, ReplyError> {
        let interpreter = match &mut self.interpreter {
            Some(interpreter) => interpreter,
            none => none.insert(
                Interpreter::new(Purpose::Functions, MEMORY_LIMIT, crate::REDIS_VERSION)
                    .map_err(|error| ReplyError::Message(error.to_string().into()))?,
            ),
        };
        let mut registered =
            interpreter.load_library(code, host).map_err(|failure| match failure {
                Failure::Syntax(text) => quoted(&format!("Error compiling function: {text}")),
                Failure::Raised { text, .. } => {
                    let begin: &[u8] = b"ERR Error registering functions: ";
                    ReplyError::quoting([begin, &text].concat())
                }
            })?;
        if registered.is_empty() {
            return Err(ReplyError::message("No functions registered"));
        }
        registered.sort_by(|one, other| one.name.cmp(&other.name));
        let functions = registered
            .into_iter()
            .map(|registered| Arc::new(Function { registered, library: name.to_owned() }))
            .collect();
        Ok(Library { code: code.into(), functions })
    }

    /// Checks that no function is called like one of a library that stays.
    fn compare_names(
        &self,
        library: &Library,
        goes: impl Fn(&str) -> bool,
    ) -> Result<(), ReplyError> {
        for function in &library.functions {
            let name = &function.registered.name;
            let known = self.functions.get(&name.to_ascii_lowercase());
            if known.is_some_and(|known| !goes(&known.library)) {
                return Err(quoted(&format!("Function {name} already exists")));
            }
        }
        Ok(())
    }
}

fn quoted(text: &str) -> ReplyError {
    ReplyError::quoting(format!("ERR {text}").into_bytes())
}

/// What code is lent that is being loaded: the log, and some time.
pub(crate) struct Loading<'a> {
    looks: u32,
    /// Told how often it was asked.
    may_go_on: &'a mut dyn FnMut(u32) -> bool,
    log: &'a dyn Fn(LogLevel, &[u8]),
}

impl Loading<'_> {
    /// Loads on behalf of a client.
    pub(crate) fn for_client<R>(
        engine: &crate::Engine,
        load: impl FnOnce(&mut Loading<'_>) -> R,
    ) -> R {
        let begin = (engine.ticks)();
        let log = |level, message: &[u8]| crate::scripts::log(engine, level, message);
        load(&mut Loading {
            looks: 0,
            may_go_on: &mut |_| (engine.ticks)().wrapping_sub(begin) < PATIENCE_NS,
            log: &log,
        })
    }
}

impl Host for Loading<'_> {
    fn call(&mut self, _words: Words<'_>, reply: &mut Output) {
        // Code that is being loaded finds no way to call.
        reply.push(b"-ERR no commands while a library is loaded\r\n");
    }

    fn set_protocol(&mut self, _protocol: resp::Protocol) {}

    fn set_replication(&mut self, _replication: Replication) {}

    fn may_call(&mut self, _words: Words<'_>) -> Option<bool> {
        None
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        (self.log)(level, message);
    }

    fn progress(&mut self) -> Progress {
        self.looks = self.looks.saturating_add(1);
        if (self.may_go_on)(self.looks) {
            Progress::Continue
        } else {
            Progress::Stop("ERR FUNCTION LOAD timeout")
        }
    }
}
