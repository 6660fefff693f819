//! Clients that do not take their replies, or slowly.

use std::time::Duration;

use harness::{Client, Server, Value, wait_until};

use super::bystander::Bystander;
use super::gauge::{field_of, number, number_of};
use crate::subject;

const MEBIBYTE: u64 = 1 << 20;

/// Sends requests without reading until the server takes no more; how many of `requests` were sent in whole.
fn send_until_full(client: &mut Client, request: &[u8], requests: usize) -> usize {
    const TOGETHER: usize = 1000;
    client.set_limit(Duration::from_millis(300)).expect("can be set");
    let some = request.repeat(TOGETHER);
    let mut sent = 0;
    while sent < requests * request.len() {
        match client.write_some(&some[sent % request.len()..]) {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    // The rest of the last one, so that it is whole.
    client.set_limit(harness::DEADLINE).expect("can be set");
    sent / request.len()
}

/// With the limits that are the default a client is never cut off; it is not read from either while so much is waiting.
#[test]
fn a_client_that_never_reads_fills_a_bounded_memory_and_still_gets_everything() {
    const LENGTH: usize = 15_000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut witness = server.client();
        let before = number(&mut witness, "used_memory");
        let mut value = vec![b'v'; LENGTH];
        witness.call(&[b"SET", b"k".as_slice(), &value]);
        let mut client = server.client();
        client.run("CLIENT SETNAME deaf");
        // Two gibibytes, if they were all answered. The requests are long, so that the kernel holds few of them.
        let request = [b"GET k".as_slice(), &[b' '; 1000], b"\r\n"].concat();
        let sent = send_until_full(&mut client, &request, 140_000);
        assert!(sent < 140_000, "the server takes everything");
        let waiting = number_of(&mut witness, "deaf", "omem");
        assert!((200 * MEBIBYTE..300 * MEBIBYTE).contains(&waiting), "{waiting} bytes wait");
        let used = number(&mut witness, "used_memory_peak") - before;
        assert!(used < 640 * MEBIBYTE, "{used} bytes were used");
        value.splice(0..0, format!("${LENGTH}\r\n").into_bytes());
        value.extend_from_slice(b"\r\n");
        for count in 0..sent {
            let reply = client.read_exactly(value.len()).expect("a reply");
            assert!(reply == value, "reply {count} is not the value");
        }
        let quiet = wait_until(|| number_of(&mut witness, "deaf", "omem") == 0);
        assert!(quiet, "the buffer is not given back");
        let left = number(&mut witness, "used_memory") - before;
        assert!(left < 4 * MEBIBYTE, "{left} bytes are left");
        bystander.was_served();
    });
}

/// Whoever has not authenticated can fill next to nothing.
#[test]
fn a_stranger_that_never_reads_fills_little() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("requirepass secret").start();
        let mut witness = server.client();
        witness.run("AUTH secret");
        let before = number(&mut witness, "used_memory");
        let mut client = server.client();
        // A hundred and forty megabytes of refusals.
        let sent = send_until_full(&mut client, b"GET k\r\n", 4_000_000);
        assert!(sent < 4_000_000, "the server takes everything");
        let used = number(&mut witness, "used_memory_peak").saturating_sub(before);
        assert!(used < 8 * MEBIBYTE, "{used} bytes were used");
        let refusal = b"-NOAUTH Authentication required.\r\n";
        for _ in 0..sent {
            assert_eq!(client.read_line().expect("a reply"), refusal);
        }
        assert_eq!(witness.run("PING").as_text().as_deref(), Some("PONG"));
    });
}

#[track_caller]
fn wait_until_gone(server: &Server, name: &str) {
    let mut witness = server.client();
    assert!(wait_until(|| field_of(&mut witness, name, "id").is_none()), "{name} is still there");
}

#[test]
fn a_client_over_the_hard_limit_is_logged_as_redis_does() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-output-buffer-limit normal 8mb 0 0").start();
        let bystander = Bystander::of(&server);
        let mut other = server.client();
        other.call(&[b"SET", b"k".as_slice(), &vec![b'x'; 10_000]]);
        let mut client = server.client();
        client.run("CLIENT SETNAME deaf");
        let _ = client.write(&b"GET k\r\n".repeat(10_000));
        wait_until_gone(&server, "deaf");
        let log = server.log();
        let line = log.lines().find(|line| line.contains("overcoming of output buffer limits."));
        let line = line.unwrap_or_else(|| panic!("not logged:\n{log}"));
        assert!(line.contains(" # Client id="), "{line}");
        assert!(line.contains(" name=deaf "), "{line}");
        let end = " scheduled to be closed ASAP for overcoming of output buffer limits.";
        assert!(line.ends_with(end), "{line}");
        assert_eq!(number(&mut other, "client_output_buffer_limit_disconnections"), 1);
        let used = number(&mut other, "used_memory_peak");
        assert!(used < 64 * MEBIBYTE, "{used} bytes were used");
        bystander.was_served();
    });
}

/// The soft limit is a matter of time: nobody calls anything when it is over.
#[test]
fn a_client_over_the_soft_limit_is_closed_by_the_clock() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-output-buffer-limit normal 0 1mb 1").start();
        let mut other = server.client();
        other.call(&[b"SET", b"k".as_slice(), &vec![b'x'; 10_000]]);
        let mut client = server.client();
        client.run("CLIENT SETNAME deaf");
        client.write(&b"GET k\r\n".repeat(2000)).expect("can be sent");
        wait_until_gone(&server, "deaf");
        let log = server.log();
        let line = log.lines().find(|line| line.contains("overcoming of output buffer limits."));
        let line = line.unwrap_or_else(|| panic!("not logged:\n{log}"));
        let end = " closed for overcoming of output buffer limits.";
        assert!(line.contains(" name=deaf ") && line.ends_with(end), "{line}");
    });
}

/// Whoever is over the soft limit for a shorter time than it allows stays.
#[test]
fn a_client_that_catches_up_stays() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-output-buffer-limit normal 0 1mb 1").start();
        let mut other = server.client();
        other.call(&[b"SET", b"k".as_slice(), &vec![b'x'; 10_000]]);
        let mut client = server.client();
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            client.write(&b"GET k\r\n".repeat(1500)).expect("can be sent");
            client.read_exactly(1500 * 10_010).expect("the replies");
        }
        assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
    });
}

#[test]
fn a_hundred_thousand_requests_in_one_write_are_answered_in_order() {
    const DEPTH: i64 = 100_000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut client = server.client();
        let request = b"*2\r\n$4\r\nINCR\r\n$7\r\ncounter\r\n".repeat(100_000);
        client.write(&request).expect("can be sent");
        for expected in 1..=DEPTH {
            assert_eq!(client.reply().expect("a reply"), Value::Integer(expected));
        }
        bystander.was_served();
    });
}

/// A value far longer than any socket's buffer, taken in small pieces.
#[test]
fn a_slow_reader_gets_a_long_reply_whole() {
    const LENGTH: usize = 24 << 20;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut other = server.client();
        let value: Vec<u8> =
            (0..LENGTH).map(|place| u8::try_from(place % 251).expect("below 251")).collect();
        other.call(&[b"SET", b"k".as_slice(), &value]);
        let mut client = server.client();
        client.write(b"GET k\r\nECHO end\r\nGET k\r\nPING\r\n").expect("can be sent");
        for after in [b"$3\r\nend\r\n".as_slice(), b"+PONG\r\n"] {
            assert_eq!(client.read_line().expect("a header"), format!("${LENGTH}\r\n").as_bytes());
            for (number, part) in value.chunks(64 << 10).enumerate() {
                let read = client.read_exactly(part.len()).expect("a piece");
                assert!(read == part, "piece {number} differs");
            }
            assert_eq!(client.read_exactly(2).expect("the end"), b"\r\n");
            assert_eq!(client.read_exactly(after.len()).expect("the next reply"), after);
        }
        bystander.was_served();
    });
}
