//! What is told while a file is read, line by line, in the form of Redis's tool.

use std::io::{self, Write};
use std::path::Path;

use persistence::rdb::ValueType;
use persistence::rdb::file::{Checksum, LoadError, Place};

use super::survey::Survey;

/// Prints lines, or does not.
pub(super) struct Progress<'o> {
    is_told: bool,
    output: &'o mut dyn Write,
}

impl<'o> Progress<'o> {
    pub(super) fn new(is_told: bool, output: &'o mut dyn Write) -> Progress<'o> {
        Progress { is_told, output }
    }

    /// Tells something that was found before this byte.
    pub(super) fn told(&mut self, offset: u64, what: &str) -> io::Result<()> {
        if self.is_told { writeln!(self.output, "[offset {offset}] {what}") } else { Ok(()) }
    }

    pub(super) fn auxiliary(&mut self, offset: u64, name: &[u8], value: &[u8]) -> io::Result<()> {
        let (name, value) = (name.escape_ascii(), value.escape_ascii());
        self.told(offset, &format!("AUX FIELD {name} = '{value}'"))
    }

    pub(super) fn checksum(&mut self, offset: u64, checksum: Checksum) -> io::Result<()> {
        match checksum {
            Checksum::Right => self.told(offset, "Checksum OK"),
            Checksum::Absent => {
                let what = "RDB file was saved with checksum disabled: no check performed.";
                self.told(offset, what)
            }
            Checksum::Ignored => Ok(()),
        }
    }

    pub(super) fn cannot_open(&mut self, path: &Path, error: &io::Error) -> io::Result<()> {
        writeln!(self.output, "Cannot open {}: {error}", path.display())
    }

    /// Tells that all is well.
    pub(super) fn finish(&mut self, survey: &Survey) -> io::Result<()> {
        self.told(survey.bytes, "\\o/ RDB looks OK! \\o/")?;
        self.counts(survey, survey.keys)
    }

    fn counts(&mut self, survey: &Survey, keys: u64) -> io::Result<()> {
        if !self.is_told {
            return Ok(());
        }
        writeln!(self.output, "[info] {keys} keys read")?;
        writeln!(self.output, "[info] {} expires", survey.expiring)?;
        writeln!(self.output, "[info] {} already expired", survey.expired)?;
        writeln!(self.output, "[info] {} subexpires", survey.with_expiring_fields)
    }

    /// Tells what is wrong. That is told always.
    pub(super) fn failed(&mut self, error: &LoadError, survey: &Survey) -> io::Result<()> {
        let offset = error.offset().unwrap_or(survey.bytes);
        let (what, doing, place) = described(error);
        writeln!(self.output, "--- RDB ERROR DETECTED ---")?;
        writeln!(self.output, "[offset {offset}] {what}")?;
        writeln!(self.output, "[additional info] While doing: {doing}")?;
        let mut keys = survey.keys;
        if let Some(key) = place.and_then(|place| place.key.as_ref()) {
            // Its name was read.
            keys = keys.saturating_add(1);
            writeln!(self.output, "[additional info] Reading key '{}'", key.escape_ascii())?;
        }
        if let Some(form) = place.and_then(|place| place.form) {
            let (number, name) = (form.to_byte(), name_of(form));
            writeln!(self.output, "[additional info] Reading type {number} ({name})")?;
        }
        self.is_told = true;
        self.counts(survey, keys)
    }
}

/// What is wrong, what was being read, and where.
fn described(error: &LoadError) -> (String, &'static str, Option<&Place>) {
    match error {
        LoadError::Signature | LoadError::Version(_) => (error.to_string(), "start", None),
        LoadError::Io { error, .. } => (error.to_string(), "read-type", None),
        LoadError::EndedEarly(place) => {
            ("Unexpected EOF reading RDB file".to_owned(), doing(place), Some(place))
        }
        LoadError::Corrupt { place, what } => (what.to_string(), doing(place), Some(place)),
        LoadError::FunctionBeforeRelease(_) => {
            let what = "Pre-release function format not supported.".to_owned();
            (what, "read-functions", None)
        }
        LoadError::Module { place, .. } => (error.to_string(), doing(place), Some(place)),
        LoadError::Checksum { .. } => ("RDB CRC error".to_owned(), "check-sum", None),
        LoadError::Refused(refusal) => (refusal.to_string(), "read-object-value", None),
    }
}

fn doing(place: &Place) -> &'static str {
    /// Bytes of the head of a file.
    const HEAD: u64 = 9;
    match (&place.key, place.form) {
        _ if place.offset < HEAD => "start",
        (Some(_), _) => "read-object-value",
        (None, Some(_)) => "read-key",
        (None, None) => "read-type",
    }
}

/// The names that Redis's tool has for the forms of values.
pub(super) fn name_of(form: ValueType) -> &'static str {
    match form {
        ValueType::String => "string",
        ValueType::List => "list-linked",
        ValueType::Set => "set-hashtable",
        ValueType::SortedSet => "zset-v1",
        ValueType::Hash => "hash-hashtable",
        ValueType::SortedSet2 => "zset-v2",
        ValueType::ModuleBeforeRelease => "module-pre-release",
        ValueType::Module2 => "module-value",
        ValueType::HashZipMap => "hash-zipmap",
        ValueType::ListZipList => "list-ziplist",
        ValueType::SetIntSet => "set-intset",
        ValueType::SortedSetZipList => "zset-ziplist",
        ValueType::HashZipList => "hash-ziplist",
        ValueType::ListQuickList => "quicklist",
        ValueType::StreamListPacks => "stream",
        ValueType::HashListPack => "hash-listpack",
        ValueType::SortedSetListPack => "zset-listpack",
        ValueType::ListQuickList2 => "quicklist-v2",
        ValueType::StreamListPacks2 => "stream-v2",
        ValueType::SetListPack => "set-listpack",
        ValueType::StreamListPacks3 => "stream-v3",
        ValueType::HashMetadataBeforeRelease => "hash-hashtable-md-pre-release",
        ValueType::HashListPackExBeforeRelease => "hash-listpack-md-pre-release",
        ValueType::HashMetadata => "hash-hashtable-md",
        ValueType::HashListPackEx => "hash-listpack-md",
        ValueType::HashOfValkey => "hash-2",
    }
}
