//! Loading the snapshot file: at the start, beside workers that answer that it goes on; and for DEBUG RELOAD, while everybody waits.
//!
//! At the start one thread cuts the file into batches of records, and several make keys of them and put these into their
//! tables. What a file says is checked by whoever reads it ([`persistence::rdb::file`]); what does not fit this server is refused here.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use allocator::prepared::Demand;
use config::Config;
use config::memory::EvictionPolicy;
use config::persistence::Sanitize;
use engine::Engine;
use keyspace::{AccessClock, AccessPolicy, Arrivals, Duplicate, Present, Substitute, View};
use persistence::rdb::file::{
    Batch, Eviction, LoadError, LoadedKey, LoadedValue, Modules, Part, Refusal, Settings, Splitter,
};
use persistence::rdb::value::Care;

use crate::clock::Clock;
use crate::log;
use crate::saving::Delays;

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) loaded: u64,
    /// Left out because they had expired.
    pub(crate) expired: u64,
    /// Left out because they had no elements.
    pub(crate) empty: u64,
}

/// Why a file could not be loaded. The log has been told.
#[derive(Debug, thiserror::Error)]
#[error("the data was not loaded")]
pub(crate) struct Failed;

/// What is done with keys as they come.
#[derive(Clone, Copy)]
struct Rules<'a> {
    engine: &'a Engine,
    config: &'a Config,
    access: AccessClock,
    now_ms: i64,
    /// What becomes of keys that are there already.
    present: Present,
    /// Keys that have expired are loaded, too.
    keeps_expired: bool,
    /// Those that are left out are noted: replicas that have them are to be told.
    notes_expired: bool,
    /// Bytes of other files that were loaded before.
    before: u64,
    /// Where what is not to be seen yet is kept, if it isn't.
    aside: Option<&'a Aside>,
}

/// Data that is whole before anybody sees it.
pub(crate) struct Aside {
    keys: Substitute,
    functions: Mutex<Vec<Box<[u8]>>>,
}

impl Aside {
    /// None yet.
    pub(crate) fn new(engine: &Engine) -> Aside {
        Aside { keys: Substitute::new(&engine.keyspace), functions: Mutex::default() }
    }

    /// Puts it in the place of what there is, of which the view has all shards and nothing is left.
    pub(crate) fn publish(self, engine: &Engine, view: &mut View<'_>) -> Result<(), Failed> {
        view.substitute(self.keys);
        let functions = self.functions.into_inner();
        for code in functions.unwrap_or_else(std::sync::PoisonError::into_inner) {
            engine.restore_function(&code, Present::Refused).map_err(|error| {
                log::warning(format_args!("Failed creating the library: {error}"));
                Failed
            })?;
        }
        Ok(())
    }

    fn add_function(&self, code: Vec<u8>) {
        let functions = self.functions.lock();
        functions.unwrap_or_else(std::sync::PoisonError::into_inner).push(code.into());
    }
}

/// Counts what several threads load.
#[derive(Default)]
struct Counts {
    loaded: AtomicU64,
    expired: AtomicU64,
    empty: AtomicU64,
    /// Keys that were left out because they had expired, if they are noted.
    gone: Mutex<Vec<(usize, Vec<u8>)>>,
}

impl Counts {
    fn gone(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Vec<u8>)>> {
        self.gone.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn summary(&self) -> Summary {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Summary { loaded: of(&self.loaded), expired: of(&self.expired), empty: of(&self.empty) }
    }
}

/// Loads the snapshot file, if there is one, beside the workers, which have been told that loading goes on.
pub(crate) fn load_at_start(engine: &Engine, clock: Clock) -> Result<(), Failed> {
    let config = engine.config();
    let begin = clock.read();
    let path = config.persistence.snapshot_file.as_path();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            engine.loading.end(0, 0);
            return Ok(());
        }
        Err(error) => {
            log::warning(format_args!(
                "Fatal error: can't open the RDB file {} for reading: {}",
                path.display(),
                crate::process::reason::reason(&error)
            ));
            return Err(fatal());
        }
    };
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let begin_s = seconds(begin.unix_us);
    engine.loading.begin(bytes, begin_s);
    let rules = Rules::new(engine, &config, begin.unix_us, Present::Refused);
    // What expires on a replica is for its primary to say.
    let is_replica = config.replication.primary.is_some();
    let rules = Rules { keeps_expired: is_replica, notes_expired: !is_replica, ..rules };
    let counts = Counts::default();
    let outcome = read_on_threads(file, rules, &counts, &mut || true);
    let summary = counts.summary();
    if outcome.is_ok() && !is_replica {
        let gone = std::mem::take(&mut *counts.gone());
        let closed = engine.keyspace.gates().close();
        engine.resume_history(&gone);
        drop(closed);
    }
    engine.loading.end(summary.loaded, summary.expired);
    if let Err(error) = outcome {
        return Err(report(&error));
    }
    tell(summary);
    let elapsed_us = clock.read().monotonic_us.saturating_sub(begin.monotonic_us);
    log::notice(format_args!(
        "DB loaded from disk: {}.{:03} seconds",
        elapsed_us / 1_000_000,
        elapsed_us / 1000 % 1000
    ));
    engine.saving.note_loaded(begin_s, 0);
    Ok(())
}

/// What follows the snapshot in a file.
pub(crate) struct Rest {
    pub(crate) input: Box<dyn Read>,
    /// Where it begins.
    pub(crate) offset: u64,
    /// Keys that were loaded.
    pub(crate) keys: u64,
}

/// Loads the snapshot that an append-only file begins with. Keys that have expired stay: commands that follow may be about
/// them. `before` is how many bytes were loaded from other files.
pub(crate) fn load_base(
    engine: &Engine,
    file: File,
    clock: Clock,
    before: u64,
) -> Result<Rest, Failed> {
    let config = engine.config();
    let rules = Rules::new(engine, &config, clock.read().unix_us, Present::Refused);
    let rules = Rules { keeps_expired: true, before, ..rules };
    let counts = Counts::default();
    let splitter =
        read_on_threads(file, rules, &counts, &mut || true).map_err(|error| report(&error))?;
    tell(counts.summary());
    let offset = splitter.offset();
    let (read, input) = splitter.into_rest();
    let keys = counts.summary().loaded;
    Ok(Rest { input: Box::new(io::Cursor::new(read).chain(input)), offset, keys })
}

/// The same while everybody waits. The view has all shards.
pub(crate) fn load_base_at_rest(
    engine: &Engine,
    file: File,
    clock: Clock,
    view: &mut View<'_>,
) -> Result<Rest, Failed> {
    let config = engine.config();
    let rules = Rules::new(engine, &config, clock.read().unix_us, Present::Refused);
    let rules = Rules { keeps_expired: true, ..rules };
    let counts = Counts::default();
    let read = || -> Result<_, LoadError> {
        let mut splitter = Splitter::new(BufReader::new(file), settings(engine, &config))?;
        while let Some(part) = splitter.next_part()? {
            if let Some(batch) = rules.note(part)? {
                let mut arrivals = rules.arrivals(&batch, &counts)?;
                view.admit(&mut arrivals, rules.present).map_err(duplicate)?;
            }
        }
        Ok(splitter)
    };
    let splitter = read().map_err(|error| report(&error))?;
    let (offset, keys) = (splitter.offset(), counts.summary().loaded);
    let (read, input) = splitter.into_rest();
    Ok(Rest { input: Box::new(io::Cursor::new(read).chain(input)), offset, keys })
}

/// Loads the snapshot file while everybody waits. The view has all shards.
pub(crate) fn load_at_rest(
    engine: &Engine,
    view: &mut View<'_>,
    present: Present,
    unix_us: u64,
) -> Result<(), Failed> {
    let config = engine.config();
    let file = File::open(config.persistence.snapshot_file.as_path()).map_err(|error| {
        log::warning(format_args!("Can't open the snapshot file: {error}"));
        Failed
    })?;
    let rules = Rules::new(engine, &config, unix_us, present);
    let counts = Counts::default();
    let read = || -> Result<(), LoadError> {
        let mut splitter = Splitter::new(BufReader::new(file), settings(engine, &config))?;
        while let Some(part) = splitter.next_part()? {
            if let Some(batch) = rules.note(part)? {
                let mut arrivals = rules.arrivals(&batch, &counts)?;
                view.admit(&mut arrivals, present).map_err(duplicate)?;
            }
        }
        Ok(())
    };
    let outcome = read();
    let summary = counts.summary();
    engine.loading.end(summary.loaded, summary.expired);
    if let Err(error) = outcome {
        log::warning(&error);
        return Err(Failed);
    }
    tell(summary);
    Ok(())
}

fn settings(engine: &Engine, config: &Config) -> Settings {
    let skips_checksum = engine.switches.checksums_skipped.load(Ordering::Relaxed);
    Settings {
        checksum: config.persistence.snapshot_checksum && !skips_checksum,
        modules: Modules::Refused,
        care: match config.persistence.sanitize {
            Sanitize::Yes => Care::Deep,
            Sanitize::No | Sanitize::Clients => Care::Shallow,
        },
    }
}

/// Loads what a primary sends, beside the workers: into the tables, or aside. `goes_on` is asked now and then whether that is still
/// wanted. Whatever comes of it, who calls sees to it that nobody sees a part of it.
pub(crate) fn load_sync<R: Read>(
    engine: &Engine,
    clock: Clock,
    input: R,
    aside: Option<&Aside>,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Summary, Failed> {
    let config = engine.config();
    let rules = Rules::new(engine, &config, clock.read().unix_us, Present::Refused);
    // The primary tells what expires.
    let rules = Rules { keeps_expired: true, aside, ..rules };
    let counts = Counts::default();
    let outcome = read_on_threads(input, rules, &counts, goes_on);
    let summary = counts.summary();
    match outcome {
        Ok(_) => {
            tell(summary);
            Ok(summary)
        }
        Err(error) => {
            internal(&error);
            Err(Failed)
        }
    }
}

/// Reads a file on this thread, and makes keys of it on others.
fn read_on_threads<R: Read>(
    file: R,
    rules: Rules<'_>,
    counts: &Counts,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Splitter<BufReader<R>>, LoadError> {
    /// The threads that make keys are so many batches behind at most.
    const AHEAD: usize = 4;
    /// More would wait for each other.
    const MOST_THREADS: usize = 4;
    let threads =
        std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST_THREADS));
    let mut splitter = Splitter::new(BufReader::new(file), settings(rules.engine, rules.config))?;
    let (sender, batches) = sync_channel::<Batch>(AHEAD);
    let batches = Mutex::new(batches);
    let failure = Mutex::new(None);
    let stopped = AtomicBool::new(false);
    let read = std::thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..threads {
            let thread = std::thread::Builder::new().name("loader".to_owned());
            let spawned = thread.spawn_scoped(scope, || {
                // Where it is refused, memory comes as it does for all.
                let _refused = allocator::prepared::use_here(Demand::Bulk);
                if let Err(error) = make_keys(&batches, rules, counts, &stopped) {
                    // Whoever reads sees it at the next batch; the others take what is on its way and leave it.
                    stopped.store(true, Ordering::Release);
                    failure
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .get_or_insert(error);
                }
            });
            match spawned {
                Ok(_) => started += 1,
                // Those that there are do it.
                Err(_) if 0 < started => break,
                Err(error) => return Err(LoadError::Io { offset: 0, error }),
            }
        }
        let read = (|| {
            while let Some(part) = splitter.next_part()? {
                if !goes_on() {
                    return Err(LoadError::Refused(Refusal(
                        "it is not wanted any more".to_owned(),
                    )));
                }
                if let Some(batch) = rules.note(part)?
                    && (stopped.load(Ordering::Acquire) || sender.send(batch).is_err())
                {
                    break;
                }
                rules.engine.loading.advance(rules.before.saturating_add(splitter.offset()));
            }
            Ok(())
        })();
        drop(sender);
        read
    });
    let failure = failure.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    failure.map_or(read, Err)?;
    Ok(splitter)
}

fn make_keys(
    batches: &Mutex<Receiver<Batch>>,
    rules: Rules<'_>,
    counts: &Counts,
    stopped: &AtomicBool,
) -> Result<(), LoadError> {
    let mut delays = Delays::default();
    loop {
        let next = batches.lock().map_or(None, |batches| batches.recv().ok());
        let Some(batch) = next else { return Ok(()) };
        if stopped.load(Ordering::Acquire) {
            continue;
        }
        let mut arrivals = rules.arrivals(&batch, counts)?;
        let count = arrivals.len();
        let keyspace = &rules.engine.keyspace;
        match rules.aside {
            Some(aside) => aside.keys.admit(keyspace, &mut arrivals),
            None => keyspace.admit(&mut arrivals, rules.present),
        }
        .map_err(duplicate)?;
        delays.wait(rules.config.persistence.load_delay_us, count);
    }
}

impl<'a> Rules<'a> {
    fn new(engine: &'a Engine, config: &'a Config, unix_us: u64, present: Present) -> Rules<'a> {
        let now_ms = i64::try_from(unix_us / 1000).unwrap_or(i64::MAX);
        let policy = match config.memory.policy {
            EvictionPolicy::VolatileLfu | EvictionPolicy::AllKeysLfu => AccessPolicy::Lfu {
                log_factor: config.memory.lfu_log_factor,
                decay_minutes: config.memory.lfu_decay_time_min,
            },
            EvictionPolicy::VolatileLru
            | EvictionPolicy::AllKeysLru
            | EvictionPolicy::VolatileRandom
            | EvictionPolicy::AllKeysRandom
            | EvictionPolicy::VolatileTtl
            | EvictionPolicy::NoEviction => AccessPolicy::Lru,
        };
        Rules {
            engine,
            config,
            access: AccessClock::new(policy, now_ms),
            now_ms,
            present,
            keeps_expired: false,
            notes_expired: false,
            before: 0,
            aside: None,
        }
    }

    /// Takes note of a part of a file; gives it back if it is records.
    fn note(self, part: Part) -> Result<Option<Batch>, LoadError> {
        match part {
            Part::Records(batch) => return Ok(Some(batch)),
            Part::Database(number) => {
                let databases = self.engine.keyspace.databases();
                if usize::try_from(number).is_ok_and(|number| number < databases) {
                    return Ok(None);
                }
                return Err(LoadError::Refused(Refusal(format!(
                    "FATAL: Data file was created with a Redis server configured to handle more than {databases} databases. Exiting"
                ))));
            }
            Part::Function(code) => {
                if let Some(aside) = self.aside {
                    aside.add_function(code);
                    return Ok(None);
                }
                self.engine.restore_function(&code, self.present).map_err(|reason| {
                    LoadError::Refused(Refusal(format!("Failed creating the library: {reason}")))
                })?;
            }
            Part::Auxiliary { name, value } => self.note_auxiliary(&name, &value),
            Part::Sizes { .. }
            | Part::SlotSizes { .. }
            | Part::ModuleAuxiliary { .. }
            | Part::End(_) => {}
        }
        Ok(None)
    }

    fn note_auxiliary(self, name: &[u8], value: &[u8]) {
        self.engine.replication.note_auxiliary(name, value);
        let value = value.escape_ascii();
        let number = || value.to_string().parse::<i64>().unwrap_or(0);
        match name {
            b"redis-ver" => {
                log::notice(format_args!("Loading RDB produced by version {value}"));
            }
            b"ctime" => {
                let age_s = (self.now_ms / 1000).saturating_sub(number()).max(0);
                log::notice(format_args!("RDB age {age_s} seconds"));
            }
            b"used-mem" => {
                let bytes = number().max(0);
                let hundredths = bytes.saturating_mul(100) >> 20;
                log::notice(format_args!(
                    "RDB memory usage when created {}.{:02} Mb",
                    hundredths / 100,
                    hundredths % 100
                ));
            }
            _ => {}
        }
    }

    /// Makes keys of records.
    fn arrivals(self, batch: &Batch, counts: &Counts) -> Result<Arrivals, LoadError> {
        let mut arrivals = Arrivals::default();
        let (mut expired, mut empty) = (0, 0);
        let keyspace = &self.engine.keyspace;
        // It was checked when the part came that says so; a file without one has the first.
        let database = usize::try_from(batch.database()).unwrap_or(0);
        batch.decode(&self.engine.value_limits(), &mut |key: LoadedKey<'_>| {
            if !self.keeps_expired && key.expiry_ms.is_some_and(|expiry| expiry < self.now_ms) {
                expired += 1;
                if self.notes_expired {
                    counts.gone().push((database, key.key.to_vec()));
                }
                return Ok(());
            }
            let (idle_s, frequency) = match key.eviction {
                Eviction::None => (None, None),
                Eviction::Idle(seconds) => (Some(seconds), None),
                Eviction::Frequency(counter) => (None, Some(counter)),
            };
            let access = self.access.restored(idle_s, frequency);
            let access = access.unwrap_or_else(|| self.access.initial());
            let place = (database, key.key);
            match key.value {
                LoadedValue::String(value) => {
                    arrivals.string(keyspace, place, value, key.expiry_ms, access);
                }
                LoadedValue::Object(object) => {
                    arrivals.object(keyspace, place, object, key.expiry_ms, access);
                }
                LoadedValue::Empty => empty += 1,
                LoadedValue::Module { name } => {
                    return Err(Refusal(format!("The value of a module: {name}")));
                }
            }
            Ok(())
        })?;
        counts.loaded.fetch_add(arrivals.len() as u64, Ordering::Relaxed);
        counts.expired.fetch_add(expired, Ordering::Relaxed);
        counts.empty.fetch_add(empty, Ordering::Relaxed);
        Ok(arrivals)
    }
}

fn duplicate(Duplicate { database, key }: Duplicate) -> LoadError {
    let key = key.escape_ascii();
    LoadError::Refused(Refusal(format!("RDB has duplicated key '{key}' in DB {database}")))
}

fn tell(summary: Summary) {
    let Summary { loaded, expired, empty } = summary;
    if empty == 0 {
        log::notice(format_args!(
            "Done loading RDB, keys loaded: {loaded}, keys expired: {expired}."
        ));
    } else {
        log::notice(format_args!(
            "Done loading RDB, keys loaded: {loaded}, keys expired: {expired}, empty keys skipped: {empty}."
        ));
    }
}

/// Tells why a file was not loaded, in the words that operators know.
fn report(error: &LoadError) -> Failed {
    match error {
        LoadError::Signature | LoadError::Version(_) | LoadError::FunctionBeforeRelease(_) => {
            log::warning(error);
            return fatal();
        }
        LoadError::EndedEarly(_) | LoadError::Io { .. } => {
            log::warning("Short read or OOM loading DB. Unrecoverable error, aborting now.");
            internal(error);
        }
        LoadError::Checksum { .. } => {
            log::warning(error);
            internal(&"RDB CRC error");
        }
        LoadError::Corrupt { .. } | LoadError::Module { .. } | LoadError::Refused(_) => {
            internal(error);
        }
    }
    log::warning("Terminating server after rdb file reading failure.");
    Failed
}

fn internal(what: &dyn std::fmt::Display) {
    log::warning(format_args!("Internal error in RDB reading: {what}"));
}

fn fatal() -> Failed {
    log::warning("Fatal error loading the DB, check server logs. Exiting.");
    Failed
}

fn seconds(unix_us: u64) -> i64 {
    i64::try_from(unix_us / 1_000_000).unwrap_or(i64::MAX)
}
