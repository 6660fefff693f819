//! Signals, each in a process of its own.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Child;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::getpid;
use rustix::process::kill_process;

use super::*;
use crate::process::replay;

fn log_to(directory: &Path) -> std::path::PathBuf {
    let path = directory.join("server.log");
    log::configure(log::Settings { file: Some(path.clone()), ..log::Settings::default() }).unwrap();
    path
}

fn is_readable(signals: &StopSignals, timeout: &Timespec) -> bool {
    poll(&mut [PollFd::new(signals, PollFlags::IN)], Some(timeout)).unwrap_or(0) == 1
}

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
const SOON: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

#[track_caller]
fn check_signal(signals: &StopSignals, signal: Signal, expected: StopSignal) {
    kill_process(getpid(), signal).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_readable(signals, &SOON) {
        assert!(Instant::now() < deadline, "{signal:?} did not arrive");
    }
    assert_eq!(signals.take(), Some(expected));
    assert!(!is_readable(signals, &AT_ONCE));
    assert_eq!(signals.take(), None);
}

#[test]
fn signals_are_noted_and_logged() {
    let Some(directory) =
        replay::directory("process::signals::tests::signals_are_noted_and_logged")
    else {
        return;
    };
    let path = log_to(&directory);
    let signals = StopSignals::install().unwrap();
    assert_eq!(signals.take(), None);
    kill_process(getpid(), Signal::HUP).unwrap();
    kill_process(getpid(), Signal::PIPE).unwrap();
    check_signal(&signals, Signal::TERM, StopSignal::Terminate);
    check_signal(&signals, Signal::TERM, StopSignal::Terminate);
    signals.resume();
    check_signal(&signals, Signal::INT, StopSignal::Interrupt);
    let log = fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(lines[0].starts_with(&format!("{}:signal-handler (", std::process::id())), "{log}");
    assert!(lines[0].ends_with(") Received SIGTERM scheduling shutdown..."), "{log}");
    assert!(lines[2].ends_with(") Received SIGINT scheduling shutdown..."), "{log}");
}

/// Plays a server that never comes to its end.
fn hang() -> ! {
    let directory = replay::argument();
    log_to(&directory);
    let signals = StopSignals::install().unwrap();
    // The captured output is a pipe to the test that waits for this.
    io::stdout().write_all(b"\ninstalled\n").unwrap();
    loop {
        if is_readable(&signals, &SOON) && signals.take().is_some() {
            io::stdout().write_all(b"taken\n").unwrap();
        }
    }
}

fn wait_for(output: &mut impl io::BufRead, expected: &str) {
    assert!(output.lines().any(|line| line.unwrap().ends_with(expected)), "no {expected}");
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn a_second_interrupt_ends_the_process_at_once() {
    if replay::is_playing() {
        hang();
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "process::signals::tests::a_second_interrupt_ends_the_process_at_once";
    let mut child = replay::command(name, directory.path().to_str().unwrap()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    wait_for(&mut output, "installed");
    // A second SIGTERM is nothing more than the first.
    send(&child, Signal::TERM);
    wait_for(&mut output, "taken");
    send(&child, Signal::TERM);
    wait_for(&mut output, "taken");
    send(&child, Signal::INT);
    let status = child.wait().unwrap();
    assert_eq!((status.code(), status.signal()), (Some(1), None));
    let log = fs::read_to_string(directory.path().join("server.log")).unwrap();
    assert!(log.ends_with(") You insist... exiting now.\n"), "{log}");
}

#[test]
fn numbers_are_written_in_decimal() {
    for number in [0, 7, 10, -1, i64::MAX, i64::MIN] {
        let mut bytes = Bytes::<32>::new();
        bytes.push_number(number);
        assert_eq!(bytes.as_slice(), number.to_string().as_bytes());
    }
    let mut bytes = Bytes::<4>::new();
    bytes.push(b"abcdef");
    assert_eq!(bytes.as_slice(), b"abcd");
}
