//! What MONITOR shows: a line for each call, in the order of execution.
//!
//! A call is shown while it still holds its shards, so calls on the same key are shown in the order in which they were
//! executed. Secrets are blotted out.

use std::io::Write as _;

use resp::Words;

use crate::Engine;
use crate::command_log::{REDACTED, is_secret};
use crate::session::Session;

/// Shows a call to those who MONITOR.
#[cold]
pub(crate) fn show(
    engine: &Engine,
    worker: usize,
    now_us: i64,
    session: &Session,
    words: Words<'_>,
) {
    engine.pubsub.show(&*engine.host, worker, line(now_us, session, words));
}

fn line(now_us: i64, session: &Session, words: Words<'_>) -> Vec<u8> {
    let (seconds, microseconds) = (now_us.div_euclid(1_000_000), now_us.rem_euclid(1_000_000));
    let peer = &session.record.peer;
    // The path of a socket is told with the `:0` that stands for its port.
    let (kind, address) = match peer.address.strip_suffix(":0") {
        // A script's own calls.
        _ if session.is_in_script => ("", "lua"),
        Some(path) if peer.is_unix => ("unix:", path),
        _ => ("", peer.address.as_str()),
    };
    let database = session.database;
    let mut line = Vec::with_capacity(64 + words.bytes());
    // Writing to a vector cannot fail.
    let _written = write!(line, "+{seconds}.{microseconds:06} [{database} {kind}{address}]");
    for (index, word) in words.iter().enumerate() {
        line.push(b' ');
        quote(if is_secret(words, index) { REDACTED } else { word }, &mut line);
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Appends bytes in quotes, as printable text.
fn quote(bytes: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    for &byte in bytes {
        let escaped = match byte {
            b'\\' | b'"' => byte,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x07 => b'a',
            0x08 => b'b',
            b' '..=b'~' => {
                line.push(byte);
                continue;
            }
            _ => {
                let _written = write!(line, "\\x{byte:02x}");
                continue;
            }
        };
        line.extend_from_slice(&[b'\\', escaped]);
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn words_are_printable() {
        let quoted = |bytes: &[u8]| {
            let mut line = Vec::new();
            quote(bytes, &mut line);
            String::from_utf8_lossy(&line).into_owned()
        };
        assert_eq!(quoted(b""), "\"\"");
        assert_eq!(quoted(b"plain 'text' ~"), "\"plain 'text' ~\"");
        assert_eq!(quoted(b"\"\\\n\r\t\x07\x08"), r#""\"\\\n\r\t\a\b""#);
        assert_eq!(quoted(b"\0\x1f\x7f\xff"), r#""\x00\x1f\x7f\xff""#);
    }
}
