//! What one connection does to others: pauses, kills, lists. With several workers they seldom share one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::{Client, Oracle, Server, Value, Version, wait_until};

use crate::subject;

/// More than any worker count of a test, so that each worker has some.
const CLIENTS: usize = 8;

/// The lines of CLIENT LIST that contain `field`.
fn count_lines(client: &mut Client, field: &str) -> usize {
    let list = client.run("CLIENT LIST").as_text().unwrap_or_default();
    list.lines().filter(|line| line.contains(field)).count()
}

/// Clients that the server knows of.
fn clients(server: &Server) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
    for client in &mut clients {
        client.run("PING");
    }
    clients
}

/// Has every client send a write, and waits until all are held back.
fn hold_back_writes(operator: &mut Client, writers: &mut [Client]) {
    for writer in &mut *writers {
        writer.send(&["INCR", "written"]).expect("can be sent");
    }
    let held = writers.len();
    assert!(wait_until(|| count_lines(operator, " flags=b ") == held), "{held} are held back");
}

#[test]
fn a_pause_ends_by_itself() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let (mut operator, mut writers) = (server.client(), clients(&server));
        let pause = Duration::from_millis(700);
        let begin = Instant::now();
        operator.run(&format!("CLIENT PAUSE {} WRITE", pause.as_millis()));
        hold_back_writes(&mut operator, &mut writers);
        assert_eq!(operator.run("GET written"), Value::NullBulk, "reads go on");
        for writer in &mut writers {
            assert!(writer.reply().expect("a reply").as_integer().is_some());
        }
        // The server's clock counts whole milliseconds.
        assert!(pause <= begin.elapsed() + Duration::from_millis(1));
        assert_eq!(operator.run("GET written").as_text(), Some(CLIENTS.to_string()));
        assert_eq!(count_lines(&mut operator, " flags=b "), 0);
    });
}

#[test]
fn a_pause_of_all_holds_back_pings_and_what_is_pipelined_behind_it() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut others = clients(&server);
        let mut operator = server.client();
        let begin = Instant::now();
        operator.write(b"CLIENT PAUSE 300\r\nPING\r\nPING\r\n").expect("can be sent");
        assert_eq!(operator.reply().expect("a reply"), Value::Simple(b"OK".to_vec()));
        for other in &mut others {
            assert_eq!(other.run("PING"), Value::Simple(b"PONG".to_vec()));
        }
        operator.replies(2).expect("the pipeline goes on");
        assert!(Duration::from_millis(299) <= begin.elapsed());
    });
}

#[test]
fn unpause_lets_everybody_go_on() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let (mut operator, mut writers) = (server.client(), clients(&server));
        operator.run("CLIENT PAUSE 100000000 WRITE");
        hold_back_writes(&mut operator, &mut writers);
        operator.run("CLIENT UNPAUSE");
        for writer in &mut writers {
            assert!(writer.reply().expect("a reply").as_integer().is_some());
        }
        // Nothing of the pause is left.
        for writer in &mut writers {
            assert!(writer.run("INCR written").as_integer().is_some());
        }
    });
}

#[test]
fn who_leaves_in_a_pause_has_written_nothing() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let (mut operator, mut writers) = (server.client(), clients(&server));
        operator.run("CLIENT PAUSE 100000000 WRITE");
        hold_back_writes(&mut operator, &mut writers);
        drop(writers);
        assert!(wait_until(|| count_lines(&mut operator, "id=") == 1), "they are noticed");
        operator.run("CLIENT UNPAUSE");
        assert_eq!(operator.run("GET written"), Value::NullBulk);
    });
}

/// Tells threads to stop, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls INCR again and again, many times at once, until told to stop or until the connection is closed.
fn increment(client: &mut Client, stop: &AtomicBool) {
    const AT_ONCE: usize = 500;
    let calls = b"INCR written\r\n".repeat(AT_ONCE);
    while !stop.load(Ordering::Relaxed) {
        if client.write(&calls).and_then(|()| client.replies(AT_ONCE)).is_err() {
            return;
        }
    }
}

fn written(client: &mut Client) -> String {
    client.run("GET written").as_text().unwrap_or_default()
}

/// A write that was under way when the pause began is done when its caller is answered.
#[test]
fn nothing_is_written_once_a_pause_is_confirmed() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut operator = server.client();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _stop = Stop(&stop);
            for mut writer in clients(&server) {
                let stop = &stop;
                scope.spawn(move || increment(&mut writer, stop));
            }
            for _ in 0..100 {
                let before = written(&mut operator);
                assert!(wait_until(|| written(&mut operator) != before), "writes go on");
                operator.run("CLIENT PAUSE 100000000 WRITE");
                let frozen = written(&mut operator);
                for _ in 0..20 {
                    assert_eq!(written(&mut operator), frozen);
                }
                operator.run("CLIENT UNPAUSE");
            }
        });
    });
}

#[test]
fn the_killed_have_made_their_last_call() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut operator = server.client();
        for _ in 0..30 {
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let _stop = Stop(&stop);
                for mut writer in clients(&server) {
                    let stop = &stop;
                    scope.spawn(move || increment(&mut writer, stop));
                }
                let before = written(&mut operator);
                assert!(wait_until(|| written(&mut operator) != before), "writes go on");
                let killed = operator.run("CLIENT KILL TYPE normal SKIPME yes");
                assert_eq!(killed, Value::Integer(CLIENTS.try_into().unwrap_or(i64::MAX)));
                assert_eq!(count_lines(&mut operator, "id="), 1);
                let last = written(&mut operator);
                for _ in 0..20 {
                    assert_eq!(written(&mut operator), last);
                }
            });
        }
    });
}

#[test]
fn clients_are_killed_by_their_addresses() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut operator = server.client();
        for mut victim in clients(&server) {
            let address = victim.local_address().expect("it is connected");
            let answer = operator.run(&format!("CLIENT KILL {address}"));
            assert_eq!(answer, Value::Simple(b"OK".to_vec()));
            assert!(victim.closes());
        }
        let own = operator.local_address().expect("it is connected");
        let answer = operator.run(&format!("CLIENT KILL {own}"));
        assert_eq!(answer, Value::Simple(b"OK".to_vec()), "it is answered before it is closed");
        assert!(operator.closes());
    });
}

/// A line of CLIENT LIST without what differs from process to process.
fn shape(line: &str) -> String {
    let fields = line.split(' ').map(|field| match field.split_once('=') {
        Some((name @ ("addr" | "laddr" | "fd" | "qbuf-free" | "rbs" | "rbp" | "tot-mem"), _)) => {
            format!("{name}=*")
        }
        _ => field.to_owned(),
    });
    fields.collect::<Vec<_>>().join(" ")
}

#[test]
fn clients_are_listed_as_by_the_real_one() {
    let oracle = Oracle::find(Version::V74).expect("scripts/install-oracle installs it");
    let real = oracle.launch().start();
    subject::with_each_worker_count(|launch| {
        let ours = launch.start();
        let list = |server: &Server| -> Vec<String> {
            let mut witness = server.client();
            let first = witness.run("CLIENT ID").as_integer().unwrap_or_default();
            let mut busy = server.client();
            for call in [
                "HELLO 3 SETNAME busy",
                "SELECT 3",
                "CLIENT NO-EVICT ON",
                "CLIENT NO-TOUCH ON",
                "CLIENT SETINFO LIB-NAME lib",
                "CLIENT SETINFO LIB-VER 1.0",
                "GET nothing",
            ] {
                busy.run(call);
            }
            let mut half = server.client();
            half.run("PING");
            half.write(b"ECHO he").expect("can be sent");
            assert!(wait_until(|| count_lines(&mut witness, " qbuf=7 ") == 1), "half a call");
            let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
            let mut lines: Vec<String> = list.lines().map(shape).collect();
            lines.push(shape(&witness.run("CLIENT INFO").as_text().unwrap_or_default()));
            // Ids are counted from this test's first.
            for (line, id) in lines.iter_mut().zip([first, first + 1, first + 2, first]) {
                assert!(line.starts_with(&format!("id={id} ")), "{line}");
                *line = line.split_once(' ').unwrap_or_default().1.to_owned();
            }
            lines
        };
        assert_eq!(list(&ours), list(&real));
    });
}

#[test]
fn unwanted_replies_are_not_sent() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        let calls =
            b"CLIENT REPLY OFF\r\nPING\r\nNONSENSE\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\n\
                      CLIENT REPLY SKIP\r\nPING\r\nPING last\r\n";
        client.write(calls).expect("can be sent");
        let replies = client.replies(2).expect("two replies");
        assert_eq!(replies, [Value::Simple(b"OK".to_vec()), Value::Bulk(b"last".to_vec())]);
        client.write(b"CLIENT REPLY OFF\r\n*x\r\n").expect("can be sent");
        client.finish_writing().expect("can be said");
        assert_eq!(client.read_until_closed().expect("it is closed"), b"");
    });
}
