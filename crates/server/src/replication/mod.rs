//! Serving replicas: the stream of effects, and snapshots to begin with, over the network.
//!
//! ```text
//!  workers --> replication stream --> backlog --> replica 1 (at its own offset)
//!     |                                  |  +---> replica 2
//!     | a client asks for the data       |  +---> ...
//!     +--------> its connection ---------+
//!                                        snapshot thread --> transfer, or a file --> those who begin
//! ```
//!
//! One thread does all of it: a client that asks with PSYNC is handed over to it, socket and all. It takes what workers have
//! recorded into the [`::replication::Backlog`] and writes from there to each replica, without a copy; it reads how far they are, pings
//! them, and drops those that are too slow or silent. A worker wakes it at the end of a round in which something was recorded, but only
//! if it sleeps: a busy server makes no system call for it.
//!
//! A **full sync** is a snapshot (see `saving`) with all gates closed at its beginning; its offset is the end of the stream at that
//! moment, and the stream goes on from there for whoever gets it. It goes to several replicas at once: as it is made, over
//! their sockets ([`transfer`]), or from a file that has no name any more. There is one at a time; who asks meanwhile waits for
//! the next.

mod answer;
mod failover;
mod full_sync;
mod link;
mod thread;
mod transfer;

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, OnceLock};

use ::replication::SyncRequest;
use engine::Engine;
use engine::clients::ClientRecord;
use engine::replication::Announced;
use parking_lot::Mutex;
use rustix::event::{EventfdFlags, eventfd};

use crate::clock::Clock;
use crate::tls::Channel;
use crate::worker::Mailbox;

pub(crate) use thread::{Feeder, tell_workers};

/// What all threads share of it.
pub(crate) struct Replication {
    engine: OnceLock<&'static Engine>,
    clock: Clock,
    mailboxes: Arc<[Mailbox]>,
    orders: Mutex<Vec<Order>>,
    bell: OwnedFd,
    /// The thread sleeps, or is about to, and has to be rung.
    asleep: AtomicBool,
    /// The thread was asked to look at something, and has not begun to.
    rung: AtomicBool,
    /// Up to where the thread has taken the stream.
    taken: AtomicU64,
}

/// Something for the thread to do.
enum Order {
    /// A client has asked for the data.
    Adopt(Box<Newcomer>),
    /// The process ends.
    Stop { waits: bool },
}

/// A client that has asked for the data.
pub(crate) struct Newcomer {
    pub(crate) socket: OwnedFd,
    /// What encrypts it, if anything does.
    pub(crate) channel: Option<Box<Channel>>,
    pub(crate) record: Arc<ClientRecord>,
    pub(crate) announced: Announced,
    pub(crate) request: SyncRequest,
    /// What it has sent after that.
    pub(crate) input: Vec<u8>,
}

impl Replication {
    pub(crate) fn new(mailboxes: Arc<[Mailbox]>, clock: Clock) -> std::io::Result<Replication> {
        Ok(Replication {
            engine: OnceLock::new(),
            clock,
            mailboxes,
            orders: Mutex::default(),
            bell: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            asleep: AtomicBool::new(false),
            rung: AtomicBool::new(false),
            taken: AtomicU64::new(0),
        })
    }

    /// Hands a client over.
    pub(crate) fn adopt(&self, newcomer: Box<Newcomer>) {
        self.order(Order::Adopt(newcomer));
    }

    fn order(&self, order: Order) {
        self.orders.lock().push(order);
        self.wake();
    }

    /// Has the thread look at what there is to do.
    pub(crate) fn wake(&self) {
        self.rung.store(true, Ordering::SeqCst);
        self.rouse();
    }

    /// Wakes the thread, if it sleeps.
    fn rouse(&self) {
        // What was done before has to be seen by a thread that is about to sleep, or its sleep has to be seen here.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::AcqRel) {
            // It fails only if it rings already.
            let _rings = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }

    /// Wakes the thread if something was recorded that it has not taken: at the end of a worker's round.
    #[inline]
    pub(crate) fn nudge(&self, engine: &Engine) {
        if engine.effects.has_replicas()
            && engine.replication_offset() != self.taken.load(Ordering::Relaxed)
        {
            self.rouse();
        }
    }
}
