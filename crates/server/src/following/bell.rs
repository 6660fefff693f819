//! What wakes the link: whom this server follows has changed, its client was killed, or the process ends.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

use super::wire::wait;

/// A bell that rings until it is heard.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> std::io::Result<Bell> {
        Ok(Bell(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    /// Rings.
    pub(crate) fn ring(&self) {
        // It fails only if it rings already.
        let _rings = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Waits until it rings, or for so long.
    pub(super) fn wait(&self, limit: Duration) {
        let mut sources = [PollFd::new(self, PollFlags::IN)];
        // A wait that fails is one that ends early, and the caller looks again.
        let _early = wait(&mut sources, limit);
    }

    /// Stops the ringing.
    pub(crate) fn hear(&self) {
        let mut count = [0; 8];
        // It fails if it does not ring.
        let _silent = rustix::io::read(&self.0, &mut count);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
