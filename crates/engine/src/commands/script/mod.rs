//! Scripts: running them, and keeping them.

mod cache;
mod eval;
mod running;

#[cfg(test)]
mod tests;

pub(super) use eval::{Given, Subject, run};

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] =
    &[&cache::SCRIPT, &eval::EVAL, &eval::EVALSHA, &eval::EVALSHA_RO, &eval::EVAL_RO];
