//! Clients that send in the smallest pieces, for ever.

use std::time::Duration;

use harness::{Client, wait_until};

use super::bystander::Bystander;
use super::gauge::{number, number_of, processor_time, shared_buffers};
use crate::subject;

/// Sends bytes one at a time and waits, every now and then, until the server has read them all.
#[track_caller]
fn dribble(client: &mut Client, witness: &mut Client, name: &str, bytes: &[u8]) {
    const TOGETHER: usize = 1000;
    let mut held = number_of(witness, name, "qbuf");
    for some in bytes.chunks(TOGETHER) {
        for byte in some {
            client.write(&[*byte]).expect("can be sent");
        }
        held += some.len() as u64;
        assert!(wait_until(|| number_of(witness, name, "qbuf") == held), "they do not arrive");
    }
}

/// What one byte costs does not grow with what came before it.
#[test]
fn a_byte_behind_many_costs_as_little_as_the_first() {
    const BYTES: usize = 20_000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut witness = server.client();
        let mut client = server.client();
        client.run("CLIENT SETNAME drop");
        // Both the bytes and the words behind are many.
        let mut behind = b"*5000000\r\n$4\r\nMSET\r\n".to_vec();
        behind.extend_from_slice(&b"$1\r\na\r\n".repeat(2_000_000));
        client.write(&behind).expect("can be sent");
        let all = behind.len() as u64;
        assert!(wait_until(|| number_of(&mut witness, "drop", "qbuf") == all), "not all arrives");
        let before = processor_time(&server);
        let words = b"$1\r\na\r\n".repeat(BYTES / 7);
        dribble(&mut client, &mut witness, "drop", &words);
        let spent = processor_time(&server).saturating_sub(before);
        // To look at what is behind at every byte would take minutes.
        assert!(spent < Duration::from_secs(5), "{spent:?} for {BYTES} bytes");
        bystander.was_served();
    });
}

#[test]
fn lines_without_an_end_are_cut_off_however_slowly_they_come() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        for (start, told) in [
            (b"".as_slice(), b"-ERR Protocol error: too big inline request\r\n".as_slice()),
            (b"*", b"-ERR Protocol error: too big mbulk count string\r\n"),
            (b"*1\r\n$", b"-ERR Protocol error: too big bulk count string\r\n"),
        ] {
            let mut client = server.client();
            client.write(start).expect("can be sent");
            let before = processor_time(&server);
            let refused = (0..200_000).any(|_| client.write(b"1").is_err());
            let spent = processor_time(&server).saturating_sub(before);
            assert!(refused, "the line goes on");
            assert!(spent < Duration::from_secs(5), "{spent:?}");
            let all = client.read_until_closed().expect("the server closes");
            assert_eq!(all.escape_ascii().to_string(), told.escape_ascii().to_string());
        }
        bystander.was_served();
    });
}

/// Many connections that each sent half a request, and sit there.
#[test]
fn half_requests_hold_next_to_nothing() {
    const CLIENTS: u64 = 500;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut witness = server.client();
        let before = number(&mut witness, "used_memory");
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
        for client in &mut clients {
            client.run("CLIENT SETNAME slow");
            client.write(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100\r\nabcdef").expect("can be sent");
        }
        let all_are_there = wait_until(|| {
            let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
            let slow = list.lines().filter(|line| line.contains("name=slow"));
            slow.filter(|line| line.contains(" qbuf=34 ")).count() == 500
        });
        assert!(all_are_there, "the requests do not arrive");
        let more = number(&mut witness, "used_memory") - before;
        let each = more.saturating_sub(shared_buffers(&mut witness)) / CLIENTS;
        assert!(each < 2048, "{each} bytes for each of them");
        // And each of them can go on.
        let rest = [vec![b'x'; 94], b"\r\n".to_vec()].concat();
        for client in &mut clients {
            client.write(&rest).expect("can be sent");
            assert_eq!(client.reply().expect("a reply").as_text().as_deref(), Some("OK"));
        }
        bystander.was_served();
    });
}
