//! The connection itself.

mod auth;
mod client;
mod ping;
mod quit;
mod select;
#[cfg(test)]
mod tests;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &ping::PING,
    &ping::ECHO,
    &auth::AUTH,
    &auth::HELLO,
    &select::SELECT,
    &quit::QUIT,
    &quit::RESET,
    &client::CLIENT,
];
