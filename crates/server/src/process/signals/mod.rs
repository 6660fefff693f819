//! Being told to stop: SIGTERM and SIGINT.
//!
//! A handler may do next to nothing, so it notes the signal and makes a descriptor readable that an event loop polls. It
//! logs the signal itself, with `write` alone: the line must appear even if the process hangs. A second SIGINT while the
//! first is being served ends the process at once.
//!
//! SIGHUP and SIGPIPE are ignored: a lost terminal is no reason to stop, and a lost connection is an error of `write`.
#![expect(unsafe_code, reason = "sets signal handlers")]

use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd as _;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering;

use rustix::event::EventfdFlags;
use rustix::event::eventfd;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::low_level;

use crate::log;

/// Why the process is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopSignal {
    /// SIGINT, as from a terminal.
    Interrupt,
    /// SIGTERM, as from a service manager.
    Terminate,
}

/// The stop signals of this process.
#[derive(Debug)]
pub(crate) struct StopSignals {
    /// Lives on when this is dropped: a handler may be running at any time.
    state: &'static State,
}

#[derive(Debug)]
struct State {
    event: OwnedFd,
    pending: AtomicU8,
    /// Since the first signal, until [`StopSignals::resume`].
    is_stopping: AtomicBool,
}

impl StopSignals {
    /// Ignores SIGHUP and SIGPIPE, and catches SIGTERM and SIGINT from now on. To be called once.
    pub(crate) fn install() -> io::Result<StopSignals> {
        ignore(libc::SIGHUP)?;
        ignore(libc::SIGPIPE)?;
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (pending, is_stopping) = (AtomicU8::new(NONE), AtomicBool::new(false));
        let state: &'static State = Box::leak(Box::new(State { event, pending, is_stopping }));
        for signal in [SIGINT, SIGTERM] {
            // SAFETY: the closure does only what a signal handler may: it reads and writes atomics and calls `write`,
            // `time`, `getpid` and `_exit`, through `on_signal`.
            unsafe { low_level::register(signal, move || on_signal(signal, state)) }?;
        }
        Ok(StopSignals { state })
    }

    /// The signal that arrived since the last call, if any; of several the first.
    pub(crate) fn take(&self) -> Option<StopSignal> {
        let mut counter = [0; 8];
        // It is not readable if nothing arrived.
        let _empty = rustix::io::read(&self.state.event, &mut counter);
        match self.state.pending.swap(NONE, Ordering::AcqRel) {
            INTERRUPT => Some(StopSignal::Interrupt),
            TERMINATE => Some(StopSignal::Terminate),
            _ => None,
        }
    }

    /// Tells that the process goes on after all, because it could not save its data, say. Another SIGINT is a first one
    /// again.
    pub(crate) fn resume(&self) {
        self.state.is_stopping.store(false, Ordering::Release);
    }
}

/// Readable when a signal arrived.
impl AsFd for StopSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.state.event.as_fd()
    }
}

const NONE: u8 = 0;
const INTERRUPT: u8 = 1;
const TERMINATE: u8 = 2;

fn ignore(signal: i32) -> io::Result<()> {
    // SAFETY: ignoring a signal runs no code in a handler.
    if unsafe { libc::signal(signal, libc::SIG_IGN) } == libc::SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Runs in a signal handler.
fn on_signal(signal: i32, state: &State) {
    if state.is_stopping.swap(true, Ordering::AcqRel) && signal == SIGINT {
        log_line("You insist... exiting now.");
        // SAFETY: ends the process without running anything of it.
        unsafe { libc::_exit(1) };
    }
    let (code, text) = if signal == SIGINT {
        (INTERRUPT, "Received SIGINT scheduling shutdown...")
    } else {
        (TERMINATE, "Received SIGTERM scheduling shutdown...")
    };
    log_line(text);
    let pending = &state.pending;
    let _earlier = pending.compare_exchange(NONE, code, Ordering::AcqRel, Ordering::Relaxed);
    write_all(state.event.as_raw_fd(), &1_u64.to_ne_bytes());
}

/// Logs a line as Redis's handlers do: with the time in seconds, for a local time cannot be had in a handler.
fn log_line(text: &str) {
    if !log::is_enabled(log::Level::Warning) {
        return;
    }
    let mut line = Bytes::<256>::new();
    // SAFETY: `getpid` may be called anywhere.
    line.push_number(unsafe { libc::getpid() }.into());
    line.push(b":signal-handler (");
    // SAFETY: `time` may be called anywhere, and stores nothing when it is given no place to.
    line.push_number(unsafe { libc::time(std::ptr::null_mut()) });
    line.push(b") ");
    line.push(text.as_bytes());
    line.push(b"\n");
    write_all(log::descriptor(), line.as_slice());
}

/// Calls `write` and leaves it at that: a handler has nobody to tell of an error.
fn write_all(descriptor: RawFd, bytes: &[u8]) {
    // SAFETY: `bytes` is valid for its length; a descriptor that is not open is an error and no more.
    let _written = unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
}

/// Bytes put together without an allocation; what does not fit is left out.
struct Bytes<const LIMIT: usize> {
    bytes: [u8; LIMIT],
    length: usize,
}

impl<const LIMIT: usize> Bytes<LIMIT> {
    fn new() -> Self {
        Bytes { bytes: [0; LIMIT], length: 0 }
    }

    fn push(&mut self, more: &[u8]) {
        for (place, byte) in self.bytes[self.length..].iter_mut().zip(more) {
            *place = *byte;
            self.length += 1;
        }
    }

    fn push_number(&mut self, number: i64) {
        let mut digits = [0; 20];
        let mut rest = number.unsigned_abs();
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            self.push(b"-");
        }
        self.push(&digits[start..]);
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests;
