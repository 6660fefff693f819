//! From the command line to a server that serves, and to its end.
//!
//! In the order, and with the log lines, by which operators and their tools know a start: configuration, background, limits, process
//! file, banner, sockets, "Server initialized", workers, "Ready to accept connections". Then the main thread waits for a reason to end.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

use config::Config;
use config::command_line::CommandLine;
use config::process::Supervisor as SupervisedBy;
use config::{LoadError, Loaded};
use engine::Engine;
use keyspace::GateKey;
use rustix::event::{PollFd, PollFlags, poll};

use crate::clock::Clock;
use crate::configuration::{self, ConfigurationFile};
use crate::host::{Ending, Process, oom_adjustment};
use crate::listen::{ListenError, TcpSettings, listen_tcp, listen_unix, warn_of_backlog};
use crate::process::banner::{Banner, Show};
use crate::process::oom_score::OomScore;
use crate::process::pid_file::PidFile;
use crate::process::signals::{StopSignal, StopSignals};
use crate::process::supervision::{Mode, Supervisor};
use crate::process::system_check::warn_of_kernel_settings;
use crate::process::title::Title;
use crate::reclaimer::Reclaimer;
use crate::worker::{Listener, Mail, Mailbox, Worker};
use crate::{log, process, version};

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
    workers: Vec<JoinHandle<()>>,
    mailboxes: Arc<[Mailbox]>,
    signals: StopSignals,
    ending: Arc<Ending>,
    supervisor: Supervisor,
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
    let background = config.process.daemonize && supervisor.name() == "no";
    if background {
        process::daemon::daemonize()
            .map_err(|error| fail(format_args!("Can't go to the background: {error}")))?;
    }
    configuration::apply_log(&config.logging)
        .map_err(|error| fail(format_args!("Can't open the log file: {error}")))?;
    log_start(program, command_line, &loaded.notices);
    log::set_role(log::Role::Primary);
    let signals = StopSignals::install()
        .map_err(|error| fail(format_args!("Can't catch signals: {error}")))?;
    config.limits.clients =
        process::limits::raise_for_clients(config.limits.clients).ok_or(Failed)?;
    let pid_file = pid_file(&config, background);
    let shown_config_file = command_line
        .config_file
        .as_deref()
        .map_or_else(String::new, |path| String::from_utf8_lossy(path).into_owned());
    show_title(title.as_ref(), &config, &shown_config_file);
    show_banner(&config);
    warn_of_kernel_settings();
    warn_of_backlog(config.network.tcp_backlog);
    let mut oom_score = OomScore::new();
    // A failure is in the log, and the server is as good without.
    let _logged = oom_score.adjust(oom_adjustment(&config.process));
    let sockets = listen(&config)?;
    log::notice("Server initialized");

    let workers = usize::from(config.process.io_threads.max(1));
    let clock = Clock::start();
    let outfit = Outfit::new(workers)
        .map_err(|error| fail(format_args!("Can't set up workers: {error}")))?;
    let host = Process {
        mailboxes: Arc::clone(&outfit.mailboxes),
        reclaimer: Reclaimer::start()
            .map_err(|error| fail(format_args!("Can't start a thread: {error}")))?,
        ending: Arc::clone(&outfit.ending),
        configuration_file,
        supervised: supervisor.name(),
        clock,
        started_us: clock.read().monotonic_us,
        run_id: run_id(),
        listeners: sockets.described.clone(),
        tcp_port: sockets.tcp_port,
        title,
        first_worker_thread: Arc::clone(&outfit.first_worker_thread),
        shown_config_file,
        oom_score: parking_lot::Mutex::new(oom_score),
    };
    let unix_socket = (!config.network.unix_socket.is_empty())
        .then(|| config.network.unix_socket.as_path().to_owned());
    let (engine, keys) = Engine::new(workers, config, Box::new(host), ticks);
    // It lives as long as the process: workers and the crash report refer to it.
    let engine: &'static Engine = Box::leak(Box::new(engine));
    install_crash_report(engine, pid_file.as_ref());
    let threads = spawn_workers(engine, keys, &outfit, sockets.listeners, clock)?;
    for kind in sockets.kinds {
        log::notice(format_args!("Ready to accept connections {kind}"));
    }
    supervisor.ready();
    supervisor.status("Ready to accept connections");
    Ok(Server {
        engine,
        workers: threads,
        mailboxes: outfit.mailboxes,
        signals,
        ending: outfit.ending,
        supervisor,
        pid_file,
        unix_socket,
    })
}

/// What workers share beside the engine.
struct Outfit {
    mailboxes: Arc<[Mailbox]>,
    ending: Arc<Ending>,
    first_worker_thread: Arc<AtomicU32>,
}

impl Outfit {
    fn new(workers: usize) -> std::io::Result<Outfit> {
        let mailboxes: Vec<Mailbox> =
            (0..workers).map(|_| Mailbox::new()).collect::<Result<_, _>>()?;
        Ok(Outfit {
            mailboxes: mailboxes.into(),
            ending: Arc::new(Ending::new()?),
            first_worker_thread: Arc::default(),
        })
    }
}

#[expect(clippy::print_stderr, reason = "there is no log yet")]
fn read_configuration(command_line: &CommandLine, cores: u16) -> Result<Loaded, Failed> {
    if command_line.sentinel {
        eprintln!("Sentinel is not built into this server yet.");
        return Err(Failed);
    }
    configuration::read(command_line, cores).map_err(|error| {
        match error {
            LoadError::ConfigFile(error) => {
                eprint!("{}", error.report(&format!("Redis {}", engine::REDIS_VERSION)));
            }
            LoadError::Include(error) => log::warning(error),
        }
        Failed
    })
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
}

fn pid_file(config: &Config, background: bool) -> Option<PidFile> {
    let path = &config.process.pid_file;
    if !path.is_empty() {
        return Some(PidFile::write(path.as_path().to_owned()));
    }
    background.then(|| PidFile::write(PathBuf::from("/var/run/redis.pid")))
}

/// Shows what the process does where processes are listed.
pub(crate) fn show_title(title: Option<&Title>, config: &Config, config_file: &str) {
    use process::title::{Template, Variables};
    let Some(title) = title else { return };
    let Ok(template) = Template::parse(&config.process.title_template.to_string_lossy()) else {
        return;
    };
    let program = std::env::args().next().unwrap_or_default();
    let unix_socket = config.network.unix_socket.to_string_lossy().into_owned();
    let listen_address = if config.network.port == 0 {
        unix_socket.clone()
    } else {
        let host =
            config.network.bind.first().map_or_else(|| "*".into(), config::Text::to_string_lossy);
        let host = if host == "* -::*" { "*".into() } else { host };
        format!("{host}:{}", config.network.port)
    };
    title.set(&template.expand(&Variables {
        title: &program,
        listen_address: &listen_address,
        server_mode: "",
        port: config.network.port,
        tls_port: 0,
        unix_socket: &unix_socket,
        config_file,
    }));
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

/// What is listened on.
struct Sockets {
    listeners: Vec<Listener>,
    /// `tcp` and `unix`, for the log.
    kinds: Vec<&'static str>,
    /// As INFO shows them.
    described: Vec<String>,
    tcp_port: u16,
}

fn listen(config: &Config) -> Result<Sockets, Failed> {
    let mut sockets =
        Sockets { listeners: Vec::new(), kinds: Vec::new(), described: Vec::new(), tcp_port: 0 };
    let network = &config.network;
    if network.port != 0 {
        let addresses =
            network.bind.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let settings = TcpSettings {
            addresses,
            port: network.port,
            backlog: network.tcp_backlog,
            listeners: 1,
        };
        let groups = listen_tcp(&settings).map_err(|error| match error {
            // Its cause is in the log already.
            ListenError::Tcp { .. } | ListenError::Nowhere | ListenError::Unix { .. } => {
                fail(error)
            }
        })?;
        for listener in groups.into_iter().flatten() {
            sockets.tcp_port = listener.local_addr().map_or(network.port, |address| address.port());
            sockets.listeners.push(Listener { socket: OwnedFd::from(listener), is_unix: false });
        }
        sockets.kinds.push("tcp");
        let binds: Vec<_> =
            network.bind.iter().map(|word| format!(",bind={}", word.to_string_lossy())).collect();
        sockets.described.push(format!("name=tcp{},port={}", binds.concat(), sockets.tcp_port));
    }
    if !network.unix_socket.is_empty() {
        let mode = Some(network.unix_socket_mode).filter(|mode| *mode != 0);
        let listener =
            listen_unix(network.unix_socket.as_path(), mode, network.tcp_backlog).map_err(fail)?;
        sockets.listeners.push(Listener { socket: OwnedFd::from(listener), is_unix: true });
        sockets.kinds.push("unix");
        sockets.described.push(format!("name=unix,bind={}", network.unix_socket.to_string_lossy()));
    }
    if sockets.listeners.is_empty() {
        return Err(fail(ListenError::Nowhere));
    }
    Ok(sockets)
}

/// 40 hexadecimal digits that no other run has.
fn run_id() -> String {
    let mut bytes = [0; 20];
    // The kernel gives so few bytes whole, and always, once it is up.
    let _filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Nanoseconds since some moment, by the processor's own counter.
fn ticks() -> u64 {
    static CLOCK: std::sync::LazyLock<quanta::Clock> = std::sync::LazyLock::new(quanta::Clock::new);
    CLOCK.delta_as_nanos(0, CLOCK.raw())
}

fn install_crash_report(engine: &'static Engine, pid_file: Option<&PidFile>) {
    let config = engine.config();
    process::crash::set_enabled(config.process.crash_log);
    let settings = process::crash::Settings {
        version: concat!("Ochre ", env!("CARGO_PKG_VERSION")),
        current: |_| Ok(()),
        sections: Vec::new(),
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

fn spawn_workers(
    engine: &'static Engine,
    keys: Vec<GateKey>,
    outfit: &Outfit,
    listeners: Vec<Listener>,
    clock: Clock,
) -> Result<Vec<JoinHandle<()>>, Failed> {
    let mut listeners = Some(listeners);
    let mut threads = Vec::with_capacity(keys.len());
    for (index, key) in keys.into_iter().enumerate() {
        let mailboxes = Arc::clone(&outfit.mailboxes);
        let listeners = listeners.take().unwrap_or_default();
        let thread_number = Arc::clone(&outfit.first_worker_thread);
        let run = move || {
            if index == 0 {
                thread_number.store(
                    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned(),
                    Ordering::Relaxed,
                );
            }
            let _stack = process::crash::SignalStack::new();
            let worker = engine::Worker::new(engine, index, key, seed());
            let outcome = Worker::new(engine, worker, mailboxes, listeners, clock)
                .and_then(|mut worker| worker.run());
            if let Err(error) = outcome {
                log::warning(format_args!("Worker {index} can't go on: {error}"));
                std::process::exit(1);
            }
        };
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(run);
        threads.push(thread.map_err(|error| fail(format_args!("Can't start a thread: {error}")))?);
    }
    Ok(threads)
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    // As in `run_id`.
    let _filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_ne_bytes(bytes)
}

impl Server {
    /// Waits until a signal or a client asks for the end.
    fn wait(&self) {
        loop {
            let mut sources = [
                PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.ending.as_fd(), PollFlags::IN),
            ];
            // An error is an interruption: the sources are looked at either way.
            let _interrupted = poll(&mut sources, None);
            if let Some(signal) = self.signals.take() {
                let config = self.engine.config();
                let options = match signal {
                    StopSignal::Interrupt => config.process.shutdown_on_sigint,
                    StopSignal::Terminate => config.process.shutdown_on_sigterm,
                };
                if options.save == config::process::SaveFirst::Save && !options.force {
                    log::warning(
                        "The signal is configured to save first, and this server cannot save yet: it goes on.",
                    );
                    self.signals.resume();
                    continue;
                }
                return;
            }
            if self.ending.take().is_some() {
                return;
            }
        }
    }

    fn end(self) {
        log::warning("User requested shutdown...");
        self.supervisor.stopping();
        self.mailboxes.iter().for_each(|mailbox| mailbox.send(Mail::Stop));
        for worker in self.workers {
            // A worker that panicked has been reported.
            let _panicked = worker.join();
        }
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
