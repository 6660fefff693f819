//! The configuration in the file system: reading it at the start, rewriting it later.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use config::command_line::CommandLine;
use config::{Environment, IncludeError, IncludedFile, LoadError, Loaded, Source, Text, load};

use crate::log;
use crate::process::reason::reason;

/// Reads the configuration that a command line asks for.
pub(crate) fn read(command_line: &CommandLine, cores: u16) -> Result<Loaded, LoadError> {
    let file = match &command_line.config_file {
        Some(path) => read_file(Path::new(std::ffi::OsStr::from_bytes(path)))?,
        None => Vec::new(),
    };
    let mut standard_input = Vec::new();
    if command_line.standard_input {
        io::stdin().read_to_end(&mut standard_input).map_err(|error| IncludeError {
            path: Text::from(b"-".as_slice()),
            reason: reason(&error),
        })?;
    }
    load(&Source::of(command_line, file, standard_input), cores, &mut System)
}

fn read_file(path: &Path) -> Result<Vec<u8>, IncludeError> {
    fs::read(path).map_err(|error| IncludeError {
        path: Text::from(path.as_os_str().as_bytes()),
        reason: reason(&error),
    })
}

/// The system, as loading asks for it.
struct System;

impl Environment for System {
    fn include(&mut self, pattern: &Text) -> Result<Vec<IncludedFile>, IncludeError> {
        let name = pattern.to_string_lossy();
        if !name.contains(['*', '?', '[']) {
            let text = read_file(pattern.as_path())?;
            return Ok(vec![IncludedFile { path: pattern.clone(), text }]);
        }
        let paths = glob::glob(&name)
            .map_err(|error| IncludeError { path: pattern.clone(), reason: error.to_string() })?;
        let mut files = Vec::new();
        for path in paths.flatten() {
            let text = read_file(&path)?;
            files.push(IncludedFile { path: Text::from(path.as_os_str().as_bytes()), text });
        }
        Ok(files)
    }

    fn enter_directory(&mut self, directory: &Text) -> Result<(), String> {
        std::env::set_current_dir(directory.as_path()).map_err(|error| reason(&error))
    }

    fn try_log_file(&mut self, file: &Text) -> Result<(), String> {
        File::options()
            .append(true)
            .create(true)
            .open(file.as_path())
            .map(drop)
            .map_err(|error| reason(&error))
    }

    fn has_command(&self, name: &[u8]) -> bool {
        engine::has_command(name)
    }

    fn check_user(
        &self,
        words: &[Text],
        is_known: bool,
        allows_all_channels: bool,
    ) -> Result<(), String> {
        let words: Vec<&[u8]> = words.iter().map(Text::as_bytes).collect();
        engine::check_user(&words, is_known, allows_all_channels)
    }
}

/// Sends the log where the configuration says.
pub(crate) fn apply_log(logging: &config::logging::Logging) -> io::Result<()> {
    use config::logging::{LogFormat, LogLevel};
    let syslog = logging.syslog.then(|| log::Syslog {
        ident: logging.syslog_identity.to_string_lossy().into_owned(),
        facility: facility(logging.syslog_facility),
        socket: PathBuf::from(log::Syslog::SOCKET),
    });
    log::configure(log::Settings {
        file: (!logging.file.is_empty()).then(|| logging.file.as_path().to_owned()),
        syslog,
        format: match logging.format {
            LogFormat::Plain => log::Format::Plain,
            LogFormat::Logfmt => log::Format::Logfmt,
            LogFormat::Json => log::Format::Json,
        },
        timestamp: log::Timestamp::default(),
    })?;
    log::set_level(match logging.level {
        LogLevel::Debug => log::Level::Debug,
        LogLevel::Verbose => log::Level::Verbose,
        LogLevel::Notice => log::Level::Notice,
        LogLevel::Warning => log::Level::Warning,
        LogLevel::Nothing => log::Level::Nothing,
    });
    Ok(())
}

fn facility(facility: config::logging::SyslogFacility) -> log::Facility {
    use config::logging::SyslogFacility;
    match facility {
        SyslogFacility::User => log::Facility::User,
        SyslogFacility::Local0 => log::Facility::Local(0),
        SyslogFacility::Local1 => log::Facility::Local(1),
        SyslogFacility::Local2 => log::Facility::Local(2),
        SyslogFacility::Local3 => log::Facility::Local(3),
        SyslogFacility::Local4 => log::Facility::Local(4),
        SyslogFacility::Local5 => log::Facility::Local(5),
        SyslogFacility::Local6 => log::Facility::Local(6),
        SyslogFacility::Local7 => log::Facility::Local(7),
    }
}

/// The file that the server was started with.
#[derive(Debug)]
pub(crate) struct ConfigurationFile {
    path: PathBuf,
    shown: String,
}

impl ConfigurationFile {
    /// The file at a path, which is made absolute: `dir` may change the working directory.
    pub(crate) fn new(path: &[u8]) -> ConfigurationFile {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        ConfigurationFile { shown: path.to_string_lossy().into_owned(), path }
    }
}

impl engine::host::ConfigurationFile for ConfigurationFile {
    fn path(&self) -> &str {
        &self.shown
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            outcome => outcome,
        }
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        replace_file(&self.path, text)
    }
}

/// Writes a file anew: in one step, so that there is always the old one or the new one, and durably.
pub(crate) fn replace_file(path: &Path, text: &[u8]) -> io::Result<()> {
    let directory =
        path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.join(format!("{name}-{}.tmp", std::process::id()));
    let outcome = write_durably(&draft, text, path).and_then(|()| fs::rename(&draft, path));
    if let Err(error) = outcome {
        // What is left of the draft is of no use.
        let _gone_already = fs::remove_file(&draft);
        return Err(error);
    }
    File::open(directory)?.sync_all()
}

/// Writes a file with the permissions that another has.
fn write_durably(path: &Path, text: &[u8], like: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    if let Ok(metadata) = fs::metadata(like) {
        file.set_permissions(metadata.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()
}
