//! Reading configuration files: lines to a [`Config`].
//!
//! The text is that of the file, then what came on standard input, then the command line as lines of a file (see
//! [`crate::command_line`]). Later lines win, except that `save` and `rename-command` add up. The first bad line is the
//! error, in the words that Redis has for it.

use std::fmt;

use crate::Config;
use crate::command_line::CommandLine;
use crate::directive::{
    Availability, Change, Directive, InFile, Occasion, UNBALANCED, WRONG_COUNT,
};
use crate::files::INCLUDE;
use crate::security::ChannelDefault;
use crate::table::find;
use crate::text::Text;
use crate::words::split;

/// What loading needs to know of the world, and asks its caller for.
pub trait Environment {
    /// The files that an `include` means: the one at that path, or those that fit the pattern, by name. A pattern that fits
    /// none is no error.
    fn include(&mut self, pattern: &Text) -> Result<Vec<IncludedFile>, IncludeError>;

    /// Makes this the working directory, as `dir` asks for; names of files after it are relative to it.
    /// The error is the system's, such as "No such file or directory".
    fn enter_directory(&mut self, directory: &Text) -> Result<(), String>;

    /// Whether the log can be written to that file, which is not empty. The error is the system's.
    fn try_log_file(&mut self, file: &Text) -> Result<(), String>;

    /// Whether there is a command of that name, in any case.
    fn has_command(&self, name: &[u8]) -> bool;

    /// Whether the words of a `user` line, after that word, make a user. `is_known` is whether a line before has made one of that name;
    /// `allows_all_channels` is what `acl-pubsub-default` says so far.
    fn check_user(
        &self,
        words: &[Text],
        is_known: bool,
        allows_all_channels: bool,
    ) -> Result<(), String>;
}

/// A file that another one includes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludedFile {
    /// Where it is.
    pub path: Text,
    /// What it says.
    pub text: Vec<u8>,
}

/// A configuration file cannot be read. The server says so in its log and exits with 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Fatal error, can't open config file '{path}': {reason}")]
pub struct IncludeError {
    /// The file.
    pub path: Text,
    /// What the system said.
    pub reason: String,
}

/// What a configuration is read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The text of the file, if there is one.
    pub file: Vec<u8>,
    /// What came on standard input, if the command line asks for it.
    pub standard_input: Vec<u8>,
    /// The directives of the command line, as lines.
    pub overrides: Vec<u8>,
}

impl Source {
    /// The text of one file and nothing else.
    pub fn file(text: &[u8]) -> Source {
        Source { file: text.to_vec(), ..Source::default() }
    }

    /// A file and standard input, with what a command line adds.
    pub fn of(command_line: &CommandLine, file: Vec<u8>, standard_input: Vec<u8>) -> Source {
        Source { file, standard_input, overrides: command_line.overrides.clone() }
    }

    fn text(&self) -> Vec<u8> {
        let mut text = self.file.clone();
        if !self.standard_input.is_empty() {
            if text.last().is_some_and(|last| *last != b'\n') {
                text.push(b'\n');
            }
            text.extend_from_slice(&self.standard_input);
        }
        if !self.overrides.is_empty() {
            // Also after a text that ends a line, so that line numbers in errors are those of Redis.
            text.push(b'\n');
            text.extend_from_slice(&self.overrides);
        }
        text
    }
}

/// A configuration that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the directives are set to.
    pub config: Config,
    /// What the operator should know: directives that were given and have no effect. Each is a line for the log.
    pub notices: Vec<String>,
}

/// Why a configuration cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Something in it is wrong; see [`ConfigFileError::report`].
    #[error("{0}")]
    ConfigFile(#[from] ConfigFileError),
    /// A file is missing.
    #[error("{0}")]
    Include(#[from] IncludeError),
}

/// Something in a configuration file is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigFileError {
    /// Where, unless it shows only after the last line.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
}

/// A line of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number; the first line is 1.
    pub line: usize,
    /// What it says.
    pub text: Text,
}

impl ConfigFileError {
    /// The report to standard error, after which the server exits with 1. `product` is who reports, such as "Redis 7.4.1".
    pub fn report(&self, product: &str) -> String {
        let place = self.place.as_ref().map_or(String::new(), Place::to_string);
        format!("\n*** FATAL CONFIG FILE ERROR ({product}) ***\n{place}{}\n", self.message)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Reading the configuration file, at line {}\n>>> '{}'\n",
            self.line, self.text
        )
    }
}

/// Reads a configuration on a machine with that many cores.
pub fn load(
    source: &Source,
    cores: u16,
    environment: &mut dyn Environment,
) -> Result<Loaded, LoadError> {
    let default = Config::new(cores);
    let config = default.clone();
    let mut loader = Loader { config, default, notices: Vec::new(), seen: Vec::new(), environment };
    loader.lines(&source.text(), 0)?;
    let Loader { config, notices, environment, .. } = loader;
    check_whole(&config, environment)?;
    Ok(Loaded { config, notices })
}

/// Includes within includes within includes: more than this many are a file that includes itself.
const DEEPEST_INCLUDE: usize = 16;

struct Loader<'a> {
    config: Config,
    default: Config,
    notices: Vec<String>,
    /// The directives that had a line already.
    seen: Vec<&'static str>,
    environment: &'a mut dyn Environment,
}

impl Loader<'_> {
    fn lines(&mut self, text: &[u8], depth: usize) -> Result<(), LoadError> {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = trim(line);
            if matches!(line, [] | [b'#', ..]) {
                continue;
            }
            self.line(line, depth).map_err(|failure| match failure {
                Failure::Line(message) => {
                    let place = Place { line: index.saturating_add(1), text: line.into() };
                    ConfigFileError { place: Some(place), message }.into()
                }
                Failure::Elsewhere(error) => error,
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], depth: usize) -> Result<(), Failure> {
        let words = split(line).map_err(|_| UNBALANCED.to_owned())?;
        let Some((name, values)) = words.split_first() else {
            return Ok(());
        };
        if name.as_bytes().eq_ignore_ascii_case(INCLUDE.as_bytes()) {
            return self.include(values, depth);
        }
        if let Some(named) = find(name.as_bytes()) {
            return Ok(self.set(named.directive, values)?);
        }
        Ok(unknown(name.as_bytes(), values)?)
    }

    fn include(&mut self, values: &[Text], depth: usize) -> Result<(), Failure> {
        let [pattern] = values else {
            return Err(BAD_DIRECTIVE.to_owned().into());
        };
        if depth == DEEPEST_INCLUDE {
            return Err(format!("Files include each other more than {DEEPEST_INCLUDE} deep").into());
        }
        let files =
            self.environment.include(pattern).map_err(|error| Failure::Elsewhere(error.into()))?;
        for file in files {
            self.lines(&file.text, depth.saturating_add(1)).map_err(Failure::Elsewhere)?;
        }
        Ok(())
    }

    fn set(&mut self, directive: &'static Directive, values: &[Text]) -> Result<(), String> {
        let occasion = if self.seen.contains(&directive.name) {
            Occasion::FurtherLine
        } else {
            Occasion::FirstLine
        };
        let renamed = self.config.security.renamed_commands.len();
        let users = self.config.security.users.len();
        let outcome = directive.set(&mut self.config, values, occasion);
        outcome.map_err(|reason| match directive.change {
            // Redis reads these apart from all others, and has other words for it.
            Change::FileOnly if reason == WRONG_COUNT => BAD_DIRECTIVE.to_owned(),
            Change::FileOnly | Change::Live | Change::Protected | Change::Startup => reason,
        })?;
        if occasion == Occasion::FirstLine {
            self.seen.push(directive.name);
        }
        if renamed < self.config.security.renamed_commands.len() {
            self.check_renamed_command()?;
        }
        if users < self.config.security.users.len() {
            self.check_user()?;
        }
        if directive.name == "dir" {
            self.environment.enter_directory(&self.config.persistence.directory)?;
        }
        self.check_available(directive)
    }

    /// What is not built must not look as if it were.
    fn check_available(&mut self, directive: &'static Directive) -> Result<(), String> {
        let Availability::NotBuilt { feature, in_file } = directive.availability else {
            return Ok(());
        };
        if directive.print(&self.config) == directive.print(&self.default) {
            return Ok(());
        }
        match in_file {
            InFile::Refused => Err(format!("{feature} is not built into this server yet")),
            InFile::Accepted => {
                let notice = format!(
                    "'{}' has no effect: {feature} is not built into this server yet.",
                    directive.name
                );
                if !self.notices.contains(&notice) {
                    self.notices.push(notice);
                }
                Ok(())
            }
        }
    }

    /// The user of the last line.
    fn check_user(&self) -> Result<(), String> {
        let security = &self.config.security;
        let Some((words, before)) = security.users.split_last() else { return Ok(()) };
        let is_known = before.iter().any(|other| other.first() == words.first());
        let allows_all_channels = security.acl_pub_sub_default == ChannelDefault::All;
        self.environment.check_user(words, is_known, allows_all_channels)
    }

    /// A command that is renamed must exist, after the renamings before, and its new name must not.
    fn check_renamed_command(&self) -> Result<(), String> {
        let renamed = &self.config.security.renamed_commands;
        let Some(((old, new), before)) = renamed.split_last() else {
            return Ok(());
        };
        let exists = |name: &Text| {
            let name = name.as_bytes();
            before.iter().fold(self.environment.has_command(name), |exists, (old, new)| {
                let (old, new) = (old.as_bytes(), new.as_bytes());
                new.eq_ignore_ascii_case(name) || (exists && !old.eq_ignore_ascii_case(name))
            })
        };
        if !exists(old) {
            return Err("No such command in rename-command".to_owned());
        }
        if !new.is_empty() && exists(new) && !new.as_bytes().eq_ignore_ascii_case(old.as_bytes()) {
            return Err("Target command name already exists".to_owned());
        }
        Ok(())
    }
}

/// An error of a line, which gets to know its place, or one that knows it already.
enum Failure {
    Line(String),
    Elsewhere(LoadError),
}

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::Line(message)
    }
}

const BAD_DIRECTIVE: &str = "Bad directive or wrong number of arguments";

/// Directives that once were, and that are skipped if they have one value.
const OBSOLETE: &[&str] =
    &["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

fn unknown(name: &[u8], values: &[Text]) -> Result<(), String> {
    let obsolete = OBSOLETE.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    if obsolete && values.len() == 1 {
        return Ok(());
    }
    if name.eq_ignore_ascii_case(b"sentinel") {
        return match values {
            [] => Ok(()),
            _ => Err("sentinel directive while not in sentinel mode".to_owned()),
        };
    }
    // A directive of a module has its name and a point before its own.
    match (name.contains(&b'.'), values) {
        (true, []) => Err("Module config specified without value".to_owned()),
        (true, _) => Err("loading modules is not built into this server yet".to_owned()),
        (false, _) => Err(BAD_DIRECTIVE.to_owned()),
    }
}

/// What can only be said when every line is read.
fn check_whole(config: &Config, environment: &mut dyn Environment) -> Result<(), ConfigFileError> {
    if !config.logging.file.is_empty() {
        environment.try_log_file(&config.logging.file).map_err(|reason| ConfigFileError {
            place: None,
            message: format!("Can't open the log file: {reason}"),
        })?;
    }
    Ok(())
}

/// A line without the blanks around it.
pub(crate) fn trim(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = line.iter().position(|byte| !blank(byte)).unwrap_or(line.len());
    let end = line.iter().rposition(|byte| !blank(byte)).map_or(0, |last| last.saturating_add(1));
    line.get(start..end).unwrap_or_default()
}
