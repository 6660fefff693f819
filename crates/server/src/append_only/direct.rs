//! Writing whole blocks past the page cache.
//!
//! To copy a stream into the page cache costs more processor time than to make it: pages are found, accounted for, given a place
//! on the disk and written back later. When much is written, as whole blocks it goes from our memory to the disk, for a
//! hundredth of that. The file's end, the memory and the length have to be multiples of a block; not every file system can do it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

/// What the file's end, the memory and the length are multiples of: enough for every disk.
pub(super) const BLOCK: usize = 4096;
/// Bytes of one write. More of them make it hardly cheaper.
const ROOM: usize = 512 << 10;

/// A second way to a file, past the page cache.
#[derive(Debug)]
pub(super) struct Direct {
    file: File,
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
        let memory = vec![0; ROOM + BLOCK];
        let start = memory.as_ptr().align_offset(BLOCK);
        Ok(Direct { file, memory, start })
    }

    /// Room for what is to be written, all of which lies in whole blocks.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.start..).and_then(|rest| rest.get_mut(..ROOM)).unwrap_or_default()
    }

    /// Writes the first `length` bytes of the room, which are whole blocks, at the end of the file. How many were written.
    pub(super) fn write(&self, length: usize, end: u64) -> io::Result<usize> {
        let bytes = self.memory.get(self.start..).and_then(|rest| rest.get(..length));
        self.file.write_at(bytes.unwrap_or_default(), end)
    }
}
