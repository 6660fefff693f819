//! How a server is started: its program, its `redis.conf`, its arguments, and when it counts as ready.
//!
//! Every server gets a directory of its own (its working directory, with `redis.conf` and the
//! log in it) and, unless the test says otherwise, a free port on the loopback interface, no save
//! points and the DEBUG command. Standard output and error go to the file `log`, where `logfile ""` also sends the log.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::server::Server;
use crate::{Client, DEADLINE, free_port, wait_until_within};

/// How often a start is tried when another process was faster to take the port.
const TRIES: usize = 5;

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    /// What starts the program, if that is not the test itself.
    runner: Vec<String>,
    port: Option<u16>,
    /// Lines of `redis.conf` after those that every server gets; `None` to pass no file.
    lines: Option<Vec<String>>,
    arguments: Vec<String>,
    input: Option<Vec<u8>>,
    files: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    ready: Ready,
}

#[derive(Clone, Debug)]
enum Ready {
    Answers,
    Log(String),
}

/// Why no server came up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program could not be run, or its directory not be made.
    #[error("cannot start {program}: {source}")]
    Io {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("it ended with {status} before it was ready; its log:\n{log}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it had logged.
        log: String,
    },
    /// It runs, but did not become ready in time.
    #[error("it was not ready in time; its log:\n{log}")]
    Late {
        /// What it had logged.
        log: String,
    },
}

/// A server that has ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output, standard error and the log.
    pub log: String,
    /// Its working directory.
    pub directory: TempDir,
}

impl Launch {
    /// Starts `program`, with the settings that every server of a test gets.
    pub fn new(program: impl Into<PathBuf>) -> Launch {
        Launch {
            program: program.into(),
            runner: Vec::new(),
            port: None,
            lines: Some(Vec::new()),
            arguments: Vec::new(),
            input: None,
            files: Vec::new(),
            environment: Vec::new(),
            ready: Ready::Answers,
        }
    }

    /// Has another program start it: the words of `line`, followed by the command. That program has to become the server
    /// itself, as `ip netns exec HOST` does.
    #[must_use]
    pub fn through(mut self, line: &str) -> Launch {
        self.runner = line.split_whitespace().map(str::to_owned).collect();
        self
    }

    /// Adds a line to `redis.conf`.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Launch {
        self.lines.get_or_insert_default().push(line.into());
        self
    }

    /// Sets `io-threads`.
    #[must_use]
    pub fn workers(self, count: usize) -> Launch {
        self.line(format!("io-threads {count}"))
    }

    /// Passes no `redis.conf`: all there is are the arguments, and the port with them.
    #[must_use]
    pub fn without_file(mut self) -> Launch {
        self.lines = None;
        self
    }

    /// Adds an argument after the name of the file.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Launch {
        self.arguments.push(argument.into());
        self
    }

    /// Adds the arguments that stand between the spaces of `line`.
    #[must_use]
    pub fn arguments(mut self, line: &str) -> Launch {
        self.arguments.extend(line.split_whitespace().map(str::to_owned));
        self
    }

    /// Gives it `bytes` on standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Launch {
        self.input = Some(bytes.into());
        self
    }

    /// Puts a file into its directory before it starts.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, text: impl Into<String>) -> Launch {
        self.files.push((name.into(), text.into()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Launch {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts it on this port, in place of a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Launch {
        self.port = Some(port);
        self
    }

    /// Counts it as ready once its log holds `text`, in place of once it answers PING.
    #[must_use]
    pub fn ready_at(mut self, text: impl Into<String>) -> Launch {
        self.ready = Ready::Log(text.into());
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn start(&self) -> Server {
        match self.try_start() {
            Ok(server) => server,
            Err(error) => panic!("{}: {error}", self.program.display()),
        }
    }

    /// Starts it and waits until it is ready.
    pub fn try_start(&self) -> Result<Server, StartError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.start_once() {
                Err(StartError::Ended { log, .. })
                    if log.contains("Address already in use")
                        && self.port.is_none()
                        && tries < TRIES => {}
                outcome => return outcome,
            }
        }
    }

    /// Runs it until it ends by itself, for starts that are meant to fail.
    ///
    /// # Panics
    /// When it could not be run, or still runs at the deadline (it is ended then).
    #[track_caller]
    pub fn run_to_end(&self) -> Ended {
        let mut spawned = match self.spawn() {
            Ok(spawned) => spawned,
            Err(error) => panic!("{error}"),
        };
        let mut status = None;
        let in_time = wait_until_within(DEADLINE, || {
            status = spawned.child.try_wait().ok().flatten();
            status.is_some()
        });
        if !in_time {
            // Ends it, and shows its log.
            drop(spawned.into_server());
            panic!("it was to end by itself and did not");
        }
        let log = read_log(spawned.directory.path());
        let status = status.expect("it has ended");
        Ended { status, log, directory: spawned.directory }
    }

    fn start_once(&self) -> Result<Server, StartError> {
        let mut server = self.spawn()?.into_server();
        let address = server.address();
        let mut ended = None;
        let ready = wait_until_within(DEADLINE, || {
            ended = server.exit_status();
            ended.is_some()
                || match &self.ready {
                    Ready::Answers => answers(address, &server.log()),
                    Ready::Log(text) => server.log().contains(text),
                }
        });
        match (ended, ready) {
            (Some(status), _) => Err(StartError::Ended { status, log: server.log() }),
            (None, false) => Err(StartError::Late { log: server.log() }),
            (None, true) => Ok(server),
        }
    }

    fn spawn(&self) -> Result<Spawned, StartError> {
        let port = self.port.unwrap_or_else(free_port);
        self.spawn_on(port).map_err(|source| StartError::Io {
            program: self.program.display().to_string(),
            source,
        })
    }

    fn command(&self) -> Command {
        match self.runner.split_first() {
            None => Command::new(&self.program),
            Some((runner, words)) => {
                let mut command = Command::new(runner);
                command.args(words).arg(&self.program);
                command
            }
        }
    }

    fn spawn_on(&self, port: u16) -> io::Result<Spawned> {
        let directory = tempfile::Builder::new().prefix("ochre-test-").tempdir()?;
        for (name, text) in &self.files {
            fs::write(directory.path().join(name), text)?;
        }
        let log = File::create(directory.path().join(LOG))?;
        let mut command = self.command();
        command
            .current_dir(directory.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        if let Some(lines) = &self.lines {
            fs::write(directory.path().join("redis.conf"), configuration(port, lines))?;
            command.arg(directory.path().join("redis.conf"));
        } else {
            command.arg("--port").arg(port.to_string());
        }
        let mut child = command.args(&self.arguments).spawn()?;
        if let (Some(input), Some(mut pipe)) = (&self.input, child.stdin.take()) {
            // A server that ends before it has read all of it is the test's subject, not a fault here.
            let _ = pipe.write_all(input);
        }
        Ok(Spawned { child, port, directory })
    }
}

/// The name of the file that standard output and error go to.
const LOG: &str = "log";

/// A process that was started and may or may not become ready.
struct Spawned {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl Spawned {
    fn into_server(self) -> Server {
        Server::new(self.child, self.port, self.directory)
    }
}

/// What has been logged by the server that runs in `directory`.
pub(crate) fn read_log(directory: &Path) -> String {
    let bytes = fs::read(directory.join(LOG)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn configuration(port: u16, lines: &[String]) -> String {
    let mut text = format!("bind 127.0.0.1\nport {port}\nsave \"\"\nenable-debug-command yes\n");
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Whether a PING is answered, be it with a refusal for want of a password: the server then serves, unless it is still to
/// say so in its log, if it has one there.
fn answers(address: SocketAddr, log: &str) -> bool {
    let Ok(mut client) = Client::connect_within(address, Duration::from_secs(2)) else {
        return false;
    };
    if client.write(b"PING\r\n").is_err() {
        return false;
    }
    let line = client.read_line().unwrap_or_default();
    let serves = log.is_empty() || log.contains("Ready to accept connections");
    line.starts_with(b"+PONG") || line.starts_with(b"-NOAUTH") && serves
}
