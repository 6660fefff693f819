//! Calls of one batch that are recorded together.
//!
//! To record a call takes a lock and writes to memory that others have read, which costs more than to copy its few bytes. Where
//! one worker has the keyspace to itself, nobody can come between two calls of a batch; so those that are recorded as they
//! came are put aside here, and appended to the stream at once: when the batch ends, and before anything that is recorded in
//! another way or could see that they are missing ([`waits_for`]). Nobody else ever sees the keyspace without the stream that belongs to it: the worker stays inside
//! of its gate, and no reply of the batch has been sent.

use command::KeyLayout;
use resp::Words;

use super::Effects;
use crate::command_table::{Callable, Handler};

/// So many bytes are put aside.
const MOST_BYTES: usize = 16 << 10;

/// See the module's page.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Whether calls may be put aside: a batch is underway at whose end they are recorded.
    is_open: bool,
    database: usize,
    /// Requests as clients send them.
    bytes: Vec<u8>,
}

impl Gathered {
    /// Begins a batch, or ends it.
    pub(crate) fn open(&mut self, is_open: bool) {
        debug_assert!(self.bytes.is_empty(), "what was put aside is recorded");
        self.is_open = is_open;
    }

    /// Whether nothing was put aside.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Puts a call aside that has ended, if that can be done.
    #[inline]
    pub(crate) fn take(&mut self, effects: &mut Effects, words: Words<'_>) -> bool {
        let Some(database) = effects.as_it_came else { return false };
        if !self.is_open || (database != self.database && !self.bytes.is_empty()) {
            return false;
        }
        let Some(request) = words.as_sent() else { return false };
        if MOST_BYTES - self.bytes.len().min(MOST_BYTES) < request.len() {
            return false;
        }
        effects.as_it_came = None;
        self.database = database;
        self.bytes.extend_from_slice(request);
        true
    }

    /// The database in which they were made, and their bytes.
    pub(super) fn content(&self) -> (usize, &[u8]) {
        (self.database, &self.bytes)
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Whether a command is about to see, or to say, how far the stream has come, or to reach more than the keys that it names: then what was put
/// aside is recorded before.
#[inline]
pub(crate) fn waits_for(callable: Option<&Callable>) -> bool {
    !callable.is_some_and(|callable| {
        callable.layout != KeyLayout::None && matches!(callable.run, Some(Handler::Keys(_)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::testing::Server;

    fn request(line: &str) -> Vec<u8> {
        let words: Vec<&str> = line.split(' ').collect();
        let mut input = Vec::new();
        resp::value::encode_request(&words, &mut input);
        input
    }

    /// Calls that are recorded as they came, in other words, or not at all; and some that tell how far the stream has come.
    fn call() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec!["a", "b", "c", "list", "waited"]);
        let form = prop::sample::select(vec![
            "SET {} 1",
            "INCR {}",
            "APPEND {} more",
            "DEL {}",
            "DEL {} a b",
            "MSET {} 1 other 2",
            "SET {} 1 EX 10",
            "SET {} 1 PX 1",
            "PEXPIRE {} 100000",
            "GET {}",
            "SPOP {}",
            "SADD {} 1 2 3",
            "RPUSH {} 1",
            "RPUSH waited 1",
            "LPOP {}",
            "RENAME {} list",
            "SELECT 1",
            "SELECT 0",
            "MULTI",
            "EXEC",
            "PUBLISH channel {}",
            "WAIT 0 0",
            "INFO replication",
            "FLUSHALL",
            "NOTHING {}",
        ]);
        (form, key).prop_map(|(form, key)| form.replace("{}", key))
    }

    /// What is told of a batch: to its client, to the file and to replicas, and how far it is known to have come.
    type Told = (String, Vec<String>, Vec<String>, [u64; 4], String);

    fn tell(server: &mut Server, batches: &[Vec<String>], together: bool) -> Vec<Told> {
        let waiting = server.connect();
        server.effects();
        server.replicated();
        let mut told = Vec::new();
        for batch in batches {
            server.say_to(waiting, "BLPOP waited 0");
            let mut answer = Vec::new();
            if together {
                let input: Vec<u8> = batch.iter().flat_map(|line| request(line)).collect();
                answer = server.send(0, &input).0;
            } else {
                for line in batch {
                    answer.extend(server.send(0, &request(line)).0);
                }
            }
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let answer = answer
                .split("\r\n")
                .filter(|line| !line.starts_with("master_replid") && !line.starts_with('$'));
            let answer = answer.collect::<Vec<_>>().join(" ");
            let session = &server.clients[0];
            let ends = [
                server.engine.effects.end(),
                server.engine.replication_offset(),
                session.recorded_to,
                session.replicated_to,
            ];
            told.push((
                answer,
                server.effects(),
                server.replicated(),
                ends,
                server.received(waiting),
            ));
            server.advance_ms(5);
        }
        told
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Calls that are sent together are recorded as if each had been sent alone.
        #[test]
        fn a_batch_is_recorded_like_its_calls(
            batches in prop::collection::vec(prop::collection::vec(call(), 1..12), 1..8),
        ) {
            let alone = tell(&mut Server::new(), &batches, false);
            let together = tell(&mut Server::new(), &batches, true);
            prop_assert_eq!(together, alone);
        }
    }

    #[test]
    fn a_long_batch_is_recorded_whole_and_in_order() {
        let mut server = Server::new();
        server.effects();
        let value = "v".repeat(5000);
        let lines: Vec<String> = (0..40).map(|at| format!("SET key{at} {value}")).collect();
        let input: Vec<u8> = lines.iter().flat_map(|line| request(line)).collect();
        server.send(0, &input);
        assert_eq!(server.effects()[1..], lines);
    }
}
