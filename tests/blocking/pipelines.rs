//! What a client sends behind a call that waits.

use super::{Waiter, assert_nobody_waits, is_blocked};
use crate::subject;

#[test]
fn what_comes_after_a_call_that_waits_waits_with_it() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiter = Waiter::of(&server);
        let calls = b"SET before 1\r\nBLPOP k 0\r\nSET after 1\r\nBLPOP l 0\r\nGET after\r\n";
        waiter.client.write(calls).expect("can be sent");
        assert_eq!(waiter.received(), "+OK");
        assert!(harness::wait_until(|| is_blocked(&mut witness, waiter.id)));
        assert_eq!(witness.run("EXISTS before after").as_integer(), Some(1));
        waiter.send("PING");
        witness.run("RPUSH k e");
        assert_eq!(waiter.received(), "*2 $1 k $1 e");
        assert_eq!(waiter.received(), "+OK");
        assert!(harness::wait_until(|| is_blocked(&mut witness, waiter.id)));
        witness.run("RPUSH l f");
        assert_eq!(waiter.received(), "*2 $1 l $1 f");
        assert_eq!(waiter.received(), "$1 1");
        assert_eq!(waiter.received(), "+PONG");
        assert_nobody_waits(&mut witness);
    });
}

/// However the bytes behind it are cut, and however many there are.
#[test]
fn requests_cut_anywhere_behind_a_call_that_waits_are_run() {
    let value = "v".repeat(200_000);
    let mut behind = Vec::new();
    harness::Client::encode(&["SET", "long", &value], &mut behind);
    harness::Client::encode(&["STRLEN", "long"], &mut behind);
    let length = behind.len();
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiter = Waiter::of(&server);
        for cut in [0, 1, 5, 20, 30, 100, 70_000, length - 20, length] {
            witness.run("DEL long");
            let mut first = b"BLPOP k 0\r\n".to_vec();
            first.extend_from_slice(&behind[..cut]);
            waiter.client.write(&first).expect("can be sent");
            assert!(harness::wait_until(|| is_blocked(&mut witness, waiter.id)));
            witness.run("RPUSH k e");
            waiter.client.write(&behind[cut..]).expect("can be sent");
            assert_eq!(waiter.received(), "*2 $1 k $1 e", "cut at {cut}");
            assert_eq!(waiter.received(), "+OK", "cut at {cut}");
            assert_eq!(waiter.received(), ":200000", "cut at {cut}");
        }
    });
}

#[test]
fn a_broken_request_behind_a_call_that_waits_is_refused_after_it() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiter = Waiter::of(&server);
        waiter.client.write(b"BLPOP k 0\r\n*z\r\n").expect("can be sent");
        assert!(harness::wait_until(|| is_blocked(&mut witness, waiter.id)));
        witness.run("RPUSH k e");
        assert_eq!(waiter.received(), "*2 $1 k $1 e");
        assert_eq!(waiter.received(), "-ERR Protocol error: invalid multibulk length");
        assert!(waiter.client.closes());
    });
}

#[test]
fn replies_that_are_not_wanted_are_not_sent() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiter = Waiter::of(&server);
        waiter.send("CLIENT REPLY SKIP");
        waiter.block(&mut witness, "BLPOP k 0");
        witness.run("RPUSH k e");
        waiter.assert_silent();
        assert_eq!(witness.run("EXISTS k").as_integer(), Some(0));
    });
}

/// In protocol 3 a client hears what is published while it waits.
#[test]
fn messages_arrive_while_a_client_waits() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut waiter = Waiter::of(&server);
        waiter.client.hello(harness::Protocol::Resp3);
        waiter.send("SUBSCRIBE channel");
        assert_eq!(waiter.received(), ">3 $9 subscribe $7 channel :1");
        waiter.block(&mut witness, "BLPOP k 0");
        assert_eq!(witness.run("PUBLISH channel message").as_integer(), Some(1));
        assert_eq!(waiter.received(), ">3 $7 message $7 channel $7 message");
        assert!(is_blocked(&mut witness, waiter.id));
        witness.run("RPUSH k e");
        assert_eq!(waiter.received(), "*2 $1 k $1 e");
        assert_nobody_waits(&mut witness);
    });
}
