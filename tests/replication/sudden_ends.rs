//! Ends that come without a word, or that only seem to have come: `kill -9` and SIGSTOP of either side in the middle of whatever they
//! do. Nothing half loaded is ever seen, and both have the same in the end.

use harness::{Client, Launch, Random, Server, Signal, Value, free_port, wait_until};
use tempfile::TempDir;

use super::proxy::Proxy;
use super::replica_faults::{Fake, ID};
use super::{
    count, info, load, pairs, said, shown, times_logged, wait_for_equality, wait_for_link,
};
use crate::subject;

const KEYS: i64 = 20_000;

fn fill(server: &Server, seed: u64) {
    load::write(&mut server.client(), &mut Random::from_seed(seed), 400);
}

fn follow(replica: &Server, port: u16) {
    assert_eq!(said(replica, &format!("REPLICAOF 127.0.0.1 {port}")), "OK");
}

fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait_for_end();
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

fn on(launch: &Launch, data: &TempDir, port: u16) -> Launch {
    launch.clone().line(format!("dir {}", data.path().display())).port(port)
}

/// Puts so much into a server that to send all of it takes long.
fn populate(server: &Server) {
    let mut client = server.client();
    assert!(!client.run(&format!("DEBUG POPULATE {KEYS} key 100")).is_error());
    assert!(!client.run("SAVE").is_error());
    assert!(!client.run("CONFIG SET rdb-key-save-delay 500").is_error());
}

/// How many keys a server has; nothing while it loads.
fn size(client: &mut Client) -> Option<i64> {
    client.run("DBSIZE").as_integer()
}

#[test]
fn a_primary_is_killed_in_the_middle_of_a_full_sync() {
    for (primary, replica) in pairs() {
        for way in ["disabled", "swapdb"] {
            let (data, port) = (directory(), free_port());
            let launch = on(&primary, &data, port);
            let first = launch.start();
            populate(&first);
            let replica = replica.clone().line(format!("repl-diskless-load {way}")).start();
            let mut client = replica.client();
            client.run("SET old data");
            follow(&replica, port);
            replica.wait_for_log("MASTER <-> REPLICA sync: receiving");
            kill(first);
            let is_noticed = || {
                let log = replica.log();
                log.contains("I/O error trying to sync with MASTER")
                    || log.contains("Failed trying to load the MASTER synchronization DB")
            };
            assert!(wait_until(is_noticed), "{way}: {}", replica.log());
            let has_old = || shown(&client.run("GET old")) == "data";
            assert!(wait_until(has_old), "{way}: {}", replica.log());
            assert_eq!(size(&mut client), Some(1), "{way}");
            let second = launch.start();
            let is_done = wait_until(|| {
                let size = size(&mut client);
                assert!(matches!(size, None | Some(0 | 1 | KEYS)), "half loaded: {size:?}");
                size == Some(KEYS)
            });
            assert!(is_done, "{way}: {}", replica.log());
            fill(&second, 1);
            wait_for_equality(&second, &replica);
        }
    }
}

/// Has a pair whose replica has missed much, which is on its way to it now.
fn in_the_middle_of_a_partial_sync(primary: &Launch, replica: &Launch) -> (Server, Server, Proxy) {
    let primary = primary.clone().line("repl-backlog-size 100mb").start();
    let network = Proxy::to(primary.address());
    let replica = replica.clone().line(format!("replicaof 127.0.0.1 {}", network.port())).start();
    fill(&primary, 2);
    wait_for_equality(&primary, &replica);
    network.take_down();
    replica.wait_for_log("Connection with master lost.");
    let mut client = primary.client();
    let value = "x".repeat(100_000);
    for number in 0..300 {
        client.run(&format!("SET missed{} {value}", number % 40));
    }
    network.bring_up();
    replica.wait_for_log("Successful partial resynchronization with master.");
    (primary, replica, network)
}

#[test]
fn a_primary_is_killed_in_the_middle_of_a_partial_sync() {
    for (primary, replica) in pairs() {
        let port = free_port();
        let launch = primary.clone().port(port);
        let (first, replica, network) = in_the_middle_of_a_partial_sync(&launch, &replica);
        kill(first);
        assert!(wait_until(|| info(&replica, "replication", "master_link_status") == "down"));
        let length = said(&replica, "STRLEN missed39");
        assert!(matches!(length.as_str(), "0" | "100000"), "whole, or not at all: {length}");
        // It comes back with nothing.
        let second = launch.start();
        fill(&second, 3);
        wait_for_equality(&second, &replica);
        assert_eq!(said(&replica, "EXISTS missed0"), "0");
        drop(network);
    }
}

#[test]
fn a_replica_is_killed_in_the_middle_of_a_partial_sync() {
    for (primary, replica) in pairs() {
        let (data, port) = (directory(), free_port());
        let launch = on(&replica, &data, port);
        let (primary, first, network) = in_the_middle_of_a_partial_sync(&primary, &launch);
        kill(first);
        let second = launch.line(format!("replicaof 127.0.0.1 {}", network.port())).start();
        fill(&primary, 4);
        wait_for_equality(&primary, &second);
    }
}

#[test]
fn either_side_stands_still_for_a_while() {
    let patience = |launch: &Launch| {
        launch.clone().line("repl-timeout 2").line("repl-ping-replica-period 1").start()
    };
    let [(primary, replica), ..] = pairs();
    let (primary, replica) = (patience(&primary), patience(&replica));
    follow(&replica, primary.port());
    wait_for_link(&replica);
    replica.signal(Signal::STOP);
    primary.wait_for_log("Disconnecting timedout replica (streaming sync): 127.0.0.1:");
    fill(&primary, 5);
    replica.signal(Signal::CONT);
    wait_for_equality(&primary, &replica);
    primary.signal(Signal::STOP);
    replica.wait_for_log("MASTER timeout: no data nor PING received...");
    replica.wait_for_log("Timeout connecting to the MASTER...");
    primary.signal(Signal::CONT);
    fill(&primary, 6);
    wait_for_equality(&primary, &replica);
    assert_eq!(count(&primary, "sync_full"), 1, "the backlog had what was missed");
}

#[test]
fn either_side_stands_still_in_the_middle_of_a_full_sync() {
    for (primary, replica) in pairs() {
        let patience = |launch: &Launch| launch.clone().line("repl-timeout 2").start();
        let primary = patience(&primary);
        let replica = patience(&replica);
        populate(&primary);
        follow(&replica, primary.port());
        replica.wait_for_log("MASTER <-> REPLICA sync: receiving");
        primary.signal(Signal::STOP);
        replica.wait_for_log("Timeout receiving bulk data from MASTER");
        primary.signal(Signal::CONT);
        let begun = || times_logged(&replica, "MASTER <-> REPLICA sync: receiving");
        assert!(wait_until(|| 2 <= begun()), "{}", replica.log());
        replica.signal(Signal::STOP);
        primary.client().run("CONFIG SET rdb-key-save-delay 0");
        let length = "x".repeat(1 << 20);
        for number in 0..20 {
            primary.client().run(&format!("SET long{number} {length}"));
        }
        replica.signal(Signal::CONT);
        wait_for_equality(&primary, &replica);
    }
}

/// A primary comes back with what it had, or with nothing; a replica has the same then, and gets no more than it has to.
#[test]
fn a_primary_comes_back_with_and_without_its_file() {
    for keeps in [true, false] {
        let (data, port) = (directory(), free_port());
        let launch = on(&pairs()[0].0, &data, port).line("save 3600 1");
        let mut first = launch.start();
        let replica = subject::launch().line(format!("replicaof 127.0.0.1 {port}")).start();
        fill(&first, 7);
        first.client().run("SET kept value");
        wait_for_equality(&first, &replica);
        first.signal(if keeps { Signal::TERM } else { Signal::KILL });
        first.wait_for_end();
        let second = launch.start();
        wait_for_link(&replica);
        wait_for_equality(&second, &replica);
        assert_eq!(said(&replica, "EXISTS kept"), if keeps { "1" } else { "0" });
        let syncs = (count(&second, "sync_full"), count(&second, "sync_partial_ok"));
        assert_eq!(syncs, if keeps { (0, 1) } else { (1, 0) }, "{}", second.log());
        fill(&second, 8);
        wait_for_equality(&second, &replica);
    }
}

/// What WAITAOF has counted is in both files, though both servers are dead at once.
#[test]
fn what_waitaof_has_counted_is_on_disk() {
    for (primary, replica) in pairs() {
        let (here, there) = (directory(), directory());
        let with_file =
            |launch: &Launch, data: &TempDir| on(launch, data, free_port()).line("appendonly yes");
        let primary_launch = with_file(&primary, &here);
        let replica_launch = with_file(&replica, &there);
        let first = primary_launch.start();
        let line = format!("replicaof 127.0.0.1 {}", first.port());
        let second = replica_launch.clone().line(line).start();
        wait_for_link(&second);
        let mut client = first.client();
        for number in 0..200 {
            client.send(&["SET", "key", &number.to_string()]).expect("it is read");
        }
        client.send(&["WAITAOF", "1", "1", "0"]).expect("it is read");
        client.replies(200).expect("they are answered");
        assert_eq!(shown(&client.reply().expect("it is answered")), "(1 1)");
        kill(first);
        kill(second);
        for launch in [&primary_launch, &replica_launch] {
            assert_eq!(said(&launch.start(), "GET key"), "199");
        }
    }
}

/// What a primary sends that has so much of a snapshot to say, delimited in one of both ways.
fn framed(snapshot: &[u8], by_mark: bool) -> Vec<u8> {
    let mark = "f".repeat(40);
    let mut bytes = format!("+FULLRESYNC {ID} 10\r\n").into_bytes();
    let head =
        if by_mark { format!("$EOF:{mark}\r\n") } else { format!("${}\r\n", snapshot.len()) };
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(snapshot);
    if by_mark {
        bytes.extend_from_slice(mark.as_bytes());
    }
    bytes
}

#[test]
fn a_snapshot_that_is_cut_short_is_never_seen() {
    let primary = pairs()[0].0.start();
    populate(&primary);
    let snapshot = std::fs::read(primary.directory().join("dump.rdb")).expect("it was saved");
    // What is cut is sent by another; this one is to be fast.
    assert!(!primary.client().run("CONFIG SET rdb-key-save-delay 0").is_error());
    // A replica tries again once a second, so they do it beside each other.
    std::thread::scope(|scope| {
        for (seed, way) in (9..).zip(["disabled", "on-empty-db", "swapdb"]) {
            let (primary, snapshot) = (&primary, &snapshot);
            scope.spawn(move || get_what_is_cut(way, primary, snapshot, seed));
        }
    });
}

/// Has a replica sent the beginning of a snapshot, four times, and then the whole by a real primary.
fn get_what_is_cut(way: &str, primary: &Server, snapshot: &[u8], seed: u64) {
    let mut random = Random::from_seed(seed);
    let fake = Fake::new();
    let replica = subject::launch().line(format!("repl-diskless-load {way}")).start();
    let mut client = replica.client();
    follow(&replica, fake.port());
    for round in 1..=4 {
        let cut = random.below(snapshot.len());
        let payload = framed(&snapshot[..cut], round % 2 == 0);
        let stream = fake.answer(&payload);
        let failed = || times_logged(&replica, "Failed trying to load the MASTER sync");
        let is_refused = wait_until(|| {
            let size = size(&mut client);
            assert!(
                matches!(size, None | Some(0)),
                "{way}, {cut} bytes: half loaded: {size:?}\n{}",
                replica.log()
            );
            round <= failed()
        });
        assert!(is_refused, "{way}, {cut} bytes: {}", replica.log());
        drop(stream);
    }
    let serves = || client.run("PING") == Value::Simple(b"PONG".to_vec());
    assert!(wait_until(serves), "{way}: {}", replica.log());
    follow(&replica, primary.port());
    wait_for_equality(primary, &replica);
}
