//! The steps of `docs/migration.md`, under load: from a real server to this one without losing a write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use harness::{Oracle, Server, wait_until};

use super::{info, primary, wait_for_equality, wait_for_link};
use crate::subject;

/// Counts up a key, as an application does, until it is told to stop or refused; how often it was acknowledged.
fn count_up(server: &Server, stop: &AtomicBool, acknowledged: &AtomicU64) {
    let mut client = server.client();
    while !stop.load(Ordering::Relaxed) {
        if client.try_call(&["INCR", "counter"]).is_ok_and(|reply| !reply.is_error()) {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn by_promoting_a_replica_while_writes_are_paused() {
    for oracle in Oracle::all() {
        let old = primary(&oracle).start();
        old.client().run("DEBUG POPULATE 5000 key 50");
        let new = subject::launch().workers(2).start();
        let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| count_up(&old, &stop, &acknowledged));
            // 1. It copies all, and keeps up.
            new.client().run(&format!("REPLICAOF 127.0.0.1 {}", old.port()));
            wait_for_link(&new);
            // 2. No more writes at the old one.
            old.client().run("CLIENT PAUSE 60000 WRITE");
            // 3. All has arrived.
            let offset = |server| -> u64 {
                info(server, "replication", "master_repl_offset").parse().unwrap_or(0)
            };
            let end = offset(&old);
            let arrived = || end <= offset(&new);
            assert!(wait_until(arrived), "{}", new.log());
            // 4. It is the primary now, and clients go there.
            assert_eq!(new.client().run("REPLICAOF NO ONE").as_text().as_deref(), Some("OK"));
            stop.store(true, Ordering::Relaxed);
            old.client().run("CLIENT UNPAUSE");
        });
        // What was acknowledged before the pause is there. At most the one that waited for its end came after that.
        let counted = new.client().run("GET counter").as_text().unwrap_or_default();
        let counted: i64 = counted.parse().unwrap_or(0);
        let acknowledged = acknowledged.load(Ordering::Relaxed).cast_signed();
        assert!(acknowledged <= counted + 1, "{acknowledged} acknowledged, {counted} arrived");
        assert_eq!(new.client().run("INCR counter").as_integer(), Some(counted + 1));
    }
}

#[test]
fn by_a_failover() {
    for oracle in Oracle::all() {
        let old = primary(&oracle).start();
        old.client().run("DEBUG POPULATE 5000 key 50");
        let new = subject::launch().workers(2).start();
        new.client().run(&format!("REPLICAOF 127.0.0.1 {}", old.port()));
        wait_for_equality(&old, &new);
        let reply = old.client().run(&format!("FAILOVER TO 127.0.0.1 {}", new.port()));
        assert_eq!(reply.as_text().as_deref(), Some("OK"));
        assert!(wait_until(|| info(&new, "replication", "role") == "master"), "{}", new.log());
        assert!(wait_until(|| info(&old, "replication", "role") == "slave"), "{}", old.log());
        new.client().run("SET after failover");
        // The old one follows: the way back is open.
        wait_for_equality(&new, &old);
    }
}
