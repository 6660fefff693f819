//! Starts that fail, side by side with the real server's.

use std::collections::BTreeMap;

use harness::{Launch, Oracle, free_port};

use super::authority::Authority;
use crate::subject;

/// What a server says before it gives up: its last two lines, without the time, and without what OpenSSL says for itself.
fn complaint(launch: &Launch) -> Vec<String> {
    let ended = launch.clone().line(format!("tls-port {}", free_port())).run_to_end();
    assert!(!ended.status.success());
    let lines: Vec<&str> = ended.log.lines().collect();
    let last = &lines[lines.len().saturating_sub(2)..];
    let text = |line: &&str| {
        let text = line.split_once(" # ").map_or(*line, |(_, text)| text);
        text.split(": error:").next().unwrap_or_default().to_owned()
    };
    last.iter().map(text).collect()
}

/// Launches that must fail, by what is wrong with them.
fn faults(authority: &Authority) -> BTreeMap<&'static str, Vec<&'static str>> {
    let _ = authority;
    BTreeMap::from([
        ("nothing", vec![]),
        ("no key", vec!["tls-cert-file server.crt"]),
        ("no authorities", vec!["tls-cert-file server.crt", "tls-key-file server.key"]),
        (
            "unknown protocol",
            vec![
                "tls-cert-file server.crt",
                "tls-key-file server.key",
                "tls-auth-clients no",
                "tls-protocols \"TLSv1.2 TLSv1.9\"",
            ],
        ),
        (
            "unknown ciphers",
            vec![
                "tls-cert-file server.crt",
                "tls-key-file server.key",
                "tls-auth-clients no",
                "tls-ciphers FOO",
            ],
        ),
        (
            "unknown suites",
            vec![
                "tls-cert-file server.crt",
                "tls-key-file server.key",
                "tls-auth-clients no",
                "tls-ciphersuites FOO",
            ],
        ),
        (
            "no such certificate",
            vec!["tls-cert-file none", "tls-key-file server.key", "tls-auth-clients no"],
        ),
        (
            "a key in place of a certificate",
            vec!["tls-cert-file server.key", "tls-key-file server.key", "tls-auth-clients no"],
        ),
        (
            "a broken certificate",
            vec!["tls-cert-file broken.crt", "tls-key-file server.key", "tls-auth-clients no"],
        ),
        (
            "no such key",
            vec!["tls-cert-file server.crt", "tls-key-file none", "tls-auth-clients no"],
        ),
        (
            "another key",
            vec!["tls-cert-file server.crt", "tls-key-file other.key", "tls-auth-clients no"],
        ),
        (
            "no such authorities",
            vec!["tls-cert-file server.crt", "tls-key-file server.key", "tls-ca-cert-file none"],
        ),
        (
            "a key in place of authorities",
            vec![
                "tls-cert-file server.crt",
                "tls-key-file server.key",
                "tls-ca-cert-file server.key",
            ],
        ),
    ])
}

fn with_files(launch: Launch, authority: &Authority) -> Launch {
    let server = authority.issue("server");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAABBBB\n-----END CERTIFICATE-----\n";
    launch
        .file("ca.crt", authority.certificate())
        .file("server.crt", server.certificate)
        .file("server.key", server.key)
        .file("other.key", authority.issue("other").key)
        .file("broken.crt", broken)
}

#[test]
fn what_is_missing_or_broken_is_said_as_the_real_server_says_it() {
    let authority = Authority::new();
    for (fault, lines) in faults(&authority) {
        let complain = |launch: Launch| {
            let launch = with_files(launch, &authority);
            complaint(&lines.iter().fold(launch, |launch, line| launch.line(*line)))
        };
        let ours = complain(subject::launch());
        let first = ours.first().cloned().unwrap_or_default();
        for oracle in Oracle::all() {
            let real = complain(oracle.launch());
            assert_eq!(ours.last(), real.last(), "{fault}: {ours:?}");
            // After the common beginning each library has words of its own.
            let expected = real.first().cloned().unwrap_or_default();
            assert!(first.starts_with(&expected), "{fault}: {first:?}, not {expected:?}");
        }
    }
}

#[test]
fn versions_that_are_insecure_are_refused_by_name() {
    let authority = Authority::new();
    for (word, named) in [("TLSv1.1", "TLSv1.1"), ("TLSv1", "TLSv1")] {
        let launch = authority.equip(subject::launch());
        let said = complaint(&launch.line(format!("tls-protocols \"{word} TLSv1.2\"")));
        assert!(said[0].contains(&format!("{named} is insecure")), "{said:?}");
        assert!(said[0].contains("Use a combination of 'TLSv1.2' and 'TLSv1.3'"), "{said:?}");
    }
}

#[test]
fn a_port_that_is_taken_is_said_as_the_real_server_says_it() {
    let authority = Authority::new();
    let taken = free_port();
    let ended = authority
        .equip(subject::launch())
        .port(taken)
        .line(format!("tls-port {taken}"))
        .run_to_end();
    assert!(!ended.status.success());
    let expected = format!("Failed listening on port {taken} (tls), aborting.");
    assert!(ended.log.contains(&expected), "{}", ended.log);
}
