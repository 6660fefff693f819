//! Words in, reply bytes and effects out: one call's whole course, and every command.
//!
//! An [`Engine`] is what all workers share. Each worker thread has a [`Worker`], runs its calls in rounds, and hands in the
//! time with each: there is no socket, file, thread or clock in here, so that everything can be tested and fuzzed in process.
//!
//! The order of a call is in `execution`: look up, check, make room, lock, run, record effects, unlock.
//!
//! Invariants:
//! - A handler that ends with an error has changed nothing.
//! - Every write command says what it modified. (Debug builds check both, see `audit`.)
//! - Command code takes no lock and reaches no key that its command did not declare.

mod acl;
pub mod append_only;
mod audit;
mod authentication;
mod blocking;
mod busy;
mod call;
mod client_eviction;
pub mod clients;
mod command_log;
pub mod command_table;
pub mod commands;
mod cross_protocol;
mod durations;
mod effects;
pub mod events;
mod execution;
pub mod functions;
pub mod host;
mod hot_keys;
mod information;
mod latency;
mod loading;
mod memory_limit;
mod metrics;
mod monitor;
mod notifications;
mod pause;
pub mod pubsub;
mod reactions;
mod refusal;
mod replay;
pub mod replication;
pub mod saving;
mod scripts;
pub mod session;
mod shutdown;
pub mod statistics;
mod straight;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod tracking;
mod transaction;
mod vitals;
mod watch;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use command::Table;
use config::Config;
use keyspace::{GateKey, Keyspace};
use parking_lot::Mutex;

pub use blocking::Served;
pub use busy::{Attendant, attended};
pub use call::{Call, Next};
pub use effects::{EffectStream, Feed, Take, Taken, TakenForFile};
pub use latency::FileDeed;
pub use loading::Loading;
pub use pause::{Pause, PauseKind};
pub use reactions::{Interest, Touched};
pub use replay::{NotReplayed, Replay};
pub use worker::{Ran, Time, Worker};

use acl::AccessControl;
use clients::Clients;
use command_log::CommandLog;
use command_table::Handler;
use functions::Functions;
use host::Host;
use hot_keys::HotKeys;
use information::{Facts, Selection};
use latency::LatencyMonitor;
use pubsub::PubSub;
use scripts::Scripts;
use statistics::WorkerStatistics;
use tracking::Tracking;
use vitals::Vitals;

/// The version of Redis whose behaviour is implemented.
pub const REDIS_VERSION: &str = "7.4.1";

/// Whether there is a command of this name, in any case.
pub fn has_command(name: &[u8]) -> bool {
    commands::FAMILIES
        .iter()
        .copied()
        .flatten()
        .any(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether the words of a `user` line of the configuration file, after that word, make a user. What names commands that there are
/// not is left for [`Engine::prepare_users`] to tell, as Redis does, whose modules bring commands later.
pub fn check_user(
    words: &[&[u8]],
    is_known: bool,
    allows_all_channels: bool,
) -> Result<(), String> {
    acl::check_declaration(words, is_known, allows_all_channels, &Table::new(commands::FAMILIES))
}

/// What all workers share.
pub struct Engine {
    /// All the data.
    pub keyspace: Keyspace,
    /// Every command, as `rename-command` has it.
    pub commands: Table<Handler>,
    /// All clients.
    pub clients: Clients,
    /// What replicas and the append-only file will be told.
    pub effects: EffectStream,
    /// How it stands with the append-only file.
    pub append_only: append_only::AppendOnly,
    /// Whose history the data is, who copies this server, and whom it copies.
    pub replication: replication::Replication,
    /// Who wants to know which keys are touched.
    pub interest: Interest,
    /// Who has subscribed to what.
    pub(crate) pubsub: PubSub,
    /// Users and what they may do.
    pub(crate) acl: AccessControl,
    /// Functions that clients have loaded.
    pub functions: Functions,
    /// Who is told when keys change that it has read.
    pub(crate) tracking: Tracking,
    /// Scripts that clients have sent.
    pub(crate) scripts: Mutex<Scripts>,
    pub(crate) script_figures: scripts::Figures,
    /// Whether a script runs for long.
    pub(crate) busy: busy::Busy,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// The end of the process, while it is waited for.
    pub(crate) shutdown: shutdown::Shutdown,
    /// Saving the data.
    pub saving: saving::Saving,
    /// Loading the data.
    pub loading: Loading,
    /// The process.
    pub host: Box<dyn Host>,
    /// By worker.
    pub statistics: Box<[WorkerStatistics]>,
    /// What DEBUG and others switch while the server runs.
    pub switches: Switches,
    pub(crate) vitals: Vitals,
    pub(crate) slow_log: CommandLog,
    pub(crate) large_requests: CommandLog,
    pub(crate) large_replies: CommandLog,
    pub(crate) hot_keys: HotKeys,
    /// Held by the worker that closes clients to make room.
    evicting_clients: Mutex<()>,
    pub(crate) http_warnings: cross_protocol::Warnings,
    pub(crate) latency: LatencyMonitor,
    config: ArcSwap<Config>,
    /// Rises with every change of the configuration, so that workers need not touch what they share to see that there
    /// was none.
    config_version: AtomicU64,
    /// Held while the configuration is changed.
    configuring: Mutex<()>,
    ticks: fn() -> u64,
}

/// Switches that tests turn.
#[derive(Debug)]
pub struct Switches {
    /// DEBUG SET-ACTIVE-EXPIRE.
    pub active_expiry: std::sync::atomic::AtomicBool,
    /// DEBUG PAUSE-CRON.
    pub cron_paused: std::sync::atomic::AtomicBool,
    /// DEBUG SET-SKIP-CHECKSUM-VALIDATION: of what is restored and loaded.
    pub checksums_skipped: std::sync::atomic::AtomicBool,
}

impl Engine {
    /// An engine for `workers` workers, and the key to each one's gate. `ticks` gives nanoseconds since some moment.
    pub fn new(
        workers: usize,
        config: Config,
        host: Box<dyn Host>,
        ticks: fn() -> u64,
    ) -> (Engine, Vec<GateKey>) {
        let databases = usize::try_from(config.memory.databases).unwrap_or(1).max(1);
        let (keyspace, keys) = Keyspace::new(workers, databases);
        let mut commands = Table::new(commands::FAMILIES);
        for (old, new) in &config.security.renamed_commands {
            // The configuration was refused if there is no such command.
            let renamed = commands.rename(old.as_bytes(), new.as_bytes());
            debug_assert!(renamed, "there is a command called {old}");
        }
        // A worker more: for what a primary sends.
        let tracking = Tracking::new(workers + 1, keyspace.hashing().clone());
        let engine = Engine {
            keyspace,
            clients: Clients::default(),
            effects: EffectStream::default(),
            append_only: append_only::AppendOnly::default(),
            replication: replication::Replication::default(),
            interest: Interest::default(),
            functions: Functions::default(),
            scripts: Mutex::default(),
            script_figures: scripts::Figures::default(),
            pubsub: PubSub::new(workers),
            tracking,
            acl: AccessControl::new(&commands),
            busy: busy::Busy::default(),
            pause: Pause::default(),
            shutdown: shutdown::Shutdown::default(),
            saving: saving::Saving::default(),
            loading: Loading::default(),
            host,
            statistics: (0..workers).map(|_| WorkerStatistics::new(commands.len())).collect(),
            commands,
            switches: Switches {
                active_expiry: true.into(),
                cron_paused: false.into(),
                checksums_skipped: false.into(),
            },
            vitals: Vitals::default(),
            slow_log: CommandLog::default(),
            large_requests: CommandLog::default(),
            large_replies: CommandLog::default(),
            hot_keys: HotKeys::new(workers),
            evicting_clients: Mutex::default(),
            http_warnings: cross_protocol::Warnings::default(),
            latency: LatencyMonitor::default(),
            config: ArcSwap::from_pointee(config),
            config_version: AtomicU64::new(0),
            configuring: Mutex::new(()),
            ticks,
        };
        let password = engine.config().security.password.clone();
        engine.acl.set_default_password(password.as_bytes(), &engine.commands);
        if notifications::are_on(engine.config().notifications.events) {
            engine.interest.add();
        }
        (engine, keys)
    }

    /// The configuration at this moment.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Changes the configuration; workers see it from their next round on.
    pub fn configure<T, E>(
        &self,
        change: impl FnOnce(&mut Config) -> Result<T, E>,
    ) -> Result<T, E> {
        let _one_at_a_time = self.configuring.lock();
        let mut config = Config::clone(&self.config.load());
        let notified = notifications::are_on(config.notifications.events);
        let password = config.security.password.clone();
        let changed = change(&mut config)?;
        match (notified, notifications::are_on(config.notifications.events)) {
            (false, true) => self.interest.add(),
            (true, false) => self.interest.remove(),
            (false, false) | (true, true) => {}
        }
        if password != config.security.password {
            self.acl.set_default_password(config.security.password.as_bytes(), &self.commands);
        }
        self.config.store(Arc::new(config));
        self.config_version.fetch_add(1, Ordering::Release);
        self.weigh_refusal();
        Ok(changed)
    }

    /// Called some times a second, for numbers that are a rate.
    pub(crate) fn sample(&self, now_ms: i64) {
        self.vitals.sample(now_ms, &self.statistics, self.host.used_memory());
    }

    /// All that INFO tells, without waiting for any worker: for a report of a crash. Of the keys it tells what was noted
    /// last.
    pub fn information(&self, now_us: i64) -> String {
        Facts::new(self, now_us).text(Selection::all())
    }

    pub(crate) fn config_version(&self) -> u64 {
        self.config_version.load(Ordering::Acquire)
    }
}
