//! The endpoint for those who watch the server: what it tells, what it refuses, and the dashboard that reads it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use harness::{DEADLINE, Launch, Server, free_port, wait_until};

use crate::bad_input::bystander::Bystander;
use crate::subject;

/// A response: its status, its head and its body.
struct Response {
    status: u16,
    head: String,
    body: String,
}

fn connect(port: u16) -> TcpStream {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
    socket.set_read_timeout(Some(DEADLINE)).expect("can be set");
    socket.set_write_timeout(Some(DEADLINE)).expect("can be set");
    socket
}

/// Sends bytes, and reads until the server closes.
fn ask(port: u16, request: &[u8]) -> Response {
    let mut socket = connect(port);
    // A server that has heard enough closes while it is told more.
    let _closed = socket.write_all(request);
    let mut bytes = Vec::new();
    let _reset = socket.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Response { status, head: head.to_owned(), body: body.to_owned() }
}

fn page(port: u16, path: &str) -> Response {
    ask(port, format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n").as_bytes())
}

/// A server, and the port where its metrics are.
fn start(launch: &Launch) -> (Server, u16) {
    let port = free_port();
    (launch.clone().line(format!("metrics-port {port}")).start(), port)
}

/// The value of a sample.
fn sample(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.parse().ok()
}

#[test]
fn numbers_are_told() {
    subject::with_each_worker_count(|launch| {
        let (server, port) = start(&launch);
        let mut client = server.client();
        for number in 0..10 {
            client.run(&format!("SET key:{number} value"));
        }
        let told = wait_until(|| {
            let response = page(port, "/metrics");
            assert_eq!(response.status, 200);
            assert!(response.head.contains("application/openmetrics-text"));
            let is = |name: &str, expected: f64| {
                sample(&response.body, name).is_some_and(|it| (it - expected).abs() < 1e-9)
            };
            is("ochre_command_calls_total{command=\"set\"}", 10.0)
                && is("ochre_db_keys{db=\"0\"}", 10.0)
                && is("ochre_connected_clients", 1.0)
                && response.body.ends_with("# EOF\n")
        });
        assert!(told, "{}", page(port, "/metrics").body);
        let head = ask(port, b"HEAD /metrics HTTP/1.0\r\n\r\n");
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!((page(port, "/healthz").status, page(port, "/readyz").status), (200, 200));
        assert_eq!(page(port, "/").status, 404);
    });
}

#[test]
fn what_is_no_request_is_refused() {
    let (server, port) = start(&subject::launch());
    assert_eq!(ask(port, b"POST /metrics HTTP/1.1\r\n\r\n").status, 405);
    assert_eq!(ask(port, b"*1\r\n$4\r\nPING\r\n\r\n").status, 400);
    let mut long = b"GET /metrics HTTP/1.1\r\nX: ".to_vec();
    long.resize(1 << 20, b'x');
    let response = ask(port, &long);
    // It may have closed before the answer was read.
    assert!([431, 0].contains(&response.status), "{}", response.head);
    assert_eq!(server.client().run("PING").as_text().as_deref(), Some("PONG"));
}

/// Far more than are served at a time.
#[test]
fn who_says_nothing_keeps_no_probe_waiting() {
    let (_server, port) = start(&subject::launch());
    let mut silent: Vec<TcpStream> = (0..200).map(|_| connect(port)).collect();
    let start = Instant::now();
    for socket in &mut silent {
        let _closed = socket.write_all(b"GET /metrics HTTP/1.1\r\nX: ");
    }
    for _ in 0..5 {
        assert_eq!(page(port, "/healthz").status, 200);
    }
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(5), "a probe waited for {taken:?}");
    drop(silent);
}

#[test]
fn requests_may_come_in_pieces_break_off_and_be_too_large() {
    subject::with_each_worker_count(|launch| {
        let (server, port) = start(&launch);
        let bystander = Bystander::of(&server);
        let whole = b"GET /healthz HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n";
        for end in 0..whole.len() {
            let mut socket = connect(port);
            socket.write_all(&whole[..end]).expect("can be sent");
            drop(socket);
            let mut socket = connect(port);
            socket.write_all(&whole[..end]).expect("can be sent");
            socket.write_all(&whole[end..]).expect("can be sent");
            let mut response = String::new();
            socket.read_to_string(&mut response).expect("an answer");
            assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        }
        let start = |text: &str| text.as_bytes().to_vec();
        let many_lines = [start("GET /metrics HTTP/1.1\r\n"), b"X: y\r\n".repeat(1 << 20)].concat();
        let long_path = [start("GET /"), vec![b'x'; 8 << 20], start(" HTTP/1.1\r\n\r\n")].concat();
        let body = [
            start("POST /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
            vec![b'x'; 8 << 20],
        ]
        .concat();
        for (request, statuses) in [
            (many_lines, [431, 0]),
            (long_path, [431, 0]),
            // It is answered as soon as it is known to be none; the rest of it then meets a closed connection.
            (body, [405, 0]),
            (vec![0; 1 << 20], [431, 0]),
            (vec![255; 1 << 20], [431, 0]),
            (b"\r\n\r\n".to_vec(), [400, 400]),
        ] {
            let status = ask(port, &request).status;
            assert!(statuses.contains(&status), "{status} for {:?}", &request[..4]);
        }
        assert_eq!(page(port, "/metrics").status, 200);
        bystander.was_served();
    });
}

#[test]
fn the_endpoint_moves_and_goes() {
    let server = subject::launch().start();
    let mut client = server.client();
    let set = |client: &mut harness::Client, port: u16| {
        client.run(&format!("CONFIG SET metrics-port {port}")).as_text()
    };
    let (first, second) = (free_port(), free_port());
    assert_eq!(set(&mut client, first).as_deref(), Some("OK"));
    assert_eq!(page(first, "/healthz").status, 200);
    assert_eq!(set(&mut client, second).as_deref(), Some("OK"));
    assert_eq!(page(second, "/healthz").status, 200);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, first)).is_err());
    let refused = set(&mut client, server.port()).unwrap_or_default();
    assert!(refused.contains("Unable to listen on this port"), "{refused}");
    assert_eq!(page(second, "/healthz").status, 200, "it is where it was");
    assert_eq!(set(&mut client, 0).as_deref(), Some("OK"));
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, second)).is_err());
}

/// The names of metrics in an expression: words that begin as ours do.
fn names(expression: &str) -> BTreeSet<String> {
    let is_of_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = expression.split(|character| !is_of_word(character));
    words.filter(|word| word.starts_with("ochre_")).map(str::to_owned).collect()
}

/// All strings under a key, anywhere.
fn strings<'a>(value: &'a serde_json::Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if name == key => found.push(text),
                    _ => strings(value, key, found),
                }
            }
        }
        serde_json::Value::Array(values) => {
            for value in values {
                strings(value, key, found);
            }
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}

/// Every name in the dashboard is one that the server tells, of a server on which everything has happened once.
#[test]
fn the_dashboard_asks_only_for_what_is_told() {
    let launch = subject::launch().line("latency-monitor-threshold 1").line("hotkeys-tracking yes");
    let (server, port) = start(&launch);
    let mut client = server.client();
    client.run("SET key value");
    client.run("GET key");
    client.run("LPUSH key value");
    client.run("GET");
    client.run("DEBUG SLEEP 0.01");
    for _ in 0..3000 {
        client.run("GET key");
        client.run("SET key value");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/grafana/ochre.json");
    let text = fs::read_to_string(path).expect("the dashboard is there");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let mut expressions = Vec::new();
    strings(&dashboard, "expr", &mut expressions);
    strings(&dashboard, "query", &mut expressions);
    assert!(30 < expressions.len(), "there are expressions");
    let wanted: BTreeSet<String> = expressions.iter().flat_map(|it| names(it)).collect();
    let mut missing = Vec::new();
    let all_there = wait_until(|| {
        let text = page(port, "/metrics").body;
        let told: BTreeSet<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .collect();
        missing = wanted.iter().filter(|name| !told.contains(name.as_str())).cloned().collect();
        missing.is_empty()
    });
    assert!(all_there, "not told: {missing:?}");
}
