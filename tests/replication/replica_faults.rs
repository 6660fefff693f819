//! Links that are cut, primaries that die or mean no good, disks that are full: what a replica does then, and that it has all in the end.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};

use harness::{Oracle, Random, Server, Signal, wait_until};

use super::proxy::Proxy;
use super::{
    digest, info, load, primary, replica_of, times_logged, wait_for_equality, wait_for_link,
};
use crate::subject;

const PARTIAL: &str = "Successful partial resynchronization with master.";
const FULL: &str = "Full resync from master: ";

fn fill(server: &Server, seed: u64) {
    load::write(&mut server.client(), &mut Random::from_seed(seed), 400);
}

#[test]
fn a_link_that_is_cut_anywhere_goes_on_from_there() {
    for oracle in Oracle::all() {
        let primary = primary(&oracle).line("repl-backlog-size 10mb").start();
        fill(&primary, 1);
        let proxy = Proxy::to(primary.address());
        let replica = replica_of(proxy.port()).workers(2).start();
        wait_for_equality(&primary, &replica);
        let mut random = Random::from_seed(11);
        for round in 0..25 {
            let before = times_logged(&replica, PARTIAL);
            // In the middle of whatever it is.
            proxy.cut_after(1 + random.below(4000) as u64);
            fill(&primary, 100 + round);
            assert!(wait_until(|| before < times_logged(&replica, PARTIAL)), "{}", replica.log());
        }
        wait_for_equality(&primary, &replica);
        assert_eq!(times_logged(&replica, FULL), 1, "only the first time");
        assert_eq!(times_logged(&replica, "== CRITICAL =="), 0, "{}", replica.log());
        replica.wait_for_log("Connection with master lost.");
        replica.wait_for_log("Caching the disconnected master state.");
        replica.wait_for_log("Reconnecting to MASTER 127.0.0.1:");
        replica.wait_for_log("Trying a partial resynchronization (request ");
    }
}

#[test]
fn a_full_sync_that_is_cut_leaves_nothing_half_loaded() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    primary.client().run("DEBUG POPULATE 20000 key 100");
    for load in ["disabled", "on-empty-db", "swapdb"] {
        let proxy = Proxy::to(primary.address());
        let replica = subject::launch().line(format!("repl-diskless-load {load}")).start();
        let mut client = replica.client();
        let mut random = Random::from_seed(3);
        let cuts: Vec<u64> = (0..4).map(|_| 1000 + random.below(200_000) as u64).collect();
        proxy.cut_next_after(cuts);
        client.run(&format!("REPLICAOF 127.0.0.1 {}", proxy.port()));
        let is_done = wait_until(|| {
            let size = client.run("DBSIZE");
            let size = size.as_integer();
            assert!(matches!(size, None | Some(0 | 20_000)), "half loaded: {size:?}");
            0 < times_logged(&replica, "MASTER <-> REPLICA sync: Finished with success")
        });
        assert!(is_done, "{load}: {}", replica.log());
        let failures = times_logged(&replica, "I/O error trying to sync with MASTER")
            + times_logged(&replica, "Master did not");
        assert_eq!(failures, 4, "{load}: {}", replica.log());
        wait_for_equality(&primary, &replica);
        assert_eq!(digest(&primary), digest(&replica));
    }
}

#[test]
fn old_data_is_served_until_the_new_is_whole() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    primary.client().run("DEBUG POPULATE 20000 key 100");
    let proxy = Proxy::to(primary.address());
    let replica = subject::launch().line("repl-diskless-load swapdb").start();
    let mut client = replica.client();
    client.run("SET old data");
    proxy.cut_next_after([300_000]);
    client.run(&format!("REPLICAOF 127.0.0.1 {}", proxy.port()));
    replica.wait_for_log("MASTER <-> REPLICA sync: Discarding temporary DB in background");
    let has_old = || client.run("GET old").as_text().as_deref() == Some("data");
    assert!(wait_until(has_old), "{}", replica.log());
    wait_for_equality(&primary, &replica);
    assert!(client.run("GET old").is_null());
}

#[test]
fn replicas_survive_primaries_that_are_killed() {
    for oracle in Oracle::all() {
        let data = tempfile::tempdir().expect("there is room");
        let launch = primary(&oracle).line(format!("dir {}", data.path().display()));
        let mut server = launch.start();
        let port = server.port();
        fill(&server, 5);
        let replica = replica_of(port).start();
        wait_for_equality(&server, &replica);
        // In the middle of the stream.
        let mut client = server.client();
        client.write(&b"*3\r\n$3\r\nSET\r\n$5\r\nlater\r\n$10\r\n01234"[..]).expect("sent");
        server.signal(Signal::KILL);
        server.wait_for_end();
        replica.wait_for_log("Connection with master lost.");
        assert_eq!(info(&replica, "replication", "master_link_status"), "down");
        assert_eq!(
            replica.client().run("SET a b").as_text().map(|text| text.contains("READONLY")),
            Some(true)
        );
        drop(server);
        let server = launch.clone().port(port).start();
        fill(&server, 6);
        wait_for_equality(&server, &replica);
    }
}

#[test]
fn a_replica_that_is_killed_in_the_middle_begins_anew() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    primary.client().run("DEBUG POPULATE 50000 key 100");
    let launch = replica_of(primary.port());
    for line in ["receiving", "Flushing old data", "Loading DB in memory", "Finished with success"]
    {
        let mut replica = launch.start();
        replica.wait_for_log(line);
        replica.signal(Signal::KILL);
        replica.wait_for_end();
    }
    let replica = launch.start();
    fill(&primary, 8);
    wait_for_equality(&primary, &replica);
}

#[test]
fn a_stopped_primary_is_given_up_and_found_again() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).line("repl-timeout 5").start();
    let replica = replica_of(primary.port()).line("repl-timeout 2").start();
    wait_for_link(&replica);
    primary.signal(Signal::STOP);
    replica.wait_for_log("MASTER timeout: no data nor PING received...");
    replica.wait_for_log("Timeout connecting to the MASTER...");
    primary.signal(Signal::CONT);
    fill(&primary, 9);
    wait_for_equality(&primary, &replica);
}

#[test]
fn passwords_are_used_and_wrong_ones_told() {
    for oracle in Oracle::all() {
        let primary = primary(&oracle)
            .line("user default off")
            .line("user writer on >writing ~* &* +@all")
            .line("user copier on >secret ~* &* +psync +replconf +ping")
            .ready_at("Ready to accept connections")
            .start();
        let replica = replica_of(primary.port()).start();
        replica.wait_for_log("Unexpected reply to PSYNC from master: -NOAUTH");
        let mut client = replica.client();
        client.run("CONFIG SET masteruser copier masterauth wrong");
        replica.wait_for_log("Unable to AUTH to MASTER: -WRONGPASS");
        client.run("CONFIG SET masterauth secret");
        wait_for_link(&replica);
        let mut writer = primary.client();
        writer.run("AUTH writer writing");
        load::write(&mut writer, &mut Random::from_seed(4), 300);
        writer.run("SELECT 0");
        writer.run("SET the end");
        assert!(wait_until(|| client.run("GET the").as_text().as_deref() == Some("end")));
        assert_eq!(writer.run("DEBUG DIGEST").as_text(), client.run("DEBUG DIGEST").as_text());
    }
}

#[test]
fn a_replica_of_itself_has_no_link() {
    let server = subject::launch().start();
    let mut client = server.client();
    client.run("SET key value");
    client.run(&format!("REPLICAOF 127.0.0.1 {}", server.port()));
    server.wait_for_log(
        "Master is currently unable to PSYNC but should be in the future: -NOMASTERLINK",
    );
    assert_eq!(client.run("GET key").as_text().as_deref(), Some("value"));
    client.run("REPLICAOF NO ONE");
    assert_eq!(client.run("SET key other").as_text().as_deref(), Some("OK"));
}

#[test]
fn where_nobody_listens_it_tries_again() {
    let port = harness::free_port();
    let replica = replica_of(port)
        .line("replica-serve-stale-data no")
        .ready_at("Ready to accept connections")
        .start();
    replica.wait_for_log("Error condition on socket for SYNC: Connection refused");
    let refused = replica.client().run("GET key").as_text().unwrap_or_default();
    assert_eq!(
        refused,
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
    );
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).port(port).start();
    fill(&primary, 12);
    wait_for_equality(&primary, &replica);
}

/// A primary that says what it is told to, to each replica that comes.
pub(super) struct Fake {
    listener: TcpListener,
}

impl Fake {
    pub(super) fn new() -> Fake {
        Fake {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port"),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().expect("it is bound").port()
    }

    /// Answers one replica up to PSYNC, and that with these bytes.
    pub(super) fn answer(&self, psync: &[u8]) -> TcpStream {
        let (mut stream, _) = self.listener.accept().expect("a replica comes");
        stream.set_read_timeout(Some(harness::DEADLINE)).expect("it can be set");
        let mut seen = Vec::new();
        let mut answered = 0;
        loop {
            let mut buffer = [0; 1000];
            let count = stream.read(&mut buffer).expect("the replica speaks");
            if count == 0 {
                return stream;
            }
            seen.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&seen).into_owned();
            let asked = text.matches('*').count();
            if text.contains("PSYNC") {
                let _gone = stream.write_all(psync);
                return stream;
            }
            for request in answered..asked {
                let reply: &[u8] = if request == 0 { b"+PONG\r\n" } else { b"+OK\r\n" };
                stream.write_all(reply).expect("the replica listens");
            }
            answered = asked;
        }
    }
}

pub(super) const ID: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn garbage_instead_of_an_answer_is_told_and_harms_nobody() {
    let fake = Fake::new();
    let replica = subject::launch().start();
    let mut client = replica.client();
    client.run("SET key value");
    client.run(&format!("REPLICAOF 127.0.0.1 {}", fake.port()));
    let full = format!("+FULLRESYNC {ID} 10\r\n");
    for (answer, line) in [
        ("hello\r\n".to_owned(), "Unexpected reply to PSYNC from master: hello"),
        (
            "-ERR unknown command 'PSYNC'\r\n".to_owned(),
            "Master does not support PSYNC or is in error state (reply: -ERR unknown command",
        ),
        ("+FULLRESYNC what\r\n".to_owned(), "Master replied with wrong +FULLRESYNC syntax."),
        ("x".repeat(5000), "Master sent a line of more than 1024 bytes during SYNC handshake"),
        (format!("{full}HTTP/1.1 400\r\n"), "Bad protocol from MASTER, the first byte is not '$'"),
        (
            format!("{full}-ERR no space\r\n"),
            "MASTER aborted replication with an error: ERR no space",
        ),
        (format!("{full}$99999999999999999999999\r\n"), "(we received '$99999999999999999999999')"),
    ] {
        drop(fake.answer(answer.as_bytes()));
        replica.wait_for_log(line);
        assert_eq!(client.run("GET key").as_text().as_deref(), Some("value"), "nothing was lost");
    }
    // Up to here it has been the data that there was. A file that is none, or is cut short, takes its place with nothing.
    for payload in [
        "$5\r\nREDIS",
        "$100\r\nREDIS0011 and then something that is no such file, and goes on and on for a hundred bytes in all, up to here",
    ] {
        drop(fake.answer(format!("{full}{payload}").as_bytes()));
    }
    replica.wait_for_log(
        "Failed trying to load the MASTER synchronization DB from disk, check server logs.",
    );
    assert!(wait_until(|| client.run("DBSIZE").as_integer() == Some(0)));
    drop(fake.answer(format!("{full}$1000\r\nREDIS0011").as_bytes()));
    replica.wait_for_log("I/O error trying to sync with MASTER: connection lost");
    assert_eq!(client.run("PING").as_text().as_deref(), Some("PONG"));
}

#[test]
fn a_stream_of_nonsense_ends_the_link_and_the_next_sync_is_full() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    fill(&primary, 20);
    let fake = Fake::new();
    let replica = replica_of(primary.port()).start();
    wait_for_equality(&primary, &replica);
    let mut client = replica.client();
    client.run(&format!("REPLICAOF 127.0.0.1 {}", fake.port()));
    let _stream = fake.answer(b"+CONTINUE\r\n*1\r\n!nonsense\r\n");
    replica.wait_for_log("Protocol error (");
    client.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
    fill(&primary, 21);
    wait_for_equality(&primary, &replica);
    assert_eq!(times_logged(&replica, FULL), 2);
}

#[test]
fn commands_that_fail_here_are_critical() {
    let fake = Fake::new();
    let replica = replica_of(fake.port()).start();
    let stream = fake.answer(
        b"+FULLRESYNC 0123456789abcdef0123456789abcdef01234567 10\r\n$18\r\nREDIS0011\xff\0\0\0\0\0\0\0\0*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*3\r\n$5\r\nLPUSH\r\n$1\r\na\r\n$1\r\nb\r\n*1\r\n$5\r\nBOGUS\r\n",
    );
    replica.wait_for_log(
        "== CRITICAL == This replica is sending an error to its master: 'WRONGTYPE Operation against a key holding the wrong kind of value' after processing the command 'lpush'",
    );
    replica.wait_for_log("after processing the command 'BOGUS'");
    let mut client = replica.client();
    assert_eq!(client.run("GET a").as_text().as_deref(), Some("1"));
    drop(stream);
}
