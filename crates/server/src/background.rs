//! A thread beside the workers that waits for the network or for time, and that can be told to end.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::bell::Bell;

/// Such a thread.
pub(crate) struct Background {
    thread: JoinHandle<()>,
    bell: Arc<Bell>,
}

impl Background {
    /// Starts one, which ends when the bell that it is given can be read.
    pub(crate) fn start(
        name: &str,
        run: impl FnOnce(Arc<Bell>) + Send + 'static,
    ) -> io::Result<Background> {
        let bell = Arc::new(Bell::new()?);
        let its = Arc::clone(&bell);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(its))?;
        Ok(Background { thread, bell })
    }

    /// Has it end, and waits for that.
    pub(crate) fn end(self) {
        self.bell.ring();
        // Whatever became of it, it is over.
        let _ended = self.thread.join();
    }
}
