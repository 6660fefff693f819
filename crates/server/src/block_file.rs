//! Files that are written once, from the beginning to the end: snapshots.
//!
//! They go past the page cache where that is possible ([`crate::direct`]): to fill pages that nobody reads soon costs more processor
//! time than to make what is in them, and where there are few cores clients wait for that.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use crate::direct::{BLOCK, Blocks, Direct, is_refused};

/// Bytes that are written past the page cache at a time.
const ROOM_BYTES: usize = 512 << 10;

/// A file that is written.
pub(crate) struct BlockFile {
    file: File,
    way: Way,
}

enum Way {
    /// Into the page cache. If it goes to the disk bit by bit: after how many bytes, and how many were not forced there yet.
    Cached { sync_bytes: Option<usize>, unsynced: usize },
    /// Past it, which is bit by bit.
    Direct { room: Room, sync_bytes: usize },
}

/// What is to be written past the page cache.
struct Room {
    direct: Direct,
    blocks: Blocks,
    filled: usize,
    /// Bytes in the file.
    written: u64,
}

impl BlockFile {
    /// An empty file. With `sync_bytes` it goes to the disk bit by bit, and no more than so many bytes are on their way; otherwise the system does
    /// that when it likes.
    pub(crate) fn new(file: File, sync_bytes: Option<usize>) -> BlockFile {
        let direct = sync_bytes.and_then(|bytes| Some((bytes, Direct::open(&file).ok()?)));
        let way = match direct {
            Some((sync_bytes, direct)) => {
                let blocks = Blocks::new(ROOM_BYTES);
                Way::Direct { room: Room { direct, blocks, filled: 0, written: 0 }, sync_bytes }
            }
            None => Way::Cached { sync_bytes, unsynced: 0 },
        };
        BlockFile { file, way }
    }

    /// Sees to it that all is written.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.empty_room()
    }

    /// Forces what was written to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Writes what is in the room: past the page cache whole blocks, and otherwise the rest of it, with which the file ends, or all of it where nothing
    /// can be written past it.
    fn empty_room(&mut self) -> io::Result<()> {
        let Way::Direct { room, sync_bytes } = &mut self.way else { return Ok(()) };
        let refused = match room.write_blocks() {
            Ok(()) => false,
            Err(error) if is_refused(&error) => true,
            Err(error) => return Err(error),
        };
        let rest = room.blocks.bytes().get(..room.filled).unwrap_or_default();
        self.file.write_all_at(rest, room.written)?;
        room.written += room.filled as u64;
        room.filled = 0;
        if refused {
            self.file.seek(SeekFrom::Start(room.written))?;
            self.way = Way::Cached { sync_bytes: Some(*sync_bytes), unsynced: 0 };
        }
        Ok(())
    }
}

impl Room {
    /// Takes as many bytes as fit in; how many that are.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let free = self.blocks.bytes_mut().get_mut(self.filled..).unwrap_or_default();
        let count = free.len().min(bytes.len());
        if let (Some(free), Some(bytes)) = (free.get_mut(..count), bytes.get(..count)) {
            free.copy_from_slice(bytes);
        }
        self.filled += count;
        count
    }

    fn is_full(&self) -> bool {
        self.filled == self.blocks.bytes().len()
    }

    /// Writes the whole blocks, and keeps what is left.
    fn write_blocks(&mut self) -> io::Result<()> {
        let mut done = 0;
        let outcome = loop {
            let whole = self.filled - self.filled % BLOCK;
            let blocks = self.blocks.bytes().get(done..whole).unwrap_or_default();
            if blocks.is_empty() {
                break Ok(());
            }
            match self.direct.write(blocks, self.written) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                // A part of a block fits on the disk: the page cache takes what it can of the rest.
                Ok(count) if !count.is_multiple_of(BLOCK) => break Ok(()),
                Ok(count) => {
                    done += count;
                    self.written += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.blocks.bytes_mut().copy_within(done..self.filled, 0);
        self.filled -= done;
        outcome
    }
}

impl Write for BlockFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Cached { sync_bytes, unsynced } => {
                let written = self.file.write(bytes)?;
                *unsynced += written;
                if sync_bytes.is_some_and(|bytes| bytes <= *unsynced) {
                    *unsynced = 0;
                    self.file.sync_data()?;
                }
                Ok(written)
            }
            Way::Direct { room, .. } => {
                let taken = room.take(bytes);
                if room.is_full() {
                    self.empty_room()?;
                }
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn a_file_is_what_was_written(
            lengths in prop::collection::vec(0_usize..400_000, 0..12),
            sync_bytes in prop::option::of(1_usize..1_000_000),
        ) {
            let directory = tempfile::tempdir().expect("there is room for a directory");
            let path = directory.path().join("file");
            let mut file = BlockFile::new(File::create(&path).expect("there is room"), sync_bytes);
            let mut expected = Vec::new();
            for (number, length) in lengths.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + number).to_le_bytes()[0]).collect();
                file.write_all(&bytes).expect("there is room");
                expected.extend_from_slice(&bytes);
            }
            file.finish().expect("there is room");
            file.sync().expect("it is on the disk");
            prop_assert!(std::fs::read(path).expect("it is there") == expected);
        }
    }
}
