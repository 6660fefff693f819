//! Error texts, for where there is no Redis to compare with.

use ochre_config::security::Permission;
use ochre_config::{Caller, Config, LoadError, SetError, Source, get, load, set};

use crate::world::World;

#[track_caller]
fn check_set(name: &str, value: &str, expected: &str) {
    let mut config = Config::new(4);
    let outcome = set(&mut config, &[(name.as_bytes(), value.as_bytes())], Caller::Remote);
    assert_eq!(outcome.map_or_else(|error| error.to_string(), |_| "OK".to_owned()), expected);
    assert_eq!(config == Config::new(4), expected != "OK");
}

#[track_caller]
fn check_reason(name: &str, value: &str, reason: &str) {
    check_set(
        name,
        value,
        &format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}"),
    );
}

#[test]
fn a_wrong_value_is_told_what_is_right() {
    check_set("hz", "20", "OK");
    check_set("nope", "1", "Unknown option or number of arguments for CONFIG SET - 'nope'");
    check_reason("lazyfree-lazy-expire", "x", "argument must be 'yes' or 'no'");
    check_reason("timeout", "x", "argument couldn't be parsed into an integer");
    check_reason("timeout", "-1", "argument must be between 0 and 2147483647 inclusive");
    check_reason("maxmemory", "1tb", "argument must be a memory value");
    check_reason("maxmemory-clients", "x%", "argument must be a memory or percent value");
    check_reason("maxmemory-clients", "101%", "percentage argument must be less or equal to 100");
    check_reason(
        "loglevel",
        "x",
        "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
    );
    check_reason("daemonize", "yes", "can't set immutable config");
    check_reason("dir", "/", "can't set protected config");
    check_reason("save", "1", "Invalid save parameters");
    check_reason("oom-score-adj-values", "1 2", "wrong number of arguments");
    check_reason("log-format", "json", "can't set immutable config");
}

/// Redis lets these overflow, so that nearly nothing is left of a huge number.
#[test]
fn a_number_that_does_not_fit_is_refused() {
    check_reason("maxmemory", "17179869184gb", "argument must be a memory value");
    check_reason("maxmemory", "99999999999999999999kb", "argument must be a memory value");
    check_reason(
        "client-output-buffer-limit",
        "normal 1 1 99999999999",
        "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
    );
    check_reason("save", "1 99999999999", "Invalid save parameters");
}

#[test]
fn what_is_not_built_says_so_but_may_be_set_to_what_it_is() {
    let mut config = Config::new(4);
    let settings: [(&[u8], &[u8]); 1] = [(b"repl-timeout", b"60")];
    let applied = set(&mut config, &settings, Caller::Remote).unwrap();
    assert!(applied.changed.is_empty());
}

#[test]
fn all_are_set_or_none() {
    let mut config = Config::new(4);
    let error =
        set(&mut config, &[(b"hz", b"20"), (b"timeout", b"x")], Caller::Remote).unwrap_err();
    assert!(matches!(error, SetError::Failed { .. }));
    assert_eq!(config, Config::new(4));
    let error = set(&mut config, &[(b"hz", b"20"), (b"HZ", b"30")], Caller::Remote).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CONFIG SET failed (possibly related to argument 'HZ') - duplicate parameter"
    );
    let applied = set(&mut config, &[(b"hz", b"20"), (b"timeout", b"0")], Caller::Remote).unwrap();
    assert!(applied.has_changed("hz") && !applied.has_changed("timeout"));
    assert_eq!(config.process.hz, 20);
}

#[test]
fn protected_directives_are_for_those_who_may() {
    let mut config = Config::new(4);
    for (permission, remote, local) in [
        (Permission::Nobody, false, false),
        (Permission::Local, false, true),
        (Permission::Everybody, true, true),
    ] {
        config.security.protected_configs = permission;
        for (caller, may) in [(Caller::Remote, remote), (Caller::Local, local)] {
            let outcome = set(&mut config.clone(), &[(b"dbfilename", b"other.rdb")], caller);
            assert_eq!(outcome.is_ok(), may, "{permission:?} {caller:?}");
        }
    }
}

#[test]
fn a_report_says_where_and_what() {
    let report = |text: &str| match load(&Source::file(text.as_bytes()), 1, &mut World::default()) {
        Err(LoadError::ConfigFile(error)) => error.report("Ochre 0.1.0"),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        report("# one\n  port x  \n"),
        "\n*** FATAL CONFIG FILE ERROR (Ochre 0.1.0) ***\nReading the configuration file, at line 2\n>>> 'port x'\n\
         argument couldn't be parsed into an integer\n"
    );
    assert_eq!(
        report("logfile /nope/x"),
        "\n*** FATAL CONFIG FILE ERROR (Ochre 0.1.0) ***\nCan't open the log file: No such file or directory\n"
    );
    for (text, message) in [
        ("port \"1", "Unbalanced quotes in configuration line"),
        ("nope 1", "Bad directive or wrong number of arguments"),
        ("port 1 2", "wrong number of arguments"),
        ("rename-command nope x", "No such command in rename-command"),
        ("rename-command get set", "Target command name already exists"),
        ("loadmodule x.so", "loading modules is not built into this server yet"),
        ("search.timeout 5", "loading modules is not built into this server yet"),
    ] {
        assert_eq!(report(text).lines().last(), Some(message), "{text}");
    }
}

#[test]
fn questions_are_answered_in_order_and_once() {
    let config = Config::new(4);
    let ask = |patterns: &[&[u8]]| -> Vec<String> {
        // A pattern is its part before a star.
        let matches =
            |pattern: &[u8], name: &[u8]| name.starts_with(pattern.strip_suffix(b"*").unwrap());
        let pairs = get(&config, patterns, matches);
        pairs.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
    };
    assert_eq!(ask(&[b"lfu-*", b"hz", b"HZ"]), ["hz", "lfu-decay-time", "lfu-log-factor"]);
    assert_eq!(ask(&[b"MaxClients"]), ["MaxClients"]);
    assert_eq!(ask(&[b"slave-priority", b"replica-pr*"]), ["replica-priority", "slave-priority"]);
    assert_eq!(ask(&[b"key-load-*"]), Vec::<String>::new());
    assert_eq!(ask(&[b"key-load-delay"]), ["key-load-delay"]);
    assert_eq!(ask(&[b"include", b"user", b"rename-command", b"nope", b""]), Vec::<String>::new());
}

#[test]
fn secrets_are_not_shown() {
    let mut config = Config::new(4);
    set(&mut config, &[(b"requirepass", b"hunter2")], Caller::Remote).unwrap();
    assert_eq!(config.security.password.as_bytes(), b"hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
}
