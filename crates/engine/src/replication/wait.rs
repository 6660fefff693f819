//! WAIT and WAITAOF: clients that wait until replicas, or disks, have what they wrote.
//!
//! They wait as others do (see [`crate::blocking`]), but for no key. Whoever learns that more is acknowledged (the process, from
//! a replica or from its disk) asks whose waits that ends: [`Engine::end_acknowledged`]. What is answered is counted at that moment,
//! of replicas that are there, so it is never more than what holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use resp::{Reply, ReplyError};

use crate::Engine;
use crate::blocking::{Blocked, Served, end_satisfied, end_vainly};

/// The disk here is waited for, and nothing is written to it.
pub(crate) const NOT_APPENDED: ReplyError =
    ReplyError::message("WAITAOF cannot be used when numlocal is set but appendonly is disabled.");

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledgement {
    /// Replicas that are to have it.
    pub(crate) replicas: usize,
    /// The replication offset after what the client wrote last.
    pub(crate) offset: u64,
    /// It is to be on disk: also here if the first is set, with the end of the stream for the file.
    pub(crate) durable: Option<Durable>,
}

/// What is to be on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Durable {
    /// Here, too.
    pub(crate) here: bool,
    /// The end of the stream for the file after what the client wrote last.
    pub(crate) end: u64,
}

impl Acknowledgement {
    /// Whether there is enough.
    pub(crate) fn holds(&self, engine: &Engine) -> bool {
        let (here, replicas) = self.count(engine);
        let wants_here = self.durable.is_some_and(|durable| durable.here);
        self.replicas <= replicas && (here || !wants_here)
    }

    /// Whether there can never be enough: the file is not written any more.
    fn is_vain(&self, engine: &Engine) -> bool {
        self.durable.is_some_and(|durable| durable.here) && !engine.append_only.figures().is_on
    }

    /// Tells what there is.
    pub(crate) fn tell(&self, engine: &Engine, reply: &mut Reply<'_>) {
        let (here, replicas) = self.count(engine);
        if self.durable.is_some() {
            reply.array(2);
            reply.unsigned(here.into());
        }
        reply.unsigned(replicas as u64);
    }

    fn count(&self, engine: &Engine) -> (bool, usize) {
        match self.durable {
            None => (false, engine.replication.count_acknowledged(self.offset)),
            Some(durable) => {
                let is_on = engine.append_only.figures().is_on;
                let here = is_on && durable.end <= engine.append_only.synced();
                (here, engine.replication.count_durable(self.offset))
            }
        }
    }
}

/// Those who wait.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// So that those who acknowledge need not look.
    count: AtomicUsize,
    waiting: Mutex<Vec<Arc<Blocked>>>,
}

impl Waits {
    fn add(&self, waiter: Arc<Blocked>) {
        let mut waiting = self.waiting.lock();
        waiting.push(waiter);
        self.count.store(waiting.len(), Ordering::Release);
    }

    fn take_if(&self, mut is_over: impl FnMut(&Blocked) -> bool) -> Vec<Arc<Blocked>> {
        let mut waiting = self.waiting.lock();
        // Whoever has timed out or gone away is not kept.
        waiting.retain(|waiter| waiter.goes_on());
        let over = waiting.extract_if(.., |waiter| is_over(waiter)).collect();
        self.count.store(waiting.len(), Ordering::Release);
        over
    }
}

impl super::Replication {
    /// Whether somebody waits for replicas or for a disk.
    pub fn is_awaited(&self) -> bool {
        0 < self.waits.count.load(Ordering::Acquire)
    }
}

impl Engine {
    /// Enters a client that waits.
    pub(crate) fn await_acknowledgement(&self, waiter: Arc<Blocked>) {
        self.replication.waits.add(waiter);
        self.replication.ask_acknowledgement();
        self.host.wake_replication();
    }

    /// Ends the waits for which enough is acknowledged, or that are in vain; their workers are to be told.
    pub fn end_acknowledged(&self) -> Vec<Served> {
        if !self.replication.is_awaited() {
            return Vec::new();
        }
        let is_vain =
            |waiter: &Blocked| waiter.acknowledgement().is_some_and(|wanted| wanted.is_vain(self));
        let over = self.replication.waits.take_if(|waiter| {
            is_vain(waiter) || waiter.acknowledgement().is_none_or(|wanted| wanted.holds(self))
        });
        let end = |waiter: Arc<Blocked>| {
            if is_vain(&waiter) {
                end_vainly(self, &waiter, &NOT_APPENDED)
            } else {
                end_satisfied(self, &waiter)
            }
        };
        over.into_iter().filter_map(end).collect()
    }
}
