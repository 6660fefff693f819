//! Executing what was executed before: the commands of an append-only file.
//!
//! Whoever wrote the file was allowed to, and there was room; so nobody asks for permission or for memory. Nothing expires in the
//! meantime: what did is told by a command that follows, or happens when all commands are executed. Nothing is recorded.

use std::sync::Arc;

use config::Config;
use keyspace::{AccessClock, AccessPolicy, ExpiryMode, Random, Round, View};
use resp::{Output, Words};

use crate::Engine;
use crate::blocking::Served;
use crate::clients::Clients;
use crate::execution::Parts;
use crate::host::LogLevel;
use crate::pubsub::Delivery;
use crate::session::Session;
use crate::statistics::Tally;

/// Errors that are logged, so that a file full of them does not fill the disk.
const LOGGED_ERRORS: u64 = 20;

/// Commands that are executed anew.
pub struct Replay<'e> {
    engine: &'e Engine,
    config: Arc<Config>,
    session: Session,
    tally: Tally,
    delivery: Delivery,
    served: Vec<Served>,
    output: Output,
    now_us: i64,
    errors: u64,
}

/// Why a command cannot be executed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotReplayed {
    /// There is none of this name.
    #[error("Unknown command '{0}'")]
    Unknown(String),
    /// It cannot have so many words.
    #[error("Wrong number of arguments for '{0}'")]
    Arity(String),
    /// It names a database that is not there.
    #[error("There is no database {0}")]
    Database(String),
}

impl<'e> Replay<'e> {
    /// Begins to execute commands, as it were at this unix time in microseconds.
    pub fn new(engine: &'e Engine, now_us: i64) -> Replay<'e> {
        Replay {
            engine,
            config: engine.config(),
            session: Session::new(Clients::nobody(now_us / 1000), true),
            tally: Tally::default(),
            delivery: Delivery::outside(),
            served: Vec::new(),
            output: Output::new(),
            now_us,
            errors: 0,
        }
    }

    /// What a view of the keyspace is opened with, in which commands are executed.
    pub fn round(&self) -> Round {
        let now_ms = self.now_us.div_euclid(1000);
        Round {
            now_ms,
            access: AccessClock::new(AccessPolicy::Lru, now_ms),
            touch: false,
            expiry: ExpiryMode::Ignore,
            random: Random::new(self.now_us.cast_unsigned()),
            hits: 0,
            misses: 0,
            changed: false,
            donated: Vec::new(),
            buffer: Vec::new(),
            noting: keyspace::Noting::default(),
        }
    }

    /// Begins another file, which names its databases itself.
    pub fn begin_file(&mut self) {
        self.session.database = 0;
    }

    /// Executes a command on a view of the whole keyspace. MULTI and EXEC are none here: whoever reads them knows that nobody
    /// comes between.
    pub fn run(&mut self, all: &mut View<'_>, words: Words<'_>) -> Result<(), NotReplayed> {
        let name = || {
            let name = words.first().unwrap_or_default();
            String::from_utf8_lossy(name.get(..128).unwrap_or(name)).into_owned()
        };
        let found = self.engine.commands.find_call(words);
        let callable = found.map_err(|_| NotReplayed::Unknown(name()))?;
        if !callable.admits(words.len()) {
            return Err(NotReplayed::Arity(name()));
        }
        let Some(handler) = callable.run else { return Err(NotReplayed::Unknown(name())) };
        let mut view = all.lend();
        view.select(self.session.database);
        view.round.donated.clear();
        view.round.donated.extend_from_slice(words.supplied());
        let parts = Parts {
            engine: self.engine,
            config: &self.config,
            now_us: self.now_us,
            tally: &mut self.tally,
            statistics: &self.engine.statistics[0],
            worker: 0,
            delivery: &mut self.delivery,
            served: &mut self.served,
            is_awaited: false,
        };
        let run = handler.for_call(words).run();
        parts.call(&mut self.session, callable, run, words, view, &mut self.output);
        let failed = self.output.as_slice().is_some_and(|reply| reply.first() == Some(&b'-'));
        if failed {
            self.note_error(&name());
            self.tally = Tally::default();
        }
        self.output.clear();
        if failed && callable.name() == "select" {
            let number = words.get(1).unwrap_or_default();
            return Err(NotReplayed::Database(number.escape_ascii().to_string()));
        }
        Ok(())
    }

    #[cold]
    fn note_error(&mut self, name: &str) {
        self.errors += 1;
        if LOGGED_ERRORS < self.errors {
            return;
        }
        let reply = self.output.as_slice().unwrap_or_default();
        let message = format!(
            "== CRITICAL == This server is sending an error to its AOF client: '{}' after processing the command '{name}'",
            reply.get(1..).unwrap_or_default().trim_ascii_end().escape_ascii()
        );
        self.engine.host.log(LogLevel::Warning, &message);
    }
}
