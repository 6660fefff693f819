//! A thread beside the workers that waits for the network or for time, and that can be told to end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, eventfd};

/// Such a thread.
pub(crate) struct Background {
    thread: JoinHandle<()>,
    bell: Arc<OwnedFd>,
}

impl Background {
    /// Starts one, which ends when the bell that it is given can be read.
    pub(crate) fn start(
        name: &str,
        run: impl FnOnce(Arc<OwnedFd>) + Send + 'static,
    ) -> io::Result<Background> {
        let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let its = Arc::clone(&bell);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(its))?;
        Ok(Background { thread, bell })
    }

    /// Has it end, and waits for that.
    pub(crate) fn end(self) {
        // It fails only if it rings already.
        let _rings = rustix::io::write(&*self.bell, &1_u64.to_ne_bytes());
        // Whatever became of it, it is over.
        let _ended = self.thread.join();
    }
}
