//! Writing a file, one part behind the other.

use std::io::{self, Write};

use super::Eviction;
use crate::crc64::Running;
use crate::rdb::value::{self, ValueRef, value_type};
use crate::rdb::{Opcode, Version, Writer};

/// So many bytes are gathered before they are handed on.
const PIECE: usize = 64 << 10;

/// Writes a file; see [the module](super).
///
/// After an error the file is of no use, and so is the writer.
pub struct FileWriter<W> {
    sink: W,
    writer: Writer,
    version: Version,
    checksum: Option<Running>,
    bytes: u64,
}

impl<W: Write> FileWriter<W> {
    /// Begins a file with what is to be said of it: names and values. `checksum` says whether it ends with one,
    /// `compress` whether long strings are compressed.
    pub fn begin(
        sink: W,
        version: Version,
        checksum: bool,
        compress: bool,
        auxiliary: &[(&[u8], &[u8])],
    ) -> io::Result<FileWriter<W>> {
        let mut writer = Writer::new(Vec::with_capacity(PIECE), compress);
        if version == Version::VALKEY_9 {
            writer.raw(format!("VALKEY{:03}", version.0).as_bytes());
        } else {
            writer.raw(format!("REDIS{:04}", version.0).as_bytes());
        }
        for (name, value) in auxiliary {
            writer.byte(Opcode::Auxiliary as u8);
            writer.string(name);
            writer.string(value);
        }
        let checksum = checksum.then(Running::new);
        let mut file = FileWriter { sink, writer, version, checksum, bytes: 0 };
        file.hand_on(PIECE)?;
        Ok(file)
    }

    /// The version that is written.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Bytes of the file so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.saturating_add(self.writer.bytes().len() as u64)
    }

    /// Writes the code of a library of functions.
    pub fn function(&mut self, code: &[u8]) -> io::Result<()> {
        self.writer.byte(Opcode::Function2 as u8);
        self.writer.string(code);
        self.hand_on(PIECE)
    }

    /// Says that the keys that follow are of this database, and how many about there will be, and that expire.
    pub fn select_database(&mut self, number: u64, keys: u64, expiring: u64) -> io::Result<()> {
        self.writer.byte(Opcode::SelectDatabase as u8);
        self.writer.length(number);
        self.writer.byte(Opcode::ResizeDatabase as u8);
        self.writer.length(keys);
        self.writer.length(expiring);
        self.hand_on(PIECE)
    }

    /// Writes a key with its value. A large value is handed on in pieces.
    pub fn key(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        eviction: Eviction,
        value: ValueRef<'_>,
    ) -> io::Result<()> {
        let FileWriter { sink, writer, version, checksum, bytes } = self;
        let mut result = Ok(());
        encode_head(key, expiry_ms, eviction, value, *version, writer);
        value::write_in_pieces(value, *version, writer, PIECE, &mut |writer| {
            if result.is_ok() {
                result = pass_on(sink, checksum.as_mut(), bytes, writer.bytes());
            }
            writer.clear();
        });
        result?;
        self.hand_on(PIECE)
    }

    /// Appends records that [`encode_key`] made for this version.
    pub fn records(&mut self, records: &[u8]) -> io::Result<()> {
        if records.len() < PIECE {
            self.writer.raw(records);
            return self.hand_on(PIECE);
        }
        self.hand_on(0)?;
        pass_on(&mut self.sink, self.checksum.as_mut(), &mut self.bytes, records)
    }

    /// Ends the file, and gives back what it was written to. That is not flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.writer.byte(Opcode::End as u8);
        self.hand_on(0)?;
        let checksum = self.checksum.as_ref().map_or(0, Running::value);
        self.sink.write_all(&checksum.to_le_bytes())?;
        Ok(self.sink)
    }

    /// What is written to.
    pub fn sink(&mut self) -> &mut W {
        &mut self.sink
    }

    /// Hands on what was gathered, if it is so much.
    fn hand_on(&mut self, least: usize) -> io::Result<()> {
        if least <= self.writer.bytes().len() {
            let gathered = self.writer.bytes();
            pass_on(&mut self.sink, self.checksum.as_mut(), &mut self.bytes, gathered)?;
            self.writer.clear();
        }
        Ok(())
    }
}

fn pass_on<W: Write>(
    sink: &mut W,
    checksum: Option<&mut Running>,
    count: &mut u64,
    bytes: &[u8],
) -> io::Result<()> {
    if let Some(checksum) = checksum {
        checksum.update(bytes);
    }
    *count = count.saturating_add(bytes.len() as u64);
    sink.write_all(bytes)
}

/// Writes the record of a key: it can be appended to any file of this version, behind the head of its database.
pub fn encode_key(
    key: &[u8],
    expiry_ms: Option<i64>,
    eviction: Eviction,
    value: ValueRef<'_>,
    version: Version,
    writer: &mut Writer,
) {
    encode_head(key, expiry_ms, eviction, value, version, writer);
    value::write(value, version, writer);
}

/// Writes what stands before the value in such a record; behind it belongs that alone.
pub fn encode_head(
    key: &[u8],
    expiry_ms: Option<i64>,
    eviction: Eviction,
    value: ValueRef<'_>,
    version: Version,
    writer: &mut Writer,
) {
    encode_modifiers(expiry_ms, eviction, writer);
    writer.byte(value_type(value, version).to_byte());
    writer.string(key);
}

/// Writes what stands before the type of a value.
pub(in crate::rdb) fn encode_modifiers(
    expiry_ms: Option<i64>,
    eviction: Eviction,
    writer: &mut Writer,
) {
    if let Some(expiry_ms) = expiry_ms {
        writer.byte(Opcode::ExpireMilliseconds as u8);
        writer.milliseconds(expiry_ms);
    }
    match eviction {
        Eviction::None => {}
        Eviction::Idle(seconds) => {
            writer.byte(Opcode::Idle as u8);
            writer.length(seconds);
        }
        Eviction::Frequency(counter) => {
            writer.byte(Opcode::Frequency as u8);
            writer.byte(counter);
        }
    }
}
