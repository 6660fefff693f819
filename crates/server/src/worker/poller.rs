//! Waiting for sockets.
//!
//! All that the rest of a worker knows of the system's interface is here, in [`read`](super::read) and in
//! [`write`](super::write): another backend changes these and nothing else.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{Timespec, epoll};

/// What an event is about: a number that the owner of the descriptor chose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Token(pub(crate) u64);

/// What can be done with a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Readiness {
    pub(crate) token: Token,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The other side sends nothing more, or is gone. The former is told only to those who asked.
    pub(crate) hung_up: bool,
}

/// What is waited for. An error is always told, and that the connection is gone in both directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// That the other side sends nothing more.
    pub(crate) hang_up: bool,
}

/// The readiness of many descriptors.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// Events taken at once; more wait for the next round, so that a round stays short.
const EVENTS: usize = 1024;

impl Poller {
    pub(crate) fn new() -> std::io::Result<Poller> {
        Poller::descriptor().map(Poller::of)
    }

    /// The descriptor of one, for a thread that is to have it: a poller stays in its thread.
    pub(crate) fn descriptor() -> std::io::Result<OwnedFd> {
        Ok(epoll::create(epoll::CreateFlags::CLOEXEC)?)
    }

    /// The poller with this descriptor.
    pub(crate) fn of(epoll: OwnedFd) -> Poller {
        Poller { epoll, events: Vec::with_capacity(EVENTS) }
    }

    pub(crate) fn add(
        &self,
        descriptor: impl AsFd,
        token: Token,
        interest: Interest,
    ) -> std::io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            descriptor,
            epoll::EventData::new_u64(token.0),
            interest.flags(),
        )?)
    }

    pub(crate) fn change(
        &self,
        descriptor: impl AsFd,
        token: Token,
        interest: Interest,
    ) -> std::io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            descriptor,
            epoll::EventData::new_u64(token.0),
            interest.flags(),
        )?)
    }

    pub(crate) fn remove(&self, descriptor: impl AsFd) -> std::io::Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// Waits until something is ready or the time is over.
    pub(crate) fn wait(&mut self, timeout_us: u64) -> std::io::Result<()> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout_us / 1_000_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(timeout_us % 1_000_000 * 1000).unwrap_or(0),
        };
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            Some(&timeout),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes out what is ready, to be put back after another wait.
    pub(crate) fn take_ready(&mut self) -> Vec<epoll::Event> {
        std::mem::replace(&mut self.events, Vec::with_capacity(EVENTS))
    }

    /// Puts back what was ready.
    pub(crate) fn put_back_ready(&mut self, events: Vec<epoll::Event>) {
        self.events = events;
    }

    /// What is ready.
    pub(crate) fn ready(&self, index: usize) -> Option<Readiness> {
        let event = self.events.get(index)?;
        let flags = event.flags;
        let failed = flags.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
        Some(Readiness {
            token: Token(event.data.u64()),
            // An error or a hang-up shows itself to whoever reads or writes.
            readable: failed || flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::RDHUP),
            writable: failed || flags.contains(epoll::EventFlags::OUT),
            hung_up: failed || flags.contains(epoll::EventFlags::RDHUP),
        })
    }
}

impl Interest {
    pub(crate) const READ: Interest = Interest { read: true, write: false, hang_up: false };
    pub(crate) const NOTHING: Interest = Interest { read: false, write: false, hang_up: false };

    fn flags(self) -> epoll::EventFlags {
        let flag = |wanted, flag| if wanted { flag } else { epoll::EventFlags::empty() };
        flag(self.read, epoll::EventFlags::IN)
            | flag(self.write, epoll::EventFlags::OUT)
            | flag(self.hang_up, epoll::EventFlags::RDHUP)
    }
}
