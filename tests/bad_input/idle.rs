//! Connections that do nothing: what they cost.

use harness::{Client, Launch, wait_until};

use super::gauge::{number, shared_buffers};
use crate::subject;

const CONNECTIONS: u64 = 600;

/// Bytes of memory for a connection, the kernel's apart.
const MOST: u64 = 2048;

/// Bytes of huge pages that may come meanwhile: one for each worker, and those that are kept ready.
const MOST_HUGE: u64 = 6 * (2 << 20);

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
    let used = number(&mut witness, "used_memory");
    let (resident, huge) = (server.resident_bytes(), server.huge_page_bytes());
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
    // The system counts in pages, the allocator takes some ahead, and it gives those back that it does not need after a while. Where there
    // were a few small pages the system may give a huge one at any time, and what of it is used nobody knows; so there may be a few more.
    let mut more_huge = 0;
    let costs_little = wait_until(|| {
        more_huge = server.huge_page_bytes().saturating_sub(huge);
        each = server.resident_bytes().saturating_sub(resident + shared + more_huge) / CONNECTIONS;
        each <= 2 * MOST && more_huge <= MOST_HUGE
    });
    assert!(costs_little, "{each} bytes resident for each, and {more_huge} of huge pages");
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
