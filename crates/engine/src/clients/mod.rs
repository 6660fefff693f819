//! All clients, as any of them may see the others: CLIENT LIST, CLIENT KILL, INFO.
//!
//! A connection belongs to one worker, which alone writes its [`ClientRecord`]; the others read it. The numbers are
//! atomics that the owner stores once a round, so nobody waits for anybody; the texts change rarely and have a lock. The
//! list itself changes when a client comes or goes.

mod description;
mod record;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::host::Host;

pub use description::InCall;
pub use record::{ClientKind, ClientRecord, Labels, Peer};

/// Given in ascending order from 1 and never again.
pub type ClientId = u64;

/// Every client connected.
#[derive(Debug)]
pub struct Clients {
    next: AtomicU64,
    records: Mutex<BTreeMap<ClientId, Arc<ClientRecord>>>,
}

impl Default for Clients {
    fn default() -> Clients {
        Clients { next: AtomicU64::new(1), records: Mutex::new(BTreeMap::new()) }
    }
}

impl Clients {
    /// Enters a client that has connected.
    pub fn add(&self, peer: Peer, worker: usize, now_ms: i64) -> Arc<ClientRecord> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let record = Arc::new(ClientRecord::new(id, peer, worker, now_ms));
        self.records.lock().insert(id, Arc::clone(&record));
        record
    }

    /// The record of no client: for calls that the server makes itself.
    pub(crate) fn nobody(now_ms: i64) -> Arc<ClientRecord> {
        Arc::new(ClientRecord::new(0, Peer::default(), 0, now_ms))
    }

    /// Takes out a client that is gone.
    pub fn remove(&self, id: ClientId) {
        self.records.lock().remove(&id);
    }

    /// Takes out a client and has its worker close it, without its pending replies. With all gates closed it calls
    /// nothing any more: its worker looks whether it was killed before it serves it.
    pub fn kill(&self, client: &ClientRecord, host: &dyn Host) {
        client.killed.store(true, Ordering::Relaxed);
        self.remove(client.id);
        host.close_client(client.worker, client.id);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The client of an id.
    pub fn find(&self, id: ClientId) -> Option<Arc<ClientRecord>> {
        self.records.lock().get(&id).cloned()
    }

    /// All of them, by id.
    pub fn all(&self) -> Vec<Arc<ClientRecord>> {
        self.records.lock().values().cloned().collect()
    }
}
