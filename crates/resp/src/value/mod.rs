//! Replies as values, for clients and tests; and requests to send.
//!
//! A [`Value`] keeps everything that the server can say differently: the three kinds of nothing, the
//! text of a double. So two servers' replies are equal as values only if they are equal as bytes.

use crate::error::ReplyError;
use crate::limits::{VALUE_BYTES, VALUE_DEPTH, VALUE_LINE_BYTES, VALUE_RESERVED};
use crate::number::{parse_integer, write_unsigned};

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// `+`, a status.
    Simple(Vec<u8>),
    /// `-`, an error: the whole line.
    Error(Vec<u8>),
    /// `:`
    Integer(i64),
    /// `$`, a string.
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*`
    Array(Vec<Value>),
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `#`
    Boolean(bool),
    /// `,`, as it is written; [`Value::as_double`] reads it.
    Double(Vec<u8>),
    /// `(`, an integer of any size, as it is written.
    BigNumber(Vec<u8>),
    /// `!`, an error of any bytes.
    BulkError(Vec<u8>),
    /// `=`, a text with its format.
    Verbatim {
        /// Such as `txt`.
        format: [u8; 3],
        /// What comes after the colon.
        text: Vec<u8>,
    },
    /// `%`, pairs in the order in which they came.
    Map(Vec<(Value, Value)>),
    /// `~`
    Set(Vec<Value>),
    /// `>`, something that is no answer.
    Push(Vec<Value>),
    /// `|`, pairs said of the value after them.
    Attribute {
        /// The pairs.
        pairs: Vec<(Value, Value)>,
        /// What they are said of.
        value: Box<Value>,
    },
}

/// Bytes that are no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No type begins with this byte.
    #[error("no reply begins with {:?}", char::from(*.0))]
    UnknownType(u8),
    /// A line whose CR is not followed by LF, or with LF alone.
    #[error("a line does not end with CR LF")]
    LineEnding,
    /// A count, length or integer that is none.
    #[error("{:?} is not a number that can stand here", .0.escape_ascii().to_string())]
    Number(Vec<u8>),
    /// A value that is not one of its type.
    #[error("{:?} is not a value of this type", .0.escape_ascii().to_string())]
    Malformed(Vec<u8>),
    /// Nested deeper than [`VALUE_DEPTH`].
    #[error("nested too deep")]
    Depth,
    /// A line, string or aggregate longer than the limits.
    #[error("too long")]
    Length,
}

/// Goes on with what a step gives, or ends this one with nothing as well.
macro_rules! step {
    ($step:expr) => {
        match $step? {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

/// Reads the value at the beginning of `input`; with it, how many bytes it took. Nothing if it is
/// not complete yet.
pub fn decode(input: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
    let mut decoder = Decoder { input, position: 0 };
    let value = decoder.value(VALUE_DEPTH)?;
    Ok(value.map(|value| (value, decoder.position)))
}

/// The number of bytes of the value at the beginning of `input`; nothing if it is not complete yet.
/// Looks only as far into it as it must to find its end, and makes nothing of it: for a client that
/// counts replies.
pub fn length(input: &[u8]) -> Result<Option<usize>, DecodeError> {
    let mut decoder = Decoder { input, position: 0 };
    let mut to_come = 1_usize;
    while let Some(rest) = to_come.checked_sub(1) {
        let (first, line) = step!(decoder.header());
        to_come = rest.saturating_add(match first {
            b'$' | b'*' if line == b"-1" => 0,
            b'$' | b'!' | b'=' => {
                step!(decoder.string(line));
                0
            }
            b'*' | b'~' | b'>' => count(line, usize::MAX)?,
            b'%' => count(line, usize::MAX)?.saturating_mul(2),
            b'|' => count(line, usize::MAX)?.saturating_mul(2).saturating_add(1),
            _ => 0,
        });
    }
    Ok(Some(decoder.position))
}

/// Appends the request of `words`.
pub fn encode_request<Word: AsRef<[u8]>>(words: &[Word], output: &mut Vec<u8>) {
    header(output, b'*', words.len());
    for word in words {
        bulk(output, b'$', word.as_ref());
    }
}

/// Appends the request that has these words.
pub fn encode_words(words: crate::Words<'_>, output: &mut Vec<u8>) {
    /// The longest line that announces a word, and the line ending behind it.
    const AROUND: usize = 24;
    let around = words.len().saturating_add(1).saturating_mul(AROUND);
    output.reserve(words.bytes().saturating_add(around));
    header(output, b'*', words.len());
    for word in words.iter() {
        match u8::try_from(word.len()) {
            // Most are so short: one step instead of three.
            Ok(length @ 0..=9) => {
                output.extend_from_slice(&[b'$', b'0'.wrapping_add(length), b'\r', b'\n']);
            }
            _ => header(output, b'$', word.len()),
        }
        output.extend_from_slice(word);
        output.extend_from_slice(b"\r\n");
    }
}

impl Value {
    /// Reads the value at the beginning of `input`; see [`decode`].
    pub fn decode(input: &[u8]) -> Result<Option<(Value, usize)>, DecodeError> {
        decode(input)
    }

    /// Appends the value's bytes.
    pub fn encode(&self, output: &mut Vec<u8>) {
        match self {
            Value::Simple(text) => line(output, b'+', text),
            Value::Error(text) => line(output, b'-', text),
            Value::Integer(number) => {
                line(output, b':', itoa::Buffer::new().format(*number).as_bytes());
            }
            Value::Bulk(bytes) => bulk(output, b'$', bytes),
            Value::NullBulk => output.extend_from_slice(b"$-1\r\n"),
            Value::NullArray => output.extend_from_slice(b"*-1\r\n"),
            Value::Null => output.extend_from_slice(b"_\r\n"),
            Value::Boolean(value) => line(output, b'#', if *value { b"t" } else { b"f" }),
            Value::Double(text) => line(output, b',', text),
            Value::BigNumber(text) => line(output, b'(', text),
            Value::BulkError(text) => bulk(output, b'!', text),
            Value::Verbatim { format, text } => {
                bulk(output, b'=', &[format.as_slice(), b":", text].concat());
            }
            Value::Array(values) => aggregate(output, b'*', values),
            Value::Set(values) => aggregate(output, b'~', values),
            Value::Push(values) => aggregate(output, b'>', values),
            Value::Map(pairs) => aggregate_pairs(output, b'%', pairs),
            Value::Attribute { pairs, value } => {
                aggregate_pairs(output, b'|', pairs);
                value.encode(output);
            }
        }
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_) | Value::BulkError(_))
    }

    /// Whether it is nothing, of whichever kind.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null | Value::NullBulk | Value::NullArray)
    }

    /// The bytes of a string, status, error, double, big number or text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(bytes)
            | Value::Error(bytes)
            | Value::Bulk(bytes)
            | Value::Double(bytes)
            | Value::BigNumber(bytes)
            | Value::BulkError(bytes)
            | Value::Verbatim { text: bytes, .. } => Some(bytes),
            Value::Integer(_)
            | Value::NullBulk
            | Value::Array(_)
            | Value::NullArray
            | Value::Null
            | Value::Boolean(_)
            | Value::Map(_)
            | Value::Set(_)
            | Value::Push(_)
            | Value::Attribute { .. } => None,
        }
    }

    /// Those bytes as text, whatever is none in them replaced.
    pub fn as_text(&self) -> Option<String> {
        self.as_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The number, if it is an integer.
    pub fn as_integer(&self) -> Option<i64> {
        if let Value::Integer(number) = self { Some(*number) } else { None }
    }

    /// The number that a double, a string or an integer is.
    pub fn as_double(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "the caller wants a double")]
        if let Value::Integer(number) = self {
            return Some(*number as f64);
        }
        std::str::from_utf8(self.as_bytes()?).ok()?.parse().ok()
    }

    /// The elements of an array, set or push.
    pub fn as_array(&self) -> Option<&[Value]> {
        if let Value::Array(values) | Value::Set(values) | Value::Push(values) = self {
            Some(values)
        } else {
            None
        }
    }
}

impl From<&ReplyError> for Value {
    fn from(error: &ReplyError) -> Value {
        let mut line = Vec::new();
        error.write_to(&mut line);
        Value::Error(line)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Bulk(text.as_bytes().to_vec())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

struct Decoder<'a> {
    input: &'a [u8],
    position: usize,
}

/// What a step of the decoder gives: nothing if the input ends before.
type Step<T> = Result<Option<T>, DecodeError>;

impl<'a> Decoder<'a> {
    fn value(&mut self, depth: usize) -> Step<Value> {
        let depth = depth.checked_sub(1).ok_or(DecodeError::Depth)?;
        let (first, line) = step!(self.header());
        let malformed = || DecodeError::Malformed(line.to_vec());
        Ok(Some(match first {
            b'+' => Value::Simple(line.to_vec()),
            b'-' => Value::Error(line.to_vec()),
            b':' => Value::Integer(integer(line)?),
            b',' => Value::Double(line.to_vec()),
            b'(' => Value::BigNumber(line.to_vec()),
            b'_' if line.is_empty() => Value::Null,
            b'#' if line == b"t" => Value::Boolean(true),
            b'#' if line == b"f" => Value::Boolean(false),
            b'_' | b'#' => return Err(malformed()),
            b'$' if line == b"-1" => Value::NullBulk,
            b'*' if line == b"-1" => Value::NullArray,
            b'$' => Value::Bulk(step!(self.string(line)).to_vec()),
            b'!' => Value::BulkError(step!(self.string(line)).to_vec()),
            b'=' => match step!(self.string(line)) {
                [a, b, c, b':', text @ ..] => {
                    Value::Verbatim { format: [*a, *b, *c], text: text.to_vec() }
                }
                _ => return Err(malformed()),
            },
            b'~' => Value::Set(step!(self.values(line, depth))),
            b'>' => Value::Push(step!(self.values(line, depth))),
            b'%' => Value::Map(step!(self.pairs(line, depth))),
            b'|' => {
                let pairs = step!(self.pairs(line, depth));
                Value::Attribute { pairs, value: Box::new(step!(self.value(depth))) }
            }
            _ => Value::Array(step!(self.values(line, depth))),
        }))
    }

    /// The type and the line with which the next value begins.
    fn header(&mut self) -> Step<(u8, &'a [u8])> {
        let Some(first) = self.input.get(self.position).copied() else {
            return Ok(None);
        };
        if !b"+-:$*_#,(!=%~>|".contains(&first) {
            return Err(DecodeError::UnknownType(first));
        }
        self.position = self.position.saturating_add(1);
        Ok(Some((first, step!(self.line()))))
    }

    /// The bytes up to the next line ending, which is passed over.
    fn line(&mut self) -> Step<&'a [u8]> {
        let rest = self.input.get(self.position..).unwrap_or_default();
        let Some(length) = memchr::memchr2(b'\r', b'\n', rest) else {
            let is_too_long = VALUE_LINE_BYTES < rest.len();
            return if is_too_long { Err(DecodeError::Length) } else { Ok(None) };
        };
        match rest.get(length..) {
            Some([b'\r', b'\n', ..]) => {}
            Some([b'\r']) => return Ok(None),
            _ => return Err(DecodeError::LineEnding),
        }
        self.position = self.position.saturating_add(length).saturating_add(2);
        Ok(rest.get(..length))
    }

    /// The string whose length the line announced.
    fn string(&mut self, line: &[u8]) -> Step<&'a [u8]> {
        let length = count(line, VALUE_BYTES)?;
        let rest = self.input.get(self.position..).unwrap_or_default();
        let Some((bytes, rest)) = rest.split_at_checked(length) else {
            return Ok(None);
        };
        match rest {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Ok(None),
            _ => return Err(DecodeError::LineEnding),
        }
        self.position = self.position.saturating_add(length).saturating_add(2);
        Ok(Some(bytes))
    }

    fn values(&mut self, line: &[u8], depth: usize) -> Step<Vec<Value>> {
        let count = count(line, usize::MAX)?;
        let mut values = Vec::with_capacity(count.min(VALUE_RESERVED));
        for _ in 0..count {
            values.push(step!(self.value(depth)));
        }
        Ok(Some(values))
    }

    fn pairs(&mut self, line: &[u8], depth: usize) -> Step<Vec<(Value, Value)>> {
        let count = count(line, usize::MAX)?;
        let mut pairs = Vec::with_capacity(count.min(VALUE_RESERVED));
        for _ in 0..count {
            let key = step!(self.value(depth));
            pairs.push((key, step!(self.value(depth))));
        }
        Ok(Some(pairs))
    }
}

fn integer(line: &[u8]) -> Result<i64, DecodeError> {
    parse_integer(line).ok_or_else(|| DecodeError::Number(line.to_vec()))
}

fn count(line: &[u8], limit: usize) -> Result<usize, DecodeError> {
    let count = usize::try_from(integer(line)?).map_err(|_| DecodeError::Number(line.to_vec()))?;
    if limit < count { Err(DecodeError::Length) } else { Ok(count) }
}

fn line(output: &mut Vec<u8>, first: u8, text: &[u8]) {
    output.push(first);
    output.extend_from_slice(text);
    output.extend_from_slice(b"\r\n");
}

fn header(output: &mut Vec<u8>, first: u8, count: usize) {
    output.push(first);
    write_unsigned(count as u64, output);
    output.extend_from_slice(b"\r\n");
}

fn bulk(output: &mut Vec<u8>, first: u8, bytes: &[u8]) {
    header(output, first, bytes.len());
    output.extend_from_slice(bytes);
    output.extend_from_slice(b"\r\n");
}

fn aggregate(output: &mut Vec<u8>, first: u8, values: &[Value]) {
    header(output, first, values.len());
    for value in values {
        value.encode(output);
    }
}

fn aggregate_pairs(output: &mut Vec<u8>, first: u8, pairs: &[(Value, Value)]) {
    header(output, first, pairs.len());
    for (key, value) in pairs {
        key.encode(output);
        value.encode(output);
    }
}

#[cfg(test)]
mod tests;
