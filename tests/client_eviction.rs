//! `maxmemory-clients`: who is closed when clients together take too much memory, and who is not. All of it holds for real servers
//! too, which are tried beside this one.

use std::time::{Duration, Instant};

use harness::{Client, Launch, Oracle, Server, wait_until, wait_until_within};

use crate::bad_input::gauge::{field_of, number, number_of};
use crate::subject;

/// Bytes of a value.
const VALUE: usize = 3 << 20;

/// Runs `test` with this server and with real ones.
fn with_each_server(test: impl Fn(Launch)) {
    subject::with_each_worker_count(&test);
    for oracle in Oracle::all() {
        test(oracle.launch());
    }
}

/// A client with a name, which holds so many bytes in a transaction that it does not end.
fn heavy(server: &Server, name: &str, bytes: usize) -> Client {
    let mut client = server.client();
    client.run(&format!("CLIENT SETNAME {name}"));
    queue(&mut client, bytes);
    client
}

fn queue(client: &mut Client, bytes: usize) {
    client.run("MULTI");
    let value = vec![b'x'; bytes];
    // It may be closed for it.
    let _reply = client.try_call(&[b"SET".as_slice(), b"key", &value]);
}

fn names(witness: &mut Client) -> Vec<String> {
    let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
    let names = list.split_whitespace().filter_map(|word| word.strip_prefix("name="));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn evicted(witness: &mut Client) -> u64 {
    number(witness, "evicted_clients")
}

/// What is wanted of clients together is less than this, or will be soon: real servers notice at their next tick.
fn is_within(witness: &mut Client, limit: u64) -> bool {
    wait_until(|| number(witness, "mem_clients_normal") < limit)
}

#[test]
fn the_largest_clients_are_closed_first() {
    with_each_server(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        witness.run("CLIENT SETNAME witness");
        let sizes = [("small", VALUE / 8), ("middle", VALUE), ("large", 2 * VALUE)];
        let mut clients: Vec<Client> =
            sizes.map(|(name, bytes)| heavy(&server, name, bytes)).into();
        // Real servers keep room for another value of the same size for a while.
        for (name, bytes) in sizes {
            let settles = wait_until(|| {
                let taken = number_of(&mut witness, name, "tot-mem");
                bytes as u64 <= taken && taken < bytes as u64 * 3 / 2
            });
            assert!(settles, "{name}: {}", number_of(&mut witness, name, "tot-mem"));
        }
        witness.run("CONFIG SET maxmemory-clients 12mb");
        assert_eq!(names(&mut witness).len(), 4);
        assert_eq!(evicted(&mut witness), 0, "there is room for all");
        let _last = heavy(&server, "last", VALUE);
        assert!(wait_until(|| !names(&mut witness).contains(&"large".to_owned())));
        assert!(clients.pop().is_some_and(|mut large| large.closes()));
        let mut left = names(&mut witness);
        left.sort();
        assert_eq!(left, ["last", "middle", "small", "witness"]);
        assert_eq!(evicted(&mut witness), 1);
        let log = server.log();
        assert!(log.contains("Evicting client: id=") && log.contains("name=large"), "{log}");
    });
}

#[test]
fn who_asks_not_to_be_evicted_is_not() {
    with_each_server(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        witness.run("CLIENT SETNAME witness");
        let mut kept = server.client();
        kept.run("CLIENT NO-EVICT on");
        kept.run("CLIENT SETNAME kept");
        queue(&mut kept, VALUE);
        let mut other = heavy(&server, "other", 2 * VALUE / 3);
        assert!(wait_until(|| names(&mut witness).len() == 3));
        let set = witness.run("CONFIG SET maxmemory-clients 4mb");
        assert_eq!(set.as_text().as_deref(), Some("OK"));
        assert!(wait_until(|| !names(&mut witness).contains(&"other".to_owned())));
        assert!(other.closes());
        assert!(names(&mut witness).contains(&"kept".to_owned()));
        assert!(!kept.run("EXEC").is_error());
        assert_eq!(witness.run("STRLEN key").as_integer(), i64::try_from(VALUE).ok());
    });
}

#[test]
fn the_limit_may_be_a_share_of_maxmemory() {
    with_each_server(|launch| {
        let server = launch.line("maxmemory 100mb").line("maxmemory-clients 2%").start();
        let mut witness = server.client();
        let mut heavy = heavy(&server, "heavy", VALUE);
        assert!(wait_until(|| evicted(&mut witness) == 1));
        assert!(heavy.closes());
    });
}

/// A request of which all is there but the end.
#[test]
fn what_was_received_counts() {
    let long =
        [b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$9000000\r\n".to_vec(), vec![b'x'; 2 * VALUE]].concat();
    let word = [b"$1000\r\n".to_vec(), vec![b'x'; 1000], b"\r\n".to_vec()].concat();
    let many = [b"*100000\r\n$4\r\nMGET\r\n".to_vec(), word.repeat(2 * VALUE / 1000)].concat();
    with_each_server(|launch| {
        for request in [&long, &many] {
            let server = launch.clone().start();
            let mut witness = server.client();
            let mut client = server.client();
            client.run("CLIENT SETNAME heavy");
            client.write(request).expect("can be sent");
            let bytes = request.len() as u64;
            // All but the last word may be taken apart already.
            let counts =
                wait_until(|| bytes < number_of(&mut witness, "heavy", "tot-mem") + (64 << 10));
            assert!(counts, "{}", number_of(&mut witness, "heavy", "tot-mem"));
            assert!(wait_until(|| bytes < number(&mut witness, "mem_clients_normal") + (64 << 10)));
            witness.run("CONFIG SET maxmemory-clients 4mb");
            assert!(wait_until(|| evicted(&mut witness) == 1));
            assert!(client.closes());
            assert!(is_within(&mut witness, 1 << 20));
        }
    });
}

/// Replies that a client does not take, and messages.
#[test]
fn what_is_to_be_sent_counts() {
    /// Far more than the system takes for a client that does not read.
    const COUNT: usize = 40;
    with_each_server(|launch| {
        for subscribes in [false, true] {
            let server = launch.clone().line("client-output-buffer-limit pubsub 0 0 0").start();
            let mut witness = server.client();
            let mut client = server.client();
            client.run("CLIENT SETNAME heavy");
            let value = vec![b'x'; 1 << 20];
            if subscribes {
                client.run("SUBSCRIBE news");
                for _ in 0..COUNT {
                    witness.call(&[b"PUBLISH".as_slice(), b"news", &value]);
                }
            } else {
                witness.call(&[b"SET".as_slice(), b"key", &value]);
                client.write(&b"GET key\r\n".repeat(COUNT)).expect("can be sent");
            }
            let counts = wait_until(|| 20 << 20 < number_of(&mut witness, "heavy", "tot-mem"));
            assert!(counts, "{}", number_of(&mut witness, "heavy", "tot-mem"));
            assert!(20 << 20 < number_of(&mut witness, "heavy", "omem"));
            witness.run("CONFIG SET maxmemory-clients 10mb");
            assert!(wait_until(|| evicted(&mut witness) == 1));
            assert!(client.closes());
            assert!(is_within(&mut witness, 1 << 20));
        }
    });
}

/// What the server remembers for a client: the keys that it watches, and the channels that it listens to.
#[test]
fn what_is_remembered_counts() {
    with_each_server(|launch| {
        // Real servers look at all watched keys for each, and at all patterns: 60,000 would take half a minute.
        let calls = [
            ("WATCH", 10_000),
            ("SUBSCRIBE", 60_000),
            ("PSUBSCRIBE", 20_000),
            ("SSUBSCRIBE", 60_000),
        ];
        for (command, count) in calls {
            let server = launch.clone().start();
            let mut witness = server.client();
            let mut client = server.client();
            client.run("CLIENT SETNAME heavy");
            let mut call = vec![command.to_owned()];
            call.extend((0..count).map(|number| format!("name-of-something:{number}")));
            client.send(&call).expect("can be sent");
            let name = command.to_lowercase();
            let counts = wait_until(|| {
                field_of(&mut witness, "heavy", "cmd").is_some_and(|called| called == name)
                    && 300_000 < number_of(&mut witness, "heavy", "tot-mem")
            });
            assert!(counts, "{command}: {}", number_of(&mut witness, "heavy", "tot-mem"));
            witness.run("CONFIG SET maxmemory-clients 256kb");
            assert!(wait_until(|| evicted(&mut witness) == 1), "{command}");
            assert!(client.closes());
        }
    });
}

/// No more are closed than have to be.
#[test]
fn clients_are_closed_until_the_rest_is_within_the_limit() {
    with_each_server(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let mut clients: Vec<Client> =
            (0..10).map(|index| heavy(&server, &format!("heavy-{index}"), 1_100_000)).collect();
        assert!(wait_until(|| names(&mut witness).len() == 10));
        witness.run("CONFIG SET maxmemory-clients 6mb");
        assert!(is_within(&mut witness, 6 << 20));
        let left = names(&mut witness).len();
        // On a real server each may take twice as much, for a while.
        assert!((2..=5).contains(&left), "{left} of 10 are left");
        assert_eq!(evicted(&mut witness), 10 - left as u64);
        // And those that are left stay.
        let start = Instant::now();
        let _stays = wait_until_within(Duration::from_millis(500), || {
            names(&mut witness).len() != left || Duration::from_millis(400) < start.elapsed()
        });
        assert_eq!(names(&mut witness).len(), left);
        let closed = clients
            .iter_mut()
            .map(|client| client.try_call(&["PING"]))
            .filter(Result::is_err)
            .count();
        assert_eq!(closed, 10 - left);
    });
}

/// The limit is never below what one client may take who would raise it.
#[test]
fn a_limit_that_is_too_low_for_anybody_is_a_higher_one() {
    with_each_server(|launch| {
        let server = launch.line("maxmemory-clients 1").start();
        let mut witness = server.client();
        assert_eq!(evicted(&mut witness), 0);
        let mut heavy = heavy(&server, "heavy", 200 << 10);
        assert!(wait_until(|| evicted(&mut witness) == 1));
        assert!(heavy.closes());
        assert_eq!(witness.run("CONFIG SET maxmemory-clients 0").as_text().as_deref(), Some("OK"));
    });
}
