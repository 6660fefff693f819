//! Reading the append-only file when the server starts: its commands are executed anew.
//!
//! The last file may end in the middle of a command, as a crash leaves it; then that command is cut off, if
//! `aof-load-truncated` says so. The same for an end that is damaged, if `aof-load-corrupt-tail-max-size` says so. Damage
//! anywhere else is not guessed at: the server says where it is and does not start. Where space was prepared behind the end
//! of a file ([`persistence::aof::fill`]) it is cut off, and so is the last write if that is torn.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use config::Config;
use engine::{Engine, NotReplayed, Replay};
use keyspace::{ExpiryMode, View};
use persistence::aof::{
    FileKind, Item, PREPARED_UNSYNCED_BYTES, ReadError, Reader, filler_offset, is_torn,
};
use persistence::crc64::Running;
use resp::OwnedWords;

use super::files::{Files, NotRead};
use super::reason;
use crate::clock::Clock;
use crate::{loading, log};

/// How long commands are executed before others may come to their turn.
const SLICE: Duration = Duration::from_millis(5);
/// Commands executed between two looks at the time.
const COMMANDS_PER_LOOK: usize = 32;

/// What was loaded.
pub(crate) struct Loaded {
    pub(super) files: Files,
    /// Of the bytes at the end of the last file for which no line vouches.
    pub(super) checksum: Running,
    /// Keys in the snapshot that it begins with.
    pub(super) keys: u64,
}

/// The append-only file cannot be loaded. Why is in the log.
#[derive(Debug)]
pub(crate) struct NotLoaded;

/// How the reading of a file ended.
enum Outcome {
    /// With its end.
    Whole(Running),
    /// It was cut off where it was torn.
    Cut(Running),
    /// It was cut off where it was damaged, and damaged commands were executed: all is to be loaded anew.
    Again,
}

/// Loads the append-only file, if there is one.
pub(crate) fn load(engine: &Engine, clock: Clock) -> Result<Loaded, NotLoaded> {
    let config = engine.config();
    let mut files = Files::read(&config).map_err(|error| refuse_manifest(&error))?;
    migrate(&mut files, &config)?;
    let begin = clock.read().monotonic_us;
    let bytes = files.bytes();
    let now_s = i64::try_from(clock.read().unix_us / 1_000_000).unwrap_or(i64::MAX);
    engine.loading.begin(bytes, now_s);
    let target = Target::Beside;
    let mut loader =
        Loader { engine, config: &config, clock, target, checksum: Running::new(), keys: 0 };
    // What is cut off gets shorter each time, so there is an end.
    while !loader.load_all(&files)? {
        loader.forget_everything();
    }
    if 0 < bytes {
        let seconds = seconds_since(begin, clock);
        log::notice(format_args!("DB loaded from append only file: {seconds:.3} seconds"));
    }
    engine.saving.note_loaded(now_s, 0);
    let Loader { checksum, keys, .. } = loader;
    Ok(Loaded { files, checksum, keys })
}

/// Loads the append-only file in place of all data, while everybody waits. The view has all shards.
pub(super) fn load_at_rest(
    engine: &Engine,
    clock: Clock,
    view: &mut View<'_>,
) -> Result<(), NotLoaded> {
    let config = engine.config();
    let files = Files::read(&config).map_err(|error| refuse_manifest(&error))?;
    let expiry = std::mem::replace(&mut view.round.expiry, ExpiryMode::Ignore);
    let target = Target::AtRest(view);
    let mut loader =
        Loader { engine, config: &config, clock, target, checksum: Running::new(), keys: 0 };
    loader.forget_everything();
    let outcome = loop {
        match loader.load_all(&files) {
            Ok(false) => loader.forget_everything(),
            Ok(true) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    if let Target::AtRest(view) = loader.target {
        view.round.expiry = expiry;
    }
    outcome
}

fn seconds_since(begin_us: u64, clock: Clock) -> f64 {
    Duration::from_micros(clock.read().monotonic_us.saturating_sub(begin_us)).as_secs_f64()
}

#[expect(clippy::print_stderr, reason = "as Redis tells it: the log may be anywhere")]
fn refuse_manifest(error: &NotRead) -> NotLoaded {
    match error {
        NotRead::Manifest(error) => {
            eprintln!("\n*** FATAL AOF MANIFEST FILE ERROR ***");
            if 0 < error.line_number {
                eprintln!("Reading the manifest file, at line {}", error.line_number);
                eprintln!(">>> '{}'", String::from_utf8_lossy(&error.line));
            }
            eprintln!("{error}");
            log::warning(format_args!("The AOF manifest cannot be read: {error}"));
        }
        NotRead::Io(error) => {
            log::warning(format_args!("Fatal error: can't open the AOF manifest file: {error}"));
        }
    }
    NotLoaded
}

/// Takes over a file of the time when there was only one.
fn migrate(files: &mut Files, config: &Config) -> Result<(), NotLoaded> {
    let old = config.persistence.directory.as_path().join(config.persistence.append_file.as_path());
    let is_half_migrated = files.manifest.incremental.is_empty()
        && files.manifest.base.as_ref().is_some_and(|base| base.name == files.prefix())
        && !files.path(files.prefix()).exists();
    if !old.is_file() || !(files.is_empty() || is_half_migrated) {
        return Ok(());
    }
    match files.migrate(&old) {
        Ok(()) => {
            log::notice(format_args!(
                "Successfully migrated an old-style AOF file ({}) into the AOF directory ({}).",
                config.persistence.append_file.to_string_lossy(),
                config.persistence.append_directory.to_string_lossy()
            ));
            Ok(())
        }
        Err(error) => {
            log::warning(format_args!(
                "Error trying to move the old AOF file {} into dir {}: {}",
                config.persistence.append_file.to_string_lossy(),
                config.persistence.append_directory.to_string_lossy(),
                reason(&error)
            ));
            Err(NotLoaded)
        }
    }
}

struct Loader<'a, 'v> {
    engine: &'a Engine,
    config: &'a Config,
    clock: Clock,
    target: Target<'a, 'v>,
    checksum: Running,
    /// In the snapshot that it begins with.
    keys: u64,
}

/// Where commands are executed.
enum Target<'a, 'v> {
    /// Beside workers, in slices of time.
    Beside,
    /// On a view of all shards.
    AtRest(&'a mut View<'v>),
}

/// Where a file is, and what is done with it.
struct Source<'a> {
    name: &'a str,
    path: &'a Path,
    is_last: bool,
    bytes: u64,
    /// Bytes of the files before it.
    offset: u64,
}

impl Loader<'_, '_> {
    /// Loads all files; whether that was all. If not, it is to be done again.
    fn load_all(&mut self, files: &Files) -> Result<bool, NotLoaded> {
        let manifest = &files.manifest;
        let count = manifest.files().count();
        // A rewrite that was killed before it began has left an empty file behind the one that was appended to.
        let last = manifest
            .files()
            .enumerate()
            .filter(|(_, (kind, file))| *kind != FileKind::Base && 0 < files.file_bytes(file))
            .map(|(index, _)| index)
            .last();
        let mut offset = 0;
        for (index, (kind, file)) in manifest.files().enumerate() {
            let begin = self.clock.read().monotonic_us;
            let name = String::from_utf8_lossy(&file.name).into_owned();
            let path = files.path(&file.name);
            let is_last = index + 1 == count || last.is_some_and(|last| last <= index);
            let bytes = files.file_bytes(file);
            let source = Source { name: &name, path: &path, is_last, bytes, offset };
            offset += bytes;
            match self.load_file(&source)? {
                Outcome::Again => return Ok(false),
                Outcome::Cut(_) if !is_last => {
                    log::warning("Fatal error: the truncated file is not the last file");
                    return Err(NotLoaded);
                }
                Outcome::Whole(checksum) | Outcome::Cut(checksum) => self.checksum = checksum,
            }
            if 0 < source.bytes {
                let what = if kind == FileKind::Base { "base" } else { "incr" };
                let seconds = seconds_since(begin, self.clock);
                log::notice(format_args!(
                    "DB loaded from {what} file {name}: {seconds:.3} seconds"
                ));
            }
        }
        // A base is not appended to.
        if manifest.incremental.is_empty() {
            self.checksum = Running::new();
        }
        Ok(true)
    }

    fn load_file(&mut self, source: &Source<'_>) -> Result<Outcome, NotLoaded> {
        let mut file = File::open(source.path).map_err(|error| {
            log::warning(format_args!(
                "Fatal error: can't open the append log file {} for reading: {}",
                source.name,
                reason(&error)
            ));
            NotLoaded
        })?;
        let mut magic = Vec::new();
        let begins = Read::by_ref(&mut file).take(MAGIC_BYTES).read_to_end(&mut magic);
        let begins = begins.and_then(|_| file.seek(SeekFrom::Start(0)));
        begins.map_err(|error| refuse_unreadable(source, &error))?;
        // One that is empty has lost what it held: it is never written like that.
        let is_base = source.path.extension().is_some_and(|ending| ending == "rdb");
        if !is_base && magic != b"REDIS" && magic != b"VALKE" {
            return self.replay(Reader::new(Box::new(file), 0), source);
        }
        log::notice(if is_base {
            "Reading RDB base file on AOF loading..."
        } else {
            "Reading RDB preamble from AOF file..."
        });
        let rest = match &mut self.target {
            Target::Beside => loading::load_base(self.engine, file, self.clock, source.offset),
            Target::AtRest(view) => loading::load_base_at_rest(self.engine, file, self.clock, view),
        };
        let rest = rest.map_err(|loading::Failed| {
            let what = if is_base { "base file" } else { "preamble of the AOF file" };
            log::warning(format_args!(
                "Error reading the RDB {what} {}, AOF loading aborted",
                source.name
            ));
            NotLoaded
        })?;
        self.keys = rest.keys;
        if !is_base {
            log::notice("Reading the remaining AOF tail...");
        }
        self.replay(Reader::new(rest.input, rest.offset), source)
    }

    /// Executes the commands that a file holds.
    fn replay(&mut self, mut reader: Commands, source: &Source<'_>) -> Result<Outcome, NotLoaded> {
        let now_us = i64::try_from(self.clock.read().unix_us).unwrap_or(i64::MAX);
        let mut replay = Replay::new(self.engine, now_us);
        let mut transaction = None;
        let beginning = reader.unverified_offset();
        loop {
            let outcome = self.replay_slice(&mut reader, &mut replay, &mut transaction);
            self.engine.loading.advance(source.offset.saturating_add(reader.offset()));
            let begun = transaction.as_ref().map(|transaction: &Transaction| transaction.offset);
            let error = match outcome {
                Ok(true) => continue,
                Ok(false) => None,
                Err(error) => Some(error),
            };
            let is_right = error.is_none() && begun.is_none();
            let unverified = reader.unverified_offset();
            // Space is only prepared behind what a checksum vouches for.
            if beginning < unverified
                && let Some(outcome) = if is_right {
                    self.end_space(reader.space_offset(), unverified, source)?
                } else {
                    self.end_torn_in_space(unverified, source)?
                }
            {
                return Ok(outcome);
            }
            return match (error, begun) {
                (Some(NotRun::Read(error)), _) => self.end_early(&error, begun, source),
                (Some(NotRun::Refused(error)), _) => {
                    log::warning(format_args!(
                        "{error} reading the append only file {}",
                        source.name
                    ));
                    Err(NotLoaded)
                }
                (None, None) => Ok(Outcome::Whole(reader.into_checksum())),
                (None, Some(begun)) => {
                    log::warning(format_args!(
                        "Revert incomplete MULTI/EXEC transaction in AOF file {}",
                        source.name
                    ));
                    self.end_torn(begun, source)
                }
            };
        }
    }

    /// A file that can be read to its end, which may be space that was prepared for more. Cuts that off, and the last write too if it is torn;
    /// none if there is no space.
    fn end_space(
        &self,
        space: Option<u64>,
        unverified: u64,
        source: &Source<'_>,
    ) -> Result<Option<Outcome>, NotLoaded> {
        match space {
            None => Ok(None),
            Some(space) if space == unverified => {
                cut(source, unverified)?;
                Ok(Some(Outcome::Whole(Running::new())))
            }
            Some(_) => self.end_torn_in_space(unverified, source),
        }
    }

    /// A file for the end of which, from this offset on, no checksum vouches. If that is a torn write into space that was
    /// prepared, it is cut off.
    fn end_torn_in_space(
        &self,
        unverified: u64,
        source: &Source<'_>,
    ) -> Result<Option<Outcome>, NotLoaded> {
        let read = || -> io::Result<Option<Vec<u8>>> {
            let mut file = File::open(source.path)?;
            let filler = filler_offset(&mut file)?;
            if filler == source.bytes {
                return Ok(None);
            }
            file.seek(SeekFrom::Start(unverified))?;
            let count = filler.saturating_sub(unverified);
            let mut bytes = Vec::new();
            file.take(count.min(PREPARED_UNSYNCED_BYTES as u64 * 2)).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        };
        let bytes = read().map_err(|error| refuse_unreadable(source, &error))?;
        if !bytes.is_some_and(|bytes| is_torn(&bytes, unverified)) {
            return Ok(None);
        }
        match self.end_torn(unverified, source)? {
            // Commands of it may have been executed.
            Outcome::Cut(_) if source.is_last => Ok(Some(Outcome::Again)),
            outcome @ (Outcome::Whole(_) | Outcome::Cut(_) | Outcome::Again) => Ok(Some(outcome)),
        }
    }

    /// Executes commands for a while, with all gates closed; whether there are more.
    fn replay_slice(
        &mut self,
        reader: &mut Commands,
        replay: &mut Replay<'_>,
        transaction: &mut Option<Transaction>,
    ) -> Result<bool, NotRun> {
        if let Target::AtRest(view) = &mut self.target {
            return execute(reader, replay, transaction, view, None);
        }
        let keyspace = &self.engine.keyspace;
        let mut closed = keyspace.gates().close();
        let mut round = replay.round();
        let mut view = keyspace.view(&mut closed, 0, &mut round);
        view.lock_all();
        execute(reader, replay, transaction, &mut view, Some(Instant::now() + SLICE))
    }

    /// A file that ends before it should, or means nothing from some place on.
    fn end_early(
        &self,
        error: &ReadError,
        begun: Option<u64>,
        source: &Source<'_>,
    ) -> Result<Outcome, NotLoaded> {
        match *error {
            ReadError::Truncated { offset } => self.end_torn(begun.unwrap_or(offset), source),
            ReadError::Corrupt { offset, fault } => {
                let good = begun.map_or(offset, |begun| begun.min(offset));
                let rest = source.bytes.saturating_sub(good);
                let name = source.name;
                log::warning(format_args!(
                    "The append only file {name} is damaged at offset {offset}: {fault}"
                ));
                let most = self.config.persistence.load_corrupt_tail_bytes;
                if source.is_last && 0 < most && rest <= most {
                    cut(source, good)?;
                    log::warning(format_args!(
                        "AOF {name} loaded anyway because aof-load-corrupt-tail-max-size is {most} and {rest} bytes were cut off"
                    ));
                    return Ok(Outcome::Again);
                }
                log::warning(format_args!(
                    "Bad file format reading the append only file {name}: make a backup of your AOF file, then use ./redis-check-aof \
                     --fix <filename.manifest>"
                ));
                Err(NotLoaded)
            }
            ReadError::Io(ref error) => Err(refuse_unreadable(source, error)),
        }
    }

    /// A file that ends in the middle of something that begins at `offset`.
    fn end_torn(&self, offset: u64, source: &Source<'_>) -> Result<Outcome, NotLoaded> {
        let name = source.name;
        if !self.config.persistence.load_truncated {
            log::warning(format_args!(
                "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then use \
                 ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' configuration option to \
                 yes and restart the server."
            ));
            return Err(NotLoaded);
        }
        log::warning(format_args!("!!! Warning: short read while loading the AOF file {name}!!!"));
        if !source.is_last {
            return Ok(Outcome::Cut(Running::new()));
        }
        log::warning(format_args!("!!! Truncating the AOF {name} at offset {offset} !!!"));
        cut(source, offset)?;
        log::warning(format_args!(
            "AOF {name} loaded anyway because aof-load-truncated is enabled"
        ));
        Ok(Outcome::Cut(checksum_of_end(source)?))
    }

    fn forget_everything(&mut self) {
        if let Target::AtRest(view) = &mut self.target {
            view.flush(None);
        } else {
            let keyspace = &self.engine.keyspace;
            let mut round = Replay::new(self.engine, 0).round();
            let mut closed = keyspace.gates().close();
            let mut view = keyspace.view(&mut closed, 0, &mut round);
            view.lock_all();
            view.flush(None);
        }
        self.engine.functions.flush();
    }
}

/// Executes commands, until a time if there is one; whether there are more.
fn execute(
    reader: &mut Commands,
    replay: &mut Replay<'_>,
    transaction: &mut Option<Transaction>,
    view: &mut View<'_>,
    end: Option<Instant>,
) -> Result<bool, NotRun> {
    loop {
        for _ in 0..COMMANDS_PER_LOOK {
            match reader.next()? {
                None => return Ok(false),
                Some(Item::Timestamp(_) | Item::Checksum | Item::Annotation) => continue,
                Some(Item::Command) => {}
            }
            let words = reader.words();
            let is = |name: &[u8]| {
                words.len() == 1
                    && words.first().is_some_and(|word| word.eq_ignore_ascii_case(name))
            };
            if is(b"MULTI") {
                let offset = reader.item_offset();
                *transaction = Some(Transaction { offset, queue: Vec::new() });
            } else if is(b"EXEC") {
                for queued in transaction.take().into_iter().flat_map(|open| open.queue) {
                    replay.run(view, queued.as_words())?;
                }
            } else if let Some(open) = transaction {
                open.queue.push(OwnedWords::from(words));
            } else {
                replay.run(view, words)?;
            }
        }
        if end.is_some_and(|end| end <= Instant::now()) {
            return Ok(true);
        }
    }
}

/// The commands of a file.
type Commands = Reader<Box<dyn Read>>;

/// How many bytes tell a snapshot from commands.
const MAGIC_BYTES: u64 = 5;

/// A transaction whose end was not read yet.
struct Transaction {
    /// Where it begins.
    offset: u64,
    queue: Vec<OwnedWords>,
}

/// Why no more commands were executed.
enum NotRun {
    Read(ReadError),
    Refused(NotReplayed),
}

impl From<ReadError> for NotRun {
    fn from(error: ReadError) -> NotRun {
        NotRun::Read(error)
    }
}

impl From<NotReplayed> for NotRun {
    fn from(error: NotReplayed) -> NotRun {
        NotRun::Refused(error)
    }
}

fn refuse_unreadable(source: &Source<'_>, error: &io::Error) -> NotLoaded {
    log::warning(format_args!(
        "Unrecoverable error reading the append only file {}: {}",
        source.name,
        reason(error)
    ));
    NotLoaded
}

/// Cuts off what follows `offset`.
fn cut(source: &Source<'_>, offset: u64) -> Result<(), NotLoaded> {
    let cut = || -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(source.path)?;
        file.set_len(offset)?;
        file.sync_all()
    };
    cut().map_err(|error| {
        log::warning(format_args!(
            "Error truncating the AOF file {}: {}",
            source.name,
            reason(&error)
        ));
        NotLoaded
    })
}

/// The checksum of what lies behind the last line that has one, in a file that was cut off.
fn checksum_of_end(source: &Source<'_>) -> Result<Running, NotLoaded> {
    let read = || -> Result<Running, ReadError> {
        let mut reader = Reader::new(File::open(source.path)?, 0);
        while reader.next()?.is_some() {}
        Ok(reader.into_checksum())
    };
    read().map_err(|error| {
        log::warning(format_args!("Can't read what is left of the AOF {}: {error}", source.name));
        NotLoaded
    })
}
