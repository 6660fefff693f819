//! FAILOVER as it goes on: a replica that has all of the stream takes over.

use engine::replication::{Failover, FailoverTarget};

use super::thread::Feeding;
use crate::log;

impl Feeding {
    /// Goes on with a failover, if there is one: once a replica has all, it is asked to take over.
    pub(super) fn look_at_failover(&self) {
        let Failover::WaitingForSync { target, deadline_ms, force } =
            self.engine.replication.failover()
        else {
            return;
        };
        let ready = self.links.values().find(|link| {
            let attached = &link.attached;
            let is_target = target.as_ref().is_none_or(|target| {
                target.host == attached.address() && target.port == attached.announced.port
            });
            is_target
                && link.is_online()
                && attached.acknowledged() == self.engine.replication_offset()
        });
        if let Some(link) = ready {
            let target = FailoverTarget {
                host: link.attached.address(),
                port: link.attached.announced.port,
            };
            log::notice(format_args!(
                "Failover target {}:{} is synced, failing over.",
                target.host, target.port
            ));
            return self.hand_over_to(&target);
        }
        if deadline_ms.is_none_or(|deadline_ms| self.unix_ms() < deadline_ms) {
            return;
        }
        match target.filter(|_| force) {
            Some(target) => {
                log::notice(format_args!(
                    "Failover to {}:{} time out exceeded, failing over.",
                    target.host, target.port
                ));
                self.hand_over_to(&target);
            }
            None => self.with_gates_closed(|engine| {
                engine.abort_failover("Replica never caught up before timeout");
            }),
        }
    }

    /// Becomes the replica of the one that takes over, which is asked to do so.
    fn hand_over_to(&self, target: &FailoverTarget) {
        self.with_gates_closed(|engine| {
            engine.replication.set_failover(Failover::InProgress { target: target.clone() });
            if !engine.host.hand_over_to(engine, target) {
                engine.abort_failover("Failover target can't be connected");
            }
        });
    }

    fn with_gates_closed(&self, run: impl FnOnce(&'static engine::Engine)) {
        let engine = self.engine;
        // While a script runs for long, later.
        if let Some(closed) = engine.keyspace.gates().close_unless(|| engine.is_busy()) {
            run(engine);
            drop(closed);
        }
    }
}
