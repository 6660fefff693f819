//! Limits: long arguments, clients that never read or never write, and too many of them.

use harness::{Client, Server, Value, wait_until};

use crate::subject;

/// The value of a field of INFO.
fn information(client: &mut Client, field: &str) -> Option<u64> {
    let text = client.run("INFO").as_text()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line?.trim().parse().ok()
}

/// Waits until a client is not listed any more.
#[track_caller]
fn wait_until_gone(server: &Server, name: &str) {
    let mut client = server.client();
    let listed = format!("name={name} ");
    let gone =
        wait_until(|| !client.run("CLIENT LIST").as_text().unwrap_or_default().contains(&listed));
    assert!(gone, "{name} is still connected");
}

#[test]
fn an_argument_may_be_as_long_as_the_limit_and_not_a_byte_longer() {
    const LIMIT: usize = 1024 * 1024;
    subject::with_each_worker_count(|launch| {
        let server = launch.line("proto-max-bulk-len 1mb").start();
        let mut client = server.client();
        let value = vec![b'x'; LIMIT];
        assert_eq!(
            client.call(&[b"SET", b"k".as_slice(), &value]).as_text().as_deref(),
            Some("OK")
        );
        assert_eq!(client.run("STRLEN k"), Value::Integer(1024 * 1024));
        let refused = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
        assert_eq!(client.run("APPEND k y").as_text().as_deref(), Some(refused));
        assert_eq!(client.run("SETRANGE k 1048576 y").as_text().as_deref(), Some(refused));
        assert_eq!(client.run("STRLEN k"), Value::Integer(1024 * 1024));
        client.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n").expect("can be sent");
        let all = client.read_until_closed().expect("the server closes");
        assert_eq!(all, b"-ERR Protocol error: invalid bulk length\r\n");
    });
}

/// The real limit, once, with four workers: half a gibibyte in, and out again.
#[test]
fn half_a_gibibyte_is_stored_and_read_back() {
    const LIMIT: usize = 512 * 1024 * 1024;
    let server = subject::launch().workers(4).start();
    let mut client = server.client();
    let chunk: Vec<u8> =
        b"abcdefghijklmnopqrstuvw".iter().copied().cycle().take(1024 * 1024).collect();
    client.write(format!("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n${LIMIT}\r\n").as_bytes()).expect("sent");
    for _ in 0..LIMIT / chunk.len() {
        client.write(&chunk).expect("can be sent");
    }
    client.write(b"\r\n").expect("can be sent");
    assert_eq!(client.reply().expect("a reply").as_text().as_deref(), Some("OK"));
    let mut other = server.client();
    assert_eq!(
        other.run("APPEND big x").as_text().as_deref(),
        Some("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    );
    client.send(&["GET", "big"]).expect("can be sent");
    assert_eq!(client.read_line().expect("a header"), format!("${LIMIT}\r\n").as_bytes());
    for part in 0..LIMIT / chunk.len() {
        let read = client.read_exactly(chunk.len()).expect("the value");
        assert!(read == chunk, "mebibyte {part} differs");
    }
    assert_eq!(client.read_exactly(2).expect("the end"), b"\r\n");
    assert_eq!(client.run("DEL big"), Value::Integer(1));
}

#[test]
fn a_request_that_grows_without_end_is_cut_off() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-query-buffer-limit 1mb").start();
        let mut client = server.client();
        client.write(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000000\r\n").expect("can be sent");
        let chunk = vec![b'x'; 100_000];
        // Far fewer bytes than were announced.
        let refused = (0..190).any(|_| client.write(&chunk).is_err());
        assert!(refused || client.closes(), "the connection is still open");
        server.wait_for_log("max query buffer length");
        assert!(server.client().run("GET k").is_null());
    });
}

/// A client that asks and never reads is cut off at the hard limit; until then and after, others are served, and the
/// memory stays bounded.
#[test]
fn a_client_that_never_reads_is_cut_off_at_the_hard_limit() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-output-buffer-limit normal 8mb 0 0").start();
        let mut other = server.client();
        other.call(&[b"SET", b"k".as_slice(), &vec![b'x'; 100_000]]);
        let mut client = server.client();
        client.run("CLIENT SETNAME never-reads");
        // A hundred megabytes, if they were all sent.
        let request = b"GET k\r\n".repeat(1000);
        let _ = client.write(&request);
        wait_until_gone(&server, "never-reads");
        assert_eq!(other.run("PING").as_text().as_deref(), Some("PONG"));
        server.wait_for_log("overcoming of output buffer limits");
        let used = information(&mut other, "used_memory_peak").expect("a field of INFO");
        assert!(used < 64 * 1024 * 1024, "{used} bytes were used");
    });
}

#[test]
fn a_client_that_never_reads_is_cut_off_some_time_after_the_soft_limit() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-output-buffer-limit normal 0 1mb 1").start();
        let mut other = server.client();
        other.call(&[b"SET", b"k".as_slice(), &vec![b'x'; 100_000]]);
        let mut client = server.client();
        client.run("CLIENT SETNAME never-reads");
        client.write(&b"GET k\r\n".repeat(300)).expect("can be sent");
        // The limit is checked whenever something is added.
        assert!(wait_until(|| client.write(b"GET k\r\n").is_err()), "it is never cut off");
        wait_until_gone(&server, "never-reads");
    });
}

#[test]
fn one_client_too_many_is_told_so() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("maxclients 10").start();
        let mut clients: Vec<Client> = Vec::new();
        // The connection that saw the server become ready may still be counted.
        let all_fit = wait_until(|| {
            clients = (0..10).map(|_| server.client()).collect();
            clients
                .iter_mut()
                .all(|client| client.try_call(&["PING"]).is_ok_and(|reply| !reply.is_error()))
        });
        assert!(all_fit, "ten clients do not fit");
        let mut refused = server.client();
        let all = refused.read_until_closed().expect("the server closes");
        assert_eq!(all, b"-ERR max number of clients reached\r\n");
        assert_eq!(
            information(&mut clients[0], "rejected_connections").map(|count| 1 <= count),
            Some(true)
        );
        clients.pop();
        let fits =
            wait_until(|| server.client().try_call(&["PING"]).is_ok_and(|reply| !reply.is_error()));
        assert!(fits, "a place that became free is not given away");
    });
}

#[test]
fn idle_clients_are_closed_after_the_timeout() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("timeout 1").start();
        let mut idle = server.client();
        idle.run("CLIENT SETNAME idle");
        let start = std::time::Instant::now();
        assert!(idle.closes(), "it is not closed");
        assert!(900 < start.elapsed().as_millis(), "it is closed too early");
    });
}
