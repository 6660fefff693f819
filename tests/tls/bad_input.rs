//! Handshakes that break off, bytes that belong elsewhere, and strangers in great number.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Client, Random, wait_until};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::connecting::{closes, socket};
use super::{Encrypted, error_of, ok};
use crate::subject;

/// What a client says first.
fn greeting(encrypted: &Encrypted) -> Vec<u8> {
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(encrypted.terms().configuration(), name);
    let mut bytes = Vec::new();
    connection.expect("a connection").write_tls(&mut bytes).expect("can be written");
    bytes
}

/// How many clients the server has.
fn clients(witness: &mut Client) -> usize {
    witness.run("CLIENT LIST").as_text().unwrap_or_default().lines().count()
}

#[test]
fn a_handshake_may_break_off_at_every_byte() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut witness = encrypted.client();
        let greeting = greeting(&encrypted);
        for end in 0..=greeting.len() {
            let mut socket = socket(encrypted.port).expect("can connect");
            socket.write_all(&greeting[..end]).expect("can be sent");
            drop(socket);
        }
        // The same, in two pieces that come one after the other.
        for cut in (1..greeting.len()).step_by(7) {
            let mut socket = socket(encrypted.port).expect("can connect");
            socket.write_all(&greeting[..cut]).expect("can be sent");
            socket.write_all(&greeting[cut..]).expect("can be sent");
            let mut answer = [0; 5];
            socket.read_exact(&mut answer).expect("an answer");
            assert_eq!(answer[0], 22, "the handshake goes on");
        }
        assert!(wait_until(|| clients(&mut witness) == 1), "they are forgotten");
    });
}

/// The second half of the handshake, cut and damaged everywhere, and what comes after it.
#[test]
fn what_follows_the_greeting_may_be_anything() {
    let encrypted = Encrypted::start(&subject::launch().workers(2), &[]);
    let mut witness = encrypted.client();
    let configuration = encrypted.terms().configuration();
    let mut random = Random::from_seed(17);
    for round in 0..150 {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection =
            ClientConnection::new(std::sync::Arc::clone(&configuration), name).expect("a client");
        let mut socket = socket(encrypted.port).expect("can connect");
        // As many steps as there are, each in good order but for the last.
        let mut steps = random.below(4) + 1;
        while 1 < steps {
            steps -= 1;
            let mut bytes = Vec::new();
            while connection.wants_write() {
                connection.write_tls(&mut bytes).expect("can be written");
            }
            let _ = socket.write_all(&bytes);
            if !connection.is_handshaking() {
                break;
            }
            if connection.read_tls(&mut socket).is_err()
                || connection.process_new_packets().is_err()
            {
                break;
            }
        }
        let mut bytes = Vec::new();
        if !connection.is_handshaking() {
            let _ = connection.writer().write_all(b"*1\r\n$4\r\nPING\r\n");
        }
        while connection.wants_write() {
            connection.write_tls(&mut bytes).expect("can be written");
        }
        if bytes.is_empty() {
            bytes = vec![23, 3, 3, 0, 40];
            bytes.extend((0..40).map(|_| u8::try_from(random.below(256)).unwrap_or(0)));
        }
        let place = random.below(bytes.len());
        if round % 3 == 0 {
            bytes.truncate(place);
        } else {
            bytes[place] ^= 1 << random.below(8);
        }
        let _ = socket.write_all(&bytes);
        drop(socket);
        assert_eq!(witness.run("PING").as_text().as_deref(), Some("PONG"));
    }
    assert!(wait_until(|| clients(&mut witness) == 1), "they are forgotten");
}

#[test]
fn plain_bytes_are_not_taken_for_encrypted_ones() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut witness = encrypted.client();
        for bytes in [
            b"PING\r\n".as_slice(),
            b"*1\r\n$4\r\nPING\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            &vec![0; 100_000],
            &vec![255; 100_000],
            &[22, 3, 1, 255, 255],
        ] {
            let mut socket = socket(encrypted.port).expect("can connect");
            let _ = socket.write_all(bytes);
            if bytes.len() != 5 {
                assert!(closes(&mut socket), "{:?} is taken", &bytes[..bytes.len().min(16)]);
            }
        }
        let log = encrypted.server.log();
        assert!(log.contains("Error accepting a client connection: "), "{log}");
        assert_eq!(witness.run("PING").as_text().as_deref(), Some("PONG"));
    });
}

#[test]
fn encrypted_bytes_are_not_taken_for_plain_ones() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut witness = encrypted.client();
        let mut socket = socket(encrypted.server.port()).expect("can connect");
        socket.write_all(&greeting(&encrypted)).expect("can be sent");
        // As in Redis they are the beginning of an inline request, which ends, or gets too long.
        let _refused = socket.write_all(&vec![b'x'; 100_000]);
        assert!(closes(&mut socket), "a request without an end is read for ever");
        assert!(wait_until(|| clients(&mut witness) == 1));
        assert_eq!(witness.run("PING").as_text().as_deref(), Some("PONG"));
    });
}

/// Strangers that begin a handshake and say nothing more: what they cost, and that they are gone after a while.
#[test]
fn handshakes_that_are_never_finished_cost_little_and_end() {
    const STRANGERS: usize = 2000;
    /// Of memory, for each: a fraction of what the handshake of an authority's whole chain would be.
    const BYTES: u64 = 40 << 10;
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &["maxclients 4000"]);
        let mut witness = encrypted.client();
        let memory = |witness: &mut Client| {
            let text = witness.run("INFO memory").as_text().unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
            line.and_then(|number| number.trim().parse::<u64>().ok()).expect("a number")
        };
        let before = memory(&mut witness);
        let greeting = greeting(&encrypted);
        let start = Instant::now();
        let strangers: Vec<TcpStream> = (0..STRANGERS)
            .map(|number| {
                let mut socket = socket(encrypted.port).expect("can connect");
                // A third says nothing, a third not enough, a third all of it and then no more.
                let end = [0, greeting.len() / 2, greeting.len()][number % 3];
                socket.write_all(&greeting[..end]).expect("can be sent");
                socket
            })
            .collect();
        assert!(wait_until(|| STRANGERS < clients(&mut witness)), "{}", clients(&mut witness));
        let used = memory(&mut witness) - before;
        assert!(used < BYTES * STRANGERS as u64, "{used} bytes for {STRANGERS}");
        let mut other = encrypted.client();
        assert_eq!(other.run("PING").as_text().as_deref(), Some("PONG"));
        let gone =
            harness::wait_until_within(Duration::from_mins(1), || clients(&mut witness) == 2);
        assert!(gone, "{} are left after {:?}", clients(&mut witness), start.elapsed());
        assert_eq!(other.run("PING").as_text().as_deref(), Some("PONG"));
        drop(strangers);
    });
}

/// Before it has authenticated, a client may announce and send little, encrypted or not.
#[test]
fn a_stranger_with_good_keys_is_a_stranger() {
    let encrypted = Encrypted::start(&subject::launch(), &["requirepass secret"]);
    let mut client = Client::through(encrypted.terms().stream(encrypted.port).expect("let in"));
    client.write(b"*100\r\n").expect("can be sent");
    let reply = client.reply().expect("a reply");
    let expected = "ERR Protocol error: unauthenticated multibulk length";
    assert_eq!(error_of(&reply).as_deref(), Some(expected));
    assert!(client.closes());
    let mut client = Client::through(encrypted.terms().stream(encrypted.port).expect("let in"));
    assert_eq!(client.run("AUTH secret"), ok());
    assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
}
