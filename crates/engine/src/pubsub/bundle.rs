//! Messages that follow each other on one channel, put together for all of its subscribers.
//!
//! Subscribers of a channel are sent the same bytes, so messages that wait are put together once, and each subscriber is sent all
//! of them from there in one write. Nothing is copied for one whose socket takes them.
//!
//! A bundle grows while its worker publishes, and is closed when it is taken to be delivered.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use resp::number::write_unsigned;
use resp::{Output, Protocol};

use super::Space;
use super::post::write_word;

/// Bytes at which another bundle begins: a socket takes so much at once.
const LIMIT: usize = 64 << 10;

/// Messages of one channel, in order.
#[derive(Debug)]
pub struct Bundle {
    /// The number of the first message.
    pub(super) first: u64,
    pub(super) space: Space,
    pub(super) channel: Arc<[u8]>,
    /// As RESP2 has them.
    bytes: Vec<u8>,
    /// Where each begins.
    starts: Vec<usize>,
    /// Where one has what all begin with: everything up to the text.
    header: Range<usize>,
    /// As RESP3 has them, if anybody speaks that. Made when the bundle is closed.
    pushes: OnceCell<Vec<u8>>,
}

/// The room of a bundle that was delivered, for another one.
#[derive(Debug, Default)]
pub(super) struct Room {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Bundle {
    pub(super) fn new(first: u64, space: Space, channel: Arc<[u8]>, room: Room) -> Bundle {
        let Room { bytes, starts } = room;
        Bundle { first, space, channel, bytes, starts, header: 0..0, pushes: OnceCell::new() }
    }

    /// Whether a message of this channel may be added.
    pub(super) fn takes(&self, space: Space, channel: &Arc<[u8]>) -> bool {
        let is_its_own = Arc::ptr_eq(&self.channel, channel) && self.space == space;
        is_its_own && self.bytes.len() < LIMIT
    }

    /// Adds a message.
    pub(super) fn write(&mut self, text: &[u8]) {
        /// Around a text: its header and two line endings.
        const FRAME: usize = 25;
        self.starts.push(self.bytes.len());
        self.bytes.reserve(self.header.len() + FRAME + text.len());
        if self.header.is_empty() {
            self.write_header();
        } else {
            self.bytes.extend_from_within(self.header.clone());
        }
        self.bytes.push(b'$');
        write_unsigned(text.len() as u64, &mut self.bytes);
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(text);
        self.bytes.extend_from_slice(b"\r\n");
    }

    fn write_header(&mut self) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(b"*3\r\n");
        write_word(self.space.kind(), &mut self.bytes);
        write_word(&self.channel, &mut self.bytes);
        self.header = start..self.bytes.len();
    }

    /// Adds a message that is encoded already, but for its first byte.
    pub(super) fn push(&mut self, message: &[u8]) {
        self.starts.push(self.bytes.len());
        self.bytes.push(b'*');
        self.bytes.extend_from_slice(message);
    }

    /// The number after the last message.
    pub(super) fn end(&self) -> u64 {
        self.first + self.starts.len() as u64
    }

    /// How many messages there are.
    pub fn messages(&self) -> usize {
        self.starts.len()
    }

    /// What is sent to a client that awaits the messages from this number on.
    pub(super) fn from(&self, number: u64, protocol: Protocol) -> &[u8] {
        let bytes = match protocol {
            Protocol::Resp2 => &self.bytes,
            Protocol::Resp3 => self.pushes.get_or_init(|| self.as_pushes()),
        };
        bytes.get(self.start(number)..).unwrap_or_default()
    }

    /// Appends the same to what a client is sent; more may be added afterwards.
    pub(super) fn write_from(&self, number: u64, protocol: Protocol, output: &mut Output) {
        let start = self.start(number);
        let before = output.tail().len();
        output.push(self.bytes.get(start..).unwrap_or_default());
        if protocol == Protocol::Resp3 {
            make_pushes(self.starts_from(number), start, output.tail().get_mut(before..));
        }
    }

    fn as_pushes(&self) -> Vec<u8> {
        let mut pushes = self.bytes.clone();
        make_pushes(&self.starts, 0, Some(&mut pushes));
        pushes
    }

    /// Where the message with this number begins.
    fn start(&self, number: u64) -> usize {
        self.starts_from(number).first().copied().unwrap_or(self.bytes.len())
    }

    fn starts_from(&self, number: u64) -> &[usize] {
        let skipped = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.starts.get(skipped..).unwrap_or_default()
    }

    /// Its room, if that is worth keeping.
    pub(super) fn into_room(self) -> Option<Room> {
        let Bundle { mut bytes, mut starts, .. } = self;
        bytes.clear();
        starts.clear();
        (bytes.capacity() <= 2 * LIMIT).then_some(Room { bytes, starts })
    }
}

/// Makes pushes of messages: only the first byte of each differs. `offset` is where `bytes` begin.
fn make_pushes(starts: &[usize], offset: usize, bytes: Option<&mut [u8]>) {
    let Some(bytes) = bytes else { return };
    for &start in starts {
        if let Some(first) = bytes.get_mut(start - offset) {
            *first = b'>';
        }
    }
}
