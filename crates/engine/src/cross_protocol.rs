//! Requests that a browser was tricked into sending.
//!
//! A web page can have the browsers of its visitors post to ports that only they can reach, and the body of such a request
//! could hold commands. But its first line begins with `POST`, and a line with `Host:` stands before the body: at either,
//! the connection is closed without a reply.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use resp::Words;

use crate::call::Next;
use crate::execution::Executed;
use crate::host::LogLevel;
use crate::session::Session;
use crate::worker::Worker;

/// When this was logged last.
#[derive(Debug)]
pub(crate) struct Warnings {
    /// Unix time in ms.
    last_ms: AtomicI64,
}

impl Default for Warnings {
    fn default() -> Warnings {
        Warnings { last_ms: AtomicI64::new(i64::MIN) }
    }
}

impl Warnings {
    /// Whether one is due at a time.
    fn is_due(&self, now_ms: i64) -> bool {
        let last_ms = self.last_ms.load(Relaxed);
        let is_due = last_ms.saturating_add(EVERY_MS) < now_ms;
        is_due && self.last_ms.compare_exchange(last_ms, now_ms, Relaxed, Relaxed).is_ok()
    }
}

/// Who can send one request can send many, and must not fill the log.
const EVERY_MS: i64 = 60_000;

/// Whether words that name no command are a line of HTTP.
pub(crate) fn is_http(words: Words<'_>) -> bool {
    let name = words.first().unwrap_or_default();
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

impl Worker<'_> {
    /// Closes the connection, with no reply to anything that is not sent yet.
    #[cold]
    pub(crate) fn cut_off(&self, session: &Session) -> Executed {
        if self.engine.http_warnings.is_due(self.now_ms()) {
            let message = format!(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
                 This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis \
                 instance. Connection from {} aborted.",
                session.record.peer.address
            );
            self.engine.host.log(LogLevel::Warning, &message);
        }
        session.record.killed.store(true, Relaxed);
        Executed { next: Next::Close, fate: None }
    }
}

#[cfg(test)]
mod tests {
    use super::{EVERY_MS, Warnings};
    use crate::Next;
    use crate::testing::Server;

    #[test]
    fn lines_of_http_end_the_connection() {
        for line in ["POST / HTTP/1.1", "post", "Host: example.com", "HOST: x"] {
            let mut server = Server::new();
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(server.call(0, &words), (Vec::new(), Next::Close), "{line}");
        }
        let mut server = Server::new();
        assert!(server.say("HOST x").starts_with("-ERR unknown command 'HOST'"));
    }

    #[test]
    fn warnings_are_a_minute_apart() {
        let warnings = Warnings::default();
        let times = [0, 1, EVERY_MS, EVERY_MS + 1, EVERY_MS + 2, 2 * EVERY_MS + 2];
        let due: Vec<bool> = times.iter().map(|&now_ms| warnings.is_due(now_ms)).collect();
        assert_eq!(due, [true, false, false, true, false, true]);
    }
}
