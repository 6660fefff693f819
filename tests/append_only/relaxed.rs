//! Much is written: replies do not wait for the file, which is written apart, and hardly anything is lost when the server is killed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::{Client, Random, Server, Signal, Value};

use super::{Data, info, kill};

const CLIENTS: usize = 4;
/// SETs sent at once: with their values far more than a round for which replies wait.
const DEPTH: usize = 32;
const VALUE_BYTES: usize = 2000;

/// What a server that is killed may lose of what was acknowledged: the limit that is documented for `everysec`.
const MOST_LOST: Duration = Duration::from_secs(2);

/// One client's SETs, as far as it knows.
struct Written {
    name: String,
    sent: usize,
    /// When so many were acknowledged.
    acknowledged: Vec<(usize, Instant)>,
}

/// Writes numbered values until the server is gone, or there are enough; counts those that were acknowledged.
fn write(mut client: Client, name: String, total: &AtomicUsize, enough: usize) -> Written {
    let mut written = Written { name, sent: 0, acknowledged: Vec::new() };
    while written.sent < enough {
        let mut request = Vec::new();
        for number in written.sent + 1..=written.sent + DEPTH {
            let value = format!("{number:0VALUE_BYTES$}");
            Client::encode(&["SET", &format!("{}:{number}", written.name), &value], &mut request);
        }
        written.sent += DEPTH;
        if client.write(&request).is_err() {
            break;
        }
        let Ok(replies) = client.replies(DEPTH) else { break };
        assert!(replies.iter().all(|reply| *reply == Value::Simple(b"OK".to_vec())), "{replies:?}");
        written.acknowledged.push((written.sent, Instant::now()));
        total.fetch_add(DEPTH, Ordering::Relaxed);
    }
    written
}

/// Has all clients write, and ends the server in the middle of that, when so many values were acknowledged.
fn write_all(server: Server, enough: usize, end: impl FnOnce(Server)) -> Vec<Written> {
    let total = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (client, total) = (server.client(), &total);
                scope.spawn(move || write(client, number.to_string(), total, usize::MAX))
            })
            .collect();
        assert!(harness::wait_until(|| enough <= total.load(Ordering::Relaxed)));
        end(server);
        threads.into_iter().map(|thread| thread.join().expect("it has not failed")).collect()
    })
}

/// How many of a client's values are there; they are a prefix of what it wrote.
fn found(client: &mut Client, written: &Written) -> usize {
    let mut found = Vec::new();
    for number in 1..=written.sent {
        let value = client.call(&["GET", &format!("{}:{number}", written.name)]);
        found.push(value != Value::NullBulk);
        if value != Value::NullBulk {
            assert_eq!(value, Value::Bulk(format!("{number:0VALUE_BYTES$}").into_bytes()));
        }
    }
    let prefix = found.iter().take_while(|is_there| **is_there).count();
    let count = found.iter().filter(|is_there| **is_there).count();
    assert_eq!(prefix, count, "what is there is a prefix of what was written");
    prefix
}

#[test]
fn a_server_that_is_killed_has_lost_hardly_anything() {
    let mut random = Random::from_seed(0x0e1a);
    for (policy, workers) in [("everysec", 1), ("everysec", 4), ("no", 2)] {
        let data = Data::new();
        let launch = data.launch().workers(workers).line(format!("appendfsync {policy}"));
        let enough = 2000 + random.below(6000);
        let mut killed = Instant::now();
        let all = write_all(launch.start(), enough, |server| {
            killed = Instant::now();
            kill(server);
        });
        let server = launch.start();
        let mut client = server.client();
        let mut total = 0;
        for written in &all {
            let found = found(&mut client, written);
            total += found;
            let kept = written.acknowledged.iter().filter(|(_, at)| *at + MOST_LOST <= killed);
            let kept = kept.map(|(count, _)| *count).max().unwrap_or(0);
            assert!(kept <= found, "{found} of at least {kept} values");
        }
        assert!(0 < total, "something was written");
    }
}

#[test]
fn a_server_that_is_told_to_end_has_lost_nothing() {
    for policy in ["everysec", "no"] {
        let data = Data::new();
        let launch = data.launch().workers(2).line(format!("appendfsync {policy}"));
        let all = write_all(launch.start(), 3000, |mut server| {
            server.signal(Signal::TERM);
            assert!(server.wait_for_end().success());
        });
        let server = launch.start();
        let mut client = server.client();
        for written in &all {
            let acknowledged = written.acknowledged.last().map_or(0, |(count, _)| *count);
            let found = found(&mut client, written);
            assert!(acknowledged <= found, "{found} of {acknowledged} values");
        }
    }
}

#[test]
fn what_has_come_together_is_written_when_nothing_follows() {
    let data = Data::new();
    let server = data.launch().workers(1).line("appendfsync everysec").start();
    let written = write(server.client(), "0".to_owned(), &AtomicUsize::new(0), 1000);
    let mut client = server.client();
    client.run("SET last value");
    assert!(harness::wait_until(|| info(&mut client, "aof_buffer_length") == "0"));
    kill(server);
    let server = data.start();
    let mut client = server.client();
    assert_eq!(found(&mut client, &written), written.sent);
    assert_eq!(client.run("EXISTS last"), Value::Integer(1));
}
