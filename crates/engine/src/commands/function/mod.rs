//! Functions: FUNCTION keeps the libraries, FCALL calls what is in them.

mod call;
mod library;
mod listing;
mod payload;

#[cfg(test)]
mod tests;

use command::{Command as Declaration, Group};

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[&FUNCTION, &call::FCALL, &call::FCALL_RO];

static FUNCTION: Command = Declaration {
    summary: "A container for commands about functions.",
    ..Declaration::container(
        "FUNCTION",
        Group::Scripting,
        "7.0.0",
        &[
            &library::DELETE,
            &payload::DUMP,
            &library::FLUSH,
            &library::HELP,
            &call::KILL,
            &listing::LIST,
            &library::LOAD,
            &payload::RESTORE,
            &listing::STATS,
        ],
    )
};
