//! RDB: the format of snapshots, of DUMP payloads and of what a full resynchronisation sends.
//!
//! Numbers that are mostly small are [`Length`](reader::Length)s of one, two, five or nine bytes. A string is a length and its bytes, or
//! in place of the length a mark that says it is an integer or compressed. A value is a byte for its [`ValueType`] and what that type
//! asks for. The format has grown by new types of values; which of them may be written depends on the version of
//! the server that has to read it ([`Version`]).

pub mod file;
pub mod opcode;
pub mod pieces;
pub mod reader;
pub mod value;
pub mod writer;

pub use opcode::{Opcode, ValueType};
pub use reader::Reader;
pub use writer::Writer;

/// A version of the format, as the first bytes of a file and the last of a DUMP payload say it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version(pub u16);

impl Version {
    /// Written by Redis 7.0.
    pub const REDIS_7_0: Version = Version(10);
    /// Written by Redis 7.2.
    pub const REDIS_7_2: Version = Version(11);
    /// Written by Redis 7.4, and the newest that is read.
    pub const REDIS_7_4: Version = Version(12);
    /// Written by Valkey 9, which counts on its own; it is read.
    pub const VALKEY_9: Version = Version(80);
}
