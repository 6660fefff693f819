//! Real client libraries doing what applications do: a session store, a cache with a time to live and a rate
//! limiter, over pipelines and both versions of the protocol. And what is built on such servers: the job queues `BullMQ`, Celery and RQ,
//! locks with Redlock, rooms of socket.io that span processes.
//!
//! `OCHRE_JOBS` says how many jobs the queues get (10,000 for the long form).
//! `scripts/install-clients` puts the libraries, in the versions that are written down beside this file, below `target/clients`.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Server;

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
        run_on(interpreter, script, &[&server], arguments);
    });
}

/// Runs a script with the ports of servers, and `arguments`.
#[track_caller]
fn run_on(interpreter: &Path, script: &str, servers: &[&Server], arguments: &[&str]) {
    let output = Command::new(interpreter)
        .arg(in_checkout(script))
        .args(servers.iter().map(|server| server.port().to_string()))
        .args(arguments)
        .env("NODE_PATH", in_checkout("target/clients/node_modules"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
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
}

/// How many jobs a queue gets.
fn jobs() -> String {
    std::env::var("OCHRE_JOBS").unwrap_or_else(|_| "300".to_owned())
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

#[test]
fn jobs_of_bullmq() {
    run(Path::new("node"), "tests/clients/bullmq.js", &[&jobs()]);
}

#[test]
fn jobs_of_celery() {
    let python = in_checkout("target/clients/venv/bin/python");
    run(&python, "tests/clients/celery_jobs.py", &[&jobs()]);
}

#[test]
fn jobs_of_rq() {
    let python = in_checkout("target/clients/venv/bin/python");
    run(&python, "tests/clients/rq_jobs.py", &[&jobs()]);
}

#[test]
fn rooms_of_socket_io() {
    run(Path::new("node"), "tests/clients/socket_io.js", &[]);
}

#[test]
fn locks_of_redlock() {
    subject::with_each_worker_count(|launch| {
        let servers = [launch.start(), launch.start(), launch.start()];
        let servers: Vec<&Server> = servers.iter().collect();
        run_on(Path::new("node"), "tests/clients/redlock.js", &servers, &[]);
    });
}
