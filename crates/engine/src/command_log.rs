//! The calls that cost most lately: those that took long (SLOWLOG), and those with a large request or a large reply (COMMANDLOG).
//!
//! An entry holds enough of a call to recognize it and never much more: as many words, and as many bytes of each, as
//! Redis keeps. Secrets are blotted out before anything is kept.

use std::collections::VecDeque;

use parking_lot::Mutex;
use resp::Words;

use crate::session::Session;

/// Calls of one kind, the latest first.
#[derive(Debug, Default)]
pub(crate) struct CommandLog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: i64,
    entries: VecDeque<LoggedCall>,
}

/// A call that cost much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedCall {
    /// Rises from 0, and is never used again.
    pub(crate) id: i64,
    /// Unix time in seconds at which it was executed.
    pub(crate) time_s: i64,
    /// How much: microseconds, or bytes.
    pub(crate) cost: u64,
    /// As far as they are kept.
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) client_address: String,
    pub(crate) client_name: Vec<u8>,
}

impl CommandLog {
    /// Keeps a call, and of older ones so many that there are `limit`.
    pub(crate) fn push(
        &self,
        session: &Session,
        words: Words<'_>,
        time_s: i64,
        cost: u64,
        limit: u64,
    ) {
        let mut call = LoggedCall {
            id: 0,
            time_s,
            cost,
            words: excerpt(words),
            client_address: session.record.peer.address.clone(),
            client_name: session.record.labels.lock().name.to_vec(),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut inner = self.inner.lock();
        call.id = inner.next;
        inner.next += 1;
        inner.entries.push_front(call);
        inner.entries.truncate(limit);
    }

    /// The latest calls, `count` at most.
    pub(crate) fn latest(&self, count: usize) -> Vec<LoggedCall> {
        self.inner.lock().entries.iter().take(count).cloned().collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().entries.len()
    }

    /// Forgets them.
    pub(crate) fn clear(&self) {
        self.inner.lock().entries.clear();
    }
}

pub(crate) const REDACTED: &[u8] = b"(redacted)";

/// The words of a call as they are kept.
fn excerpt(words: Words<'_>) -> Vec<Vec<u8>> {
    /// If there are more, the last one kept says how many are missing.
    const WORDS: usize = 32;
    const WORD_BYTES: usize = 128;
    let shown = if words.len() <= WORDS { words.len() } else { WORDS - 1 };
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(shown + 1);
    for (index, word) in words.iter().enumerate().take(shown) {
        kept.push(if is_secret(words, index) {
            REDACTED.to_vec()
        } else if word.len() <= WORD_BYTES {
            word.to_vec()
        } else {
            let more = format!("... ({} more bytes)", word.len() - WORD_BYTES);
            [&word[..WORD_BYTES], more.as_bytes()].concat()
        });
    }
    if shown < words.len() {
        kept.push(format!("... ({} more arguments)", words.len() - shown).into_bytes());
    }
    kept
}

/// Whether a word of a call is a secret.
pub(crate) fn is_secret(words: Words<'_>, index: usize) -> bool {
    let is = |position: usize, name: &[u8]| {
        words.get(position).is_some_and(|word| word.eq_ignore_ascii_case(name))
    };
    if is(0, b"AUTH") {
        return 0 < index;
    }
    if is(0, b"HELLO") {
        // After the version: AUTH, a user, a password.
        let auth = (2..words.len()).find(|&position| is(position, b"AUTH"));
        return auth.is_some_and(|auth| (auth + 1..=auth + 2).contains(&index));
    }
    if is(0, b"ACL") && (is(1, b"SETUSER") || is(1, b"DELUSER") || is(1, b"GETUSER")) {
        // As Redis has it, rules without secrets included.
        return 1 < index;
    }
    if is(0, b"CONFIG") && is(1, b"SET") && 2 < index && !index.is_multiple_of(2) {
        let name = words.get(index - 1).unwrap_or_default();
        return config::find(name).is_some_and(|found| found.directive.sensitive);
    }
    false
}

#[cfg(test)]
mod tests {
    use resp::OwnedWords;

    use super::excerpt;

    fn kept(words: &[&str]) -> Vec<String> {
        let words: OwnedWords = words.iter().collect();
        let kept = excerpt(words.as_words());
        kept.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect()
    }

    #[test]
    fn long_calls_are_cut() {
        let numbers: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        let words: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!(kept(&words[..32]), numbers[..32]);
        let cut = kept(&words);
        assert_eq!(cut.len(), 32);
        assert_eq!(cut[..31], numbers[..31]);
        assert_eq!(cut[31], "... (9 more arguments)");
        let word = "a".repeat(129);
        assert_eq!(kept(&["ECHO", &word[..128]])[1], word[..128]);
        assert_eq!(kept(&["ECHO", &word])[1], format!("{}... (1 more bytes)", &word[..128]));
    }

    #[test]
    fn secrets_are_blotted_out() {
        let no = "(redacted)";
        assert_eq!(kept(&["auth", "me", "pw"]), ["auth", no, no]);
        assert_eq!(
            kept(&["HELLO", "3", "auth", "me", "pw", "SETNAME", "x"]),
            ["HELLO", "3", "auth", no, no, "SETNAME", "x"]
        );
        assert_eq!(
            kept(&["CONFIG", "SET", "timeout", "1", "RequirePass", "pw", "hz", "1"]),
            ["CONFIG", "SET", "timeout", "1", "RequirePass", no, "hz", "1"]
        );
        assert_eq!(kept(&["GET", "requirepass"]), ["GET", "requirepass"]);
    }
}
