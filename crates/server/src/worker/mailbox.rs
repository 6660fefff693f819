//! What one worker is told by others.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use engine::Served;
use engine::clients::{ClientId, ClientRecord};
use parking_lot::Mutex;
use rustls::ServerConfig;

use super::Listener;
use crate::bell::Bell;

/// Something for a worker to do.
#[derive(Debug)]
pub(crate) enum Mail {
    /// A connection, counted among the clients already, is its from now on.
    Adopt(Newcomer),
    /// A client is to be closed.
    Close(ClientId),
    /// These are to be accepted from, and no others.
    Listen(Vec<Listener>),
    /// Clients that were paused may go on.
    Resume,
    /// A client's wait has ended.
    Served(Served),
    /// The process ends.
    Stop,
}

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) socket: OwnedFd,
    pub(crate) record: Arc<ClientRecord>,
    /// The terms on which it is encrypted, if it is.
    pub(crate) terms: Option<Arc<ServerConfig>>,
    /// Why it is not served, to be told once that would be understood.
    pub(crate) farewell: Option<&'static [u8]>,
}

/// A worker's mail, and the bell that wakes it.
#[derive(Debug)]
pub(crate) struct Mailbox {
    mail: Mutex<Vec<Mail>>,
    bell: Bell,
}

impl Mailbox {
    pub(crate) fn new() -> std::io::Result<Mailbox> {
        Ok(Mailbox { mail: Mutex::new(Vec::new()), bell: Bell::new()? })
    }

    /// Leaves mail and wakes the worker.
    pub(crate) fn send(&self, mail: Mail) {
        let mut pending = self.mail.lock();
        let is_first = pending.is_empty();
        pending.push(mail);
        drop(pending);
        // Whoever left the first has rung, or is about to.
        if is_first {
            self.ring();
        }
    }

    /// Wakes the worker.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// Takes the mail, and stops the bell.
    pub(crate) fn take(&self) -> Vec<Mail> {
        self.bell.hear();
        std::mem::take(&mut *self.mail.lock())
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
