//! Connections that do nothing: what they cost.

use std::time::{Duration, Instant};

use harness::{Client, Launch, Server, wait_until};

use super::gauge::{number, shared_buffers};
use crate::subject;

const CONNECTIONS: u64 = 600;

/// Bytes of memory for a connection, the kernel's apart.
const MOST: u64 = 2048;

/// When the memory that is resident has not changed for so long, what the server makes ready for itself at its start is there.
const SETTLED: Duration = Duration::from_millis(300);

/// The memory that is resident once the server has what it needs for itself: its threads come late to that on a busy machine.
#[track_caller]
fn settled_resident_bytes(server: &Server) -> u64 {
    let (mut resident, mut since) = (server.resident_bytes(), Instant::now());
    let is_settled = wait_until(|| {
        let before = std::mem::replace(&mut resident, server.resident_bytes());
        if before != resident {
            since = Instant::now();
        }
        SETTLED <= since.elapsed()
    });
    assert!(is_settled, "{resident} bytes, and more all the time");
    resident
}

/// Connects, lets each connection do something, and measures what they hold when they are idle.
#[track_caller]
fn check(launch: &Launch, before: impl Fn(&mut Client)) {
    let server = launch.start();
    let mut witness = server.client();
    // What the first ones need beside themselves is not what the next ones cost.
    let mut clients: Vec<Client> = (0..50).map(|_| server.client()).collect();
    clients.iter_mut().for_each(&before);
    let settled = 51;
    assert!(wait_until(|| number(&mut witness, "connected_clients") == settled));
    let resident = settled_resident_bytes(&server);
    let used = number(&mut witness, "used_memory");
    clients.extend((0..CONNECTIONS).map(|_| server.client()));
    clients.iter_mut().skip(50).for_each(&before);
    assert!(wait_until(|| number(&mut witness, "connected_clients") == settled + CONNECTIONS));
    // The last replies may still be on their way: idle is what they are soon.
    let shared = shared_buffers(&mut witness);
    let mut each = 0;
    let costs_little = wait_until(|| {
        each = number(&mut witness, "used_memory").saturating_sub(used + shared) / CONNECTIONS;
        each <= MOST
    });
    assert!(costs_little, "{each} bytes of used_memory for each");
    // The system counts in pages, the allocator takes some ahead, and it gives those back that it does not need after a while.
    let costs_little = wait_until(|| {
        each = server.resident_bytes().saturating_sub(resident + shared) / CONNECTIONS;
        each <= 2 * MOST
    });
    assert!(costs_little, "{each} bytes resident for each");
}

#[test]
fn a_connection_that_never_spoke_costs_little() {
    subject::with_each_worker_count(|launch| check(&launch, |_| ()));
}

/// Workers keep room for replies while clients ask for much at the same time, and not for longer.
#[test]
fn workers_keep_no_room_for_clients_that_are_gone() {
    const CALLS: usize = 50;
    let value = vec![b'v'; 10_000];
    let reply = [b"$10000\r\n", value.as_slice(), b"\r\n"].concat();
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        witness.call(&[b"SET".as_slice(), b"key", &value]);
        let settled = number(&mut witness, "connected_clients");
        let used = number(&mut witness, "used_memory");
        let mut clients: Vec<Client> = (0..200).map(|_| server.client()).collect();
        for _ in 0..5 {
            for client in &mut clients {
                client.write(&b"GET key\r\n".repeat(CALLS)).expect("can be sent");
            }
            for client in &mut clients {
                client.read_exactly(CALLS * reply.len()).expect("the replies");
            }
        }
        drop(clients);
        assert!(wait_until(|| number(&mut witness, "connected_clients") == settled));
        let shared = shared_buffers(&mut witness);
        let mut kept = 0;
        let is_given_back = wait_until(|| {
            kept = number(&mut witness, "used_memory").saturating_sub(used);
            kept <= shared
        });
        assert!(is_given_back, "{kept} bytes are kept");
    });
}

#[test]
fn a_connection_that_was_busy_costs_as_little() {
    let value = vec![b'v'; 100_000];
    subject::with_each_worker_count(|launch| {
        check(&launch, |client| {
            client.run("CLIENT SETNAME a-name");
            client.call(&[b"SET", b"long".as_slice(), &value]);
            client.run("GET long");
            let pipeline = b"PING\r\nMGET a b c d e f g h i j k l m n o p\r\n".repeat(100);
            // Cut in the middle of a request.
            client.write(&pipeline[..1003]).expect("can be sent");
            client.run("PING");
        });
    });
}
