//! Every command, by family.
//!
//! A command is declared beside its handler, in a file of its family's folder. The family lists its commands; a command that is
//! left out of its list is dead code, which the compiler tells. A handler goes in steps: parse all arguments, then apply
//! them through the view, then tell what was modified, then reply.

#![expect(clippy::unnecessary_wraps, reason = "handlers are of one type, and some cannot fail")]

mod bitmap;
mod connection;
mod hash;
mod help;
mod key;
pub(crate) mod list;
mod scanning;
mod server;
mod sorted_set;
mod string;

#[cfg(test)]
mod side_by_side;
#[cfg(test)]
mod tests;

use crate::command_table::Command;

/// All commands.
pub const FAMILIES: &[&[&Command]] = &[
    string::COMMANDS,
    list::COMMANDS,
    hash::COMMANDS,
    sorted_set::COMMANDS,
    bitmap::COMMANDS,
    key::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
];
