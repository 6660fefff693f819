//! The one stream of effects: what replicas and the append-only file will be told.
//!
//! A call that changes something has effects: commands that, run in order on a copy, change it in the same way. While its
//! shards are still locked they are appended to the stream, so the order of the stream is the order of execution. Several
//! effects of one call are wrapped in MULTI and EXEC, so that nobody sees half of them. With no listener nothing is
//! recorded, and the stream costs a load.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use resp::Words;

/// What the effects of all calls go to.
#[derive(Debug, Default)]
pub struct EffectStream {
    listening: AtomicBool,
    inner: Mutex<Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    /// The database that the last effect was for.
    database: Option<usize>,
    /// Effects as clients would send them, not taken yet.
    bytes: Vec<u8>,
}

impl EffectStream {
    /// Records effects from here on. The caller has closed the gates, so that none is half recorded.
    pub fn listen(&self) {
        self.listening.store(true, Ordering::Release);
    }

    /// Whether effects are recorded.
    #[inline]
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Takes what was recorded since the last time: requests as clients send them.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.inner.lock().bytes)
    }

    /// Appends the effects of one call.
    pub(crate) fn append(&self, effects: &mut Effects) {
        if effects.recorded.is_empty() {
            return;
        }
        let mut stream = self.inner.lock();
        let several = 1 < effects.recorded.len();
        if several {
            stream.bytes.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
        }
        for effect in effects.recorded.drain(..) {
            if stream.database != Some(effect.database) {
                stream.database = Some(effect.database);
                let number = effect.database.to_string();
                resp::encode_request([b"SELECT", number.as_bytes()], &mut stream.bytes);
            }
            stream.bytes.extend_from_slice(&effect.request);
        }
        if several {
            stream.bytes.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
        }
    }
}

/// The effects of one call.
#[derive(Debug, Default)]
pub struct Effects {
    recorded: Vec<Effect>,
    /// How many values were changed; what INFO calls changes since the last save.
    pub changes: u64,
    /// What to record at the end of the call.
    propagation: Propagation,
}

#[derive(Debug)]
struct Effect {
    database: usize,
    request: Vec<u8>,
}

/// What a call that changed something records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Propagation {
    /// The call as it came.
    #[default]
    AsCalled,
    /// What it has recorded itself, or nothing.
    Explicit,
}

impl Effects {
    /// Records a command instead of the call as it came.
    pub(crate) fn replicate_as(&mut self, database: usize, words: &[&[u8]]) {
        self.propagation = Propagation::Explicit;
        self.push(database, words);
    }

    /// Records a command that comes before those of the call itself: the removal of an expired key.
    pub(crate) fn push(&mut self, database: usize, words: &[&[u8]]) {
        let mut request = Vec::new();
        resp::encode_request(words.iter().copied(), &mut request);
        self.recorded.push(Effect { database, request });
    }

    /// Records the call as it came, if it changed something and said nothing else.
    pub(crate) fn finish(&mut self, database: usize, words: Words<'_>) {
        if 0 < self.changes && self.propagation == Propagation::AsCalled {
            let mut request = Vec::with_capacity(words.bytes() + 16 * words.len());
            resp::encode_request(words.iter(), &mut request);
            self.recorded.push(Effect { database, request });
        }
    }
}
