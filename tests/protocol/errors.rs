//! What is not the protocol: the documented error, and the connection is closed.

use harness::{Launch, Server};

use crate::subject;

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Closed,
    Open,
}

/// Sends `input` on a connection of its own and compares all that comes back.
#[track_caller]
fn check(server: &Server, input: &[u8], expected: &[u8], then: Then) {
    let shown = input[..input.len().min(80)].escape_ascii();
    let mut client = server.client();
    // The server may close before it has read everything; then the rest cannot be sent.
    let _ = client.write(input);
    if then == Then::Closed {
        let reply = client.read_until_closed().unwrap_or_else(|error| panic!("{shown}: {error}"));
        assert_eq!(
            reply.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{shown}"
        );
        return;
    }
    client.write(b"*2\r\n$4\r\nECHO\r\n$8\r\nthe end.\r\n").expect("the connection is open");
    let expected = [expected, b"$8\r\nthe end.\r\n"].concat();
    let reply =
        client.read_exactly(expected.len()).unwrap_or_else(|error| panic!("{shown}: {error}"));
    assert_eq!(reply.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{shown}");
}

#[test]
fn what_is_not_the_protocol_is_refused_and_the_connection_closed() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let refused = |input: &[u8], text: &str| {
            let expected = format!("-ERR Protocol error: {text}\r\n");
            check(&server, input, expected.as_bytes(), Then::Closed);
        };
        refused(b"*2147483648\r\n", "invalid multibulk length");
        refused(b"*9223372036854775808\r\n", "invalid multibulk length");
        refused(b"*x\r\n", "invalid multibulk length");
        refused(b"*1x\r\n", "invalid multibulk length");
        refused(b"*\r\n", "invalid multibulk length");
        refused(b"* 1\r\n", "invalid multibulk length");
        refused(b"*1\r\nfoo\r\n", "expected '$', got 'f'");
        refused(b"*1\r\n*1\r\n", "expected '$', got '*'");
        refused(b"*1\r\n:1\r\n", "expected '$', got ':'");
        refused(b"*1\r\n$-1\r\n", "invalid bulk length");
        refused(b"*1\r\n$x\r\n", "invalid bulk length");
        refused(b"*1\r\n$\r\n", "invalid bulk length");
        refused(b"*1\r\n$536870913\r\n", "invalid bulk length");
        refused(b"*1\r\n$9223372036854775807\r\n", "invalid bulk length");
        refused(b"SET \"a b\r\n", "unbalanced quotes in request");
        refused(b"SET 'a b\r\n", "unbalanced quotes in request");
        refused(b"SET \"a\"b\r\n", "unbalanced quotes in request");
        let long = vec![b'1'; 70_000];
        refused(&long, "too big inline request");
        refused(&[b"*", long.as_slice()].concat(), "too big mbulk count string");
        refused(&[b"*1\r\n$", long.as_slice()].concat(), "too big bulk count string");
    });
}

#[test]
fn a_strange_count_of_arguments_is_no_request() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        check(&server, b"*0\r\n", b"", Then::Open);
        check(&server, b"*-1\r\n", b"", Then::Open);
        check(&server, b"*-2147483648\r\n", b"", Then::Open);
        check(&server, b"\r\n\r\n", b"", Then::Open);
        check(&server, b"   \r\n", b"", Then::Open);
    });
}

#[test]
fn requests_before_the_mistake_are_answered() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        check(
            &server,
            b"PING\r\n*1\r\n$4\r\nPING\r\n*1\r\n!\r\nPING\r\n",
            b"+PONG\r\n+PONG\r\n-ERR Protocol error: expected '$', got '!'\r\n",
            Then::Closed,
        );
    });
}

#[test]
fn what_stands_where_an_argument_ends_is_not_looked_at() {
    let server = subject::launch().start();
    check(&server, b"*1\r\n$4\r\nPINGxy*1\r\n$4\r\nPING\r\n", b"+PONG\r\n+PONG\r\n", Then::Open);
}

#[test]
fn garbage_is_answered_as_an_unknown_command() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        check(
            &server,
            b"\x01\x02 \xff\r\n",
            b"-ERR unknown command '\x01\x02', with args beginning with: '\xff' \r\n",
            Then::Open,
        );
        let long = vec![b'a'; 40_000];
        let shown = &long[..128];
        let expected =
            [b"-ERR unknown command '".as_slice(), shown, b"', with args beginning with: \r\n"];
        let input = [b"*1\r\n$40000\r\n", long.as_slice(), b"\r\n"].concat();
        check(&server, &input, &expected.concat(), Then::Open);
        // A name cannot smuggle a line of its own into the reply.
        check(
            &server,
            b"*1\r\n$5\r\na\r\n+b\r\n",
            b"-ERR unknown command 'a  +b', with args beginning with: \r\n",
            Then::Open,
        );
    });
}

#[test]
fn requests_of_a_browser_are_cut_off() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        check(&server, b"POST / HTTP/1.1\r\nHost: example\r\n\r\n", b"", Then::Closed);
        check(&server, b"Host: example\r\n", b"", Then::Closed);
    });
}

#[test]
fn before_the_password_requests_are_small() {
    subject::with_each_worker_count(|launch: Launch| {
        let server = launch.line("requirepass secret").start();
        check(
            &server,
            b"*11\r\n",
            b"-ERR Protocol error: unauthenticated multibulk length\r\n",
            Then::Closed,
        );
        check(
            &server,
            b"*1\r\n$16385\r\n",
            b"-ERR Protocol error: unauthenticated bulk length\r\n",
            Then::Closed,
        );
        let mut client = server.client();
        assert_eq!(
            client.run("GET k").as_text().as_deref(),
            Some("NOAUTH Authentication required.")
        );
        assert_eq!(client.run("AUTH secret").as_text().as_deref(), Some("OK"));
        assert!(client.run("GET k").is_null());
        let many = vec!["k"; 20];
        assert_eq!(client.call(&[vec!["EXISTS"], many].concat()).as_integer(), Some(0));
    });
}

/// Random bytes, cut at random places: whatever comes back, the server goes on.
#[test]
fn noise_harms_nobody_else() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut bystander = server.client();
        let mut random = harness::Random::from_seed(7);
        for _ in 0..500 {
            let mut client = server.client();
            let length = random.below(400);
            // Half of the bytes are those that mean something.
            let noise: Vec<u8> = (0..length)
                .map(|_| match random.below(2) {
                    0 => random.pick(b"*$\r\n0123456789-+:\"' "),
                    _ => random.number().to_le_bytes()[0],
                })
                .collect();
            let _ = client.write(&noise);
            drop(client);
            assert_eq!(bystander.run("PING").as_text().as_deref(), Some("PONG"));
        }
    });
}
