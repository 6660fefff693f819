//! Threads beside the workers: some wait for the network or for time, and can be told to end; others wait for one piece of work.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::bell::Bell;

/// A thread that waits for the network or for time.
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

/// A thread that waits for its work, which is begun only when there is a thread for it: the system may have none left. Without
/// work it ends.
pub(crate) struct Standby<T> {
    thread: JoinHandle<()>,
    work: SyncSender<T>,
}

impl<T: Send + 'static> Standby<T> {
    /// Starts one that does `run` with its work.
    pub(crate) fn start(
        name: &str,
        run: impl FnOnce(T) + Send + 'static,
    ) -> io::Result<Standby<T>> {
        let (work, given) = sync_channel(1);
        let wait = move || {
            if let Ok(work) = given.recv() {
                run(work);
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(wait)?;
        Ok(Standby { thread, work })
    }

    /// Has it do this.
    pub(crate) fn set_to(self, work: T) -> JoinHandle<()> {
        // There is room for it, and the thread waits for nothing else.
        let _taken = self.work.send(work);
        self.thread
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_thread_on_standby_does_its_work_or_ends() {
        let (done, results) = channel();
        let standby = || {
            let done = done.clone();
            Standby::start("standby", move |work: u32| done.send(work + 1).unwrap()).unwrap()
        };
        standby().set_to(7).join().unwrap();
        assert_eq!(results.recv(), Ok(8));
        let Standby { thread, work } = standby();
        drop(work);
        thread.join().unwrap();
        assert!(results.try_recv().is_err());
    }
}
