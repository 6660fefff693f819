//! From the command line to a server that serves, and to its end.
//!
//! In the order, and with the log lines, by which operators and their tools know a start: configuration, background, limits, process
//! file, banner, sockets, "Server initialized", workers, "Ready to accept connections". Then the main thread waits for a reason to end.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Barrier, LazyLock};
use std::thread::JoinHandle;
use std::time::Duration;

use allocator::prepared::Demand;
use config::Config;
use config::command_line::CommandLine;
use config::process::{SaveFirst, ShutdownOptions, Supervisor as SupervisedBy};
use config::{LoadError, Loaded};
use engine::Engine;
use engine::host::ShutdownRequest;
use engine::saving::Job;
use keyspace::GateKey;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::append_only::{self, AppendOnly, Syncer};
use crate::bell::Bell;
use crate::clock::Clock;
use crate::configuration::{self, ConfigurationFile};
use crate::following::Link;
use crate::host::{Ending, Process, oom_adjustments};
use crate::listen::warn_of_backlog;
use crate::listening::Listening;
use crate::metrics::Endpoint;
use crate::process::banner::{Banner, Show};
use crate::process::oom_score::OomScore;
use crate::process::pid_file::PidFile;
use crate::process::signals::{StopSignal, StopSignals};
use crate::process::supervision::{Mode, Supervisor};
use crate::process::system_check::warn_of_kernel_settings;
use crate::process::title::Title;
use crate::reclaimer::Reclaimer;
use crate::replication::{Feeder, Replication, tell_workers};
use crate::saving::{self, Saver};
use crate::watchdog::Watchdog;
use crate::worker::{Listener, Mail, Mailbox, Worker};
use crate::{loading, log, process, version, worker};

/// Why the server did not start. The reason has been logged or printed.
struct Failed;

/// Serves until it is told to end.
pub(crate) fn serve(program: &str, command_line: &CommandLine) -> ExitCode {
    match start(program, command_line) {
        Ok(server) => {
            server.wait();
            server.end();
            ExitCode::SUCCESS
        }
        Err(Failed) => ExitCode::FAILURE,
    }
}

/// A server that serves.
struct Server {
    engine: &'static Engine,
    clock: Clock,
    workers: Vec<JoinHandle<()>>,
    mailboxes: Arc<[Mailbox]>,
    signals: StopSignals,
    ending: Arc<Ending>,
    supervisor: Supervisor,
    syncer: Syncer,
    feeder: Feeder,
    pid_file: Option<PidFile>,
    unix_socket: Option<PathBuf>,
}

fn start(program: &str, command_line: &CommandLine) -> Result<Server, Failed> {
    let cores = std::thread::available_parallelism()
        .map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX));
    let configuration_file = command_line.config_file.as_deref().map(ConfigurationFile::new);
    let loaded = read_configuration(command_line, cores)?;
    let mut config = loaded.config;
    // Before there is any other thread: the daemon would not have it.
    let title = config.process.set_title.then(Title::claim).and_then(Result::ok);
    let supervisor = Supervisor::detect(supervision_mode(config.process.supervised));
    let background = go_to_background(&config, &supervisor)?;
    open_log(&config)?;
    log_start(program, command_line, &loaded.notices);
    let signals = StopSignals::install()
        .map_err(|error| fail(format_args!("Can't catch signals: {error}")))?;
    config.limits.clients =
        process::limits::raise_for_clients(config.limits.clients).ok_or(Failed)?;
    let pid_file = pid_file(&config, background);
    let shown_config_file = shown_config_file(configuration_file.as_ref());
    show_title(title.as_ref(), &config, &shown_config_file);
    greet(&config);
    let oom_score = adjusted_oom_score(&config);
    let listening = Arc::new(Listening::start(&config).map_err(fail)?);

    let workers = usize::from(config.process.io_threads.max(1));
    allocator::prepared::start().map_err(|error| no_thread(&error))?;
    let clock = Clock::start();
    let outfit = Outfit::new(workers, clock)
        .map_err(|error| fail(format_args!("Can't set up workers: {error}")))?;
    let (saver, jobs) = Saver::new();
    let host = Process {
        saver,
        mailboxes: Arc::clone(&outfit.mailboxes),
        append_only: Arc::clone(&outfit.append_only),
        replication: Arc::clone(&outfit.replication),
        reclaimer: Reclaimer::start().map_err(|error| no_thread(&error))?,
        ending: Arc::clone(&outfit.ending),
        configuration_file,
        supervised: supervisor.name(),
        clock,
        started_us: clock.read().monotonic_us,
        run_id: draw_id(),
        listening: Arc::clone(&listening),
        metrics: Arc::clone(&outfit.metrics),
        watchdog: Arc::clone(&outfit.watchdog),
        title,
        first_worker_thread: Arc::clone(&outfit.first_worker_thread),
        shown_config_file,
        link: Arc::clone(&outfit.link),
        oom_score: parking_lot::Mutex::new(oom_score),
    };
    let unix_socket = unix_socket(&config);
    let (engine, keys) = Engine::new(workers, config, Box::new(host), ticks);
    // It lives as long as the process: workers and the crash report refer to it.
    let engine: &'static Engine = Box::leak(Box::new(engine));
    engine.prepare_users().map_err(fail)?;
    log::notice("Server initialized");
    install_crash_report(engine, clock, pid_file.as_ref());
    engine.saving.note_loaded(seconds(clock), 0);
    let (syncer, feeder) = start_writers(engine, jobs, &outfit, clock)?;
    let threads = begin_to_serve(engine, keys, &outfit, &listening, &signals, clock)?;
    announce(&listening, &supervisor);
    Ok(Server {
        engine,
        clock,
        workers: threads,
        mailboxes: outfit.mailboxes,
        signals,
        ending: outfit.ending,
        supervisor,
        syncer,
        feeder,
        pid_file,
        unix_socket,
    })
}

fn no_thread(error: &std::io::Error) -> Failed {
    fail(format_args!("Can't start a thread: {error}"))
}

/// Where clients of the same machine may connect.
fn unix_socket(config: &Config) -> Option<PathBuf> {
    let path = &config.network.unix_socket;
    (!path.is_empty()).then(|| path.as_path().to_owned())
}

/// Goes to the background if that is wanted; says whether it is there.
fn go_to_background(config: &Config, supervisor: &Supervisor) -> Result<bool, Failed> {
    let background = config.process.daemonize && supervisor.name() == "no";
    if background {
        process::daemon::daemonize()
            .map_err(|error| fail(format_args!("Can't go to the background: {error}")))?;
    }
    Ok(background)
}

/// Starts the threads that write files, and the one that serves replicas.
fn start_writers(
    engine: &'static Engine,
    jobs: Receiver<Job>,
    outfit: &Outfit,
    clock: Clock,
) -> Result<(Syncer, Feeder), Failed> {
    outfit.append_only.serve(engine);
    let config = engine.config();
    outfit.metrics.serve(engine, &config.metrics).map_err(fail)?;
    let watching = outfit.watchdog.serve(engine, config.process.watchdog_period_ms);
    watching.map_err(|error| no_thread(&error))?;
    saving::spawn(engine, jobs, clock)
        .and_then(|()| {
            let syncer = Syncer::start(Arc::clone(&outfit.append_only))?;
            Ok((syncer, Feeder::start(Arc::clone(&outfit.replication), engine)?))
        })
        .map_err(|error| no_thread(&error))
}

/// Says that the server serves.
fn announce(listening: &Listening, supervisor: &Supervisor) {
    for kind in listening.kinds() {
        log::notice(format_args!("Ready to accept connections {kind}"));
    }
    supervisor.ready();
    supervisor.status("Ready to accept connections");
}

/// Starts the workers, and loads the data, if there are some, beside them.
fn begin_to_serve(
    engine: &'static Engine,
    keys: Vec<GateKey>,
    outfit: &Outfit,
    listening: &Listening,
    signals: &StopSignals,
    clock: Clock,
) -> Result<Vec<JoinHandle<()>>, Failed> {
    let primary = engine.config().replication.primary.clone();
    if let Some(primary) = &primary {
        engine.start_as_replica(primary);
    }
    let has_data = has_data(&engine.config());
    if has_data {
        // Before there are workers, so that nobody is served who comes before the data.
        engine.loading.begin(0, seconds(clock));
    }
    let threads = spawn_workers(engine, keys, outfit, listening.listeners(), clock)?;
    if has_data {
        load(engine, clock, signals, outfit)?;
    }
    if let Some(primary) = primary {
        let closed = engine.keyspace.gates().close();
        engine.begin_following(primary);
        drop(closed);
    }
    let mailboxes = Arc::clone(&outfit.mailboxes);
    let append_only = Arc::clone(&outfit.append_only);
    Link::new(engine, clock, Arc::clone(&outfit.link), mailboxes, append_only, listening.terms())
        .spawn()
        .map_err(|error| no_thread(&error))?;
    Ok(threads)
}

/// Whether there may be something to load.
fn has_data(config: &Config) -> bool {
    let snapshot = config.persistence.snapshot_file.as_path();
    config.persistence.append_only || !matches!(snapshot.try_exists(), Ok(false))
}

/// Loads the data on another thread, and waits for that or for a reason to end.
fn load(
    engine: &'static Engine,
    clock: Clock,
    signals: &StopSignals,
    outfit: &Outfit,
) -> Result<(), Failed> {
    let cannot = |error| fail(format_args!("Can't start a thread: {error}"));
    let bell = Arc::new(Bell::new().map_err(cannot)?);
    let rung = Arc::clone(&bell);
    let append_only = Arc::clone(&outfit.append_only);
    let run = move || {
        let outcome = if engine.config().persistence.append_only {
            append_only.load(engine).map_err(|append_only::NotLoaded| Failed)
        } else {
            loading::load_at_start(engine, clock).map_err(|loading::Failed| Failed)
        };
        rung.ring();
        outcome
    };
    let thread =
        std::thread::Builder::new().name("loader".to_owned()).spawn(run).map_err(cannot)?;
    while !thread.is_finished() {
        let mut sources = [
            PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(outfit.ending.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(bell.as_fd(), PollFlags::IN),
        ];
        // An error is an interruption: the sources are looked at either way.
        let _interrupted = poll(&mut sources, None);
        if signals.take().is_some() || outfit.ending.take().is_some() {
            log::warning("Received shutdown signal during loading, exiting now.");
            std::process::exit(0);
        }
        if sources[2].revents().contains(PollFlags::IN) {
            break;
        }
    }
    match thread.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The configuration file as the title shows it.
fn shown_config_file(file: Option<&ConfigurationFile>) -> String {
    use engine::host::ConfigurationFile as _;
    file.map_or_else(|| "-".to_owned(), |file| file.path().to_owned())
}

fn adjusted_oom_score(config: &Config) -> OomScore {
    let mut oom_score = OomScore::new();
    // A failure is in the log, and the server is as good without.
    let _logged = oom_score.configure(oom_adjustments(&config.process));
    oom_score
}

/// What workers share beside the engine.
struct Outfit {
    mailboxes: Arc<[Mailbox]>,
    append_only: Arc<AppendOnly>,
    replication: Arc<Replication>,
    metrics: Arc<Endpoint>,
    watchdog: Arc<Watchdog>,
    ending: Arc<Ending>,
    first_worker_thread: Arc<AtomicU32>,
    /// Wakes the link to the primary.
    link: Arc<Bell>,
}

impl Outfit {
    fn new(workers: usize, clock: Clock) -> std::io::Result<Outfit> {
        /// Descriptors of workers, of which each has two, that are among those reserved for the process anyway.
        const RESERVED: usize = 16;
        process::limits::raise_by((2 * workers).saturating_sub(RESERVED) as u64);
        let mailboxes: Vec<Mailbox> =
            (0..workers).map(|_| Mailbox::new()).collect::<Result<_, _>>()?;
        let mailboxes: Arc<[Mailbox]> = mailboxes.into();
        Ok(Outfit {
            append_only: Arc::new(AppendOnly::new(Arc::clone(&mailboxes), clock)),
            replication: Arc::new(Replication::new(Arc::clone(&mailboxes), clock)?),
            metrics: Arc::new(Endpoint::new(clock)),
            watchdog: Arc::new(Watchdog::new(clock)),
            mailboxes,
            ending: Arc::new(Ending::new()?),
            first_worker_thread: Arc::default(),
            link: Arc::new(Bell::new()?),
        })
    }
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
fn read_configuration(command_line: &CommandLine, cores: u16) -> Result<Loaded, Failed> {
    if command_line.sentinel {
        eprintln!("Sentinel is not built into this server yet.");
        return Err(Failed);
    }
    let mut loaded = configuration::read(command_line, cores).map_err(|error| {
        match error {
            LoadError::ConfigFile(error) => {
                eprint!("{}", error.report(&format!("Redis {}", engine::REDIS_VERSION)));
            }
            LoadError::Include(error) => log::warning(error),
        }
        Failed
    })?;
    if !config::process::is_locale(&loaded.config.process.locale) {
        return Err(fail("Failed to configure LOCALE for invalid locale name."));
    }
    if let Ok(directory) = std::env::current_dir() {
        loaded.config.persistence.directory = config::Text::from(directory.as_os_str().as_bytes());
    }
    Ok(loaded)
}

fn fail(reason: impl std::fmt::Display) -> Failed {
    log::warning(reason);
    Failed
}

fn supervision_mode(supervised: SupervisedBy) -> Mode {
    match supervised {
        SupervisedBy::Upstart => Mode::Upstart,
        SupervisedBy::Systemd => Mode::Systemd,
        SupervisedBy::Auto => Mode::Auto,
        SupervisedBy::None => Mode::No,
    }
}

fn open_log(config: &Config) -> Result<(), Failed> {
    configuration::apply_log(&config.logging)
        .map_err(|error| fail(format_args!("Can't open the log file: {error}")))?;
    Ok(())
}

fn log_start(program: &str, command_line: &CommandLine, notices: &[String]) {
    log::notice("oO0OoO0OoO0Oo Ochre is starting oO0OoO0OoO0Oo");
    log::notice(format_args!(
        "Ochre version={}, Redis version={}, bits={}, pid={}, just started",
        version::OCHRE,
        engine::REDIS_VERSION,
        usize::BITS,
        std::process::id()
    ));
    let none_given = command_line.config_file.is_none()
        && !command_line.standard_input
        && command_line.overrides.is_empty();
    if none_given {
        log::warning(format_args!(
            "Warning: no config file specified, using the default config. In order to specify a config file use \
             {program} /path/to/ochre.conf"
        ));
    } else {
        log::notice("Configuration loaded");
    }
    notices.iter().for_each(log::notice);
    log::set_role(log::Role::Primary);
}

fn pid_file(config: &Config, background: bool) -> Option<PidFile> {
    let path = &config.process.pid_file;
    if !path.is_empty() {
        return Some(PidFile::write(path.as_path().to_owned()));
    }
    background.then(|| PidFile::write(PathBuf::from("/var/run/redis.pid")))
}

/// The name that the process was started by. The title is written over the arguments, so they can be read only once.
static PROGRAM: LazyLock<String> = LazyLock::new(|| std::env::args().next().unwrap_or_default());

/// Shows what the process does where processes are listed.
pub(crate) fn show_title(title: Option<&Title>, config: &Config, config_file: &str) {
    use process::title::{Template, Variables};
    let Some(title) = title else { return };
    let Ok(template) = Template::parse(&config.process.title_template.to_string_lossy()) else {
        return;
    };
    let unix_socket = config.network.unix_socket.to_string_lossy().into_owned();
    let shown_port = if config.network.port == 0 { config.tls.port } else { config.network.port };
    let listen_address = if shown_port == 0 {
        unix_socket.clone()
    } else {
        let host =
            config.network.bind.first().map_or_else(|| "*".into(), config::Text::to_string_lossy);
        let host = if host == "* -::*" { "*".into() } else { host };
        format!("{host}:{shown_port}")
    };
    title.set(&template.expand(&Variables {
        title: &PROGRAM,
        listen_address: &listen_address,
        server_mode: "",
        port: config.network.port,
        tls_port: config.tls.port,
        unix_socket: &unix_socket,
        config_file,
    }));
}

/// Says who is there, and what of the machine is not as it should be.
fn greet(config: &Config) {
    show_banner(config);
    warn_of_kernel_settings();
    warn_of_backlog(config.network.tcp_backlog);
}

fn show_banner(config: &Config) {
    let banner = Banner {
        version: version::OCHRE,
        redis_version: engine::REDIS_VERSION,
        mode: "standalone",
        port: config.network.port,
    };
    let logs_to_output = config.logging.file.is_empty() && !config.logging.syslog;
    banner.show(if config.process.always_show_logo {
        Show::Always
    } else {
        Show::OnTerminal { logs_to_output }
    });
}

/// 40 hexadecimal digits that no other run has.
pub(crate) fn draw_id() -> String {
    let mut bytes = [0; 20];
    // The kernel gives so few bytes whole, and always, once it is up.
    let _filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Nanoseconds since some moment, by the processor's own counter.
fn ticks() -> u64 {
    static CLOCK: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);
    CLOCK.delta_as_nanos(0, CLOCK.raw())
}

fn install_crash_report(engine: &'static Engine, clock: Clock, pid_file: Option<&PidFile>) {
    let config = engine.config();
    process::crash::set_enabled(config.process.crash_log);
    let settings = process::crash::Settings {
        version: concat!("Ochre ", env!("CARGO_PKG_VERSION")),
        current: |text| match worker::current_client() {
            0 => Ok(()),
            id => write!(text, "id={id}"),
        },
        sections: crash_sections(engine, clock),
        pid_file: pid_file.map(|file| file.path().to_owned()),
        deadline: process::crash::USUAL_DEADLINE,
        end: if config.process.exit_on_panic {
            process::crash::End::Exit
        } else {
            process::crash::End::Abort
        },
    };
    if let Err(error) = process::crash::install(settings) {
        log::warning(format_args!("Crashes will leave no report: {error}"));
    }
}

/// What tells of the server in a report of its crash.
fn crash_sections(engine: &'static Engine, clock: Clock) -> Vec<process::crash::Section> {
    let microseconds = move || i64::try_from(clock.read().unix_us).unwrap_or(i64::MAX);
    let clients = move || {
        let now_ms = microseconds() / 1000;
        let clients = engine.clients.all();
        let lines = clients.iter().map(|client| client.describe(now_ms, &engine.commands, None));
        lines.collect::<Vec<_>>().join("\n")
    };
    let configuration = move || {
        let config = engine.config();
        let told = config::directives()
            .filter(|directive| !directive.sensitive && !directive.is_default(&config));
        let lines = told.map(|directive| {
            format!("{} {}", directive.name, String::from_utf8_lossy(&directive.print(&config)))
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    vec![
        process::crash::Section {
            title: "INFO OUTPUT",
            text: Box::new(move || engine.information(microseconds())),
        },
        process::crash::Section { title: "CLIENT LIST OUTPUT", text: Box::new(clients) },
        process::crash::Section { title: "CONFIG DEBUG OUTPUT", text: Box::new(configuration) },
    ]
}

fn spawn_workers(
    engine: &'static Engine,
    keys: Vec<GateKey>,
    outfit: &Outfit,
    listeners: Vec<Listener>,
    clock: Clock,
) -> Result<Vec<JoinHandle<()>>, Failed> {
    let mut listeners = Some(listeners);
    let mut threads = Vec::with_capacity(keys.len());
    // Nobody serves, and the server does not say that it is ready, before all workers are set up.
    let all_are_set_up = Arc::new(Barrier::new(keys.len() + 1));
    for (index, key) in keys.into_iter().enumerate() {
        let set_up = Arc::clone(&all_are_set_up);
        let mailboxes = Arc::clone(&outfit.mailboxes);
        let listeners = listeners.take().unwrap_or_default();
        let thread_number = Arc::clone(&outfit.first_worker_thread);
        let append_only = Arc::clone(&outfit.append_only);
        let replication = Arc::clone(&outfit.replication);
        let run = move || {
            if index == 0 {
                thread_number.store(
                    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned(),
                    Ordering::Relaxed,
                );
            }
            let _stack = process::crash::SignalStack::new();
            prepare_memory();
            let worker = engine::Worker::new(engine, index, key, seed());
            let shared = (append_only, replication);
            let outcome = Worker::new(engine, worker, mailboxes, listeners, shared, clock)
                .and_then(|mut worker| {
                    set_up.wait();
                    worker.run()
                });
            if let Err(error) = outcome {
                log::warning(format_args!("Worker {index} can't go on: {error}"));
                std::process::exit(1);
            }
        };
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(run);
        threads.push(thread.map_err(|error| fail(format_args!("Can't start a thread: {error}")))?);
    }
    all_are_set_up.wait();
    Ok(threads)
}

/// Has what this thread allocates come from memory that is prepared by another. Without it, it comes a little later.
fn prepare_memory() {
    if let Err(error) = allocator::prepared::use_here(Demand::Requests) {
        log::warning(format_args!("Memory can't be prepared: {error}"));
    }
}

/// Unix time in seconds.
fn seconds(clock: Clock) -> i64 {
    i64::try_from(clock.read().unix_us / 1_000_000).unwrap_or(i64::MAX)
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    // As in `draw_id`.
    let _filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_ne_bytes(bytes)
}

/// What a signal asks for, as it is configured.
fn request_of(options: ShutdownOptions) -> ShutdownRequest {
    let save = match options.save {
        SaveFirst::IfSavePoints => None,
        SaveFirst::Save => Some(true),
        SaveFirst::NoSave => Some(false),
    };
    ShutdownRequest { save, now: options.now, force: options.force }
}

impl Server {
    /// Waits until a signal or a client asks for the end, and until replicas have everything then.
    fn wait(&self) {
        /// Between two looks at what replicas have.
        const INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        loop {
            let patience = self.engine.is_shutdown_pending().then_some(INTERVAL);
            let mut sources = [
                PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.ending.as_fd(), PollFlags::IN),
            ];
            // An error is an interruption: the sources are looked at either way.
            let _interrupted = poll(&mut sources, patience.as_ref());
            self.ending.hear();
            let mut due = self.engine.due_shutdown(self.now_ms());
            if let Some(signal) = self.signals.take() {
                let config = self.engine.config();
                let options = match signal {
                    StopSignal::Interrupt => config.process.shutdown_on_sigint,
                    StopSignal::Terminate => config.process.shutdown_on_sigterm,
                };
                let request = request_of(options);
                if self.engine.wait_before_shutdown(request, self.now_ms()) {
                    self.signals.resume();
                } else {
                    due = Some(request);
                }
            }
            if self.ending.take().is_some() {
                return;
            }
            if let Some(request) = due {
                if self.prepare_end(request) {
                    return;
                }
                log::warning(
                    "Errors trying to shut down the server. Check the logs for more information.",
                );
                tell_workers(&self.mailboxes, self.engine.give_up_shutdown().unwrap_or_default());
                self.signals.resume();
            }
        }
    }

    /// Unix time in ms.
    fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.read().unix_us / 1000).unwrap_or(i64::MAX)
    }

    /// Does what has to be done before the end; says whether the end may come.
    fn prepare_end(&self, request: ShutdownRequest) -> bool {
        let engine = self.engine;
        let mut round = keyspace::Round::aside();
        let mut closed = engine.keyspace.gates().close();
        let mut view = engine.keyspace.view(&mut closed, 0, &mut round);
        view.lock_all();
        engine.host.shut_down(request, engine, &mut view).is_ok()
    }

    fn end(self) {
        self.supervisor.stopping();
        self.mailboxes.iter().for_each(|mailbox| mailbox.send(Mail::Stop));
        for worker in self.workers {
            // What a script has done that does not end is in no file, and is lost with it.
            let is_stuck = || self.ending.is_hasty() && self.engine.is_busy();
            while !worker.is_finished() && !is_stuck() {
                std::thread::sleep(Duration::from_millis(1));
            }
            if worker.is_finished() {
                // A worker that panicked has been reported.
                let _panicked = worker.join();
            }
        }
        self.feeder.stop(!self.ending.is_now());
        self.syncer.stop();
        if let Some(pid_file) = self.pid_file {
            log::notice("Removing the pid file.");
            pid_file.remove();
        }
        if let Some(path) = self.unix_socket {
            log::notice("Removing the unix socket file.");
            if let Err(error) = std::fs::remove_file(&path) {
                log::warning(format_args!(
                    "Can't remove {}: {error}",
                    path.as_os_str().as_bytes().escape_ascii()
                ));
            }
        }
        log::warning("Ochre is now ready to exit, bye bye...");
    }
}
