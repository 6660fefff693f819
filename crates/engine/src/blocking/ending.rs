//! How a wait ends.

use std::sync::Arc;

use keyspace::View;
use resp::{Output, Reply, ReplyError};

use super::waiter::Blocked;
use crate::Engine;
use crate::call::Call;
use crate::clients::{ClientId, ClientRecord};
use crate::session::{Replies, Session};
use crate::statistics::{Fate, Tally};
use crate::worker::{Gate, Worker, silence};

/// A client whose wait has ended, with what it is answered. The worker that has the client is to be told.
#[derive(Debug)]
pub struct Served {
    pub(super) waiter: Arc<Blocked>,
    pub(super) output: Output,
    /// The connection is closed once it has been answered.
    pub(super) closes: bool,
}

impl Served {
    /// The client.
    pub fn client(&self) -> ClientId {
        self.waiter.record.id
    }

    /// Whether its connection is closed once it has been answered.
    pub fn closes(&self) -> bool {
        self.closes
    }

    /// The worker that has the client.
    pub fn worker(&self) -> usize {
        self.waiter.record.worker
    }
}

/// How a wait ends that brought nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// Its time is up, or that is pretended.
    TimedOut,
    /// With an error.
    Unblocked,
    /// With another one: what it waits for would have it write, which this server does not do any more.
    Demoted,
}

/// Ends the wait of a client, if it waits.
pub(crate) fn end(
    engine: &Engine,
    client: &ClientRecord,
    ending: Ending,
    tally: &mut Tally,
) -> Option<Served> {
    let waiter = client.wait()?;
    let session = waiter.hold().take()?;
    let mut output = Output::new();
    let mut reply = Reply::new(&mut output, session.protocol);
    let fate = match ending {
        Ending::TimedOut => {
            match waiter.acknowledgement() {
                Some(wanted) => wanted.tell(engine, &mut reply),
                None => reply.null_array(),
            }
            Fate::Done
        }
        Ending::Unblocked | Ending::Demoted => {
            let error = if ending == Ending::Unblocked {
                ReplyError::coded("UNBLOCKED client unblocked via CLIENT UNBLOCK")
            } else {
                ReplyError::coded(
                    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
                )
            };
            tally.error(&error.code());
            reply.error(&error);
            Fate::Failed
        }
    };
    tally.call(waiter.command, 0, fate);
    Some(Served { waiter, output, closes: ending == Ending::Demoted })
}

/// Ends a wait for what is acknowledged now.
pub(crate) fn end_satisfied(engine: &Engine, waiter: &Arc<Blocked>) -> Option<Served> {
    let wanted = waiter.acknowledgement()?;
    let session = waiter.hold().take()?;
    let mut output = Output::new();
    wanted.tell(engine, &mut Reply::new(&mut output, session.protocol));
    engine.statistics[0].count_call(waiter.command);
    Some(Served { waiter: Arc::clone(waiter), output, closes: false })
}

/// Ends a wait with an error. It counts as one, and as no call: Redis counts only the call that has ended the wait, and that as failed.
pub(crate) fn end_with_error(
    engine: &Engine,
    waiter: &Arc<Blocked>,
    error: &ReplyError,
) -> Option<Served> {
    let served = refuse(waiter, error)?;
    engine.statistics[0].count_failure(waiter.command, error);
    Some(served)
}

/// Ends a wait that will never bring anything. Nobody's call has failed.
pub(crate) fn end_vainly(
    engine: &Engine,
    waiter: &Arc<Blocked>,
    error: &ReplyError,
) -> Option<Served> {
    let served = refuse(waiter, error)?;
    engine.statistics[0].count_call(waiter.command);
    engine.statistics[0].update(|numbers| numbers.count_error(error.code().into_owned()));
    Some(served)
}

fn refuse(waiter: &Arc<Blocked>, error: &ReplyError) -> Option<Served> {
    let session = waiter.hold().take()?;
    let mut output = Output::new();
    Reply::new(&mut output, session.protocol).error(error);
    Some(Served { waiter: Arc::clone(waiter), output, closes: false })
}

impl Call<'_> {
    /// Ends the wait of a client, if it waits; says whether it did.
    pub(crate) fn unblock(&mut self, client: &ClientRecord, ending: Ending) -> bool {
        let served = end(self.engine, client, ending, self.tally);
        let did_wait = served.is_some();
        self.served.extend(served);
        did_wait
    }

    /// Ends the waits of all clients, since this server becomes a replica, and has them closed.
    pub(crate) fn unblock_all(&mut self) {
        for client in self.engine.clients.all() {
            self.unblock(&client, Ending::Demoted);
        }
    }
}

impl Worker<'_> {
    /// Clients whose waits have ended by what was executed since the last time. Their workers are to be told.
    pub fn take_served(&mut self) -> Vec<Served> {
        std::mem::take(&mut self.served)
    }

    /// Whether there are any.
    #[inline]
    pub fn has_served(&self) -> bool {
        !self.served.is_empty()
    }

    /// Ends a session's wait with what it is answered; says whether it was that what it waited for.
    pub fn end_wait(&mut self, session: &mut Session, served: Served, output: &mut Output) -> bool {
        let Some(waiter) = session.wait.take_if(|waiter| Arc::ptr_eq(waiter, &served.waiter))
        else {
            return false;
        };
        self.leave_queues(&waiter);
        // What was written for it was written in another session, so this may be more than that.
        if waiter.acknowledgement().is_none() {
            session.replicated_to = self.engine.replication_offset();
        }
        let begin = output.mark();
        output.append(served.output);
        if session.replies != Replies::On {
            silence(session, output, begin);
        }
        true
    }

    /// Ends a session's wait because its time is up. If it was served just before, that is still to come, and nothing is done.
    pub fn time_out(&mut self, session: &mut Session, output: &mut Output) -> bool {
        let ended = end(self.engine, &session.record, Ending::TimedOut, &mut self.tally);
        let Some(served) = ended else {
            return false;
        };
        self.settle();
        self.end_wait(session, served, output)
    }

    /// Ends a session's wait because its client is gone.
    pub(crate) fn abandon_wait(&mut self, session: &mut Session) {
        let Some(waiter) = session.wait.take() else { return };
        *waiter.hold() = None;
        self.leave_queues(&waiter);
    }

    /// Takes a waiter that nobody can serve any more out of all queues.
    fn leave_queues(&mut self, waiter: &Blocked) {
        *waiter.record.wait.lock() = std::sync::Weak::new();
        let keyspace = &self.engine.keyspace;
        let Gate::Inside(inside) = &mut self.gate else { unreachable!("waits end in rounds") };
        let mut view: View<'_> = keyspace.view(inside, waiter.database, &mut self.round);
        let keys = waiter.keys.as_words();
        view.lock_several(keys.iter());
        for key in keys.iter() {
            view.stop_waiting(key, waiter.ticket);
        }
        waiter.note_left(keyspace);
    }
}
