//! Why a file cannot be loaded, in the words that Redis uses where it has some.

use std::{fmt, io};

use crate::rdb::{ValueType, Version};
use crate::{Corrupt, Error};

/// Why a file cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is no file of this kind.
    #[error("Wrong signature trying to load DB from file")]
    Signature,
    /// It is one of a server that is newer.
    #[error("Can't handle RDB format version {0}")]
    Version(u32),
    /// It could not be read.
    #[error("{error} (at byte {offset})")]
    Io {
        /// Bytes from the beginning.
        offset: u64,
        /// What the system says.
        error: io::Error,
    },
    /// It ends in the middle.
    #[error("Unexpected EOF reading RDB file (at byte {0})")]
    EndedEarly(Place),
    /// Its bytes mean nothing.
    #[error("{what} (at byte {place})")]
    Corrupt {
        /// Where.
        place: Place,
        /// What was found or missing.
        what: Corrupt,
    },
    /// It holds functions as a release candidate of 7.0 wrote them.
    #[error("Pre-release function format not supported. (at byte {0})")]
    FunctionBeforeRelease(u64),
    /// It holds what only a module can read.
    #[error("The RDB file contains {what} '{module}' (at byte {place})")]
    Module {
        /// Where.
        place: Place,
        /// A value or something beside, and that it cannot be read.
        what: &'static str,
        /// The name of the type that the module gives its values.
        module: String,
    },
    /// Its bytes are others than were written.
    #[error("Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now.")]
    Checksum {
        /// What the bytes that were read make.
        expected: u64,
        /// What stands at the end.
        found: u64,
    },
    /// Whom the contents were given to did not take them.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Where in a file something is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Bytes from the beginning.
    pub offset: u64,
    /// The key whose record it is, as far as that is known.
    pub key: Option<Vec<u8>>,
    /// How the value of the key is written, as far as that is known.
    pub form: Option<ValueType>,
}

impl Place {
    /// Outside of records.
    pub fn at(offset: u64) -> Place {
        Place { offset, key: None, form: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.offset)?;
        if let Some(key) = &self.key {
            write!(formatter, ", key '{}'", key.escape_ascii())?;
        }
        Ok(())
    }
}

/// What somebody has against the contents of a file that they are given.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

impl LoadError {
    /// Where it is wrong, if it is wrong at one place.
    pub fn offset(&self) -> Option<u64> {
        match self {
            LoadError::Signature | LoadError::Version(_) => Some(0),
            LoadError::Io { offset, .. } | LoadError::FunctionBeforeRelease(offset) => {
                Some(*offset)
            }
            LoadError::EndedEarly(place)
            | LoadError::Corrupt { place, .. }
            | LoadError::Module { place, .. } => Some(place.offset),
            LoadError::Checksum { .. } | LoadError::Refused(_) => None,
        }
    }

    pub(super) fn corrupt(offset: u64, what: Corrupt) -> LoadError {
        LoadError::Corrupt { place: Place::at(offset), what }
    }

    /// The same, with the record in which it is.
    pub(super) fn within(mut self, key: Option<&[u8]>, form: Option<ValueType>) -> LoadError {
        match &mut self {
            LoadError::EndedEarly(place)
            | LoadError::Corrupt { place, .. }
            | LoadError::Module { place, .. } => {
                place.key = key.map(<[u8]>::to_vec);
                place.form = form;
            }
            LoadError::Signature
            | LoadError::Version(_)
            | LoadError::Io { .. }
            | LoadError::FunctionBeforeRelease(_)
            | LoadError::Checksum { .. }
            | LoadError::Refused(_) => {}
        }
        self
    }

    /// An error of the pieces that a record is made of, of which `offset` bytes were read.
    pub(super) fn of(error: Error, offset: u64) -> LoadError {
        match error {
            Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                LoadError::EndedEarly(Place::at(offset))
            }
            Error::Io(error) => LoadError::Io { offset, error },
            Error::Corrupt { offset, what } => LoadError::corrupt(offset, what),
        }
    }
}

/// The newest version that is read, of a file that Redis wrote.
pub(super) const NEWEST: Version = Version::REDIS_7_4;
