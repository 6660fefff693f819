//! Where lines go: a file or standard output, and the system's log.
//!
//! The file stays open. Before each line its path is looked up, and when that is another file by now, or none, it is
//! opened anew: so a log can be rotated by renaming it, without a signal, as Redis's can. If opening fails (no
//! descriptor is left, say), lines go on to the file that is open.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;

use super::Level;
use super::Syslog;
use super::syslog::Connection;

/// How long to wait for another thread that is writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Unlimited,
    /// For a dying process, where that thread may never go on: half a second, then write regardless.
    Short,
}

pub(super) fn configure(path: Option<PathBuf>, syslog: Option<Syslog>) -> io::Result<()> {
    let file = path.map(LogFile::open).transpose()?;
    let syslog = syslog.map(Connection::new);
    let mut sink = SINK.lock();
    *sink = Sink { file, syslog };
    sink.publish_descriptor();
    Ok(())
}

/// Writes `bytes` in one piece. A log that cannot be written is no reason to stop: the error has nowhere to go.
pub(super) fn write(bytes: &[u8], patience: Patience) {
    let locked = match patience {
        Patience::Unlimited => Some(SINK.lock()),
        Patience::Short => SINK.try_lock_for(Duration::from_millis(500)),
    };
    let _unwritable = match locked {
        Some(mut sink) => sink.write(bytes),
        None => write_to_descriptor(bytes),
    };
}

pub(super) fn write_to_syslog(level: Level, message: &str) {
    if let Some(syslog) = &mut SINK.lock().syslog {
        syslog.send(level, message);
    }
}

pub(super) fn descriptor() -> i32 {
    DESCRIPTOR.load(Ordering::Relaxed)
}

struct Sink {
    file: Option<LogFile>,
    syslog: Option<Connection>,
}

impl Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(log) = &mut self.file else {
            let mut output = io::stdout().lock();
            output.write_all(bytes)?;
            return output.flush();
        };
        if log.reopen_if_moved() {
            self.publish_descriptor();
        }
        self.file.as_mut().map_or(Ok(()), |log| log.file.write_all(bytes))
    }

    fn publish_descriptor(&self) {
        let descriptor = self.file.as_ref().map_or(STANDARD_OUTPUT, |log| log.file.as_raw_fd());
        DESCRIPTOR.store(descriptor, Ordering::Relaxed);
    }
}

struct LogFile {
    path: PathBuf,
    file: File,
    /// The open file's device and number.
    identity: (u64, u64),
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<LogFile> {
        let file = append(&path)?;
        let metadata = file.metadata()?;
        Ok(LogFile { path, identity: (metadata.dev(), metadata.ino()), file })
    }

    /// Whether the path was another file by now, which is open instead then.
    fn reopen_if_moved(&mut self) -> bool {
        let present = std::fs::metadata(&self.path);
        if present.is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity) {
            return false;
        }
        let Ok(reopened) = LogFile::open(self.path.clone()) else { return false };
        *self = reopened;
        true
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write_to_descriptor(bytes: &[u8]) -> io::Result<()> {
    // The thread that holds the lock stopped for good, so it does not close the file meanwhile; and what it had open
    // can be opened once more through /proc, without trust in its number.
    let mut file = append(Path::new(&format!("/proc/self/fd/{}", descriptor())))?;
    file.write_all(bytes)
}

const STANDARD_OUTPUT: i32 = 1;

static SINK: Mutex<Sink> = Mutex::new(Sink { file: None, syslog: None });
static DESCRIPTOR: AtomicI32 = AtomicI32::new(STANDARD_OUTPUT);

/// Stands for a thread that holds the lock and does not go on.
#[cfg(test)]
pub(super) fn hold_for_test() -> impl Drop {
    SINK.lock()
}
