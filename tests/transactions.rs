//! Transactions across workers: nobody sees one half done, and whoever watches misses no change.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use harness::{Client, Random, Server, Value, wait_until};

use crate::subject;

/// Accounts of the transfers: they lie in different shards.
const ACCOUNTS: usize = 24;
/// What all of them hold together.
const TOTAL: i64 = 24_000;
/// Transfers of each client.
const TRANSFERS: usize = 1500;

fn account(number: usize) -> String {
    format!("account:{number}")
}

fn integer(value: &Value) -> i64 {
    let text = value.as_text().unwrap_or_default();
    text.parse().unwrap_or_else(|_| panic!("{value:?} is no integer"))
}

/// Calls commands one after the other without waiting, and gives the last reply.
fn pipeline(client: &mut Client, lines: &[&str]) -> Value {
    let mut request = Vec::new();
    for line in lines {
        Client::encode(&line.split(' ').collect::<Vec<_>>(), &mut request);
    }
    client.write(&request).expect("the server reads");
    let replies = client.replies(lines.len()).expect("the server answers");
    replies.into_iter().next_back().unwrap_or(Value::Null)
}

/// Money goes from one account to another, in both ways to do it: commands that are queued, and values that are watched, read
/// and set. Whoever sums all accounts at any time finds the same total.
#[test]
fn transfers_keep_the_total() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut setup = server.client();
        for number in 0..ACCOUNTS {
            setup.run(&format!("SET {} 1000", account(number)));
        }
        let finished = AtomicBool::new(false);
        thread::scope(|scope| {
            let readers: Vec<_> =
                (0..2).map(|_| scope.spawn(|| sum_until(&server, &finished))).collect();
            let writers: Vec<_> = (0..4)
                .map(|seed| {
                    let mut client = server.client();
                    scope.spawn(move || transfer(&mut client, seed))
                })
                .collect();
            for writer in writers {
                writer.join().expect("a client that transfers");
            }
            finished.store(true, Ordering::Release);
            for reader in readers {
                assert!(0 < reader.join().expect("a client that sums"), "nobody looked");
            }
        });
        assert_eq!(sum(&mut setup), TOTAL);
    });
}

/// The sum of all accounts.
fn sum(client: &mut Client) -> i64 {
    let mut words = vec!["MGET".to_owned()];
    words.extend((0..ACCOUNTS).map(account));
    let values = client.call(&words);
    values.as_array().unwrap_or_default().iter().map(integer).sum()
}

fn sum_until(server: &Server, finished: &AtomicBool) -> usize {
    let mut client = server.client();
    let mut looks = 0;
    while !finished.load(Ordering::Acquire) {
        assert_eq!(sum(&mut client), TOTAL, "after {looks} looks");
        looks += 1;
    }
    looks
}

fn transfer(client: &mut Client, seed: u64) {
    let mut random = Random::from_seed(seed);
    for _ in 0..TRANSFERS {
        let (from, to) = (account(random.below(ACCOUNTS)), account(random.below(ACCOUNTS)));
        if from == to {
            continue;
        }
        let amount = random.below(50);
        if random.one_in(2) {
            let (take, give) = (format!("DECRBY {from} {amount}"), format!("INCRBY {to} {amount}"));
            let done = pipeline(client, &["MULTI", &take, &give, "EXEC"]);
            assert_eq!(done.as_array().map(<[Value]>::len), Some(2), "{done:?}");
        } else {
            client.run(&format!("WATCH {from} {to}"));
            let held = client.run(&format!("MGET {from} {to}"));
            let held: Vec<i64> = held.as_array().unwrap_or_default().iter().map(integer).collect();
            let amount = i64::try_from(amount).unwrap_or(0);
            // It may fail, if somebody else was quicker: then nothing was transferred.
            let (take, give) = (
                format!("SET {from} {}", held[0] - amount),
                format!("SET {to} {}", held[1] + amount),
            );
            pipeline(client, &["MULTI", &take, &give, "EXEC"]);
        }
    }
}

/// A counter that is watched, read and set: every transaction that ran has counted, and no other.
#[test]
fn watching_makes_reading_and_setting_one_step() {
    const CLIENTS: usize = 6;
    const TRIES: usize = 600;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        server.client().run("SET counter 0");
        let barrier = Barrier::new(CLIENTS);
        let counted: usize = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(|| {
                        let mut client = server.client();
                        barrier.wait();
                        (0..TRIES).filter(|_| increments(&mut client)).count()
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().expect("a client")).sum()
        });
        let total = server.client().run("GET counter");
        assert_eq!(integer(&total), i64::try_from(counted).unwrap_or(-1));
        assert!(0 < counted, "nobody got through");
    });
}

fn increments(client: &mut Client) -> bool {
    client.run("WATCH counter");
    let number = integer(&client.run("GET counter"));
    let set = format!("SET counter {}", number + 1);
    let done = pipeline(client, &["MULTI", &set, "EXEC"]);
    done.as_array().is_some_and(|replies| replies.len() == 1)
}

/// Whatever another client does to a watched key, in whichever worker it is served.
#[test]
fn changes_by_any_client_are_seen() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut others: Vec<Client> = (0..5).map(|_| server.client()).collect();
        let mut client = server.client();
        let changes = [
            "SET w 2",
            "DEL w",
            "APPEND w x",
            "EXPIRE w 1000",
            "RENAME w v",
            "MOVE w 1",
            "FLUSHALL",
            "FLUSHDB",
            "SWAPDB 0 1",
            "GETDEL w",
            "INCR w",
            "PEXPIRE w 0",
        ];
        for change in changes {
            for other in &mut others {
                client.run("FLUSHALL");
                client.run("SET w 1");
                client.run("WATCH w");
                other.run(change);
                let done = pipeline(&mut client, &["MULTI", "PING", "EXEC"]);
                assert!(done.is_null(), "{change}: {done:?}");
                client.run("WATCH w unrelated");
                other.run("SET other 1");
                let done = pipeline(&mut client, &["MULTI", "PING", "EXEC"]);
                assert!(!done.is_null(), "{change}");
            }
        }
    });
}

/// A key that expires is one that changes, even if nobody has looked at it.
#[test]
fn expiry_is_seen() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let (mut client, mut other) = (server.client(), server.client());
        for _ in 0..5 {
            other.run("SET w 1 PX 20");
            client.run("WATCH w");
            assert!(wait_until(|| other.run("EXISTS w") == Value::Integer(0)));
            let done = pipeline(&mut client, &["MULTI", "PING", "EXEC"]);
            assert!(done.is_null(), "{done:?}");
        }
    });
}

/// Clients that go leave no watched key behind.
#[test]
fn who_is_gone_watches_nothing() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut witness = server.client();
        let watched = |witness: &mut Client| {
            let information = witness.run("INFO clients").as_text().unwrap_or_default();
            information.contains("\ntotal_watched_keys:0\r")
        };
        let mut clients: Vec<Client> = (0..20).map(|_| server.client()).collect();
        for (number, client) in clients.iter_mut().enumerate() {
            client.run(&format!("WATCH shared own:{number} own:{number}"));
        }
        assert!(!watched(&mut witness));
        drop(clients);
        assert!(wait_until(|| watched(&mut witness)));
    });
}

/// What is queued counts as query buffer, which is limited.
#[test]
fn what_is_queued_is_limited() {
    subject::with_each_worker_count(|launch| {
        let server = launch.line("client-query-buffer-limit 1mb").start();
        let mut client = server.client();
        client.run("MULTI");
        let value = "x".repeat(100_000);
        let mut queued = 0;
        while queued < 100 && client.try_call(&["SET", "k", &value]).is_ok() {
            queued += 1;
        }
        assert!((5..20).contains(&queued), "{queued} calls of 100 kB in a limit of 1 MiB");
        assert_eq!(server.client().run("EXISTS k"), Value::Integer(0));
    });
}
