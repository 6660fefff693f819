//! `maxmemory-clients`: who is closed when clients together take too much memory, and who is not.

use harness::{Client, Server, wait_until};

use crate::subject;

/// Bytes of a value.
const VALUE: usize = 3 << 20;

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
    let text = witness.run("INFO stats").as_text().unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("evicted_clients:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a count")
}

#[test]
fn the_largest_clients_are_closed_first() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("maxmemory-clients 10mb").start();
        let mut witness = server.client();
        witness.run("CLIENT SETNAME witness");
        let _first = heavy(&server, "small", VALUE / 8);
        let _second = heavy(&server, "middle", VALUE);
        let mut large = heavy(&server, "large", 3 * VALUE / 2);
        assert!(wait_until(|| names(&mut witness).len() == 4));
        assert_eq!(evicted(&mut witness), 0, "there is room for all");
        let _last = heavy(&server, "last", VALUE);
        assert!(wait_until(|| !names(&mut witness).contains(&"large".to_owned())));
        assert!(large.closes());
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
    subject::with_each_worker_count(|launch| {
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
    let server = subject::launch().line("maxmemory 100mb").line("maxmemory-clients 2%").start();
    let mut witness = server.client();
    let mut heavy = heavy(&server, "heavy", VALUE);
    assert!(wait_until(|| evicted(&mut witness) == 1));
    assert!(heavy.closes());
}
