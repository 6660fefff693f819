//! Transactions: calls that are queued and then run as one, unless a watched key was changed.

mod exec;
mod multi;
#[cfg(test)]
mod tests;
mod watch;

use command::Flags;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] =
    &[&multi::MULTI, &exec::EXEC, &multi::DISCARD, &watch::WATCH, &watch::UNWATCH];

const ALLOWED: Flags =
    Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::ALLOW_BUSY);
