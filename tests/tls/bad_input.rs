//! Handshakes that break off, bytes that belong elsewhere, and strangers in great number.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Client, Random, wait_until};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion};

use super::connecting::{closes, socket};
use super::{Encrypted, error_of, ok};
use crate::bad_input::bystander::Bystander;
use crate::bad_input::gauge::number;
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
            ClientConnection::new(Arc::clone(&configuration), name).expect("a client");
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

/// What a client sends when it has heard the server's part of the handshake, and its first call if it may send that at once.
fn second_part(configuration: &Arc<ClientConfig>, port: u16) -> (TcpStream, Vec<u8>) {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut connection = ClientConnection::new(Arc::clone(configuration), name).expect("a client");
    let mut socket = socket(port).expect("can connect");
    connection.write_tls(&mut socket).expect("can be sent");
    // With TLS 1.3 all is said when the server has said its part, and something is to be written before that.
    let is_old = |connection: &ClientConnection| {
        connection.protocol_version() == Some(ProtocolVersion::TLSv1_2)
    };
    while connection.is_handshaking() && !(is_old(&connection) && connection.wants_write()) {
        let count = connection.read_tls(&mut socket).expect("the server's part");
        assert_ne!(count, 0, "the server has closed");
        connection.process_new_packets().expect("a good handshake");
    }
    if !connection.is_handshaking() {
        connection.writer().write_all(b"*1\r\n$4\r\nPING\r\n").expect("can be sealed");
    }
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).expect("can be written");
    }
    (socket, bytes)
}

#[test]
fn a_handshake_may_break_off_at_every_byte_of_its_second_part() {
    let encrypted = Encrypted::start(&subject::launch().workers(2), &[]);
    let mut witness = encrypted.client();
    let bystander = Bystander::of(&encrypted.server);
    let settled = number(&mut witness, "connected_clients");
    for version in [&TLS12, &TLS13] {
        // Each shakes hands in full: tickets would leave most of it out.
        let configuration = || encrypted.terms().speaking(&[version]).configuration();
        let mut end = 0;
        loop {
            let (mut socket, bytes) = second_part(&configuration(), encrypted.port);
            assert!(100 < bytes.len(), "it shows its certificate");
            if bytes.len() < end {
                break;
            }
            socket.write_all(&bytes[..end]).expect("can be sent");
            end += 1;
        }
        assert_eq!(witness.run("PING").as_text().as_deref(), Some("PONG"));
    }
    let left = |witness: &mut Client| number(witness, "connected_clients");
    assert!(wait_until(|| left(&mut witness) == settled), "{} are left", left(&mut witness));
    bystander.was_served();
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

/// Strangers that begin a handshake and say nothing more: what they cost, that nobody else has to wait for them, and that they
/// are gone after a while.
#[test]
fn handshakes_that_are_never_finished_cost_little_and_end() {
    const STRANGERS: usize = 5000;
    /// Of memory, for each: a fraction of what the handshake of an authority's whole chain would be.
    const BYTES: u64 = 40 << 10;
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &["maxclients 6000"]);
        let mut witness = encrypted.client();
        let others = [encrypted.client(), encrypted.server.client(), encrypted.server.client()];
        let bystander = Bystander::through(others.into());
        let before = number(&mut witness, "used_memory");
        let settled = number(&mut witness, "connected_clients");
        let come = number(&mut witness, "total_connections_received");
        let greeting = greeting(&encrypted);
        let start = Instant::now();
        let strangers: Vec<TcpStream> = (0..STRANGERS)
            .map(|index| {
                let mut socket = socket(encrypted.port).expect("can connect");
                // A third says nothing, a third not enough, a third all of it and then no more.
                let end = [0, greeting.len() / 2, greeting.len()][index % 3];
                socket.write_all(&greeting[..end]).expect("can be sent");
                socket
            })
            .collect();
        let received = |witness: &mut Client| number(witness, "total_connections_received") - come;
        let all_came = wait_until(|| received(&mut witness) == STRANGERS as u64);
        assert!(all_came, "{}", received(&mut witness));
        let used = number(&mut witness, "used_memory") - before;
        assert!(used < BYTES * STRANGERS as u64, "{used} bytes for {STRANGERS}");
        let mut other = encrypted.client();
        assert_eq!(other.run("PING").as_text().as_deref(), Some("PONG"));
        let left = |witness: &mut Client| number(witness, "connected_clients");
        let gone = harness::wait_until_within(Duration::from_mins(1), || {
            left(&mut witness) == settled + 1
        });
        assert!(gone, "{} are left after {:?}", left(&mut witness), start.elapsed());
        assert_eq!(other.run("PING").as_text().as_deref(), Some("PONG"));
        bystander.was_served();
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
