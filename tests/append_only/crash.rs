//! Servers that are killed in the middle of writes: each client finds a prefix of what it wrote, with all that was acknowledged.
//!
//! `OCHRE_CRASH_ROUNDS` says how often, for each policy.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use harness::{Client, Random, Server, Signal, Value};

use super::{Data, POLICIES};

const CLIENTS: usize = 4;
const WORKERS: usize = 4;
/// Rounds if nothing else is said.
const ROUNDS: usize = 3;
/// Values read back at once.
const READ: usize = 100;

/// What a client knows when the server is killed: the number of values that were acknowledged, and of those sent.
#[derive(Clone, Copy, Debug)]
struct Knowledge {
    acknowledged: usize,
    sent: usize,
}

fn rounds() -> usize {
    let rounds = std::env::var("OCHRE_CRASH_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS)
}

/// Writes numbered values in pipelines of random depth until the server is gone. Every third comes in a transaction, with a
/// twin.
fn write(
    mut client: Client,
    name: &str,
    mut random: Random,
    total: &AtomicUsize,
    is_killed: &AtomicBool,
) -> Knowledge {
    let mut knowledge = Knowledge { acknowledged: 0, sent: 0 };
    loop {
        let depth = 1 + random.below(20);
        let mut request = Vec::new();
        let mut replies = Vec::new();
        for number in knowledge.sent + 1..=knowledge.sent + depth {
            let value = number.to_string();
            let key = format!("{name}:{number}");
            if number % 3 == 0 {
                Client::encode(&["MULTI"], &mut request);
                Client::encode(&["SET", &key, &value], &mut request);
                Client::encode(&["SET", &format!("{key}:twin"), &value], &mut request);
                Client::encode(&["EXEC"], &mut request);
                replies.push(4);
            } else {
                Client::encode(&["SET", &key, &value], &mut request);
                replies.push(1);
            }
        }
        knowledge.sent += depth;
        if client.write(&request).is_err() {
            break;
        }
        for count in replies {
            let Ok(replies) = client.replies(count) else { return knowledge };
            assert!(replies.iter().all(|reply| !reply.is_error()), "{replies:?}");
            knowledge.acknowledged += 1;
            total.fetch_add(1, Ordering::Relaxed);
        }
        if is_killed.load(Ordering::Relaxed) {
            break;
        }
    }
    knowledge
}

fn check(client: &mut Client, name: &str, knowledge: Knowledge) {
    let mut found = Vec::new();
    for first in (1..=knowledge.sent).step_by(READ) {
        let last = (first + READ - 1).min(knowledge.sent);
        let mut words = vec!["MGET".to_owned()];
        words.extend((first..=last).map(|number| format!("{name}:{number}")));
        let values = client.call(&words);
        let mut twins = vec!["MGET".to_owned()];
        twins.extend((first..=last).map(|number| format!("{name}:{number}:twin")));
        let twins = client.call(&twins);
        let twins = twins.as_array().expect("MGET answers an array").to_vec();
        let values = values.as_array().expect("MGET answers an array").to_vec();
        for ((number, value), twin) in (first..=last).zip(values).zip(twins) {
            let is_there = value != Value::NullBulk;
            if is_there {
                assert_eq!(value, Value::Bulk(number.to_string().into_bytes()));
            }
            if number % 3 == 0 {
                assert_eq!(value, twin, "both of a transaction, or none");
            }
            found.push(is_there);
        }
    }
    let prefix = found.iter().take_while(|is_there| **is_there).count();
    let count = found.iter().filter(|is_there| **is_there).count();
    assert_eq!(prefix, count, "{name}: what is there is a prefix of what was written");
    assert!(knowledge.acknowledged <= prefix, "{name}: {prefix} values are there, {knowledge:?}");
}

/// One life of a server: it serves writers and is killed.
fn live(
    server: Server,
    round: usize,
    random: &mut Random,
    signal: Signal,
    disturb: impl Fn(&Server),
) -> Vec<(String, Knowledge)> {
    let total = AtomicUsize::new(0);
    let is_killed = AtomicBool::new(false);
    let deadline = 50 + random.below(1500);
    std::thread::scope(|scope| {
        let mut writers = Vec::new();
        for number in 0..CLIENTS {
            let name = format!("{round}:{number}");
            let (client, random) = (server.client(), random.fork());
            let (total, is_killed) = (&total, &is_killed);
            let thread = std::thread::Builder::new().name(format!("client-{number}"));
            let run = {
                let name = name.clone();
                move || write(client, &name, random, total, is_killed)
            };
            writers.push((name, thread.spawn_scoped(scope, run).expect("a thread")));
        }
        disturb(&server);
        let enough = harness::wait_until(|| deadline <= total.load(Ordering::Relaxed));
        assert!(enough);
        is_killed.store(true, Ordering::Relaxed);
        end(server, signal);
        writers
            .into_iter()
            .map(|(name, thread)| (name, thread.join().expect("the client has not failed")))
            .collect()
    })
}

fn end(mut server: Server, signal: Signal) {
    server.signal(signal);
    let status = server.wait_for_end();
    assert!(signal == Signal::KILL || status.success(), "{}", server.log());
}

fn kill_again_and_again(policy: &str, signal: Signal, disturb: impl Fn(&Server)) {
    let data = Data::new();
    let launch = data.launch().workers(WORKERS).line(format!("appendfsync {policy}"));
    let mut random = Random::from_seed(0x0c47 ^ policy.len() as u64);
    let mut known: Vec<(String, Knowledge)> = Vec::new();
    for round in 0..rounds() {
        let server = launch.start();
        let mut client = server.client();
        for (name, knowledge) in &known {
            check(&mut client, name, *knowledge);
        }
        // What is good stays good, and need not be looked at for ever.
        if 20 < known.len() {
            known.clear();
            client.run("FLUSHALL");
        }
        drop(client);
        known.extend(live(server, round, &mut random, signal, &disturb));
    }
    let server = launch.start();
    let mut client = server.client();
    for (name, knowledge) in &known {
        check(&mut client, name, *knowledge);
    }
}

#[test]
fn each_client_finds_a_prefix_of_what_it_wrote() {
    for policy in POLICIES {
        kill_again_and_again(policy, Signal::KILL, |_| {});
    }
}

#[test]
fn each_client_finds_a_prefix_of_what_it_wrote_while_the_file_was_rewritten() {
    for policy in POLICIES {
        kill_again_and_again(policy, Signal::KILL, |server| {
            let reply = server.client().run("BGREWRITEAOF");
            assert!(!reply.is_error(), "{reply:?}");
        });
    }
}

/// A server that is asked to end in the middle of writes has everything that it has acknowledged on the disk, whatever the policy.
#[test]
fn each_client_finds_a_prefix_of_what_it_wrote_when_the_server_was_asked_to_end() {
    for policy in POLICIES {
        kill_again_and_again(policy, Signal::TERM, |_| {});
        kill_again_and_again(policy, Signal::TERM, |server| {
            let reply = server.client().run("BGREWRITEAOF");
            assert!(!reply.is_error(), "{reply:?}");
        });
    }
}
