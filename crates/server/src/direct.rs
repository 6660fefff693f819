//! Writing whole blocks past the page cache.
//!
//! To copy a stream into the page cache costs more processor time than to make it: pages are found, accounted for, given a place
//! on the disk and written back later. When much is written, as whole blocks it goes from our memory to the disk, for a
//! hundredth of that. The file's end, the memory and the length have to be multiples of a block; not every file system can do it.
//!
//! Where the bytes lie so already they are written from where they are; else they are copied into [`Blocks`].

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

/// What the file's end, the memory and the length are multiples of: enough for every disk.
pub(crate) const BLOCK: usize = 4096;

/// A second way to a file, past the page cache.
#[derive(Debug)]
pub(crate) struct Direct {
    file: File,
}

impl Direct {
    /// The way to an open file, if the file system has one.
    pub(crate) fn open(file: &File) -> io::Result<Direct> {
        // Not the other's flags: it may append wherever the end is, whatever offset is given.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let file = OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path)?;
        Ok(Direct { file })
    }

    /// Writes whole blocks that begin where a block does, at the end of the file or over others. How many bytes were written.
    pub(crate) fn write(&self, blocks: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(blocks, offset)
    }
}

/// Memory that begins where a block may.
#[derive(Debug)]
pub(crate) struct Blocks {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Blocks {
    /// So many bytes.
    pub(crate) fn new(length: usize) -> Blocks {
        let memory = vec![0; length + BLOCK];
        let start = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
        Blocks { memory, start, length }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..self.start + self.length).unwrap_or_default()
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..self.start + self.length).unwrap_or_default()
    }
}

/// How many of these bytes can be written from where they are, from their beginning on.
pub(crate) fn whole_blocks(bytes: &[u8]) -> usize {
    if bytes.as_ptr().addr().is_multiple_of(BLOCK) { bytes.len() - bytes.len() % BLOCK } else { 0 }
}

/// Whether an error says that the file system does not write in this way.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}
