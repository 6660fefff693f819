//! Replies, written in the client's protocol.
//!
//! A command says what it answers; [`Reply`] writes it as RESP2 or RESP3. Lengths below 1,000 and
//! small integers, which are nearly all, are written without a general conversion.

use std::sync::Arc;

use crate::error::ReplyError;
use crate::limits::SHARED_BYTES;
use crate::number::{LongDouble, write_double, write_integer, write_unsigned};
use crate::output::{Mark, Output};

/// The version of the protocol that a client speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The one before HELLO: five types.
    #[default]
    Resp2,
    /// With maps, sets, doubles, booleans, pushes.
    Resp3,
}

/// Writes replies to an [`Output`] in a protocol.
#[derive(Debug)]
pub struct Reply<'a> {
    output: &'a mut Output,
    protocol: Protocol,
}

/// A place for the header of an aggregate whose length comes later. Close it with
/// [`Reply::close`]; aggregates inside it are closed before.
#[derive(Debug)]
#[must_use = "without its header the reply is broken"]
pub struct Deferred {
    mark: Mark,
    kind: Aggregate,
}

#[derive(Debug, Clone, Copy)]
enum Aggregate {
    Array,
    Map,
    Set,
    Push,
    Attribute,
}

impl<'a> Reply<'a> {
    /// Replies that are appended to `output`.
    pub fn new(output: &'a mut Output, protocol: Protocol) -> Reply<'a> {
        Reply { output, protocol }
    }

    /// The protocol that it writes.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Goes on in another protocol (HELLO).
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// What it writes to.
    pub fn output(&mut self) -> &mut Output {
        self.output
    }

    /// A reply for as long as this one is lent, to hand to a function that wants its own.
    pub fn reborrow(&mut self) -> Reply<'_> {
        Reply { output: self.output, protocol: self.protocol }
    }

    /// An integer.
    pub fn integer(&mut self, number: i64) {
        self.signed_header(b':', number);
    }

    /// An integer without a sign: a count or a length. Redis replies these as they are, too.
    pub fn unsigned(&mut self, number: u64) {
        header(self.output.tail(), b':', number);
    }

    /// A status such as `OK`. It must hold no CR or LF.
    pub fn simple(&mut self, text: &'static str) {
        debug_assert!(!text.bytes().any(|byte| byte == b'\r' || byte == b'\n'));
        let tail = self.output.tail();
        tail.push(b'+');
        tail.extend_from_slice(text.as_bytes());
        tail.extend_from_slice(b"\r\n");
    }

    /// `OK`.
    pub fn ok(&mut self) {
        self.output.tail().extend_from_slice(b"+OK\r\n");
    }

    /// An error.
    pub fn error(&mut self, error: &ReplyError) {
        let tail = self.output.tail();
        tail.push(b'-');
        error.write_to(tail);
        tail.extend_from_slice(b"\r\n");
    }

    /// A string, copied.
    pub fn bulk(&mut self, bytes: &[u8]) {
        let tail = self.output.tail();
        tail.reserve(bytes.len().saturating_add(BULK_FRAME));
        // Most are shorter than a hundred bytes.
        let digit = |number: u8| b'0'.wrapping_add(number);
        match u8::try_from(bytes.len()) {
            Ok(length @ 0..10) => tail.extend_from_slice(&[b'$', digit(length), b'\r', b'\n']),
            Ok(length @ 10..100) => {
                let (tens, ones) = (digit(length / 10), digit(length % 10));
                tail.extend_from_slice(&[b'$', tens, ones, b'\r', b'\n']);
            }
            _ => header(tail, b'$', bytes.len() as u64),
        }
        tail.extend_from_slice(bytes);
        tail.extend_from_slice(b"\r\n");
    }

    /// A string, shared if it is long enough for that to be cheaper than a copy.
    pub fn bulk_shared(&mut self, value: Arc<Vec<u8>>) {
        if value.len() < SHARED_BYTES {
            self.bulk(&value);
            return;
        }
        header(self.output.tail(), b'$', value.len() as u64);
        self.output.push_shared(value);
        self.output.tail().extend_from_slice(b"\r\n");
    }

    /// An integer as a string.
    pub fn bulk_integer(&mut self, number: i64) {
        self.bulk(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Nothing: no such key, no such element.
    pub fn null(&mut self) {
        let bytes: &[u8] = match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        };
        self.output.push(bytes);
    }

    /// Nothing, where there would be an array.
    pub fn null_array(&mut self) {
        let bytes: &[u8] = match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        };
        self.output.push(bytes);
    }

    /// The header of an array of `count` replies, which follow.
    pub fn array(&mut self, count: usize) {
        self.aggregate(Aggregate::Array, count);
    }

    /// The header of a map of `pairs`, which follow: key, value, key, value. RESP2 sees an array.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(Aggregate::Map, pairs);
    }

    /// The header of a set of `count` replies. RESP2 sees an array.
    pub fn set(&mut self, count: usize) {
        self.aggregate(Aggregate::Set, count);
    }

    /// The header of a push of `count` replies, which is nobody's answer. RESP2 sees an array.
    pub fn push(&mut self, count: usize) {
        self.aggregate(Aggregate::Push, count);
    }

    /// The header of `pairs` of attributes of the reply after them. RESP2 has no such thing: then
    /// nothing is written, and the caller leaves the pairs out; hence the answer.
    #[must_use = "whether to write the pairs"]
    pub fn attribute(&mut self, pairs: usize) -> bool {
        let written = self.protocol == Protocol::Resp3;
        if written {
            self.aggregate(Aggregate::Attribute, pairs);
        }
        written
    }

    /// True or false; 1 or 0 in RESP2.
    pub fn boolean(&mut self, value: bool) {
        let bytes: &[u8] = match (self.protocol, value) {
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
        };
        self.output.push(bytes);
    }

    /// A float; a string in RESP2.
    pub fn double(&mut self, value: f64) {
        match self.protocol {
            Protocol::Resp2 => {
                // The text comes first, since its length must be known, and its header is then
                // turned to the front.
                let tail = self.output.tail();
                let start = tail.len();
                write_double(value, tail);
                let length = tail.len().saturating_sub(start);
                header(tail, b'$', length as u64);
                if let Some(written) = tail.get_mut(start..) {
                    written.rotate_left(length);
                }
                tail.extend_from_slice(b"\r\n");
            }
            Protocol::Resp3 => {
                let tail = self.output.tail();
                tail.push(b',');
                write_double(value, tail);
                tail.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A float with all of its places, 17 at most, and no exponent; a string in RESP2.
    pub fn long_double(&mut self, value: LongDouble) {
        let mut text = Vec::with_capacity(HEADER);
        value.write_to(&mut text);
        match self.protocol {
            Protocol::Resp2 => self.bulk(&text),
            Protocol::Resp3 => {
                let tail = self.output.tail();
                tail.push(b',');
                tail.extend_from_slice(&text);
                tail.extend_from_slice(b"\r\n");
            }
        }
    }

    /// An integer of any size, in decimal; a string in RESP2. It must hold no CR or LF.
    pub fn big_number(&mut self, decimal: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(decimal.as_bytes()),
            Protocol::Resp3 => {
                let tail = self.output.tail();
                tail.push(b'(');
                tail.extend_from_slice(decimal.as_bytes());
                tail.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A text for a person to read, with its format (`txt` or `mkd`); a string in RESP2.
    pub fn verbatim(&mut self, format: &'static str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3, "a format has three letters");
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                let tail = self.output.tail();
                header(tail, b'=', (text.len() as u64).saturating_add(4));
                tail.extend_from_slice(format.as_bytes());
                tail.push(b':');
                tail.extend_from_slice(text);
                tail.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Bytes that are a reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.output.push(bytes);
    }

    /// An array whose count is known only after its elements are written.
    pub fn deferred_array(&mut self) -> Deferred {
        Deferred { mark: self.output.mark(), kind: Aggregate::Array }
    }

    /// A map whose number of pairs is known only after they are written.
    pub fn deferred_map(&mut self) -> Deferred {
        Deferred { mark: self.output.mark(), kind: Aggregate::Map }
    }

    /// A set whose count is known only after its elements are written.
    pub fn deferred_set(&mut self) -> Deferred {
        Deferred { mark: self.output.mark(), kind: Aggregate::Set }
    }

    /// Writes the header of what was begun: `count` elements, or pairs of a map.
    #[expect(clippy::needless_pass_by_value, reason = "a header is written once")]
    pub fn close(&mut self, deferred: Deferred, count: usize) {
        let Deferred { mark, kind } = deferred;
        let (first, count) = self.aggregate_header(kind, count);
        let mut bytes = Vec::with_capacity(HEADER);
        header(&mut bytes, first, count);
        self.output.insert(mark, &bytes);
    }

    fn aggregate(&mut self, kind: Aggregate, count: usize) {
        let (first, count) = self.aggregate_header(kind, count);
        header(self.output.tail(), first, count);
    }

    fn aggregate_header(&self, kind: Aggregate, count: usize) -> (u8, u64) {
        let count = count as u64;
        match (self.protocol, kind) {
            (Protocol::Resp2, Aggregate::Map | Aggregate::Attribute) => {
                (b'*', count.saturating_mul(2))
            }
            (Protocol::Resp2, Aggregate::Set | Aggregate::Push) | (_, Aggregate::Array) => {
                (b'*', count)
            }
            (Protocol::Resp3, Aggregate::Map) => (b'%', count),
            (Protocol::Resp3, Aggregate::Set) => (b'~', count),
            (Protocol::Resp3, Aggregate::Push) => (b'>', count),
            (Protocol::Resp3, Aggregate::Attribute) => (b'|', count),
        }
    }

    fn signed_header(&mut self, first: u8, number: i64) {
        let tail = self.output.tail();
        if let Ok(number) = u64::try_from(number) {
            header(tail, first, number);
            return;
        }
        tail.push(first);
        write_integer(number, tail);
        tail.extend_from_slice(b"\r\n");
    }
}

/// Bytes of the longest header: the type, 20 digits, the line ending.
const HEADER: usize = 23;

/// Bytes around a bulk string: its header and a line ending.
const BULK_FRAME: usize = HEADER + 2;

/// Appends a type and a number, as a line.
#[inline]
fn header(tail: &mut Vec<u8>, first: u8, number: u64) {
    // Most replies are one digit: a count, or a bit.
    if number < 10 {
        let [digit, ..] = number.to_le_bytes();
        tail.extend_from_slice(&[first, b'0'.wrapping_add(digit), b'\r', b'\n']);
        return;
    }
    long_header(tail, first, number);
}

/// The same for more digits. The fixed eight bytes of a few are one store; what they have too much is cut off again.
fn long_header(tail: &mut Vec<u8>, first: u8, number: u64) {
    let digit = |divisor: u64| {
        let digit = (number.checked_div(divisor).unwrap_or_default() % 10) as u8;
        b'0'.wrapping_add(digit)
    };
    let (bytes, length) = match number {
        0..100 => ([first, digit(10), digit(1), b'\r', b'\n', 0, 0, 0], 5_usize),
        100..1000 => ([first, digit(100), digit(10), digit(1), b'\r', b'\n', 0, 0], 6),
        _ => {
            tail.push(first);
            write_unsigned(number, tail);
            tail.extend_from_slice(b"\r\n");
            return;
        }
    };
    tail.extend_from_slice(&bytes);
    tail.truncate(tail.len().wrapping_sub(bytes.len().wrapping_sub(length)));
}

#[cfg(test)]
mod tests;
