//! Many requests at once, requests in pieces, and inline requests.

use std::thread;

use harness::{Client, Value};

use crate::subject;

#[test]
fn ten_thousand_requests_at_once_are_answered_in_order() {
    const DEPTH: i64 = 10_000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        let mut request = Vec::new();
        for _ in 0..DEPTH {
            Client::encode(&["INCR", "counter"], &mut request);
        }
        client.write(&request).expect("can be sent");
        for expected in 1..=DEPTH {
            let reply = client.reply().expect("a reply");
            assert_eq!(reply, Value::Integer(expected));
        }
    });
}

/// Calls in a row on elements of one big value, which the server looks for ahead of them, and some that change or remove it meanwhile.
#[test]
fn calls_on_one_value_are_answered_as_one_at_a_time() {
    subject::with_each_worker_count(|launch| {
        let mut random = harness::Random::from_seed(0x0C4E);
        let (together, alone) = (launch.start(), launch.start());
        let (mut together, mut alone) = (together.client(), alone.client());
        let mut requests = Vec::new();
        let mut expected = Vec::new();
        for _ in 0..500 {
            let kind = random.below(3);
            for _ in 0..random.below(80) {
                let call = call_on_an_element(kind, &mut random);
                let words: Vec<&str> = call.split(' ').collect();
                Client::encode(&words, &mut requests);
                expected.push(alone.call(&words));
            }
        }
        together.write(&requests).expect("can be sent");
        for expected in expected {
            assert_eq!(together.reply().expect("a reply"), expected);
        }
    });
}

fn call_on_an_element(kind: usize, random: &mut harness::Random) -> String {
    let element = random.below(3000);
    let score = random.below(100);
    match (kind, random.below(100)) {
        (0, 0) if random.one_in(5) => "DEL set".to_owned(),
        (0, 0..70) => format!("SADD set m{element}"),
        (0, 70..80) => format!("SREM set m{element}"),
        (0, _) => format!("SISMEMBER set m{element}"),
        (1, 0) if random.one_in(5) => "DEL hash".to_owned(),
        (1, 0..70) => format!("HSET hash m{element} {score}"),
        (1, 70..80) => format!("HDEL hash m{element}"),
        (1, _) => format!("HGET hash m{element}"),
        (_, 0) if random.one_in(5) => "RENAME zset other".to_owned(),
        (_, 0..60) => format!("ZADD zset {score} m{element}"),
        (_, 60..65) => format!("ZADD zset NX {score} m{element}"),
        (_, 65..70) => format!("ZINCRBY zset {score} m{element}"),
        (_, 70..80) => format!("ZREM zset m{element}"),
        (_, 80..98) => format!("ZRANK zset m{element}"),
        _ => "HGET zset m1".to_owned(),
    }
}

/// Replies that do not fit the socket's buffers, to a client that first sends everything.
#[test]
fn replies_of_many_megabytes_follow_a_pipeline() {
    const COUNT: usize = 2000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let value = vec![b'v'; 20_000];
        let mut client = server.client();
        client.call(&[b"SET", b"k".as_slice(), &value]);
        let mut request = Vec::new();
        for count in 0..COUNT {
            Client::encode(&["GET", "k"], &mut request);
            Client::encode(&["ECHO", &count.to_string()], &mut request);
        }
        client.write(&request).expect("can be sent");
        for count in 0..COUNT {
            let reply = client.reply().expect("a reply");
            assert!(reply.as_bytes() == Some(&value[..]), "reply {count} is not the value");
            let reply = client.reply().expect("a reply");
            assert_eq!(reply.as_text(), Some(count.to_string()));
        }
    });
}

/// Two pieces, cut at every byte; a round trip on another connection lies between them, so that the server
/// has most often seen the first one alone.
#[test]
fn a_request_can_arrive_in_pieces() {
    let binary = b"a\r\n\x00\xff";
    let mut requests = Vec::new();
    Client::encode(&[b"SET", b"key".as_slice(), binary], &mut requests);
    requests.extend_from_slice(b"GET key\r\n");
    Client::encode(&["STRLEN", "key"], &mut requests);
    requests.extend_from_slice(b"ECHO \"a b\"\r\n");
    let expected = [b"+OK\r\n$5\r\n".as_slice(), binary, b"\r\n:5\r\n$3\r\na b\r\n"].concat();
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut other = server.client();
        let mut client = server.client();
        for cut in 0..=requests.len() {
            client.write(&requests[..cut]).expect("can be sent");
            other.run("PING");
            client.write(&requests[cut..]).expect("can be sent");
            let reply = client.read_exactly(expected.len()).expect("all replies");
            assert_eq!(reply, expected, "cut at {cut}");
        }
        // And byte by byte.
        for byte in &requests {
            client.write(&[*byte]).expect("can be sent");
        }
        assert_eq!(client.read_exactly(expected.len()).expect("all replies"), expected);
    });
}

#[test]
fn inline_requests_are_split_as_redis_does() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        let mut check = |line: &[u8], expected: &[u8]| {
            client.write(&[b"ECHO ", line, b"\n"].concat()).expect("can be sent");
            let reply = client.reply().expect("a reply");
            assert_eq!(reply.as_bytes(), Some(expected), "{}", line.escape_ascii());
        };
        check(b"plain", b"plain");
        check(b"   plain  \r", b"plain");
        check(b"\tplain\t", b"plain");
        check(b"\"a b\"", b"a b");
        check(b"'a b'", b"a b");
        check(b"'it\\'s'", b"it's");
        check(br#""\x41\n\r\t\b\a\\\"\q""#, b"A\n\r\t\x08\x07\\\"q");
        check(br#""\x4""#, b"x4");
        check(b"\"\"", b"");
        check(br"'\n'", br"\n");
        check(br"a\x41", br"a\x41");
        check(b"\xff\xfe", b"\xff\xfe");
        let long = vec![b'l'; 60_000];
        check(&long, &long);
    });
}

/// What was sent before the client said that it sends no more is answered.
#[test]
fn a_client_that_has_finished_writing_still_gets_its_replies() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        for _ in 0..50 {
            let mut client = server.client();
            client.write(&b"PING\r\n".repeat(100)).expect("can be sent");
            client.finish_writing().expect("can be closed");
            let all = client.read_until_closed().expect("the server closes");
            assert_eq!(all, b"+PONG\r\n".repeat(100));
        }
    });
}

/// While one client keeps the server busy with deep pipelines, the others are served.
#[test]
fn deep_pipelines_do_not_starve_others() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let busy = server.client();
        let load = thread::Builder::new().name("busy".to_owned()).spawn(move || {
            let mut busy = busy;
            let request = b"*2\r\n$4\r\nINCR\r\n$1\r\nb\r\n".repeat(10_000);
            for _ in 0..20 {
                busy.write(&request).expect("can be sent");
                busy.replies(10_000).expect("replies");
            }
        });
        let mut client = server.client();
        for _ in 0..200 {
            assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
        }
        load.expect("a thread").join().expect("the load ends well");
        assert_eq!(client.run("GET b").as_text().as_deref(), Some("200000"));
    });
}
