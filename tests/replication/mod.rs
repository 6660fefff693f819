//! Primaries and replicas, with real servers at the other end.

mod interruptions;
mod load;
mod partition;
mod primary_failover;
mod primary_rules;
mod primary_sync;
mod proxy;
mod replica_chain;
mod replica_disk;
mod replica_faults;
mod replica_migration;
mod replica_rules;
mod replica_sync;
mod sudden_ends;

use harness::{Launch, Oracle, Server, Value, wait_until};

use crate::subject;

/// A real server that waits for nobody before it sends its data.
fn primary(oracle: &Oracle) -> Launch {
    oracle.launch().line("repl-diskless-sync-delay 0")
}

/// A replica of the server at a port.
fn replica_of(port: u16) -> Launch {
    subject::launch().line(format!("replicaof 127.0.0.1 {port}"))
}

/// Ways to start both ends, of which at least one is the server under test.
fn pairs() -> [(Launch, Launch); 3] {
    let real = || Oracle::all().remove(0).launch();
    let primary = |launch: Launch| launch.line("repl-diskless-sync-delay 0");
    [
        (primary(subject::launch()), subject::launch()),
        (primary(subject::launch()), real()),
        (primary(real()), subject::launch()),
    ]
}

/// A number in the statistics of INFO.
#[track_caller]
fn count(server: &Server, field: &str) -> u64 {
    info(server, "stats", field).parse().unwrap_or_else(|_| panic!("{field} is a number"))
}

/// The end of a primary's stream.
fn offset(server: &Server) -> u64 {
    info(server, "replication", "master_repl_offset").parse().unwrap_or(0)
}

/// A field of INFO; empty if there is none.
fn info(server: &Server, section: &str, field: &str) -> String {
    let text = server.client().run(&format!("INFO {section}")).as_text().unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().to_owned()
}

fn digest(server: &Server) -> String {
    server.client().run("DEBUG DIGEST").as_text().unwrap_or_default()
}

/// Waits until a replica has a link to its primary.
#[track_caller]
fn wait_for_link(replica: &Server) {
    let is_up = || info(replica, "replication", "master_link_status") == "up";
    assert!(wait_until(is_up), "no link:\n{}", replica.log());
}

/// Waits until a replica has all that its primary has.
#[track_caller]
fn wait_for_equality(primary: &Server, replica: &Server) {
    wait_for_link(replica);
    let offset = || info(primary, "replication", "master_repl_offset");
    let is_equal = || {
        let before = offset();
        info(replica, "replication", "slave_repl_offset") == before
            && digest(primary) == digest(replica)
            && offset() == before
    };
    assert!(
        wait_until(is_equal),
        "primary: {} {}\nreplica: {} {}\n{}",
        offset(),
        digest(primary),
        info(replica, "replication", "slave_repl_offset"),
        digest(replica),
        replica.log()
    );
}

/// A reply as text, with what is in it in parentheses.
fn shown(value: &Value) -> String {
    if value.is_null() {
        return "nil".to_owned();
    }
    match value.as_array() {
        Some(parts) => {
            let parts: Vec<String> = parts.iter().map(shown).collect();
            format!("({})", parts.join(" "))
        }
        None => value
            .as_text()
            .or_else(|| value.as_integer().map(|number| number.to_string()))
            .unwrap_or_else(|| format!("{value:?}")),
    }
}

/// How often a line is in a server's log.
fn times_logged(server: &Server, line: &str) -> usize {
    server.log().matches(line).count()
}

/// What a server answers to a line.
fn said(server: &Server, line: &str) -> String {
    shown(&server.client().run(line))
}
