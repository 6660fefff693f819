//! The thread that forces the file to the disk, and writes it while it is relaxed, or when the disk has failed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use config::persistence::AppendSync;
use engine::{Engine, FileDeed};

use super::log::Log;
use super::{AppendOnly, GATHERING, RETRY, SLOW_SYNC, SYNC_INTERVAL, Wishes, reason, reveal};
use crate::log as server_log;
use crate::replication::tell_workers;

/// The thread, as the one who started it knows it.
pub(crate) struct Syncer {
    append_only: Arc<AppendOnly>,
    thread: JoinHandle<()>,
}

impl Syncer {
    /// Starts the thread.
    pub(crate) fn start(append_only: Arc<AppendOnly>) -> std::io::Result<Syncer> {
        let shared = Arc::clone(&append_only);
        let thread = std::thread::Builder::new()
            .name("append-only".to_owned())
            .spawn(move || shared.run())?;
        Ok(Syncer { append_only, thread })
    }

    /// Writes and syncs what there is, and ends the thread. No worker runs any more.
    pub(crate) fn stop(self) {
        self.append_only.bell.ring(|wishes| wishes.stop = true);
        // If it panicked, that was reported.
        let _panicked = self.thread.join();
    }
}

/// What the thread remembers from one turn to the next.
struct Turns {
    /// Of the stream, and of which file, the end that is on disk.
    synced: (u64, u64),
    last_sync: Instant,
    /// So many times in a row little had come together while the file is relaxed.
    quiet: u32,
    /// When it was seen last whether a rewrite is due.
    last_look: Instant,
}

/// So few bytes in [`GATHERING`] are little.
const LITTLE: usize = 32 << 10;
/// Little came together so many times in a row: the file is relaxed no longer.
const QUIET: u32 = 8;
/// So many bytes are worth a write past the page cache. Beyond the most, the disk does not keep up, and the page cache is to take them.
const WORTH_BLOCKS: std::ops::Range<usize> = 64 << 10..8 << 20;

impl AppendOnly {
    fn run(self: &Arc<Self>) {
        let now = Instant::now();
        let mut turns = Turns { synced: (0, 0), last_sync: now, quiet: 0, last_look: now };
        loop {
            let wishes = self.await_wishes(&turns);
            let Some(engine) = self.engine() else {
                if wishes.stop {
                    return;
                }
                continue;
            };
            let policy = engine.config().persistence.append_sync;
            if wishes.stop {
                if engine.append_only.figures().rewrite_began_s.is_some() {
                    server_log::warning("There is a child rewriting the AOF. Killing it!");
                    self.abandon_rewrite();
                }
                self.finish(engine, &mut turns);
                return;
            }
            if wishes.close {
                self.close(engine, &mut turns);
            }
            if wishes.rewrite {
                self.begin_rewrite(engine);
            }
            match policy {
                AppendSync::Always => {
                    engine.append_only.relax(false);
                    self.commit_all(engine, &mut turns);
                }
                AppendSync::EverySecond | AppendSync::No => {
                    let is_due = policy == AppendSync::EverySecond
                        && SYNC_INTERVAL <= turns.last_sync.elapsed();
                    if engine.append_only.is_relaxed() && !is_due {
                        self.write_batch(engine, &mut turns);
                    } else {
                        // What no client waits for: keys that have expired.
                        self.write(engine, None);
                    }
                    if is_due {
                        self.sync(engine, &mut turns);
                    }
                    self.wake_workers();
                }
            }
            if SYNC_INTERVAL <= turns.last_look.elapsed() {
                turns.last_look = Instant::now();
                self.consider_rewrite(engine);
            }
        }
    }

    /// Waits until there is something to do.
    fn await_wishes(&self, turns: &Turns) -> Wishes {
        let file = self.engine().map(|engine| &engine.append_only);
        let in_trouble = file.is_some_and(engine::append_only::AppendOnly::is_in_trouble);
        let patience = if in_trouble { RETRY } else { SYNC_INTERVAL };
        let elapsed = turns.last_sync.elapsed();
        let patience = if in_trouble {
            patience
        } else {
            patience.checked_sub(elapsed).filter(|rest| *rest != Duration::ZERO).unwrap_or(patience)
        };
        let is_relaxed = file.is_some_and(engine::append_only::AppendOnly::is_relaxed);
        let patience = if is_relaxed { patience.min(GATHERING) } else { patience };
        let deadline = Instant::now() + patience;
        let mut wishes = self.bell.wishes.lock();
        while *wishes == Wishes::default() {
            if self.bell.rung.wait_until(&mut wishes, deadline).timed_out() {
                break;
            }
        }
        std::mem::take(&mut *wishes)
    }

    /// Writes what has come together while the file is relaxed; ends that if it is little.
    fn write_batch(&self, engine: &Engine, turns: &mut Turns) {
        self.sleep_before_flush();
        let mut guard = self.log.lock();
        let Some(log) = &mut *guard else { return engine.append_only.relax(false) };
        self.is_called.store(false, Ordering::Relaxed);
        self.take(engine, log);
        let count = log.unwritten();
        turns.quiet = if count < LITTLE { turns.quiet + 1 } else { 0 };
        if QUIET <= turns.quiet {
            turns.quiet = 0;
            engine.append_only.relax(false);
        }
        let written = if WORTH_BLOCKS.contains(&count) {
            self.write_taken(engine, log, Log::write_blocks)
        } else {
            self.write_taken(engine, log, |log| log.write().map(|_| ()))
        };
        if written.is_ok() && log.is_written() && !self.is_distrusted() {
            engine.append_only.acknowledge(log.taken_end());
        }
    }

    /// Writes and syncs all that was recorded, and acknowledges it.
    fn commit_all(&self, engine: &Engine, turns: &mut Turns) {
        self.sleep_before_flush();
        let is_synced = !skips_sync(engine) && !self.is_distrusted();
        let Some(end) = self.write_all(engine, is_synced) else { return };
        if (skips_sync(engine) || self.sync(engine, turns)) && !self.is_distrusted() {
            // Replicas are not told before, either.
            reveal(engine, end);
        }
        self.wake_workers();
    }

    /// Writes all that was recorded; `is_synced` is whether the file is forced to the disk then and goes on.
    fn write_all(&self, engine: &Engine, is_synced: bool) -> Option<u64> {
        let mut log = self.log.lock();
        let log = log.as_mut()?;
        let write = if is_synced { Self::write_to_sync } else { Self::write_log };
        write(self, engine, log).ok()
    }

    /// Forces what was written to the disk; whether it is there.
    fn sync(&self, engine: &Engine, turns: &mut Turns) -> bool {
        if skips_sync(engine) {
            return false;
        }
        // Until it is known what has come of them, nobody is to take the files before for synced.
        let _syncing = self.syncing.lock();
        let (file, before, written, end) = {
            let mut log = self.log.lock();
            let Some(log) = log.as_mut() else { return false };
            let before = std::mem::take(&mut log.unsynced);
            let end = log.is_written().then(|| log.taken_end());
            (Arc::clone(&log.file), before, log.written(), end)
        };
        let begin = Instant::now();
        turns.last_sync = begin;
        let synced = (written.bytes, written.generation);
        if turns.synced == synced && before.is_empty() {
            return true;
        }
        engine.append_only.update(|figures| figures.is_syncing = true);
        let sync =
            || before.iter().try_for_each(|file| file.sync_data()).and_then(|()| file.sync_data());
        let outcome = if engine.config().persistence.append_sync == AppendSync::Always {
            engine.watch_file(FileDeed::Sync, || self.now_s(), sync)
        } else {
            // Nobody waits for it.
            sync()
        };
        let is_slow = SLOW_SYNC <= begin.elapsed();
        engine.append_only.update(|figures| {
            figures.is_syncing = false;
            figures.delayed_syncs += u64::from(is_slow);
        });
        if is_slow {
            server_log::notice(
                "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, \
                 this may slow down Redis.",
            );
        }
        match outcome {
            Ok(()) => {
                turns.synced = synced;
                self.settle(written);
                if let Some(end) = end.filter(|_| !self.is_distrusted()) {
                    self.note_synced(engine, end);
                }
                true
            }
            Err(error) => {
                self.distrust(engine, &error);
                false
            }
        }
    }

    /// Takes note that nobody knows what of the files is on disk. The next rewrite makes new ones.
    pub(super) fn distrust(&self, engine: &Engine, error: &std::io::Error) {
        self.set_distrusted(true);
        server_log::warning(format_args!("Fail to fsync the AOF file: {}", reason(error)));
        engine.append_only.set_trouble(Some(reason(error)));
    }

    /// Wakes those workers whose replies wait.
    pub(super) fn wake_workers(&self) {
        for (waits, mailbox) in self.waiting.iter().zip(self.mailboxes.iter()) {
            if waits.load(Ordering::SeqCst) && waits.swap(false, Ordering::SeqCst) {
                mailbox.ring();
            }
        }
    }

    /// Appends what there is, and nothing more from here on.
    fn close(&self, engine: &Engine, turns: &mut Turns) {
        let closed = engine.keyspace.gates().close();
        if !engine.append_only.figures().is_on {
            self.finish(engine, turns);
            engine.effects.close();
            *self.log.lock() = None;
            *self.files.lock() = None;
            engine.append_only.set_trouble(None);
            engine.append_only.acknowledge(engine.effects.end());
        }
        drop(closed);
        // What waits for the disk here does so in vain.
        tell_workers(&self.mailboxes, engine.end_acknowledged());
        self.wake_workers();
    }

    fn finish(&self, engine: &Engine, turns: &mut Turns) {
        if self.log.lock().is_none() {
            return;
        }
        server_log::notice("Calling fsync() on the AOF file.");
        if let Some(end) = self.write_all(engine, false)
            && self.sync(engine, turns)
            && !self.is_distrusted()
        {
            engine.append_only.acknowledge(end);
        }
    }
}

/// Whether nothing is forced to the disk at the moment.
pub(super) fn skips_sync(engine: &Engine) -> bool {
    engine.config().persistence.no_append_sync_on_rewrite && engine.saving.busy().is_some()
}
