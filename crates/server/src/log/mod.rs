//! The server's log, in the lines that Redis's users' tools read.
//!
//! ```text
//! 4711:M 21 Nov 2026 08:02:31.699 * Ready to accept connections tcp
//! pid  role      local time       level
//! ```
//!
//! Any thread may log. A line below the level costs one relaxed load. Above it, the line is formatted by its thread
//! and written with one `write` under a lock, so that lines never mix.
//!
//! Control characters of a message are escaped, whatever the format: part of it may be a client's words, and those must
//! not be able to forge a line. What has several lines on purpose goes through [`raw`].
//!
//! Before [`configure`] is called, lines go to standard output.

mod line;
mod sink;
mod syslog;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

pub(crate) use line::Format;
pub(crate) use line::Role;
pub(crate) use line::Timestamp;
pub(crate) use syslog::Facility;
pub(crate) use syslog::Syslog;

use line::Line;
use sink::Patience;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    Debug,
    Verbose,
    Notice,
    Warning,
    /// As a setting: nothing is logged.
    Nothing,
}

/// Where the log goes, and what it looks like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Appended to, and opened again when it was renamed or removed; without one, standard output.
    pub(crate) file: Option<PathBuf>,
    /// Where every line but raw ones goes too.
    pub(crate) syslog: Option<Syslog>,
    pub(crate) format: Format,
    pub(crate) timestamp: Timestamp,
}

/// Sends the log where `settings` say. If the file cannot be opened, nothing changes.
pub(crate) fn configure(settings: Settings) -> io::Result<()> {
    sink::configure(settings.file, settings.syslog)?;
    FORMAT.store(settings.format as u8, Ordering::Relaxed);
    TIMESTAMP.store(settings.timestamp as u8, Ordering::Relaxed);
    Ok(())
}

/// Logs what is at least as important as `level` from now on.
pub(crate) fn set_level(level: Level) {
    LEVEL.store(level as u8, Ordering::Relaxed);
}

/// What lines say about the process from now on.
pub(crate) fn set_role(role: Role) {
    ROLE.store(role as u8, Ordering::Relaxed);
}

/// Whether a line of that level would be logged; for callers that have to gather what they would log.
#[inline]
pub(crate) fn is_enabled(level: Level) -> bool {
    LEVEL.load(Ordering::Relaxed) <= level as u8
}

/// Logs what only a developer wants to know.
pub(crate) fn debug(message: impl fmt::Display) {
    write(Level::Debug, &message);
}

/// Logs what is rarely useful, but not much.
pub(crate) fn verbose(message: impl fmt::Display) {
    write(Level::Verbose, &message);
}

/// Logs what an operator wants to know.
pub(crate) fn notice(message: impl fmt::Display) {
    write(Level::Notice, &message);
}

/// Logs what an operator must know.
pub(crate) fn warning(message: impl fmt::Display) {
    write(Level::Warning, &message);
}

/// Logs `text` as it is, without a time and without the end of a line: a banner, or a report of many lines.
pub(crate) fn raw(level: Level, text: &str) {
    if is_enabled(level) {
        sink::write(text.as_bytes(), Patience::Unlimited);
    }
}

/// Logs while the process is dying: does not wait for ever for a thread that was writing when it died.
pub(crate) fn warning_at_crash(message: impl fmt::Display) {
    if is_enabled(Level::Warning) {
        let line = line(Level::Warning, &message);
        sink::write(line.whole().as_bytes(), Patience::Short);
    }
}

/// [`raw`] while the process is dying.
pub(crate) fn raw_at_crash(text: &str) {
    if is_enabled(Level::Warning) {
        sink::write(text.as_bytes(), Patience::Short);
    }
}

/// A descriptor of where the log goes, for a signal handler to write to: it may neither lock nor open anything. It is
/// standard output if there is no file.
pub(crate) fn descriptor() -> i32 {
    sink::descriptor()
}

#[inline]
fn write(level: Level, message: &dyn fmt::Display) {
    if is_enabled(level) {
        write_enabled(level, message);
    }
}

#[cold]
fn write_enabled(level: Level, message: &dyn fmt::Display) {
    let line = line(level, message);
    sink::write(line.whole().as_bytes(), Patience::Unlimited);
    sink::write_to_syslog(level, line.message());
}

fn line(level: Level, message: &dyn fmt::Display) -> Line {
    let role = Role::from_byte(ROLE.load(Ordering::Relaxed));
    let format = Format::from_byte(FORMAT.load(Ordering::Relaxed));
    let timestamp = Timestamp::from_byte(TIMESTAMP.load(Ordering::Relaxed));
    Line::new(format, timestamp, std::process::id(), role, level, message)
}

// All relaxed: a thread may see a change of these a few lines late.
static LEVEL: AtomicU8 = AtomicU8::new(Level::Notice as u8);
static ROLE: AtomicU8 = AtomicU8::new(Role::Starting as u8);
static FORMAT: AtomicU8 = AtomicU8::new(Format::Plain as u8);
static TIMESTAMP: AtomicU8 = AtomicU8::new(Timestamp::Legacy as u8);

#[cfg(test)]
mod tests;
