//! Concurrent clients on shared keys: what each of them saw must be explained by some order of the
//! calls, one at a time.
//!
//! Every round is a short history on fresh keys, by several clients at once, over commands that read,
//! write, and read and write; over one key and over several, which lie in different slots. `harness::check` searches for
//! the order. A round takes a millisecond, so that thousands of interleavings are tried.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use harness::{Call, Client, Model, Random, Recorder, Server, Value, Verdict, check};

use crate::subject;

/// Clients at the same time.
const CLIENTS: usize = 4;

/// Calls of each client in a round.
const CALLS: usize = 8;

/// Rounds for each number of workers.
const ROUNDS: u64 = 400;

/// Keys of a round: they lie in three different slots.
const KEYS: [&str; 3] = ["x", "y", "z"];

/// A command, in words.
type Question = Vec<String>;

/// The strings of a round's keys, and what commands do to them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Strings(BTreeMap<String, String>);

impl Model for Strings {
    type Question = Question;
    type Answer = Value;

    fn answer(&mut self, question: &Question) -> Value {
        let words: Vec<&str> = question.iter().map(String::as_str).collect();
        match words[..] {
            ["GET", key] => self.bulk(key),
            ["GETDEL", key] => bulk(self.0.remove(key)),
            ["SET", key, value] => {
                self.put(key, value);
                ok()
            }
            ["SET", key, value, "GET"] => {
                let old = self.bulk(key);
                self.put(key, value);
                old
            }
            ["SET", key, value, "NX"] => {
                if self.0.contains_key(key) {
                    return Value::NullBulk;
                }
                self.put(key, value);
                ok()
            }
            ["INCR", key] => {
                let Some(number) = self.number(key) else {
                    return Value::Error(b"ERR value is not an integer or out of range".to_vec());
                };
                self.put(key, &(number + 1).to_string());
                Value::Integer(number + 1)
            }
            ["APPEND", key, more] => {
                let text = self.0.entry(key.to_owned()).or_default();
                text.push_str(more);
                length(text)
            }
            ["DEL", key] => Value::Integer(i64::from(self.0.remove(key).is_some())),
            ["MSET", a, one, b, two] => {
                self.put(a, one);
                self.put(b, two);
                ok()
            }
            ["MSETNX", a, one, b, two] => {
                if self.0.contains_key(a) || self.0.contains_key(b) {
                    return Value::Integer(0);
                }
                self.put(a, one);
                self.put(b, two);
                Value::Integer(1)
            }
            ["MGET", ..] => Value::Array(words[1..].iter().map(|key| self.bulk(key)).collect()),
            ["COPY", from, to, "REPLACE"] => match self.0.get(from).cloned() {
                Some(value) => {
                    self.put(to, &value);
                    Value::Integer(1)
                }
                None => Value::Integer(0),
            },
            ["RENAME", from, to] => match self.0.remove(from) {
                Some(value) => {
                    self.put(to, &value);
                    ok()
                }
                None => Value::Error(b"ERR no such key".to_vec()),
            },
            ["EXISTS", ..] => {
                let count = words[1..].iter().filter(|key| self.0.contains_key(**key)).count();
                Value::Integer(i64::try_from(count).expect("there are few keys"))
            }
            _ => panic!("the model does not know {words:?}"),
        }
    }
}

impl Strings {
    fn bulk(&self, key: &str) -> Value {
        bulk(self.0.get(key).cloned())
    }

    /// The integer at a key, 0 if there is none; nothing if it is not written as integers are.
    fn number(&self, key: &str) -> Option<i64> {
        let Some(text) = self.0.get(key) else {
            return Some(0);
        };
        text.parse::<i64>().ok().filter(|number| number.to_string() == *text)
    }

    fn put(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.to_owned());
    }
}

fn bulk(text: Option<String>) -> Value {
    text.map_or(Value::NullBulk, |text| Value::Bulk(text.into_bytes()))
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

fn length(text: &str) -> Value {
    Value::Integer(i64::try_from(text.len()).expect("values are short"))
}

/// Draws a command. Values name the call that wrote them, so that a read tells which write it saw.
fn question(random: &mut Random, client: usize, call: usize) -> Question {
    let key = random.pick(&KEYS);
    let other = loop {
        let other = random.pick(&KEYS);
        if other != key {
            break other;
        }
    };
    let value = format!("{}{call}", ["a", "b", "c", "d", "e", "f", "g", "h"][client]);
    let words: &[&str] = match random.below(16) {
        0 | 1 => &["GET", key],
        2 => &["SET", key, &value],
        3 => &["SET", key, &value, "GET"],
        4 => &["SET", key, &value, "NX"],
        5 => &["SET", key, "0"],
        6 | 7 => &["INCR", key],
        8 => &["APPEND", key, "1"],
        9 => &["DEL", key],
        10 => &["GETDEL", key],
        11 => &["MSET", key, &value, other, &value],
        12 => &["MGET", key, other],
        13 => &["MSETNX", key, &value, other, "0"],
        14 => &["COPY", key, other, "REPLACE"],
        _ => match random.below(2) {
            0 => &["RENAME", key, other],
            _ => &["EXISTS", key, other],
        },
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The calls of all clients in one round.
fn round(clients: &mut [Client], random: &mut Random) -> Vec<Call<Question, Value>> {
    let origin = Instant::now();
    let barrier = Barrier::new(clients.len());
    thread::scope(|scope| {
        let mut running = Vec::new();
        for (index, client) in clients.iter_mut().enumerate() {
            let questions: Vec<Question> =
                (0..CALLS).map(|call| question(random, index, call)).collect();
            let barrier = &barrier;
            let thread = thread::Builder::new().name(format!("client-{index}"));
            let thread = thread.spawn_scoped(scope, move || {
                let mut recorder = Recorder::new(origin);
                barrier.wait();
                for question in questions {
                    recorder.record(question, |words| client.call(words));
                }
                recorder.into_calls()
            });
            running.push(thread.expect("a thread can be started"));
        }
        running.into_iter().flat_map(|thread| thread.join().expect("the client goes on")).collect()
    })
}

#[test]
fn every_history_is_linearizable() {
    subject::with_each_worker_count(|launch| {
        let server: Server = launch.start();
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
        for seed in 0..ROUNDS {
            let mut random = Random::from_seed(seed).fork();
            clients[0].run("FLUSHALL");
            let calls = round(&mut clients, &mut random);
            if check(&Strings::default(), &calls) == Verdict::Violated {
                let mut calls = calls;
                calls.sort_by_key(|call| call.begin);
                let shown: Vec<String> = calls
                    .iter()
                    .map(|call| {
                        format!(
                            "{:?}..{:?} {:?} {:?}",
                            call.begin, call.end, call.question, call.answer
                        )
                    })
                    .collect();
                panic!("round {seed} is not linearizable:\n{}", shown.join("\n"));
            }
        }
    });
}

/// The model is what the server does when nothing is concurrent: else a violation would say nothing.
#[test]
fn the_model_answers_as_the_server() {
    let server = subject::launch().start();
    let mut client = server.client();
    let mut model = Strings::default();
    let mut random = Random::from_seed(11);
    for call in 0..5000 {
        let question = question(&mut random, call % CLIENTS, call);
        assert_eq!(client.call(&question), model.answer(&question), "{question:?}");
    }
}

/// And what the clients wrote together adds up: no increment is lost or done twice.
#[test]
fn increments_of_many_clients_add_up() {
    const TIMES: usize = 500;
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut clients: Vec<Client> = (0..2 * CLIENTS).map(|_| server.client()).collect();
        thread::scope(|scope| {
            for (index, client) in clients.iter_mut().enumerate() {
                let thread = thread::Builder::new().name(format!("client-{index}"));
                let thread = thread.spawn_scoped(scope, move || {
                    for _ in 0..TIMES {
                        client.send(&["INCR", "x"]).expect("can be sent");
                        client.send(&["INCRBY", "y", "-1"]).expect("can be sent");
                        client.send(&["APPEND", "z", "+"]).expect("can be sent");
                        client.replies(3).expect("replies");
                    }
                });
                thread.expect("a thread can be started");
            }
        });
        let sum = i64::try_from(2 * CLIENTS * TIMES).expect("a small number");
        let mut client = server.client();
        assert_eq!(client.run("INCRBY x 0"), Value::Integer(sum));
        assert_eq!(client.run("INCRBY y 0"), Value::Integer(-sum));
        assert_eq!(client.run("STRLEN z"), Value::Integer(sum));
    });
}
