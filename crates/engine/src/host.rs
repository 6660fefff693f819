//! What the engine asks of the process around it.
//!
//! A closed list: the engine itself has no socket, file, thread or clock. Only rare commands call these, so that they
//! are called through a `dyn` costs nothing. Tests use [`Alone`].

use std::path::Path;

use keyspace::{Garbage, View};

use crate::Engine;
use crate::clients::ClientId;
use crate::saving::{Job, Outcome};

/// The process around an engine.
pub trait Host: Send + Sync {
    /// Bytes that the allocator has given out.
    fn used_memory(&self) -> usize;

    /// The part of the memory in use that this thread has counted, in bytes; negative if it freed more than it took.
    fn used_memory_here(&self) -> isize {
        self.used_memory().cast_signed()
    }

    /// The part that other threads have counted. To ask is to read what each of them writes all the time, which slows them
    /// down: once a round, not once a call.
    fn used_memory_elsewhere(&self) -> isize {
        0
    }

    /// Takes what another thread should free.
    fn reclaim(&self, garbage: Garbage);

    /// Objects that wait to be freed by that thread, and those that it has freed.
    fn reclaimed(&self) -> (usize, usize);

    /// Begins to count the freed anew.
    fn reset_reclaimed(&self);

    /// Has the connection of a client closed by its worker.
    fn close_client(&self, worker: usize, client: ClientId);

    /// Wakes all workers: clients that were paused may go on.
    fn wake_workers(&self);

    /// Wakes one worker: there is something to deliver to its clients.
    fn wake_worker(&self, worker: usize);

    /// Writes a line to the log.
    fn log(&self, level: LogLevel, message: &str);

    /// Runs what may panic, and says whether it came to its end. A panic is logged.
    fn contain(&self, run: &mut dyn FnMut()) -> bool {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_ok()
    }

    /// Ends the process with a report: what it holds can no longer be trusted.
    fn give_up(&self, message: &str) {
        panic!("{message}");
    }

    /// Lets time pass: DEBUG SLEEP.
    fn sleep(&self, microseconds: u64);

    /// Writes a snapshot that has begun, on a thread of its own, and says later how it [ended](crate::Engine::end_save); or now,
    /// if it has. The view is the one in which it began.
    fn save_in_background(
        &self,
        engine: &Engine,
        job: Job,
        view: &mut View<'_>,
    ) -> Option<Outcome> {
        // Where there is no place for a file.
        job.abandon(engine, view);
        Some(Outcome::Failed)
    }

    /// Saves all data; says whether that worked. The view has all shards, behind closed gates.
    fn save_at_once(&self, _engine: &Engine, _view: &mut View<'_>) -> bool {
        false
    }

    /// Loads the snapshot file; says whether that worked. The view has all shards, behind closed gates.
    fn load_at_once(
        &self,
        _engine: &Engine,
        _view: &mut View<'_>,
        _present: keyspace::Present,
    ) -> bool {
        false
    }

    /// Begins the orderly end of the process, which goes on meanwhile; first saves the data if that is asked for. The view has all
    /// shards, behind closed gates.
    fn shut_down(
        &self,
        request: ShutdownRequest,
        engine: &Engine,
        view: &mut View<'_>,
    ) -> Result<(), ShutdownRefused>;

    /// Has the append-only file rewritten in the background. If it must not begin yet, `_later` is true.
    fn rewrite_append_only(&self, _later: bool) -> Rewrite {
        Rewrite::Impossible
    }

    /// Writes to the append-only file what was recorded, and loads what it holds, in place of all data; says whether that
    /// worked. The view has all shards, behind closed gates.
    fn load_append_only(&self, _engine: &Engine, _view: &mut View<'_>) -> bool {
        false
    }

    /// Has every write to the append-only file wait for that long first: DEBUG AOF-FLUSH-SLEEP.
    fn delay_append_only(&self, _microseconds: u64) {}

    /// Wakes the thread that serves replicas: there is something for it to do.
    fn wake_replication(&self) {}

    /// Tells that thread that there is more of the stream for it: it need not come at once, if it comes soon anyway.
    fn note_stream(&self) {}

    /// Wakes the link to the primary: whom this server follows has changed.
    fn wake_link(&self) {}

    /// Makes this server a replica of the one that is to take over, and asks that one to; says whether that began. All gates are
    /// closed. What comes of it ends or [aborts](crate::Engine::abort_failover) the failover.
    fn hand_over_to(&self, _engine: &Engine, _target: &crate::replication::FailoverTarget) -> bool {
        false
    }

    /// Notes whether this server is a replica from now on.
    fn note_role(&self, _is_replica: bool) {}

    /// The end of the process waits for replicas from here on: see [`crate::Engine::due_shutdown`].
    fn await_shutdown(&self) {}

    /// Ends the process as a crash would: for tests of what handles crashes.
    fn crash(&self, kind: CrashKind);

    /// Makes directives that concern the process take effect. After an error some may have: the caller has those of
    /// before applied again.
    fn apply(&self, changed: &[&'static str], config: &config::Config) -> Result<(), NotApplied>;

    /// Reads and replaces the configuration file, if the process was started with one.
    fn configuration_file(&self) -> Option<&dyn ConfigurationFile>;

    /// Reads a file.
    fn read_file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let _ = path;
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// Writes a file anew, in one step and durably.
    fn replace_file(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let _ = (path, bytes);
        Err(std::io::ErrorKind::Unsupported.into())
    }

    /// 40 hexadecimal digits that nobody has drawn before.
    fn draw_id(&self) -> String;

    /// Bytes that the allocator sets aside when it is asked for so many.
    fn block_bytes(&self, bytes: usize) -> usize;

    /// Facts about the process for INFO and MEMORY.
    fn process(&self) -> ProcessReport;

    /// What the allocator says of itself.
    fn allocator(&self) -> AllocatorReport;

    /// Gives memory that is free back to the system.
    fn purge_memory(&self);

    /// The allocator's own report, as text.
    fn allocator_text(&self) -> Vec<u8>;
}

/// A directive could not be put into effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotApplied {
    /// Which.
    pub directive: &'static str,
    /// Why, as the client is told.
    pub reason: String,
}

/// The file that CONFIG REWRITE rewrites.
pub trait ConfigurationFile {
    /// Where it is.
    fn path(&self) -> &str;
    /// Its text; empty if it was removed.
    fn read(&self) -> std::io::Result<Vec<u8>>;
    /// Replaces it, in one step and durably.
    fn replace(&self, text: &[u8]) -> std::io::Result<()>;
}

/// How much a log line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// Rarely of use, but not a mess.
    Verbose,
    /// What one wants to know in production.
    Notice,
    /// What needs attention.
    Warning,
}

/// What SHUTDOWN asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ShutdownRequest {
    /// Whether to save first: as configured, or as said.
    pub save: Option<bool>,
    /// Does not wait for replicas.
    pub now: bool,
    /// Ends even if saving fails.
    pub force: bool,
}

/// Why the process goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShutdownRefused;

/// What became of a wish to rewrite the append-only file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rewrite {
    /// It goes on.
    Begun,
    /// It will begin when nothing else is saved.
    Scheduled,
    /// One goes on already.
    InProgress,
    /// It cannot begin; the log says why.
    Impossible,
}

/// Ways to crash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CrashKind {
    /// An access to memory that is not there.
    Segfault,
    /// A panic.
    Panic,
    /// An assertion that fails.
    Assertion,
    /// The allocator has no memory.
    OutOfMemory,
    /// The process ends at once with no report.
    Exit(i32),
    /// The process starts itself anew, with the same arguments, after this many ms.
    Restart {
        /// How long to wait first.
        delay_ms: u64,
        /// Whether as after a crash, with nothing saved.
        crash: bool,
    },
}

/// Facts about the process.
#[derive(Clone, Debug, Default)]
pub struct ProcessReport {
    /// Of the operating system: its name, release and machine.
    pub system: String,
    /// The name of the interface that reports readiness.
    pub multiplexing: &'static str,
    /// Process id.
    pub pid: u32,
    /// systemd, upstart or no.
    pub supervised: &'static str,
    /// 40 hexadecimal digits, new at every start.
    pub run_id: String,
    /// Where the binary is.
    pub executable: String,
    /// Where the configuration file is; empty if there is none.
    pub config_file: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Bytes of memory resident.
    pub resident: usize,
    /// Bytes of memory in the machine.
    pub total_system_memory: usize,
    /// Seconds of processor time in the system and in user code, of the process.
    pub cpu_s: (f64, f64),
    /// The same of its children.
    pub cpu_children_s: (f64, f64),
    /// The same of the first worker's thread.
    pub cpu_main_thread_s: (f64, f64),
    /// The port listened on.
    pub tcp_port: u16,
    /// Listeners with their numbers: kind, bind address, port or path.
    pub listeners: Vec<(usize, String)>,
}

/// What the allocator says of itself, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllocatorReport {
    /// Its name and version.
    pub name: &'static str,
    /// Given out to the program.
    pub allocated: usize,
    /// In pages that hold something given out.
    pub active: usize,
    /// In memory, resident.
    pub resident: usize,
    /// Kept for later, without memory behind it.
    pub retained: usize,
    /// Unused but not returned yet.
    pub muzzy: usize,
    /// Lost to fragmentation in small size classes.
    pub fragmented: usize,
}

/// No process around: for tests and tools that run an engine in their own.
#[derive(Debug, Default)]
pub struct Alone;

impl Host for Alone {
    fn used_memory(&self) -> usize {
        0
    }
    fn reclaim(&self, garbage: Garbage) {
        drop(garbage);
    }
    fn reclaimed(&self) -> (usize, usize) {
        (0, 0)
    }
    fn reset_reclaimed(&self) {}
    fn close_client(&self, _worker: usize, _client: ClientId) {}
    fn wake_workers(&self) {}
    fn wake_worker(&self, _worker: usize) {}
    fn log(&self, _level: LogLevel, _message: &str) {}
    fn sleep(&self, _microseconds: u64) {}
    fn shut_down(
        &self,
        _request: ShutdownRequest,
        _engine: &Engine,
        _view: &mut View<'_>,
    ) -> Result<(), ShutdownRefused> {
        Err(ShutdownRefused)
    }
    fn crash(&self, _kind: CrashKind) {}
    fn apply(&self, _changed: &[&'static str], _config: &config::Config) -> Result<(), NotApplied> {
        Ok(())
    }
    fn draw_id(&self) -> String {
        "0".repeat(40)
    }
    fn block_bytes(&self, bytes: usize) -> usize {
        bytes
    }
    fn configuration_file(&self) -> Option<&dyn ConfigurationFile> {
        None
    }
    fn process(&self) -> ProcessReport {
        ProcessReport::default()
    }
    fn allocator(&self) -> AllocatorReport {
        AllocatorReport::default()
    }
    fn purge_memory(&self) {}
    fn allocator_text(&self) -> Vec<u8> {
        Vec::new()
    }
}
