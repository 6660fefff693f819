//! Rewriting: a snapshot takes the place of all that was appended before it.
//!
//! ```text
//!              gates closed                                   base complete
//!  incr 1 ----------+                                               |
//!                   +--> incr 2 --------------------------------------------->
//!                   +--> snapshot --> temporary file --> base 2 ----+
//!  manifest: base 1, incr 1    base 1, incr 1, incr 2               base 2, incr 2
//! ```
//!
//! At every moment the manifest on the disk names files that hold all that was acknowledged. Nothing is kept twice in memory: what is written
//! meanwhile goes to its file. When the file was only turned on just now, the manifest is not touched before the end, and names what was there before.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::host::Rewrite;
use engine::saving::{Job, Outcome, Purpose};
use engine::{Engine, FileDeed};
use persistence::aof::Manifest;
use persistence::crc64::Running;

use super::files::Files;
use super::log::Log;
use super::{AppendOnly, reason};
use crate::background::Standby;
use crate::log as server_log;
use crate::saving;

/// After so many failures in a row the next try waits for minutes.
const PATIENCE: u64 = 3;
/// The longest that it waits for.
const MOST_MINUTES: i64 = 60;

/// A rewrite that has begun.
struct Begun {
    job: Job,
    temporary: PathBuf,
    /// Which file is appended to from its beginning on.
    generation: Option<u64>,
}

/// Why none has begun.
enum NotBegun {
    /// Another snapshot is being made.
    Busy,
    Failed(String),
}

impl From<io::Error> for NotBegun {
    fn from(error: io::Error) -> NotBegun {
        NotBegun::Failed(reason(&error))
    }
}

impl AppendOnly {
    /// Has a rewrite begin, now or when nothing else is saved.
    pub(crate) fn ask_to_rewrite(&self, later: bool) -> Rewrite {
        let Some(engine) = self.engine() else { return Rewrite::Impossible };
        let is_busy = engine.saving.busy().is_some();
        let now_s = self.now_s();
        let mut answer = Rewrite::Begun;
        engine.append_only.update(|figures| {
            if figures.rewrite_began_s.is_some() {
                answer = Rewrite::InProgress;
            } else if later || is_busy {
                figures.is_rewrite_scheduled = true;
                answer = Rewrite::Scheduled;
            } else {
                figures.rewrite_began_s = Some(now_s);
            }
        });
        if answer == Rewrite::Begun {
            self.bell.ring(|wishes| wishes.rewrite = true);
        }
        answer
    }

    /// Asks for a rewrite if one is due.
    pub(super) fn consider_rewrite(&self, engine: &Engine) {
        let figures = engine.append_only.figures();
        if figures.rewrite_began_s.is_some() || engine.saving.busy().is_some() {
            return;
        }
        if figures.is_rewrite_scheduled || self.is_distrusted() {
            if self.is_limited(engine) {
                return;
            }
            engine.append_only.update(|figures| figures.is_rewrite_scheduled = false);
            let _answer = self.ask_to_rewrite(false);
            return;
        }
        let config = engine.config();
        let settings = &config.persistence;
        let percentage = u64::from(settings.rewrite_percentage);
        if !figures.is_on
            || percentage == 0
            || figures.current_bytes <= settings.rewrite_min_size_bytes
        {
            return;
        }
        let base = figures.base_bytes.max(1);
        let growth = (figures.current_bytes.saturating_mul(100) / base).saturating_sub(100);
        if percentage <= growth && !self.is_limited(engine) {
            server_log::notice(format_args!(
                "Starting automatic rewriting of AOF on {growth}% growth"
            ));
            let _answer = self.ask_to_rewrite(false);
        }
    }

    /// Whether the next try has to wait since too many have failed.
    fn is_limited(&self, engine: &Engine) -> bool {
        let figures = engine.append_only.figures();
        let Some(failed_s) = figures.rewrite_failed_s else { return false };
        let waited_s = self.now_s().saturating_sub(failed_s);
        let Some(excess) = figures.failed_rewrites.checked_sub(PATIENCE) else {
            return waited_s < 1;
        };
        let minutes = 1_i64.checked_shl(u32::try_from(excess).unwrap_or(6).min(6)).unwrap_or(1);
        waited_s < minutes.min(MOST_MINUTES) * 60
    }

    /// Begins the rewrite that was asked for.
    pub(super) fn begin_rewrite(self: &Arc<Self>, engine: &'static Engine) {
        engine.append_only.update(|figures| figures.rewrites += 1);
        let shared = Arc::clone(self);
        let standby = Standby::start("aof-rewrite", move |begun| shared.write_base(engine, begun));
        let begun = standby
            .map_err(NotBegun::from)
            .and_then(|standby| Ok((standby, self.try_to_begin(engine)?)));
        match begun {
            Ok((standby, begun)) => {
                server_log::notice(format_args!(
                    "Background append only file rewriting started by pid {}",
                    std::process::id()
                ));
                let cancelled = Arc::clone(&begun.job.cancelled);
                *self.rewriting.lock() = Some((cancelled, standby.set_to(begun)));
            }
            Err(NotBegun::Busy) => engine.append_only.update(|figures| {
                figures.rewrite_began_s = None;
                figures.is_rewrite_scheduled = true;
                figures.rewrites -= 1;
            }),
            Err(NotBegun::Failed(why)) => {
                server_log::warning(format_args!(
                    "Can't rewrite append only file in background: {why}"
                ));
                self.note_failure(engine);
            }
        }
    }

    fn try_to_begin(&self, engine: &Engine) -> Result<Begun, NotBegun> {
        let is_on = engine.append_only.figures().is_on;
        let mut guard = self.files.lock();
        if guard.is_none() {
            let files = Files::read(&engine.config());
            *guard = Some(files.map_err(|error| NotBegun::Failed(reason(&error)))?);
        }
        let Some(files) = &mut *guard else { return Err(NotBegun::Busy) };
        files.create_directory()?;
        let temporary = files.temporary_path();
        let manifest = files.manifest.clone();
        let next = if is_on { Some(prepare_file(files)?) } else { None };
        drop(guard);

        let keyspace = &engine.keyspace;
        let mut closed = keyspace.gates().close();
        let switched = next.map_or(Ok(()), |file| self.switch_file(engine, file));
        if let Err(error) = switched {
            drop(closed);
            self.take_back(manifest);
            return Err(error.into());
        }
        let mut round = engine::Replay::new(engine, 0).round();
        let mut view = keyspace.view(&mut closed, 0, &mut round);
        view.lock_all();
        let now_us = i64::try_from(self.clock.read().unix_us).unwrap_or(i64::MAX);
        let job = engine.begin_save(&mut view, Purpose::Base, now_us);
        let job = job.map_err(|_| NotBegun::Busy)?;
        let generation = self.log.lock().as_ref().map(|log| log.generation);
        Ok(Begun { job, temporary, generation })
    }

    /// Appends to another file from here on. All gates are closed.
    fn switch_file(&self, engine: &Engine, file: std::fs::File) -> io::Result<()> {
        let mut guard = self.log.lock();
        let with_checksums = engine.config().persistence.append_checksums;
        let mut log = Log::new(file, 0, self.next_generation(), with_checksums.then(Running::new));
        if let Some(old) = &mut *guard {
            self.write_log(engine, old)?;
            log.follow(old);
            if self.is_distrusted() {
                // The base that is made now is to stand for all of it.
                log.unsynced.clear();
            }
            engine.effects.restart();
        } else {
            engine.append_only.acknowledge(engine.effects.end());
            engine.effects.listen();
        }
        *guard = Some(log);
        Ok(())
    }

    /// Takes back that there is another file, which was not begun.
    fn take_back(&self, manifest: Manifest) {
        if let Some(files) = &mut *self.files.lock()
            && files.is_listed
            && let Err(error) = files.change(manifest)
        {
            server_log::warning(format_args!("Can't write the AOF manifest: {}", reason(&error)));
        }
    }

    /// Writes the base, on a thread of its own.
    fn write_base(&self, engine: &Engine, begun: Begun) {
        let Begun { job, temporary, generation } = begun;
        let is_snapshot = job.config.persistence.append_snapshot_preamble;
        let written = saving::write_base(engine, &job, temporary.clone());
        let finished = written.and_then(|()| {
            server_log::notice("Background AOF rewrite terminated with success");
            self.finish_rewrite(engine, &temporary, generation, is_snapshot)
        });
        let now_us = i64::try_from(self.clock.read().unix_us).unwrap_or(i64::MAX);
        match finished {
            Ok(()) => {
                engine.end_save(Outcome::Saved, now_us);
                self.note_success(engine);
            }
            Err(why) => {
                engine.end_save(Outcome::Failed, now_us);
                server_log::warning(format_args!(
                    "Background AOF rewrite terminated with error: {why}"
                ));
                let _gone = std::fs::remove_file(&temporary);
                self.note_failure(engine);
            }
        }
    }

    /// Ends the rewrite that goes on, with what there was before it; or with its result, if that is there already.
    pub(super) fn abandon_rewrite(&self) {
        let rewriting = self.rewriting.lock().take();
        if let Some((cancelled, thread)) = rewriting {
            cancelled.store(true, Ordering::Release);
            // If it panicked, that was reported.
            let _panicked = thread.join();
        }
    }

    /// Ends appending while all data is replaced by other data, until [`AppendOnly::resume`]; whether anything was appended. The files stay
    /// as they are: they hold the data of before.
    pub(crate) fn suspend(&self) -> bool {
        let Some(engine) = self.engine() else { return false };
        if !engine.append_only.figures().is_on {
            return false;
        }
        self.abandon_rewrite();
        let closed = engine.keyspace.gates().close();
        engine.append_only.update(|figures| {
            figures.is_on = false;
            figures.is_rewrite_scheduled = false;
        });
        let log = self.log.lock().take();
        if let Some(mut log) = log {
            // What fails here is in the log, and the next base takes the place of all of it.
            let _logged = self.write_log(engine, &mut log).and_then(|_| log.file.sync_data());
        }
        engine.effects.close();
        *self.files.lock() = None;
        engine.append_only.set_trouble(None);
        engine.append_only.acknowledge(engine.effects.end());
        drop(closed);
        engine.keyspace.gates().give_way();
        true
    }

    /// Appends again, with what there is now as the base.
    pub(crate) fn resume(&self) {
        let Some(engine) = self.engine() else { return };
        if engine.config().persistence.append_only
            && !engine.append_only.figures().is_on
            && let Err(error) = self.turn_on(engine)
        {
            server_log::warning(error);
        }
    }

    /// Puts the new base into the manifest.
    fn finish_rewrite(
        &self,
        engine: &Engine,
        temporary: &Path,
        generation: Option<u64>,
        is_snapshot: bool,
    ) -> Result<(), String> {
        let log = self.log.lock();
        let mut guard = self.files.lock();
        if log.as_ref().map(|log| log.generation) != generation {
            return Err("the append-only file was turned off or on meanwhile".to_owned());
        }
        drop(log);
        let Some(files) = &mut *guard else { return Err("there is no directory".to_owned()) };
        let is_on = generation.is_some();
        let mut manifest = files.manifest.clone();
        if is_on && !files.is_listed {
            manifest.add_incremental(files.prefix());
        }
        let name = manifest.replace_base(files.prefix(), is_snapshot, usize::from(is_on));
        let rename = || std::fs::rename(temporary, files.path(&name));
        engine
            .watch_file(FileDeed::Rename, || self.now_s(), rename)
            .map_err(|error| reason(&error))?;
        server_log::notice(format_args!(
            "Successfully renamed the temporary AOF base file {} into {}",
            temporary.file_name().unwrap_or_default().display(),
            name.escape_ascii()
        ));
        files.change(manifest).map_err(|error| reason(&error))?;
        files.is_listed = is_on;
        if !engine.config().persistence.keep_old_append_files {
            files.delete_history();
        }
        let bytes = files.bytes();
        engine.append_only.update(|figures| {
            figures.current_bytes = bytes;
            figures.base_bytes = bytes;
        });
        if !is_on {
            *guard = None;
        }
        Ok(())
    }

    fn note_success(&self, engine: &Engine) {
        let now_s = self.now_s();
        engine.append_only.update(|figures| {
            let began_s = figures.rewrite_began_s.take();
            figures.last_rewrite_s = began_s.map(|began_s| now_s.saturating_sub(began_s));
            figures.has_rewrite_failed = false;
            figures.failed_rewrites = 0;
            figures.rewrite_failed_s = None;
        });
        server_log::notice("Background AOF rewrite finished successfully");
        self.regain_trust(engine);
        self.bell.ring(|wishes| wishes.commit = true);
    }

    fn note_failure(&self, engine: &Engine) {
        let now_s = self.now_s();
        let is_unlisted = engine.append_only.figures().is_on
            && self.files.lock().as_ref().is_none_or(|files| !files.is_listed);
        engine.append_only.update(|figures| {
            let began_s = figures.rewrite_began_s.take();
            figures.last_rewrite_s = began_s.map(|began_s| now_s.saturating_sub(began_s));
            figures.has_rewrite_failed = true;
            figures.failed_rewrites += 1;
            figures.rewrite_failed_s = Some(now_s);
            // Without it, nothing that is appended counts.
            figures.is_rewrite_scheduled |= is_unlisted;
        });
    }

    /// After everything was written anew: the disk is trusted if what came since then is on it.
    fn regain_trust(&self, engine: &Engine) {
        if !self.is_distrusted() {
            return;
        }
        let Some(file) = self.log.lock().as_ref().map(|log| Arc::clone(&log.file)) else { return };
        if let Err(error) = file.sync_data() {
            server_log::warning(format_args!("Fail to fsync the AOF file: {}", reason(&error)));
            return;
        }
        self.set_distrusted(false);
        server_log::warning("AOF write error looks solved, Redis can write again.");
        engine.append_only.set_trouble(None);
    }
}

/// Makes the file that is appended to from the beginning of the snapshot on.
fn prepare_file(files: &mut Files) -> io::Result<std::fs::File> {
    let mut manifest = files.manifest.clone();
    let name = manifest.add_incremental(files.prefix());
    server_log::notice(format_args!(
        "Creating AOF incr file {} on background rewrite",
        name.escape_ascii()
    ));
    let file = files.create(&name)?;
    if files.is_listed {
        files.change(manifest)?;
    }
    Ok(file)
}
