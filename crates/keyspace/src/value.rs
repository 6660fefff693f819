//! What a value is, as a reader sees it.

use std::sync::Arc;

/// The type of a value, as TYPE names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ValueType {
    /// A byte string; also integers, bitmaps and `HyperLogLog`.
    String = 0,
}

impl ValueType {
    /// The word that TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::String => "string",
        }
    }
}

/// How a value is represented, as OBJECT ENCODING names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Encoding {
    /// A string longer than 44 bytes, or one that was changed in place.
    Raw = 0,
    /// A string that is the decimal form of an `i64`.
    Int = 1,
    /// A string of at most 44 bytes as it was set.
    EmbStr = 2,
}

impl Encoding {
    /// The word that OBJECT ENCODING answers.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Raw => "raw",
            Encoding::Int => "int",
            Encoding::EmbStr => "embstr",
        }
    }

    /// The encoding of a string of `length` bytes that was just set and is no integer.
    pub fn of_length(length: usize) -> Encoding {
        /// What Redis fits beside an object's head in 64 bytes.
        const EMBSTR_LIMIT: usize = 44;
        if length <= EMBSTR_LIMIT { Encoding::EmbStr } else { Encoding::Raw }
    }
}

/// A string as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum StringRef<'a> {
    /// Bytes in the entry.
    Bytes(&'a [u8]),
    /// An integer, which stands for its decimal form.
    Integer(i64),
    /// A long string that replies can share.
    Shared(&'a Arc<Vec<u8>>),
}

/// Room for the decimal form of an integer.
pub type Decimal = itoa::Buffer;

impl<'a> StringRef<'a> {
    /// The bytes; an integer is written to `decimal` first.
    pub fn bytes<'b>(&self, decimal: &'b mut Decimal) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            StringRef::Bytes(bytes) => bytes,
            StringRef::Integer(number) => decimal.format(*number).as_bytes(),
            StringRef::Shared(shared) => shared.as_slice(),
        }
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.bytes(&mut Decimal::new()).len()
    }

    /// Whether it is the empty string.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy.
    pub fn to_vec(&self) -> Vec<u8> {
        self.bytes(&mut Decimal::new()).to_vec()
    }
}
