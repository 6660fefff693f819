//! The append-only file: the commands that have made the data, in the order in which they were executed.
//!
//! It is a directory of files, and a manifest that says which of them count and in which order:
//!
//! ```text
//! appendonlydir/
//!   appendonly.aof.manifest       file appendonly.aof.1.base.rdb seq 1 type b
//!                                 file appendonly.aof.1.incr.aof seq 1 type i
//!   appendonly.aof.1.base.rdb     the data as it was when the file was rewritten last: a snapshot, or commands
//!   appendonly.aof.1.incr.aof     commands since then; the last of these files is appended to
//! ```
//!
//! A file of commands holds requests as clients send them, and lines that begin with `#`, which servers skip: when the
//! commands after it were executed (`#TS:`), and the checksum of what lies between two such lines (`#CRC64:`). So every
//! flipped bit is found, and where. While each write is forced to the disk, a file may have space prepared behind its end (`prepared`).

mod checksum;
mod commands;
mod manifest;
mod name;
mod prepared;
mod reader;
#[cfg(test)]
mod tests;

pub use checksum::{CHECKSUM_LINE_BYTES, checksum_line, timestamp_line};
pub use commands::write_commands;
pub use manifest::{FileInfo, FileKind, Manifest, ManifestError};
pub use name::{base_name, incremental_name, manifest_name, temporary_name};
pub use prepared::{
    PREPARED_UNSYNCED_BYTES, PREPARED_WRITE_BYTES, fill, filler_offset, is_torn, pad_bytes,
};
pub use reader::{Fault, Item, ReadError, Reader};
