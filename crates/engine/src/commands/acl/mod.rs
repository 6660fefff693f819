//! ACL: users and what they may do.

mod log;
mod look;
mod store;
mod users;

use command::argument::string;
use command::{Command as Declaration, Flags, Group};

use super::help;
use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[&ACL];

static ACL: Command = Declaration {
    summary: "Contains the commands about users and what they may do.",
    complexity: "Depends on subcommand.",
    ..Declaration::container(
        "ACL",
        Group::Server,
        "6.0.0",
        &[
            &look::CAT,
            &users::DELUSER,
            &look::DRYRUN,
            &look::GENPASS,
            &users::GETUSER,
            &HELP,
            &users::LIST,
            &store::LOAD,
            &log::LOG,
            &store::SAVE,
            &users::SETUSER,
            &users::USERS,
            &look::WHOAMI,
        ],
    )
};

static HELP: Command = help::declare("ACL|HELP", Group::Server, "6.0.0");

/// What anybody may do.
const OPEN: Flags = Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE);
/// What is for administrators.
const ADMINISTRATION: Flags = OPEN.and(Flags::ADMIN);
/// Of commands that go through all users.
const BY_USERS: &str = "O(N), where N is the number of configured users.";

const TO_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

const USERNAME: command::argument::Argument = string("username");
