//! FAILOVER, to real servers and back, without a write that is lost.

use harness::{Launch, Oracle, Server, Signal, wait_until};

use super::{info, said, shown, wait_for_equality, wait_for_link};
use crate::subject;

fn launch() -> Launch {
    subject::launch().line("repl-diskless-sync-delay 0")
}

fn role(server: &Server) -> String {
    info(server, "replication", "role")
}

/// Hands the role over, and waits until it has gone.
#[track_caller]
fn hand_over(primary: &Server, replica: &Server, options: &str) {
    let line = format!("FAILOVER TO 127.0.0.1 {}{options}", replica.port());
    // A replica that has just come is not known at once.
    assert!(wait_until(|| said(primary, &line) == "OK"), "{}", said(primary, &line));
    let is_done = || {
        role(replica) == "master"
            && role(primary) == "slave"
            && info(primary, "replication", "master_failover_state") == "no-failover"
    };
    assert!(wait_until(is_done), "{}\n{}", primary.log(), replica.log());
    wait_for_equality(replica, primary);
}

#[test]
fn the_role_goes_to_a_real_server_and_back() {
    for oracle in Oracle::all() {
        let ours = launch().start();
        let theirs = oracle.launch().line(format!("replicaof 127.0.0.1 {}", ours.port())).start();
        wait_for_link(&theirs);
        ours.client().run("SET written before");
        hand_over(&ours, &theirs, "");
        assert!(said(&ours, "SET written here").starts_with("READONLY"));
        assert_eq!(said(&theirs, "SET written there"), "OK");
        wait_for_equality(&theirs, &ours);
        hand_over(&theirs, &ours, " TIMEOUT 20000");
        assert_eq!(said(&ours, "GET written"), "there");
        assert_eq!(said(&ours, "SET written again"), "OK");
        wait_for_equality(&ours, &theirs);
        // No data was sent anew on either side.
        assert_eq!(info(&ours, "stats", "sync_full"), "1");
        assert_eq!(info(&theirs, "stats", "sync_full"), "0");
    }
}

#[test]
fn writes_wait_for_a_failover_and_none_is_lost() {
    let ours = launch().workers(2).start();
    let oracle = Oracle::all().remove(0);
    let theirs = oracle.launch().line(format!("replicaof 127.0.0.1 {}", ours.port())).start();
    wait_for_link(&theirs);
    let mut client = ours.client();
    let mut written = 0;
    let mut asked = false;
    loop {
        let reply = shown(&client.run(&format!("SET key {}", written + 1)));
        if reply != "OK" {
            assert!(reply.starts_with("READONLY"), "{reply}");
            break;
        }
        written += 1;
        if written == 1000 && !asked {
            asked = true;
            assert_eq!(said(&ours, "FAILOVER"), "OK");
        }
    }
    assert!(wait_until(|| role(&theirs) == "master"));
    assert_eq!(said(&theirs, "GET key"), written.to_string());
}

#[test]
fn a_failover_that_cannot_be_is_given_up() {
    let ours = launch().start();
    let oracle = Oracle::all().remove(0);
    let theirs = oracle.launch().line(format!("replicaof 127.0.0.1 {}", ours.port())).start();
    wait_for_link(&theirs);
    theirs.signal(Signal::STOP);
    ours.client().run("SET some value");
    let state = || info(&ours, "replication", "master_failover_state");
    assert_eq!(said(&ours, "FAILOVER"), "OK");
    assert_eq!(state(), "waiting-for-sync");
    assert_eq!(said(&ours, "FAILOVER"), "ERR FAILOVER already in progress.");
    let mut writer = ours.client();
    writer.send(&["SET", "some", "other"]).expect("it is read");
    assert_eq!(said(&ours, "GET some"), "value", "writes wait");
    assert_eq!(said(&ours, "FAILOVER ABORT"), "OK");
    assert_eq!(shown(&writer.reply().expect("it is answered")), "OK");
    assert_eq!(state(), "no-failover");
    assert_eq!(said(&ours, "FAILOVER TIMEOUT 100"), "OK");
    assert!(wait_until(|| state() == "no-failover"));
    ours.wait_for_log("Reason: Replica never caught up before timeout");
    theirs.signal(Signal::CONT);
    wait_for_equality(&ours, &theirs);
    assert_eq!((role(&ours).as_str(), role(&theirs).as_str()), ("master", "slave"));
}
