//! Full syncs: a snapshot for replicas that begin.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use ::replication::handshake::full_resync;
use engine::replication::Content;
use engine::saving::{Job, Outcome};
use keyspace::DatabaseSize;
use parking_lot::Mutex;
use persistence::rdb::Version;

use super::link::{Link, Stage};
use super::thread::Feeding;
use super::transfer::{Sender, Transfer};
use crate::background::Standby;
use crate::log;
use crate::process::reason::reason;
use crate::saving;

/// The full sync that goes on, if one does.
#[derive(Default)]
pub(super) struct FullSyncs {
    current: Option<Current>,
}

/// A snapshot that is being made for replicas.
struct Current {
    target: Target,
    cancelled: Arc<AtomicBool>,
    outcome: Arc<Mutex<Option<Written>>>,
    thread: JoinHandle<()>,
    /// Who gets it.
    members: Vec<u64>,
}

enum Target {
    Sockets(Arc<Transfer>),
    Disk,
}

/// What became of it.
enum Written {
    Streamed,
    Stored(File),
    Failed,
}

/// What is to be like for replicas that share a snapshot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wanted {
    streams: bool,
    content: Content,
    newest: bool,
}

impl FullSyncs {
    /// Whether what goes on has come to its end, which was not noted yet.
    pub(super) fn has_ended(&self) -> bool {
        // A thread that has panicked leaves no outcome.
        let has_ended =
            |current: &Current| current.outcome.lock().is_some() || current.thread.is_finished();
        self.current.as_ref().is_some_and(has_ended)
    }
}

impl Feeding {
    /// What a replica wants of a snapshot.
    fn wanted(&self, link: &Link) -> Wanted {
        let announced = &link.attached.announced;
        let is_filtered = announced.content != Content::default();
        let diskless = self.engine.config().replication.diskless_sync || is_filtered;
        Wanted {
            streams: diskless && announced.capabilities.eof && !link.is_old,
            content: announced.content,
            newest: reads_newest(announced.version.as_deref()),
        }
    }

    /// Sees which snapshot a replica gets that needs all data.
    pub(super) fn place_for_full_sync(&mut self, id: u64) {
        let Some(link) = self.links.get(&id) else { return };
        let wanted = self.wanted(link);
        match self.full_syncs.current.as_ref().map(|current| &current.target) {
            Some(Target::Sockets(_)) => {
                log::notice("Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC");
            }
            Some(Target::Disk) => self.join_disk_target(id, wanted),
            None if wanted.streams
                && 0 < self.engine.config().replication.diskless_sync_delay_s =>
            {
                log::notice("Delay next BGSAVE for diskless SYNC");
                self.begin_full_sync_if_due();
            }
            None if self.engine.saving.busy().is_some() => log::notice(
                "No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed",
            ),
            None => self.begin_full_sync(wanted),
        }
    }

    /// Lets a replica have the snapshot that is being stored for others, and the stream since it began.
    fn join_disk_target(&mut self, id: u64, wanted: Wanted) {
        let members = self.full_syncs.current.as_ref().map(|current| current.members.clone());
        let other = members.unwrap_or_default().into_iter().find_map(|member| {
            let link = self.links.get(&member)?;
            let capabilities = link.attached.announced.capabilities;
            let own = self.links.get(&id)?.attached.announced.capabilities;
            let fits = self.wanted(link).content == wanted.content
                && reads_newest(link.attached.announced.version.as_deref()) == wanted.newest
                && own.cover(capabilities);
            fits.then_some(link.cursor).flatten()
        });
        let Some(offset) = other else {
            log::notice(
                "Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC",
            );
            return;
        };
        self.promise(id, offset);
        let now_ms = self.now_ms();
        if let Some(link) = self.links.get_mut(&id) {
            link.enter(Stage::Saving, now_ms);
        }
        if let Some(current) = &mut self.full_syncs.current {
            current.members.push(id);
        }
        log::notice("Waiting for end of BGSAVE for SYNC");
    }

    /// Tells a replica of which moment the snapshot is that it gets.
    fn promise(&mut self, id: u64, offset: u64) {
        let history = self.engine.identity().id();
        if let Some(link) = self.links.get_mut(&id) {
            link.cursor = (!link.attached.announced.only_snapshot).then_some(offset);
            if !link.is_old {
                link.say(&full_resync(history, offset));
            }
        }
    }

    /// Begins a full sync for those who wait, if they have waited for long enough for others.
    pub(super) fn begin_full_sync_if_due(&mut self) {
        let engine = self.engine;
        // Seen before a thread is made ready, and once more when nobody can change it.
        let is_held_up =
            engine.saving.busy().is_some() || engine.is_busy() || engine.loading.is_active();
        if self.full_syncs.current.is_some() || is_held_up {
            return;
        }
        let waiting = || self.links.values().filter(|link| matches!(link.stage, Stage::Waiting));
        let Some(first) = waiting().min_by_key(|link| link.asked_ms) else { return };
        let wanted = self.wanted(first);
        let config = self.engine.config();
        let settings = &config.replication;
        let delay_ms = u64::from(settings.diskless_sync_delay_s) * 1000;
        let waited_ms = self.now_ms().saturating_sub(first.asked_ms);
        let most = usize::try_from(settings.diskless_sync_max_replicas).unwrap_or(usize::MAX);
        let is_enough = 0 < most && most <= waiting().count();
        if wanted.streams && waited_ms < delay_ms && !is_enough {
            return;
        }
        self.begin_full_sync(wanted);
    }

    /// Begins a snapshot for all who wait and want it like that.
    fn begin_full_sync(&mut self, wanted: Wanted) {
        let members: Vec<u64> = self
            .links
            .iter()
            .filter(|(_, link)| matches!(link.stage, Stage::Waiting) && self.wanted(link) == wanted)
            .map(|(&id, _)| id)
            .collect();
        let written = Arc::new(Mutex::new(None));
        let standby = match self.prepare_thread(&written) {
            Ok(standby) => standby,
            Err(error) => {
                log::warning(format_args!("Can't save in background: {}", reason(&error)));
                log::warning("BGSAVE for replication failed");
                for id in members {
                    self.drop_link(id);
                }
                return;
            }
        };
        // Not yet: a script runs for long, or something else is saved.
        let Some((job, offset)) = self.begin_snapshot(wanted) else { return };
        log::notice(format_args!(
            "Starting BGSAVE for SYNC with target: {}",
            if wanted.streams { "replicas sockets" } else { "disk" }
        ));
        let now_ms = self.now_ms();
        let transfer = wanted.streams.then(|| Arc::new(Transfer::default()));
        let mark = draw_mark();
        for &id in &members {
            self.promise(id, offset);
            let Some(link) = self.links.get_mut(&id) else { continue };
            match &transfer {
                Some(transfer) => {
                    link.say(b"$EOF:");
                    link.say(&mark);
                    link.say(b"\r\n");
                    let transfer = Arc::clone(transfer);
                    link.enter(Stage::Streaming { transfer, number: 0, sent: 0, mark }, now_ms);
                }
                None => link.enter(Stage::Saving, now_ms),
            }
        }
        let process = std::process::id();
        log::notice(match &transfer {
            Some(_) => format!("Background RDB transfer started by pid {process}"),
            None => format!("Background saving started by pid {process}"),
        });
        self.full_syncs.current = Some(Current {
            target: transfer.clone().map_or(Target::Disk, Target::Sockets),
            cancelled: Arc::clone(&job.cancelled),
            outcome: written,
            thread: standby.set_to((job, transfer)),
            members,
        });
    }

    /// Begins a snapshot, and gives the offset that it is of.
    fn begin_snapshot(&mut self, wanted: Wanted) -> Option<(Job, u64)> {
        let engine = self.engine;
        let now_us = i64::try_from(self.shared.clock.read().unix_us).unwrap_or(i64::MAX);
        let mut closed = engine.keyspace.gates().close_unless(|| engine.is_busy())?;
        if engine.loading.is_active() {
            return None;
        }
        let mut round = engine::Replay::new(engine, now_us).round();
        let mut view = engine.keyspace.view(&mut closed, 0, &mut round);
        view.lock_all();
        let version = version_for(wanted, &view.sizes());
        let job = engine.begin_full_sync(&mut view, version, wanted.content, now_us).ok()?;
        drop(view);
        // The stream from here on stands for itself. (What a primary relays is not ours to change; the snapshot says its database.)
        if !engine.replication.is_replica() {
            engine.effects.restart_replication();
        }
        let offset = engine.replication_offset();
        drop(closed);
        self.drain();
        self.release_all();
        Some((job, offset))
    }

    /// Prepares a thread that writes a snapshot, and says what became of it.
    fn prepare_thread(
        &self,
        outcome: &Arc<Mutex<Option<Written>>>,
    ) -> std::io::Result<Standby<(Job, Option<Arc<Transfer>>)>> {
        let hard_bytes = self.engine.config().limits.output_buffer.replica.hard_bytes;
        let most_bytes = match usize::try_from(hard_bytes) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(bytes) => bytes,
        };
        let (engine, shared) = (self.engine, Arc::clone(&self.shared));
        let written = Arc::clone(outcome);
        Standby::start("full-sync", move |(job, transfer): (Job, Option<Arc<Transfer>>)| {
            let result = match transfer {
                Some(transfer) => {
                    let replication = Arc::clone(&shared);
                    let sender = Sender { transfer, replication, gathered: Vec::new(), most_bytes };
                    stream(engine, &job, sender)
                }
                None => store(engine, &job),
            };
            let end =
                if matches!(result, Written::Failed) { Outcome::Failed } else { Outcome::Saved };
            let now_us = i64::try_from(shared.clock.read().unix_us).unwrap_or(i64::MAX);
            engine.end_save(end, now_us);
            *written.lock() = Some(result);
            shared.wake();
        })
    }

    /// Sees whether the snapshot is made; and gives it up if nobody wants it any more.
    pub(super) fn look_at_full_sync(&mut self) {
        let Some(current) = &self.full_syncs.current else { return };
        let is_wanted = current.members.iter().any(|id| self.links.contains_key(id));
        if !is_wanted && !current.cancelled.swap(true, Ordering::AcqRel) {
            log::notice("Killing RDB child because no replica wants it any more");
        }
        if let Target::Sockets(transfer) = &current.target {
            let numbers =
                current.members.iter().filter_map(|id| match &self.links.get(id)?.stage {
                    Stage::Streaming { number, .. } => Some(*number),
                    Stage::Waiting
                    | Stage::Saving
                    | Stage::File { .. }
                    | Stage::Transmitted
                    | Stage::Online => None,
                });
            match numbers.min() {
                Some(number) => transfer.forget(number),
                None if !is_wanted => transfer.abandon(),
                None => {}
            }
        }
        if !self.full_syncs.has_ended() {
            return;
        }
        // Whoever sends from the transfer has it as well.
        let Some(Current { outcome, thread, members, .. }) = self.full_syncs.current.take() else {
            return;
        };
        // If it panicked, that was reported.
        let _panicked = thread.join();
        match outcome.lock().take() {
            Some(Written::Streamed) => {
                log::notice("Background RDB transfer terminated with success");
            }
            Some(Written::Stored(file)) => self.send_file(file, &members),
            Some(Written::Failed) | None => {
                log::warning("Background transfer error");
                for id in members {
                    self.drop_link(id);
                }
            }
        }
        self.begin_full_sync_if_due();
    }

    /// Sends a stored snapshot to those who wait for it.
    fn send_file(&mut self, file: File, members: &[u64]) {
        log::notice("Background saving terminated with success");
        let end = match file.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) => {
                log::warning(format_args!("SYNC failed. Can't stat DB after BGSAVE: {error}"));
                for &id in members {
                    self.drop_link(id);
                }
                return;
            }
        };
        let now_ms = self.now_ms();
        let file = Arc::new(file);
        for id in members {
            if let Some(link) = self.links.get_mut(id) {
                link.say(format!("${end}\r\n").as_bytes());
                link.enter(Stage::File { file: Arc::clone(&file), position: 0, end }, now_ms);
            }
        }
    }

    /// All of the snapshot was sent to a replica.
    pub(super) fn note_transmitted(&mut self, id: u64) {
        let now_ms = self.now_ms();
        let unix_ms = self.unix_ms();
        let Some(link) = self.links.get_mut(&id) else { return };
        link.attached.note_heard(unix_ms);
        let name = link.attached.name();
        if link.attached.announced.only_snapshot {
            log::notice(format_args!(
                "RDB transfer completed, rdb only replica ({name}) should be disconnected asap"
            ));
            link.enter(Stage::Transmitted, now_ms);
            link.close_when_sent();
            return;
        }
        if matches!(link.stage, Stage::Transmitted) {
            log::notice(format_args!(
                "Streamed replication with replica {name} succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming"
            ));
            link.enter(Stage::Transmitted, now_ms);
        } else {
            link.enter(Stage::Online, now_ms);
            self.welcome(id);
        }
    }

    /// The process ends: nobody waits for a snapshot.
    pub(super) fn abandon_full_sync(&mut self) {
        let Some(current) = self.full_syncs.current.take() else { return };
        current.cancelled.store(true, Ordering::Release);
        if let Target::Sockets(transfer) = &current.target {
            transfer.abandon();
        }
        // If it panicked, that was reported.
        let _panicked = current.thread.join();
    }
}

fn stream(engine: &engine::Engine, job: &Job, sender: Sender) -> Written {
    let cancelled = Arc::clone(&job.cancelled);
    let outcome = saving::write(engine, job, sender).and_then(|sender| {
        if cancelled.load(Ordering::Acquire) {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        sender.finish()
    });
    match outcome {
        Ok(()) => Written::Streamed,
        Err(error) => {
            log::warning(format_args!("Error writing the snapshot to replicas: {error}"));
            Written::Failed
        }
    }
}

/// Where a snapshot is stored for replicas, while it is written.
fn temporary_path() -> PathBuf {
    PathBuf::from(format!("temp-{}-sync.rdb", std::process::id()))
}

/// Writes the snapshot into a file, which has no name afterwards: it is gone with whoever reads it.
fn store(engine: &engine::Engine, job: &Job) -> Written {
    let path = temporary_path();
    let outcome = File::options().read(true).write(true).create(true).truncate(true).open(&path);
    let outcome = match outcome {
        Ok(file) => {
            let sink = std::io::BufWriter::new(file);
            saving::write(engine, job, sink).and_then(|mut sink| {
                sink.flush()?;
                sink.into_inner().map_err(std::io::IntoInnerError::into_error)
            })
        }
        Err(error) => {
            saving::give_up(engine, job);
            Err(error)
        }
    };
    let _gone = std::fs::remove_file(&path);
    match outcome {
        Ok(_) if job.cancelled.load(Ordering::Acquire) => Written::Failed,
        Ok(file) => {
            log::notice("DB saved on disk");
            Written::Stored(file)
        }
        Err(error) => {
            log::warning(format_args!(
                "Write error while saving DB to the disk(write): {}",
                reason(&error)
            ));
            Written::Failed
        }
    }
}

/// Whether a replica of this version reads the newest format of snapshots. Servers before 8.0 do not say which they are.
fn reads_newest(version: Option<&[u8]>) -> bool {
    let major_minor = version.and_then(|version| {
        let text = std::str::from_utf8(version).ok()?;
        let mut numbers = text.split('.').map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    major_minor.is_some_and(|version| (7, 4) <= version)
}

/// The version of the format: the oldest one that holds all there is, since a replica may be of 7.0. Only since 7.4 fields of
/// hashes can expire; one that is older can have no such data.
fn version_for(wanted: Wanted, sizes: &[DatabaseSize]) -> Version {
    if wanted.newest || sizes.iter().any(|size| 0 < size.field_expiring) {
        Version::REDIS_7_4
    } else {
        Version::REDIS_7_0
    }
}

/// Forty characters that no snapshot holds by chance.
fn draw_mark() -> [u8; 40] {
    let drawn = crate::start::draw_id();
    let mut mark = [b'0'; 40];
    for (place, digit) in mark.iter_mut().zip(drawn.bytes()) {
        *place = digit;
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_oldest_that_holds_the_data() {
        let wanted = Wanted { streams: true, content: Content::default(), newest: false };
        let plain = DatabaseSize { keys: 5, ..DatabaseSize::default() };
        let with_fields = DatabaseSize { field_expiring: 1, ..plain };
        assert_eq!(version_for(wanted, &[plain]), Version::REDIS_7_0);
        assert_eq!(version_for(wanted, &[plain, with_fields]), Version::REDIS_7_4);
        assert_eq!(version_for(Wanted { newest: true, ..wanted }, &[plain]), Version::REDIS_7_4);
    }

    #[test]
    fn replicas_may_say_which_version_they_are() {
        for (version, newest) in [
            (None, false),
            (Some("7.4.1"), true),
            (Some("8.0.0"), true),
            (Some("7.2.5"), false),
            (Some("x"), false),
            (Some("10.1"), true),
        ] {
            assert_eq!(reads_newest(version.map(str::as_bytes)), newest, "{version:?}");
        }
    }
}
