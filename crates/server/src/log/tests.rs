//! The lines of every format, and where they go.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::date;
use jiff::tz::Offset;
use jiff::tz::TimeZone;

use super::*;
use crate::process::replay;

fn moment() -> Zoned {
    let zone = TimeZone::fixed(Offset::constant(1));
    date(2026, 1, 5).at(8, 2, 31, 7_000_000).to_zoned(zone).unwrap()
}

#[track_caller]
fn check(format: Format, timestamp: Timestamp, level: Level, message: &str, expected: &str) {
    let line = Line::at(&moment(), format, timestamp, 4711, Role::Primary, level, &message);
    assert_eq!(line.whole(), expected);
}

#[test]
fn plain_lines_are_those_of_redis() {
    let check = |level, expected| check(Format::Plain, Timestamp::Legacy, level, "ready", expected);
    check(Level::Debug, "4711:M 05 Jan 2026 08:02:31.007 . ready\n");
    check(Level::Verbose, "4711:M 05 Jan 2026 08:02:31.007 - ready\n");
    check(Level::Notice, "4711:M 05 Jan 2026 08:02:31.007 * ready\n");
    check(Level::Warning, "4711:M 05 Jan 2026 08:02:31.007 # ready\n");
}

#[test]
fn the_role_is_a_letter() {
    for (role, letter) in
        [(Role::Starting, 'C'), (Role::Primary, 'M'), (Role::Replica, 'S'), (Role::Sentinel, 'X')]
    {
        let line =
            Line::at(&moment(), Format::Plain, Timestamp::Legacy, 1, role, Level::Notice, &"");
        assert_eq!(line.whole(), format!("1:{letter} 05 Jan 2026 08:02:31.007 * \n"));
    }
}

#[test]
fn the_time_has_three_forms() {
    let check = |timestamp, expected| check(Format::Plain, timestamp, Level::Notice, "x", expected);
    check(Timestamp::Iso8601, "4711:M 2026-01-05T08:02:31.007+01:00 * x\n");
    check(Timestamp::Milliseconds, "4711:M 1767596551007 * x\n");
}

#[test]
fn logfmt_has_a_name_for_each_part() {
    check(
        Format::Logfmt,
        Timestamp::Legacy,
        Level::Verbose,
        "said \"no\"",
        "pid=4711 role=primary timestamp=\"05 Jan 2026 08:02:31.007\" level=info message=\"said 'no'\"\n",
    );
}

#[test]
fn json_lines_parse_whatever_the_message() {
    for message in ["ready", "said \"no\"", "a\\b", "two\nlines\u{1}\u{7f}", "caf\u{e9} \u{1f980}"]
    {
        let (format, timestamp) = (Format::Json, Timestamp::Iso8601);
        let line =
            Line::at(&moment(), format, timestamp, 4711, Role::Replica, Level::Warning, &message);
        assert!(line.whole().ends_with("}\n"));
        let value: serde_json::Value = serde_json::from_str(line.whole()).unwrap();
        assert_eq!(value["pid"], 4711);
        assert_eq!(value["role"], "replica");
        assert_eq!(value["level"], "warning");
        assert_eq!(value["timestamp"], "2026-01-05T08:02:31.007+01:00");
        assert_eq!(value["message"], line.message());
    }
}

#[test]
fn a_message_cannot_forge_a_line_or_grow_without_bound() {
    check(
        Format::Plain,
        Timestamp::Legacy,
        Level::Notice,
        "a\r\n1:M b\u{1b}[0m",
        "4711:M 05 Jan 2026 08:02:31.007 * a\\r\\n1:M b\\u{1b}[0m\n",
    );
    let long = "\u{1f980}".repeat(100_000);
    let (format, timestamp) = (Format::Plain, Timestamp::Legacy);
    let line = Line::at(&moment(), format, timestamp, 1, Role::Primary, Level::Notice, &long);
    assert!(line.whole().len() < 8300 && line.whole().ends_with('\n'));
}

/// The tests below change where the whole process logs, so each runs in a process of its own.
#[test]
fn a_rotated_file_is_opened_anew() {
    let Some(directory) = replay::directory("log::tests::a_rotated_file_is_opened_anew") else {
        return;
    };
    let (path, rotated) = (directory.join("server.log"), directory.join("server.log.1"));
    configure(Settings { file: Some(path.clone()), ..Settings::default() }).unwrap();
    notice("one");
    fs::rename(&path, &rotated).unwrap();
    notice("two");
    fs::remove_file(&path).unwrap();
    set_role(Role::Primary);
    warning("three");
    raw(Level::Warning, "raw\n");
    assert!(fs::read_to_string(&rotated).unwrap().ends_with(" * one\n"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(&format!("{}:M ", std::process::id())), "{text}");
    assert!(text.ends_with(" # three\nraw\n"), "{text}");
}

#[test]
fn the_level_holds_back_what_is_less_important() {
    let name = "log::tests::the_level_holds_back_what_is_less_important";
    let Some(directory) = replay::directory(name) else { return };
    let path = directory.join("server.log");
    configure(Settings { file: Some(path.clone()), ..Settings::default() }).unwrap();
    for level in [Level::Debug, Level::Verbose, Level::Notice, Level::Warning, Level::Nothing] {
        set_level(level);
        debug(format_args!("{level:?}-debug"));
        verbose(format_args!("{level:?}-verbose"));
        notice(format_args!("{level:?}-notice"));
        warning(format_args!("{level:?}-warning"));
        raw(Level::Notice, &format!("{level:?} {level:?}-raw\n"));
    }
    let text = fs::read_to_string(&path).unwrap();
    let logged: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next_back()).collect();
    let expected = [
        "Debug-debug",
        "Debug-verbose",
        "Debug-notice",
        "Debug-warning",
        "Debug-raw",
        "Verbose-verbose",
        "Verbose-notice",
        "Verbose-warning",
        "Verbose-raw",
        "Notice-notice",
        "Notice-warning",
        "Notice-raw",
        "Warning-warning",
    ];
    assert_eq!(logged, expected);
}

#[test]
fn a_file_that_cannot_be_opened_changes_nothing() {
    let file = Some("/nonexistent/server.log".into());
    assert!(configure(Settings { file, ..Settings::default() }).is_err());
    assert_eq!(descriptor(), 1);
}

#[test]
fn a_dying_process_logs_past_a_thread_that_holds_the_lock() {
    let name = "log::tests::a_dying_process_logs_past_a_thread_that_holds_the_lock";
    let Some(directory) = replay::directory(name) else { return };
    let path = directory.join("server.log");
    configure(Settings { file: Some(path.clone()), ..Settings::default() }).unwrap();
    let held = sink::hold_for_test();
    warning_at_crash("dying");
    raw_at_crash("report\n");
    drop(held);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.ends_with(" # dying\nreport\n"), "{text}");
}

#[test]
fn lines_go_to_the_systems_log_too() {
    let Some(directory) = replay::directory("log::tests::lines_go_to_the_systems_log_too") else {
        return;
    };
    let socket = directory.join("devlog");
    let listen = || {
        let daemon = UnixDatagram::bind(&socket).unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        daemon
    };
    let receive = |daemon: &UnixDatagram| {
        let mut buffer = [0; 1024];
        let length = daemon.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let daemon = listen();
    let syslog =
        Syslog { ident: "ochre".into(), facility: Facility::Local(3), socket: socket.clone() };
    let file = Some(directory.join("server.log"));
    configure(Settings { file, syslog: Some(syslog), ..Settings::default() }).unwrap();
    warning("one");
    let line = receive(&daemon);
    // Facility 19 (local3) times 8, plus 4 (warning).
    assert!(line.starts_with("<156>"), "{line}");
    assert!(line.ends_with(&format!(" ochre[{}]: one", std::process::id())), "{line}");

    drop(daemon);
    notice("lost");
    fs::remove_file(&socket).unwrap();
    let daemon = listen();
    notice("two");
    assert!(receive(&daemon).ends_with(": two"));
}
