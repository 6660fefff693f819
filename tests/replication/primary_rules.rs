//! What a primary does about its replicas: who waits for them, who is refused without them, and which of them are cut off.

use harness::{Launch, Oracle, Server, Signal, wait_until};

use super::{info, said, shown, wait_for_equality, wait_for_link};
use crate::subject;

fn primary() -> Launch {
    subject::launch().line("repl-diskless-sync-delay 0")
}

fn replica(oracle: &Oracle, port: u16) -> Launch {
    oracle.launch().line(format!("replicaof 127.0.0.1 {port}"))
}

fn newest() -> Oracle {
    Oracle::all().remove(0)
}

#[test]
fn info_and_role_tell_of_replicas() {
    let primary = primary().start();
    assert_eq!(said(&primary, "ROLE"), "(master 0 ())");
    let oracle = newest();
    let replica = replica(&oracle, primary.port())
        .line("replica-announce-ip replica.example")
        .line("replica-announce-port 1234")
        .start();
    primary.client().run("SET some value");
    wait_for_equality(&primary, &replica);
    let line = || info(&primary, "replication", "slave0");
    let offset = || info(&primary, "replication", "master_repl_offset");
    assert!(
        wait_until(|| {
            line().starts_with(&format!(
                "ip=replica.example,port=1234,state=online,offset={},lag=",
                offset()
            ))
        }),
        "{}",
        line()
    );
    assert!(said(&primary, "ROLE").contains("(replica.example 1234 "));
    assert_eq!(info(&primary, "replication", "connected_slaves"), "1");
    let clients = said(&primary, "CLIENT LIST TYPE replica");
    assert!(clients.contains("flags=S") && clients.lines().count() == 1, "{clients}");
    assert_eq!(info(&primary, "stats", "sync_full"), "1");
    primary.client().run("SET some other");
    let kept = || info(&primary, "memory", "mem_replication_backlog").parse().unwrap_or(0);
    assert!(wait_until(|| 0 < kept()));
}

#[test]
fn clients_wait_until_replicas_have_what_they_wrote() {
    subject::with_each_worker_count(|launch| {
        let primary = launch.line("repl-diskless-sync-delay 0").start();
        let mut client = primary.client();
        assert_eq!(shown(&client.run("WAIT 0 0")), "0");
        assert_eq!(shown(&client.run("WAIT 1 10")), "0");
        let replica = replica(&newest(), primary.port()).start();
        wait_for_link(&replica);
        client.run("SET some value");
        assert_eq!(shown(&client.run("WAIT 1 20000")), "1");
        replica.signal(Signal::STOP);
        assert_eq!(shown(&client.run("WAIT 1 20000")), "1", "nothing was written since");
        client.run("SET some other");
        assert_eq!(shown(&client.run("WAIT 1 50")), "0");
        assert_eq!(shown(&client.run("MULTI")), "OK");
        client.run("SET some third");
        client.run("WAIT 1 0");
        assert_eq!(shown(&client.run("EXEC")), "(OK 0)", "nobody waits in a transaction");
        client.send(&["WAIT", "1", "0"]).expect("it is read");
        assert!(wait_until(|| said(&primary, "CLIENT LIST").contains("flags=b")));
        replica.signal(Signal::CONT);
        assert_eq!(shown(&client.reply().expect("it is answered")), "1");
        assert_eq!(said(&replica, "GET some"), "third");
    });
}

/// What is answered is what holds: whoever has the reply finds the value on the replica, though the primary is dead.
#[test]
fn what_wait_has_counted_survives_the_primary() {
    for round in 0..5 {
        let mut primary = primary().start();
        let replica = replica(&newest(), primary.port()).start();
        wait_for_link(&replica);
        let mut client = primary.client();
        for number in 0..200 {
            client.send(&["SET", "key", &number.to_string()]).expect("it is read");
        }
        client.send(&["WAIT", "1", "0"]).expect("it is read");
        client.replies(200).expect("they are answered");
        let counted = shown(&client.reply().expect("it is answered"));
        primary.signal(Signal::KILL);
        primary.wait_for_end();
        assert_eq!((counted.as_str(), said(&replica, "GET key").as_str()), ("1", "199"), "{round}");
    }
}

#[test]
fn clients_wait_until_what_they_wrote_is_on_disk() {
    for policy in ["always", "everysec"] {
        let primary =
            primary().line("appendonly yes").line(format!("appendfsync {policy}")).start();
        let mut client = primary.client();
        client.run("SET some value");
        assert_eq!(shown(&client.run("WAITAOF 1 0 20000")), "(1 0)", "{policy}");
        let replica = replica(&newest(), primary.port()).line("appendonly yes").start();
        wait_for_link(&replica);
        client.run("SET some other");
        assert_eq!(shown(&client.run("WAITAOF 1 1 20000")), "(1 1)", "{policy}");
        wait_for_equality(&primary, &replica);
    }
}

#[test]
fn without_enough_replicas_writes_are_refused() {
    let primary = primary().line("min-replicas-to-write 1").line("min-replicas-max-lag 2").start();
    let refused = "NOREPLICAS Not enough good replicas to write.";
    let write = || said(&primary, "SET some value");
    assert_eq!(write(), refused);
    assert_eq!(said(&primary, "GET some"), "nil");
    assert!(said(&primary, "EVAL return(redis.call('SET','k','v')) 0").starts_with(refused));
    let replica = replica(&newest(), primary.port()).start();
    assert!(wait_until(|| write() == "OK"));
    assert_eq!(info(&primary, "replication", "min_slaves_good_slaves"), "1");
    replica.signal(Signal::STOP);
    assert!(wait_until(|| write() == refused));
    replica.signal(Signal::CONT);
    assert!(wait_until(|| write() == "OK"));
    wait_for_equality(&primary, &replica);
}

#[test]
fn a_replica_that_is_too_slow_is_cut_off_and_begins_anew() {
    let primary = primary()
        .line("client-output-buffer-limit replica 1mb 0 0")
        .line("repl-backlog-size 16kb")
        .start();
    for launch in [newest().launch(), subject::launch()] {
        cut_off(&primary, &launch.line(format!("replicaof 127.0.0.1 {}", primary.port())));
    }
}

fn cut_off(primary: &Server, replica: &Launch) {
    let replica = replica.start();
    wait_for_link(&replica);
    replica.signal(Signal::STOP);
    let mut client = primary.client();
    let long = "x".repeat(1 << 20);
    // More than the sockets hold.
    let mut number = 0;
    assert!(wait_until(|| {
        number += 1;
        client.run(&format!("SET key{} {long}", number % 20));
        info(primary, "replication", "connected_slaves") == "0"
    }));
    primary.wait_for_log("scheduled to be closed ASAP for overcoming of output buffer limits.");
    let held = || info(primary, "memory", "mem_total_replication_buffers");
    assert!(wait_until(|| held().parse::<u64>().is_ok_and(|bytes| bytes < 3 << 20)), "{}", held());
    replica.signal(Signal::CONT);
    wait_for_equality(primary, &replica);
}

#[test]
fn a_replica_that_says_nothing_is_cut_off() {
    let primary = primary().line("repl-timeout 2").line("repl-ping-replica-period 1").start();
    let replica = replica(&newest(), primary.port()).start();
    wait_for_link(&replica);
    replica.signal(Signal::STOP);
    primary.wait_for_log("Disconnecting timedout replica (streaming sync): 127.0.0.1:");
    replica.signal(Signal::CONT);
    wait_for_equality(&primary, &replica);
}

#[test]
fn subscribers_of_a_replica_hear_what_is_published_here() {
    let primary = primary().line("appendonly yes").start();
    let replica = replica(&newest(), primary.port()).start();
    wait_for_link(&replica);
    let mut listener = replica.client();
    assert_eq!(shown(&listener.run("SUBSCRIBE news")), "(subscribe news 1)");
    primary.client().run("PUBLISH news today");
    assert_eq!(shown(&listener.reply().expect("it comes")), "(message news today)");
}

#[test]
fn a_replica_can_be_killed_like_any_client() {
    let primary = primary().start();
    let replica = replica(&newest(), primary.port()).start();
    wait_for_link(&replica);
    assert_eq!(said(&primary, "CLIENT KILL TYPE replica"), "1");
    primary.wait_for_log("Connection with replica 127.0.0.1:");
    wait_for_equality(&primary, &replica);
    assert!(wait_until(|| info(&primary, "stats", "sync_partial_ok") == "1"));
}

#[test]
fn with_appendfsync_always_replicas_have_what_the_file_has() {
    let primary = primary().line("appendonly yes").line("appendfsync always").start();
    let replica = replica(&newest(), primary.port()).start();
    wait_for_link(&replica);
    let mut client = primary.client();
    for number in 0..100 {
        client.run(&format!("SET key{} {number}", number % 7));
    }
    assert_eq!(shown(&client.run("WAIT 1 20000")), "1");
    wait_for_equality(&primary, &replica);
}
