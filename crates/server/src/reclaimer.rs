//! A thread that frees what would hold a worker up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use keyspace::Garbage;

/// Where garbage is left.
pub(crate) struct Reclaimer {
    queue: Sender<Garbage>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    pending: AtomicUsize,
    freed: AtomicUsize,
}

impl Reclaimer {
    /// Starts the thread.
    pub(crate) fn start() -> std::io::Result<Reclaimer> {
        let (queue, garbage) = channel();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        std::thread::Builder::new()
            .name("reclaimer".to_owned())
            .spawn(move || free(&garbage, &shared))?;
        Ok(Reclaimer { queue, counts })
    }

    /// Leaves something to be freed.
    pub(crate) fn take(&self, garbage: Garbage) {
        self.counts.pending.fetch_add(garbage.objects(), Ordering::Relaxed);
        if let Err(returned) = self.queue.send(garbage) {
            // The thread is gone: the process ends. It is freed here.
            drop(returned);
        }
    }

    /// Objects that wait to be freed.
    pub(crate) fn pending(&self) -> usize {
        self.counts.pending.load(Ordering::Relaxed)
    }

    /// Objects freed so far.
    pub(crate) fn freed(&self) -> usize {
        self.counts.freed.load(Ordering::Relaxed)
    }

    /// Begins to count the freed anew.
    pub(crate) fn reset(&self) {
        self.counts.freed.store(0, Ordering::Relaxed);
    }
}

fn free(garbage: &Receiver<Garbage>, counts: &Counts) {
    for garbage in garbage {
        let objects = garbage.objects();
        drop(garbage);
        counts.pending.fetch_sub(objects, Ordering::Relaxed);
        counts.freed.fetch_add(objects, Ordering::Relaxed);
    }
}
