//! Nobody ever sees a transaction or a script half done: money is moved between accounts, in both ways and on all workers, and
//! whoever looks at all accounts at once finds the same sum.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use harness::{Client, Random, Server, Value};

use crate::subject;

const ACCOUNTS: usize = 50;
const MONEY: i64 = 1000;
const WORKERS: usize = 4;
const MOVERS: u64 = 4;
const READERS: usize = 3;
/// `OCHRE_SECONDS` asks for more.
const SECONDS: u64 = 3;

const MOVE: &str = "redis.call('DECRBY', KEYS[1], ARGV[1]) redis.call('INCRBY', KEYS[2], ARGV[1]) \
                    return redis.call('GET', KEYS[1])";

fn name(account: usize) -> String {
    format!("account:{account}")
}

/// Moves money until the time is over; how often.
fn move_money(server: &Server, seed: u64, end: Instant) -> u64 {
    let mut client = server.client();
    let mut random = Random::from_seed(seed);
    let mut moves = 0;
    while Instant::now() < end {
        let (from, to) = (name(random.below(ACCOUNTS)), name(random.below(ACCOUNTS)));
        let amount = random.below(100).to_string();
        if random.one_in(2) {
            let answer = client.call(&["EVAL", MOVE, "2", &from, &to, &amount]);
            assert!(!answer.is_error(), "{answer:?}");
        } else {
            let mut request = Vec::new();
            Client::encode(&["MULTI"], &mut request);
            Client::encode(&["DECRBY", &from, &amount], &mut request);
            Client::encode(&["INCRBY", &to, &amount], &mut request);
            Client::encode(&["EXEC"], &mut request);
            client.write(&request).expect("the server reads");
            let answers = client.replies(4).expect("the server answers");
            assert!(answers.iter().all(|answer| !answer.is_error()), "{answers:?}");
        }
        moves += 1;
    }
    moves
}

/// What all accounts hold together, seen in one call.
fn sum(client: &mut Client, calls: &[&[String]]) -> i64 {
    let mut request = Vec::new();
    for words in calls {
        Client::encode(words, &mut request);
    }
    client.write(&request).expect("the server reads");
    let answers = client.replies(calls.len()).expect("the server answers");
    let balances = answers.iter().rev().find_map(Value::as_array).expect("an array");
    let amount = |balance: &Value| balance.as_text().and_then(|text| text.parse::<i64>().ok());
    // EXEC gives an array in an array.
    let inner = balances.first().and_then(Value::as_array);
    inner.unwrap_or(balances).iter().map(|balance| amount(balance).expect("an amount")).sum()
}

#[test]
fn the_sum_of_all_accounts_never_changes() {
    let seconds = std::env::var("OCHRE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let server = subject::launch().workers(WORKERS).start();
    let mut client = server.client();
    for account in 0..ACCOUNTS {
        client.run(&format!("SET {} {MONEY}", name(account)));
    }
    let total = MONEY * i64::try_from(ACCOUNTS).expect("a small number");
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS));
    let (moves, looks) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for seed in 0..MOVERS {
            let (server, moves) = (&server, &moves);
            scope.spawn(move || moves.fetch_add(move_money(server, seed, end), Relaxed));
        }
        for reader in 0..READERS {
            let (server, looks) = (&server, &looks);
            scope.spawn(move || {
                let mut client = server.client();
                let all = ["MGET".to_owned()].into_iter().chain((0..ACCOUNTS).map(name));
                let all: Vec<String> = all.collect();
                let (multi, exec) = (["MULTI".to_owned()], ["EXEC".to_owned()]);
                let in_transaction: [&[String]; 3] = [&multi, &all, &exec];
                let calls = if reader == 0 { &in_transaction[..] } else { &in_transaction[1..2] };
                while Instant::now() < end {
                    assert_eq!(sum(&mut client, calls), total);
                    looks.fetch_add(1, Relaxed);
                }
            });
        }
    });
    assert!(0 < moves.into_inner() && 0 < looks.into_inner());
}
