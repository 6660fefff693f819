//! Saving the data, in the background or at once: when, what comes of it, and what INFO tells about it.
//!
//! Nothing in here writes a file: that is for the [host](crate::host::Host). A command (or a save point) closes the gates and begins a
//! snapshot, so that the image is of exactly that moment; the host gets it as a [`Job`], drives its walk on a thread of its
//! own, writes what the [`Recorder`] has gathered, and says how it [ended](Saving::end).
//!
//! What is gathered and not written yet is [bounded](Backlog). A call that wants to write waits while there is too much: it is tried again when others have been served
//! ([`Saving::is_crowded`]), so that reading goes on and nobody waits with a lock in hand.

mod backlog;
mod drive;
mod recorder;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use config::Config;
use keyspace::{ExpiryMode, Present, View};
use parking_lot::Mutex;
use persistence::rdb::Version;
use persistence::rdb::file::FileWriter;
use resp::ReplyError;

pub use backlog::Backlog;
pub use drive::Drive;
pub use recorder::{Chunk, Recorder, Records, version};

use crate::Engine;
use crate::functions::Existing;
use crate::host::LogLevel;
use crate::replication::{Content, SavedPosition};

/// What all workers share about saving.
#[derive(Default)]
pub struct Saving {
    state: Mutex<State>,
    /// Held while a file is given its name, and by whoever does not want that any more.
    publishing: Mutex<()>,
    /// Writes are refused: the last save failed, and the configuration wants that.
    refusing: AtomicBool,
    backlog: Arc<Backlog>,
    /// The walk that has not ended.
    drive: Mutex<Option<Arc<Drive>>>,
    is_driven: AtomicBool,
}

#[derive(Default)]
struct State {
    current: Option<Current>,
    /// A save in the background is to begin as soon as what prevents it has ended.
    scheduled: bool,
    /// Changes that the last image has; all that there were is in the statistics.
    saved_changes: u64,
    last_save_s: i64,
    last_try_s: i64,
    last_failed: bool,
    last_duration_s: Option<i64>,
    last_peak: usize,
    saves: u64,
}

/// A save that has not ended.
struct Current {
    purpose: Purpose,
    began_us: i64,
    changes: u64,
    keys: usize,
    drive: Arc<Drive>,
    cancelled: Arc<AtomicBool>,
}

/// What an image is made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// The snapshot file, while clients are served.
    File,
    /// The base of an append-only file.
    Base,
    /// Replicas that begin.
    Replicas,
}

/// A snapshot that has begun, for the host to write.
pub struct Job {
    /// To be driven to its end, whatever becomes of what is written.
    pub drive: Arc<Drive>,
    /// What the walk, and those who change values, have shown.
    pub recorder: Arc<Recorder>,
    /// The configuration when it began.
    pub config: Arc<Config>,
    /// What it is for.
    pub purpose: Purpose,
    /// The code of all libraries of functions.
    pub functions: Vec<Arc<[u8]>>,
    /// Of which history the data is, and up to where.
    pub position: Option<SavedPosition>,
    /// What is wanted of it.
    pub content: Content,
    /// Unix time in seconds.
    pub now_s: i64,
    /// Whether nobody wants it any more.
    pub cancelled: Arc<AtomicBool>,
}

/// How a save ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The file is there, and will be after a power cut.
    Saved,
    /// The reason is in the log.
    Failed,
    /// Nobody wanted it any more.
    Cancelled,
}

/// Why no save begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Busy {
    /// One for the snapshot file is being made.
    Saving,
    /// Another one is being made.
    Other,
}

/// What INFO tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) unsaved_changes: u64,
    pub(crate) in_progress: bool,
    pub(crate) last_save_s: i64,
    pub(crate) last_failed: bool,
    pub(crate) last_duration_s: Option<i64>,
    pub(crate) current_duration_s: Option<i64>,
    pub(crate) saves: u64,
    pub(crate) last_peak: usize,
    pub(crate) current_peak: usize,
    pub(crate) current_bytes: usize,
    pub(crate) keys_processed: usize,
    pub(crate) keys_total: usize,
}

impl Saving {
    /// What has not been written yet of what was gathered.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// Whether whoever wants to write has to wait, since too much is gathered.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.backlog.is_crowded()
    }

    /// Whether writes are refused since the data cannot be saved.
    #[inline]
    pub(crate) fn refuses_writes(&self) -> bool {
        self.refusing.load(Ordering::Relaxed)
    }

    /// Unix time in seconds of the last save that succeeded, or of the start.
    pub fn last_save_s(&self) -> i64 {
        self.state.lock().last_save_s
    }

    /// Whether a save prevents another one.
    pub fn busy(&self) -> Option<Busy> {
        self.state.lock().current.as_ref().map(|current| match current.purpose {
            Purpose::File => Busy::Saving,
            Purpose::Base | Purpose::Replicas => Busy::Other,
        })
    }

    /// Has a save in the background begin when what prevents it has ended.
    pub(crate) fn schedule(&self) {
        self.state.lock().scheduled = true;
    }

    /// Notes that the data is that of a file of this moment.
    pub fn note_loaded(&self, now_s: i64, changes: u64) {
        let mut state = self.state.lock();
        state.last_save_s = now_s;
        state.saved_changes = changes;
    }

    /// Notes that the data is that of the snapshot file, after so many changes.
    pub(crate) fn note_reloaded(&self, changes: u64) {
        self.state.lock().saved_changes = changes;
    }

    /// Has a save that is being made for the snapshot file come to nothing.
    pub fn cancel(&self) {
        let _publishing = self.publishing.lock();
        if let Some(current) = &self.state.lock().current
            && current.purpose == Purpose::File
        {
            current.cancelled.store(true, Ordering::Release);
        }
    }

    /// Runs what gives the result of a job the name by which it is known, unless nobody wants it any more.
    pub fn publish<R>(&self, job: &Job, publish: impl FnOnce() -> R) -> Option<R> {
        // Whoever cancels holds the lock as well, so it is before or after. It is not that of the state: the disk may take long.
        let _publishing = self.publishing.lock();
        (!job.cancelled.load(Ordering::Acquire)).then(publish)
    }
}

impl Engine {
    /// Changes that were ever made.
    pub(crate) fn changes(&self) -> u64 {
        let of = |worker: &crate::statistics::WorkerStatistics| worker.read(|held| held.changes);
        self.statistics.iter().map(of).sum()
    }

    /// Begins a save; fails if there is one. The view has all shards, behind closed gates.
    pub fn begin_save(
        &self,
        view: &mut View<'_>,
        purpose: Purpose,
        now_us: i64,
    ) -> Result<Job, Busy> {
        self.begin_snapshot(view, purpose, version(&self.config()), now_us)
    }

    /// Begins a snapshot for replicas that can read this version, or the one that is configured if that is older.
    pub fn begin_full_sync(
        &self,
        view: &mut View<'_>,
        version: Version,
        content: Content,
        now_us: i64,
    ) -> Result<Job, Busy> {
        let version = version.min(self::version(&self.config()));
        let job = self.begin_snapshot(view, Purpose::Replicas, version, now_us)?;
        Ok(Job { content, ..job })
    }

    fn begin_snapshot(
        &self,
        view: &mut View<'_>,
        purpose: Purpose,
        version: Version,
        now_us: i64,
    ) -> Result<Job, Busy> {
        if let Some(busy) = self.saving.busy() {
            return Err(busy);
        }
        let config = self.config();
        let backlog = &self.saving.backlog;
        let limit = config.persistence.snapshot_queue_bytes;
        backlog.begin(usize::try_from(limit).unwrap_or(usize::MAX));
        let moment_ms = now_us.div_euclid(1000);
        let recorder = Arc::new(Recorder::new(&config, version, moment_ms, Arc::clone(backlog)));
        let walk = view.begin_snapshot(Arc::clone(&recorder) as Arc<dyn keyspace::SnapshotSink>);
        let cancelled = Arc::new(AtomicBool::new(false));
        let changes = self.changes();
        let keys = walk.sizes().iter().map(|size| size.keys).sum();
        let drive = Arc::new(Drive::new(walk, Arc::clone(&recorder)));
        let seconds = now_us.div_euclid(1_000_000);
        let mut state = self.saving.state.lock();
        if purpose == Purpose::File {
            state.last_try_s = seconds;
            state.scheduled = false;
        }
        state.current = Some(Current {
            purpose,
            began_us: now_us,
            changes,
            keys,
            drive: Arc::clone(&drive),
            cancelled: Arc::clone(&cancelled),
        });
        drop(state);
        self.saving.begin_drive(&drive);
        // The one that walks when there is nothing else to do may wait for clients.
        self.host.wake_worker(0);
        Ok(Job {
            drive,
            recorder,
            config,
            purpose,
            functions: self.function_code(),
            position: self.saved_position().filter(|_| purpose != Purpose::Base),
            content: Content::default(),
            now_s: seconds,
            cancelled,
        })
    }

    /// The code of all libraries of functions, which an image has as well.
    pub fn function_code(&self) -> Vec<Arc<[u8]>> {
        self.functions.libraries()
    }

    /// Takes the code of a library of functions out of an image; the reason if that is not possible.
    pub fn restore_function(&self, code: &[u8], present: Present) -> Result<(), ReplyError> {
        let existing = match present {
            Present::Refused => Existing::Kept,
            Present::Replaced => Existing::Replaced,
        };
        self.functions.restore(code, existing)
    }

    /// How values out of a file are represented.
    pub fn value_limits(&self) -> persistence::rdb::value::Limits {
        crate::commands::value_limits(&self.config())
    }

    /// Saves while everybody waits; says whether that worked. `more_changes` were made that the statistics do not have yet. The view has
    /// all shards, behind closed gates.
    pub fn save_at_once(&self, view: &mut View<'_>, more_changes: u64, now_s: i64) -> bool {
        let saved = self.host.save_at_once(self, view);
        let changes = self.changes().saturating_add(more_changes);
        let mut state = self.saving.state.lock();
        state.last_failed = !saved;
        if saved {
            state.last_save_s = now_s;
            state.saved_changes = changes;
            state.saves += 1;
        }
        drop(state);
        self.weigh_refusal();
        saved
    }

    /// Writes all keys into a file, while everybody waits.
    pub fn write_at_rest<W: Write>(
        &self,
        view: &mut View<'_>,
        file: &mut FileWriter<W>,
        now_ms: i64,
    ) -> std::io::Result<()> {
        let config = self.config();
        let recorder = Recorder::new(&config, version(&config), now_ms, Arc::default());
        for code in self.function_code() {
            file.function(&code)?;
        }
        let database = view.database();
        // Those that have expired and were not removed yet are there all the same.
        let mode = std::mem::replace(&mut view.round.expiry, ExpiryMode::Ignore);
        let sizes = view.sizes();
        let mut result = Ok(());
        for (number, size) in sizes.iter().enumerate() {
            if size.keys == 0 || result.is_err() {
                continue;
            }
            result = file.select_database(number as u64, size.keys as u64, size.expiring as u64);
            view.select(number);
            view.for_each(&mut |entry| {
                if result.is_ok() {
                    result = recorder.write(entry, file);
                }
            });
        }
        view.select(database);
        view.round.expiry = mode;
        result
    }

    /// Begins to save in the background. The view has all shards, behind closed gates.
    pub(crate) fn save_in_background(&self, view: &mut View<'_>, now_us: i64) -> Result<(), Busy> {
        let job = self.begin_save(view, Purpose::File, now_us)?;
        if let Some(outcome) = self.host.save_in_background(self, job, view) {
            self.end_save(outcome, now_us);
        }
        Ok(())
    }

    /// Notes how a save ended, after its walk has.
    pub fn end_save(&self, outcome: Outcome, now_us: i64) {
        let mut state = self.saving.state.lock();
        let Some(current) = state.current.take() else { return };
        let peak = self.saving.backlog.peak();
        self.saving.backlog.begin(usize::MAX);
        if current.purpose != Purpose::File {
            return;
        }
        let seconds = now_us.saturating_sub(current.began_us).div_euclid(1_000_000);
        state.last_duration_s = Some(seconds);
        state.last_peak = peak;
        match outcome {
            Outcome::Saved => {
                state.last_save_s = now_us.div_euclid(1_000_000);
                state.saved_changes = current.changes;
                state.saves += 1;
                state.last_failed = false;
            }
            Outcome::Failed => state.last_failed = true,
            Outcome::Cancelled => {}
        }
        drop(state);
        self.weigh_refusal();
    }

    /// Sees whether writes are to be refused, after a save or after the configuration was changed.
    pub fn weigh_refusal(&self) {
        let config = self.config();
        let wanted = config.persistence.stop_writes_on_save_error
            && !config.persistence.save_points.is_empty();
        let refuses = wanted && self.saving.state.lock().last_failed;
        self.saving.refusing.store(refuses, Ordering::Relaxed);
    }

    /// Whether a save in the background is due, by a save point or since one was asked for; if by a save point, logs it.
    pub(crate) fn save_is_due(&self, config: &Config, now_s: i64) -> bool {
        /// After a save has failed, the next one is tried so much later.
        const RETRY_S: i64 = 5;
        let is_wanted =
            !config.persistence.save_points.is_empty() || self.saving.state.lock().scheduled;
        if !is_wanted || self.loading.is_active() {
            return false;
        }
        let changes = self.changes();
        let state = self.saving.state.lock();
        let may_try = !state.last_failed || RETRY_S < now_s.saturating_sub(state.last_try_s);
        if state.current.is_some() || !may_try {
            return false;
        }
        let unsaved = changes.saturating_sub(state.saved_changes);
        let passed = now_s.saturating_sub(state.last_save_s);
        let scheduled = state.scheduled;
        drop(state);
        let reached = config.persistence.save_points.iter().find(|point| {
            u64::from(point.changes) <= unsaved
                && i64::try_from(point.seconds).is_ok_and(|seconds| seconds < passed)
        });
        if let Some(point) = reached {
            let line = format!("{} changes in {} seconds. Saving...", point.changes, point.seconds);
            self.host.log(LogLevel::Notice, &line);
        }
        reached.is_some() || scheduled
    }

    /// What INFO tells about saving.
    pub(crate) fn saving_facts(&self, now_us: i64) -> Facts {
        let changes = self.changes();
        let backlog = &self.saving.backlog;
        let state = self.saving.state.lock();
        let current = state.current.as_ref();
        let for_file = current.filter(|current| current.purpose == Purpose::File);
        let seconds =
            |current: &Current| now_us.saturating_sub(current.began_us).div_euclid(1_000_000);
        Facts {
            unsaved_changes: changes.saturating_sub(state.saved_changes),
            in_progress: for_file.is_some(),
            last_save_s: state.last_save_s,
            last_failed: state.last_failed,
            last_duration_s: state.last_duration_s,
            current_duration_s: for_file.map(seconds),
            saves: state.saves,
            last_peak: state.last_peak,
            current_peak: if current.is_some() { backlog.peak() } else { 0 },
            current_bytes: if current.is_some() { backlog.bytes() } else { 0 },
            keys_processed: current.map_or(0, |held| held.drive.shown()),
            keys_total: current.map_or(0, |held| held.keys),
        }
    }
}

impl Job {
    /// Ends the walk in the shards that the view holds, and writes nothing.
    pub fn abandon(&self, engine: &Engine, view: &mut View<'_>) {
        self.drive.abandon(engine, view);
    }
}

/// What is answered to calls that write after a save has failed.
pub(crate) const CANNOT_SAVE: ReplyError = ReplyError::coded(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are \
     disabled, because this instance is configured to report errors during writes if RDB snapshotting fails \
     (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
);
