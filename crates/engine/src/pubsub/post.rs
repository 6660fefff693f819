//! What is delivered: messages, encoded once for all who receive them.

use std::sync::Arc;

use resp::limits::SHARED_BYTES;
use resp::number::write_unsigned;
use resp::{Output, Protocol};

use super::Space;
use crate::tracking::Invalidation;

/// Something to deliver.
#[derive(Clone, Debug)]
pub enum Post {
    /// A message that was published.
    Publication(Arc<Publication>),
    /// A line for those who MONITOR.
    Line(Arc<Vec<u8>>),
    /// Keys have changed that clients may have kept.
    Invalidation(Arc<Invalidation>),
}

impl Post {
    /// Bytes of memory that it takes, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Post::Publication(publication) => publication.bytes(),
            Post::Line(line) => line.len(),
            Post::Invalidation(invalidation) => invalidation.bytes(),
        }
    }
}

/// A message to those who have subscribed to one channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a> {
    pub(super) space: Space,
    pub(super) channel: &'a Arc<[u8]>,
    /// But for its first byte.
    pub(super) message: &'a [u8],
}

/// A message that was published, in the forms in which subscribers of the channel and of patterns get it.
#[derive(Debug, Default)]
pub struct Publication {
    /// To those who subscribed to the channel.
    channel: Option<(Space, Arc<[u8]>, Message)>,
    /// To those who subscribed to a pattern.
    patterns: Vec<(Arc<[u8]>, Message)>,
}

impl Publication {
    pub(super) fn address_channel(&mut self, space: Space, channel: Arc<[u8]>, message: Message) {
        self.channel = Some((space, channel, message));
    }

    pub(super) fn address_pattern(&mut self, pattern: Arc<[u8]>, message: Message) {
        self.patterns.push((pattern, message));
    }

    /// Its forms, each with those whom it is for: to the channel's subscribers first.
    pub(super) fn forms(&self) -> impl Iterator<Item = (Space, &Arc<[u8]>, &Message)> {
        let patterns = self.patterns.iter();
        let patterns = patterns.map(|(pattern, message)| (Space::Pattern, pattern, message));
        let channel =
            self.channel.iter().map(|(space, channel, message)| (*space, channel, message));
        channel.chain(patterns)
    }

    /// The channel and the message, if it goes to nobody else and is short.
    pub(super) fn plain(&self) -> Option<Plain<'_>> {
        let (space, channel, message) = self.channel.as_ref()?;
        let is_plain = self.patterns.is_empty() && message.0.len() < SHARED_BYTES;
        is_plain.then_some(Plain { space: *space, channel, message: message.0.as_slice() })
    }

    fn bytes(&self) -> usize {
        self.forms().map(|(_, _, message)| message.0.len()).sum()
    }
}

/// An encoded message but for its first byte, which depends on the protocol of who receives it.
#[derive(Clone, Debug)]
pub struct Message(Arc<Vec<u8>>);

impl Message {
    /// The message of these words.
    pub(super) fn new(words: &[&[u8]]) -> Message {
        /// Around a word: its header and two line endings.
        const FRAME: usize = 25;
        let length: usize = words.iter().map(|word| word.len() + FRAME).sum();
        let mut bytes = Vec::with_capacity(FRAME + length);
        write_unsigned(words.len() as u64, &mut bytes);
        bytes.extend_from_slice(b"\r\n");
        for word in words {
            write_word(word, &mut bytes);
        }
        Message(Arc::new(bytes))
    }

    /// Appends it to what a client is sent; a long one is shared.
    pub fn write_to(&self, output: &mut Output, protocol: Protocol) {
        output.tail().push(match protocol {
            Protocol::Resp2 => b'*',
            Protocol::Resp3 => b'>',
        });
        if self.0.len() < SHARED_BYTES {
            output.push(&self.0);
        } else {
            output.push_shared(Arc::clone(&self.0));
        }
    }
}

/// Writes a word of a message.
pub(super) fn write_word(word: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(b'$');
    write_unsigned(word.len() as u64, bytes);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(word);
    bytes.extend_from_slice(b"\r\n");
}
