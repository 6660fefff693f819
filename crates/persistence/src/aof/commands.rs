//! A base of commands, for those who want no snapshot in their append-only file.
//!
//! What is to be the base is written as a snapshot first, since that is how data is seen as it was at one moment, and then read again:
//! each key becomes the commands that make it. Memory for one key at a time is enough.

use std::io::{Read, Write};
use std::ops::ControlFlow;

use collections::ObjectRef;
use collections::hash::HashRef;
use collections::list::End;
use collections::list_pack::Element;
use collections::stream::{Group, StreamId, StreamRef};

use super::checksum_line;
use crate::crc64;
use crate::rdb::file::{
    LoadError, LoadedKey, LoadedValue, Modules, Refusal, Settings, Sink, read_file,
};
use crate::rdb::value::{Care, Limits};

/// Elements in one command.
const ELEMENTS: usize = 64;
/// Bytes that are gathered before they are written.
const PART: usize = 64 << 10;

/// Reads a snapshot and writes the commands that make what is in it, with lines of checksums if they are asked for.
pub fn write_commands<R: Read, W: Write>(
    snapshot: R,
    limits: &Limits,
    with_checksums: bool,
    output: W,
) -> Result<W, LoadError> {
    let mut commands = Commands { output, with_checksums, bytes: Vec::with_capacity(PART) };
    // It was written by this process just now.
    let settings = Settings { checksum: false, modules: Modules::Refused, care: Care::Shallow };
    read_file(snapshot, settings, limits, &mut commands)?;
    commands.flush()?;
    Ok(commands.output)
}

struct Commands<W> {
    output: W,
    with_checksums: bool,
    bytes: Vec<u8>,
}

impl<W: Write> Sink for Commands<W> {
    fn auxiliary(&mut self, _name: &[u8], _value: &[u8]) -> Result<(), Refusal> {
        Ok(())
    }

    fn database(&mut self, number: u64) -> Result<(), Refusal> {
        self.command(&[b"SELECT", number.to_string().as_bytes()])
    }

    fn sizes(&mut self, _keys: u64, _expiring: u64) {}

    fn function(&mut self, code: Vec<u8>) -> Result<(), Refusal> {
        self.command(&[b"FUNCTION", b"LOAD", &code])
    }

    fn key(&mut self, loaded: LoadedKey<'_>) -> Result<(), Refusal> {
        let key = loaded.key;
        match &loaded.value {
            LoadedValue::String(value) => self.command(&[b"SET", key, value])?,
            LoadedValue::Object(object) => self.collection(key, object.to_ref())?,
            LoadedValue::Empty => return Ok(()),
            LoadedValue::Module { name } => {
                return Err(Refusal(format!("no command makes a value of the module type {name}")));
            }
        }
        match loaded.expiry_ms {
            Some(expiry_ms) => self.command(&[b"PEXPIREAT", key, expiry_ms.to_string().as_bytes()]),
            None => Ok(()),
        }
    }
}

impl<W: Write> Commands<W> {
    fn collection(&mut self, key: &[u8], object: ObjectRef<'_>) -> Result<(), Refusal> {
        match object {
            ObjectRef::List(list) => {
                let mut several = Several::new(b"RPUSH", key);
                let flow = list.visit(0, End::Head, |element| {
                    match self.add(&mut several, [bytes_of(element)]) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(refusal) => ControlFlow::Break(refusal),
                    }
                });
                flow.map_or(Ok(()), Err)?;
                self.several(&mut several)
            }
            ObjectRef::Set(set) => {
                let mut several = Several::new(b"SADD", key);
                for member in set.iter() {
                    self.add(&mut several, [bytes_of(member)])?;
                }
                self.several(&mut several)
            }
            ObjectRef::SortedSet(set) => {
                let mut several = Several::new(b"ZADD", key);
                for (member, score) in set.iter() {
                    let mut text = Vec::new();
                    resp::number::write_double_in_full(score, &mut text);
                    self.add(&mut several, [text, bytes_of(member)])?;
                }
                self.several(&mut several)
            }
            ObjectRef::Hash(hash) => self.hash(key, hash),
            ObjectRef::Stream(stream) => self.stream(key, stream),
        }
    }

    fn hash(&mut self, key: &[u8], hash: HashRef<'_>) -> Result<(), Refusal> {
        let mut several = Several::new(b"HMSET", key);
        for field in hash {
            self.add(&mut several, [bytes_of(field.name), bytes_of(field.value)])?;
        }
        self.several(&mut several)?;
        for field in hash {
            if let Some(expiry_ms) = field.expiry {
                let (name, expiry) = (bytes_of(field.name), expiry_ms.to_string());
                self.command(&[b"HPEXPIREAT", key, expiry.as_bytes(), b"FIELDS", b"1", &name])?;
            }
        }
        Ok(())
    }

    fn stream(&mut self, key: &[u8], stream: StreamRef<'_>) -> Result<(), Refusal> {
        let log = stream.log();
        for entry in log.range(StreamId::MIN, StreamId::MAX) {
            let mut words = vec![b"XADD".to_vec(), key.to_vec(), entry.id().text().to_vec()];
            for (name, value) in entry.fields() {
                words.extend([bytes_of(name), bytes_of(value)]);
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            self.command(&words)?;
        }
        if log.is_empty() {
            self.command(&[b"XADD", key, b"MAXLEN", b"0", b"0-1", b"x", b"y"])?;
        }
        self.command(&[
            b"XSETID",
            key,
            &log.last_id().text(),
            b"ENTRIESADDED",
            log.entries_added().to_string().as_bytes(),
            b"MAXDELETEDID",
            &log.max_deleted_id().text(),
        ])?;
        for (name, group) in stream.groups() {
            self.group(key, name, group)?;
        }
        Ok(())
    }

    fn group(&mut self, key: &[u8], name: &[u8], group: &Group) -> Result<(), Refusal> {
        let entries_read = group.entries_read.unwrap_or(-1).to_string();
        self.command(&[
            b"XGROUP",
            b"CREATE",
            key,
            name,
            &group.last_delivered.text(),
            b"ENTRIESREAD",
            entries_read.as_bytes(),
        ])?;
        for (_, consumer) in group.consumers() {
            self.command(&[b"XGROUP", b"CREATECONSUMER", key, name, consumer.name()])?;
        }
        for (id, pending) in group.pending_in(StreamId::MIN..=StreamId::MAX) {
            self.command(&[
                b"XCLAIM",
                key,
                name,
                group.consumer_name(pending.consumer),
                b"0",
                &id.text(),
                b"TIME",
                pending.delivered_ms.to_string().as_bytes(),
                b"RETRYCOUNT",
                pending.deliveries.to_string().as_bytes(),
                b"JUSTID",
                b"FORCE",
            ])?;
        }
        Ok(())
    }

    /// Adds an element, after what was gathered was written if that is enough.
    fn add<const WORDS: usize>(
        &mut self,
        several: &mut Several<'_>,
        element: [Vec<u8>; WORDS],
    ) -> Result<(), Refusal> {
        if several.elements == ELEMENTS {
            self.several(several)?;
        }
        several.elements = several.elements.saturating_add(1);
        several.words.extend(element);
        Ok(())
    }

    fn several(&mut self, several: &mut Several<'_>) -> Result<(), Refusal> {
        let words: Vec<&[u8]> = [several.command, several.key]
            .into_iter()
            .chain(several.words.iter().map(Vec::as_slice))
            .collect();
        self.command(&words)?;
        several.words.clear();
        several.elements = 0;
        Ok(())
    }

    fn command(&mut self, words: &[&[u8]]) -> Result<(), Refusal> {
        resp::value::encode_request(words, &mut self.bytes);
        if PART <= self.bytes.len() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Refusal> {
        if self.with_checksums && !self.bytes.is_empty() {
            let line = checksum_line(crc64::checksum(&self.bytes));
            self.bytes.extend_from_slice(&line);
        }
        let written = self.output.write_all(&self.bytes);
        self.bytes.clear();
        written.map_err(|error| Refusal(error.to_string()))
    }
}

/// A command for several elements of a collection.
struct Several<'k> {
    command: &'static [u8],
    key: &'k [u8],
    elements: usize,
    words: Vec<Vec<u8>>,
}

impl<'k> Several<'k> {
    fn new(command: &'static [u8], key: &'k [u8]) -> Several<'k> {
        Several { command, key, elements: 0, words: Vec::new() }
    }
}

fn bytes_of(element: Element<'_>) -> Vec<u8> {
    element.bytes(&mut itoa::Buffer::new()).to_vec()
}
