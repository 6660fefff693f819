//! The file that holds the process's number, for init scripts.

use std::fs;
use std::path::PathBuf;

use super::reason::reason;
use crate::log;

/// A file with this process's number. It is removed by [`PidFile::remove`] only, so that a restart in place can keep it.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the file. A server that cannot is as good without, so that is only logged.
    pub(crate) fn write(path: PathBuf) -> PidFile {
        if let Err(error) = fs::write(&path, format!("{}\n", std::process::id())) {
            log::warning(format_args!("Failed to write PID file: {}", reason(&error)));
        }
        PidFile { path }
    }

    /// Removes the file, at the end of the process.
    pub(crate) fn remove(self) {
        log::notice("Removing the pid file.");
        // It may never have been written, or an administrator may have removed it.
        let _absent = fs::remove_file(self.path);
    }

    /// Where the file is.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_the_number_and_goes_away() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.pid");
        let file = PidFile::write(path.clone());
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(file.path(), path);
        file.remove();
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_no_failure() {
        PidFile::write("/nonexistent/server.pid".into()).remove();
    }
}
