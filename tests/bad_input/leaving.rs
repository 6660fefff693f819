//! Clients that leave at the worst moment, or are made to.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use harness::{Client, Server, wait_until};
use socket2::SockRef;

use super::bystander::Bystander;
use super::gauge::{BUSY_ROUNDS, field_of, number, number_of, rounds_per_second};
use crate::subject;

/// A connection that is reset, not closed in order, when it is dropped.
fn rude(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("can connect");
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("can be set");
    stream
}

#[track_caller]
fn wait_until_alone(witness: &mut Client, count: u64) {
    let alone = wait_until(|| number(witness, "connected_clients") == count);
    assert!(alone, "{}", witness.run("CLIENT LIST").as_text().unwrap_or_default());
}

#[test]
fn clients_that_vanish_amid_their_replies_leave_nothing_behind() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        witness.call(&[b"SET", b"k".as_slice(), &vec![b'x'; 100_000]]);
        witness.call(&[b"SET", b"short".as_slice(), &vec![b'x'; 1000]]);
        wait_until_alone(&mut witness, 1);
        let bystander = Bystander::of(&server);
        let settled = number(&mut witness, "connected_clients");
        let before = number(&mut witness, "used_memory");
        for round in 0..300 {
            let mut stream = rude(&server);
            let request: &[u8] = match round % 3 {
                0 => b"GET k\r\n",
                1 => b"GET short\r\n",
                _ => b"GET k\r\n*2\r\n$3\r\nGET\r\n$1000000\r\n",
            };
            // It may be reset already, by a protocol error.
            let _ = stream.write_all(&request.repeat(100));
        }
        wait_until_alone(&mut witness, settled);
        let after = number(&mut witness, "used_memory");
        assert!(after < before + (1 << 20), "{before} bytes before, {after} after");
        bystander.was_served();
    });
}

/// It has sent all that it wants, and reads slowly: everything is sent to it, and then the connection is closed.
#[test]
fn a_client_that_has_finished_writing_gets_replies_of_many_megabytes() {
    const LENGTH: usize = 1 << 20;
    const COUNT: usize = 40;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut other = server.client();
        other.call(&[b"SET", b"k".as_slice(), &vec![b'x'; LENGTH]]);
        let mut client = server.client();
        client.run("CLIENT SETNAME half");
        client.write(&b"GET k\r\n".repeat(COUNT)).expect("can be sent");
        client.finish_writing().expect("can be closed");
        let closing = wait_until(|| {
            field_of(&mut other, "half", "flags").is_some_and(|flags| flags.contains('c'))
        });
        assert!(closing, "the end is not noticed");
        assert!(rounds_per_second(&mut other) < BUSY_ROUNDS, "its end keeps the server busy");
        let all = client.read_until_closed().expect("the server closes");
        assert_eq!(all.len(), COUNT * (LENGTH + b"$1048576\r\n\r\n".len()));
    });
}

/// One that takes no replies: brought into the state that it is in while the server holds as much for it as it ever does.
fn congested(server: &Server, name: &str) -> Client {
    let mut witness = server.client();
    witness.call(&[b"SET", b"long".as_slice(), &vec![b'x'; 1 << 20]]);
    let mut client = server.client();
    client.run(&format!("CLIENT SETNAME {name}"));
    client.write(&b"GET long\r\n".repeat(400)).expect("can be sent");
    let full = wait_until(|| 250 << 20 <= number_of(&mut witness, name, "obl"));
    assert!(full, "it holds {}", number_of(&mut witness, name, "obl"));
    client
}

#[test]
fn clients_are_killed_in_every_state() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut killer = server.client();
        let bystander = Bystander::of(&server);
        let settled = number(&mut killer, "connected_clients");
        let congested = congested(&server, "congested");
        let mut closing = server.client();
        closing.run("CLIENT SETNAME closing");
        closing.write(&b"GET long\r\n".repeat(40)).expect("can be sent");
        closing.write(b"QUIT\r\n").expect("can be sent");
        let mut partial = server.client();
        partial.run("CLIENT SETNAME partial");
        partial.write(b"*2\r\n$3\r\nGET\r\n$100\r\n123").expect("can be sent");
        let mut idle = server.client();
        idle.run("CLIENT SETNAME idle");
        let quits = wait_until(|| {
            field_of(&mut killer, "closing", "flags").is_some_and(|flags| flags.contains('c'))
        });
        assert!(quits, "QUIT is not seen");
        for (name, mut client) in
            [("congested", congested), ("closing", closing), ("partial", partial), ("idle", idle)]
        {
            let id = number_of(&mut killer, name, "id");
            assert_eq!(killer.run(&format!("CLIENT KILL ID {id}")).as_integer(), Some(1), "{name}");
            assert!(client.closes(), "{name} is still connected");
        }
        wait_until_alone(&mut killer, settled);
        bystander.was_served();
    });
}

/// A client that is not read from, because too much waits for it, is noticed when it is gone.
#[test]
fn a_congested_client_that_resets_is_forgotten() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let settled = number(&mut witness, "connected_clients");
        // Closing with replies unread resets the connection.
        drop(congested(&server, "gone"));
        wait_until_alone(&mut witness, settled);
        assert!(rounds_per_second(&mut witness) < BUSY_ROUNDS);
    });
}

/// When the killer is answered, its victims have made their last call, whichever workers serve them.
#[test]
fn killed_clients_call_nothing_more() {
    const VICTIMS: usize = 8;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut operator = server.client();
        for _ in 0..20 {
            let victims: Vec<_> = (0..VICTIMS)
                .map(|_| {
                    let mut victim = server.client();
                    victim.run("CLIENT SETNAME victim");
                    let load = std::thread::Builder::new().name("victim".to_owned());
                    let thread = load.spawn(move || {
                        let some = b"INCR calls\r\n".repeat(500);
                        while victim.write(&some).is_ok() {
                            if victim.replies(500).is_err() {
                                break;
                            }
                        }
                    });
                    thread.expect("a thread")
                })
                .collect();
            let start = operator.run("GET calls").as_text();
            assert!(wait_until(|| operator.run("GET calls").as_text() != start), "nobody calls");
            let killed = operator.run("CLIENT KILL TYPE normal SKIPME yes").as_integer();
            let calls = operator.run("GET calls").as_text();
            assert!(killed.is_some_and(|killed| 1 <= killed), "{killed:?}");
            for victim in victims {
                victim.join().expect("the victim ends");
            }
            assert_eq!(operator.run("GET calls").as_text(), calls, "a call after the kill");
        }
    });
}

/// Clients that are killed on their way to their workers, and while they are greeted.
#[test]
fn clients_are_killed_while_they_arrive() {
    const CLIENTS: usize = 2000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut operator = server.client();
        assert!(wait_until(|| number(&mut operator, "connected_clients") == 1));
        let address = server.address();
        let arrivals = std::thread::Builder::new().name("arrivals".to_owned()).spawn(move || {
            let mut streams = Vec::new();
            for _ in 0..CLIENTS {
                let mut stream = TcpStream::connect(address).expect("can connect");
                // It may be closed already.
                let _ = stream.write_all(b"PING\r\n");
                streams.push(stream);
                if 100 <= streams.len() {
                    streams.clear();
                }
            }
        });
        let arrivals = arrivals.expect("a thread");
        let mut killed = 0;
        while !arrivals.is_finished() {
            let count = operator.run("CLIENT KILL TYPE normal SKIPME yes").as_integer();
            killed += count.expect("a number");
        }
        arrivals.join().expect("all have come");
        assert!(0 < killed, "nobody was killed");
        let all_came =
            wait_until(|| CLIENTS as u64 <= number(&mut operator, "total_connections_received"));
        assert!(all_came, "some connections were never accepted");
        operator.run("CLIENT KILL TYPE normal SKIPME yes");
        wait_until_alone(&mut operator, 1);
        assert_eq!(server.client().run("PING").as_text().as_deref(), Some("PONG"));
    });
}

/// The same over the other kind of socket, where a client that is gone is told in another way.
#[test]
fn clients_of_the_unix_socket_vanish_without_a_trace() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("unixsocket ochre.sock").start();
        let path = server.directory().join("ochre.sock");
        let mut witness = server.client();
        witness.call(&[b"SET", b"long".as_slice(), &vec![b'x'; 1 << 20]]);
        wait_until_alone(&mut witness, 1);
        let bystander = Bystander::of(&server);
        let settled = number(&mut witness, "connected_clients");
        for round in 0..200 {
            let mut client = Client::connect_unix(&path).expect("can connect");
            let request: &[u8] = match round % 4 {
                0 => b"PING\r\n",
                1 => b"*2\r\n$3\r\nGET\r\n$1",
                2 => b"GET long\r\nGET long\r\nQUIT\r\n",
                _ => b"*1\r\n!",
            };
            client.write(request).expect("can be sent");
            if round % 8 == 0 {
                client.finish_writing().expect("can be closed");
            }
        }
        // What a client had sent before it left is done.
        for round in 0..20 {
            let mut client = Client::connect_unix(&path).expect("can connect");
            client.write(b"INCR last\r\n").expect("can be sent");
            drop(client);
            let done =
                wait_until(|| witness.run("GET last").as_text() == Some((round + 1).to_string()));
            assert!(done, "call {round} of a client that left");
        }
        wait_until_alone(&mut witness, settled);
        assert!(rounds_per_second(&mut witness) < BUSY_ROUNDS + 2 * 4000);
        let mut half = Client::connect_unix(&path).expect("can connect");
        half.write(&b"GET long\r\n".repeat(20)).expect("can be sent");
        half.finish_writing().expect("can be closed");
        let all = half.read_until_closed().expect("the server closes");
        assert_eq!(all.len(), 20 * ((1 << 20) + b"$1048576\r\n\r\n".len()));
        bystander.was_served();
    });
}
