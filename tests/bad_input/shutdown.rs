//! The end of the server, with clients in every state.

use harness::{Client, Server, Signal, wait_until};

use super::gauge::{field_of, number_of};
use crate::subject;

/// Clients that do all that clients can do.
fn everybody(server: &Server) -> Vec<Client> {
    let mut witness = server.client();
    witness.call(&[b"SET", b"long".as_slice(), &vec![b'x'; 1 << 20]]);
    let mut clients: Vec<Client> = (0..8).map(|_| server.client()).collect();
    let names = ["idle", "partial", "long", "closing", "congested", "busy", "paused", "many"];
    for (client, name) in clients.iter_mut().zip(names) {
        client.run(&format!("CLIENT SETNAME {name}"));
    }
    clients[1].write(b"*2\r\n$3\r\nGET\r\n$10").expect("can be sent");
    clients[2].write(b"*2\r\n$4\r\nECHO\r\n$50000000\r\n").expect("can be sent");
    clients[2].write(&vec![b'x'; 3_000_000]).expect("can be sent");
    clients[3].write(&b"GET long\r\n".repeat(40)).expect("can be sent");
    clients[3].write(b"QUIT\r\n").expect("can be sent");
    clients[4].write(&b"GET long\r\n".repeat(400)).expect("can be sent");
    assert!(wait_until(|| 250 << 20 <= number_of(&mut witness, "congested", "obl")));
    clients[5].write(&b"INCR n\r\n".repeat(10_000)).expect("can be sent");
    witness.run("CLIENT PAUSE 100000 WRITE");
    clients[6].write(b"SET k v\r\n").expect("can be sent");
    let paused = wait_until(|| {
        field_of(&mut witness, "paused", "flags").is_some_and(|flags| flags.contains('b'))
    });
    assert!(paused, "the pause is not seen");
    clients[7].write(&b"GET long\r\n".repeat(30)).expect("can be sent");
    clients.push(witness);
    clients
}

#[test]
fn a_signal_ends_the_server_whatever_its_clients_do() {
    subject::with_each_worker_count(|launch| {
        for signal in [Signal::TERM, Signal::INT] {
            let mut server = launch.start();
            let clients = everybody(&server);
            server.signal(signal);
            assert!(server.wait_for_end().success(), "{}", server.log());
            assert!(server.log().contains("bye bye"), "{}", server.log());
            drop(clients);
        }
    });
}

#[test]
fn shutdown_ends_the_server_whatever_its_clients_do() {
    subject::with_each_worker_count(|launch| {
        let mut server = launch.start();
        let mut clients = everybody(&server);
        let mut witness = clients.pop().expect("the last one");
        witness.write(b"SHUTDOWN NOSAVE\r\n").expect("can be sent");
        assert!(witness.closes(), "it is still connected");
        assert!(server.wait_for_end().success(), "{}", server.log());
        for client in &mut clients {
            assert!(client.closes(), "a client is still connected");
        }
    });
}
