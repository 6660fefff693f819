//! The error replies.
//!
//! An error reply is one line: a code in capitals, which statistics and clients go by, and a text.
//! Texts that many commands share are variants; a text of one command alone is a
//! [`ReplyError::Message`] there. Quoted bytes of the client may hold anything, so writing replaces
//! CR and LF by spaces: an error can't break out of its line.

use std::borrow::Cow;
use std::fmt;

use crate::limits::QUOTED_BYTES;
use crate::request::Words;

/// An error as the client sees it. `Display` gives the exact line, code first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyError {
    /// The words do not make a call of this command.
    Syntax,
    /// The key holds another type.
    WrongType,
    /// A word should have been a 64-bit integer.
    NotInteger,
    /// A word should have been a float.
    NotFloat,
    /// An integer beyond what the command takes.
    OutOfRange,
    /// The key does not exist, and the command needs it.
    NoSuchKey,
    /// A position outside of the list.
    IndexOutOfRange,
    /// The memory limit is reached and the command could need more.
    OutOfMemory,
    /// The number of words; the command's full name in lower case, such as `config|get`.
    WrongArity(&'static str),
    /// A text that one command alone uses; `ERR ` is put before it.
    Message(Cow<'static, str>),
    /// The whole line, code first.
    Coded(Cow<'static, str>),
    /// The whole line, code first, where it quotes bytes of the client that need not be text.
    Quoting(Box<[u8]>),
}

impl ReplyError {
    /// `ERR ` and the text given.
    pub const fn message(text: &'static str) -> ReplyError {
        ReplyError::Message(Cow::Borrowed(text))
    }

    /// The line given, which begins with its code.
    pub const fn coded(line: &'static str) -> ReplyError {
        ReplyError::Coded(Cow::Borrowed(line))
    }

    /// The line given, which begins with its code and may quote any bytes.
    pub fn quoting(line: impl Into<Box<[u8]>>) -> ReplyError {
        ReplyError::Quoting(line.into())
    }

    /// No command is called as `words` begin. The reply quotes the name and the first arguments,
    /// each cut as Redis cuts them, and up to a NUL, where its C strings end.
    pub fn unknown_command(words: Words<'_>) -> ReplyError {
        let mut line = b"ERR unknown command '".to_vec();
        line.extend_from_slice(quoted(words.first().unwrap_or_default(), QUOTED_BYTES));
        line.extend_from_slice(b"', with args beginning with: ");
        let before_arguments = line.len();
        for argument in words.skip(1).iter() {
            let used = line.len().saturating_sub(before_arguments);
            if QUOTED_BYTES <= used {
                break;
            }
            line.push(b'\'');
            line.extend_from_slice(quoted(argument, QUOTED_BYTES.saturating_sub(used)));
            line.extend_from_slice(b"' ");
        }
        ReplyError::quoting(line)
    }

    /// The container command has no subcommand of this name.
    pub fn unknown_subcommand(container: &str, subcommand: &[u8]) -> ReplyError {
        let mut line = b"ERR unknown subcommand '".to_vec();
        line.extend_from_slice(quoted(subcommand, QUOTED_BYTES));
        line.extend_from_slice(b"'. Try ");
        line.extend_from_slice(container.to_ascii_uppercase().as_bytes());
        line.extend_from_slice(b" HELP.");
        ReplyError::quoting(line)
    }

    /// The first word of the line, such as `ERR`, which is also the code of a line of one word, or whose first word is no code.
    pub fn code(&self) -> Cow<'_, str> {
        /// Bytes of a code at most.
        const LONGEST: usize = 30;
        let [first, second, _] = self.parts();
        let line = if first.is_empty() { second } else { first };
        let end = line.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n'));
        let code = end.filter(|end| *end <= LONGEST).and_then(|end| line.get(..end));
        let code = code.unwrap_or(b"ERR");
        String::from_utf8_lossy(code)
    }

    /// Appends the line, without the `-` before it and the line ending after it.
    pub fn write_to(&self, output: &mut Vec<u8>) {
        for part in self.parts() {
            output.extend(part.iter().map(|byte| match byte {
                b'\r' | b'\n' => b' ',
                _ => *byte,
            }));
        }
    }

    /// What the line consists of.
    fn parts(&self) -> [&[u8]; 3] {
        let whole: &str = match self {
            ReplyError::Syntax => "ERR syntax error",
            ReplyError::WrongType => {
                "WRONGTYPE Operation against a key holding the wrong kind of value"
            }
            ReplyError::NotInteger => "ERR value is not an integer or out of range",
            ReplyError::NotFloat => "ERR value is not a valid float",
            ReplyError::OutOfRange => "ERR value is out of range",
            ReplyError::NoSuchKey => "ERR no such key",
            ReplyError::IndexOutOfRange => "ERR index out of range",
            ReplyError::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
            ReplyError::WrongArity(name) => {
                return [b"ERR wrong number of arguments for '", name.as_bytes(), b"' command"];
            }
            ReplyError::Message(text) => return [b"ERR ", text.as_bytes(), b""],
            ReplyError::Coded(line) => line,
            ReplyError::Quoting(line) => return [line, b"", b""],
        };
        [whole.as_bytes(), b"", b""]
    }
}

/// At most `limit` bytes of `word`, and none from a NUL on.
fn quoted(word: &[u8], limit: usize) -> &[u8] {
    let word = word.get(..limit).unwrap_or(word);
    word.split(|&byte| byte == 0).next().unwrap_or_default()
}

impl fmt::Display for ReplyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Vec::new();
        self.write_to(&mut line);
        formatter.write_str(&String::from_utf8_lossy(&line))
    }
}

impl std::error::Error for ReplyError {}

#[cfg(test)]
mod tests;
