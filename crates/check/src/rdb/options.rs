//! What the command line asks for.

use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt as _};

/// Shown where the command line is not understood.
pub const USAGE: &str = "\
Usage: ochre-check-rdb <rdb-file-name>
       ochre-check-rdb --report [--json] [--top <count>] [--digest] <rdb-file-name>

Reads a snapshot as a server would and says whether it is whole.

  --report        Also says what is in it: keys by type, the biggest keys, memory, expiry.
  --json          The report, and nothing else, as JSON.
  --top <count>   How many of the biggest keys are named (10).
  --digest        Also the digest that DEBUG DIGEST gives for equal data. Takes its time.
  -v, --version   The version of this program.
";

/// How many of the biggest keys are named.
const TOP: usize = 10;
/// More are not kept.
const MOST_TOP: usize = 100_000;

/// How a file is to be checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Whether there is a report.
    pub report: bool,
    /// Whether the report is JSON.
    pub json: bool,
    /// How many of the biggest keys are named.
    pub top: usize,
    /// Whether the digest of the data is made.
    pub digest: bool,
}

impl Options {
    /// Whether what is found is told line by line.
    pub(super) fn is_told(&self) -> bool {
        !self.json
    }
}

/// What the command line asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// To check a file.
    Check(Options),
    /// The version.
    Version,
    /// The usage.
    Help,
}

impl Options {
    /// Reads the arguments of the process.
    pub fn from_arguments() -> Result<Wanted, lexopt::Error> {
        Options::parse(lexopt::Parser::from_env())
    }

    pub(super) fn parse(mut parser: lexopt::Parser) -> Result<Wanted, lexopt::Error> {
        let mut options =
            Options { path: PathBuf::new(), report: false, json: false, top: TOP, digest: false };
        let mut path = None;
        while let Some(argument) = parser.next()? {
            match argument {
                Long("report") => options.report = true,
                Long("json") => options.json = true,
                Long("digest") => options.digest = true,
                Long("top") => options.top = parser.value()?.parse::<usize>()?.min(MOST_TOP),
                Long("version") | Short('v') => return Ok(Wanted::Version),
                Long("help") | Short('h') => return Ok(Wanted::Help),
                Value(ref value) if path.is_none() => path = Some(PathBuf::from(value)),
                Long(_) | Short(_) | Value(_) => return Err(argument.unexpected()),
            }
        }
        if (options.json || options.digest) && !options.report {
            return Err("--json and --digest are for --report".into());
        }
        options.path = path.ok_or("No file is named.")?;
        Ok(Wanted::Check(options))
    }
}
