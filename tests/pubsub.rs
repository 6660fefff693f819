//! Publishing and subscribing across workers.

use std::sync::Barrier;
use std::thread;

use harness::{Client, Server, Value, wait_until};

use crate::subject;

/// The words of a message or a confirmation, separated by spaces.
fn next(client: &mut Client) -> String {
    let value = client.reply().expect("the server sends");
    words(&value)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all others are texts")]
fn words(value: &Value) -> String {
    let text = |word: &Value| match word {
        Value::Integer(number) => number.to_string(),
        _ => word.as_text().unwrap_or_default(),
    };
    value.as_array().unwrap_or_default().iter().map(text).collect::<Vec<_>>().join(" ")
}

fn subscriber(server: &Server, line: &str) -> Client {
    let mut client = server.client();
    client.run(line);
    client
}

/// Every subscriber gets the messages on a channel in the same order, those of each publisher in the order in which it has
/// published them.
#[test]
fn messages_come_in_order() {
    const PUBLISHERS: usize = 4;
    const MESSAGES: usize = 1500;
    const SUBSCRIBERS: i64 = 6;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut subscribers: Vec<Client> =
            (0..SUBSCRIBERS).map(|_| subscriber(&server, "SUBSCRIBE c")).collect();
        let barrier = Barrier::new(PUBLISHERS);
        let received = thread::scope(|scope| {
            for publisher in 0..PUBLISHERS {
                let (server, barrier) = (&server, &barrier);
                scope.spawn(move || {
                    let mut client = server.client();
                    barrier.wait();
                    for part in 0..MESSAGES / 50 {
                        let mut request = Vec::new();
                        for number in part * 50..(part + 1) * 50 {
                            let message = format!("{publisher}:{number}");
                            Client::encode(&["PUBLISH", "c", &message], &mut request);
                        }
                        client.write(&request).expect("the server reads");
                        for reply in client.replies(50).expect("the server answers") {
                            assert_eq!(reply, Value::Integer(SUBSCRIBERS));
                        }
                    }
                });
            }
            let listeners: Vec<_> = subscribers
                .iter_mut()
                .map(|client| {
                    scope.spawn(|| {
                        let total = PUBLISHERS * MESSAGES;
                        (0..total).map(|_| next(client)).collect::<Vec<_>>()
                    })
                })
                .collect();
            listeners
                .into_iter()
                .map(|listener| listener.join().expect("a listener"))
                .collect::<Vec<_>>()
        });
        for publisher in 0..PUBLISHERS {
            let prefix = format!("message c {publisher}:");
            let own = received[0].iter().filter_map(|message| message.strip_prefix(&prefix));
            let numbers: Vec<usize> = own.map(|number| number.parse().expect("a number")).collect();
            assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
        }
        for other in &received[1..] {
            assert!(*other == received[0], "subscribers disagree about the order");
        }
    });
}

/// What PUBLISH has answered has arrived before whatever happens after it.
#[test]
fn what_was_published_comes_before_the_next_reply() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut subscribers: Vec<Client> =
            (0..5).map(|_| subscriber(&server, "SUBSCRIBE c")).collect();
        let mut publisher = server.client();
        for round in 0..200 {
            let sent = publisher.run(&format!("PUBLISH c {round}"));
            assert_eq!(sent, Value::Integer(5));
            for client in &mut subscribers {
                client.send(&["UNSUBSCRIBE", "c"]).expect("the server reads");
                assert_eq!(next(client), format!("message c {round}"));
                assert_eq!(next(client), "unsubscribe c 0");
            }
            assert_eq!(publisher.run("PUBLISH c nobody"), Value::Integer(0));
            for client in &mut subscribers {
                assert_eq!(words(&client.run("SUBSCRIBE c")), "subscribe c 1");
            }
        }
    });
}

/// So many subscribers of one channel; a few of them do not read.
#[test]
fn ten_thousand_subscribers_hear_everything() {
    // As many as the descriptors of two processes allow, and a test must leave some to others.
    const SUBSCRIBERS: i64 = 10_000;
    const MESSAGES: usize = 3;
    subject::with_each_worker_count(|launch| {
        let server = launch.line(format!("maxclients {}", SUBSCRIBERS + 100)).start();
        let mut subscribers: Vec<Client> = Vec::new();
        for _ in 0..SUBSCRIBERS / 100 {
            let mut some: Vec<Client> = (0..100).map(|_| server.client()).collect();
            for client in &mut some {
                client.send(&["SUBSCRIBE", "news"]).expect("the server reads");
            }
            for client in &mut some {
                assert_eq!(next(client), "subscribe news 1");
            }
            subscribers.append(&mut some);
        }
        let mut publisher = server.client();
        assert_eq!(words(&publisher.run("PUBSUB NUMSUB news")), format!("news {SUBSCRIBERS}"));
        for number in 0..MESSAGES {
            let receivers = publisher.run(&format!("PUBLISH news {number}"));
            assert_eq!(receivers, Value::Integer(SUBSCRIBERS));
        }
        for client in &mut subscribers {
            for number in 0..MESSAGES {
                assert_eq!(next(client), format!("message news {number}"));
            }
        }
        drop(subscribers);
        assert!(wait_until(|| publisher.run("PUBLISH news x") == Value::Integer(0)));
    });
}

/// So many channels.
#[test]
fn a_hundred_thousand_channels_are_told_apart() {
    const CHANNELS: usize = 100_000;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
        let share = CHANNELS / clients.len();
        for (client, first) in clients.iter_mut().zip((0..).step_by(share)) {
            let channels = (first..first + share).map(|number| format!("channel:{number}"));
            let words: Vec<String> =
                std::iter::once("SUBSCRIBE".to_owned()).chain(channels).collect();
            client.send(&words).expect("the server reads");
            for count in 1..=share {
                let confirmed = next(client);
                assert!(confirmed.ends_with(&format!(" {count}")), "{confirmed}");
            }
        }
        let mut publisher = server.client();
        let information = publisher.run("INFO stats").as_text().unwrap_or_default();
        assert!(information.contains("\npubsub_channels:100000\r"), "{information}");
        for number in (0..CHANNELS).step_by(997) {
            let channel = format!("channel:{number}");
            assert_eq!(publisher.call(&["PUBLISH", &channel, "x"]), Value::Integer(1));
            assert_eq!(next(&mut clients[number / share]), format!("message {channel} x"));
        }
        drop(clients);
        let gone = |client: &mut Client| client.run("PUBSUB CHANNELS") == Value::Array(Vec::new());
        assert!(wait_until(|| gone(&mut publisher)));
    });
}

/// A subscriber that does not read is closed when too much waits for it, and nobody else notices.
#[test]
fn who_does_not_listen_is_closed() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-output-buffer-limit pubsub 2mb 0 0").start();
        let mut deaf: Vec<Client> = (0..4).map(|_| subscriber(&server, "SUBSCRIBE c")).collect();
        let mut listener = subscriber(&server, "PSUBSCRIBE *");
        let mut publisher = server.client();
        let message = "x".repeat(50_000);
        let mut count = 0;
        while publisher.call(&["PUBLISH", "c", &message]) != Value::Integer(1) {
            assert_eq!(next(&mut listener).len(), "pmessage * c ".len() + message.len());
            count += 1;
            assert!(count < 2000, "nobody is closed");
        }
        for client in &mut deaf {
            assert!(client.closes());
        }
        let information = publisher.run("INFO stats").as_text().unwrap_or_default();
        let closed = "\nclient_output_buffer_limit_disconnections:4\r";
        assert!(information.contains(closed), "{information}");
    });
}

/// Changes are told to whoever listens, wherever they are made.
#[test]
fn changes_of_keys_are_published() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("notify-keyspace-events KEA").start();
        let mut listener = subscriber(&server, "PSUBSCRIBE __key*");
        for _ in 0..5 {
            let mut client = server.client();
            client.run("SET k v PX 20");
            for expected in [
                "pmessage __key* __keyspace@0__:k set",
                "pmessage __key* __keyevent@0__:set k",
                "pmessage __key* __keyspace@0__:k expire",
                "pmessage __key* __keyevent@0__:expire k",
                // Nobody looks at it, and it goes all the same.
                "pmessage __key* __keyspace@0__:k expired",
                "pmessage __key* __keyevent@0__:expired k",
            ] {
                assert_eq!(next(&mut listener), expected);
            }
        }
        let mut client = server.client();
        client.call(&["CONFIG", "SET", "notify-keyspace-events", ""]);
        // Other workers see it with their next round.
        client.run("SET k v");
        assert_eq!(client.run("PUBLISH __key-end x"), Value::Integer(1));
        assert_eq!(next(&mut listener), "pmessage __key* __key-end x");
    });
}

/// MONITOR shows calls on a key in the order of their execution, whoever makes them.
#[test]
fn calls_are_shown_in_the_order_of_their_execution() {
    const CLIENTS: usize = 4;
    const CALLS: usize = 300;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut monitor = subscriber(&server, "MONITOR");
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let server = &server;
                scope.spawn(move || {
                    let mut connection = server.client();
                    for number in 0..CALLS {
                        connection.run(&format!("APPEND k {client}:{number},"));
                    }
                });
            }
        });
        let value = server.client().run("GET k").as_text().unwrap_or_default();
        let mut shown = String::new();
        loop {
            let line = monitor.reply().expect("a line").as_text().unwrap_or_default();
            if line.ends_with("\"GET\" \"k\"") {
                break;
            }
            if let Some((_, rest)) = line.split_once("\"APPEND\" \"k\" \"") {
                shown.push_str(rest.trim_end_matches('"'));
            }
        }
        assert_eq!(shown, value);
    });
}
