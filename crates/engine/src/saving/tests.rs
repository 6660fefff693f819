//! What a snapshot holds in memory while clients write as fast as they can, and how long they wait for that.

use super::{Job, Purpose};
use crate::host::Alone;
use crate::testing::Server;
use crate::{Replay, Time};

const LIMIT: usize = 1 << 20;
const MEMBERS: usize = 60_000;
/// Members that a call changes.
const BATCH: usize = 50;
/// What one call may add to the limit.
const ROUND: usize = 64 << 10;

fn server() -> Server {
    let mut server = Server::with(
        |config| config.persistence.snapshot_queue_bytes = LIMIT as u64,
        Box::new(Alone),
    );
    for first in (0..MEMBERS).step_by(BATCH) {
        change(&mut server, first, 0);
    }
    server
}

/// Gives some members other scores.
fn change(server: &mut Server, first: usize, shift: usize) {
    let mut words = vec!["ZADD".to_owned(), "sorted".to_owned()];
    for number in first..first + BATCH {
        // All over the set, and elsewhere than before.
        words.push(((number * 7919 + shift) % MEMBERS).to_string());
        words.push(format!("member:{number:08}"));
    }
    server.answer(&words);
}

fn begin(server: &Server) -> Job {
    let engine = server.engine;
    let mut closed = engine.keyspace.gates().close();
    let mut round = Replay::new(engine, 0).round();
    let mut view = engine.keyspace.view(&mut closed, 0, &mut round);
    view.lock_all();
    engine.begin_save(&mut view, Purpose::File, 0).expect("there is no other")
}

/// A step of the walk, and what was shown is written at once.
fn step(server: &mut Server, job: &Job) {
    server.worker.begin_round(Time { unix_us: server.now_ms * 1000 });
    server.worker.walk_on();
    server.worker.end_round();
    for chunk in job.recorder.take(job.drive.has_ended()) {
        job.recorder.put_back(chunk);
    }
}

/// Has as many writes as fit go on beside the walk; gives how many steps a write has waited for at most.
fn write_meanwhile(
    server: &mut Server,
    job: &Job,
    mut write: impl FnMut(&mut Server, usize),
) -> usize {
    let (mut longest, mut written) = (0, 0);
    while !job.drive.has_ended() {
        let mut waited = 0;
        while server.engine.saving.is_crowded() {
            step(server, job);
            waited += 1;
        }
        longest = longest.max(waited);
        write(server, written);
        written += 1;
        // The walk makes one step for so many writes, as where they take most of the time.
        if written.is_multiple_of(20) {
            step(server, job);
        }
    }
    assert!(100 < written, "{written}");
    longest
}

#[test]
fn what_a_collection_keeps_while_it_is_written_is_bounded() {
    let mut server = server();
    let job = begin(&server);
    let waited = write_meanwhile(&mut server, &job, |server, number| {
        change(server, number * BATCH % MEMBERS, 31_337);
    });
    let backlog = server.engine.saving.backlog();
    let peak = backlog.peak();
    assert!(LIMIT / 2 < peak, "so much is written that it matters: {peak}");
    assert!(peak < LIMIT + ROUND, "{peak}");
    assert!(waited < 60, "nobody waits for long: {waited} steps");
    assert_eq!(backlog.bytes(), 0);
    assert!(!server.engine.saving.is_crowded());
}

#[test]
fn what_others_show_while_a_collection_is_written_is_bounded() {
    const KEYS: usize = 40_000;
    let mut server = server();
    for number in 0..KEYS {
        server.answer(&["SET", &format!("key:{number:08}"), "a value of some bytes"]);
    }
    let job = begin(&server);
    // The walk turns to it first.
    change(&mut server, 0, 1);
    let waited = write_meanwhile(&mut server, &job, |server, number| {
        for number in number * BATCH..(number + 1) * BATCH {
            server.answer(&["SET", &format!("key:{:08}", number % KEYS), "another"]);
        }
    });
    let backlog = server.engine.saving.backlog();
    let peak = backlog.peak();
    assert!(LIMIT / 2 < peak, "so much is written that it matters: {peak}");
    assert!(peak < LIMIT + ROUND, "{peak}");
    assert!(waited < 60, "nobody waits for long: {waited} steps");
    assert_eq!(backlog.bytes(), 0);
}
