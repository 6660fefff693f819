//! The directory of the append-only file, and its manifest.
//!
//! The manifest is replaced in one step: written under another name, forced to the disk, renamed, and the directory forced to
//! the disk. So after a crash there is the old one or the new one, and the files that it names.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use config::Config;
use persistence::aof::{FileInfo, Manifest, ManifestError, manifest_name, temporary_name};

use crate::log;
use crate::process::reason::reason;

/// The files of which the append-only file consists.
#[derive(Debug)]
pub(super) struct Files {
    directory: PathBuf,
    /// What their names begin with.
    prefix: Vec<u8>,
    pub(super) manifest: Manifest,
    /// The manifest names the file that is appended to.
    pub(super) is_listed: bool,
}

/// Why the manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotRead {
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Files {
    /// Reads the manifest, if there is one.
    pub(super) fn read(config: &Config) -> Result<Files, NotRead> {
        let settings = &config.persistence;
        let directory = settings
            .directory
            .as_path()
            .join(OsStr::from_bytes(settings.append_directory.as_bytes()));
        let mut files = Files {
            directory,
            prefix: settings.append_file.as_bytes().to_vec(),
            manifest: Manifest::default(),
            is_listed: true,
        };
        if !files.directory.exists() {
            log::debug(format_args!(
                "The AOF directory {} doesn't exist",
                files.directory.display()
            ));
            return Ok(files);
        }
        let path = files.path(&files.manifest_name());
        match fs::read(&path) {
            Ok(text) => files.manifest = Manifest::parse(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                log::debug(format_args!("The AOF manifest file {} doesn't exist", path.display()));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(files)
    }

    /// What the names of the files begin with.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The name of the manifest.
    pub(super) fn manifest_name(&self) -> Vec<u8> {
        manifest_name(&self.prefix)
    }

    /// Where a file of this name is.
    pub(super) fn path(&self, name: &[u8]) -> PathBuf {
        self.directory.join(OsStr::from_bytes(name))
    }

    /// Whether nothing was ever appended.
    pub(super) fn is_empty(&self) -> bool {
        self.manifest.base.is_none() && self.manifest.incremental.is_empty()
    }

    /// Makes the directory.
    pub(super) fn create_directory(&self) -> io::Result<()> {
        match fs::create_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Bytes of all files that are loaded.
    pub(super) fn bytes(&self) -> u64 {
        self.manifest.files().map(|(_, file)| self.file_bytes(file)).sum()
    }

    /// Bytes of a file.
    pub(super) fn file_bytes(&self, file: &FileInfo) -> u64 {
        fs::metadata(self.path(&file.name)).map_or(0, |metadata| metadata.len())
    }

    /// Puts another manifest in the place of the one on the disk; this one follows if that was done.
    pub(super) fn change(&mut self, manifest: Manifest) -> io::Result<()> {
        self.replace(&manifest)?;
        self.manifest = manifest;
        Ok(())
    }

    fn replace(&self, manifest: &Manifest) -> io::Result<()> {
        let name = self.manifest_name();
        let temporary = self.path(&temporary_name(&name));
        let mut file = File::create(&temporary)?;
        file.write_all(&manifest.text())?;
        file.sync_all()?;
        fs::rename(&temporary, self.path(&name))?;
        self.sync_directory()
    }

    /// Forces the names of the files to the disk.
    pub(super) fn sync_directory(&self) -> io::Result<()> {
        sync_directory(&self.directory)
    }

    /// Where a new base is written.
    pub(super) fn temporary_path(&self) -> PathBuf {
        self.directory.join(format!("temp-rewriteaof-bg-{}.aof", std::process::id()))
    }

    /// Opens a file to append to it.
    pub(super) fn open(&self, name: &[u8]) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(self.path(name))
    }

    /// Creates a file to append to it; what was there of this name is gone.
    pub(super) fn create(&self, name: &[u8]) -> io::Result<File> {
        let path = self.path(name);
        let _was_there = fs::remove_file(&path);
        OpenOptions::new().append(true).create_new(true).open(path)
    }

    /// Begins with a base that holds nothing.
    pub(super) fn create_base(&mut self, config: &Config) -> io::Result<()> {
        let mut manifest = self.manifest.clone();
        let is_snapshot = config.persistence.append_snapshot_preamble;
        let name = manifest.replace_base(&self.prefix, is_snapshot, 0);
        log::notice(format_args!("Creating AOF base file {} on server start", name.escape_ascii()));
        let file = self.create(&name)?;
        crate::saving::write_empty_base(&file, config)?;
        file.sync_all()?;
        self.change(manifest)
    }

    /// Deletes the files that are no longer needed, and what was left of an interrupted rewrite.
    pub(super) fn delete_history(&mut self) {
        if self.manifest.history.is_empty() {
            return;
        }
        for file in &self.manifest.history {
            match fs::remove_file(self.path(&file.name)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => log::warning(format_args!(
                    "Can't remove the history file {}: {}",
                    file.name.escape_ascii(),
                    reason(&error)
                )),
            }
        }
        let manifest = Manifest { history: Vec::new(), ..self.manifest.clone() };
        if let Err(error) = self.change(manifest) {
            log::warning(format_args!("Can't write the AOF manifest: {}", reason(&error)));
        }
    }

    /// Takes over a file of the time when there was only one, which is at `old`, as the base.
    pub(super) fn migrate(&mut self, old: &Path) -> io::Result<()> {
        self.create_directory()?;
        // The manifest first: a file that it names and that is not there yet is found at its old place at the next start.
        let base = FileInfo { name: self.prefix.clone(), number: 1 };
        self.change(Manifest { base: Some(base), ..Manifest::default() })?;
        fs::rename(old, self.path(&self.prefix))?;
        self.sync_directory()?;
        if let Some(parent) = old.parent() {
            sync_directory(parent)?;
        }
        Ok(())
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
