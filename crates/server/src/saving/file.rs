//! The snapshot file: written under another name, and given its own when it is whole and on the disk.
//!
//! So whatever happens meanwhile, a file of that name is a whole image. It goes past the page cache, where that is possible: to fill pages that
//! nobody reads costs more processor time than to make what is in them, which clients wait for where there are few cores.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use config::Config;

use crate::direct::{BLOCK, Blocks, Direct, is_refused};
use crate::log;
use crate::process::reason::reason;

/// A file that is being written.
pub(crate) struct Draft {
    file: File,
    path: PathBuf,
    way: Way,
}

/// How a file is written.
enum Way {
    /// Into the page cache. If it goes to the disk bit by bit, with the bytes that were not forced there yet.
    Cached { unsynced: Option<usize> },
    /// Past it, which is bit by bit.
    Direct(Room),
}

/// What is to be written past the page cache.
struct Room {
    direct: Direct,
    blocks: Blocks,
    filled: usize,
    /// Bytes in the file.
    written: u64,
}

/// What failed, for the log.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {}", reason(error))]
pub(crate) struct Failure {
    what: String,
    error: io::Error,
}

/// Who writes: two may do so at a time, when one is not wanted any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Writer {
    Background,
    AtOnce,
}

/// With `rdb-save-incremental-fsync`, so many bytes go to the disk at a time: little enough for others to get their turn.
const SYNC_BYTES: usize = 4 << 20;
/// Bytes that are written past the page cache at a time.
const ROOM_BYTES: usize = 512 << 10;

/// The name under which a file is written, in the working directory.
pub(crate) fn draft_path(writer: Writer) -> PathBuf {
    let process = std::process::id();
    PathBuf::from(match writer {
        Writer::Background => format!("temp-{process}.rdb"),
        Writer::AtOnce => format!("temp-{process}-0.rdb"),
    })
}

impl Draft {
    /// Creates it.
    pub(crate) fn create(writer: Writer, config: &Config) -> Result<Draft, Failure> {
        let incremental = config.persistence.snapshot_incremental_sync;
        Draft::create_at(draft_path(writer), incremental)
    }

    /// Creates one at this place.
    pub(crate) fn create_at(path: PathBuf, incremental: bool) -> Result<Draft, Failure> {
        let file = File::create(&path).map_err(|error| Failure {
            what: format!(
                "Failed opening the temp RDB file {} (in server root dir {}) for saving",
                path.display(),
                directory()
            ),
            error,
        })?;
        let direct = if incremental { Direct::open(&file).ok() } else { None };
        let way = match direct {
            Some(direct) => {
                let blocks = Blocks::new(ROOM_BYTES);
                Way::Direct(Room { direct, blocks, filled: 0, written: 0 })
            }
            None => Way::Cached { unsynced: incremental.then_some(0) },
        };
        Ok(Draft { file, path, way })
    }

    /// Sees to it that it is on the disk.
    pub(crate) fn complete(mut self) -> Result<PathBuf, Failure> {
        self.empty_room().map_err(|error| write_failure("write", error))?;
        self.file.sync_all().map_err(|error| write_failure("fsync", error))?;
        Ok(self.path)
    }

    /// Writes what is in the room: past the page cache whole blocks, and otherwise the rest of it, with which the file ends, or all of it where nothing can be
    /// written past it.
    fn empty_room(&mut self) -> io::Result<()> {
        let Way::Direct(room) = &mut self.way else { return Ok(()) };
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
            self.way = Way::Cached { unsynced: Some(0) };
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

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.way {
            Way::Cached { unsynced } => {
                let written = self.file.write(bytes)?;
                if let Some(unsynced) = unsynced {
                    *unsynced += written;
                    if SYNC_BYTES <= *unsynced {
                        *unsynced = 0;
                        self.file.sync_data()?;
                    }
                }
                Ok(written)
            }
            Way::Direct(room) => {
                let taken = room.take(bytes);
                if room.is_full() {
                    self.empty_room()?;
                }
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What the log says when the disk does not take what is written.
pub(crate) fn write_failure(operation: &str, error: io::Error) -> Failure {
    Failure { what: format!("Write error while saving DB to the disk({operation})"), error }
}

/// Gives a complete draft its name, for good.
pub(crate) fn publish(draft: &Path, config: &Config) -> Result<(), Failure> {
    let target = config.persistence.snapshot_file.as_path();
    std::fs::rename(draft, target).map_err(|error| Failure {
        what: format!(
            "Error moving temp DB file {} on the final destination {} (in server root dir {})",
            draft.display(),
            target.display(),
            directory()
        ),
        error,
    })?;
    // The new name is in the directory, which has to reach the disk as well.
    File::open(".")
        .and_then(|directory| directory.sync_all())
        .map_err(|error| write_failure("fsync dir", error))
}

/// Removes a draft that is of no use.
pub(crate) fn discard(draft: &Path) {
    if let Err(error) = std::fs::remove_file(draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        log::warning(format_args!("Can't remove {}: {error}", draft.display()));
    }
}

/// The working directory.
fn directory() -> String {
    std::env::current_dir()
        .map_or_else(|_| "?".to_owned(), |path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn a_draft_is_what_was_written(
            lengths in prop::collection::vec(0_usize..400_000, 0..12),
            incremental in any::<bool>(),
        ) {
            let directory = tempfile::tempdir().expect("there is room for a directory");
            let path = directory.path().join("draft");
            let mut draft = Draft::create_at(path.clone(), incremental).expect("there is room");
            let mut expected = Vec::new();
            for (number, length) in lengths.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..length).map(|at| (at * 7 + number).to_le_bytes()[0]).collect();
                draft.write_all(&bytes).expect("there is room");
                expected.extend_from_slice(&bytes);
            }
            draft.complete().expect("there is room");
            prop_assert!(std::fs::read(path).expect("it is there") == expected);
        }
    }
}
