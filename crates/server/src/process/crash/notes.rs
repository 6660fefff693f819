//! What the crashed thread notes down for the reporter: plain numbers and text in static memory.
//!
//! Everything is atomic, so that a handler can write it without a lock and the reporter can read it while the crashed
//! thread may be stuck. The stages put it in order: what was written before a stage was set is seen by who sees the
//! stage.

use std::fmt;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::registers::REGISTER_COUNT;
use super::trace;

/// The most frames that are noted. A stack that overflowed has a million.
pub(super) const FRAME_LIMIT: usize = 128;

/// The most bytes about the current client and command that are noted.
pub(super) const CURRENT_LIMIT_BYTES: usize = 4096;

/// How far a crash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    /// Nothing happened.
    Idle,
    /// A thread crashed and notes what it knows.
    Noting,
    /// The reporter may read.
    Noted,
    /// The report is written.
    Reported,
}

/// One crash; the first one wins.
pub(super) struct Notes {
    stage: AtomicU8,
    /// The crashed thread's number in the operating system.
    thread: AtomicI32,
    /// 0 if it was a panic.
    pub(super) signal: AtomicI32,
    pub(super) code: AtomicI32,
    /// What was accessed, if the signal tells.
    pub(super) address: AtomicUsize,
    /// Who sent the signal, if it was sent.
    pub(super) sender: AtomicI32,
    pub(super) sender_user: AtomicU32,
    /// The instruction that crashed.
    pub(super) instruction: AtomicUsize,
    pub(super) registers: [AtomicU64; REGISTER_COUNT],
    /// How often the thread crashed again while it noted.
    pub(super) again: AtomicU32,
    frames: [AtomicUsize; FRAME_LIMIT],
    frame_count: AtomicUsize,
    current: [AtomicU8; CURRENT_LIMIT_BYTES],
    current_length: AtomicUsize,
}

/// The process's one crash.
pub(super) static NOTES: Notes = Notes {
    stage: AtomicU8::new(Stage::Idle as u8),
    thread: AtomicI32::new(0),
    signal: AtomicI32::new(0),
    code: AtomicI32::new(0),
    address: AtomicUsize::new(0),
    sender: AtomicI32::new(0),
    sender_user: AtomicU32::new(0),
    instruction: AtomicUsize::new(0),
    registers: [const { AtomicU64::new(0) }; REGISTER_COUNT],
    again: AtomicU32::new(0),
    frames: [const { AtomicUsize::new(0) }; FRAME_LIMIT],
    frame_count: AtomicUsize::new(0),
    current: [const { AtomicU8::new(0) }; CURRENT_LIMIT_BYTES],
    current_length: AtomicUsize::new(0),
};

impl Notes {
    /// Makes this thread the one whose crash is reported, unless there is one already.
    pub(super) fn claim(&self) -> bool {
        let me = current_thread();
        let claimed = self.thread.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_ok() {
            self.set_stage(Stage::Noting);
        }
        claimed.is_ok()
    }

    /// Whether this thread claimed the crash.
    pub(super) fn is_mine(&self) -> bool {
        self.thread() == current_thread()
    }

    pub(super) fn thread(&self) -> i32 {
        self.thread.load(Ordering::Acquire)
    }

    pub(super) fn stage(&self) -> Stage {
        let stages = [Stage::Idle, Stage::Noting, Stage::Noted, Stage::Reported];
        stages[usize::from(self.stage.load(Ordering::Acquire))]
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// Notes the calling thread's stack. If `instruction` is on it (not 0), it starts there: what lies above are the
    /// handler's own frames.
    pub(super) fn take_trace(&self, instruction: usize) {
        self.instruction.store(instruction, Ordering::Relaxed);
        trace::walk(|frame| {
            if frame == 0 {
                // The outermost frame returns to nowhere.
                return false;
            }
            if frame == instruction {
                self.frame_count.store(0, Ordering::Relaxed);
            }
            let count = self.frame_count.load(Ordering::Relaxed);
            let Some(place) = self.frames.get(count) else { return false };
            place.store(frame, Ordering::Relaxed);
            self.frame_count.store(count + 1, Ordering::Relaxed);
            true
        });
    }

    pub(super) fn frames(&self) -> Vec<usize> {
        let noted = self.frames.iter().take(self.frame_count.load(Ordering::Relaxed));
        noted.map(|frame| frame.load(Ordering::Relaxed)).collect()
    }

    /// What was written about the current client.
    pub(super) fn current(&self) -> String {
        let length = self.current_length.load(Ordering::Relaxed);
        let bytes: Vec<u8> =
            self.current.iter().take(length).map(|byte| byte.load(Ordering::Relaxed)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Writes about the current client.
pub(super) struct CurrentWriter;

impl fmt::Write for CurrentWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = NOTES.current_length.load(Ordering::Relaxed);
        let room = NOTES.current.get(start..).unwrap_or_default();
        for (place, byte) in room.iter().zip(text.bytes()) {
            place.store(byte, Ordering::Relaxed);
        }
        NOTES.current_length.store(start + text.len().min(room.len()), Ordering::Relaxed);
        if room.len() < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The calling thread's number in the operating system.
pub(super) fn current_thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}
