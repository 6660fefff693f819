//! The process as the engine sees it.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use engine::Engine;
use engine::clients::ClientId;
use engine::host::{
    AllocatorReport, ConfigurationFile as _, CrashKind, Host, LogLevel, NotApplied, ProcessReport,
    Rewrite, ShutdownRefused, ShutdownRequest,
};
use engine::replication::FailoverTarget;
use engine::saving::{Job, Outcome};
use keyspace::{Garbage, View};
use parking_lot::Mutex;

use crate::append_only::AppendOnly;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::configuration::{self, ConfigurationFile};
use crate::listening::{Listening, Which};
use crate::metrics::Endpoint;
use crate::process::oom_score::{Adjustment, Adjustments, OomScore};
use crate::process::title::Title;
use crate::reclaimer::Reclaimer;
use crate::replication::Replication;
use crate::saving::{self, Saver};
use crate::watchdog::Watchdog;
use crate::worker::{Mail, Mailbox};
use crate::{log, process, version};

/// The process around the engine.
pub(crate) struct Process {
    pub(crate) mailboxes: Arc<[Mailbox]>,
    pub(crate) reclaimer: Reclaimer,
    pub(crate) append_only: Arc<AppendOnly>,
    pub(crate) replication: Arc<Replication>,
    pub(crate) saver: Saver,
    pub(crate) ending: Arc<Ending>,
    pub(crate) configuration_file: Option<ConfigurationFile>,
    pub(crate) supervised: &'static str,
    pub(crate) clock: Clock,
    /// Monotonic.
    pub(crate) started_us: u64,
    pub(crate) run_id: String,
    pub(crate) listening: Arc<Listening>,
    pub(crate) metrics: Arc<Endpoint>,
    pub(crate) watchdog: Arc<Watchdog>,
    pub(crate) title: Option<Title>,
    pub(crate) oom_score: Mutex<OomScore>,
    pub(crate) first_worker_thread: Arc<AtomicU32>,
    pub(crate) shown_config_file: String,
    /// Wakes the link to the primary.
    pub(crate) link: Arc<Bell>,
}

/// How the main thread is told that the process is to end.
pub(crate) struct Ending {
    bell: Bell,
    asked: AtomicBool,
    /// It was asked for without saving: nothing is waited for that may never end.
    is_hasty: AtomicBool,
    /// Replicas are not waited for.
    is_now: AtomicBool,
    request: Mutex<Option<ShutdownRequest>>,
}

impl Ending {
    pub(crate) fn new() -> std::io::Result<Ending> {
        Ok(Ending {
            bell: Bell::new()?,
            asked: AtomicBool::new(false),
            is_hasty: AtomicBool::new(false),
            is_now: AtomicBool::new(false),
            request: Mutex::new(None),
        })
    }

    fn ask(&self, request: ShutdownRequest) {
        self.is_hasty.store(request.save == Some(false), Ordering::Release);
        self.is_now.store(request.now, Ordering::Release);
        *self.request.lock() = Some(request);
        self.asked.store(true, Ordering::Release);
        self.bell.ring();
    }

    /// Whether not to wait for a script that runs for long.
    pub(crate) fn is_hasty(&self) -> bool {
        self.is_hasty.load(Ordering::Acquire)
    }

    /// Whether not to wait for replicas.
    pub(crate) fn is_now(&self) -> bool {
        self.is_now.load(Ordering::Acquire)
    }

    /// Stops the bell.
    pub(crate) fn hear(&self) {
        self.bell.hear();
    }

    /// What was asked for, if anything.
    pub(crate) fn take(&self) -> Option<ShutdownRequest> {
        self.request.lock().take()
    }
}

impl AsFd for Ending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Host for Process {
    fn used_memory(&self) -> usize {
        allocator::used_memory()
    }

    fn used_memory_here(&self) -> isize {
        allocator::thread_used_memory()
    }

    fn used_memory_elsewhere(&self) -> isize {
        allocator::used_memory().cast_signed() - allocator::thread_used_memory()
    }

    fn reclaim(&self, garbage: Garbage) {
        self.reclaimer.take(garbage);
    }

    fn reclaimed(&self) -> (usize, usize) {
        (self.reclaimer.pending(), self.reclaimer.freed())
    }

    fn reset_reclaimed(&self) {
        self.reclaimer.reset();
    }

    fn close_client(&self, worker: usize, client: ClientId) {
        match self.mailboxes.get(worker) {
            Some(mailbox) => mailbox.send(Mail::Close(client)),
            // The one that stands for a primary.
            None => self.link.ring(),
        }
        // It may be a replica.
        self.replication.wake();
    }

    fn wake_workers(&self) {
        self.mailboxes.iter().for_each(|mailbox| mailbox.send(Mail::Resume));
    }

    fn wake_worker(&self, worker: usize) {
        if let Some(mailbox) = self.mailboxes.get(worker) {
            mailbox.ring();
        }
    }

    fn log(&self, level: LogLevel, message: &str) {
        match level {
            LogLevel::Debug => log::debug(message),
            LogLevel::Verbose => log::verbose(message),
            LogLevel::Notice => log::notice(message),
            LogLevel::Warning => log::warning(message),
        }
    }

    fn contain(&self, run: &mut dyn FnMut()) -> bool {
        process::crash::contain(run).is_ok()
    }

    #[track_caller]
    fn give_up(&self, message: &str) {
        process::crash::give_up(message, std::panic::Location::caller());
    }

    fn sleep(&self, microseconds: u64) {
        std::thread::sleep(Duration::from_micros(microseconds));
    }

    fn save_in_background(
        &self,
        engine: &Engine,
        job: Job,
        view: &mut View<'_>,
    ) -> Option<Outcome> {
        let unsent = self.saver.take(job).err()?;
        // Its thread is gone: the process ends.
        unsent.abandon(engine, view);
        Some(Outcome::Failed)
    }

    fn save_at_once(&self, engine: &Engine, view: &mut View<'_>) -> bool {
        saving::save_at_once(engine, view, self.clock.read().unix_us)
    }

    fn load_at_once(
        &self,
        engine: &Engine,
        view: &mut View<'_>,
        present: keyspace::Present,
    ) -> bool {
        crate::loading::load_at_rest(engine, view, present, self.clock.read().unix_us).is_ok()
    }

    fn shut_down(
        &self,
        request: ShutdownRequest,
        engine: &Engine,
        view: &mut View<'_>,
    ) -> Result<(), ShutdownRefused> {
        self.prepare_end(request, engine, view)?;
        self.ending.ask(request);
        Ok(())
    }

    fn load_append_only(&self, engine: &Engine, view: &mut View<'_>) -> bool {
        self.append_only.reload(engine, view)
    }

    fn delay_append_only(&self, microseconds: u64) {
        self.append_only.set_flush_sleep(microseconds);
    }

    fn wake_link(&self) {
        self.link.ring();
    }

    fn rewrite_append_only(&self, later: bool) -> Rewrite {
        self.append_only.ask_to_rewrite(later)
    }

    fn hand_over_to(&self, engine: &Engine, target: &FailoverTarget) -> bool {
        let host = config::Text::from(target.host.as_bytes());
        engine.follow(config::replication::Primary { host, port: target.port });
        true
    }

    fn wake_replication(&self) {
        self.replication.wake();
    }

    fn note_stream(&self) {
        self.replication.note_progress();
    }

    fn note_role(&self, is_replica: bool) {
        log::set_role(if is_replica { log::Role::Replica } else { log::Role::Primary });
        self.oom_score.lock().note_role(is_replica);
    }

    fn await_shutdown(&self) {
        self.ending.bell.ring();
    }

    fn crash(&self, kind: CrashKind) {
        match kind {
            CrashKind::Segfault => process::crash::segfault(),
            CrashKind::Assertion => {
                process::crash::fail_assertion("1 == 2", std::panic::Location::caller());
            }
            CrashKind::Panic => {
                let now_s = self.clock.read().unix_us / 1_000_000;
                self.give_up(&format!("DEBUG PANIC called at Unix time {now_s}"));
            }
            CrashKind::OutOfMemory => {
                std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; 1 << 20]>())
            }
            CrashKind::Exit(code) => std::process::exit(code),
            CrashKind::Restart { .. } => {
                log::warning("Restarting in place is not built into this server yet");
            }
        }
    }

    fn apply(&self, changed: &[&'static str], config: &config::Config) -> Result<(), NotApplied> {
        let (mut listens, mut secures, mut tells) = (false, false, false);
        for &directive in changed {
            let applied = match directive {
                "loglevel" => {
                    configuration::apply_log(&config.logging).map_err(|error| error.to_string())
                }
                "dir" => std::env::set_current_dir(config.persistence.directory.as_path())
                    .map_err(|error| process::reason::reason(&error)),
                "maxclients" => limit_clients(config.limits.clients),
                "oom-score-adj" | "oom-score-adj-values" => self.adjust_oom_score(config),
                "crash-log-enabled" => {
                    process::crash::set_enabled(config.process.crash_log);
                    Ok(())
                }
                "appendonly" => self.append_only.switch(config.persistence.append_only),
                // Both together, once.
                "port" | "bind" if !listens => {
                    listens = true;
                    self.listen(Which::Plain, directive, config).and_then(|()| match directive {
                        "bind" => self.listen(Which::Encrypted, directive, config),
                        _ => Ok(()),
                    })
                }
                "locale-collate" if !config::process::is_locale(&config.process.locale) => {
                    Err("Invalid locale name".to_owned())
                }
                "watchdog-period" => {
                    let outcome = self.watchdog.restart(config.process.watchdog_period_ms);
                    outcome.map_err(|error| process::reason::reason(&error))
                }
                "metrics-port" | "metrics-bind" if !tells => {
                    tells = true;
                    let outcome = self.metrics.restart(&config.metrics);
                    outcome
                        .map_err(|_| "Unable to listen on this port. Check server logs.".to_owned())
                }
                // It may be the first that makes the others matter.
                "tls-port" => self
                    .secure(config)
                    .and_then(|()| self.listen(Which::Encrypted, directive, config)),
                _ if directive.starts_with("tls-") && !secures => {
                    secures = true;
                    self.secure(config)
                }
                _ => Ok(()),
            };
            applied.map_err(|reason| NotApplied { directive, reason })?;
        }
        if changed
            .iter()
            .any(|name| matches!(*name, "proc-title-template" | "port" | "bind" | "tls-port"))
        {
            crate::start::show_title(self.title.as_ref(), config, &self.shown_config_file);
        }
        Ok(())
    }

    fn read_file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn replace_file(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        configuration::replace_file(path, bytes)
    }

    fn draw_id(&self) -> String {
        crate::start::draw_id()
    }

    fn block_bytes(&self, bytes: usize) -> usize {
        if bytes == 0 { 0 } else { allocator::size_class::usable_size(bytes, 1) }
    }

    fn configuration_file(&self) -> Option<&dyn engine::host::ConfigurationFile> {
        self.configuration_file.as_ref().map(|file| file as &dyn engine::host::ConfigurationFile)
    }

    fn process(&self) -> ProcessReport {
        let usage = process::usage::read(self.first_worker_thread.load(Ordering::Relaxed));
        ProcessReport {
            system: process::usage::system(),
            multiplexing: "epoll",
            pid: std::process::id(),
            supervised: self.supervised,
            run_id: self.run_id.clone(),
            executable: std::env::current_exe()
                .map_or_else(|_| String::new(), |path| path.to_string_lossy().into_owned()),
            config_file: self
                .configuration_file
                .as_ref()
                .map_or_else(String::new, |file| file.path().to_owned()),
            uptime_s: self.clock.read().monotonic_us.saturating_sub(self.started_us) / 1_000_000,
            resident: usage.resident,
            total_system_memory: usage.total_system_memory,
            cpu_s: usage.cpu_s,
            cpu_children_s: usage.cpu_children_s,
            cpu_main_thread_s: usage.cpu_thread_s,
            tcp_port: self.listening.tcp_port(),
            listeners: self.listening.descriptions(),
        }
    }

    fn allocator(&self) -> AllocatorReport {
        let statistics = allocator::statistics().unwrap_or_default();
        AllocatorReport {
            name: version::allocator(),
            allocated: statistics.allocated,
            active: statistics.active,
            resident: statistics.resident,
            retained: statistics.retained,
            muzzy: statistics.muzzy,
            fragmented: statistics.small_free,
        }
    }

    fn purge_memory(&self) {
        if let Err(error) = allocator::purge() {
            log::warning(format_args!("Giving free memory back failed: {error}"));
        }
    }

    fn allocator_text(&self) -> Vec<u8> {
        allocator::report()
    }
}

impl Process {
    /// Does what has to be done while there is data: saves it, if that is asked for or configured. No call is executed afterwards, so that
    /// nothing is acknowledged that is not saved.
    pub(crate) fn prepare_end(
        &self,
        request: ShutdownRequest,
        engine: &Engine,
        view: &mut View<'_>,
    ) -> Result<(), ShutdownRefused> {
        if !engine.is_shutdown_pending() {
            log::warning("User requested shutdown...");
        }
        saving::abandon(engine);
        let now = self.clock.read();
        let is_wanted = !engine.config().persistence.save_points.is_empty();
        if request.save.unwrap_or(is_wanted) && !engine.loading.is_active() {
            log::notice("Saving the final RDB snapshot before exiting.");
            let now_s = i64::try_from(now.unix_us / 1_000_000).unwrap_or(i64::MAX);
            let saved = engine.save_at_once(view, 0, now_s);
            if !saved && !request.force {
                log::warning("Error trying to save the DB, can't exit.");
                return Err(ShutdownRefused);
            }
            if !saved {
                log::warning("Error trying to save the DB. Exit anyway.");
            }
        }
        let now_ms = i64::try_from(now.unix_us / 1000).unwrap_or(i64::MAX);
        engine.pause.begin(engine::PauseKind::All, i64::MAX, now_ms);
        Ok(())
    }

    /// Encrypts as the configuration says now.
    fn secure(&self, config: &config::Config) -> Result<(), String> {
        self.listening.renew_terms(config).map_err(|error| {
            log::warning(error);
            "Unable to update TLS configuration. Check server logs.".to_owned()
        })
    }

    /// Listens where the configuration says now.
    fn listen(&self, which: Which, directive: &str, config: &config::Config) -> Result<(), String> {
        let outcome = self.listening.restart(which, config);
        // Whatever came of it, the first worker must not wait for the old ones any more.
        let listeners = self.listening.listeners();
        if let Some(first) = self.mailboxes.first() {
            first.send(Mail::Listen(listeners));
        }
        // The cause is in the log.
        outcome.map_err(|_| match directive {
            "port" | "tls-port" => "Unable to listen on this port. Check server logs.".to_owned(),
            _ => "Failed to bind to specified addresses.".to_owned(),
        })
    }

    fn adjust_oom_score(&self, config: &config::Config) -> Result<(), String> {
        let adjusted = self.oom_score.lock().configure(oom_adjustments(&config.process));
        adjusted.map_err(|_| {
            "Failed to apply new oom_score_adj configuration, check server logs.".to_owned()
        })
    }
}

/// Lets the process have as many descriptors as so many clients need.
fn limit_clients(wanted: u32) -> Result<(), String> {
    let possible = process::limits::raise_for_clients(wanted).unwrap_or(0);
    if wanted <= possible {
        return Ok(());
    }
    Err(format!(
        "The operating system is not able to handle the specified number of clients, try with {possible}"
    ))
}

/// What the configuration says about the process's chance to be killed when memory runs out.
pub(crate) fn oom_adjustments(process: &config::process::Process) -> Adjustments {
    use config::process::OomScoreAdjust;
    // There are no children that could have the third.
    let [primary, replica, _] = process.oom_score_values;
    let adjustment = |value| match process.oom_score_adjust {
        OomScoreAdjust::No => Adjustment::Off,
        OomScoreAdjust::Relative => Adjustment::Relative(value),
        OomScoreAdjust::Absolute => Adjustment::Absolute(value),
    };
    Adjustments { primary: adjustment(primary), replica: adjustment(replica) }
}
