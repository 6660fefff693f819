//! What operators do to a server that runs: moving it to another port, and reading what it left when it crashed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use harness::{Client, Oracle, Signal, Version, free_port, wait_until};

use crate::subject;

/// Whether a server listens there.
fn answers(port: u16) -> bool {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let Ok(mut client) = Client::connect(address) else { return false };
    client.try_call(&["PING"]).is_ok_and(|reply| reply.as_text().as_deref() == Some("PONG"))
}

#[test]
fn a_server_moves_to_another_port_and_back() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let (before, after) = (server.port(), free_port());
        let mut client = server.client();
        let moved = client.run(&format!("CONFIG SET port {after}"));
        assert_eq!(moved.as_text().as_deref(), Some("OK"));
        assert!(wait_until(|| answers(after)), "nobody listens on the new port");
        assert!(wait_until(|| !answers(before)), "the old port is still open");
        let information = client.run("INFO server").as_text().unwrap_or_default();
        assert!(information.contains(&format!("\ntcp_port:{after}\r")), "{information}");
        // A connection outlives the port that it came by.
        let moved = client.run(&format!("CONFIG SET port {before} bind 127.0.0.1"));
        assert_eq!(moved.as_text().as_deref(), Some("OK"));
        assert!(wait_until(|| answers(before)));
        let information = client.run("INFO server").as_text().unwrap_or_default();
        let listener = format!("listener0:name=tcp,bind=127.0.0.1,port={before}\r");
        assert!(information.contains(&listener), "{information}");
    });
}

#[test]
fn a_call_that_takes_long_is_reported_while_it_runs() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        let set = client.run("CONFIG SET watchdog-period 200");
        assert_eq!(set.as_text().as_deref(), Some("OK"));
        client.run("CLIENT SETNAME slow");
        client.send(&["DEBUG", "SLEEP", "2"]).expect("can be sent");
        server.wait_for_log("--- WATCHDOG TIMER EXPIRED ---");
        server.wait_for_log("name=slow");
        assert_eq!(client.reply().expect("it ends").as_text().as_deref(), Some("OK"));
        // Workers that wait for the one that is stuck are reported too.
        assert_eq!(server.log().matches("name=slow").count(), 1, "once");
        let set = client.run("CONFIG SET watchdog-period 0");
        assert_eq!(set.as_text().as_deref(), Some("OK"));
    });
}

#[test]
fn a_port_that_is_taken_leaves_the_server_where_it_is() {
    let (server, other) = (subject::launch().start(), subject::launch().start());
    let mut client = server.client();
    for (call, reason) in [
        (
            format!("CONFIG SET timeout 7 port {}", other.port()),
            "'port') - Unable to listen on this port. Check server logs.",
        ),
        (
            "CONFIG SET timeout 7 bind 192.0.2.1".to_owned(),
            "'bind') - Failed to bind to specified addresses.",
        ),
    ] {
        let refused = client.run(&call).as_text().unwrap_or_default();
        assert!(refused.ends_with(reason), "{refused}");
        assert!(wait_until(|| answers(server.port())), "it does not listen any more");
        let timeout = client.run("CONFIG GET timeout");
        assert_eq!(timeout.as_array().and_then(|pair| pair[1].as_text()).as_deref(), Some("0"));
    }
}

/// The kernel is told how gladly to kill the process, by its role, as it is told by real servers.
#[test]
fn the_score_for_a_lack_of_memory_follows_the_role() {
    let launches = [subject::launch().workers(4)].into_iter();
    for launch in launches.chain(Oracle::all().iter().map(Oracle::launch)) {
        let server = launch.start();
        let path = format!("/proc/{}/oom_score_adj", server.process_id());
        let score =
            || std::fs::read_to_string(&path).unwrap_or_default().trim().parse().unwrap_or(0);
        let first: i32 = score();
        let mut client = server.client();
        client.run("CONFIG SET oom-score-adj relative");
        client.call(&["CONFIG", "SET", "oom-score-adj-values", "100 200 300"]);
        assert_eq!(score(), first + 100);
        client.run("REPLICAOF 127.0.0.1 1");
        assert!(wait_until(|| score() == first + 200), "{}", score());
        client.run("REPLICAOF NO ONE");
        assert!(wait_until(|| score() == first + 100), "{}", score());
        client.run("CONFIG SET oom-score-adj absolute");
        assert_eq!(score(), 100);
        client.run("CONFIG SET oom-score-adj no");
        assert_eq!(score(), first);
    }
}

/// As on real servers: everything but writes goes on while an end waits for replicas, and the end can be taken back.
#[test]
fn an_end_waits_for_replicas_and_can_be_taken_back() {
    let oracle = Oracle::find(Version::V74).expect("a real server");
    let ours = [1, 4].map(|count| subject::launch().workers(count));
    for launch in ours.into_iter().chain([oracle.launch()]) {
        let lines = ["shutdown-timeout 120", "repl-diskless-sync-delay 0"];
        let mut primary = lines.iter().fold(launch.clone(), |it, line| it.line(*line)).start();
        let replica = launch.line(format!("replicaof 127.0.0.1 {}", primary.port())).start();
        let mut witness = primary.client();
        witness.run("SET key 1");
        assert_eq!(witness.run("WAIT 1 0").as_integer(), Some(1));
        replica.signal(Signal::STOP);
        let path = format!("/proc/{}/stat", replica.process_id());
        let is_stopped = || std::fs::read_to_string(&path).is_ok_and(|it| it.contains(") T "));
        assert!(wait_until(is_stopped));
        witness.run("SET key 2");
        let mut asker = primary.client();
        asker.send(&["SHUTDOWN", "NOSAVE"]).expect("can be sent");
        let is_pending = |witness: &mut Client| {
            let text = witness.run("INFO server").as_text().unwrap_or_default();
            text.contains("\nshutdown_in_milliseconds:")
        };
        assert!(wait_until(|| is_pending(&mut witness)));
        assert_eq!(witness.run("GET key").as_text().as_deref(), Some("2"));
        let mut writer = primary.client();
        writer.send(&["SET", "key", "3"]).expect("can be sent");
        assert!(wait_until(|| {
            let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
            list.lines().filter(|line| line.contains(" flags=b ")).count() == 2
        }));
        assert_eq!(witness.run("SHUTDOWN ABORT").as_text().as_deref(), Some("OK"));
        let told = asker.reply().expect("it goes on").as_text();
        assert_eq!(told.as_deref(), Some("ERR Errors trying to SHUTDOWN. Check logs."));
        assert_eq!(writer.reply().expect("it goes on").as_text().as_deref(), Some("OK"));
        assert!(!is_pending(&mut witness));
        assert!(witness.run("SHUTDOWN ABORT").is_error());
        // It comes when the replica has everything. (A real server crashes when the same client asks again.)
        let mut asker = primary.client();
        asker.send(&["SHUTDOWN", "NOSAVE"]).expect("can be sent");
        assert!(wait_until(|| is_pending(&mut witness)));
        replica.signal(Signal::CONT);
        assert!(primary.wait_for_end().success());
        assert!(asker.closes());
        let log = primary.log();
        for line in ["Waiting for replicas before shutting down.", "1 of 1 replicas are in sync"] {
            assert!(log.contains(line), "no {line:?} in\n{log}");
        }
        assert_eq!(replica.client().run("GET key").as_text().as_deref(), Some("3"));
    }
}

#[test]
fn an_internal_error_is_answered_logged_and_counted() {
    subject::with_each_worker_count(|launch| {
        let mut server = launch.start();
        let mut client = server.client();
        let mut other = server.client();
        client.run("CLIENT SETNAME unlucky");
        client.write(b"SET key value\r\nDEBUG FAULT\r\nGET key\r\n").expect("can be sent");
        let replies = client.replies(3).expect("all are answered");
        assert!(replies[1].is_error(), "{replies:?}");
        assert_eq!(replies[2].as_text().as_deref(), Some("value"));
        assert_eq!(other.run("GET key").as_text().as_deref(), Some("value"));
        let log = server.log();
        let line = "Internal error while executing 'debug' for client id=";
        assert!(log.contains(line) && log.contains("name=unlucky"), "{log}");
        let stats = other.run("INFO stats commandstats").as_text().unwrap_or_default();
        assert!(stats.contains("unexpected_error_replies:1\r"), "{stats}");
        assert!(stats.contains("cmdstat_debug:calls=1,"), "{stats}");
        // What has begun to change is not to be trusted.
        client.write(b"DEBUG FAULT key\r\n").expect("can be sent");
        assert!(!server.wait_for_end().success());
        let log = server.log();
        for part in ["DEBUG FAULT has removed a key", "=== REDIS BUG REPORT END."] {
            assert!(log.contains(part), "no {part:?} in\n{log}");
        }
    });
}

#[test]
fn a_crash_report_tells_of_the_server() {
    // Where an assertion has failed, Redis trusts nothing any more and leaves the sections out.
    for (kind, line, has_sections) in [
        ("SEGFAULT", "crashed by signal: 11", true),
        ("PANIC", "Guru Meditation: DEBUG PANIC called at Unix time", true),
        ("ASSERT", "'1 == 2' is not true", false),
    ] {
        subject::with_each_worker_count(|launch| {
            let mut server = launch.start();
            let mut client = server.client();
            client.run("CLIENT SETNAME last-words");
            client.run("SET key value");
            client.run("INFO");
            client.write(format!("DEBUG {kind}\r\n").as_bytes()).expect("can be sent");
            assert!(!server.wait_for_end().success());
            let log = server.log();
            let frame = [line, "------ STACK TRACE ------", "=== REDIS BUG REPORT END."];
            let sections = [
                "------ INFO OUTPUT ------",
                "redis_version:7.4",
                "db0:keys=1,",
                "------ CLIENT LIST OUTPUT ------",
                " name=last-words ",
            ];
            let sections = if has_sections { &sections[..] } else { &[] };
            for part in frame.iter().chain(sections) {
                assert!(log.contains(part), "no {part:?} in\n{log}");
            }
        });
    }
}
