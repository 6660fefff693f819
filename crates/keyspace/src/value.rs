//! What a value is, as a reader sees it.

use std::sync::Arc;

use collections::ObjectRef;

/// The type of a value, as TYPE names it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum ValueType {
    /// A byte string; also integers, bitmaps and `HyperLogLog`.
    String = 0,
    /// Elements in the order in which they were put.
    List = 1,
    /// Different members.
    Set = 2,
    /// Values by field.
    Hash = 3,
    /// Members by score.
    SortedSet = 4,
    /// Entries by ID.
    Stream = 5,
}

impl ValueType {
    /// All of them, by code.
    pub const ALL: [ValueType; 6] = [
        ValueType::String,
        ValueType::List,
        ValueType::Set,
        ValueType::Hash,
        ValueType::SortedSet,
        ValueType::Stream,
    ];

    /// The word that TYPE answers.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::String => "string",
            ValueType::List => "list",
            ValueType::Set => "set",
            ValueType::Hash => "hash",
            ValueType::SortedSet => "zset",
            ValueType::Stream => "stream",
        }
    }

    #[inline]
    pub(crate) fn from_code(code: u8) -> ValueType {
        match ValueType::ALL.get(usize::from(code)) {
            Some(value_type) => *value_type,
            None => unreachable!("an entry of type {code} was never made"),
        }
    }
}

impl From<collections::Kind> for ValueType {
    fn from(kind: collections::Kind) -> ValueType {
        match kind {
            collections::Kind::List => ValueType::List,
            collections::Kind::Set => ValueType::Set,
            collections::Kind::Hash => ValueType::Hash,
            collections::Kind::SortedSet => ValueType::SortedSet,
            collections::Kind::Stream => ValueType::Stream,
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
    /// A small collection.
    ListPack = 3,
    /// A small hash with fields that may expire.
    ListPackEx = 4,
    /// A list.
    QuickList = 5,
    /// A small set of integers.
    IntSet = 6,
    /// A set or hash.
    HashTable = 7,
    /// A sorted set.
    SkipList = 8,
    /// A stream.
    Stream = 9,
}

impl From<collections::Encoding> for Encoding {
    fn from(encoding: collections::Encoding) -> Encoding {
        match encoding {
            collections::Encoding::ListPack => Encoding::ListPack,
            collections::Encoding::ListPackEx => Encoding::ListPackEx,
            collections::Encoding::QuickList => Encoding::QuickList,
            collections::Encoding::IntSet => Encoding::IntSet,
            collections::Encoding::HashTable => Encoding::HashTable,
            collections::Encoding::SkipList => Encoding::SkipList,
            collections::Encoding::Stream => Encoding::Stream,
        }
    }
}

impl Encoding {
    const ALL: [Encoding; 10] = [
        Encoding::Raw,
        Encoding::Int,
        Encoding::EmbStr,
        Encoding::ListPack,
        Encoding::ListPackEx,
        Encoding::QuickList,
        Encoding::IntSet,
        Encoding::HashTable,
        Encoding::SkipList,
        Encoding::Stream,
    ];

    /// The word that OBJECT ENCODING answers.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Raw => "raw",
            Encoding::Int => "int",
            Encoding::EmbStr => "embstr",
            Encoding::ListPack => "listpack",
            Encoding::ListPackEx => "listpackex",
            Encoding::QuickList => "quicklist",
            Encoding::IntSet => "intset",
            Encoding::HashTable => "hashtable",
            Encoding::SkipList => "skiplist",
            Encoding::Stream => "stream",
        }
    }

    #[inline]
    pub(crate) fn from_code(code: u8) -> Encoding {
        match Encoding::ALL.get(usize::from(code)) {
            Some(encoding) => *encoding,
            None => unreachable!("an entry of encoding {code} was never made"),
        }
    }

    /// The representation of packed bytes, if it is one.
    pub(crate) fn of_packed(self) -> Option<collections::Encoding> {
        match self {
            Encoding::ListPack => Some(collections::Encoding::ListPack),
            Encoding::ListPackEx => Some(collections::Encoding::ListPackEx),
            Encoding::IntSet => Some(collections::Encoding::IntSet),
            Encoding::Raw
            | Encoding::Int
            | Encoding::EmbStr
            | Encoding::QuickList
            | Encoding::HashTable
            | Encoding::SkipList
            | Encoding::Stream => None,
        }
    }

    /// The encoding of a string of `length` bytes that was just set and is no integer.
    pub fn of_length(length: usize) -> Encoding {
        /// What Redis fits beside an object's head in 64 bytes.
        const EMBSTR_LIMIT: usize = 44;
        if length <= EMBSTR_LIMIT { Encoding::EmbStr } else { Encoding::Raw }
    }
}

/// A value as a reader sees it.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    String(StringRef<'a>),
    /// A collection.
    Object(ObjectRef<'a>),
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
