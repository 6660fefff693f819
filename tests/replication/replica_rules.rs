//! What a replica is to its clients.

use harness::{Client, Oracle, Server, wait_until};

use super::{info, primary, replica_of, shown, wait_for_equality, wait_for_link};
use crate::subject;

/// A real primary of the newest version, and a replica of it.
fn pair(lines: &[&str]) -> (Server, Server) {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    let mut launch = replica_of(primary.port()).workers(2);
    for line in lines {
        launch = launch.line(*line);
    }
    let replica = launch.start();
    wait_for_link(&replica);
    (primary, replica)
}

fn say(client: &mut Client, line: &str) -> String {
    shown(&client.run(line))
}

#[track_caller]
fn wait_to_say(client: &mut Client, line: &str, expected: &str) {
    let mut last = String::new();
    let said = wait_until(|| {
        last = say(client, line);
        last == expected
    });
    assert!(said, "{line}: {last}");
}

#[test]
fn nobody_but_the_primary_writes() {
    let (primary, replica) = pair(&[]);
    let mut client = replica.client();
    let refusal = "READONLY You can't write against a read only replica.";
    for call in ["SET a 1", "DEL a", "FLUSHALL", "XADD x * a b", "BLPOP l 1", "RESTORE a 0 x"] {
        assert_eq!(say(&mut client, call), refusal, "{call}");
    }
    let script = client.call(&["EVAL", "return redis.call('SET', KEYS[1], 1)", "1", "a"]);
    assert!(script.as_text().is_some_and(|text| text.starts_with(refusal)), "{script:?}");
    client.run("MULTI");
    assert_eq!(say(&mut client, "SET a 1"), refusal);
    assert!(say(&mut client, "EXEC").starts_with("EXECABORT"));
    primary.client().run("SET a 1");
    wait_to_say(&mut client, "GET a", "1");
    assert_eq!(say(&mut client, "CONFIG SET replicaof x"), {
        let other = primary.client().run("CONFIG SET replicaof x");
        other.as_text().unwrap_or_default()
    });
    assert_eq!(say(&mut client, "REPLICAOF localhost port"), "ERR Invalid master port");
    assert_eq!(
        say(&mut client, &format!("REPLICAOF 127.0.0.1 {}", primary.port())),
        "OK Already connected to specified master"
    );
}

#[test]
fn what_follows_from_a_change_follows_from_that_of_the_primary() {
    let (primary, replica) = pair(&["notify-keyspace-events KEA"]);
    let mut writer = primary.client();
    let mut client = replica.client();
    writer.run("SET watched 1");
    wait_to_say(&mut client, "GET watched", "1");
    // A transaction.
    client.run("WATCH watched");
    client.run("MULTI");
    client.run("GET watched");
    writer.run("SET watched 2");
    let mut other = replica.client();
    wait_to_say(&mut other, "GET watched", "2");
    assert!(client.run("EXEC").is_null());
    // Listeners.
    let mut listener = replica.client();
    listener.run("PSUBSCRIBE __keyevent@0__:* news");
    listener.reply().ok();
    writer.run("PUBLISH news headline");
    let seen = |listener: &mut Client| shown(&listener.reply().expect("it is told"));
    assert!(seen(&mut listener).contains("headline"));
    writer.run("RPUSH list a");
    assert!(seen(&mut listener).contains("rpush"));
    // Clients that cache.
    let mut caching = replica.client_of_protocol_3();
    caching.run("CLIENT TRACKING ON");
    caching.run("GET watched");
    writer.run("INCR watched");
    let push = caching.push().expect("it is told");
    assert!(shown(&push).contains("invalidate"), "{push:?}");
    // Clients that wait, and only read.
    let mut waiting = replica.client();
    waiting.send(&["XREAD", "BLOCK", "0", "STREAMS", "stream", "$"]).expect("sent");
    assert!(wait_until(|| info(&replica, "clients", "blocked_clients") == "1"));
    writer.run("XADD stream 1-1 field value");
    assert!(shown(&waiting.reply().expect("it is served")).contains("1-1"));
    // Clients that are shown all calls.
    let mut monitor = replica.client();
    monitor.run("MONITOR");
    writer.run("SET shown 1");
    let shown = wait_until(|| {
        monitor
            .read_line()
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(r#""SET" "shown" "1""#))
    });
    assert!(shown);
    assert!(info(&replica, "commandstats", "cmdstat_incr").starts_with("calls=1,"));
}

#[test]
fn keys_expire_when_the_primary_says_so() {
    let (primary, replica) = pair(&["replica-read-only no"]);
    let mut writer = primary.client();
    let mut client = replica.client();
    // The primary removes nothing by itself, and nobody asks for the key there.
    writer.run("DEBUG SET-ACTIVE-EXPIRE 0");
    writer.run("SET soon gone");
    wait_to_say(&mut client, "GET soon", "gone");
    writer.run("PEXPIRE soon 50");
    wait_to_say(&mut client, "GET soon", "nil");
    assert_eq!(say(&mut client, "EXISTS soon"), "0");
    assert_eq!(say(&mut client, "TTL soon"), "-2");
    assert_eq!(say(&mut client, "DBSIZE"), "1", "it is there all the same");
    assert_eq!(say(&mut writer, "GET soon"), "nil");
    wait_to_say(&mut client, "DBSIZE", "0");
    // A writable replica takes writes, and tells nobody.
    assert_eq!(say(&mut client, "SET own 1"), "OK");
    assert_eq!(say(&mut writer, "GET own"), "nil");
}

#[test]
fn a_primary_that_becomes_a_replica_ends_what_waits_to_write() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    let replica = subject::launch().start();
    let mut waiting = replica.client();
    waiting.send(&["BLPOP", "list", "0"]).expect("sent");
    assert!(wait_until(|| info(&replica, "clients", "blocked_clients") == "1"));
    replica.client().run(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    let reply = waiting.reply().expect("it is answered").as_text().unwrap_or_default();
    assert_eq!(
        reply,
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)"
    );
    assert!(waiting.closes());
}

#[test]
fn info_role_and_lists_of_clients_tell_of_the_link() {
    let (primary, replica) = pair(&["replica-priority 7"]);
    let mut client = replica.client();
    let role = say(&mut client, "ROLE");
    assert!(role.contains("slave") && role.contains("connected"), "{role}");
    for (field, expected) in [
        ("role", "slave"),
        ("master_host", "127.0.0.1"),
        ("master_sync_in_progress", "0"),
        ("slave_priority", "7"),
        ("slave_read_only", "1"),
        ("replica_announced", "1"),
    ] {
        assert_eq!(info(&replica, "replication", field), expected, "{field}");
    }
    let list = say(&mut client, "CLIENT LIST TYPE master");
    assert!(list.contains(" flags=M "), "{list}");
    let expected = format!("port={},state=online", replica.port());
    assert!(wait_until(|| info(&primary, "replication", "slave0").contains(&expected)));
    // The same fields in the same order as a real one has.
    let oracle = Oracle::all().remove(0);
    let real = oracle.launch().line(format!("replicaof 127.0.0.1 {}", primary.port())).start();
    wait_for_link(&real);
    let names = |server: &Server| {
        let text = server.client().run("INFO replication").as_text().unwrap_or_default();
        let names = text.lines().filter_map(|line| line.split_once(':'));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&replica), names(&real));
    // A link that is killed comes again, without a full sync.
    assert_eq!(say(&mut client, "CLIENT KILL TYPE master"), "1");
    replica.wait_for_log("Successful partial resynchronization with master.");
    wait_for_equality(&primary, &replica);
}

#[test]
fn the_configuration_follows_the_command() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    let replica = subject::launch().start();
    let mut client = replica.client();
    let port = primary.port();
    client.run(&format!("REPLICAOF 127.0.0.1 {port}"));
    let configured = say(&mut client, "CONFIG GET replicaof");
    assert!(configured.contains(&format!("127.0.0.1 {port}")), "{configured}");
    assert_eq!(say(&mut client, "CONFIG REWRITE"), "OK");
    let text = std::fs::read_to_string(replica.configuration()).expect("there is a file");
    assert!(text.contains(&format!("replicaof 127.0.0.1 {port}")), "{text}");
    // Not while the data is loaded.
    assert!(wait_until(|| say(&mut client, "REPLICAOF NO ONE") == "OK"));
    assert_eq!(say(&mut client, "CONFIG REWRITE"), "OK");
    let text = std::fs::read_to_string(replica.configuration()).expect("there is a file");
    assert!(!text.contains("replicaof 127"), "{text}");
}
