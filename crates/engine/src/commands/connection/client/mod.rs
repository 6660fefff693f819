//! CLIENT: about this connection and others.

mod kill;
pub(super) mod label;
mod list;
mod mode;
mod pause;
mod tracking;
mod unblock;

use command::{Command as Declaration, Flags, Group};

use super::super::help;
use crate::command_table::Command;

pub(super) static CLIENT: Command = Declaration {
    summary: "Contains the commands about client connections.",
    ..Declaration::container(
        "CLIENT",
        Group::Connection,
        "2.4.0",
        &[
            &label::ID,
            &label::GETNAME,
            &label::SETNAME,
            &label::SETINFO,
            &list::INFO,
            &list::LIST,
            &kill::KILL,
            &pause::PAUSE,
            &pause::UNPAUSE,
            &unblock::UNBLOCK,
            &mode::REPLY,
            &mode::NO_EVICT,
            &mode::NO_TOUCH,
            &tracking::TRACKING,
            &tracking::CACHING,
            &tracking::GETREDIR,
            &tracking::TRACKINGINFO,
            &HELP,
        ],
    )
};

static HELP: Command = help::declare("CLIENT|HELP", Group::Connection, "5.0.0");

/// What concerns the caller alone.
const OWN: Flags = Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE);
/// What concerns other clients, too.
const OTHERS: Flags = OWN.and(Flags::ADMIN);
