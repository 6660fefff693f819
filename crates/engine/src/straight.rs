//! Calls that nothing stands in the way of, which is nearly all of them: each has one key, its client is in no transaction and
//! listens to nothing, and the server refuses and delays nothing.
//!
//! All that [`Worker::execute`] asks of such a call has the usual answer. What the client and its worker are like is asked once
//! for several calls in a row ([`Worker::is_clear`]), since only a call that goes the long way can change it. What others may
//! change at any time is asked before each call. Whatever is unusual goes the long way.

use command::Flags;
use keyspace::KeyHash;
use resp::{Output, Words};

use crate::command_table::{Callable, Handler, Run, only_key};
use crate::execution::Executed;
use crate::memory_limit::Room;
use crate::session::Session;
use crate::worker::{Gate, Prepared, Worker};

impl<'e> Worker<'e> {
    /// Whether calls of this client may go straight, until one has gone the long way.
    pub(crate) fn is_clear(&self, session: &Session) -> bool {
        !self.is_barred()
            && self.config.memory.limit_bytes == 0
            && session.authenticated
            && session.room == Room::Enough
            && session.wants_replies()
            && !session.is_in_transaction()
            && !session.receives()
    }

    /// Executes a call of such a client, unless it has to go the long way.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is all that stands between two calls")]
    pub(crate) fn execute_straight(
        &mut self,
        session: &mut Session,
        words: &Words<'_>,
        prepared: Prepared<'e>,
        output: &mut Output,
    ) -> Option<Executed> {
        let Prepared { callable: Some(callable), hash: Some(hash) } = prepared else { return None };
        let run = self.straight_run(session, callable, words)?;
        self.with_one_key(session, callable, run, words, hash, output)
    }

    /// What runs a call, if nothing that others may change stands in its way.
    #[inline]
    fn straight_run(
        &self,
        session: &Session,
        callable: &Callable,
        words: &Words<'_>,
    ) -> Option<Run> {
        const UNUSUAL: Flags = Flags::ADMIN.and(Flags::PROTECTED);
        let Some(Handler::Keys(run)) = callable.run else { return None };
        let engine = self.engine;
        let goes = callable.admits(words.len())
            && !callable.flags.has_any(UNUSUAL)
            && session.rights.always_allow(engine.acl.version(), callable)
            && engine.pause.end_ms() <= self.round.now_ms
            && !engine.pubsub.is_crowded()
            && !engine.saving.is_crowded()
            && !self.may_refuse();
        goes.then_some(run)
    }

    /// Executes a call with one key, unless somebody waits for a key in the same shard.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "so that the view, which is large, is made in the call's place"
    )]
    fn with_one_key(
        &mut self,
        session: &mut Session,
        callable: &'e Callable,
        run: Run,
        words: &Words<'_>,
        hash: KeyHash,
        output: &mut Output,
    ) -> Option<Executed> {
        let key = words.get(only_key(callable)?)?;
        self.round.touch = !session.no_touch;
        let (gate, round, parts) = self.split();
        let Gate::Inside(inside) = gate else { return None };
        let view =
            parts.engine.keyspace.view_of_one(inside, session.database, round, (key, hash))?;
        Some(parts.call(session, callable, run, *words, view, output))
    }
}

/// Whether two names of commands are the same bytes. Most have less than nine, of which two numbers tell.
#[inline]
pub(crate) fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match one.len() {
        2..=4 => ends::<2>(one) == ends::<2>(other),
        5..=8 => ends::<4>(one) == ends::<4>(other),
        _ => one == other,
    }
}

/// The first and the last bytes of a name, which may overlap.
#[inline]
fn ends<const COUNT: usize>(name: &[u8]) -> (Option<&[u8; COUNT]>, Option<&[u8; COUNT]>) {
    (name.first_chunk(), name.last_chunk())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_same_name;
    use crate::testing::Server;

    /// Calls that go straight, or would if it were not for those among them that change what their client or the server is like.
    fn call() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec!["a", "b", "list"]);
        let usual = prop::sample::select(vec![
            "SET {} 1",
            "SET {} 1 PX 1",
            "GET {}",
            "GET",
            "INCR {}",
            "LPUSH list {}",
            "OBJECT FREQ {}",
            "DEL {} b",
        ]);
        let other = prop::sample::select(vec![
            "MULTI",
            "EXEC",
            "DISCARD",
            "WATCH {}",
            "CLIENT REPLY SKIP",
            "CLIENT REPLY OFF",
            "CLIENT REPLY ON",
            "SUBSCRIBE channel",
            "UNSUBSCRIBE",
            "HELLO 2",
            "HELLO 3",
            "CLIENT TRACKING ON",
            "CLIENT TRACKING OFF",
            "SELECT 0",
            "SELECT 1",
            "CONFIG SET maxmemory 1",
            "CONFIG SET maxmemory 0",
            "CONFIG SET min-replicas-to-write 1",
            "CONFIG SET min-replicas-to-write 0",
            "ACL SETUSER default -get",
            "ACL SETUSER default +get",
            "REPLICAOF NO ONE",
            "NOTHING {}",
        ]);
        let form = prop_oneof![3 => usual, 1 => other];
        (form, key).prop_map(|(form, key)| form.replace("{}", key))
    }

    fn request(line: &str) -> Vec<u8> {
        let words: Vec<&str> = line.split(' ').collect();
        let mut input = Vec::new();
        resp::value::encode_request(&words, &mut input);
        input
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Calls that are sent together are executed as if each had been sent alone: whatever changes in between is noticed.
        #[test]
        fn a_batch_is_executed_like_its_calls(
            batches in prop::collection::vec(prop::collection::vec(call(), 1..40), 1..4),
        ) {
            let mut servers = [Server::new(), Server::new()];
            for batch in &batches {
                let input: Vec<u8> = batch.iter().flat_map(|line| request(line)).collect();
                let [together, alone] = &mut servers;
                let told = together.send(0, &input).0;
                let expected: Vec<u8> = batch.iter().flat_map(|line| alone.send(0, &request(line)).0).collect();
                prop_assert_eq!(told.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{:?}", batch);
                for server in &mut servers {
                    server.advance_ms(5);
                }
            }
            let [together, alone] = &servers;
            prop_assert_eq!(together.contents(), alone.contents());
            prop_assert_eq!(together.changes(), alone.changes());
            let [told, expected] = [together, alone].map(Server::numbers);
            prop_assert_eq!(told.commands_processed, expected.commands_processed);
            prop_assert_eq!(told.keyspace_hits, expected.keyspace_hits);
            prop_assert_eq!(told.errors, expected.errors);
        }
    }

    #[test]
    fn what_a_transaction_configures_holds_for_what_follows_in_the_batch() {
        let mut server = Server::new();
        let lines = ["MULTI", "CONFIG SET min-replicas-to-write 1", "EXEC", "SET a 1"];
        let input: Vec<u8> = lines.iter().flat_map(|line| request(line)).collect();
        let told = server.send(0, &input).0;
        assert!(told.ends_with(b"-NOREPLICAS Not enough good replicas to write.\r\n"));
    }

    proptest! {
        #[test]
        fn names_are_compared_by_their_bytes(one in "[ab]{0,10}", other in "[ab]{0,10}") {
            prop_assert_eq!(is_same_name(one.as_bytes(), other.as_bytes()), one == other);
            prop_assert!(is_same_name(one.as_bytes(), one.clone().as_bytes()));
        }

        /// Names that differ in one byte only.
        #[test]
        fn every_byte_counts(name in "[a-z]{1,12}", place: prop::sample::Index) {
            let mut other = name.clone().into_bytes();
            let place = place.index(other.len());
            other[place] ^= 1;
            prop_assert!(!is_same_name(name.as_bytes(), &other));
        }
    }
}
