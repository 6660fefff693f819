//! Keys, whatever their type: removing, expiring, naming, visiting; and databases as a whole.

mod copy;
mod database;
mod delete;
pub(crate) mod dump;
mod exists;
pub(super) mod expire;
mod lifetime;
mod object;
mod rename;
pub(super) mod scan;
mod sort;

#[cfg(test)]
mod tests;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &copy::COPY,
    &copy::MOVE,
    &database::DBSIZE,
    &database::FLUSHALL,
    &database::FLUSHDB,
    &database::SWAPDB,
    &delete::DEL,
    &delete::UNLINK,
    &dump::DUMP,
    &dump::RESTORE,
    &dump::RESTORE_ASKING,
    &exists::EXISTS,
    &exists::TOUCH,
    &exists::TYPE,
    &expire::EXPIRE,
    &expire::EXPIREAT,
    &expire::PERSIST,
    &expire::PEXPIRE,
    &expire::PEXPIREAT,
    &lifetime::EXPIRETIME,
    &lifetime::PEXPIRETIME,
    &lifetime::PTTL,
    &lifetime::TTL,
    &object::OBJECT,
    &rename::RENAME,
    &rename::RENAMENX,
    &scan::KEYS,
    &scan::RANDOMKEY,
    &scan::SCAN,
    &sort::SORT,
    &sort::SORT_RO,
];
