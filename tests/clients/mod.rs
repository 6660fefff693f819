//! Real client libraries doing what applications do: a session store, a cache with a time to live and a rate
//! limiter, over pipelines and both versions of the protocol.
//!
//! `scripts/install-clients` puts the libraries, in the versions that are written down beside this file, below `target/clients`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::subject;

/// A path from the root of the checkout.
fn in_checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Runs a script with the port of a server of each worker count, and `arguments`.
#[track_caller]
fn run(interpreter: &Path, script: &str, arguments: &[&str]) {
    assert!(
        in_checkout("target/clients/installed").exists(),
        "the client libraries are missing: run scripts/install-clients"
    );
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let output = Command::new(interpreter)
            .arg(in_checkout(script))
            .arg(server.port().to_string())
            .args(arguments)
            .env("NODE_PATH", in_checkout("target/clients/node_modules"))
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) => panic!("{}: {error}", interpreter.display()),
        };
        assert!(
            output.status.success(),
            "{script} {arguments:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    });
}

#[test]
fn redis_py_with_protocol_2() {
    run(&in_checkout("target/clients/venv/bin/python"), "tests/clients/redis_py.py", &["2"]);
}

#[test]
fn redis_py_with_protocol_3() {
    run(&in_checkout("target/clients/venv/bin/python"), "tests/clients/redis_py.py", &["3"]);
}

#[test]
fn ioredis() {
    run(Path::new("node"), "tests/clients/ioredis.js", &[]);
}
