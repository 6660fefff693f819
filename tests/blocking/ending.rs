//! How waits end that are not served.

use std::time::Duration;

use harness::{Client, wait_until};

use super::{Waiter, assert_nobody_waits, duration_of, is_blocked};
use crate::subject;

#[test]
fn a_wait_is_as_long_as_was_asked_for() {
    /// A busy machine may take its time.
    const SLACK: Duration = Duration::from_secs(10);
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiter = Waiter::of(&server);
        for (call, least_ms) in [
            ("BLPOP k l 0.15", 150),
            ("BLMOVE k l LEFT LEFT 0.05", 50),
            ("BZPOPMIN k 0.001", 1),
            ("BZMPOP 0.0001 1 k MIN", 1),
        ] {
            let duration = duration_of(|| {
                waiter.send(call);
                assert_eq!(waiter.received(), "*-1", "{call}");
            });
            let least = Duration::from_millis(least_ms);
            assert!(least <= duration && duration < least + SLACK, "{call}: {duration:?}");
        }
        assert_nobody_waits(&mut witness);
    });
}

/// Many waits with the same end, and some that are served before it.
#[test]
fn waits_that_end_together_all_end() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiters: Vec<Waiter> = (0..60).map(|_| Waiter::of(&server)).collect();
        for (number, waiter) in waiters.iter_mut().enumerate() {
            let seconds = if number % 3 == 0 { "0" } else { "0.2" };
            waiter.send(&format!("BLPOP k{} {seconds}", number % 3));
        }
        for waiter in waiters.iter_mut().skip(1).step_by(3) {
            assert_eq!(waiter.received(), "*-1");
        }
        for waiter in waiters.iter_mut().skip(2).step_by(3) {
            assert_eq!(waiter.received(), "*-1");
        }
        for waiter in waiters.iter_mut().step_by(3) {
            assert!(is_blocked(&mut witness, waiter.id), "it waits for ever");
        }
        for _ in 0..20 {
            witness.run("RPUSH k0 e");
        }
        for waiter in waiters.iter_mut().step_by(3) {
            assert_eq!(waiter.received(), "*2 $2 k0 $1 e");
        }
        assert_nobody_waits(&mut witness);
    });
}

#[test]
fn a_client_is_unblocked_by_another() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiters: Vec<Waiter> = (0..6).map(|_| Waiter::of(&server)).collect();
        for (number, waiter) in waiters.iter_mut().enumerate() {
            let unblock = format!("CLIENT UNBLOCK {}", waiter.id);
            assert_eq!(witness.run(&unblock).as_integer(), Some(0));
            waiter.block(&mut witness, "BLPOP k l 0");
            let (unblock, reply) = match number % 2 {
                0 => (format!("{unblock} TIMEOUT"), "*-1"),
                _ => (format!("{unblock} ERROR"), "-UNBLOCKED client unblocked via CLIENT UNBLOCK"),
            };
            assert_eq!(witness.run(&unblock).as_integer(), Some(1));
            // Even before its own worker knows.
            assert_eq!(witness.run(&unblock).as_integer(), Some(0));
            assert_eq!(waiter.received(), reply);
            waiter.assert_silent();
        }
        witness.run("RPUSH k e");
        assert_eq!(witness.run("LLEN k").as_integer(), Some(1));
        assert_nobody_waits(&mut witness);
    });
}

#[test]
fn clients_that_leave_are_not_served() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut last = Waiter::of(&server);
        let mut leaving: Vec<Waiter> = (0..4).map(|_| Waiter::of(&server)).collect();
        for waiter in leaving.iter_mut().chain([&mut last]) {
            waiter.block(&mut witness, "BLPOP k l 100");
        }
        let ids: Vec<u64> = leaving.iter().map(|waiter| waiter.id).collect();
        leaving[1].client.finish_writing().expect("can be closed");
        assert_eq!(witness.run(&format!("CLIENT KILL ID {}", ids[2])).as_integer(), Some(1));
        assert_eq!(witness.run(&format!("CLIENT KILL ID {}", ids[3])).as_integer(), Some(1));
        drop(leaving.remove(0));
        let gone = wait_until(|| {
            let clients = witness.run("CLIENT LIST").as_text().unwrap_or_default();
            ids.iter().all(|id| !clients.contains(&format!("id={id} ")))
        });
        assert!(gone, "{:?}", witness.run("CLIENT LIST"));
        witness.run("RPUSH k e");
        assert_eq!(last.received(), "*2 $1 k $1 e");
        assert!(leaving.iter_mut().all(|waiter| waiter.client.closes()), "they are closed");
        assert_nobody_waits(&mut witness);
    });
}

/// What the server holds for those who wait goes with them.
#[test]
fn ten_thousand_that_come_and_go_leave_nothing_behind() {
    const AT_ONCE: usize = 500;
    const TIMES: usize = 20;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut used = 0;
        for time in 0..TIMES {
            let mut clients: Vec<Client> = (0..AT_ONCE).map(|_| server.client()).collect();
            for (number, client) in clients.iter_mut().enumerate() {
                let key = format!("a-key-of-this-client-alone-{number}");
                let call = ["BLPOP", "a-key-of-all", &key, "another-key-of-all", "1000"];
                client.send(&call).expect("can be sent");
            }
            let blocked = || super::number(&mut witness, "blocked_clients") == AT_ONCE as u64;
            assert!(wait_until(blocked), "they wait");
            drop(clients);
            assert_nobody_waits(&mut witness);
            if time == 1 {
                used = super::number(&mut witness, "used_memory");
            }
        }
        // Less than 30 bytes for each of them: the buffers of the workers vary.
        let most = used + (256 << 10);
        let mut now = 0;
        let is_back = wait_until(|| {
            now = super::number(&mut witness, "used_memory");
            now <= most
        });
        assert!(is_back, "{used} bytes were used after two times, {now} after {TIMES}");
    });
}
