//! What happens when the process has no more file descriptors, although the limit of clients is not reached.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use harness::{Server, wait_until};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::bystander::Bystander;
use super::gauge::{BUSY_ROUNDS, rounds_per_second};
use crate::subject;

/// Leaves a server room for some more descriptors; for how many.
fn leave_room(server: &Server) -> u64 {
    let directory = format!("/proc/{}/fd", server.process_id());
    let open = fs::read_dir(directory).expect("can be listed");
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
    let numbers: Vec<u64> = numbers.collect();
    // The limit is one of the numbers, and some below may be free.
    let highest = numbers.iter().max().copied().unwrap_or_default();
    let limit = highest + 1 + 20;
    let room = limit - numbers.len() as u64;
    let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
    let process = i32::try_from(server.process_id()).ok().and_then(Pid::from_raw);
    prlimit(process, Resource::Nofile, limit).expect("can be set");
    room
}

/// Those who came too late wait, without keeping the server busy, and are served when others have left.
#[test]
fn connections_beyond_the_last_descriptor_wait_for_a_free_one() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut witness = server.client();
        witness.run("PING");
        let mut streams: Vec<TcpStream> = (0..leave_room(&server) + 40)
            .map(|_| {
                let mut stream = TcpStream::connect(server.address()).expect("the kernel accepts");
                stream.set_read_timeout(Some(harness::DEADLINE)).expect("can be set");
                stream.write_all(b"PING\r\n").expect("can be sent");
                stream
            })
            .collect();
        server.wait_for_log("# Accepting client connection: accept: Too many open files");
        // The bystander makes up to four rounds a millisecond.
        let rounds = rounds_per_second(&mut witness);
        assert!(rounds < BUSY_ROUNDS + 10_000, "{rounds} rounds a second");
        let complaints = server.log().matches("Too many open files").count();
        assert!(complaints < 10, "{complaints} lines in the log");
        // One after the other: whoever leaves makes room for the next.
        while let Some(mut stream) = (!streams.is_empty()).then(|| streams.remove(0)) {
            let mut reply = [0; 7];
            stream.read_exact(&mut reply).expect("it is served");
            assert_eq!(&reply, b"+PONG\r\n");
        }
        assert!(wait_until(|| witness.try_call(&["PING"]).is_ok()));
        bystander.was_served();
    });
}
