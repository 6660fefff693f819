//! Many bytes, both ways, and clients that do not take theirs.

use std::io::{Read as _, Write as _};
use std::thread;

use harness::{Client, Value, wait_until};

use super::connecting::Terms;
use super::{Encrypted, ok};
use crate::subject;

/// A value of so many bytes, none like the one before.
fn value(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from((index * 7 + index / 251) % 256).unwrap_or(0)).collect()
}

#[test]
fn values_of_every_size_come_and_go_whole() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut client = encrypted.client();
        let mut plain = encrypted.server.client();
        let record = 16 << 10;
        let sizes = [0, 1, record - 30, record - 1, record, record + 1, 65_535, 65_536, 100_000]
            .into_iter()
            .chain([1 << 20, (1 << 20) + 17, 20 << 20]);
        for size in sizes {
            let expected = value(size);
            assert_eq!(client.call(&[b"SET".as_slice(), b"key", &expected]), ok());
            for reader in [&mut client, &mut plain] {
                let reply = reader.run("GET key");
                assert_eq!(reply.as_bytes(), Some(expected.as_slice()), "{size} bytes");
            }
        }
    });
}

/// Sends many requests without waiting, with values of all sizes between them, and reads at the same time.
#[test]
fn pipelines_of_many_bytes_are_answered_in_order() {
    const CALLS: usize = 3000;
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut stream = encrypted.terms().stream(encrypted.port).expect("let in");
        let (mut requests, mut replies) = (Vec::new(), Vec::new());
        for call in 0..CALLS {
            let size = [3, 100, 1500, 5000, 17_000, 70_000][call % 6];
            let value = value(size + call % 97);
            Client::encode(&[b"SET".as_slice(), b"key", &value], &mut requests);
            Client::encode(&[b"GET".as_slice(), b"key"], &mut requests);
            replies.extend_from_slice(format!("+OK\r\n${}\r\n", value.len()).as_bytes());
            replies.extend_from_slice(&value);
            replies.extend_from_slice(b"\r\n");
        }
        // One half writes in pieces that are no multiple of anything; the library is not to be used by two at once.
        let mut read = vec![0; replies.len()];
        let (mut written, mut filled) = (0, 0);
        stream.sock.set_nonblocking(true).expect("can be set");
        let finished = wait_until(|| {
            for _ in 0..64 {
                let end = requests.len().min(written + 40_009);
                if let Ok(count) = stream.write(&requests[written..end]) {
                    written += count;
                }
                let _would_block = stream.flush();
                if let Ok(count) = stream.read(&mut read[filled..]) {
                    filled += count;
                }
            }
            filled == read.len()
        });
        assert!(finished, "{filled} of {} bytes", read.len());
        assert!(read == replies, "the replies are others");
    });
}

#[test]
fn who_does_not_take_replies_is_closed_at_the_limit() {
    subject::with_each_worker_count(|launch| {
        let lines = ["client-output-buffer-limit normal 2mb 0 0"];
        let encrypted = Encrypted::start(&launch, &lines);
        let mut witness = encrypted.server.client();
        witness.call(&[b"SET".as_slice(), b"big", &value(1 << 20)]);
        let mut lazy = encrypted.client();
        lazy.run("CLIENT SETNAME lazy");
        for _ in 0..64 {
            if lazy.send(&["GET", "big"]).is_err() {
                break;
            }
        }
        let is_gone = wait_until(|| {
            !witness.run("CLIENT LIST").as_text().unwrap_or_default().contains("name=lazy")
        });
        assert!(is_gone, "it is still there");
        let log = encrypted.server.log();
        assert!(log.contains("for overcoming of output buffer limits."), "{log}");
        assert_eq!(encrypted.client().run("PING").as_text().as_deref(), Some("PONG"));
    });
}

#[test]
fn subscribers_and_those_who_wait_are_served() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let mut listener = encrypted.client();
        listener.run("SUBSCRIBE news");
        let mut waiting = encrypted.client();
        waiting.send(&["BLPOP", "queue", "0"]).expect("can be sent");
        let mut plain = encrypted.server.client();
        assert!(wait_until(|| {
            let text = plain.run("INFO clients").as_text().unwrap_or_default();
            text.contains("blocked_clients:1\r\n")
        }));
        let message = String::from_utf8(vec![b'x'; 50_000]).expect("a text");
        plain.call(&["PUBLISH", "news", &message]);
        plain.run("RPUSH queue element");
        let heard = listener.reply().expect("a message");
        let last = heard.as_array().and_then(<[Value]>::last).and_then(Value::as_text);
        assert_eq!(last, Some(message));
        let served = waiting.reply().expect("an element");
        let last = served.as_array().and_then(<[Value]>::last).and_then(Value::as_text);
        assert_eq!(last.as_deref(), Some("element"));
    });
}

/// Many clients at once, on several threads, each with its own counter.
#[test]
fn many_clients_are_served_at_once() {
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &["tls-auth-clients no"]);
        let configuration = Terms::trusting(&encrypted.authority).configuration();
        let port = encrypted.port;
        thread::scope(|scope| {
            for number in 0..8 {
                let configuration = &configuration;
                scope.spawn(move || {
                    for _ in 0..5 {
                        let stream = super::connecting::stream(configuration, port);
                        let mut client = Client::through(stream.expect("let in"));
                        for _ in 0..50 {
                            client.run(&format!("INCR counter:{number}"));
                        }
                    }
                });
            }
        });
        let mut client = encrypted.server.client();
        for number in 0..8 {
            let count = client.run(&format!("GET counter:{number}")).as_text();
            assert_eq!(count.as_deref(), Some("250"));
        }
    });
}

/// What many are sent is put together once, and sealed for each.
#[test]
fn many_subscribers_are_sent_sealed_messages() {
    /// More than are given a copy each; with plain ones among them.
    const ENCRYPTED: usize = 300;
    const PLAIN: usize = 20;
    subject::with_each_worker_count(|launch| {
        let encrypted = Encrypted::start(&launch, &[]);
        let terms = encrypted.terms();
        let connect = || terms.connect(encrypted.port).expect("an encrypted connection");
        let mut subscribers: Vec<Client> = (0..ENCRYPTED).map(|_| connect()).collect();
        subscribers.extend((0..PLAIN).map(|_| encrypted.server.client()));
        for client in &mut subscribers {
            client.run("SUBSCRIBE news");
        }
        let mut publisher = encrypted.client();
        for number in ["1", "2", "3"] {
            publisher.send(&["PUBLISH", "news", number]).expect("the server reads");
        }
        for client in &mut subscribers {
            for number in ["1", "2", "3"] {
                let message = client.reply().expect("the server sends");
                let words: Vec<_> = message.as_array().unwrap_or_default().iter().collect();
                assert_eq!(words.last().and_then(|word| word.as_text()).as_deref(), Some(number));
            }
        }
    });
}
