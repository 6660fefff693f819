//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;

/// Shown where the command line is not understood.
pub const USAGE: &str = "\
Usage: ochre-check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>
";

/// What is done about what is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing.
    Check,
    /// A damaged end is cut off, after a question.
    Fix,
    /// What was executed after this time (unix time in seconds) is cut off.
    Truncate(i64),
}

/// What is checked, and what is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// A manifest or a file of commands.
    pub path: PathBuf,
    /// What is done about what is found.
    pub action: Action,
}

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// To check a file.
    Check(Options),
    /// The version.
    Version,
}

impl Options {
    /// Reads the arguments, without the name of the program. An error is what to say.
    pub fn parse(arguments: &[OsString]) -> Result<Wanted, &'static str> {
        let (action, path) = match arguments {
            [path] if path == "-v" || path == "--version" => return Ok(Wanted::Version),
            [path] => (Action::Check, path),
            [option, path] if option == "--fix" => (Action::Fix, path),
            [option, time, path] if option == "--truncate-to-timestamp" => {
                let time = time.to_str().and_then(|time| time.parse().ok());
                (Action::Truncate(time.ok_or("Invalid timestamp, aborting...\n")?), path)
            }
            _ => return Err(USAGE),
        };
        Ok(Wanted::Check(Options { path: PathBuf::from(path), action }))
    }
}
