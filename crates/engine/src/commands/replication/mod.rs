//! Replication: what replicas call, and what administrators and clients call about them.

mod failover;
mod psync;
mod replconf;
mod replica_of;
mod role;
mod wait;

#[cfg(test)]
mod tests;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &failover::FAILOVER,
    &psync::PSYNC,
    &psync::SYNC,
    &replconf::REPLCONF,
    &replica_of::REPLICA_OF,
    &replica_of::SLAVE_OF,
    &role::ROLE,
    &wait::WAIT,
    &wait::WAITAOF,
];
