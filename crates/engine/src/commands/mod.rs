//! Every command, by family.
//!
//! A command is declared beside its handler, in a file of its family's folder. The family lists its commands; a command that is
//! left out of its list is dead code, which the compiler tells. A handler goes in steps: parse all arguments, then apply
//! them through the view, then tell what was modified, then reply.

#![expect(clippy::unnecessary_wraps, reason = "handlers are of one type, and some cannot fail")]

mod acl;
mod bitmap;
mod connection;
mod function;
mod geo;
mod hash;
mod help;
mod hyper_log_log;
mod key;
pub(crate) mod list;
mod pubsub;
mod replication;
mod scanning;
mod script;
mod server;
mod set;
mod sorted_set;
pub(crate) mod stream;
mod string;
mod transaction;

#[cfg(test)]
mod side_by_side;
#[cfg(test)]
mod tests;

use crate::command_table::Command;

pub(crate) use key::dump::value_limits;
pub(crate) use server::measured_bytes;

/// All commands.
pub const FAMILIES: &[&[&Command]] = &[
    string::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    hash::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    bitmap::COMMANDS,
    hyper_log_log::COMMANDS,
    geo::COMMANDS,
    key::COMMANDS,
    transaction::COMMANDS,
    pubsub::COMMANDS,
    script::COMMANDS,
    function::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
    replication::COMMANDS,
    acl::COMMANDS,
];
