//! A script that runs for long, and what clients may do meanwhile.
//!
//! A script has everything to itself: the gates are closed, and whoever comes to one waits. When it has run for longer than
//! `busy-reply-threshold` the server is **busy**:
//!
//! - Workers that wait at their gate, or to close the gates, give that up and go on **barred**: outside of the gate they read
//!   what clients send and answer `BUSY`, but for a few calls that need no key (see `Worker::execute_barred`).
//! - The worker that runs the script has its process serve its connections in the same way, from within the script now and then
//!   ([`Attendant`]), by a second share of the engine that never enters.
//!
//! So SCRIPT KILL is heard by any worker. It sets a flag here that the script looks at; one that has written something is never
//! killed, since nobody could take back the half of it. Both are bits of one number, so one of them comes first.

use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU8, AtomicU64};

use parking_lot::Mutex;
use resp::{OwnedWords, ReplyError, Words};
use scoped_tls_hkt::scoped_thread_local;

use crate::Engine;
use crate::host::LogLevel;

/// Whether a script runs, and for how long.
#[derive(Debug, Default)]
pub(crate) struct Busy {
    state: AtomicU8,
    /// When it began, in ticks.
    begun: AtomicU64,
    /// When the clients of its worker were attended to last, in ticks.
    attended: AtomicU64,
    /// What is run, once it has run for long.
    name: Mutex<String>,
    /// The words of the call that runs it, once it has run for long.
    words: Mutex<Option<OwnedWords>>,
}

/// What is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A script of EVAL and its kin.
    Script,
    /// A function of a library.
    Function,
}

/// A script that runs; it has ended when this is dropped.
pub(crate) struct RunningScript<'e> {
    busy: &'e Busy,
    engine: &'e Engine,
}

const RUNS: u8 = 1;
const IS_FUNCTION: u8 = 1 << 1;
/// It has run for longer than it should.
const IS_LATE: u8 = 1 << 2;
const HAS_WRITTEN: u8 = 1 << 3;
const IS_KILLED: u8 = 1 << 4;

const BUSY_SCRIPT: ReplyError = ReplyError::coded(
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
);
const BUSY_FUNCTION: ReplyError = ReplyError::coded(
    "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
);

impl Engine {
    /// Notes that a script begins. The gates are closed.
    pub(crate) fn begin_script(&self, kind: Kind) -> RunningScript<'_> {
        let now = (self.ticks)();
        self.busy.begun.store(now, Relaxed);
        self.busy.attended.store(now, Relaxed);
        let function = if kind == Kind::Function { IS_FUNCTION } else { 0 };
        // Nobody else changes it before the script is late.
        self.busy.state.store(RUNS | function, Release);
        RunningScript { busy: &self.busy, engine: self }
    }

    /// Whether a script has run for so long that clients are told.
    #[inline]
    pub fn is_busy(&self) -> bool {
        self.busy.state.load(SeqCst) & IS_LATE != 0
    }

    /// Why a call is refused while a script runs for long; nothing if none does.
    pub(crate) fn busy_error(&self) -> Option<ReplyError> {
        self.busy.error(self.busy.state.load(SeqCst))
    }

    /// Lets a script go on, or not: called by it now and then. Clients are attended to if it has run for long.
    pub(crate) fn continue_script(
        &self,
        threshold_ms: u64,
        name: &str,
        words: Words<'_>,
    ) -> Continuation {
        /// Between two looks at clients.
        const INTERVAL_NS: u64 = 1_000_000;
        let now = (self.ticks)();
        let elapsed_ms = now.wrapping_sub(self.busy.begun.load(Relaxed)) / 1_000_000;
        if threshold_ms == 0 || elapsed_ms < threshold_ms {
            return Continuation::GoOn;
        }
        if self.busy.state.load(Relaxed) & IS_LATE == 0 {
            // Before others are told that there is something to read here.
            name.clone_into(&mut self.busy.name.lock());
            *self.busy.words.lock() = Some(OwnedWords::from(words));
            let state = self.busy.state.fetch_or(IS_LATE, SeqCst);
            self.note_late(state, name, elapsed_ms);
        }
        if INTERVAL_NS <= now.wrapping_sub(self.busy.attended.load(Relaxed)) {
            attend();
            self.busy.attended.store((self.ticks)(), Relaxed);
        }
        let state = self.busy.state.load(SeqCst);
        if state & IS_KILLED == 0 {
            return Continuation::GoOn;
        }
        self.host.log(LogLevel::Notice, "Lua script killed by user with SCRIPT KILL.");
        Continuation::End(match state & IS_FUNCTION {
            0 => "ERR Script killed by user with SCRIPT KILL...",
            _ => "ERR Script killed by user with FUNCTION KILL...",
        })
    }

    #[cold]
    fn note_late(&self, state: u8, name: &str, elapsed_ms: u64) {
        let command = if state & IS_FUNCTION == 0 { "SCRIPT KILL" } else { "FUNCTION KILL" };
        self.host.log(
            LogLevel::Warning,
            &format!(
                "Slow script detected: still in execution after {elapsed_ms} milliseconds. You can try killing the \
                 script using the {command} command. Script name is: {name}."
            ),
        );
        // Those who wait at a gate, and those who sleep.
        self.keyspace.gates().rouse();
        self.host.wake_workers();
    }

    /// The function that has been running for long: its name, its call, and for how many ms. Others see it no sooner. An error if a
    /// script has.
    pub(crate) fn late_function(&self) -> Result<Option<(String, OwnedWords, u64)>, ReplyError> {
        match self.busy_error() {
            None => Ok(None),
            Some(error) if error == BUSY_SCRIPT => Err(error),
            Some(_) => {
                let elapsed_ns = (self.ticks)().wrapping_sub(self.busy.begun.load(Relaxed));
                let name = self.busy.name.lock().clone();
                let words = self.busy.words.lock().clone().unwrap_or_default();
                Ok(Some((name, words, elapsed_ns / 1_000_000)))
            }
        }
    }

    /// Notes that the script that runs is about to write; whether it may, which it may not if it was killed.
    pub(crate) fn note_script_writes(&self) -> bool {
        if self.busy.state.load(Relaxed) & HAS_WRITTEN != 0 {
            // Nobody can have killed it since.
            return true;
        }
        let noted = self.busy.state.try_update(SeqCst, SeqCst, |state| {
            (state & IS_KILLED == 0).then_some(state | HAS_WRITTEN)
        });
        noted.is_ok()
    }

    /// Ends the script that runs, which sees that soon.
    pub(crate) fn kill_script(&self, kind: Kind) -> Result<(), ReplyError> {
        const NONE: ReplyError = ReplyError::coded("NOTBUSY No scripts in execution right now.");
        const WRITTEN: ReplyError = ReplyError::coded(
            "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
             script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
        );
        let killed = self.busy.state.try_update(SeqCst, SeqCst, |state| {
            let is_kind = (state & IS_FUNCTION != 0) == (kind == Kind::Function);
            (state & IS_LATE != 0 && state & HAS_WRITTEN == 0 && is_kind)
                .then_some(state | IS_KILLED)
        });
        match killed {
            Ok(_) => Ok(()),
            Err(state) if state & IS_LATE == 0 => Err(NONE),
            Err(state) if state & HAS_WRITTEN != 0 => Err(WRITTEN),
            Err(state) => Err(self.busy.error(state).unwrap_or(NONE)),
        }
    }
}

/// Whether a script goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Continuation {
    GoOn,
    /// With this error.
    End(&'static str),
}

impl Busy {
    #[expect(clippy::unused_self, reason = "the texts are of this state")]
    fn error(&self, state: u8) -> Option<ReplyError> {
        match state & (IS_LATE | IS_FUNCTION) {
            0 | IS_FUNCTION => None,
            IS_LATE => Some(BUSY_SCRIPT),
            _ => Some(BUSY_FUNCTION),
        }
    }
}

impl Drop for RunningScript<'_> {
    fn drop(&mut self) {
        if self.busy.state.swap(0, SeqCst) & IS_LATE != 0 {
            *self.busy.words.lock() = None;
            // They can enter again, once the gates are open.
            self.engine.host.wake_workers();
        }
    }
}

/// Serves the connections of a worker whose thread is busy with a script.
pub trait Attendant {
    /// Serves those that are ready, without waiting.
    fn attend(&mut self);
}

scoped_thread_local!(
    /// Who serves the connections of this thread's worker while it is busy.
    static mut ATTENDANT: for<'a> &'a mut (dyn Attendant + 'a)
);

/// Has `attendant` serve the worker's connections if what `run` runs takes long.
pub fn attended<R>(attendant: &mut dyn Attendant, run: impl FnOnce() -> R) -> R {
    ATTENDANT.set(attendant, run)
}

fn attend() {
    if ATTENDANT.is_set() {
        ATTENDANT.with(|attendant| attendant.attend());
    }
}
