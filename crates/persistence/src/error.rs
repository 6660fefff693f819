//! What can be wrong with bytes from outside.

use std::io;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes could not be had, or end too early.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The bytes mean nothing.
    #[error("{what} (at byte {offset})")]
    Corrupt {
        /// Bytes from the beginning.
        offset: u64,
        /// What was found or missing.
        what: Corrupt,
    },
}

/// What is wrong with bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Corrupt {
    /// A length or an encoding that there is none of.
    #[error("unknown length or string encoding {0}")]
    Length(u8),
    /// A type of value that there is none of.
    #[error("unknown type {0} of a value")]
    ValueType(u8),
    /// A value of a module, which only the module can read.
    #[error("a value of a module")]
    Module,
    /// A collection without elements.
    #[error("an empty collection")]
    Empty,
    /// A string that is not compressed as its head says.
    #[error("a compressed string is damaged")]
    Compression,
    /// Packed elements that are not as they should be.
    #[error("a packed {0} is damaged")]
    Packed(&'static str),
    /// A number that is none.
    #[error("{0} is not a number")]
    Number(&'static str),
    /// An element is there twice.
    #[error("a member is there twice")]
    Duplicate,
    /// Parts of a stream that do not belong together.
    #[error("a stream is damaged: {0}")]
    Stream(&'static str),
    /// Bytes after the end.
    #[error("there are bytes behind the end")]
    Trailing,
    /// Anything else.
    #[error("{0}")]
    Other(&'static str),
}
