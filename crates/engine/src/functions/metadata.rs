//! The first line of a library: `#!lua name=mylib`.

use config::words::split;
use resp::ReplyError;
use scripting::is_name;

/// What the first line says.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) name: String,
}

impl Metadata {
    pub(super) fn parse(code: &[u8]) -> Result<Metadata, ReplyError> {
        const INVALID: ReplyError = ReplyError::message("Invalid library metadata");
        if !code.starts_with(b"#!") {
            return Err(ReplyError::message("Missing library metadata"));
        }
        let end = code.iter().position(|byte| *byte == b'\n').ok_or(INVALID)?;
        let words = split(code.get(..end).unwrap_or_default()).map_err(|_| INVALID)?;
        let mut words = words.iter().map(config::Text::as_bytes);
        let engine = words.next().and_then(|word| word.get(2..)).unwrap_or_default();
        let mut name: Option<&[u8]> = None;
        for word in words {
            match word.split_at_checked(5) {
                Some((key, value)) if key.eq_ignore_ascii_case(b"name=") => {
                    if name.replace(value).is_some() {
                        return Err(ReplyError::message(
                            "Invalid metadata value, name argument was given multiple times",
                        ));
                    }
                }
                _ => return Err(quoting("Invalid metadata value given: ", word, "")),
            }
        }
        let name = name.ok_or(ReplyError::message("Library name was not given"))?;
        let name = str::from_utf8(name).ok().filter(|name| is_name(name.as_bytes()));
        let name = name.ok_or(ReplyError::message(
            "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long",
        ))?;
        if !engine.eq_ignore_ascii_case(b"lua") {
            return Err(quoting("Engine '", engine, "' not found"));
        }
        Ok(Metadata { name: name.to_owned() })
    }
}

fn quoting(before: &str, quoted: &[u8], behind: &str) -> ReplyError {
    ReplyError::quoting([b"ERR ", before.as_bytes(), quoted, behind.as_bytes()].concat())
}
