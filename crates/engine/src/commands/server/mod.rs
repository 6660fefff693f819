//! The server itself: what it tells about itself, how it is configured, how it ends.

mod command;
mod command_log;
mod config;
mod debug;
mod doctor;
mod hot_keys;
mod info;
mod latency;
mod lolwut;
mod memory;
mod module;
mod monitor;
mod rewrite;
mod save;
mod shutdown;
mod slow_log;
mod time;

#[cfg(test)]
mod tests;

use ::command::Flags;

use crate::command_table::Command;

pub(crate) use memory::bytes as measured_bytes;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &save::BGSAVE,
    &command::COMMAND,
    &command_log::COMMANDLOG,
    &config::CONFIG,
    &debug::DEBUG,
    &hot_keys::HOTKEYS,
    &info::INFO,
    &save::LASTSAVE,
    &latency::LATENCY,
    &lolwut::LOLWUT,
    &memory::MEMORY,
    &module::MODULE,
    &monitor::MONITOR,
    &rewrite::BGREWRITEAOF,
    &save::SAVE,
    &shutdown::SHUTDOWN,
    &slow_log::SLOWLOG,
    &time::TIME,
];

/// Of what administrators call at any time.
const ADMINISTRATION: Flags =
    Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::LOADING).and(Flags::STALE);
