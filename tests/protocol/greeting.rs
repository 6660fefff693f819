//! HELLO, and what changes with the version of the protocol.

use harness::{Protocol, Value};

use crate::subject;

#[test]
fn a_connection_begins_with_protocol_2_and_hello_changes_it() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        assert_eq!(client.run("GET missing"), Value::NullBulk);
        assert!(matches!(client.run("CONFIG GET maxmemory"), Value::Array(_)));
        client.hello(Protocol::Resp3);
        assert_eq!(client.run("GET missing"), Value::Null);
        assert!(matches!(client.run("CONFIG GET maxmemory"), Value::Map(_)));
        client.hello(Protocol::Resp2);
        assert_eq!(client.run("GET missing"), Value::NullBulk);
        client.hello(Protocol::Resp3);
        assert_eq!(client.run("RESET"), Value::Simple(b"RESET".to_vec()));
        assert_eq!(client.run("GET missing"), Value::NullBulk);
    });
}

#[test]
fn the_greeting_tells_what_clients_look_for() {
    let server = subject::launch().start();
    let mut client = server.client();
    let Value::Map(pairs) = client.run("HELLO 3 SETNAME greeter") else {
        panic!("HELLO 3 replies a map");
    };
    let field = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key.as_text().as_deref() == Some(name));
        found.map(|(_, value)| value.clone())
    };
    assert_eq!(field("server"), Some(Value::Bulk(b"redis".to_vec())));
    assert_eq!(field("proto"), Some(Value::Integer(3)));
    assert_eq!(field("mode"), Some(Value::Bulk(b"standalone".to_vec())));
    assert_eq!(field("role"), Some(Value::Bulk(b"master".to_vec())));
    let version = field("version").and_then(|version| version.as_text()).unwrap_or_default();
    assert!(version.starts_with("7.4."), "{version}");
    assert_eq!(client.run("CLIENT GETNAME"), Value::Bulk(b"greeter".to_vec()));
    assert_eq!(field("id"), Some(client.run("CLIENT ID")));
}

#[test]
fn hello_refuses_what_it_must_and_changes_nothing_then() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("requirepass secret").start();
        let mut client = server.client();
        let mut refused = |line: &str, code: &str| {
            let reply = client.run(line);
            let text = reply.as_text().unwrap_or_default();
            assert!(reply.is_error() && text.starts_with(code), "{line}: {text}");
        };
        refused("HELLO 4", "NOPROTO");
        refused("HELLO 1", "NOPROTO");
        refused("HELLO x", "ERR Protocol version is not an integer or out of range");
        refused("HELLO 3", "NOAUTH HELLO must be called with the client already authenticated");
        refused("HELLO 3 AUTH default wrong", "WRONGPASS");
        refused(
            "HELLO 3 AUTH default secret NONSENSE",
            "ERR Syntax error in HELLO option 'NONSENSE'",
        );
        refused("PING", "NOAUTH");
        let reply = client.run("HELLO 3 AUTH default secret");
        assert!(matches!(reply, Value::Map(_)), "{reply:?}");
        assert_eq!(client.run("GET missing"), Value::Null);
    });
}

#[test]
fn quit_answers_and_closes() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        client.write(b"PING\r\nQUIT\r\nPING\r\n").expect("can be sent");
        let all = client.read_until_closed().expect("the server closes");
        assert_eq!(all, b"+PONG\r\n+OK\r\n");
    });
}
