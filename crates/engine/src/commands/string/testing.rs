//! What the tests of this family look at.

use crate::testing::Server;
use crate::worker::Gate;

/// What is known of the string at a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct State {
    pub(super) value: Vec<u8>,
    /// As OBJECT ENCODING names it.
    pub(super) encoding: String,
    /// Unix time in ms.
    pub(super) expiry: Option<i64>,
}

/// The state of a key, for which neither a hit nor a use is counted.
pub(super) fn state(server: &mut Server, key: &[u8]) -> Option<State> {
    let unix_us = server.now_ms * 1000;
    server.worker.begin_round(crate::Time { unix_us });
    let worker = &mut server.worker;
    let Gate::Inside(inside) = &mut worker.gate else { unreachable!("a round was begun") };
    let keyspace = &server.engine.keyspace;
    let mut view = keyspace.view(inside, 0, &mut worker.round);
    view.lock_one(key, keyspace.hash(key));
    let state = view.peek(key).map(|entry| State {
        value: entry.string().to_vec(),
        encoding: entry.encoding().name().to_owned(),
        expiry: entry.expiry(),
    });
    drop(view);
    server.worker.end_round();
    state
}
