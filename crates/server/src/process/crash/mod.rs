//! What the process leaves behind when it dies: a report in the log, in the frame that tools for Redis look for.
//!
//! The thread that crashed may hold any lock and may have broken any structure, and in a signal handler it may do next
//! to nothing. So it only notes what no other thread can find out, and a thread that waits for nothing else writes the
//! report:
//!
//! ```text
//!  crashed thread                          reporter
//!  signal, registers, stack  --> Notes --> names the frames, asks the server for INFO,
//!  current command                         logs section by section
//!  waits, with a deadline  <-- done ------
//!  ends the process by the same signal
//! ```
//!
//! | part | what can go wrong | then |
//! |---|---|---|
//! | unwinding the stack, describing the command | faults again; both read what may be broken | that part ends there |
//! | INFO and the like | waits for a lock that the crashed thread holds | the deadline cuts the report off |
//! | logging | the crashed thread holds the log's lock | the lock is passed by (`log::raw_at_crash`) |
//!
//! A panic takes the same way, unless its thread said that it survives it ([`contain`]): then it is logged, and the
//! caller goes on with the error.
//!
//! Only the crashed thread's stack is reported.

mod handler;
mod notes;
mod registers;
mod report;
mod signal_stack;
mod trace;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::panic::PanicHookInfo;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(crate) use handler::segfault;
pub(crate) use signal_stack::SignalStack;

use crate::log;
use notes::NOTES;

/// What a report needs of the server.
pub(crate) struct Settings {
    /// The server's name and version.
    pub(crate) version: &'static str,
    /// Writes which client the current thread serves, and its command. It runs in the thread that crashed, in a signal
    /// handler: it must not allocate, lock or format more than plain text. What it writes beyond
    /// [`notes::CURRENT_LIMIT_BYTES`] is lost.
    pub(crate) current: fn(&mut dyn fmt::Write) -> fmt::Result,
    /// What else goes into the report, in this order. They run in another thread than the one that crashed.
    pub(crate) sections: Vec<Section>,
    /// Removed at the end, as the process cannot do it in order.
    pub(crate) pid_file: Option<PathBuf>,
    /// How long the report may take.
    pub(crate) deadline: Duration,
    /// How a panic ends the process.
    pub(crate) end: End,
}

/// A part of the report.
pub(crate) struct Section {
    /// As Redis's tools know it: `INFO OUTPUT`, `CLIENT LIST OUTPUT`.
    pub(crate) title: &'static str,
    /// Gathers the text.
    pub(crate) text: Box<dyn Fn() -> String + Send + Sync>,
}

/// How a panic ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// By SIGABRT, which may leave a core file.
    Abort,
    /// With exit code 1.
    Exit,
}

/// How long a report usually may take: INFO takes milliseconds, naming the frames of a big program a second.
pub(crate) const USUAL_DEADLINE: Duration = Duration::from_secs(10);

/// Reports crashes from now on. To be called once, by the main thread, when the process will not fork any more.
pub(crate) fn install(settings: Settings) -> io::Result<()> {
    if SETTINGS.set(settings).is_err() {
        return Err(io::Error::other("crashes are reported already"));
    }
    report::start_reporter()?;
    handler::install()?;
    panic::set_hook(Box::new(on_panic));
    Ok(())
}

/// Whether crashes are reported: `crash-log-enabled`. Without a report the process ends in the same way.
pub(crate) fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
}

/// Runs what may panic before it has changed anything. The panic is logged, and an error for the caller, which goes on.
pub(crate) fn contain<R>(run: impl FnOnce() -> R) -> Result<R, Panicked> {
    let outer = CONTAINED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    CONTAINED.set(outer);
    result.map_err(|_| Panicked)
}

/// What was run panicked, as is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an internal error occurred, see the log")]
pub(crate) struct Panicked;

/// Reports that `condition`, which stands at `place` in the source, does not hold, and ends the process.
pub(crate) fn fail_assertion(condition: &str, place: &panic::Location<'_>) -> ! {
    let (file, line) = (place.file(), place.line());
    let text = [
        "=== ASSERTION FAILED ===".to_owned(),
        format!("==> {file}:{line} '{condition}' is not true"),
    ];
    end_with_report(text.into())
}

/// Reports that the server cannot go on, as `message` says, and ends the process: a panic that nobody contains.
pub(crate) fn give_up(message: &str, place: &panic::Location<'_>) -> ! {
    end_with_report(panic_text(message, &place.to_string()))
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a text");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    if CONTAINED.get() {
        log::warning(format_args!("Internal error: {message} #{place}"));
        log::raw(log::Level::Warning, &trace::Trace::here().to_string());
        return;
    }
    end_with_report(panic_text(message, &place));
}

/// As Redis words a panic: its users' tools look for `Guru Meditation`.
fn panic_text(message: &str, place: &str) -> Vec<String> {
    let line = "------------------------------------------------".to_owned();
    vec![line, format!("Guru Meditation: {message} #{place}")]
}

/// Has a report written that begins with the lines of `text`, and ends the process.
fn end_with_report(text: Vec<String>) -> ! {
    let end = SETTINGS.get().map_or(End::Abort, |settings| settings.end);
    if !ENABLED.load(Ordering::Relaxed) || SETTINGS.get().is_none() {
        text.iter().for_each(log::warning_at_crash);
    } else if NOTES.claim() {
        report::set_text(text);
        NOTES.take_trace(0);
        handler::note_current();
        handler::report_and_wait();
    } else if !NOTES.is_mine() {
        // Another thread is ending the process.
        handler::wait_for_the_end();
    }
    match end {
        End::Abort => handler::end_by(libc::SIGABRT),
        End::Exit => handler::exit(),
    }
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();
static ENABLED: AtomicBool = AtomicBool::new(true);

thread_local! {
    /// Whether this thread survives a panic.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}
