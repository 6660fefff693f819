//! Commands.

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[];
