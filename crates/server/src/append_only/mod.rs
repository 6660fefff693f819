//! The append-only file: the stream of effects on disk.
//!
//! ```text
//! workers --> stream of effects --> log (written) --> disk (synced)
//!    |                                 ^                 ^
//!    |  everysec, no: the worker       |                 |  once a second, or never: this module's thread
//!    |  at the end of its round -------+                 |
//!    |  ... relaxed: this module's thread, every few ms -+
//!    |  always: the first worker, for all --------------+--------- one write and one sync for whatever has come together
//!    +-- replies wait until the stream is acknowledged up to what they reveal (see `worker::commit`), but for when it is relaxed
//! ```
//!
//! So under `always` no reply is sent before what it reveals is on disk, and under the other policies, as long as little is
//! written, none before it is in the file: a process that is killed loses nothing that it has acknowledged. When a round records
//! [`RELAXING`] bytes or more the file becomes **relaxed**: replies go out at once, and the thread writes what has come together every
//! [`GATHERING`], in whole blocks past the page cache, which costs a few hundredths of what it costs a worker to write at the
//! end of each round. A process that is killed then loses so much time, or as much as came together while the thread waited for a
//! sync, up to [`MOST_PENDING`]. It ends when little is written.
//!
//! A machine that fails loses what was not synced: about a second under `everysec`, and the time that a sync takes; under `no`
//! what the system had not brought to the disk by itself.
//!
//! **When the disk fails.** A write that fails, or writes a part, is taken up where it ended, every [`RETRY`]; meanwhile
//! calls that write are refused with MISCONF, and replies that wait go on waiting. After a *sync* has failed nobody
//! knows what of the file is on disk, and another sync that succeeds says nothing about it. So that file is never trusted
//! again: nothing is acknowledged until a rewrite has put a new base, made from memory, in the place of all that was written.
//!
//! Locks are taken in this order: gates, a sync, log, files, stream.

mod files;
mod load;
mod log;
mod prepared;
mod rewrite;
mod thread;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use config::persistence::AppendSync;
use engine::host::Rewrite;
use engine::{Engine, Feed, FileDeed};
use keyspace::View;
use parking_lot::{Condvar, Mutex};
use persistence::crc64::Running;

use crate::clock::Clock;
use crate::log as server_log;
use crate::process::reason::reason;
use crate::replication::tell_workers;
use crate::worker::Mailbox;
use files::Files;
use log::{Log, Written};

use load::Loaded;
pub(crate) use load::NotLoaded;
pub(crate) use thread::Syncer;

/// How often a write that failed is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How often the file is forced to the disk under `everysec`.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Bytes recorded in a round for which replies are not made to wait.
const RELAXING: u64 = 16 << 10;
/// How long effects come together before they are written, while the file is relaxed.
const GATHERING: Duration = Duration::from_millis(8);
/// So many bytes are written at once, before that time is over.
const BATCH: u64 = 1 << 20;
/// Beyond so many bytes that are not written workers write themselves: the disk does not keep up.
const MOST_PENDING: u64 = 32 << 20;
/// A disk that takes longer holds the server up.
const SLOW_SYNC: Duration = Duration::from_secs(2);

const CANNOT_SWITCH: &str = "Unable to turn on AOF. Check server logs.";

/// The append-only file, as all threads share it.
pub(crate) struct AppendOnly {
    engine: OnceLock<&'static Engine>,
    clock: Clock,
    mailboxes: Arc<[Mailbox]>,
    /// Which workers are to be told when more is acknowledged.
    waiting: Box<[AtomicBool]>,
    log: Mutex<Option<Log>>,
    files: Mutex<Option<Files>>,
    bell: Bell,
    /// Held while files are forced to the disk, and until it is known what came of it: the system tells of a failure once.
    syncing: Mutex<()>,
    /// Where the stream ended when it was last taken from.
    taken: AtomicU64,
    /// The thread was told that there is a batch to write.
    is_called: AtomicBool,
    /// A sync has failed, and nothing has been rewritten since: nobody knows what of the files is on the disk.
    distrusted: AtomicBool,
    /// The thread that writes a base, and what tells it that nobody wants that any more.
    rewriting: Mutex<Option<(Arc<AtomicBool>, JoinHandle<()>)>>,
    /// DEBUG AOF-FLUSH-SLEEP: microseconds.
    flush_sleep_us: AtomicU64,
    generation: AtomicU64,
}

/// What wakes the thread.
#[derive(Default)]
struct Bell {
    wishes: Mutex<Wishes>,
    rung: Condvar,
}

/// What the thread is asked to do.
#[derive(Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each may be wished beside the others")]
struct Wishes {
    commit: bool,
    /// There is a batch to be written, or the file has become relaxed.
    write: bool,
    /// Nothing more is to be appended.
    close: bool,
    /// A rewrite is to begin.
    rewrite: bool,
    stop: bool,
}

impl AppendOnly {
    pub(crate) fn new(mailboxes: Arc<[Mailbox]>, clock: Clock) -> AppendOnly {
        AppendOnly {
            engine: OnceLock::new(),
            clock,
            waiting: mailboxes.iter().map(|_| AtomicBool::new(false)).collect(),
            mailboxes,
            log: Mutex::new(None),
            files: Mutex::new(None),
            bell: Bell::default(),
            syncing: Mutex::default(),
            taken: AtomicU64::new(0),
            is_called: AtomicBool::new(false),
            distrusted: AtomicBool::new(false),
            rewriting: Mutex::new(None),
            flush_sleep_us: AtomicU64::new(0),
            generation: AtomicU64::new(0),
        }
    }

    /// Says whose effects are appended.
    pub(crate) fn serve(&self, engine: &'static Engine) {
        // There is one engine in a process.
        let _first = self.engine.set(engine);
    }

    /// Loads what the files hold, and begins to append.
    pub(crate) fn load(&self, engine: &Engine) -> Result<(), NotLoaded> {
        let loaded = load::load(engine, self.clock)?;
        let keys = loaded.keys;
        self.start(engine, loaded).map_err(|error| {
            server_log::warning(format_args!(
                "Can't open the append-only file: {}",
                reason(&error)
            ));
            NotLoaded
        })?;
        engine.loading.end(keys, 0);
        Ok(())
    }

    /// Writes what was recorded, and loads what the files hold in the place of all data. The view has all shards.
    pub(crate) fn reload(&self, engine: &Engine, view: &mut View<'_>) -> bool {
        if let Some(log) = &mut *self.log.lock()
            && self.write_log(engine, log).is_err()
        {
            return false;
        }
        engine.effects.pause(true);
        let loaded = load::load_at_rest(engine, self.clock, view);
        engine.effects.pause(false);
        loaded.is_ok()
    }

    /// Begins to append, after what was loaded: the effects of all calls from here on. No worker executes any yet.
    fn start(&self, engine: &Engine, loaded: Loaded) -> io::Result<()> {
        let Loaded { mut files, checksum, .. } = loaded;
        files.create_directory()?;
        if files.is_empty() {
            files.create_base(&engine.config())?;
        }
        let mut manifest = files.manifest.clone();
        let (name, is_new) = match manifest.incremental.last() {
            Some(last) => (last.name.clone(), false),
            None => (manifest.add_incremental(files.prefix()), true),
        };
        let verb = if is_new { "Creating" } else { "Opening" };
        server_log::notice(format_args!(
            "{verb} AOF incr file {} on server start",
            name.escape_ascii()
        ));
        let file = if is_new { files.create(&name)? } else { files.open(&name)? };
        if is_new {
            files.change(manifest)?;
        }
        if !engine.config().persistence.keep_old_append_files {
            files.delete_history();
        }
        let bytes = file.metadata()?.len();
        let with_checksums = engine.config().persistence.append_checksums;
        let checksum = with_checksums.then(|| if is_new { Running::new() } else { checksum });
        let total = files.bytes();
        let base = files.manifest.base.as_ref().map_or(0, |base| files.file_bytes(base));
        *self.files.lock() = Some(files);
        *self.log.lock() = Some(Log::new(file, bytes, self.next_generation(), checksum));
        engine.append_only.update(|figures| {
            figures.is_on = true;
            figures.current_bytes = total;
            figures.base_bytes = base;
        });
        let closed = engine.keyspace.gates().close();
        engine.effects.listen();
        drop(closed);
        Ok(())
    }

    fn is_distrusted(&self) -> bool {
        self.distrusted.load(Ordering::Acquire)
    }

    fn set_distrusted(&self, distrusted: bool) {
        self.distrusted.store(distrusted, Ordering::Release);
    }

    fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Begins to append, or ends: CONFIG SET appendonly.
    pub(crate) fn switch(&self, on: bool) -> Result<(), String> {
        let Some(engine) = self.engine() else { return Err(CANNOT_SWITCH.to_owned()) };
        if on == engine.append_only.figures().is_on {
            return Ok(());
        }
        if on {
            return self.turn_on(engine);
        }
        engine.append_only.update(|figures| figures.is_on = false);
        self.bell.ring(|wishes| wishes.close = true);
        Ok(())
    }

    /// Begins to append: as of a snapshot, which is the base.
    pub(super) fn turn_on(&self, engine: &Engine) -> Result<(), String> {
        let prepared =
            Files::read(&engine.config()).map_err(|error| reason(&error)).and_then(|files| {
                files.create_directory().map(|()| files).map_err(|error| reason(&error))
            });
        match prepared {
            Ok(mut files) => {
                files.is_listed = false;
                let log = self.log.lock();
                if log.is_none() {
                    *self.files.lock() = Some(files);
                }
            }
            Err(why) => {
                server_log::warning(format_args!(
                    "Redis needs to enable the AOF but can't open its directory: {why}"
                ));
                return Err(CANNOT_SWITCH.to_owned());
            }
        }
        engine.append_only.update(|figures| figures.is_on = true);
        if self.ask_to_rewrite(false) != Rewrite::Begun {
            server_log::warning(
                "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.",
            );
            engine.append_only.update(|figures| figures.is_rewrite_scheduled = true);
        }
        Ok(())
    }

    fn engine(&self) -> Option<&'static Engine> {
        self.engine.get().copied()
    }

    /// Sees to it that the stream is acknowledged at least up to `end`, for a worker whose replies wait for that. If it is not when this
    /// returns, the disk fails, or under `always` another worker syncs just now: the worker is rung when there is news.
    pub(crate) fn commit(&self, end: u64, worker: usize, policy: AppendSync) {
        let Some(engine) = self.engine() else { return };
        if policy == AppendSync::Always {
            return self.commit_to_disk(engine, end, worker);
        }
        if !engine.append_only.is_in_trouble() {
            let before = self.taken.load(Ordering::Relaxed);
            self.write(engine, Some(end));
            if RELAXING <= end.saturating_sub(before) && !engine.append_only.is_in_trouble() {
                engine.append_only.relax(true);
                self.bell.ring(|wishes| wishes.write = true);
            }
        }
        if engine.append_only.acknowledged() < end
            && let Some(waits) = self.waiting.get(worker)
        {
            waits.store(true, Ordering::SeqCst);
        }
    }

    /// The same under `always`: the first worker that comes syncs for all, and those that come meanwhile are rung after that. To have the
    /// thread do it takes two wake-ups, which may cost more than the sync.
    fn commit_to_disk(&self, engine: &Engine, end: u64, worker: usize) {
        let Some(waits) = self.waiting.get(worker) else { return };
        waits.store(true, Ordering::SeqCst);
        if end <= engine.append_only.acknowledged() {
            // It was acknowledged meanwhile: the worker looks once more, now.
            waits.store(false, Ordering::SeqCst);
            return;
        }
        // Whoever syncs now looks who waits when he has let go of this.
        let Some(syncing) = self.syncing.try_lock() else { return };
        let is_done = self.sync_for_all(engine);
        drop(syncing);
        if is_done {
            waits.store(false, Ordering::SeqCst);
            self.wake_workers();
        } else {
            self.bell.ring(|wishes| wishes.commit = true);
        }
    }

    /// Whether so much has come together while the file is relaxed that a worker has to [`keep pace`](AppendOnly::keep_pace).
    #[inline]
    pub(crate) fn is_behind(&self, engine: &Engine) -> bool {
        engine.append_only.is_relaxed() && BATCH <= self.pending(engine)
    }

    /// Sees to it that what has come together is written soon; at once if it is too much, which may take as long as a disk takes.
    pub(crate) fn keep_pace(&self, engine: &Engine) {
        if MOST_PENDING <= self.pending(engine) && !engine.append_only.is_in_trouble() {
            self.write(engine, None);
        } else if !self.is_called.swap(true, Ordering::Relaxed) {
            self.bell.ring(|wishes| wishes.write = true);
        }
    }

    /// Bytes of the stream that were not taken yet.
    fn pending(&self, engine: &Engine) -> u64 {
        engine.effects.end().saturating_sub(self.taken.load(Ordering::Relaxed))
    }

    /// Has what was recorded of a primary's stream written, for which no client waits.
    pub(crate) fn write_through(&self, engine: &Engine) {
        let end = engine.effects.end();
        if !engine.effects.has_file() || end <= engine.append_only.acknowledged() {
            return;
        }
        match engine.config().persistence.append_sync {
            AppendSync::Always => self.bell.ring(|wishes| wishes.commit = true),
            AppendSync::EverySecond | AppendSync::No => {
                if !engine.append_only.is_in_trouble() {
                    self.write(engine, Some(end));
                }
            }
        }
    }

    /// Writes what was recorded, and acknowledges it: the policy does not ask for more. With `end`, nothing if others have done
    /// so up to there.
    fn write(&self, engine: &Engine, end: Option<u64>) {
        self.sleep_before_flush();
        let mut log = self.log.lock();
        let Some(log) = &mut *log else { return };
        if end.is_some_and(|end| end <= engine.append_only.acknowledged()) {
            return;
        }
        if self.write_log(engine, log).is_ok() && !self.is_distrusted() {
            engine.append_only.acknowledge(log.taken_end());
        }
    }

    /// Writes, syncs and acknowledges what was recorded. Whether it worked; if not, the thread takes it up. Nobody else syncs meanwhile.
    fn sync_for_all(&self, engine: &Engine) -> bool {
        if engine.append_only.is_in_trouble() || self.is_distrusted() || thread::skips_sync(engine)
        {
            return false;
        }
        self.sleep_before_flush();
        let (file, end, written) = {
            let mut log = self.log.lock();
            let Some(log) = log.as_mut().filter(|log| log.unsynced.is_empty()) else {
                return false;
            };
            let Ok(end) = self.write_to_sync(engine, log) else { return false };
            (Arc::clone(&log.file), end, log.written())
        };
        let sync = || file.sync_data();
        if let Err(error) = engine.watch_file(FileDeed::Sync, || self.now_s(), sync) {
            self.distrust(engine, &error);
            return false;
        }
        self.settle(written);
        self.note_synced(engine, end);
        reveal(engine, end);
        true
    }

    /// Takes note that what was written is on the disk, unless more was written since.
    fn settle(&self, written: Written) {
        if !written.is_settled
            && let Some(log) = &mut *self.log.lock()
            && log.written() == written
        {
            log.settle();
        }
    }

    /// Notes that the stream is on disk up to here, and tells those who wait for that.
    fn note_synced(&self, engine: &Engine, end: u64) {
        engine.append_only.note_synced(end);
        tell_workers(&self.mailboxes, engine.end_acknowledged());
    }

    /// Writes what was recorded to the log.
    fn write_log(&self, engine: &Engine, log: &mut Log) -> io::Result<u64> {
        self.take(engine, log);
        self.write_taken(engine, log, Log::write)
    }

    /// The same for somebody who forces the log to the disk then.
    fn write_to_sync(&self, engine: &Engine, log: &mut Log) -> io::Result<u64> {
        self.take(engine, log);
        self.write_taken(engine, log, Log::write_prepared)
    }

    fn take(&self, engine: &Engine, log: &mut Log) {
        let with_time = engine.config().persistence.append_timestamps;
        let now_s = with_time.then(|| self.now_s());
        log.take(&engine.effects, now_s);
        self.taken.store(log.taken_end(), Ordering::Relaxed);
    }

    fn write_taken<Outcome>(
        &self,
        engine: &Engine,
        log: &mut Log,
        write: impl FnOnce(&mut Log) -> io::Result<Outcome>,
    ) -> io::Result<Outcome> {
        let before = log.bytes;
        let outcome = engine.watch_file(FileDeed::Write, || self.now_s(), || write(log));
        let written = log.bytes - before;
        match &outcome {
            Ok(_) if engine.append_only.is_in_trouble() && !self.is_distrusted() => {
                server_log::warning("AOF write error looks solved, Redis can write again.");
                engine.append_only.set_trouble(None);
            }
            Ok(_) => {}
            Err(error) => {
                if !engine.append_only.is_in_trouble() {
                    server_log::warning(format_args!(
                        "Error writing to the AOF file: {}",
                        reason(error)
                    ));
                }
                engine.append_only.relax(false);
                engine.append_only.set_trouble(Some(reason(error)));
                if log.is_broken() {
                    self.set_distrusted(true);
                }
            }
        }
        engine.append_only.update(|figures| figures.current_bytes += written);
        outcome
    }

    fn sleep_before_flush(&self) {
        let sleep_us = self.flush_sleep_us.load(Ordering::Relaxed);
        if 0 < sleep_us {
            std::thread::sleep(Duration::from_micros(sleep_us));
        }
    }

    /// DEBUG AOF-FLUSH-SLEEP.
    pub(crate) fn set_flush_sleep(&self, microseconds: u64) {
        self.flush_sleep_us.store(microseconds, Ordering::Relaxed);
    }

    fn now_s(&self) -> i64 {
        i64::try_from(self.clock.read().unix_us / 1_000_000).unwrap_or(i64::MAX)
    }
}

impl Bell {
    /// Leaves a wish and wakes the thread.
    fn ring(&self, wish: impl FnOnce(&mut Wishes)) {
        wish(&mut self.wishes.lock());
        self.rung.notify_one();
    }
}

/// Lets replies, and replicas, be told of effects up to here.
fn reveal(engine: &Engine, end: u64) {
    engine.append_only.acknowledge(end);
    if engine.effects.feed() != Feed::Off {
        engine.host.note_stream();
    }
}
