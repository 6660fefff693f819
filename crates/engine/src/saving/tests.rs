//! What a snapshot holds in memory while clients write as fast as they can, and how long they wait for that.

use collections::SortedSet;
use collections::sorted_set::Limits;
use keyspace::{SetExpiry, View};

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
    let server = Server::with(
        |config| config.persistence.snapshot_queue_bytes = LIMIT as u64,
        Box::new(Alone),
    );
    for first in (0..MEMBERS).step_by(BATCH) {
        change(&server, first, 0);
    }
    server
}

/// Has `act` change what there is, as calls do, but without what looks after each call in a debug build at all that there is.
fn with_all<R>(server: &Server, act: impl FnOnce(&mut View<'_>) -> R) -> R {
    let engine = server.engine;
    let mut closed = engine.keyspace.gates().close();
    let mut round = Replay::new(engine, 0).round();
    let mut view = engine.keyspace.view(&mut closed, 0, &mut round);
    view.lock_all();
    act(&mut view)
}

/// Gives some members other scores.
fn change(server: &Server, first: usize, shift: usize) {
    let limits = Limits { entries: 128, value_bytes: 64 };
    with_all(server, |view| {
        let edited = view.edit(b"sorted", |sorted: &mut SortedSet| {
            for number in first..first + BATCH {
                // All over the set, and elsewhere than before.
                let score = u32::try_from((number * 7919 + shift) % MEMBERS).unwrap_or(0);
                sorted.insert(format!("member:{number:08}").as_bytes(), score.into(), limits);
            }
        });
        edited.expect("it is a sorted set");
    });
}

fn set(server: &Server, number: usize, value: &str) {
    with_all(server, |view| {
        view.set_string(format!("key:{number:08}").as_bytes(), value.as_bytes(), SetExpiry::Clear);
    });
}

fn begin(server: &Server) -> Job {
    with_all(server, |view| {
        server.engine.begin_save(view, Purpose::File, 0).expect("there is no other")
    })
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
        set(&server, number, "a value of some bytes");
    }
    let job = begin(&server);
    // The walk turns to it first.
    change(&server, 0, 1);
    let waited = write_meanwhile(&mut server, &job, |server, number| {
        for number in number * BATCH..(number + 1) * BATCH {
            set(server, number % KEYS, "another");
        }
    });
    let backlog = server.engine.saving.backlog();
    let peak = backlog.peak();
    assert!(LIMIT / 2 < peak, "so much is written that it matters: {peak}");
    assert!(peak < LIMIT + ROUND, "{peak}");
    assert!(waited < 60, "nobody waits for long: {waited} steps");
    assert_eq!(backlog.bytes(), 0);
}
