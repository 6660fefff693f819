//! Processes that crash, each in its own way, and what they leave in their log.

use std::fs;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use super::*;
use crate::process::replay;

/// Starts the log and the reports of a replayed test.
fn install_with(change: impl FnOnce(&mut Settings)) {
    let file = Some(replay::argument().join("server.log"));
    log::configure(log::Settings { file, ..log::Settings::default() }).unwrap();
    let mut settings = Settings {
        version: "Ochre 1.2.3",
        current: |writer| writer.write_str("id=7 cmd=get\nargv[0]: 'GET'"),
        sections: vec![
            Section {
                title: "INFO OUTPUT",
                text: Box::new(|| "# Server\nredis_version:7.4.0\n".into()),
            },
            Section { title: "CLIENT LIST OUTPUT", text: Box::new(String::new) },
        ],
        pid_file: Some(replay::argument().join("server.pid")),
        deadline: Duration::from_mins(1),
        end: End::Abort,
    };
    change(&mut settings);
    fs::write(replay::argument().join("server.pid"), "1\n").unwrap();
    install(settings).unwrap();
}

fn play(crash: impl FnOnce()) -> ! {
    install_with(|_| {});
    crash();
    panic!("survived");
}

struct Crashed {
    status: ExitStatus,
    log: String,
    pid: u32,
    _directory: tempfile::TempDir,
    pid_file: PathBuf,
}

impl Crashed {
    /// Replays the test `name`, which is to crash.
    #[track_caller]
    fn watch(name: &str, change: impl FnOnce(&mut Command)) -> Crashed {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("process::crash::tests::{name}");
        let mut command = replay::command(&name, directory.path().to_str().unwrap());
        change(&mut command);
        let child = command.spawn().unwrap();
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        let log = fs::read_to_string(directory.path().join("server.log")).unwrap_or_default();
        let pid_file = directory.path().join("server.pid");
        Crashed { status: output.status, log, pid, _directory: directory, pid_file }
    }

    /// Looks for the parts of a whole report, with `expected` among them, in order.
    #[track_caller]
    fn check(&self, signal: i32, expected: &[&str]) {
        assert_eq!(self.status.signal(), Some(signal), "{}", self.log);
        let mut parts =
            vec!["\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"];
        parts.extend(expected);
        parts.push("=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n");
        let mut rest = &*self.log;
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else {
                panic!("no {part:?} in order in {}", self.log)
            };
            rest = after;
        }
        assert_eq!(self.log.matches("BUG REPORT START").count(), 1, "{}", self.log);
        assert!(!self.pid_file.exists());
    }
}

const SECTIONS: [&str; 5] = [
    "------ STACK TRACE DONE ------\n",
    "------ CURRENT CLIENT INFO ------\nid=7 cmd=get\nargv[0]: 'GET'\n",
    "------ INFO OUTPUT ------\n",
    "redis_version:7.4.0\n",
    "------ CLIENT LIST OUTPUT ------\n",
];

#[test]
fn a_segmentation_fault_is_reported() {
    if replay::is_playing() {
        play(|| segfault());
    }
    let crashed = Crashed::watch("a_segmentation_fault_is_reported", |_| {});
    let mut expected =
        vec![" # Ochre 1.2.3 crashed by signal: 11, si_code: 2\n", " # Accessing address: 0x"];
    expected.extend([
        " # Crashed running the instruction at: 0x",
        "\n------ STACK TRACE ------\nEIP:\n",
        "segfault",
        "[0x",
        " *\n",
        "segfault",
    ]);
    expected.extend(["a_segmentation_fault_is_reported", "------ STACK TRACE DONE ------\n"]);
    #[cfg(target_arch = "x86_64")]
    expected.extend(["------ REGISTERS ------\nR8:", "RIP:0"]);
    expected.extend(&SECTIONS[1..]);
    crashed.check(libc::SIGSEGV, &expected);
    assert!(crashed.log.lines().any(|line| line.starts_with(&format!("{}:C ", crashed.pid))));
}

#[test]
fn a_signal_from_outside_names_its_sender() {
    if replay::is_playing() {
        play(|| {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::BUS).unwrap();
            handler::wait_for_the_end();
        });
    }
    let crashed = Crashed::watch("a_signal_from_outside_names_its_sender", |_| {});
    let sender =
        format!("# Killed by PID: {}, UID: {}\n", crashed.pid, rustix::process::getuid().as_raw());
    crashed.check(libc::SIGBUS, &["crashed by signal: 7, si_code: 0\n", &sender]);
}

#[test]
fn an_abort_is_reported() {
    if replay::is_playing() {
        play(|| std::process::abort());
    }
    let crashed = Crashed::watch("an_abort_is_reported", |_| {});
    crashed.check(
        libc::SIGABRT,
        &["crashed by signal: 6, si_code: -6\n", "an_abort_is_reported", SECTIONS[4]],
    );
}

/// Takes a whole page of stack for each call.
fn overflow(depth: usize) -> usize {
    let page = black_box([depth; 512]);
    if depth == usize::MAX { 0 } else { overflow(depth + 1) + page[depth % 512] }
}

#[test]
fn a_stack_overflow_is_reported() {
    if replay::is_playing() {
        play(|| {
            let run = || {
                let _stack = SignalStack::new().unwrap();
                black_box(overflow(0))
            };
            thread::Builder::new().name("deep".into()).spawn(run).unwrap().join().unwrap();
        });
    }
    let crashed = Crashed::watch("a_stack_overflow_is_reported", |_| {});
    crashed.check(
        libc::SIGSEGV,
        &["crashed by signal: 11", " deep *\n", "overflow", "overflow", SECTIONS[4]],
    );
    assert!(crashed.log.len() < 100_000);
}

#[test]
fn a_panic_is_reported_and_aborts() {
    if replay::is_playing() {
        play(|| {
            let run = || panic!("DEBUG PANIC called at Unix time {}", 7);
            let _ended = thread::Builder::new().name("worker-3".into()).spawn(run).unwrap().join();
        });
    }
    let crashed = Crashed::watch("a_panic_is_reported_and_aborts", |_| {});
    let mut expected = vec![
        "Ochre 1.2.3\n",
        "# Guru Meditation: DEBUG PANIC called at Unix time 7 #",
        "tests.rs:",
    ];
    expected.extend([
        "\n------ STACK TRACE ------\n",
        " worker-3 *\n",
        "a_panic_is_reported_and_aborts",
    ]);
    expected.extend(SECTIONS);
    crashed.check(libc::SIGABRT, &expected);
    assert!(!crashed.log.contains("REGISTERS"));
}

#[test]
fn an_assertion_is_reported() {
    if replay::is_playing() {
        play(|| fail_assertion("1 == 2", panic::Location::caller()));
    }
    let crashed = Crashed::watch("an_assertion_is_reported", |_| {});
    let expected = [
        "# === ASSERTION FAILED ===\n",
        "# ==> crates/server/src",
        " '1 == 2' is not true\n",
        SECTIONS[4],
    ];
    crashed.check(libc::SIGABRT, &expected);
}

#[test]
fn giving_up_is_not_contained() {
    if replay::is_playing() {
        play(|| {
            let _never = contain(|| give_up("DEBUG PANIC called", panic::Location::caller()));
        });
    }
    let crashed = Crashed::watch("giving_up_is_not_contained", |_| {});
    crashed.check(
        libc::SIGABRT,
        &["# Guru Meditation: DEBUG PANIC called #crates/server", SECTIONS[4]],
    );
}

#[test]
fn a_panic_may_end_with_an_exit_code() {
    if replay::is_playing() {
        install_with(|settings| settings.end = End::Exit);
        panic!("enough");
    }
    let crashed = Crashed::watch("a_panic_may_end_with_an_exit_code", |_| {});
    assert_eq!(crashed.status.code(), Some(1));
    assert!(crashed.log.contains("BUG REPORT END"));
}

#[test]
fn without_reports_the_end_is_the_same() {
    if replay::is_playing() {
        install_with(|_| {});
        set_enabled(false);
        assert!(std::env::var_os("PANIC").is_none(), "silent");
        segfault();
    }
    let crashed = Crashed::watch("without_reports_the_end_is_the_same", |_| {});
    assert_eq!((crashed.status.signal(), &*crashed.log), (Some(libc::SIGSEGV), ""));
    let crashed = Crashed::watch("without_reports_the_end_is_the_same", |command| {
        command.env("PANIC", "1");
    });
    assert_eq!(crashed.status.signal(), Some(libc::SIGABRT));
    assert!(crashed.log.contains("Guru Meditation: silent") && !crashed.log.contains("BUG REPORT"));
}

#[test]
fn describing_the_command_may_crash_too() {
    if replay::is_playing() {
        install_with(|settings| {
            settings.current = |writer| {
                writer.write_str("id=7 ")?;
                segfault()
            };
        });
        segfault();
    }
    let crashed = Crashed::watch("describing_the_command_may_crash_too", |_| {});
    let noted = "------ CURRENT CLIENT INFO ------\nid=7 \n";
    crashed.check(
        libc::SIGSEGV,
        &["# Crashed running signal handler.", "segfault", noted, SECTIONS[4]],
    );
}

#[test]
fn a_section_may_hang_or_panic() {
    if replay::is_playing() {
        install_with(|settings| {
            let panics = Box::new(|| panic!("no clients"));
            let hangs = Box::new(|| handler::wait_for_the_end());
            settings.sections.insert(0, Section { title: "PANICS", text: panics });
            settings.sections.insert(2, Section { title: "HANGS", text: hangs });
            settings.deadline = Duration::from_millis(700);
        });
        segfault();
    }
    let started = Instant::now();
    let crashed = Crashed::watch("a_section_may_hang_or_panic", |_| {});
    assert_eq!(crashed.status.signal(), Some(libc::SIGSEGV));
    let expected = [
        "# Internal error: no clients #",
        "redis_version:7.4.0",
        "it took too long",
        "BUG REPORT END",
    ];
    for part in expected {
        assert!(crashed.log.contains(part), "no {part} in {}", crashed.log);
    }
    assert!(started.elapsed() < Duration::from_secs(30));
}

#[test]
fn several_threads_crash_into_one_report() {
    if replay::is_playing() {
        play(|| {
            let (ready, all) = mpsc::channel();
            for _ in 0..8 {
                let ready = ready.clone();
                let run = move || {
                    ready.send(()).unwrap();
                    segfault()
                };
                thread::Builder::new().spawn(run).unwrap();
            }
            all.iter().take(8).count();
            panic!("so does this one");
        });
    }
    let crashed = Crashed::watch("several_threads_crash_into_one_report", |_| {});
    assert_eq!(crashed.log.matches("BUG REPORT START").count(), 1);
    assert_eq!(crashed.log.matches("BUG REPORT END").count(), 1);
    assert!([Some(libc::SIGSEGV), Some(libc::SIGABRT)].contains(&crashed.status.signal()));
}

#[test]
fn a_contained_panic_is_an_error() {
    let name = "process::crash::tests::a_contained_panic_is_an_error";
    let Some(directory) = replay::directory(name) else { return };
    install_with(|_| {});
    assert_eq!(contain(|| 7), Ok(7));
    for _ in 0..2 {
        let nested = contain(|| {
            assert_eq!(contain(|| panic!("inner")), Err::<(), _>(Panicked));
            panic!("outer {}", 1)
        });
        assert_eq!(nested, Err::<(), _>(Panicked));
    }
    let log = fs::read_to_string(directory.join("server.log")).unwrap();
    assert_eq!(log.matches("# Internal error: inner #").count(), 2, "{log}");
    assert_eq!(log.matches("# Internal error: outer 1 #").count(), 2, "{log}");
    assert!(log.contains("a_contained_panic_is_an_error") && !log.contains("BUG REPORT"), "{log}");
}

#[test]
fn what_does_not_fit_is_cut() {
    use std::fmt::Write as _;

    let Some(_) = replay::directory("process::crash::tests::what_does_not_fit_is_cut") else {
        return;
    };
    let mut writer = notes::CurrentWriter;
    assert!(writer.write_str("start").is_ok());
    assert!(writer.write_str(&"x".repeat(notes::CURRENT_LIMIT_BYTES)).is_err());
    assert!(writer.write_str("more").is_err());
    let current = NOTES.current();
    assert_eq!(current.len(), notes::CURRENT_LIMIT_BYTES);
    assert!(current.starts_with("startx") && current.ends_with('x'));
}
