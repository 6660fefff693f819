//! Listening where one can and where one cannot.

use std::collections::HashSet;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::*;

fn settings(addresses: &[&str], port: u16, listeners: usize) -> TcpSettings {
    let addresses = addresses.iter().map(ToString::to_string).collect();
    TcpSettings { kind: "tcp", addresses, port, backlog: 511, listeners, mark: 0 }
}

fn port_of(groups: &[Vec<TcpListener>]) -> u16 {
    groups[0][0].local_addr().unwrap().port()
}

/// Accepts from listeners that do not block.
fn accept(listeners: &[&TcpListener]) -> (usize, TcpStream) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        for (index, listener) in listeners.iter().enumerate() {
            match listener.accept() {
                Ok((stream, _)) => return (index, stream),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert!(Instant::now() < deadline, "nobody connected");
        std::thread::yield_now();
    }
}

#[test]
fn every_address_is_listened_on() {
    let groups = listen_tcp(&settings(&["127.0.0.1", "::1", "localhost"], 0, 1));
    // `localhost` is 127.0.0.1 again, which is taken.
    assert!(matches!(groups, Err(ListenError::Tcp { .. })));

    let groups = listen_tcp(&settings(&["127.0.0.1", "-::1"], 0, 1)).unwrap();
    for listener in &groups[0] {
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        accept(&[listener]);
    }
    assert_eq!(
        groups[0].iter().map(|l| l.local_addr().unwrap().port()).collect::<HashSet<_>>().len(),
        1
    );
}

#[test]
fn all_addresses_of_both_families_share_a_port() {
    let groups = listen_tcp(&settings(&["*", "-::*"], 0, 2)).unwrap();
    let port = port_of(&groups);
    let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (_, accepted) = accept(&[&groups[0][0], &groups[1][0]]);
    assert!(accepted.peer_addr().unwrap().is_ipv4());
}

#[test]
fn a_taken_port_is_an_error_for_one_and_for_many() {
    for (first, second) in [(1, 1), (1, 4), (4, 1), (4, 4)] {
        let groups = listen_tcp(&settings(&["127.0.0.1"], 0, first)).unwrap();
        let port = port_of(&groups);
        let error = listen_tcp(&settings(&["127.0.0.1"], port, second)).unwrap_err();
        assert_eq!(error.to_string(), format!("Failed listening on port {port} (tcp), aborting."));
        let failure = listen_on("127.0.0.1", port, &settings(&[], port, second)).unwrap_err();
        assert_eq!(failure.text, "bind: Address already in use");
    }
}

#[test]
fn workers_share_the_connections_of_an_address() {
    let groups = listen_tcp(&settings(&["127.0.0.1"], 0, 4)).unwrap();
    let listeners: Vec<&TcpListener> = groups.iter().map(|group| &group[0]).collect();
    assert_eq!(listeners.len(), 4);
    let mut seen = HashSet::new();
    // Each of 200 connections goes to one of four by its hash: none of them in three would be a marvel.
    for _ in 0..200 {
        let _client = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        seen.insert(accept(&listeners).0);
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn an_optional_address_may_be_absent() {
    // An address for documentation, which no machine has.
    let groups = listen_tcp(&settings(&["127.0.0.1", "-192.0.2.1"], 0, 1)).unwrap();
    assert_eq!(groups[0].len(), 1);
    let error = listen_tcp(&settings(&["127.0.0.1", "192.0.2.1"], 0, 1)).unwrap_err();
    assert!(matches!(error, ListenError::Tcp { .. }));
    let error = listen_tcp(&settings(&["-192.0.2.1"], 0, 1)).unwrap_err();
    assert_eq!(error.to_string(), "Configured to not listen anywhere, exiting.");
    let failure = listen_on("192.0.2.1", 0, &settings(&[], 0, 1)).unwrap_err();
    assert_eq!(failure.text, "bind: Cannot assign requested address");
}

#[test]
fn a_name_that_does_not_exist_is_said_so() {
    let failure = listen_on("nosuch.invalid", 1, &settings(&[], 1, 1)).unwrap_err();
    // What the resolver says depends on whether it reaches a server; only the library's own words must be gone.
    assert!(
        !failure.text.contains("failed to lookup") && !failure.text.is_empty(),
        "{}",
        failure.text
    );
    assert!(!failure.is_absence(true));
}

#[test]
fn accepted_connections_are_set_up() {
    let groups = listen_tcp(&settings(&["127.0.0.1"], 0, 1)).unwrap();
    let _client = TcpStream::connect(groups[0][0].local_addr().unwrap()).unwrap();
    let (_, mut accepted) = accept(&[&groups[0][0]]);
    accepted.set_nonblocking(false).unwrap();
    set_up_tcp(&accepted, 300).unwrap();
    assert_eq!(accepted.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let socket = SockRef::from(&accepted);
    assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_mins(5));
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(100));
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
    set_up_tcp(&accepted, 1).unwrap();
    assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(1));

    let _client = TcpStream::connect(groups[0][0].local_addr().unwrap()).unwrap();
    let (_, accepted) = accept(&[&groups[0][0]]);
    set_up_tcp(&accepted, 0).unwrap();
    assert!(!SockRef::from(&accepted).keepalive().unwrap());
}

#[test]
fn a_unix_socket_replaces_a_stale_one_and_has_its_mode() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("server.sock");
    drop(listen_unix(&path, None, 511).unwrap());
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    let listener = listen_unix(&path, Some(0o710), 511).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o710);

    let mut client = UnixStream::connect(&path).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    set_up_unix(&accepted).unwrap();
    assert_eq!(accepted.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    accepted.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn a_unix_socket_that_cannot_be_says_why() {
    let error = listen_unix(Path::new("/nonexistent/server.sock"), None, 511).unwrap_err();
    assert_eq!(error.to_string(), "Failed opening Unix socket: bind: No such file or directory");
    let long = format!("/tmp/{}", "x".repeat(200));
    assert!(listen_unix(Path::new(&long), None, 511).is_err());
}

#[test]
fn the_kernels_limit_is_compared() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("somaxconn");
    fs::write(&path, "128\n").unwrap();
    assert_eq!(kernel_limit(&path, 511), Some(128));
    assert_eq!(kernel_limit(&path, 128), None);
    fs::write(&path, "nonsense").unwrap();
    assert_eq!(kernel_limit(&path, 511), None);
}
