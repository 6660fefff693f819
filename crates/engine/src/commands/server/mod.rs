//! The server itself.

mod command;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[&command::COMMAND];
