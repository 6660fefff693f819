//! A server that runs, and that ends when the value is dropped.
//!
//! Dropping asks it to end (SIGTERM) and, when it does not within a few seconds, kills it. When
//! the test is failing, its log is printed, for that is where the reason often stands. A server
//! that crashed, though the test did not look at its end, makes the test fail.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::launch::read_log;
use crate::{Client, DEADLINE, wait_until, wait_until_within};

/// How long a server may take to end when it is dropped, before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of the log a failing test prints.
const LOG_LINES_SHOWN: usize = 60;

/// What the report of a crash begins with, and the first of its parts that is long and seldom tells the cause.
const REPORT_START: &str = "=== REDIS BUG REPORT START";
const REPORT_DETAILS: &str = "------ INFO OUTPUT ------";

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    directory: TempDir,
    /// The test has seen that it ended, and judges for itself how.
    is_end_known: bool,
}

impl Server {
    pub(crate) fn new(child: Child, port: u16, directory: TempDir) -> Server {
        Server { child, port, directory, is_end_known: false }
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The TCP address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// The working directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The `redis.conf` it was started with, if it was.
    pub fn configuration(&self) -> PathBuf {
        self.directory().join("redis.conf")
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// A new connection, with protocol 2.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn client(&self) -> Client {
        match Client::connect(self.address()) {
            Ok(client) => client,
            Err(error) => panic!("cannot connect to {}: {error}", self.address()),
        }
    }

    /// A new connection, with protocol 3.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn client_of_protocol_3(&self) -> Client {
        let mut client = self.client();
        client.hello(crate::Protocol::Resp3);
        client
    }

    /// All that was logged until now.
    pub fn log(&self) -> String {
        read_log(self.directory())
    }

    /// Waits until the log holds `text`.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        assert!(
            wait_until(|| self.log().contains(text)),
            "no {text:?} in the log:\n{}",
            self.log()
        );
    }

    /// Sends a signal; one that comes too late is lost.
    pub fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }

    /// How it ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().ok().flatten();
        self.is_end_known |= status.is_some();
        status
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it goes on past the deadline.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> ExitStatus {
        let mut status = None;
        let ended = wait_until_within(DEADLINE, || {
            status = self.exit_status();
            status.is_some()
        });
        assert!(ended, "it still runs; its log:\n{}", self.log());
        status.expect("it has ended")
    }

    /// The memory that is resident, in bytes, or 0 when it has ended.
    pub fn resident_bytes(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process_id());
        let status = fs::read_to_string(status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("");
        let kib = line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
        kib * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let is_end_known = self.is_end_known;
        self.signal(Signal::TERM);
        if !wait_until_within(PATIENCE, || self.exit_status().is_some()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let log = self.log();
        let has_crashed = !is_end_known && log.contains(REPORT_START);
        if std::thread::panicking() || has_crashed {
            show_log(&log);
        }
        assert!(!has_crashed || std::thread::panicking(), "the server crashed");
    }
}

fn send(process_id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(process_id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(id, signal);
    }
}

/// Kills a process that is not a child of the test, such as a server that went into the
/// background, when the test ends, if it still runs.
#[derive(Debug)]
pub struct ProcessGuard(u32);

impl ProcessGuard {
    /// Guards the process with this id.
    pub fn new(process_id: u32) -> ProcessGuard {
        ProcessGuard(process_id)
    }
}

impl Drop for ProcessGuard {
    fn drop(&mut self) {
        send(self.0, Signal::KILL);
    }
}

#[expect(clippy::print_stderr, reason = "the test runner shows it with the failure")]
fn show_log(log: &str) {
    if let Some(start) = log.find(REPORT_START) {
        let report = &log[start..];
        let end = report.find(REPORT_DETAILS).unwrap_or(report.len());
        eprintln!("the server crashed:\n{}", &report[..end]);
    }
    let lines: Vec<&str> = log.lines().collect();
    let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
    eprintln!("the end of the server's log:\n{}", shown.join("\n"));
}
