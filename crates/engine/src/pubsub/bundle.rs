//! Messages that follow each other on one channel, put together for all of its subscribers.
//!
//! Subscribers of a channel are sent the same bytes, so messages that wait are put together once, and each subscriber
//! is sent all of them from there in one write. Nothing is copied for one whose socket takes them.

use std::cell::OnceCell;
use std::sync::Arc;

use resp::Protocol;

use super::Space;

/// Messages of one channel, in order.
pub struct Bundle {
    /// The number of the first post.
    pub(super) first: u64,
    pub(super) space: Space,
    pub(super) channel: Arc<[u8]>,
    /// As RESP2 has them.
    bytes: Vec<u8>,
    /// Where each begins.
    starts: Vec<usize>,
    /// As RESP3 has them, if anybody speaks that.
    pushes: OnceCell<Vec<u8>>,
}

impl Bundle {
    pub(super) fn new(first: u64, space: Space, channel: Arc<[u8]>) -> Bundle {
        let (bytes, starts, pushes) = (Vec::new(), Vec::new(), OnceCell::new());
        Bundle { first, space, channel, bytes, starts, pushes }
    }

    /// Adds a message, which is encoded but for its first byte.
    pub(super) fn push(&mut self, message: &[u8]) {
        self.starts.push(self.bytes.len());
        self.bytes.push(b'*');
        self.bytes.extend_from_slice(message);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many messages there are.
    pub fn messages(&self) -> usize {
        self.starts.len()
    }

    /// What is sent to a client that awaits the posts from this number on.
    pub(super) fn from(&self, number: u64, protocol: Protocol) -> &[u8] {
        let skipped = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let start = self.starts.get(skipped).copied().unwrap_or(self.bytes.len());
        let bytes = match protocol {
            Protocol::Resp2 => &self.bytes,
            Protocol::Resp3 => self.pushes.get_or_init(|| self.as_pushes()),
        };
        bytes.get(start..).unwrap_or_default()
    }

    fn as_pushes(&self) -> Vec<u8> {
        let mut pushes = self.bytes.clone();
        for &start in &self.starts {
            if let Some(first) = pushes.get_mut(start) {
                *first = b'>';
            }
        }
        pushes
    }
}
