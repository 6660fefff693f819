//! FAILOVER: handing the role of the primary over to a replica.
//!
//! ```text
//!  None -- FAILOVER --> WaitingForSync -- a replica has all --> InProgress -- it accepts --> None, as its replica
//!                            |  time is up, or ABORT                 |  it refuses, or ABORT
//!                            +--------------> None, as before <------+
//! ```
//!
//! Writes are paused from the beginning to the end. The process drives it; commands begin it and look at it.

use super::Replication;
use crate::Engine;
use crate::host::LogLevel;

/// A failover that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Failover {
    /// There is none.
    #[default]
    None,
    /// A replica is to have all of the stream first.
    WaitingForSync {
        /// Who is to become the primary; none: whoever has all first.
        target: Option<FailoverTarget>,
        /// Unix time in ms at which it is given up, or forced.
        deadline_ms: Option<i64>,
        /// When the time is up it goes on all the same.
        force: bool,
    },
    /// This server asks the replica to take over.
    InProgress {
        /// Which.
        target: FailoverTarget,
    },
}

/// Who is to become the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailoverTarget {
    /// As INFO tells it.
    pub host: String,
    /// The port that it listens on.
    pub port: u16,
}

impl Failover {
    /// As INFO says it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Failover::None => "no-failover",
            Failover::WaitingForSync { .. } => "waiting-for-sync",
            Failover::InProgress { .. } => "failover-in-progress",
        }
    }
}

impl Replication {
    /// The failover that goes on.
    pub fn failover(&self) -> Failover {
        self.failover.lock().clone()
    }

    /// Goes on to another step of it.
    pub fn set_failover(&self, failover: Failover) {
        *self.failover.lock() = failover;
    }
}

impl Engine {
    /// Gives a failover up, if there is one: everything is as before. All gates are closed.
    pub fn abort_failover(&self, reason: &str) {
        let (failover, name) = (self.replication.failover(), |target: &FailoverTarget| {
            format!(" to {}:{}", target.host, target.port)
        });
        let whom = match &failover {
            Failover::None => return,
            Failover::WaitingForSync { target, .. } => target.as_ref().map(name),
            Failover::InProgress { target } => Some(name(target)),
        };
        let line = format!("Aborting failover{}. Reason: {reason}", whom.unwrap_or_default());
        self.host.log(LogLevel::Notice, &line);
        if matches!(failover, Failover::InProgress { .. }) {
            self.lead();
        }
        self.end_failover();
    }

    /// Notes that a failover has ended, and lets clients write again, or be told that this is a replica now.
    pub fn end_failover(&self) {
        self.replication.set_failover(Failover::None);
        self.pause.end_failover();
        self.host.wake_workers();
    }
}
