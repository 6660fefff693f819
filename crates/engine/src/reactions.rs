//! What follows from the change of a key, beside its effects: whoever waits for it, watches it or listens is told.
//!
//! A call notes every key that it touches, in order, with the event; but only while somebody is interested, so that with
//! nobody there it costs one load. The notes are worked through right after the call, while its shards are still locked.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::call::Call;
use crate::events::Event;

/// A change of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Touched {
    /// The logical database.
    pub database: usize,
    /// Its name.
    pub key: Box<[u8]>,
    /// What happened to it.
    pub event: Event,
}

/// How many parties want to know of changes: watching, waiting and tracking clients, and notifications while they are on.
#[derive(Debug, Default)]
pub struct Interest {
    parties: AtomicUsize,
}

impl Interest {
    /// Another party; changes that are made after this are noted.
    pub fn add(&self) {
        self.parties.fetch_add(1, Ordering::SeqCst);
    }

    /// One party less.
    pub fn remove(&self) {
        self.parties.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether there is any.
    #[inline]
    pub fn any(&self) -> bool {
        self.parties.load(Ordering::Relaxed) != 0
    }
}

/// Tells everybody who is interested in what a call did, but those who wait: they are served when all is done and recorded that
/// was asked for. Its shards are locked.
#[expect(
    clippy::needless_pass_by_ref_mut,
    reason = "parties will be told of what happens to the keys"
)]
pub(crate) fn react(call: &mut Call<'_>) {
    // There is no other party yet that could be told.
    let _ = call;
}
