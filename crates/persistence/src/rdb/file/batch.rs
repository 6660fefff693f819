//! The second stage of reading: records become keys and values.

use super::Eviction;
use super::decode;
use super::error::{LoadError, Refusal};
use super::split::Settings;
use crate::rdb::value::Limits;
use crate::rdb::{ValueType, Version};
use collections::Object;

/// Whole records of one database, as they are in the file.
#[derive(Debug)]
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    /// Where in the file they begin.
    pub(super) offset: u64,
    pub(super) database: u64,
    pub(super) version: Version,
    pub(super) settings: Settings,
}

/// A key out of a file.
#[derive(Debug)]
pub struct LoadedKey<'a> {
    /// Of this database.
    pub database: u64,
    /// Its name.
    pub key: &'a [u8],
    /// What it holds.
    pub value: LoadedValue<'a>,
    /// When it expires, if it does: unix time in ms. It may have passed.
    pub expiry_ms: Option<i64>,
    /// What is said of its use.
    pub eviction: Eviction,
    /// How its value is written.
    pub form: ValueType,
    /// How many bytes of the file its record is.
    pub bytes: u64,
    /// Bytes of the file up to the end of its record.
    pub offset: u64,
}

/// What a key of a file holds.
#[derive(Debug)]
pub enum LoadedValue<'a> {
    /// A string.
    String(&'a [u8]),
    /// A collection, with elements.
    Object(Object),
    /// A collection without elements, which servers with certain errors have written: there is to be no such key.
    Empty,
    /// What only a module understands. Does not occur if [modules are refused](Modules::Refused).
    Module {
        /// The name of the type.
        name: String,
    },
}

/// What was in a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Keys that were handed on, whatever became of them.
    pub keys: u64,
    /// Those of them that expire.
    pub expiring: u64,
    /// Those of them that held nothing.
    pub empty: u64,
}

impl Tally {
    /// Adds what was in another batch.
    pub fn add(&mut self, other: Tally) {
        self.keys = self.keys.saturating_add(other.keys);
        self.expiring = self.expiring.saturating_add(other.expiring);
        self.empty = self.empty.saturating_add(other.empty);
    }
}

impl Batch {
    /// The database of its keys.
    pub fn database(&self) -> u64 {
        self.database
    }

    /// How many bytes of the file it is.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are no records: never so.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Hands its keys to `receive`, one after the other.
    pub fn decode(
        &self,
        limits: &Limits,
        receive: &mut dyn FnMut(LoadedKey<'_>) -> Result<(), Refusal>,
    ) -> Result<Tally, LoadError> {
        decode::records(self, limits, receive)
    }
}
