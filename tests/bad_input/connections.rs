//! Connections without end, too many of them, and silent ones.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use harness::{Client, Server, wait_until, wait_until_within};
use socket2::SockRef;

use super::bystander::Bystander;
use super::gauge::{number, processor_time};
use crate::subject;

/// Connections that come and are reset, as fast as they can; each leaves in another state.
#[test]
fn connections_that_are_reset_leave_nothing_behind() {
    const CONNECTIONS: usize = 20_000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let bystander = Bystander::of(&server);
        let mut witness = server.client();
        let settled = number(&mut witness, "connected_clients");
        let before = number(&mut witness, "used_memory");
        for round in 0..CONNECTIONS {
            let mut stream = TcpStream::connect(server.address()).expect("can connect");
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("can be set");
            let bytes: &[u8] = match round % 4 {
                0 => b"",
                1 => b"PING\r\n",
                2 => b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10",
                _ => b"*1\r\n!",
            };
            let _ = stream.write_all(bytes);
        }
        let gone = wait_until(|| number(&mut witness, "connected_clients") == settled);
        assert!(gone, "{} clients are left", number(&mut witness, "connected_clients"));
        let after = number(&mut witness, "used_memory");
        assert!(after < before + (1 << 20), "{before} bytes before, {after} after");
        bystander.was_served();
    });
}

/// However many come at once, and whichever worker is to have them: never one too many, and none too few.
#[test]
fn as_many_clients_as_allowed_are_served_when_many_more_come_at_once() {
    const ALLOWED: usize = 20;
    subject::with_each_worker_count(|launch| {
        let server = launch.line(format!("maxclients {ALLOWED}")).start();
        let mut witness = server.client();
        assert!(wait_until(|| number(&mut witness, "connected_clients") == 1));
        for _ in 0..10 {
            let mut streams: Vec<TcpStream> = (0..3 * ALLOWED)
                .map(|_| TcpStream::connect(server.address()).expect("can connect"))
                .collect();
            let mut answered = 0;
            for stream in &mut streams {
                stream.set_read_timeout(Some(harness::DEADLINE)).expect("can be set");
                let _ = stream.write_all(b"PING\r\n");
                let mut reply = [0; 7];
                let _ = stream.read_exact(&mut reply);
                match &reply {
                    b"+PONG\r\n" => answered += 1,
                    other => assert_eq!(other, b"-ERR ma"),
                }
            }
            assert_eq!(answered, ALLOWED - 1);
            drop(streams);
            let gone = wait_until(|| number(&mut witness, "connected_clients") == 1);
            assert!(gone, "places are not freed");
        }
    });
}

/// A client that sends or takes something now and then is not idle, even if no call of its comes to an end.
#[test]
fn a_slow_client_is_not_an_idle_one() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("timeout 1").start();
        let mut idle = server.client();
        idle.run("PING");
        let mut slow = server.client();
        slow.write(b"*2\r\n$4\r\nECHO\r\n$100\r\n").expect("can be sent");
        let start = Instant::now();
        let mut sent = 0_u32;
        while sent < 30 {
            // A byte every tenth of a second.
            let due = Duration::from_millis(100) * sent;
            let _ = wait_until_within(Duration::from_secs(1), || due <= start.elapsed());
            slow.write(b"x").expect("it is connected");
            sent += 1;
        }
        assert!(idle.closes(), "the idle one is not closed");
        slow.write(&[b'x'; 70]).expect("it is connected");
        slow.write(b"\r\n").expect("it is connected");
        assert_eq!(slow.reply().expect("a reply").as_bytes().map(<[u8]>::len), Some(100));
    });
}

/// Which timer the kernel runs for the server's end of a connection, as `/proc/net/tcp` has it: 2 is that of keepalive.
fn timer(server: &Server, client: &Client) -> Option<u64> {
    let local = format!("0100007F:{:04X}", server.port());
    let remote = format!("0100007F:{:04X}", client.local_address().ok()?.port());
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line =
        lines.find(|line| line.get(1) == Some(&&*local) && line.get(2) == Some(&&*remote))?;
    line.get(5)?.split(':').next()?.parse().ok()
}

#[test]
fn silent_connections_are_probed_if_so_configured() {
    subject::with_each_worker_count(|launch| {
        for (seconds, expected) in [(100, 2), (0, 0)] {
            let server = launch.clone().line(format!("tcp-keepalive {seconds}")).start();
            let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
            for client in &mut clients {
                client.run("PING");
                // At first it may still wait for an acknowledgement.
                let as_expected = wait_until(|| timer(&server, client) == Some(expected));
                assert!(as_expected, "tcp-keepalive {seconds}: {:?}", timer(&server, client));
            }
        }
    });
}

/// Connections that say nothing at all cost no time.
#[test]
fn silent_connections_cost_no_time() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let clients: Vec<Client> = (0..500).map(|_| server.client()).collect();
        let mut witness = server.client();
        assert!(wait_until(|| number(&mut witness, "connected_clients") == 501));
        let before = processor_time(&server);
        let start = Instant::now();
        let _ = wait_until_within(Duration::from_secs(1), || 1 <= start.elapsed().as_secs());
        let spent = processor_time(&server).saturating_sub(before);
        assert!(spent < Duration::from_millis(250), "{spent:?} in a second");
        drop(clients);
    });
}
