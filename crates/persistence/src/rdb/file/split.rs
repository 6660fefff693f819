//! The first stage of reading: a file is cut into its parts.

use std::io::Read;

use super::batch::Batch;
use super::error::{LoadError, NEWEST, Place};
use super::skip;
use super::source::Source;
use crate::Corrupt;
use crate::rdb::value::Care;
use crate::rdb::{Opcode, Reader, ValueType, Version};

/// Records are handed on when they are so many bytes, or a little more.
const BATCH: usize = 256 << 10;

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether the checksum is looked at.
    pub checksum: bool,
    /// What is done with what only modules understand.
    pub modules: Modules,
    /// How closely values are looked at.
    pub care: Care,
}

/// What is done with what only modules understand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modules {
    /// A file that has some is not loaded.
    Refused,
    /// It is passed over.
    Skipped,
}

/// A part of a file.
#[derive(Debug)]
pub enum Part {
    /// Something said of the file.
    Auxiliary {
        /// What is said.
        name: Vec<u8>,
        /// As what.
        value: Vec<u8>,
    },
    /// Something said by a module, which was passed over.
    ModuleAuxiliary {
        /// The type of the module's values.
        name: String,
    },
    /// The records that follow are of this database.
    Database(u64),
    /// So many keys, and keys that expire, the database has; not to be relied on.
    Sizes {
        /// All keys.
        keys: u64,
        /// Those that expire.
        expiring: u64,
    },
    /// So many keys a slot of a cluster has; not to be relied on.
    SlotSizes {
        /// The slot.
        slot: u64,
        /// All keys.
        keys: u64,
        /// Those that expire.
        expiring: u64,
    },
    /// The code of a library of functions.
    Function(Vec<u8>),
    /// Keys with their values.
    Records(Batch),
    /// There is no more.
    End(Checksum),
}

/// What was found of the checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checksum {
    /// It is right.
    Right,
    /// The file was written without.
    Absent,
    /// It was not to be looked at, or the version knows of none.
    Ignored,
}

/// Cuts a file into its parts; see [the module](super).
pub struct Splitter<R> {
    source: Source<R>,
    version: Version,
    settings: Settings,
    database: u64,
    /// The end was seen.
    has_ended: bool,
    /// What was found behind the records that were given last.
    error: Option<LoadError>,
}

impl<R: Read> Splitter<R> {
    /// Reads the head of a file.
    pub fn new(inner: R, settings: Settings) -> Result<Splitter<R>, LoadError> {
        let mut source = Source::new(inner, settings.checksum, BATCH);
        let head = source.array::<9>()?;
        let version = version_of(&head)?;
        source.discard();
        Ok(Splitter { source, version, settings, database: 0, has_ended: false, error: None })
    }

    /// The version of the file.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes the parts had that were given, and the head.
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// The next part; nothing behind the end.
    pub fn next_part(&mut self) -> Result<Option<Part>, LoadError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.has_ended {
            return Ok(None);
        }
        loop {
            let whole = self.source.looked_at();
            match self.step() {
                Ok(None) if self.source.looked_at() < BATCH => {}
                Ok(None) => return Ok(Some(Part::Records(self.batch()))),
                Ok(Some(opcode)) if whole == 0 => {
                    let part = self.part(opcode)?;
                    self.source.discard();
                    return Ok(Some(part));
                }
                // The records before it come first.
                Ok(Some(_)) => {
                    self.source.back_to(whole);
                    return Ok(Some(Part::Records(self.batch())));
                }
                Err(error) if whole == 0 => return Err(error),
                Err(error) => {
                    self.error = Some(error);
                    self.source.back_to(whole);
                    return Ok(Some(Part::Records(self.batch())));
                }
            }
        }
    }

    /// Passes over a record, unless something else comes: what its opcode says.
    fn step(&mut self) -> Result<Option<Opcode>, LoadError> {
        let byte = self.source.byte()?;
        match Opcode::from_byte(byte) {
            None => self.record(byte).map(|()| None),
            Some(opcode) if opcode.is_of_record() => {
                self.source.back_by_one();
                let byte = self.modifiers()?;
                self.record(byte).map(|()| None)
            }
            opcode => Ok(opcode),
        }
    }

    /// What is behind the end of the file: what was read of it already, and where more is to be read.
    pub fn into_rest(self) -> (Vec<u8>, R) {
        self.source.into_rest()
    }

    /// Passes over what is said of a key before its type; gives the byte that follows.
    fn modifiers(&mut self) -> Result<u8, LoadError> {
        let source = &mut self.source;
        loop {
            let byte = source.byte()?;
            match Opcode::from_byte(byte) {
                Some(Opcode::ExpireMilliseconds) => source.skip(8)?,
                Some(Opcode::ExpireSeconds) => source.skip(4)?,
                Some(Opcode::Idle) => source.count().map(|_| ())?,
                Some(Opcode::Frequency) => source.skip(1)?,
                _ => return Ok(byte),
            }
        }
    }

    /// Passes over the key and the value of a record.
    fn record(&mut self, byte: u8) -> Result<(), LoadError> {
        let source = &mut self.source;
        let form = ValueType::of_version(byte, self.version)
            .ok_or_else(|| source.corrupt(Corrupt::ValueType(byte)))?;
        let begin = source.looked_at();
        source.skip_string().map_err(|error| error.within(None, Some(form)))?;
        let end = source.looked_at();
        skip::value(form, source).map_err(|error| {
            let seen = source.seen().get(begin..end).unwrap_or_default();
            error.within(Reader::new(seen).string().ok().as_deref(), Some(form))
        })
    }

    fn batch(&mut self) -> Batch {
        let offset = self.source.start_offset();
        Batch {
            bytes: self.source.cut(),
            offset,
            database: self.database,
            version: self.version,
            settings: self.settings,
        }
    }

    fn part(&mut self, opcode: Opcode) -> Result<Part, LoadError> {
        let source = &mut self.source;
        match opcode {
            Opcode::SlotInfo => Ok(Part::SlotSizes {
                slot: source.count()?,
                keys: source.count()?,
                expiring: source.count()?,
            }),
            Opcode::Function2 => Ok(Part::Function(string(source)?)),
            Opcode::FunctionBeforeRelease => Err(LoadError::FunctionBeforeRelease(source.offset())),
            Opcode::ModuleAuxiliary => self.module_auxiliary(),
            Opcode::Auxiliary => {
                Ok(Part::Auxiliary { name: string(source)?, value: string(source)? })
            }
            Opcode::ResizeDatabase => {
                Ok(Part::Sizes { keys: source.count()?, expiring: source.count()? })
            }
            Opcode::SelectDatabase => {
                self.database = source.count()?;
                Ok(Part::Database(self.database))
            }
            Opcode::End => self.end(),
            Opcode::Idle
            | Opcode::Frequency
            | Opcode::ExpireMilliseconds
            | Opcode::ExpireSeconds => Err(source.corrupt(Corrupt::ValueType(opcode as u8))),
        }
    }

    fn module_auxiliary(&mut self) -> Result<Part, LoadError> {
        /// What comes before the place for which it is meant.
        const NUMBER: u64 = 2;
        let source = &mut self.source;
        let name = skip::module_name(source.count()?);
        if source.count()? != NUMBER {
            return Err(source.corrupt(Corrupt::Other("bad when_opcode")));
        }
        source.count()?;
        match self.settings.modules {
            Modules::Refused => Err(LoadError::Module {
                place: Place::at(source.offset()),
                what: "AUX module data I can't load: no matching module",
                module: name,
            }),
            Modules::Skipped => {
                skip::module(source)?;
                Ok(Part::ModuleAuxiliary { name })
            }
        }
    }

    fn end(&mut self) -> Result<Part, LoadError> {
        /// The first version with a checksum.
        const SUMMED: Version = Version(5);
        let expected = self.source.checksum();
        let checksum = if self.version < SUMMED {
            Checksum::Ignored
        } else {
            let found = u64::from_le_bytes(self.source.array()?);
            match expected {
                None => Checksum::Ignored,
                Some(_) if found == 0 => Checksum::Absent,
                Some(expected) if expected != found => {
                    return Err(LoadError::Checksum { expected, found });
                }
                Some(_) => Checksum::Right,
            }
        };
        self.has_ended = true;
        Ok(Part::End(checksum))
    }
}

/// The version that the head of a file says.
fn version_of(head: &[u8; 9]) -> Result<Version, LoadError> {
    // As C's `atoi` reads it: digits, up to something else.
    let number = |digits: &[u8]| {
        digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0_u16, |number, digit| {
            number.saturating_mul(10).saturating_add(u16::from(digit.saturating_sub(b'0')))
        })
    };
    if let Some(digits) = head.strip_prefix(b"REDIS") {
        let version = number(digits);
        return if (1..=NEWEST.0).contains(&version) {
            Ok(Version(version))
        } else {
            Err(LoadError::Version(version.into()))
        };
    }
    let digits = head.strip_prefix(b"VALKEY").ok_or(LoadError::Signature)?;
    let version = Version(number(digits));
    if version == Version::VALKEY_9 {
        Ok(version)
    } else {
        Err(LoadError::Version(version.0.into()))
    }
}

/// Takes a string out of what is being looked at.
fn string<R: Read>(source: &mut Source<R>) -> Result<Vec<u8>, LoadError> {
    let begin = source.looked_at();
    source.skip_string()?;
    let offset = source.offset();
    let bytes = source.seen().get(begin..).unwrap_or_default();
    Reader::new(bytes).string().map_err(|error| match error {
        crate::Error::Corrupt { what, .. } => LoadError::corrupt(offset, what),
        error @ crate::Error::Io(_) => LoadError::of(error, offset),
    })
}
