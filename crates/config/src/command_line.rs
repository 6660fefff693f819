//! The command line of the server: a file, standard input, and directives as options.
//!
//! `ochre-server [file] [--directive value ...] [-]`. Each option becomes a line as it would stand in a file, with its values
//! quoted, so that everything that is said about lines holds for it.

use crate::words::{quoted, split};

/// What the server was asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To serve.
    Serve(CommandLine),
    /// To say its version, on standard output, and exit with 0.
    Version,
    /// To explain itself, on standard error, and exit with 1.
    Help,
    /// To test that many megabytes of memory; the word as it was given.
    TestMemory(Vec<u8>),
    /// To say how memory is tested, on standard error, and exit with 1.
    TestMemoryHelp,
    /// To check the system it runs on.
    CheckSystem,
}

/// The command line of a server that is to serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The configuration file, if one is named.
    pub config_file: Option<Vec<u8>>,
    /// Whether more configuration comes on standard input.
    pub standard_input: bool,
    /// Whether it is to be a Sentinel.
    pub sentinel: bool,
    /// The options, as lines of a configuration file.
    pub overrides: Vec<u8>,
}

/// Reads the arguments, without the name of the program.
pub fn parse(arguments: &[impl AsRef<[u8]>]) -> Request {
    let arguments: Vec<&[u8]> = arguments.iter().map(AsRef::as_ref).collect();
    match arguments.as_slice() {
        [b"-v" | b"--version", ..] => return Request::Version,
        [b"-h" | b"--help", ..] => return Request::Help,
        [b"--test-memory", megabytes] => return Request::TestMemory(megabytes.to_vec()),
        [b"--test-memory", ..] => return Request::TestMemoryHelp,
        [b"--check-system", ..] => return Request::CheckSystem,
        _ => {}
    }
    let mut command_line = CommandLine {
        sentinel: arguments.contains(&b"--sentinel".as_slice()),
        ..CommandLine::default()
    };
    let mut options = arguments.as_slice();
    if let [file, rest @ ..] = options
        && !file.starts_with(b"-")
    {
        command_line.config_file = Some(file.to_vec()).filter(|file| !file.is_empty());
        options = rest;
    }
    // A lone minus is special as the first word after the file or as the last one.
    if let [b"-", rest @ ..] = options
        && command_line.config_file.is_none()
    {
        command_line.standard_input = true;
        options = rest;
    }
    if let [rest @ .., b"-"] = options {
        command_line.standard_input = true;
        options = rest;
    }
    command_line.overrides = lines(options);
    Request::Serve(command_line)
}

/// Options that may stand without a value before another option; all others take what follows, whatever it is.
const BARE_OPTIONS: &[&[u8]] = &[b"--save", b"--sentinel"];

fn lines(options: &[&[u8]]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut expects_value = false;
    for (index, option) in options.iter().enumerate() {
        match option.strip_prefix(b"--") {
            Some(name) if !expects_value => {
                if !lines.is_empty() {
                    lines.push(b'\n');
                }
                lines.extend_from_slice(name);
                lines.push(b' ');
                let next = options.get(index.saturating_add(1));
                let bare = BARE_OPTIONS.iter().any(|bare| bare.eq_ignore_ascii_case(option))
                    && next.is_none_or(|next| next.starts_with(b"--"));
                // An option may also be a whole line in one argument.
                let has_value = split(option).is_ok_and(|words| 1 < words.len());
                expects_value = !bare && !has_value;
                if bare && option.eq_ignore_ascii_case(b"--save") {
                    lines.extend_from_slice(b"\"\"");
                }
            }
            _ => {
                lines.extend_from_slice(&quoted(option));
                lines.push(b' ');
                expects_value = false;
            }
        }
    }
    lines
}
