//! Writing into space that was prepared behind the end of the file.
//!
//! While each write is forced to the disk before anybody is told, most of what that takes is not for the bytes: it is for the new length of the file, which
//! the journal of the file system has to note. So space is prepared, much at once, and filled with lines that servers skip
//! ([`persistence::aof::fill`]); what is written then takes their place, past the page cache, and the disk has it in about half the time.
//! Blocks are written as a whole, so the beginning of the last one is kept here.
//!
//! Whoever wants the file to end where its content does cuts it off there, and then there is no such space any more.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

use persistence::aof::{PREPARED_WRITE_BYTES, fill, pad_bytes};

use crate::direct::{BLOCK, Blocks, Direct};

/// Bytes that are prepared at first; from time to time twice as many.
const FIRST_BYTES: usize = 64 << 10;
/// The most that are prepared at once.
const MOST_BYTES: usize = 512 << 10;
/// Room for a write, and what stands before and behind it in its blocks.
const ROOM_BYTES: usize = PREPARED_WRITE_BYTES + 3 * BLOCK;
/// Where space cannot be had, it is tried again after so many bytes.
const PATIENCE_BYTES: u64 = 1 << 20;

/// Space behind the end of the file.
#[derive(Debug)]
pub(super) struct Prepared {
    space: Space,
    next_bytes: usize,
}

#[derive(Debug)]
enum Space {
    /// The file ends where its content does.
    None,
    /// The same, and it stays so until there is so much in it.
    Refused {
        until: u64,
    },
    Open(Region),
}

/// Space in a file.
#[derive(Debug)]
struct Region {
    direct: Direct,
    /// Where the file ends: a multiple of a block.
    end: u64,
    /// The beginning of the block in which the content ends.
    tail: Vec<u8>,
    /// Where blocks are laid out that are to be written.
    room: Blocks,
    filler: Blocks,
}

/// Why something was not written into prepared space.
#[derive(Debug)]
pub(super) enum NotWritten {
    /// There is none to be had; nothing was harmed.
    Refused,
    /// The disk has failed: nobody knows what is on it.
    Failed(io::Error),
}

impl Prepared {
    pub(super) fn new() -> Prepared {
        Prepared { space: Space::None, next_bytes: FIRST_BYTES }
    }

    /// Whether the file is longer than its content.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.space, Space::Open(_))
    }

    /// Whether something may be written here that begins at `offset`.
    pub(super) fn may_write(&self, offset: u64) -> bool {
        !matches!(self.space, Space::Refused { until } if offset < until)
    }

    /// Forgets the space: the file was cut off.
    pub(super) fn close(&mut self) {
        if self.is_open() {
            self.space = Space::None;
        }
    }

    /// Writes bytes at `offset`, where the content of the file ends, which is on the disk. They are there when the file was synced.
    pub(super) fn write<'a>(
        &mut self,
        file: &File,
        offset: u64,
        bytes: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), NotWritten> {
        let outcome = self.try_write(file, offset, bytes);
        if matches!(outcome, Err(NotWritten::Refused)) {
            // The file is cut off by whoever writes it in another way.
            self.space = Space::Refused { until: offset + PATIENCE_BYTES };
        }
        outcome
    }

    fn try_write<'a>(
        &mut self,
        file: &File,
        offset: u64,
        bytes: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), NotWritten> {
        if !self.is_open() {
            self.space = Space::Open(Region::begin(file, offset)?);
        }
        let Space::Open(region) = &mut self.space else { return Err(NotWritten::Refused) };
        let (used, total) = region.lay_out(offset, bytes).ok_or(NotWritten::Refused)?;
        let begin = offset - region.tail.len() as u64;
        // There is always filler at the end: it tells that the last write may be torn.
        while region.end < begin + (total + BLOCK) as u64 {
            region.extend(file, self.next_bytes)?;
            self.next_bytes = (self.next_bytes * 2).min(MOST_BYTES);
        }
        region.write(total, begin).map_err(judge)?;
        let tail = region.room.bytes().get(used - used % BLOCK..used).unwrap_or_default();
        region.tail.clear();
        region.tail.extend_from_slice(tail);
        Ok(())
    }
}

impl Region {
    /// Begins with the rest of the block in which the content of a file ends, at `offset`.
    fn begin(file: &File, offset: u64) -> Result<Region, NotWritten> {
        let mut tail = vec![0; usize::try_from(offset % BLOCK as u64).unwrap_or_default()];
        let begin = offset - tail.len() as u64;
        let refused = |_: io::Error| NotWritten::Refused;
        let direct = Direct::open(file).map_err(refused)?;
        // It was opened to be written.
        let reader = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(refused)?;
        reader.read_exact_at(&mut tail, begin).map_err(refused)?;
        let (room, mut filler) = (Blocks::new(ROOM_BYTES), Blocks::new(MOST_BYTES));
        fill(filler.bytes_mut(), 0);
        let mut region = Region { direct, end: begin, tail, room, filler };
        if let Some((_, total)) = region.lay_out(offset, std::iter::empty()) {
            region.write(total, begin).map_err(judge)?;
            region.end += total as u64;
        }
        Ok(region)
    }

    /// Lays out what is to be written from the beginning of a block on: what is in it, the bytes, and filler up to the end of a block. How many of them
    /// are content, and how many that are in all; none if there is no room for them.
    fn lay_out<'a>(
        &mut self,
        offset: u64,
        bytes: impl Iterator<Item = &'a [u8]>,
    ) -> Option<(usize, usize)> {
        let room = self.room.bytes_mut();
        let mut used = self.tail.len();
        room.get_mut(..used)?.copy_from_slice(&self.tail);
        for bytes in bytes {
            room.get_mut(used..used + bytes.len())?.copy_from_slice(bytes);
            used += bytes.len();
        }
        let end = offset + (used - self.tail.len()) as u64;
        let total = (used + pad_bytes(end)).next_multiple_of(BLOCK);
        fill(room.get_mut(used..total)?, end);
        Some((used, total))
    }

    /// Writes as many bytes of what was laid out.
    fn write(&self, total: usize, begin: u64) -> io::Result<()> {
        let blocks = self.room.bytes().get(..total).unwrap_or_default();
        write_all(&self.direct, blocks, begin)
    }

    /// Makes the file longer by so many bytes of filler, on the disk.
    fn extend(&mut self, file: &File, count: usize) -> Result<(), NotWritten> {
        let filler = self.filler.bytes().get(..count).unwrap_or_default();
        write_all(&self.direct, filler, self.end).map_err(judge)?;
        file.sync_data().map_err(NotWritten::Failed)?;
        self.end += count as u64;
        Ok(())
    }
}

fn write_all(direct: &Direct, bytes: &[u8], offset: u64) -> io::Result<()> {
    loop {
        match direct.write(bytes, offset) {
            Ok(written) if written == bytes.len() => return Ok(()),
            // The disk is full, if it is not something else.
            Ok(_) => return Err(io::ErrorKind::StorageFull.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What an error means. What counts and is written once more, in the block where the content ends, was that before.
fn judge(error: io::Error) -> NotWritten {
    use io::ErrorKind::{FileTooLarge, InvalidInput, QuotaExceeded, StorageFull, Unsupported};
    let harmless = [FileTooLarge, InvalidInput, QuotaExceeded, StorageFull, Unsupported];
    if harmless.contains(&error.kind()) { NotWritten::Refused } else { NotWritten::Failed(error) }
}
