//! Links that are down for long while clients go on writing: what was missed comes from the backlog, and never all data anew.

use std::sync::atomic::{AtomicBool, Ordering};

use harness::{Launch, Random, Server, wait_until};

use super::proxy::Proxy;
use super::{count, info, load, offset, pairs, times_logged, wait_for_equality, wait_for_link};

/// How much is missed each time, at least.
const MISSED_BYTES: u64 = 2 << 20;

/// Writes to a server until it is told to stop.
fn write_on(server: &Server, seed: u64, stop: &AtomicBool) {
    let mut client = server.client();
    let mut random = Random::from_seed(seed);
    while !stop.load(Ordering::Relaxed) {
        load::write(&mut client, &mut random, 100);
        client.call(&["SET", "long", &"x".repeat(random.below(30_000))]);
    }
}

/// Has the link of a pair down again and again while clients write; gives both ends, with equal data.
fn interrupt(primary: &Launch, replica: &Launch, rounds: u64) -> (Server, Server, Proxy) {
    let primary = primary.clone().line("repl-backlog-size 500mb").start();
    let network = Proxy::to(primary.address());
    let line = format!("replicaof 127.0.0.1 {}", network.port());
    let replica = replica.clone().line(line).start();
    wait_for_link(&replica);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|seed| {
                let (primary, stop) = (&primary, &stop);
                scope.spawn(move || write_on(primary, seed, stop))
            })
            .collect();
        for _ in 0..rounds {
            network.take_down();
            let begin = offset(&primary);
            let is_missed = || begin + MISSED_BYTES <= offset(&primary);
            let is_down = || info(&replica, "replication", "master_link_status") == "down";
            let missed = wait_until(|| is_missed() && is_down());
            network.bring_up();
            assert!(missed, "{}", replica.log());
            wait_for_link(&replica);
        }
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().expect("it writes");
        }
    });
    wait_for_equality(&primary, &replica);
    (primary, replica, network)
}

#[test]
fn what_was_missed_comes_from_the_backlog() {
    for (number, (primary, replica)) in pairs().into_iter().enumerate() {
        let (primary, replica, _network) = interrupt(&primary, &replica, 3);
        assert_eq!(count(&primary, "sync_partial_err"), 0, "{}", primary.log());
        let asked = times_logged(&replica, "Trying a partial resynchronization") as u64;
        assert_eq!(count(&primary, "sync_partial_ok"), asked, "{}", primary.log());
        assert_eq!(times_logged(&replica, "== CRITICAL =="), 0, "{}", replica.log());
        // A real replica forgets where it was if it is cut off at certain moments, whoever its primary is.
        if number != 1 {
            assert_eq!(count(&primary, "sync_full"), 1, "{}", replica.log());
            assert!(3 <= asked, "{}", replica.log());
        }
    }
}
