//! Programs and libraries that people use, over encrypted connections.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Encrypted;
use crate::subject;

/// A path from the root of the checkout.
fn in_checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

#[track_caller]
fn succeeded(output: std::io::Result<Output>) -> String {
    let output = output.expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    text
}

/// Puts a client's certificate beside the server's.
fn put_client_files(encrypted: &Encrypted) {
    let identity = encrypted.authority.issue("client");
    std::fs::write(encrypted.path("client.crt"), identity.certificate).expect("can be written");
    std::fs::write(encrypted.path("client.key"), identity.key).expect("can be written");
}

#[test]
fn redis_cli() {
    let encrypted = Encrypted::start(&subject::launch(), &[]);
    put_client_files(&encrypted);
    for program in [PathBuf::from("redis-cli"), in_checkout(".oracle/redis-7.4/redis-cli")] {
        let run = |words: &[&str]| {
            let output = Command::new(&program)
                .current_dir(encrypted.server.directory())
                .args(["-h", "localhost", "-p", &encrypted.port.to_string(), "--tls"])
                .args(["--cacert", "ca.crt", "--cert", "client.crt", "--key", "client.key"])
                .args(words)
                .output();
            succeeded(output)
        };
        assert_eq!(run(&["SET", "key", "value"]), "OK\n");
        assert_eq!(run(&["GET", "key"]), "value\n");
        assert_eq!(run(&["-3", "-r", "3", "INCR", "number"]).lines().count(), 3);
        run(&["DEL", "number"]);
    }
}

#[track_caller]
fn run(interpreter: &Path, script: &str, arguments: &[&str]) {
    assert!(
        in_checkout("target/clients/installed").exists(),
        "the client libraries are missing: run scripts/install-clients"
    );
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        put_client_files(&encrypted);
        let output = Command::new(interpreter)
            .arg(in_checkout(script))
            .arg(encrypted.port.to_string())
            .args(arguments)
            .env("OCHRE_TLS_FILES", encrypted.server.directory())
            .env("NODE_PATH", in_checkout("target/clients/node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output();
        succeeded(output);
    });
}

#[test]
fn redis_py() {
    let python = in_checkout("target/clients/venv/bin/python");
    run(&python, "tests/clients/redis_py.py", &["2"]);
    run(&python, "tests/clients/redis_py.py", &["3"]);
}

#[test]
fn ioredis() {
    run(Path::new("node"), "tests/clients/ioredis.js", &[]);
}
