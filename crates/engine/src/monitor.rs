//! What MONITOR shows: a line for each call, in the order of execution.
//!
//! A call is shown while it still holds its shards, so calls on the same key are shown in the order in which they were
//! executed. Secrets are blotted out.

use std::io::Write as _;

use command::Flags;

use crate::call::Call;
use crate::slow_log::{REDACTED, is_secret};

/// Shows a call to those who MONITOR, unless it is one that is not shown.
#[cold]
pub(crate) fn show(call: &Call<'_>) {
    if call.callable.flags.has_any(Flags::ADMIN.and(Flags::SKIP_MONITOR)) {
        return;
    }
    call.engine.pubsub.show(&*call.engine.host, call.worker, line(call));
}

fn line(call: &Call<'_>) -> Vec<u8> {
    let (seconds, microseconds) =
        (call.now_us.div_euclid(1_000_000), call.now_us.rem_euclid(1_000_000));
    let peer = &call.session.record.peer;
    // The path of a socket is told with the `:0` that stands for its port.
    let (kind, address) = match peer.address.strip_suffix(":0") {
        Some(path) if peer.is_unix => ("unix:", path),
        _ => ("", peer.address.as_str()),
    };
    let database = call.session.database;
    let mut line = Vec::with_capacity(64 + call.words.bytes());
    // Writing to a vector cannot fail.
    let _written = write!(line, "+{seconds}.{microseconds:06} [{database} {kind}{address}]");
    for (index, word) in call.words.iter().enumerate() {
        line.push(b' ');
        quote(if is_secret(call.words, index) { REDACTED } else { word }, &mut line);
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
