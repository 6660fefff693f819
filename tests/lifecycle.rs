//! The life of the process: starting, signals, shutting down, running in the background, crashing.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;

use harness::{Client, Launch, ProcessGuard, Signal, wait_until};

use crate::subject;

#[test]
fn the_log_tells_what_process_managers_wait_for() {
    subject::with_each_worker_count(|launch| {
        let mut server = launch.line("always-show-logo yes").start();
        server.wait_for_log("Server initialized");
        server.wait_for_log("Ready to accept connections");
        server.wait_for_log(&format!("PID: {}", server.process_id()));
        server.signal(Signal::TERM);
        assert_eq!(server.wait_for_end().code(), Some(0));
        let log = server.log();
        for line in ["Received SIGTERM scheduling shutdown", "User requested shutdown", "bye bye"] {
            assert!(log.contains(line), "no {line:?} in\n{log}");
        }
    });
}

#[test]
fn sigterm_and_sigint_end_it_in_order_whatever_clients_do() {
    subject::with_each_worker_count(|launch| {
        for signal in [Signal::TERM, Signal::INT] {
            let mut server = launch.clone().line("pidfile ochre.pid").start();
            let mut clients: Vec<Client> = (0..50).map(|_| server.client()).collect();
            for client in &mut clients {
                client
                    .write(b"*2\r\n$3\r\nGET\r\n$100\r\nhalf of an argument")
                    .expect("can be sent");
            }
            server.signal(signal);
            assert_eq!(server.wait_for_end().code(), Some(0), "{signal:?}");
            assert!(clients.iter_mut().all(Client::closes), "a connection is still open");
            assert!(!server.directory().join("ochre.pid").exists(), "the pid file is left behind");
        }
    });
}

#[test]
fn sighup_and_sigpipe_change_nothing() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        server.signal(Signal::HUP);
        server.signal(Signal::PIPE);
        let mut client = server.client();
        assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
    });
}

#[test]
fn shutdown_ends_it_without_a_reply() {
    subject::with_each_worker_count(|launch| {
        for line in ["SHUTDOWN", "SHUTDOWN NOSAVE", "SHUTDOWN NOSAVE NOW FORCE", "shutdown now"] {
            let mut server = launch.clone().line("unixsocket ochre.sock").start();
            let mut client = server.client();
            client.write(format!("{line}\r\n").as_bytes()).expect("can be sent");
            let all = client.read_until_closed().expect("the server closes");
            assert_eq!(all, b"", "{line}");
            assert_eq!(server.wait_for_end().code(), Some(0), "{line}");
            assert!(!server.directory().join("ochre.sock").exists(), "the socket is left behind");
        }
    });
}

#[test]
fn shutdown_refuses_what_makes_no_sense() {
    let server = subject::launch().start();
    let mut client = server.client();
    let mut check = |line: &str, expected: &str| {
        assert_eq!(client.run(line).as_text().as_deref(), Some(expected), "{line}");
    };
    check("SHUTDOWN MAYBE", "ERR syntax error");
    check("SHUTDOWN SAVE NOSAVE", "ERR syntax error");
    check("SHUTDOWN ABORT NOW", "ERR syntax error");
    check("SHUTDOWN ABORT", "ERR No shutdown in progress.");
}

#[test]
fn a_port_that_is_taken_ends_the_start() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it has one").port();
    subject::with_each_worker_count(|launch| {
        let ended = launch.port(port).run_to_end();
        assert_eq!(ended.status.code(), Some(1));
        assert!(ended.log.contains("Failed listening on port"), "{}", ended.log);
    });
}

#[test]
fn in_the_background_it_writes_its_process_id() {
    let port = harness::free_port();
    let ended = subject::launch()
        .port(port)
        .line("daemonize yes")
        .line("pidfile ochre.pid")
        .line("logfile ochre.log")
        .run_to_end();
    assert_eq!(ended.status.code(), Some(0), "{}", ended.log);
    let path = ended.directory.path().join("ochre.pid");
    let mut id = None;
    assert!(wait_until(|| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        id = text.trim().parse::<u32>().ok();
        id.is_some()
    }));
    let _background = ProcessGuard::new(id.expect("it was read"));
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut client = None;
    assert!(wait_until(|| {
        client = Client::connect(address).ok();
        client.is_some()
    }));
    let mut client = client.expect("it is connected");
    let text = client.run("INFO server").as_text().unwrap_or_default();
    let own = format!("process_id:{}", id.unwrap_or_default());
    assert!(text.contains(&own), "no {own} in\n{text}");
    client.write(b"SHUTDOWN NOSAVE\r\n").expect("can be sent");
    assert!(client.closes());
    assert!(wait_until(|| !path.exists()), "the pid file is left behind");
    let log = fs::read_to_string(ended.directory.path().join("ochre.log")).unwrap_or_default();
    assert!(log.contains("Ready to accept connections"), "{log}");
}

#[test]
fn a_crash_is_reported() {
    subject::with_each_worker_count(|launch: Launch| {
        let mut server = launch.start();
        let mut client = server.client();
        client.write(b"DEBUG SEGFAULT\r\n").expect("can be sent");
        let status = server.wait_for_end();
        assert!(status.signal().is_some() || status.code() != Some(0), "{status:?}");
        let log = server.log();
        for line in ["REDIS BUG REPORT START", "crashed by signal: 11"] {
            assert!(log.contains(line), "no {line:?} in\n{log}");
        }
    });
}

/// While one client holds a worker up, a server with several still answers the others.
#[test]
fn a_sleeping_server_answers_afterwards() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut sleeper = server.client();
        sleeper.send(&["DEBUG", "SLEEP", "0.2"]).expect("can be sent");
        let mut client = server.client();
        assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
        assert_eq!(sleeper.reply().expect("a reply").as_text().as_deref(), Some("OK"));
    });
}
