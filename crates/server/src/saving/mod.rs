//! Writing snapshots: in the background, or at once.
//!
//! In the background the workers drive the walk on, a moment at a time, at the end of their rounds; what they show is taken by a thread, which
//! compresses it and writes it, without a lock. When that one falls behind, the walk waits. Where no worker has the time the
//! thread drives the walk itself.
//!
//! Whatever fails, the walk is driven to its end: until then there can be no other snapshot.

pub(crate) mod file;

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use config::Config;
use engine::Engine;
use engine::replication::SavedPosition;
use engine::saving::{Chunk, Job, Outcome, Purpose};
use keyspace::View;
use persistence::aof::write_commands;
use persistence::rdb::Version;
use persistence::rdb::file::FileWriter;

use crate::clock::Clock;
use crate::log;
use crate::process::reason::reason;
use file::{Draft, Failure, Writer, write_failure};

/// Where snapshots that have begun are left to be written in the background.
pub(crate) struct Saver {
    queue: Sender<Job>,
}

impl Saver {
    /// One, and where its thread takes what is left.
    pub(crate) fn new() -> (Saver, Receiver<Job>) {
        let (queue, jobs) = channel();
        (Saver { queue }, jobs)
    }

    /// Leaves a snapshot to be written.
    pub(crate) fn take(&self, job: Job) -> Result<(), Box<Job>> {
        log::notice(format_args!("Background saving started by pid {}", std::process::id()));
        self.queue.send(job).map_err(|unsent| Box::new(unsent.0))
    }
}

/// Starts the thread that writes what is left to the saver.
pub(crate) fn spawn(engine: &'static Engine, jobs: Receiver<Job>, clock: Clock) -> io::Result<()> {
    std::thread::Builder::new().name("saver".to_owned()).spawn(move || {
        for job in jobs {
            let outcome = save(engine, &job);
            match outcome {
                Outcome::Saved => log::notice("Background saving terminated with success"),
                Outcome::Failed => log::warning("Background saving error"),
                Outcome::Cancelled => log::warning("Background saving terminated by signal 10"),
            }
            engine.end_save(outcome, i64::try_from(clock.read().unix_us).unwrap_or(i64::MAX));
        }
    })?;
    Ok(())
}

/// Writes the base of an append-only file in which there is nothing.
pub(crate) fn write_empty_base(file: &File, config: &Config) -> io::Result<()> {
    if !config.persistence.append_snapshot_preamble {
        return Ok(());
    }
    let now_s = i64::try_from(Clock::start().read().unix_us / 1_000_000).unwrap_or(i64::MAX);
    let version = engine::saving::version(config);
    let about = About { position: None, is_base: true };
    begin_file(file, config, version, now_s, about)?.finish().map(drop)
}

/// Writes the base of an append-only file, and sees to it that it is on the disk: a snapshot, or the commands that make what is in one.
pub(crate) fn write_base(engine: &Engine, job: &Job, path: PathBuf) -> Result<(), String> {
    let incremental = job.config.persistence.rewrite_incremental_sync;
    if job.config.persistence.append_snapshot_preamble {
        return write_snapshot_base(engine, job, path);
    }
    let snapshot = path.with_extension("rdb");
    let written = write_snapshot_base(engine, job, snapshot.clone())
        .and_then(|()| Draft::create_at(path, incremental).map_err(|failure| failure.to_string()))
        .and_then(|draft| {
            let file = File::open(&snapshot).map_err(|error| reason(&error))?;
            let with_checksums = job.config.persistence.append_checksums;
            let wanted = Wanted { draft, cancelled: &job.cancelled };
            let commands = write_commands(file, &engine.value_limits(), with_checksums, wanted)
                .map_err(|error| reason(&error))?;
            commands.draft.complete().map_err(|failure| failure.to_string())
        });
    file::discard(&snapshot);
    written.map(drop)
}

/// A draft that cannot be written any more once nobody wants it.
struct Wanted<'a> {
    draft: Draft,
    cancelled: &'a AtomicBool,
}

impl Write for Wanted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cancelled.load(Ordering::Acquire) {
            return Err(io::Error::other("it is not wanted any more"));
        }
        self.draft.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

fn write_snapshot_base(engine: &Engine, job: &Job, path: PathBuf) -> Result<(), String> {
    let incremental = job.config.persistence.rewrite_incremental_sync;
    let written = match Draft::create_at(path, incremental) {
        Ok(draft) => write_draft(engine, job, draft),
        Err(failure) => {
            give_up(engine, job);
            Err(Some(failure))
        }
    };
    match written {
        Ok(_) => Ok(()),
        Err(Some(failure)) => Err(failure.to_string()),
        Err(None) => Err("it is not wanted any more".to_owned()),
    }
}

fn save(engine: &Engine, job: &Job) -> Outcome {
    let written = match Draft::create(Writer::Background, &job.config) {
        Ok(draft) => write_draft(engine, job, draft),
        Err(failure) => {
            give_up(engine, job);
            Err(Some(failure))
        }
    };
    let published = written.and_then(|draft| {
        engine.saving.publish(job, || file::publish(&draft, &job.config)).ok_or(None)?.map_err(Some)
    });
    match published {
        Ok(()) => {
            log::notice("DB saved on disk");
            return Outcome::Saved;
        }
        Err(Some(failure)) => log::warning(&failure),
        Err(None) => {}
    }
    file::discard(&file::draft_path(Writer::Background));
    if job.cancelled.load(Ordering::Acquire) { Outcome::Cancelled } else { Outcome::Failed }
}

/// Ends the walk of a snapshot of which nothing can be written.
pub(crate) fn give_up(engine: &Engine, job: &Job) {
    job.drive.give_up();
    while job.drive.step_beside(engine) {}
}

/// Writes a draft to its end; none if nobody wants it any more.
fn write_draft(engine: &Engine, job: &Job, draft: Draft) -> Result<PathBuf, Option<Failure>> {
    let draft = write(engine, job, draft).map_err(|error| Some(write_failure("write", error)))?;
    if job.cancelled.load(Ordering::Acquire) {
        return Err(None);
    }
    draft.complete().map_err(Some)
}

/// Writes a snapshot to its end, or to the point where nobody wants it any more; gives back what it was written to. Whatever happens,
/// its walk has ended then.
pub(crate) fn write<W: Write>(engine: &Engine, job: &Job, sink: W) -> io::Result<W> {
    let result = try_write(engine, job, sink);
    if result.is_err() {
        give_up(engine, job);
        job.recorder.take(true).into_iter().for_each(|chunk| job.recorder.put_back(chunk));
    }
    result
}

fn try_write<W: Write>(engine: &Engine, job: &Job, sink: W) -> io::Result<W> {
    let about = About { position: job.position, is_base: job.purpose == Purpose::Base };
    let mut file = begin_file(sink, &job.config, job.recorder.version(), job.now_s, about)?;
    for code in job.functions.iter().filter(|_| job.content.functions) {
        file.function(code)?;
    }
    let mut pen = Pen { job, file, database: None };
    let mut driving = Driving::new();
    loop {
        if job.cancelled.load(Ordering::Acquire) {
            give_up(engine, job);
        }
        // Looked at first: what was shown before the end is taken.
        let has_ended = job.drive.has_ended();
        let taken = job.recorder.take(has_ended);
        let is_idle = taken.is_empty();
        pen.write(taken)?;
        if has_ended {
            return pen.file.finish();
        }
        if is_idle {
            driving.drive(engine, job);
        }
    }
}

/// Who writes what was recorded.
struct Pen<'a, W> {
    job: &'a Job,
    file: FileWriter<W>,
    /// Of which the records are.
    database: Option<usize>,
}

impl<W: Write> Pen<'_, W> {
    fn write(&mut self, chunks: Vec<Chunk>) -> io::Result<()> {
        let Pen { job, file, database } = self;
        let mut result = Ok(());
        for chunk in chunks {
            if result.is_ok() && job.content.keys {
                result = chunk.write(&job.recorder, |records| {
                    if *database != Some(records.database) {
                        *database = Some(records.database);
                        let sizes = job.drive.sizes();
                        let size = sizes.get(records.database).copied().unwrap_or_default();
                        let (keys, expiring) = (size.keys as u64, size.expiring as u64);
                        file.select_database(records.database as u64, keys, expiring)?;
                    }
                    file.records(records.bytes)
                });
            }
            job.recorder.put_back(chunk);
        }
        result
    }
}

/// How the thread that writes sees to it that the walk goes on.
struct Driving {
    /// Steps that workers had made, or tried to make, and since when.
    steps: (usize, Instant),
    delays: Delays,
    shown: usize,
}

impl Driving {
    fn new() -> Driving {
        Driving { steps: (0, Instant::now()), delays: Delays::default(), shown: 0 }
    }

    /// Waits for workers to drive the walk on, or drives it on itself if none does, or if it is to be slow.
    fn drive(&mut self, engine: &Engine, job: &Job) {
        /// A worker that is neither at it nor waits for calls is busy with one that takes long, or has ended.
        const PATIENCE: Duration = Duration::from_millis(20);
        let delay_us = engine.config().persistence.save_delay_us;
        let steps = job.drive.steps();
        if self.steps.0 != steps {
            self.steps = (steps, Instant::now());
        }
        if delay_us == 0 && self.steps.1.elapsed() < PATIENCE {
            job.recorder.wait(PATIENCE);
            return;
        }
        job.drive.step_beside(engine);
        let shown = job.drive.shown();
        let new = shown.saturating_sub(std::mem::replace(&mut self.shown, shown));
        self.delays.wait(delay_us, new);
    }
}

/// Waits for each key, or for every so many: a knob for tests.
#[derive(Default)]
pub(crate) struct Delays {
    keys: u64,
}

impl Delays {
    /// Waits for what was done since the last time.
    pub(crate) fn wait(&mut self, delay_us: i32, keys: usize) {
        let keys = keys as u64;
        let delay_us = match u64::try_from(delay_us) {
            Ok(0) => return,
            Ok(delay_us) => delay_us.saturating_mul(keys),
            Err(_) => {
                let every = u64::from(delay_us.unsigned_abs());
                let before = self.keys / every;
                self.keys += keys;
                self.keys / every - before
            }
        };
        if 0 < delay_us {
            std::thread::sleep(Duration::from_micros(delay_us));
        }
    }
}

/// What is to be said of a file beside what is true of all.
#[derive(Clone, Copy)]
struct About {
    /// Of which history it is.
    position: Option<SavedPosition>,
    /// It is that of an append-only file.
    is_base: bool,
}

/// Begins a file with what is to be said of it.
fn begin_file<W: Write>(
    sink: W,
    config: &Config,
    version: Version,
    now_s: i64,
    about: About,
) -> io::Result<FileWriter<W>> {
    let (bits, now) = (usize::BITS.to_string(), now_s.to_string());
    let memory = allocator::used_memory().to_string();
    let mut auxiliary: Vec<(&[u8], &[u8])> = vec![
        (b"redis-ver", engine::REDIS_VERSION.as_bytes()),
        (b"redis-bits", bits.as_bytes()),
        (b"ctime", now.as_bytes()),
        (b"used-mem", memory.as_bytes()),
    ];
    let position =
        about.position.map(|held| (held.database.to_string(), held.id, held.offset.to_string()));
    if let Some((database, id, offset)) = &position {
        auxiliary.push((b"repl-stream-db", database.as_bytes()));
        auxiliary.push((b"repl-id", id.as_bytes()));
        auxiliary.push((b"repl-offset", offset.as_bytes()));
    }
    auxiliary.push((b"aof-base", if about.is_base { b"1" } else { b"0" }));
    let persistence = &config.persistence;
    FileWriter::begin(
        sink,
        version,
        persistence.snapshot_checksum,
        persistence.snapshot_compression,
        &auxiliary,
    )
}

/// Saves everything while everybody waits; says whether that worked.
pub(crate) fn save_at_once(engine: &Engine, view: &mut View<'_>, unix_us: u64) -> bool {
    match write_at_once(engine, view, unix_us) {
        Ok(()) => {
            log::notice("DB saved on disk");
            true
        }
        Err(failure) => {
            log::warning(&failure);
            file::discard(&file::draft_path(Writer::AtOnce));
            false
        }
    }
}

fn write_at_once(engine: &Engine, view: &mut View<'_>, unix_us: u64) -> Result<(), Failure> {
    let config = engine.config();
    let draft = Draft::create(Writer::AtOnce, &config)?;
    let now_ms = i64::try_from(unix_us / 1000).unwrap_or(i64::MAX);
    let version = engine::saving::version(&config);
    let about = About { position: engine.saved_position(), is_base: false };
    let written = begin_file(draft, &config, version, now_ms / 1000, about).and_then(|mut file| {
        engine.write_at_rest(view, &mut file, now_ms)?;
        file.finish()
    });
    let draft = written.map_err(|error| write_failure("write", error))?.complete()?;
    file::publish(&draft, &config)
}

/// Before the process ends: what is being written in the background is not wanted any more.
pub(crate) fn abandon(engine: &Engine) {
    if engine.saving.busy().is_some() {
        log::warning("There is a child saving an .rdb. Killing it!");
        engine.saving.cancel();
        file::discard(&file::draft_path(Writer::Background));
    }
}
