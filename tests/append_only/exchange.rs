//! Files that real servers have written are loaded here, and those written here are loaded by them.

use harness::{Launch, Oracle, Server};

use super::{Data, contents, terminate, write_something};
use crate::subject;

/// Starts a server of each kind on the same data, one after the other, and compares what they find.
fn exchange(first: &Launch, second: &Launch, write: impl Fn(&Server)) {
    let server = first.start();
    write(&server);
    let before = contents(&server);
    terminate(server);
    let server = second.start();
    assert_eq!(contents(&server), before, "{}", server.log());
    write(&server);
    let before = contents(&server);
    terminate(server);
    let server = first.start();
    assert_eq!(contents(&server), before, "{}", server.log());
    terminate(server);
}

/// What Redis 7.0 knows, too.
pub(super) fn write_what_all_know(server: &Server) {
    let mut client = server.client();
    for call in super::CALLS.iter().filter(|call| !call.starts_with("HEXPIRE")) {
        let reply = client.run(call);
        assert!(!reply.is_error(), "{call}: {reply:?}");
    }
}

#[test]
fn files_written_here_are_loaded_by_real_servers_and_back() {
    for oracle in Oracle::all() {
        let data = Data::new();
        let theirs = data.on(oracle.launch());
        exchange(&data.launch().line("rdb-version 10"), &theirs, write_what_all_know);
    }
}

#[test]
fn times_and_checksums_do_not_disturb_real_servers() {
    for oracle in Oracle::all() {
        let data = Data::new();
        let ours = data.launch().line("aof-timestamp-enabled yes").line("appendfsync always");
        let ours = ours.line("rdb-version 10");
        let theirs = data.on(oracle.launch()).line("aof-timestamp-enabled yes");
        exchange(&ours, &theirs, write_what_all_know);
    }
}

#[test]
fn what_is_written_here_is_loaded_with_other_numbers_of_workers() {
    let data = Data::new();
    let several = data.on(subject::launch()).workers(4);
    exchange(&several, &data.launch().workers(1), write_something);
}
