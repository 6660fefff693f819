//! Reading a file on one thread.

use std::io::Read;

use super::batch::{LoadedKey, Tally};
use super::error::{LoadError, Refusal};
use super::split::{Checksum, Part, Settings, Splitter};
use crate::rdb::Version;
use crate::rdb::value::Limits;

/// Whom the contents of a file are given to, in the order in which they are there.
pub trait Sink {
    /// Something said of the file. Names that one does not know mean nothing.
    fn auxiliary(&mut self, name: &[u8], value: &[u8]) -> Result<(), Refusal>;

    /// The keys that follow are of this database.
    fn database(&mut self, number: u64) -> Result<(), Refusal>;

    /// The database will have so many keys, and keys that expire: a hint, from outside.
    fn sizes(&mut self, keys: u64, expiring: u64);

    /// The code of a library of functions.
    fn function(&mut self, code: Vec<u8>) -> Result<(), Refusal>;

    /// A key with its value.
    fn key(&mut self, key: LoadedKey<'_>) -> Result<(), Refusal>;
}

/// What was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// The version of the file.
    pub version: Version,
    /// The keys.
    pub tally: Tally,
    /// What was found of the checksum.
    pub checksum: Checksum,
    /// How many bytes the file has.
    pub bytes: u64,
}

/// Reads a file and hands all that is in it to `sink`.
pub fn read_file<R: Read>(
    reader: R,
    settings: Settings,
    limits: &Limits,
    sink: &mut dyn Sink,
) -> Result<Summary, LoadError> {
    let mut splitter = Splitter::new(reader, settings)?;
    let mut tally = Tally::default();
    loop {
        match splitter.next_part()? {
            Some(Part::Auxiliary { name, value }) => sink.auxiliary(&name, &value)?,
            Some(Part::Database(number)) => sink.database(number)?,
            Some(Part::Sizes { keys, expiring }) => sink.sizes(keys, expiring),
            Some(Part::Function(code)) => sink.function(code)?,
            Some(Part::Records(batch)) => {
                tally.add(batch.decode(limits, &mut |key| sink.key(key))?);
            }
            Some(Part::ModuleAuxiliary { .. } | Part::SlotSizes { .. }) => {}
            Some(Part::End(checksum)) => {
                let (version, bytes) = (splitter.version(), splitter.offset());
                return Ok(Summary { version, tally, checksum, bytes });
            }
            // The end is always a part.
            None => return Err(LoadError::Signature),
        }
    }
}
