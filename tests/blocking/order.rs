//! Who is served first, whichever workers the clients belong to.

use super::{Waiter, assert_nobody_waits};
use crate::subject;

/// More clients than workers, so that some share one.
const CLIENTS: usize = 9;

#[test]
fn they_are_served_in_the_order_in_which_they_came() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiters: Vec<Waiter> = (0..CLIENTS).map(|_| Waiter::of(&server)).collect();
        // Not in the order in which they have connected.
        waiters.rotate_left(4);
        for waiter in &mut waiters {
            waiter.block(&mut witness, "BLPOP none k 0");
        }
        let (first, rest) = waiters.split_at_mut(4);
        witness.run("RPUSH k 0 1 2 3");
        for (number, waiter) in first.iter_mut().enumerate() {
            assert_eq!(waiter.received(), format!("*2 $1 k $1 {number}"));
        }
        for (number, waiter) in rest.iter_mut().enumerate() {
            witness.run(&format!("RPUSH k {number}"));
            assert_eq!(waiter.received(), format!("*2 $1 k $1 {number}"));
        }
        assert_eq!(witness.run("EXISTS k none").as_integer(), Some(0));
        assert_nobody_waits(&mut witness);
    });
}

/// Each is woken by the one before; all is done when the call that began it is answered.
#[test]
fn a_row_of_moves_runs_through_keys_everywhere() {
    const KEYS: usize = 40;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiters: Vec<Waiter> = (0..=KEYS).map(|_| Waiter::of(&server)).collect();
        for (number, waiter) in waiters.iter_mut().enumerate() {
            let call = match number {
                KEYS => format!("BLPOP k{number} 0"),
                _ => format!("BLMOVE k{number} k{} LEFT RIGHT 0", number + 1),
            };
            waiter.block(&mut witness, &call);
        }
        witness.run("RPUSH k0 e");
        assert_eq!(witness.run("DBSIZE").as_integer(), Some(0));
        for waiter in &mut waiters[..KEYS] {
            assert_eq!(waiter.received(), "$1 e");
        }
        assert_eq!(waiters[KEYS].received(), format!("*2 $3 k{KEYS} $1 e"));
        assert_nobody_waits(&mut witness);
    });
}

/// A key of a waiter that was given another type is an error when its turn comes in the order of the keys, wherever it lies.
#[test]
fn keys_of_another_type_are_seen_wherever_they_are() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiter = Waiter::of(&server);
        for number in 0..30 {
            waiter.block(&mut witness, &format!("BLPOP other{number} k{number} 0"));
            witness.run(&format!("SET other{number} v"));
            witness.run(&format!("RPUSH k{number} e"));
            assert!(waiter.received().starts_with("-WRONGTYPE"));
            assert_eq!(witness.run(&format!("LLEN k{number}")).as_integer(), Some(1));
        }
        assert_nobody_waits(&mut witness);
    });
}
