//! What calls and INFO know of the append-only file, which the process writes.
//!
//! Replies wait until what they reveal is written, or on disk, as `appendfsync` asks, but for when the file is
//! [relaxed](AppendOnly::relax): the stream of effects counts its bytes, the
//! process says up to which of them replies may go out ([`AppendOnly::acknowledge`]), and a worker asks after each batch whether
//! its replies are beyond ([`Worker::awaited_effects`]). While the file cannot be written, writes are refused.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use config::persistence::AppendSync;
use parking_lot::Mutex;
use resp::ReplyError;

use crate::session::Session;
use crate::worker::Worker;

/// The state of the append-only file.
#[derive(Debug, Default)]
pub struct AppendOnly {
    /// Replies that reveal no effect beyond this many bytes of the stream may be sent.
    acknowledged: AtomicU64,
    /// Up to here the stream is on disk.
    synced: AtomicU64,
    refuses: AtomicBool,
    /// Replies do not wait for it.
    is_relaxed: AtomicBool,
    /// Why it cannot be written.
    trouble: Mutex<Option<String>>,
    figures: Mutex<Figures>,
}

/// What INFO tells of it.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of INFO of its own")]
pub struct Figures {
    /// It is written.
    pub is_on: bool,
    /// Bytes of all its files.
    pub current_bytes: u64,
    /// Bytes of all its files when it was last rewritten, or loaded.
    pub base_bytes: u64,
    /// Times that the disk took longer than two seconds.
    pub delayed_syncs: u64,
    /// Whether it is being forced to the disk.
    pub is_syncing: bool,
    /// A rewrite will begin when nothing else is saved.
    pub is_rewrite_scheduled: bool,
    /// Unix time in s at which the rewrite began that goes on.
    pub rewrite_began_s: Option<i64>,
    /// How many seconds the last rewrite took.
    pub last_rewrite_s: Option<i64>,
    /// The last rewrite failed.
    pub has_rewrite_failed: bool,
    /// Rewrites begun.
    pub rewrites: u64,
    /// Rewrites that failed since one did not.
    pub failed_rewrites: u64,
    /// Unix time in s at which the last of them did.
    pub rewrite_failed_s: Option<i64>,
}

impl AppendOnly {
    /// Lets replies go out that reveal effects up to this end of the stream.
    pub fn acknowledge(&self, end: u64) {
        self.acknowledged.fetch_max(end, Ordering::Release);
    }

    /// Up to where replies may reveal effects.
    #[inline]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// Notes that the stream is on disk up to here.
    pub fn note_synced(&self, end: u64) {
        self.synced.fetch_max(end, Ordering::Release);
    }

    /// Up to where the stream is on disk.
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Has replies go out before what they reveal is written, or again not: so much is recorded that it is written apart.
    pub fn relax(&self, relaxed: bool) {
        self.is_relaxed.store(relaxed, Ordering::Relaxed);
    }

    /// Whether replies go out before what they reveal is written, unless `appendfsync` is `always`.
    #[inline]
    pub fn is_relaxed(&self) -> bool {
        self.is_relaxed.load(Ordering::Relaxed)
    }

    /// Notes that the file cannot be written, and why; or that it can again.
    pub fn set_trouble(&self, trouble: Option<String>) {
        let mut present = self.trouble.lock();
        self.refuses.store(trouble.is_some(), Ordering::Release);
        *present = trouble;
    }

    /// Whether the file cannot be written.
    #[inline]
    pub fn is_in_trouble(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    /// What is answered to calls that write, if the file cannot be written.
    #[inline]
    pub(crate) fn refusal(&self) -> Option<ReplyError> {
        if self.is_in_trouble() { self.refuse() } else { None }
    }

    /// The same for a script, if the file cannot be written.
    pub(crate) fn script_refusal(&self) -> Option<ReplyError> {
        if !self.is_in_trouble() {
            return None;
        }
        let trouble = self.trouble.lock();
        let trouble = trouble.as_ref()?;
        let text = format!(
            "MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to disk. Writable scripts are \
             blocked. Use 'no-writes' flag for read only scripts. AOF error: {trouble}"
        );
        Some(ReplyError::quoting(text.into_bytes()))
    }

    #[cold]
    fn refuse(&self) -> Option<ReplyError> {
        let trouble = self.trouble.lock();
        let text = format!("MISCONF Errors writing to the AOF file: {}", trouble.as_ref()?);
        Some(ReplyError::quoting(text.into_bytes()))
    }

    /// What INFO tells.
    pub fn figures(&self) -> Figures {
        self.figures.lock().clone()
    }

    /// Changes what INFO tells.
    pub fn update(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.figures.lock());
    }
}

impl Worker<'_> {
    /// Up to where the stream of effects has to be acknowledged before what was replied in this round may be sent; none if it
    /// may be sent now.
    ///
    /// A reply may reveal what others have written. While the file cannot be written, though, only those wait whose calls were
    /// recorded: otherwise nobody could ask the server what is wrong.
    #[inline]
    pub fn awaited_effects(&self, session: &Session) -> Option<u64> {
        let engine = self.engine;
        if !engine.effects.has_file() {
            return None;
        }
        let end = if engine.append_only.is_in_trouble() {
            session.recorded_to
        } else if engine.append_only.is_relaxed()
            && self.config.persistence.append_sync != AppendSync::Always
        {
            return None;
        } else {
            engine.effects.end()
        };
        (engine.append_only.acknowledged() < end).then_some(end)
    }

    /// Does something outside of the gate, in the middle of a round, that may take as long as a disk takes.
    pub fn step_out<R>(&mut self, run: impl FnOnce() -> R) -> R {
        self.leave();
        let result = run();
        self.go_in();
        result
    }
}
