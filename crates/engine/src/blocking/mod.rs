//! Calls that wait: a client asks for what is not there yet, and is served by whoever brings it.
//!
//! ```text
//!  BLPOP k 0, nothing there                    LPUSH k v, by anybody
//!       |  Call::block                              |  its effects are recorded, its shards are held
//!       v                                           v
//!  a Waiter stands in the queue of k  ----->  serving: the call is made again on the waiter's behalf,
//!  and the connection runs nothing more             |  its effects recorded; what it makes ready in turn is served, too
//!       ^                                           v
//!       +------ Worker::end_wait <------ Served, given to the worker that has the client
//! ```
//!
//! How it ends, and who ends it:
//! - It is **served** by the worker that made a key ready, while the key's shard is held: nobody comes between.
//! - It **times out**, or its client **goes away**: its own worker ends it.
//! - **CLIENT UNBLOCK**: the worker that executes that ends it.
//!
//! A [`Waiter`]'s lock decides: whoever takes the session out of it ends the wait, and only one can. The client's worker then takes it
//! out of the queues that it still stands in.
//!
//! A waiter of several keys is served by whoever holds one that is ready, without the others' shards. That is as if all were
//! looked at: had another one been ready, it would have been served. The exceptions are told beforehand
//! ([`asks_for_more`]), and the command that wakes them runs with all gates closed:
//! - a waiter that **moves** what it gets to another key, which may wake others in turn;
//! - a **stray**: one of its keys was given a value that it cannot use. In the order of its keys, that is an error.
//!
//! To add a command that waits: parse all; look at the keys that [`Call::reaches`] says are there; if nothing is
//! ready, [`Call::block`] and return. It is called again with the same words, unless it says others.

#[cfg(test)]
mod differential;
mod ending;
mod serving;
#[cfg(test)]
mod tests;
mod timeout;
mod waiter;

use std::sync::Arc;

use keyspace::{ValueType, View};
use resp::{OwnedWords, Words};

use crate::call::{Call, Next, Occasion};
use crate::command_table::Callable;
use crate::replication::Acknowledgement;

pub use ending::Served;
pub(crate) use ending::{Ending, end_satisfied, end_vainly, end_with_error};
pub(crate) use serving::{serve_removed, serve_waiters};
pub(crate) use timeout::Timeout;
pub(crate) use waiter::Blocked;

/// What a call waits for.
pub(crate) struct Wait<'w> {
    /// A value of this type at any of these keys.
    wanted: ValueType,
    keys: Vec<&'w [u8]>,
    timeout: Timeout,
    reach: Reach,
    again: Option<OwnedWords>,
}

/// What else a wait is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reach {
    /// Nothing.
    Keys,
    /// What is got goes to another key.
    Moves,
    /// It also ends when a key is gone, or is something else.
    Removal,
}

impl<'w> Wait<'w> {
    /// For a value of this type at any of these keys.
    pub(crate) fn new(
        wanted: ValueType,
        keys: impl Iterator<Item = &'w [u8]>,
        timeout: Timeout,
    ) -> Wait<'w> {
        Wait { wanted, keys: keys.collect(), timeout, reach: Reach::Keys, again: None }
    }

    /// What is got goes to another key.
    pub(crate) fn moving(self) -> Wait<'w> {
        Wait { reach: Reach::Moves, ..self }
    }

    /// It ends when a key is removed or becomes something else, too.
    pub(crate) fn minding_removal(self) -> Wait<'w> {
        Wait { reach: Reach::Removal, ..self }
    }

    /// The call is made again with these words, all of them, instead of those that it came with.
    pub(crate) fn called_again_as(self, words: OwnedWords) -> Wait<'w> {
        Wait { again: Some(words), ..self }
    }
}

impl Call<'_> {
    /// Whether a key can be reached. Only a call that is made again for a client that waits may be without some of its keys, of
    /// which then none is ready.
    #[inline]
    pub(crate) fn reaches(&mut self, key: &[u8]) -> bool {
        self.occasion != Occasion::Again || self.keys.reaches(key)
    }

    /// Lets the client wait until what it has written is acknowledged; the handler returns next, without a reply, and is not called
    /// again. Where nobody can wait, gives false.
    pub(crate) fn block_until_acknowledged(
        &mut self,
        wanted: Acknowledgement,
        timeout: Timeout,
    ) -> bool {
        if self.occasion != Occasion::Asked {
            return false;
        }
        let waiter = self.wait_for_no_key(timeout, |waiter| waiter.for_acknowledgement(wanted));
        self.engine.await_acknowledgement(waiter);
        true
    }

    /// Lets the client wait until the end of the process comes or does not; the handler returns next, without a reply, and is not
    /// called again.
    pub(crate) fn block_until_shutdown(&mut self) {
        let waiter = self.wait_for_no_key(Timeout::NEVER, |waiter| waiter);
        self.engine.add_to_shutdown(waiter);
    }

    fn wait_for_no_key(
        &mut self,
        timeout: Timeout,
        complete: impl FnOnce(Blocked) -> Blocked,
    ) -> Arc<Blocked> {
        let waiter = Arc::new(complete(Blocked::new(
            self.keys.draw_ticket(),
            self.session.stand_in(),
            self.callable.id,
            OwnedWords::from(self.words),
            std::iter::empty::<&[u8]>().collect(),
            (ValueType::String, Reach::Keys),
            timeout,
        )));
        *self.session.record.wait.lock() = Arc::downgrade(&waiter);
        self.session.wait = Some(Arc::clone(&waiter));
        self.next = Next::Block;
        waiter
    }

    /// Lets the client wait; the handler returns next, without a reply, and is called again when the wait may be over.
    ///
    /// Where nobody can wait, in a transaction or a script, it is as if nothing is there for a call that does not wait.
    pub(crate) fn block(&mut self, wait: Wait<'_>) {
        match self.occasion {
            Occasion::Asked => {
                self.enter_queues(wait);
                self.next = Next::Block;
            }
            Occasion::Again => self.next = Next::Block,
            Occasion::Within if wait.reach == Reach::Moves => self.reply.null(),
            Occasion::Within => self.reply.null_array(),
        }
    }

    fn enter_queues(&mut self, wait: Wait<'_>) {
        let ticket = self.keys.draw_ticket();
        let again = wait.again.unwrap_or_else(|| OwnedWords::from(self.words));
        let waiter = Arc::new(Blocked::new(
            ticket,
            self.session.stand_in(),
            self.callable.id,
            again,
            wait.keys.iter().collect(),
            (wait.wanted, wait.reach),
            wait.timeout,
        ));
        for key in wait.keys {
            self.keys.wait_for(key, ticket, Arc::<Blocked>::clone(&waiter));
        }
        *self.session.record.wait.lock() = Arc::downgrade(&waiter);
        self.session.wait = Some(waiter);
    }
}

/// Whether to serve those who wait for the keys of a call can take more than the shards of these keys.
#[cold]
pub(crate) fn asks_for_more(view: &mut View<'_>, callable: &Callable, words: Words<'_>) -> bool {
    let mut asks = false;
    callable.command.for_each_key(callable.layout, words, |key| {
        asks = asks || view.is_awaited_with_more(key);
    });
    asks
}
