//! Many connections, short ones and idle ones, over each kind of socket.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr};

use harness::{Client, Server, Value, wait_until};

use crate::subject;

/// Files and sockets that the server has open.
fn open_files(server: &Server) -> usize {
    let path = format!("/proc/{}/fd", server.process_id());
    fs::read_dir(path).map_or(0, Iterator::count)
}

#[test]
fn ten_thousand_short_connections_leave_nothing_behind() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        witness.run("PING");
        let settled = open_files(&server);
        for count in 0..10_000 {
            let mut client = server.client();
            match count % 4 {
                // Some leave without a word, some in the middle of one.
                0 => {}
                1 => client.write(b"*2\r\n$4\r\nEC").expect("can be sent"),
                _ => {
                    assert_eq!(client.run("PING"), Value::Simple(b"PONG".to_vec()));
                }
            }
        }
        assert!(wait_until(|| open_files(&server) <= settled), "{} files", open_files(&server));
        let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
        assert_eq!(list.lines().count(), 1, "{list}");
    });
}

#[test]
fn two_thousand_connections_are_served_side_by_side() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut clients: Vec<Client> = (0..2000).map(|_| server.client()).collect();
        for client in &mut clients {
            client.write(b"INCR shared\r\n").expect("can be sent");
        }
        let mut seen: Vec<i64> = clients
            .iter_mut()
            .map(|client| client.reply().expect("a reply").as_integer().expect("a number"))
            .collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(1..=2000), "each increment is seen once");
    });
}

#[test]
fn unix_sockets_and_ipv6_are_served() {
    subject::with_each_worker_count(|launch| {
        let server = launch
            .line("unixsocket ochre.sock")
            .line("unixsocketperm 700")
            .line("bind 127.0.0.1 -::1")
            .start();
        let path = server.directory().join("ochre.sock");
        let mut unix = Client::connect_unix(&path).expect("the socket is there");
        assert_eq!(unix.run("SET from unix").as_text().as_deref(), Some("OK"));
        let line = unix.run("CLIENT INFO").as_text().unwrap_or_default();
        assert!(line.contains("ochre.sock:0"), "{line}");
        assert_eq!(server.client().run("GET from").as_text().as_deref(), Some("unix"));
        let mode = fs::metadata(&path).expect("the socket is there").permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o700);
        // A machine without IPv6 serves the rest, for the address is marked as optional.
        if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            let address = SocketAddr::from((Ipv6Addr::LOCALHOST, server.port()));
            let mut client = Client::connect(address).expect("it listens on ::1 too");
            assert_eq!(client.run("GET from").as_text().as_deref(), Some("unix"));
        }
    });
}

#[test]
fn a_killed_client_is_gone_and_the_killer_hears_it() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut victims: Vec<Client> = (0..8).map(|_| server.client()).collect();
        let ids: Vec<i64> = victims
            .iter_mut()
            .map(|client| client.run("CLIENT ID").as_integer().expect("a number"))
            .collect();
        let mut killer = server.client();
        for (victim, id) in victims.iter_mut().zip(ids) {
            assert_eq!(killer.run(&format!("CLIENT KILL ID {id}")), Value::Integer(1));
            assert!(victim.closes(), "client {id} is still connected");
        }
        assert_eq!(killer.run("CLIENT KILL TYPE normal SKIPME yes"), Value::Integer(0));
    });
}
