//! `maxmemory-clients`: when clients together take too much memory, those that take most are closed.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::Engine;
use crate::clients::{ClientKind, ClientRecord};
use crate::host::LogLevel;
use crate::worker::Worker;

/// A limit below this would leave nobody to raise it.
const LEAST_BYTES: u64 = 128 << 10;

impl Worker<'_> {
    /// How much memory clients may take together, if that is limited.
    pub fn client_memory_limit(&self) -> Option<u64> {
        let memory = &self.config.memory;
        let limit = memory.clients_limit.limit_bytes(memory.limit_bytes)?;
        Some(limit.max(LEAST_BYTES))
    }

    /// Closes clients, those that take most memory first, until all together take less than `limit`.
    pub fn evict_clients(&self, limit: u64) {
        let engine = self.engine;
        // If another worker is at it, that is enough.
        let Some(_alone) = engine.evicting_clients.try_lock() else { return };
        let clients = engine.clients.all();
        let counts = |client: &ClientRecord| match client.kind() {
            ClientKind::Normal | ClientKind::Subscriber => !client.killed.load(Relaxed),
            ClientKind::Replica | ClientKind::Primary => false,
        };
        let memory = |client: &ClientRecord| client.memory.load(Relaxed) as u64;
        let mut clients: Vec<&Arc<ClientRecord>> =
            clients.iter().filter(|client| counts(client)).collect();
        let mut used: u64 = clients.iter().map(|client| memory(client)).sum();
        if used < limit {
            return;
        }
        clients.retain(|client| !client.no_evict.load(Relaxed));
        clients.sort_by_key(|client| Reverse(memory(client)));
        for client in clients {
            let taken = memory(client);
            if used < limit || taken == 0 {
                return;
            }
            self.evict_client(engine, client);
            used = used.saturating_sub(taken);
        }
    }

    #[cold]
    fn evict_client(&self, engine: &Engine, client: &ClientRecord) {
        let described = client.describe(self.now_ms(), &engine.commands, None);
        engine.host.log(LogLevel::Notice, &format!("Evicting client: {described}"));
        self.count(|numbers| numbers.evicted_clients += 1);
        engine.clients.kill(client, &*engine.host);
    }
}
