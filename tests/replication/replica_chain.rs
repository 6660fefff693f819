//! Replicas of replicas, here and real ones in turn.

use harness::{Launch, Oracle, Random, Server};

use super::proxy::Proxy;
use super::{info, load, primary, replica_of, times_logged, wait_for_equality};

const PARTIAL: &str = "Successful partial resynchronization with master.";

fn fill(server: &Server, seed: u64) {
    load::write(&mut server.client(), &mut Random::from_seed(seed), 600);
}

/// Real servers as replicas of the server at a port.
fn real_replica_of(oracle: &Oracle, port: u16) -> Launch {
    primary(oracle).line(format!("replicaof 127.0.0.1 {port}"))
}

#[test]
fn chains_that_alternate_have_the_same_data() {
    for oracle in Oracle::all() {
        let head = primary(&oracle).start();
        fill(&head, 1);
        let second = replica_of(head.port())
            .line("repl-diskless-sync-delay 0")
            .line("rdb-version 10")
            .start();
        let third = real_replica_of(&oracle, second.port()).start();
        let fourth = replica_of(third.port()).start();
        fill(&head, 2);
        for server in [&second, &third, &fourth] {
            wait_for_equality(&head, server);
        }
        // What is kept of the same history goes by the same name everywhere.
        let id = info(&head, "replication", "master_replid");
        for server in [&second, &third, &fourth] {
            assert_eq!(info(server, "replication", "master_replid"), id);
        }
    }
}

#[test]
fn replicas_of_a_replica_go_on_when_it_is_promoted() {
    let oracle = Oracle::all().remove(0);
    let head = primary(&oracle).start();
    fill(&head, 3);
    let second = replica_of(head.port()).line("repl-diskless-sync-delay 0").start();
    let real = real_replica_of(&oracle, second.port()).start();
    let ours = replica_of(second.port()).start();
    for server in [&second, &real, &ours] {
        wait_for_equality(&head, server);
    }
    let syncs = |server: &Server| times_logged(server, "Finished with success");
    let before = (syncs(&real), syncs(&ours));
    second.client().run("REPLICAOF NO ONE");
    fill(&second, 4);
    wait_for_equality(&second, &real);
    wait_for_equality(&second, &ours);
    // The old head follows, too.
    head.client().run(&format!("REPLICAOF 127.0.0.1 {}", second.port()));
    wait_for_equality(&second, &ours);
    assert_eq!((syncs(&real), syncs(&ours)), before, "nobody had to copy all data again");
    ours.wait_for_log(PARTIAL);
}

#[test]
fn a_cut_above_does_not_disturb_those_below() {
    let oracle = Oracle::all().remove(0);
    let head = primary(&oracle).line("repl-backlog-size 10mb").start();
    let proxy = Proxy::to(head.address());
    let second = replica_of(proxy.port()).line("repl-diskless-sync-delay 0").start();
    let third = replica_of(second.port()).start();
    wait_for_equality(&head, &third);
    let mut random = Random::from_seed(5);
    for round in 0..8 {
        let before = times_logged(&second, PARTIAL);
        proxy.cut_after(1 + random.below(3000) as u64);
        fill(&head, 10 + round);
        assert!(harness::wait_until(|| before < times_logged(&second, PARTIAL)));
    }
    wait_for_equality(&head, &second);
    wait_for_equality(&head, &third);
    assert_eq!(times_logged(&third, "Connection with master lost."), 0, "{}", third.log());
}

#[test]
fn a_loop_of_replicas_is_a_dead_end_and_not_a_crash() {
    let one = crate::subject::launch().start();
    let other = crate::subject::launch().start();
    one.client().run("SET key one");
    one.client().run(&format!("REPLICAOF 127.0.0.1 {}", other.port()));
    other.client().run(&format!("REPLICAOF 127.0.0.1 {}", one.port()));
    let is_answered =
        |server: &Server| server.client().run("PING").as_text().as_deref() == Some("PONG");
    assert!(is_answered(&one) && is_answered(&other));
    one.client().run("REPLICAOF NO ONE");
    wait_for_equality(&one, &other);
}
