//! One line of the log, in each of its formats.
//!
//! | format | as in | line |
//! |---|---|---|
//! | plain | Redis | `4711:M 21 Nov 2026 08:02:31.699 * message` |
//! | logfmt | Valkey | `pid=4711 role=primary timestamp="21 Nov 2026 08:02:31.699" level=notice message="message"` |
//! | JSON | here | `{"pid":4711,"role":"primary","timestamp":"...","level":"notice","message":"message"}` |

use std::fmt;
use std::fmt::Write as _;

use jiff::Zoned;

use super::Level;

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Format {
    #[default]
    Plain,
    Logfmt,
    Json,
}

impl Format {
    pub(super) fn from_byte(byte: u8) -> Format {
        [Format::Plain, Format::Logfmt, Format::Json][usize::from(byte)]
    }
}

/// How the time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Timestamp {
    /// `21 Nov 2026 08:02:31.699`, in local time.
    #[default]
    Legacy,
    /// `2026-11-21T08:02:31.699+01:00`
    Iso8601,
    /// Since 1970.
    Milliseconds,
}

impl Timestamp {
    pub(super) fn from_byte(byte: u8) -> Timestamp {
        [Timestamp::Legacy, Timestamp::Iso8601, Timestamp::Milliseconds][usize::from(byte)]
    }
}

/// What the process is, as its lines say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    /// Not serving yet. Redis's lines look so until the server is set up, and in its child processes.
    Starting,
    Primary,
    Replica,
    Sentinel,
}

impl Role {
    pub(super) fn from_byte(byte: u8) -> Role {
        [Role::Starting, Role::Primary, Role::Replica, Role::Sentinel][usize::from(byte)]
    }

    fn letter(self) -> char {
        match self {
            Role::Starting => 'C',
            Role::Primary => 'M',
            Role::Replica => 'S',
            Role::Sentinel => 'X',
        }
    }

    fn name(self) -> &'static str {
        match self {
            Role::Starting => "starting",
            Role::Primary => "primary",
            Role::Replica => "replica",
            Role::Sentinel => "sentinel",
        }
    }
}

/// A line that ends as lines do, and knows where its message stands.
pub(super) struct Line {
    text: String,
    message: String,
}

impl Line {
    /// The line that process `pid` logs now.
    pub(super) fn new(
        format: Format,
        timestamp: Timestamp,
        pid: u32,
        role: Role,
        level: Level,
        message: &dyn fmt::Display,
    ) -> Line {
        Line::at(&Zoned::now(), format, timestamp, pid, role, level, message)
    }

    pub(super) fn at(
        now: &Zoned,
        format: Format,
        timestamp: Timestamp,
        pid: u32,
        role: Role,
        level: Level,
        message: &dyn fmt::Display,
    ) -> Line {
        let time = time(now, timestamp);
        let mut bounded = Bounded { text: String::new() };
        // Only a message that is cut off at its limit makes this fail.
        let _cut = write!(bounded, "{message}");
        let message = bounded.text;
        let text = match format {
            Format::Plain => {
                format!("{pid}:{} {time} {} {message}\n", role.letter(), letter(level))
            }
            Format::Logfmt => format!(
                "pid={pid} role={} timestamp=\"{time}\" level={} message=\"{}\"\n",
                role.name(),
                name(level),
                message.replace('"', "'"),
            ),
            Format::Json => format!(
                "{{\"pid\":{pid},\"role\":\"{}\",\"timestamp\":\"{time}\",\"level\":\"{}\",\"message\":\"{}\"}}\n",
                role.name(),
                name(level),
                // Control characters are escaped already, with a backslash that is now one of the message's own.
                message.replace('\\', "\\\\").replace('"', "\\\""),
            ),
        };
        Line { text, message }
    }

    pub(super) fn whole(&self) -> &str {
        &self.text
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }
}

fn time(now: &Zoned, timestamp: Timestamp) -> String {
    let pattern = match timestamp {
        Timestamp::Legacy => "%d %b %Y %H:%M:%S.%3f",
        Timestamp::Iso8601 => "%Y-%m-%dT%H:%M:%S.%3f%:z",
        Timestamp::Milliseconds => return now.timestamp().as_millisecond().to_string(),
    };
    now.strftime(pattern).to_string()
}

fn letter(level: Level) -> char {
    match level {
        Level::Debug => '.',
        Level::Verbose => '-',
        Level::Notice => '*',
        Level::Warning | Level::Nothing => '#',
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Verbose => "info",
        Level::Notice => "notice",
        Level::Warning | Level::Nothing => "warning",
    }
}

/// A message with its control characters escaped, cut off at a limit.
struct Bounded {
    text: String,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for character in part.chars() {
            if MESSAGE_LIMIT_BYTES <= self.text.len() {
                return Err(fmt::Error);
            }
            if character.is_control() {
                self.text.extend(character.escape_default());
            } else {
                self.text.push(character);
            }
        }
        Ok(())
    }
}

/// Longer messages are cut: some quote what a client sent. The longest that Redis logs has 1,024 bytes; ours may quote a
/// path of `PATH_MAX`, 4,096 bytes, whole.
const MESSAGE_LIMIT_BYTES: usize = 8192;
