//! Strings.

mod get;
mod set;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[&get::GET, &set::SET];
