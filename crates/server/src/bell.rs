//! What wakes a thread that waits for descriptors: a bell among them, which rings until it is heard.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};

/// A bell that rings until it is heard. It can be read from while it rings.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> std::io::Result<Bell> {
        Ok(Bell(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?))
    }

    /// Rings.
    pub(crate) fn ring(&self) {
        // It fails only if the bell has rung 2^64 times unheard; then it still rings.
        let _rings = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
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
