//! Replicas that copy over encrypted connections, of this server and of real ones, and real ones of this.

use harness::{Client, Launch, Oracle, Server, free_port, wait_until, wait_until_within};

use super::{Authority, Encrypted};
use crate::subject;

/// A replica of what listens on that encrypted port.
fn replica(launch: Launch, authority: &Authority, port: u16) -> Server {
    authority
        .equip(launch)
        .line(format!("tls-port {}", free_port()))
        .line("tls-replication yes")
        .line(format!("replicaof 127.0.0.1 {port}"))
        .start()
}

fn has(client: &mut Client, key: &str, value: &str) -> bool {
    // While it loads, that is an error.
    client.run(&format!("GET {key}")).as_text().as_deref() == Some(value)
}

/// Fills a primary, has a replica of it, and changes both the data and the connection.
fn follow(primary: &Server, port: u16, authority: &Authority, launch: Launch) {
    let mut source = primary.client();
    for number in 0..200 {
        let value = "x".repeat(50_000 + number);
        source.call(&["SET", &format!("big:{number}"), &value]);
    }
    source.run("SET key first");
    let replica = replica(launch, authority, port);
    let mut copy = replica.client();
    assert!(wait_until(|| has(&mut copy, "key", "first")), "no full sync: {}", replica.log());
    assert_eq!(copy.run("STRLEN big:199").as_integer(), Some(50_199));
    source.run("SET key second");
    let value = "y".repeat(3 << 20);
    source.call(&["SET", "long", &value]);
    assert!(wait_until(|| copy.run("STRLEN long").as_integer() == Some(3 << 20)));
    assert!(has(&mut copy, "key", "second"));
    // The connection breaks; what was missed comes over another one.
    source.run("CLIENT KILL TYPE replica");
    source.run("SET key third");
    let long = std::time::Duration::from_secs(30);
    assert!(wait_until_within(long, || has(&mut copy, "key", "third")), "{}", replica.log());
    let waits = wait_until(|| source.run("WAIT 1 100").as_integer() == Some(1));
    assert!(waits, "it acknowledges what it has");
}

#[test]
fn a_replica_follows_over_an_encrypted_connection() {
    subject::with_each_worker_count(|launch| {
        for way in ["repl-diskless-sync no", "repl-diskless-sync yes"] {
            let lines = [way, "repl-diskless-sync-delay 0"];
            let primary = Encrypted::start(&launch, &lines);
            follow(&primary.server, primary.port, &primary.authority, launch.clone());
        }
    });
}

#[test]
fn real_servers_follow_and_are_followed() {
    for oracle in Oracle::all() {
        let ours = Encrypted::start(&subject::launch(), &["repl-diskless-sync-delay 0"]);
        follow(&ours.server, ours.port, &ours.authority, oracle.launch());
        let real = Encrypted::start(&oracle.launch(), &["repl-diskless-sync-delay 0"]);
        follow(&real.server, real.port, &real.authority, subject::launch());
    }
}

/// A replica that does not trust its primary copies nothing from it.
#[test]
fn a_primary_of_another_authority_is_not_followed() {
    let primary = Encrypted::start(&subject::launch(), &[]);
    primary.server.client().run("SET key value");
    let other = Authority::new();
    let replica = replica(subject::launch(), &other, primary.port);
    replica.wait_for_log("Error condition on socket for SYNC: ");
    let mut copy = replica.client();
    assert!(!has(&mut copy, "key", "value"));
    assert_eq!(primary.client().run("GET key").as_text().as_deref(), Some("value"));
    // With the right ones it does.
    let path = |name: &str| primary.path(name).display().to_string();
    let (authority, certificate, key) = (path("ca.crt"), path("server.crt"), path("server.key"));
    let set = copy.call(&[
        "CONFIG",
        "SET",
        "tls-ca-cert-file",
        &authority,
        "tls-cert-file",
        &certificate,
        "tls-key-file",
        &key,
    ]);
    assert_eq!(set, super::ok());
    assert!(wait_until(|| has(&mut copy, "key", "value")), "{}", replica.log());
}
