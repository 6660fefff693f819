//! Reading the pieces that RDB is made of.

use std::borrow::Cow;
use std::io::{self, Read};

use crate::{Corrupt, Error};

/// Memory is taken for so many bytes at once, whatever a length claims.
const PIECE: usize = 1 << 20;
/// Memory for so many bytes is taken without a thought.
const SHORT: usize = 4096;

/// The number at the beginning of a string or a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Length {
    /// How many bytes or elements follow.
    Count(u64),
    /// A string follows that is kept in another form; see [`super::writer`] for the forms.
    Form(u8),
}

/// Bytes that are read from the front.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    offset: u64,
}

impl<R: Read> Reader<R> {
    /// Reads from `inner`, whose next byte is the first.
    pub fn new(inner: R) -> Reader<R> {
        Reader { inner, offset: 0 }
    }

    /// Reads from `inner`, before whose next byte there were `offset` others.
    pub fn within(inner: R, offset: u64) -> Reader<R> {
        Reader { inner, offset }
    }

    /// How many bytes were read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What it reads from.
    pub fn inner(&mut self) -> &mut R {
        &mut self.inner
    }

    /// An error about what was just read.
    pub fn corrupt(&self, what: Corrupt) -> Error {
        Error::Corrupt { offset: self.offset, what }
    }

    /// Reads exactly so many bytes as `bytes` has.
    pub fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.inner.read_exact(bytes)?;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Reads bytes into an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a byte.
    pub fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Reads so many bytes. A length that lies costs no more memory than there are bytes.
    pub fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(PIECE).min(PIECE));
        self.append(length, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads so many bytes behind others.
    fn append(&mut self, length: u64, bytes: &mut Vec<u8>) -> Result<(), Error> {
        if let Ok(length) = usize::try_from(length)
            && length <= SHORT
        {
            let before = bytes.len();
            bytes.resize(before.saturating_add(length), 0);
            return self.fill(bytes.get_mut(before..).unwrap_or_default());
        }
        let got = Read::by_ref(&mut self.inner).take(length).read_to_end(bytes)? as u64;
        self.offset = self.offset.saturating_add(got);
        if got < length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        Ok(())
    }

    /// Reads a length, or the form of a string.
    pub fn length(&mut self) -> Result<Length, Error> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match first >> 6 {
            0 => Length::Count(low.into()),
            1 => Length::Count(u16::from_be_bytes([low, self.byte()?]).into()),
            2 => match first {
                0x80 => Length::Count(u32::from_be_bytes(self.array()?).into()),
                0x81 => Length::Count(u64::from_be_bytes(self.array()?)),
                _ => return Err(self.corrupt(Corrupt::Length(first))),
            },
            _ => Length::Form(low),
        })
    }

    /// Reads a number of elements.
    pub fn count(&mut self) -> Result<u64, Error> {
        match self.length()? {
            Length::Count(count) => Ok(count),
            Length::Form(form) => Err(self.corrupt(Corrupt::Length(form))),
        }
    }

    /// Reads a string.
    pub fn string(&mut self) -> Result<Vec<u8>, Error> {
        match self.length()? {
            Length::Count(length) => self.bytes(length),
            Length::Form(3) => self.compressed(),
            Length::Form(form) => {
                let mut decimal = itoa::Buffer::new();
                Ok(self.integer(form, &mut decimal)?.as_bytes().to_vec())
            }
        }
    }

    /// Reads a string behind others.
    pub fn append_string(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        match self.length()? {
            Length::Count(length) => self.append(length, bytes)?,
            Length::Form(3) => bytes.append(&mut self.compressed()?),
            Length::Form(form) => {
                let mut decimal = itoa::Buffer::new();
                bytes.extend_from_slice(self.integer(form, &mut decimal)?.as_bytes());
            }
        }
        Ok(())
    }

    /// Reads a string in the place of another.
    pub fn replace_string(&mut self, bytes: &mut Vec<u8>) -> Result<(), Error> {
        bytes.clear();
        self.append_string(bytes)
    }

    /// Reads an integer of a form that strings have.
    fn integer<'b>(&mut self, form: u8, decimal: &'b mut itoa::Buffer) -> Result<&'b str, Error> {
        Ok(match form {
            0 => decimal.format(i8::from_le_bytes(self.array()?)),
            1 => decimal.format(i16::from_le_bytes(self.array()?)),
            2 => decimal.format(i32::from_le_bytes(self.array()?)),
            _ => return Err(self.corrupt(Corrupt::Length(form))),
        })
    }

    fn compressed(&mut self) -> Result<Vec<u8>, Error> {
        let packed = self.count()?;
        let unpacked = self.count()?;
        let packed = self.bytes(packed)?;
        usize::try_from(unpacked)
            .ok()
            .and_then(|length| collections::lzf::decompress(&packed, length).ok())
            .ok_or_else(|| self.corrupt(Corrupt::Compression))
    }

    /// Reads a double of eight bytes.
    pub fn double(&mut self) -> Result<f64, Error> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// Reads a double that is written as text, as it was in the beginning.
    pub fn double_as_text(&mut self) -> Result<f64, Error> {
        let length = self.byte()?;
        match length {
            253 => return Ok(f64::NAN),
            254 => return Ok(f64::INFINITY),
            255 => return Ok(f64::NEG_INFINITY),
            _ => {}
        }
        let text = self.bytes(length.into())?;
        str::from_utf8(&text)
            .ok()
            .and_then(|text| text.trim_end_matches('\0').parse().ok())
            .ok_or_else(|| self.corrupt(Corrupt::Number("a score")))
    }

    /// Reads a time of eight bytes: unix time in ms.
    pub fn milliseconds(&mut self) -> Result<i64, Error> {
        Ok(i64::from_le_bytes(self.array()?))
    }
}

impl<'a> Reader<&'a [u8]> {
    /// Whether all bytes were read.
    pub fn is_at_end(&self) -> bool {
        self.inner.is_empty()
    }

    /// Passes over bytes, as many as there are at most.
    pub fn pass(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.inner.len());
        self.inner = self.inner.get(bytes..).unwrap_or_default();
        self.offset = self.offset.saturating_add(bytes as u64);
    }

    /// Reads a string, which is not copied if it lies there as it is.
    pub fn borrowed_string(&mut self) -> Result<Cow<'a, [u8]>, Error> {
        let before = (self.inner, self.offset);
        match self.length()? {
            Length::Count(length) => {
                let (string, rest) = usize::try_from(length)
                    .ok()
                    .and_then(|length| self.inner.split_at_checked(length))
                    .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
                self.inner = rest;
                self.offset = self.offset.saturating_add(length);
                Ok(Cow::Borrowed(string))
            }
            Length::Form(_) => {
                (self.inner, self.offset) = before;
                self.string().map(Cow::Owned)
            }
        }
    }
}
