//! Checking an append-only file: the one file of old, or a manifest and the files that it names.
//!
//! A file that was cut in the middle of a command, as a crash leaves it, can be cut once more so that it ends with the last
//! whole one. Only the last of several files can be: what comes after a hole would not mean what it meant.

mod file;
mod options;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use persistence::aof::{FileKind, Manifest, ManifestError};

use file::{Checked, Subject};
pub use options::{Action, Options, USAGE, Wanted};

/// Checks what the options name. What is asked is answered in `input`. The code is that of Redis's tool: 0 if all is right, or
/// was made right, and otherwise 1.
pub fn run(
    options: &Options,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> io::Result<ExitCode> {
    let is_manifest = match is_manifest(&options.path) {
        Ok(is_manifest) => is_manifest,
        Err(error) => {
            writeln!(output, "Cannot open file {}: {}", options.path.display(), text_of(&error))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let is_right = if is_manifest {
        writeln!(output, "Start checking Multi Part AOF")?;
        several(options, input, output)?
    } else {
        writeln!(output, "Start checking Old-Style AOF")?;
        let name = options.path.display().to_string();
        let subject = Subject { path: &options.path, name: &name, kind: "AOF", is_last: true };
        subject.check(options.action, input, output)?.is_some()
    };
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks the files that a manifest names.
fn several(options: &Options, input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<bool> {
    let manifest = match Manifest::parse(&fs::read(&options.path)?) {
        Ok(manifest) => manifest,
        Err(error) => {
            tell_manifest_error(&error, output)?;
            return Ok(false);
        }
    };
    let directory = options.path.parent().unwrap_or_else(|| Path::new(""));
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let count = manifest.files().count();
    let mut is_first_of_commands = true;
    for (place, (kind, file)) in manifest.files().enumerate() {
        let name = String::from_utf8_lossy(&file.name).into_owned();
        let path = directory.join(&name);
        match kind {
            FileKind::Base => {
                let form = match is_snapshot(&path) {
                    Ok(true) => "RDB",
                    Ok(false) => "RESP",
                    Err(error) => {
                        cannot_open(&path, &error, output)?;
                        return Ok(false);
                    }
                };
                writeln!(output, "Start to check BASE AOF ({form} format).")?;
            }
            FileKind::Incremental | FileKind::History if is_first_of_commands => {
                is_first_of_commands = false;
                writeln!(output, "Start to check INCR files.")?;
            }
            FileKind::Incremental | FileKind::History => {}
        }
        let subject = Subject {
            path: &path,
            name: &name,
            kind: if kind == FileKind::Base { "BASE AOF" } else { "INCR AOF" },
            is_last: place.saturating_add(1) == count,
        };
        match subject.check(options.action, input, output)? {
            Some(Checked::Right | Checked::Empty | Checked::Cut) => {}
            None => return Ok(false),
        }
    }
    writeln!(output, "All AOF files and manifest are valid")?;
    Ok(true)
}

fn tell_manifest_error(error: &ManifestError, output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "\n*** FATAL AOF MANIFEST FILE ERROR ***")?;
    writeln!(output, "Reading the manifest file, at line {}", error.line_number)?;
    writeln!(output, ">>> '{}'", error.line.escape_ascii())?;
    writeln!(output, "{}", error.what)
}

fn cannot_open(path: &Path, error: &io::Error, output: &mut dyn Write) -> io::Result<()> {
    let text = text_of(error);
    writeln!(output, "Cannot open file {}: {text}, aborting...", path.display())
}

/// What the system says, without its number.
fn text_of(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Whether the first line of a file that is no comment begins as those of a manifest do.
fn is_manifest(path: &Path) -> io::Result<bool> {
    /// More than any line of a manifest has.
    const LINE: u64 = 1025;
    let mut reader = io::BufReader::new(File::open(path)?);
    loop {
        let mut line = Vec::new();
        reader.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        if line.first() != Some(&b'#') {
            return Ok(line.starts_with(b"file"));
        }
    }
}

fn is_snapshot(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(9).read_to_end(&mut head)?;
    Ok(head.starts_with(b"REDIS") || head.starts_with(b"VALKEY0"))
}
