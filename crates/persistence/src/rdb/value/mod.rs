//! Values: each type as it is written, and every form in which it ever was.
//!
//! What is read is looked at as closely as anything from outside: packed collections are walked through, members that
//! come twice and collections without elements are refused, as Redis does.

mod packed;
mod read;
pub(super) mod stream;
mod write;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

use collections::{Object, ObjectRef, hash, list, set, sorted_set};

pub use read::{Care, read, read_with};
pub use write::{value_type, write, write_in_pieces};

/// A value that was read.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string.
    String(Vec<u8>),
    /// A collection.
    Object(Object),
}

/// A value to be written.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Bytes(&'a [u8]),
    /// A string that is the decimal form of an integer.
    Integer(i64),
    /// A collection.
    Object(ObjectRef<'a>),
}

/// Up to which sizes collections that are read take their small forms.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of lists.
    pub list: list::Limits,
    /// Of sets.
    pub set: set::Limits,
    /// Of hashes.
    pub hash: hash::Limits,
    /// Of sorted sets.
    pub sorted_set: sorted_set::Limits,
}
