//! What a script is lent: the server's commands, its log, and the decision how long it may run.

use resp::{Output, Words};
use scoped_tls_hkt::scoped_thread_local;

/// Whether a script goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It does.
    Continue,
    /// It ends with this error.
    Stop(&'static str),
}

/// How loud a line for the log is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// Much detail.
    Verbose,
    /// What an operator should see.
    Notice,
    /// What an operator must see.
    Warning,
}

/// Where the effects of the following calls go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replication {
    /// To the append-only file.
    pub append_only_file: bool,
    /// To replicas.
    pub replicas: bool,
}

/// What a script can reach.
pub trait Host {
    /// Executes a command; appends its reply, an error also being one.
    fn call(&mut self, words: Words<'_>, reply: &mut Output);

    /// Sets the protocol in which calls are answered.
    fn set_protocol(&mut self, protocol: resp::Protocol);

    /// Sets where effects go.
    fn set_replication(&mut self, replication: Replication);

    /// Whether the client who runs the script may make this call; nothing if there is no such command.
    fn may_call(&mut self, words: Words<'_>) -> Option<bool>;

    /// Writes to the log.
    fn log(&mut self, level: LogLevel, message: &[u8]);

    /// Called now and then while a script runs that is not young any more: every millisecond or so.
    fn progress(&mut self) -> Progress;
}

scoped_thread_local!(
    /// Whose script this thread is running.
    static mut CURRENT: for<'a> &'a mut (dyn Host + 'a)
);

/// Lends `host` to whatever `run` runs.
pub(crate) fn lend<R>(host: &mut dyn Host, run: impl FnOnce() -> R) -> R {
    CURRENT.set(host, run)
}

/// Asks the host something, if there is one: while a library is loaded there is none.
pub(crate) fn ask<R>(question: impl FnOnce(&mut dyn Host) -> R) -> Option<R> {
    CURRENT.is_set().then(|| CURRENT.with(|host| question(host)))
}
