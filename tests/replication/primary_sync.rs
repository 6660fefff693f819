//! Real replicas have what this server has, however they come to it, and go on from there after a cut.

use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Launch, Oracle, Random, Server, Signal, wait_until};

use super::proxy::Proxy;
use super::{
    count, digest, info, load, said, shown, times_logged, wait_for_equality, wait_for_link,
};
use crate::subject;

/// The server under test, which waits for nobody before it sends its data.
fn primary() -> Launch {
    subject::launch().line("repl-diskless-sync-delay 0")
}

/// A real replica of the server at a port.
fn replica(oracle: &Oracle, port: u16) -> Launch {
    oracle.launch().line(format!("replicaof 127.0.0.1 {port}"))
}

fn fill(server: &Server, seed: u64) {
    load::write(&mut server.client(), &mut Random::from_seed(seed), 1500);
}

#[test]
fn real_replicas_get_data_and_stream() {
    for diskless in ["yes", "no"] {
        for workers in [1, 4] {
            let primary =
                primary().workers(workers).line(format!("repl-diskless-sync {diskless}")).start();
            fill(&primary, 1);
            let replicas: Vec<Server> = Oracle::all()
                .iter()
                .map(|oracle| replica(oracle, primary.port()).start())
                .collect();
            fill(&primary, 2);
            for replica in &replicas {
                wait_for_equality(&primary, replica);
            }
            fill(&primary, 3);
            for replica in &replicas {
                wait_for_equality(&primary, replica);
                assert_eq!(times_logged(replica, "== CRITICAL =="), 0, "{}", replica.log());
            }
            let target = if diskless == "yes" { "replicas sockets" } else { "disk" };
            primary.wait_for_log(&format!("Starting BGSAVE for SYNC with target: {target}"));
            assert_eq!(count(&primary, "sync_full"), replicas.len() as u64);
        }
    }
}

#[test]
fn fields_that_expire_reach_a_replica_that_knows_them() {
    let oracle = Oracle::all().remove(0);
    let primary = primary().start();
    let mut client = primary.client();
    client.run("HSET hash a 1 b 2 c 3");
    client.run("HPEXPIRE hash 200 FIELDS 1 a");
    client.run("HEXPIRE hash 100000 FIELDS 1 b");
    let replica = replica(&oracle, primary.port()).start();
    wait_for_equality(&primary, &replica);
    client.run("HPEXPIRE hash 100 FIELDS 1 c");
    let left = |server: &Server| said(server, "HPEXPIRETIME hash FIELDS 3 a b c");
    assert!(wait_until(|| said(&primary, "HLEN hash") == "1"));
    assert!(wait_until(|| left(&replica) == left(&primary)), "{}", left(&replica));
    wait_for_equality(&primary, &replica);
}

#[test]
fn replicas_that_wait_share_a_snapshot() {
    let primary = subject::launch()
        .line("repl-diskless-sync-delay 1000")
        .line("repl-diskless-sync-max-replicas 2")
        .start();
    fill(&primary, 4);
    let replicas: Vec<Server> =
        Oracle::all().iter().map(|oracle| replica(oracle, primary.port()).start()).collect();
    assert_eq!(replicas.len(), 2, "both versions are here");
    for replica in &replicas {
        wait_for_equality(&primary, replica);
    }
    assert_eq!(times_logged(&primary, "Starting BGSAVE for SYNC"), 1, "{}", primary.log());
}

#[test]
fn a_cut_link_goes_on_from_the_backlog() {
    let oracle = Oracle::all().remove(0);
    let primary = primary().line("repl-backlog-size 100mb").start();
    let network = Proxy::to(primary.address());
    let replica = replica(&oracle, network.port()).start();
    wait_for_link(&replica);
    for seed in 0..5 {
        fill(&primary, seed);
        network.cut();
        fill(&primary, seed + 10);
        wait_for_equality(&primary, &replica);
    }
    // A real replica forgets where it was if it is cut off at certain moments, whoever its primary is.
    let asked = times_logged(&replica, "Trying a partial resynchronization") as u64;
    assert!(0 < asked, "{}", replica.log());
    assert_eq!(count(&primary, "sync_partial_ok"), asked, "{}", primary.log());
    assert_eq!(count(&primary, "sync_partial_err"), 0);
    primary.wait_for_log("bytes of backlog starting from offset");
}

#[test]
fn who_was_away_for_too_long_begins_anew() {
    let oracle = Oracle::all().remove(0);
    let primary = primary().line("repl-backlog-size 16kb").start();
    let network = Proxy::to(primary.address());
    let mut replica = replica(&oracle, network.port()).start();
    wait_for_equality(&primary, &replica);
    replica.signal(Signal::STOP);
    network.cut();
    let long = "x".repeat(100_000);
    let mut client = primary.client();
    for number in 0..10 {
        client.run(&format!("SET long{number} {long}"));
    }
    replica.signal(Signal::CONT);
    wait_for_equality(&primary, &replica);
    assert_eq!((count(&primary, "sync_full"), count(&primary, "sync_partial_err")), (2, 1));
    primary.wait_for_log("for lack of backlog (Replica request was: ");
    assert!(replica.exit_status().is_none());
}

#[test]
fn links_that_are_cut_in_the_middle_of_a_sync_come_to_the_same_data() {
    for diskless in ["yes", "no"] {
        let oracle = Oracle::all().remove(0);
        let primary = primary().line(format!("repl-diskless-sync {diskless}")).start();
        fill(&primary, 1);
        primary.client().run("DEBUG POPULATE 3000 key 100");
        let network = Proxy::to(primary.address());
        network.cut_next_after([20_000]);
        let replica = replica(&oracle, network.port()).start();
        assert!(wait_until(|| 2 <= count(&primary, "sync_full")), "{}", primary.log());
        fill(&primary, 5);
        wait_for_equality(&primary, &replica);
    }
}

#[test]
fn replicas_go_on_with_a_primary_that_was_restarted_with_its_file() {
    let oracle = Oracle::all().remove(0);
    let data = tempfile::tempdir().expect("there is room");
    let port = harness::free_port();
    let launch =
        || primary().port(port).line(format!("dir {}", data.path().display())).line("save 3600 1");
    let mut first = launch().start();
    let replica = replica(&oracle, port).start();
    fill(&first, 6);
    // What has expired when the file is loaded, replicas have to be told.
    first.client().run("SET shortly gone PX 30");
    wait_for_equality(&first, &replica);
    first.signal(Signal::TERM);
    assert!(first.wait_for_end().success(), "{}", first.log());
    let second = launch().start();
    fill(&second, 7);
    wait_for_equality(&second, &replica);
    assert_eq!((count(&second, "sync_full"), count(&second, "sync_partial_ok")), (0, 1));
}

#[test]
fn the_backlog_is_freed_when_no_replica_comes_for_long() {
    let primary = primary().line("repl-backlog-ttl 1").start();
    let id = info(&primary, "replication", "master_replid");
    {
        let mut client = primary.client();
        client.send(&["PSYNC", "?", "-1"]).expect("it is read");
        client.read_line().expect("it is answered");
    }
    primary.wait_for_log("Replication backlog created, my new replication IDs are '");
    let kept = info(&primary, "replication", "master_replid");
    assert_ne!(kept, id);
    primary.wait_for_log("Replication backlog freed after 1 seconds without connected replicas.");
    assert_eq!(info(&primary, "replication", "repl_backlog_active"), "0");
    assert_ne!(info(&primary, "replication", "master_replid"), kept);
}

/// What a client gets that asks as replicas did long ago, and as tools do.
#[test]
fn an_old_request_is_answered_with_the_data_at_once() {
    let primary = primary().start();
    primary.client().run("SET some value");
    let mut client = primary.client();
    client.send(&["SYNC"]).expect("it is read");
    let mut line = client.read_line().expect("there is a line");
    while line.is_empty() || line == b"\n" {
        line = client.read_line().expect("there is a line");
    }
    let text = String::from_utf8_lossy(&line).trim().to_owned();
    let bytes: usize = text.strip_prefix('$').expect("a length").parse().expect("a number");
    let snapshot = client.read_exactly(bytes).expect("it comes");
    assert!(snapshot.starts_with(b"REDIS0010"), "a version that 7.0 reads");
    primary.client().run("SET other value");
    let stream = client.read_exactly(23).expect("it comes");
    assert_eq!(stream, b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n");
    assert_eq!(shown(&client.reply().expect("it comes")), "(SET other value)");
}

/// A real primary, this server, a real replica of it, and this server again.
#[test]
fn chains_that_alternate_have_the_same_data() {
    for oracle in Oracle::all() {
        let first = oracle.launch().line("repl-diskless-sync-delay 0").start();
        fill(&first, 8);
        let second = primary().line(format!("replicaof 127.0.0.1 {}", first.port())).start();
        wait_for_link(&second);
        let third = replica(&oracle, second.port()).line("repl-diskless-sync-delay 0").start();
        wait_for_link(&third);
        let fourth = primary().line(format!("replicaof 127.0.0.1 {}", third.port())).start();
        fill(&first, 9);
        for replica in [&second, &third, &fourth] {
            wait_for_equality(&first, replica);
        }
        // Under load, from the middle on.
        second.client().run("CLIENT KILL TYPE master");
        second.client().run("CLIENT KILL TYPE replica");
        fill(&first, 10);
        for replica in [&second, &third, &fourth] {
            wait_for_equality(&first, replica);
        }
        assert_eq!(digest(&first), digest(&fourth));
    }
}

/// The first replica comes in the middle of writes.
#[test]
fn a_history_begins_while_clients_write() {
    for round in 0..10 {
        let primary = primary().workers(2).start();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = primary.client();
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..100 {
                        writer.send(&["SET", "key", "value"]).expect("it is read");
                    }
                    writer.replies(100).expect("they are answered");
                }
            });
            assert!(wait_until(|| said(&primary, "EXISTS key") == "1"));
            let mut replica = primary.client();
            replica.send(&["PSYNC", "?", "-1"]).expect("it is read");
            let answer = replica.read_line();
            stop.store(true, Ordering::Relaxed);
            let answer = answer.expect("it is answered");
            assert!(answer.starts_with(b"+FULLRESYNC "), "{round}: {}", answer.escape_ascii());
        });
        assert_eq!(said(&primary, "PING"), "PONG");
    }
}
