//! Many who bring and many who take: whatever was brought is taken once.

use std::collections::BTreeSet;
use std::thread;

use harness::{Client, Random, Server, Value};

use super::assert_nobody_waits;
use crate::subject;

/// Clients of each kind.
const CLIENTS: usize = 4;
/// Elements that each brings.
const EACH: usize = 1500;
/// Where they lie: in shards all over.
const QUEUES: [&str; 6] = ["q0", "q1", "q2", "q3", "q4", "q5"];
/// What tells those who take that it is over.
const END: &str = "end";

fn bring(server: &Server, number: usize) {
    let mut client = server.client();
    let mut random = Random::from_seed(number as u64);
    let mut sent = 0;
    while sent < EACH {
        let count = 1 + random.below(3).min(EACH - sent - 1);
        let queue = QUEUES[random.below(QUEUES.len())];
        let elements = (sent..sent + count).map(|place| format!("{number}-{place}"));
        let words: Vec<String> =
            ["RPUSH".to_owned(), queue.to_owned()].into_iter().chain(elements).collect();
        assert!(!client.call(&words).is_error());
        sent += count;
    }
}

/// Takes until it takes the end; what it has taken.
fn take(server: &Server, number: usize) -> Vec<String> {
    let mut client = server.client();
    let mut taken = Vec::new();
    loop {
        let reply = match number % 4 {
            0 => client.call(&["BLPOP", "q0", "q1", "q2", "q3", "q4", "q5", "moved", "0"]),
            1 => client.call(&["BRPOP", "moved", "q5", "q4", "q3", "q2", "q1", "q0", "0"]),
            2 => client.run("BLMPOP 0 7 q0 q1 q2 q3 q4 q5 moved LEFT COUNT 3"),
            _ => client.call(&["BLPOP", "moved", "q3", "q0", "q1", "q2", "q4", "q5", "0"]),
        };
        let reply = reply.as_array().expect("a pair");
        let elements = reply[1].as_array().unwrap_or_else(|| &reply[1..]);
        let elements: Vec<String> = elements.iter().filter_map(Value::as_text).collect();
        let ends = elements.iter().filter(|element| *element == END).count();
        taken.extend(elements.into_iter().filter(|element| element != END));
        if 0 < ends {
            // What is for others goes back.
            for _ in 1..ends {
                client.run(&format!("RPUSH q0 {END}"));
            }
            return taken;
        }
    }
}

/// Moves from one queue to where all take from, until it moves the end.
fn carry(server: &Server, from: &str) {
    let mut client: Client = server.client();
    while client.call(&["BLMOVE", from, "moved", "LEFT", "RIGHT", "0"]).as_text().as_deref()
        != Some(END)
    {}
}

#[test]
fn nothing_is_lost_and_nothing_taken_twice() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let taken: Vec<String> = thread::scope(|scope| {
            let server = &server;
            let takers: Vec<_> =
                (0..CLIENTS).map(|number| scope.spawn(move || take(server, number))).collect();
            let carriers: Vec<_> =
                ["q4", "q5"].map(|from| scope.spawn(move || carry(server, from))).into();
            let bringers: Vec<_> =
                (0..CLIENTS).map(|number| scope.spawn(move || bring(server, number))).collect();
            for bringer in bringers {
                bringer.join().expect("it brings all");
            }
            // Those who carry end by what they carry; a taker may be faster, and then there is another.
            let mut witness = server.client();
            while !takers.iter().all(thread::ScopedJoinHandle::is_finished)
                || !carriers.iter().all(thread::ScopedJoinHandle::is_finished)
            {
                for queue in ["q4", "q5", "q0"] {
                    witness.run(&format!("RPUSH {queue} {END}"));
                }
                thread::yield_now();
            }
            for carrier in carriers {
                carrier.join().expect("it carries all");
            }
            takers.into_iter().flat_map(|taker| taker.join().expect("it takes")).collect()
        });
        let left: Vec<String> = QUEUES
            .iter()
            .chain(&["moved"])
            .flat_map(|queue| {
                let list = witness.run(&format!("LRANGE {queue} 0 -1"));
                let elements = list.as_array().unwrap_or_default().iter();
                elements
                    .filter_map(Value::as_text)
                    .filter(|element| element != END)
                    .collect::<Vec<_>>()
            })
            .collect();
        let all: BTreeSet<&String> = taken.iter().chain(&left).collect();
        assert_eq!(taken.len() + left.len(), all.len(), "something was taken twice");
        assert_eq!(all.len(), CLIENTS * EACH, "something was lost");
        assert_nobody_waits(&mut witness);
    });
}
