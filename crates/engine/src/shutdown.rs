//! An end that waits for replicas: SHUTDOWN, or a signal, while some of them do not have everything yet.
//!
//! Writes are paused meanwhile, so that what is waited for does not grow; everything else goes on. The process looks now and then
//! whether the wait is over ([`Engine::due_shutdown`]), and then ends or gives up. Clients that asked for the end wait for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use resp::ReplyError;

use crate::Engine;
use crate::blocking::{Blocked, Served, end_with_error};
use crate::host::{LogLevel, ShutdownRequest};

pub(crate) const FAILED: ReplyError = ReplyError::message("Errors trying to SHUTDOWN. Check logs.");

/// The end that is waited for, if one is.
#[derive(Debug, Default)]
pub(crate) struct Shutdown {
    /// So that those who ask often need not look.
    is_pending: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pending: Option<Pending>,
    /// Those who asked for it.
    clients: Vec<Arc<Blocked>>,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    request: ShutdownRequest,
    /// Unix time in ms at which it comes, whatever replicas have.
    deadline_ms: i64,
    /// The replication offset that they are to have.
    offset: u64,
}

impl Engine {
    /// Begins to wait for replicas before the process ends, if some do not have everything; says whether that is waited for.
    pub fn wait_before_shutdown(&self, request: ShutdownRequest, now_ms: i64) -> bool {
        let timeout_ms = i64::from(self.config().process.shutdown_timeout_s).saturating_mul(1000);
        let mut state = self.shutdown.state.lock();
        if state.pending.is_some() {
            return true;
        }
        let offset = self.replication_offset();
        if request.now || timeout_ms == 0 || self.is_busy() || self.have_replicas(offset) {
            return false;
        }
        let deadline_ms = now_ms.saturating_add(timeout_ms);
        state.pending = Some(Pending { request, deadline_ms, offset });
        self.shutdown.is_pending.store(true, Ordering::Release);
        drop(state);
        self.pause.begin_shutdown();
        self.host.log(LogLevel::Warning, "User requested shutdown...");
        self.host.log(LogLevel::Notice, "Waiting for replicas before shutting down.");
        self.replication.ask_acknowledgement();
        self.host.wake_replication();
        self.host.await_shutdown();
        true
    }

    /// Whether all replicas have what there was up to an offset.
    fn have_replicas(&self, offset: u64) -> bool {
        let replicas = self.replication.replicas();
        replicas.iter().all(|replica| offset <= replica.acknowledged())
    }

    /// Whether an end is waited for.
    pub fn is_shutdown_pending(&self) -> bool {
        self.shutdown.is_pending.load(Ordering::Acquire)
    }

    /// The end that was waited for, if it is to come now.
    pub fn due_shutdown(&self, now_ms: i64) -> Option<ShutdownRequest> {
        let pending = self.shutdown.state.lock().pending?;
        let is_late = pending.deadline_ms <= now_ms;
        let is_due = is_late || self.have_replicas(pending.offset);
        // Nobody is waited for twice.
        is_due.then_some(ShutdownRequest { now: is_late, ..pending.request })
    }

    /// How long the end that is waited for can take, in ms.
    pub(crate) fn shutdown_in_ms(&self, now_ms: i64) -> Option<i64> {
        let pending = self.shutdown.state.lock().pending?;
        Some(pending.deadline_ms.saturating_sub(now_ms).max(0))
    }

    /// Enters a client that waits for the end.
    pub(crate) fn add_to_shutdown(&self, client: Arc<Blocked>) {
        self.shutdown.state.lock().clients.push(client);
    }

    /// Gives up the end that is waited for; none if there is none. Those who asked for it get an error: their workers are to be told.
    pub fn give_up_shutdown(&self) -> Option<Vec<Served>> {
        let mut state = self.shutdown.state.lock();
        state.pending.take()?;
        self.shutdown.is_pending.store(false, Ordering::Release);
        let clients = std::mem::take(&mut state.clients);
        drop(state);
        self.pause.end_shutdown();
        self.host.wake_workers();
        let served = clients.iter().filter_map(|client| end_with_error(self, client, &FAILED));
        Some(served.collect())
    }
}
