//! A stack: walked by the thread that it belongs to, and named later.
#![expect(unsafe_code, reason = "walks the stack in a signal handler")]

use std::fmt;
use std::fmt::Write as _;

use super::notes::FRAME_LIMIT;

/// Calls `visit` with the instruction of each of the calling thread's frames, from the innermost on, while it returns
/// true.
pub(super) fn walk(mut visit: impl FnMut(usize) -> bool) {
    let walk_frame = |frame: &backtrace::Frame| visit(frame.ip().addr());
    // SAFETY: the synchronization that this leaves out is for the libraries of other systems; on Linux the unwinder may
    // walk several threads at once. A thread in a handler could not wait for a lock.
    unsafe { backtrace::trace_unsynchronized(walk_frame) };
}

/// A stack to be shown.
pub(super) struct Trace {
    frames: Vec<usize>,
}

impl Trace {
    pub(super) fn new(frames: Vec<usize>) -> Trace {
        Trace { frames }
    }

    /// The calling thread's.
    pub(super) fn here() -> Trace {
        let mut frames = Vec::new();
        walk(|frame| {
            if frame != 0 {
                frames.push(frame);
            }
            frame != 0 && frames.len() < FRAME_LIMIT
        });
        Trace { frames }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frames.iter().try_for_each(|frame| formatter.write_str(&name(*frame)))
    }
}

/// A line for each function that the instruction belongs to: several where one was inlined into another.
pub(super) fn name(instruction: usize) -> String {
    let mut text = String::new();
    backtrace::resolve(std::ptr::without_provenance_mut(instruction), |symbol| {
        let function = symbol.name().map_or_else(|| "?".to_owned(), |name| format!("{name:#}"));
        let place = match (symbol.filename(), symbol.lineno()) {
            (Some(file), Some(line)) => format!(" at {}:{line}", file.display()),
            _ => String::new(),
        };
        // Writing to a string does not fail.
        let _written = writeln!(text, "{function}{place}[{instruction:#x}]");
    });
    if text.is_empty() { format!("?[{instruction:#x}]\n") } else { text }
}
