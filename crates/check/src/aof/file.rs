//! Checking one file: perhaps a snapshot, and then commands.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use persistence::aof::{Item, ReadError, Reader, filler_offset};

use super::options::Action;
use super::{cannot_open, is_snapshot};
use crate::rdb;

/// A file that is to be checked.
pub(super) struct Subject<'a> {
    pub(super) path: &'a Path,
    /// What it is called.
    pub(super) name: &'a str,
    /// What it is for, as it is told.
    pub(super) kind: &'static str,
    /// Whether nothing comes after it.
    pub(super) is_last: bool,
}

/// What became of a file with which one can go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Checked {
    Right,
    Empty,
    /// What was wrong, or too new, was cut off.
    Cut,
}

/// How far a file is right.
#[derive(Default)]
struct Walk {
    /// Bytes up to the end of the last command that is not within a transaction without end.
    good: u64,
    /// Lines of all commands, and the one after them.
    lines: u64,
    /// Whether a transaction is open.
    is_within: bool,
    /// What is wrong, and where that was seen.
    fault: Option<(u64, String)>,
    /// Where that begins which was executed after the time that is asked for.
    too_new: Option<u64>,
}

impl Walk {
    /// Judges a file that ends with space for more, or seems to: its last write, for which no checksum vouches from this offset on, may be torn.
    fn judge_last_write(&mut self, unverified: u64) {
        if self.too_new.is_none() {
            self.good = self.good.min(unverified);
            let what = || (unverified, "The last write is incomplete".to_owned());
            self.fault.get_or_insert_with(what);
        }
    }
}

impl Subject<'_> {
    /// Checks it; nothing if it is not right, which is told.
    pub(super) fn check(
        &self,
        action: Action,
        input: &mut dyn BufRead,
        output: &mut dyn Write,
    ) -> io::Result<Option<Checked>> {
        let opened = File::open(self.path).and_then(|mut file| {
            let size = file.metadata()?.len();
            Ok((filler_offset(&mut file)? < size, file, size, is_snapshot(self.path)?))
        });
        let (ends_in_filler, file, size, is_snapshot) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                cannot_open(self.path, &error, output)?;
                return Ok(None);
            }
        };
        if size == 0 {
            writeln!(output, "{} {} is empty", self.kind, self.name)?;
            return Ok(Some(Checked::Empty));
        }
        let mut reader: Box<dyn Read> = Box::new(file);
        let mut offset = 0;
        if is_snapshot {
            let Some(rest) = rdb::check_in_front(self.path, reader, output)? else {
                writeln!(output, "RDB preamble of AOF file is not sane, aborting.")?;
                return Ok(None);
            };
            (reader, offset) = rest;
            writeln!(output, "RDB preamble is OK, proceeding with AOF tail...")?;
        }
        let until = match action {
            Action::Truncate(time) => Some(time),
            Action::Check | Action::Fix => None,
        };
        let mut reader = Reader::new(reader, offset);
        let mut walk = self.walk(&mut reader, until)?;
        // Only what a checksum stands before can have such space behind it.
        let unverified = reader.unverified_offset();
        let is_torn = match walk.fault {
            None => reader.space_offset().is_some_and(|space| space != unverified),
            Some(_) => true,
        };
        if ends_in_filler && is_torn && offset < unverified {
            walk.judge_last_write(unverified);
        }
        match (walk.too_new, until) {
            (Some(offset), Some(time)) => self.cut_newer(offset, time, output),
            _ => self.judge(&walk, size, action, (input, output)),
        }
    }

    /// Reads all commands.
    fn walk(&self, reader: &mut Reader<Box<dyn Read>>, until: Option<i64>) -> io::Result<Walk> {
        let mut walk = Walk { good: reader.offset(), lines: 1, ..Walk::default() };
        loop {
            let item = match reader.next() {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(ReadError::Io(error)) => return Err(error),
                Err(ReadError::Truncated { offset }) => {
                    let what = "Unexpected end of file in the middle of a command".to_owned();
                    walk.fault = Some((offset, what));
                    return Ok(walk);
                }
                Err(ReadError::Corrupt { offset, fault }) => {
                    // A wrong checksum speaks of all that came since the last one.
                    walk.good = walk.good.min(offset);
                    walk.fault = Some((offset, format!("AOF {} format error: {fault}", self.name)));
                    return Ok(walk);
                }
            };
            match item {
                Item::Command => {
                    if let Some(what) = self.note_command(reader, &mut walk) {
                        walk.fault = Some((reader.offset(), what));
                        return Ok(walk);
                    }
                }
                Item::Timestamp(time) if until.is_some_and(|until| until < time) => {
                    walk.too_new = Some(reader.item_offset());
                    return Ok(walk);
                }
                Item::Timestamp(_) | Item::Checksum | Item::Annotation => {}
            }
            if !walk.is_within {
                walk.good = reader.offset();
            }
        }
        if walk.is_within {
            let what = "Reached EOF before reading EXEC for MULTI".to_owned();
            walk.fault = Some((reader.offset(), what));
        }
        Ok(walk)
    }

    /// Notes a command; says what is wrong with it.
    fn note_command(&self, reader: &Reader<Box<dyn Read>>, walk: &mut Walk) -> Option<String> {
        let words = reader.words();
        let lines = (words.len() as u64).saturating_mul(2).saturating_add(1);
        walk.lines = walk.lines.saturating_add(lines);
        let name = words.iter().next().unwrap_or_default();
        let is_begin = name.eq_ignore_ascii_case(b"MULTI");
        if !is_begin && !name.eq_ignore_ascii_case(b"EXEC") {
            return None;
        }
        if is_begin == walk.is_within {
            let name = if is_begin { "MULTI" } else { "EXEC" };
            return Some(format!("Unexpected {name} in AOF {}", self.path.display()));
        }
        walk.is_within = is_begin;
        None
    }

    /// Cuts off what was executed after a time.
    fn cut_newer(
        &self,
        offset: u64,
        time: i64,
        output: &mut dyn Write,
    ) -> io::Result<Option<Checked>> {
        if offset == 0 {
            let path = self.path.display();
            writeln!(output, "AOF {path} has nothing before timestamp {time}, aborting...")?;
            return Ok(None);
        }
        if !self.is_last {
            writeln!(
                output,
                "Failed to truncate AOF {} to timestamp {time} to offset {offset} because it is not the last file.\n\
                 If you insist, please delete all files after this file according to the manifest file and delete the \
                 corresponding records in manifest file manually. Then re-run ochre-check-aof.",
                self.path.display()
            )?;
            return Ok(None);
        }
        if let Err(error) = self.truncate(offset) {
            let name = self.name;
            writeln!(output, "Failed to truncate AOF {name} to timestamp {time}: {error}")?;
            return Ok(None);
        }
        writeln!(output, "Successfully truncated AOF {} to timestamp {time}", self.name)?;
        Ok(Some(Checked::Cut))
    }

    /// Says how far the file is right, and cuts off the rest if that is wanted.
    fn judge(
        &self,
        walk: &Walk,
        size: u64,
        action: Action,
        (input, output): (&mut dyn BufRead, &mut dyn Write),
    ) -> io::Result<Option<Checked>> {
        let (name, kind) = (self.name, self.kind);
        if let Some((offset, what)) = &walk.fault {
            writeln!(output, "0x{offset:>16x}: {what}")?;
        }
        let Walk { good, lines, .. } = *walk;
        let diff = size.saturating_sub(good);
        if let (Action::Truncate(time), 0) = (action, diff) {
            writeln!(output, "Truncate nothing in AOF {name} to timestamp {time}")?;
        } else {
            writeln!(
                output,
                "AOF analyzed: filename={name}, size={size}, ok_up_to={good}, ok_up_to_line={lines}, diff={diff}"
            )?;
        }
        if diff == 0 && walk.fault.is_none() {
            writeln!(output, "{kind} {name} is valid")?;
            return Ok(Some(Checked::Right));
        }
        if action != Action::Fix {
            writeln!(output, "AOF {name} is not valid. Use the --fix option to try fixing it.")?;
            return Ok(None);
        }
        if !self.is_last {
            writeln!(output, "Failed to truncate AOF {name} because it is not the last file")?;
            return Ok(None);
        }
        writeln!(
            output,
            "This will shrink the AOF {name} from {size} bytes, with {diff} bytes, to {good} bytes"
        )?;
        write!(output, "Continue? [y/N]: ")?;
        output.flush()?;
        let mut answer = String::new();
        input.read_line(&mut answer)?;
        if !answer.starts_with(['y', 'Y']) {
            writeln!(output, "Aborting...")?;
            return Ok(None);
        }
        if let Err(error) = self.truncate(good) {
            writeln!(output, "Failed to truncate AOF {name}: {error}")?;
            return Ok(None);
        }
        writeln!(output, "Successfully truncated AOF {name}")?;
        Ok(Some(Checked::Cut))
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path)?;
        file.set_len(bytes)?;
        file.sync_all()
    }
}
