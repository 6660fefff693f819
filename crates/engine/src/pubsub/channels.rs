//! Channels by name, in parts with a lock each, so that workers that use different channels seldom meet.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard};

use super::audience::Audience;

/// Enough that two of a few dozen workers seldom meet.
const PARTS: usize = 128;

pub(super) type Part = std::collections::HashMap<Arc<[u8]>, Audience, RandomState>;

/// The channels that somebody has subscribed to.
pub(super) struct Channels {
    parts: Box<[Mutex<Part>]>,
    hashing: RandomState,
    count: AtomicUsize,
}

impl Default for Channels {
    fn default() -> Channels {
        Channels {
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            hashing: RandomState::default(),
            count: AtomicUsize::new(0),
        }
    }
}

impl Channels {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The part that a channel is in, if it is there, locked.
    pub(super) fn lock(&self, channel: &[u8]) -> MutexGuard<'_, Part> {
        // The high bits, since a part's own table goes by others.
        let hash = self.hashing.hash_one(channel) >> 32;
        let place = usize::try_from(hash).unwrap_or(0) % self.parts.len();
        self.parts[place].lock()
    }

    /// Enters a subscriber, and runs `then` while the channel is locked. Gives the name as it is kept.
    pub(super) fn enter(&self, channel: &[u8], worker: usize, then: impl FnOnce()) -> Arc<[u8]> {
        let mut part = self.lock(channel);
        let known = part.get_key_value(channel).map(|(kept, _)| Arc::clone(kept));
        let kept = known.unwrap_or_else(|| {
            self.count.fetch_add(1, Ordering::AcqRel);
            Arc::from(channel)
        });
        part.entry(Arc::clone(&kept)).or_default().enter(worker);
        then();
        kept
    }

    /// Takes out a subscriber, and runs `then` while the channel is locked.
    pub(super) fn leave(&self, channel: &[u8], worker: usize, then: impl FnOnce()) {
        let mut part = self.lock(channel);
        if let Some(audience) = part.get_mut(channel) {
            audience.leave(worker);
            if audience.is_empty() {
                part.remove(channel);
                self.count.fetch_sub(1, Ordering::AcqRel);
                if part.len() < part.capacity() / 4 {
                    part.shrink_to_fit();
                }
            }
        }
        then();
    }

    /// All names.
    pub(super) fn names(&self) -> Vec<Arc<[u8]>> {
        let mut names = Vec::with_capacity(self.len());
        for part in &self.parts {
            names.extend(part.lock().keys().cloned());
        }
        names
    }
}
