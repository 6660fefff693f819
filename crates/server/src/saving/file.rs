//! The snapshot file: written under another name, and given its own when it is whole and on the disk.
//!
//! So whatever happens meanwhile, a file of that name is a whole image.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use config::Config;

use crate::block_file::BlockFile;
use crate::log;
use crate::process::reason::reason;

/// A file that is being written.
pub(crate) struct Draft {
    file: BlockFile,
    path: PathBuf,
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
        let file = BlockFile::new(file, incremental.then_some(SYNC_BYTES));
        Ok(Draft { file, path })
    }

    /// Sees to it that it is on the disk.
    pub(crate) fn complete(mut self) -> Result<PathBuf, Failure> {
        self.file.finish().map_err(|error| write_failure("write", error))?;
        self.file.sync().map_err(|error| write_failure("fsync", error))?;
        Ok(self.path)
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
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
