//! Strings.
//!
//! A string is kept as an integer where it is the decimal form of one, else as bytes. Commands that replace a value let the
//! keyspace decide; those that change a part of one leave bytes, as OBJECT ENCODING tells.

mod compare;
mod condition;
mod expiration;
mod get;
mod get_and;
mod longest_common_subsequence;
mod number;
mod part;
mod set;
mod several;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use keyspace::{EntryRef, StringRef, ValueType};
use resp::ReplyError;

use crate::command_table::Command;

/// The family's commands.
pub(super) const COMMANDS: &[&Command] = &[
    &compare::DELEX,
    &compare::DELIFEQ,
    &compare::DIGEST,
    &get::GET,
    &get::STRLEN,
    &get_and::GETDEL,
    &get_and::GETEX,
    &longest_common_subsequence::LCS,
    &number::DECR,
    &number::DECRBY,
    &number::INCR,
    &number::INCRBY,
    &number::INCRBYFLOAT,
    &part::APPEND,
    &part::GETRANGE,
    &part::SETRANGE,
    &part::SUBSTR,
    &set::GETSET,
    &set::PSETEX,
    &set::SET,
    &set::SETEX,
    &set::SETNX,
    &several::MGET,
    &several::MSET,
    &several::MSETEX,
    &several::MSETNX,
];

/// The string that an entry holds, if it holds one.
#[inline]
pub(super) fn string_of(entry: EntryRef<'_>) -> Result<StringRef<'_>, ReplyError> {
    if entry.value_type() == ValueType::String {
        Ok(entry.string())
    } else {
        Err(ReplyError::WrongType)
    }
}
