//! The calls that were refused lately: ACL LOG.
//!
//! What is refused again for the same reason within a minute is counted with the first time, at the head of the log.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;

use super::Reason;

/// So long after the last time a refusal is counted with the former ones, in ms.
const GROUPED_MS: i64 = 60_000;
/// So many of the latest entries are compared.
const COMPARED: usize = 10;

/// Calls that were refused.
#[derive(Debug, Default)]
pub(crate) struct Log {
    inner: Mutex<Inner>,
    /// How often each reason was one: authentication, commands, keys, channels.
    counts: [AtomicU64; 4],
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    /// The latest first.
    entries: VecDeque<Entry>,
}

/// A call that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) count: u64,
    pub(crate) reason: Reason,
    pub(crate) context: Context,
    /// The command, the key or the channel that was the reason.
    pub(crate) object: Vec<u8>,
    pub(crate) user: Vec<u8>,
    /// The client's line in CLIENT LIST.
    pub(crate) client: String,
    pub(crate) id: u64,
    /// Unix time in ms of the first time.
    pub(crate) created_ms: i64,
    /// And of the last.
    pub(crate) updated_ms: i64,
}

/// Where a call came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Context {
    Client,
    Transaction,
    Script,
}

impl Context {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Context::Client => "toplevel",
            Context::Transaction => "multi",
            Context::Script => "lua",
        }
    }
}

impl Log {
    /// Adds an entry, or counts it with one that is alike; keeps at most `limit`.
    pub(crate) fn push(&self, mut entry: Entry, limit: u64) {
        self.counts[entry.reason.place()].fetch_add(1, Relaxed);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut inner = self.inner.lock();
        let is_alike = |known: &Entry| {
            known.reason == entry.reason
                && known.context == entry.context
                && known.object == entry.object
                && known.user == entry.user
                && entry.updated_ms - known.updated_ms <= GROUPED_MS
        };
        let alike = inner.entries.iter().take(COMPARED).position(is_alike);
        if let Some(known) = alike.and_then(|place| inner.entries.remove(place)) {
            entry = Entry {
                count: known.count + 1,
                id: known.id,
                created_ms: known.created_ms,
                ..entry
            };
        } else {
            entry.id = inner.next;
            inner.next += 1;
        }
        inner.entries.push_front(entry);
        inner.entries.truncate(limit);
    }

    /// The latest entries.
    pub(crate) fn latest(&self, count: usize) -> Vec<Entry> {
        self.inner.lock().entries.iter().take(count).cloned().collect()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.inner.lock().entries.clear();
    }

    /// How often a reason was one.
    pub(crate) fn count(&self, reason: Reason) -> u64 {
        self.counts[reason.place()].load(Relaxed)
    }
}
