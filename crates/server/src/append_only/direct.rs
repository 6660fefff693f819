//! Writing whole blocks past the page cache.
//!
//! To copy a stream into the page cache costs more processor time than to make it: pages are found, accounted for, given a place
//! on the disk and written back later. When much is written, as whole blocks it goes from our memory to the disk, for a
//! hundredth of that. The file's end, the memory and the length have to be multiples of a block; not every file system can do it.
//!
//! Where the bytes lie so already, which the log sees to ([`Log::take`](super::log::Log::take)), they are written from where they are; else
//! they are copied.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

/// What the file's end, the memory and the length are multiples of: enough for every disk.
pub(super) const BLOCK: usize = 4096;
/// Bytes that are copied for one write. More of them make it hardly cheaper.
const ROOM: usize = 512 << 10;

/// A second way to a file, past the page cache.
#[derive(Debug)]
pub(super) struct Direct {
    file: File,
    /// Empty before it is needed.
    memory: Vec<u8>,
    /// Where the memory's first block begins.
    start: usize,
}

impl Direct {
    /// The way to an open file, if the file system has one.
    pub(super) fn open(file: &File) -> io::Result<Direct> {
        // Not the other's flags: it appends wherever the end is, whatever offset is given.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let file = OpenOptions::new().write(true).custom_flags(libc::O_DIRECT).open(path)?;
        Ok(Direct { file, memory: Vec::new(), start: 0 })
    }

    /// Room for what is to be written, all of which lies in whole blocks.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.memory.is_empty() {
            self.memory = vec![0; ROOM + BLOCK];
            self.start = self.memory.as_ptr().align_offset(BLOCK);
        }
        self.memory.get_mut(self.start..).and_then(|rest| rest.get_mut(..ROOM)).unwrap_or_default()
    }

    /// Whether anything was copied to be written.
    #[cfg(test)]
    pub(super) fn has_copied(&self) -> bool {
        !self.memory.is_empty()
    }

    /// Writes the first `length` bytes of the room, which are whole blocks, at the end of the file. How many were written.
    pub(super) fn write_room(&self, length: usize, end: u64) -> io::Result<usize> {
        let bytes = self.memory.get(self.start..).and_then(|rest| rest.get(..length));
        self.write(bytes.unwrap_or_default(), end)
    }

    /// Writes whole blocks that begin where a block does, at the end of the file. How many bytes were written.
    pub(super) fn write(&self, blocks: &[u8], end: u64) -> io::Result<usize> {
        self.file.write_at(blocks, end)
    }
}

/// How many of these bytes can be written from where they are, from their beginning on.
pub(super) fn whole_blocks(bytes: &[u8]) -> usize {
    if bytes.as_ptr().addr().is_multiple_of(BLOCK) { bytes.len() - bytes.len() % BLOCK } else { 0 }
}
