//! One copy of the stream of effects: what its reader has not taken yet.
//!
//! That for the file is one run of bytes, of which all is taken at once. That for replicas lies in pieces as long as the blocks of the
//! backlog, which do not grow: so what was recorded need not be copied again to be kept. Its reader may leave the piece that is not full yet
//! ([`Take::Full`]), and finds it longer the next time. Effects that are long are pieces of their own in both.

use collections::hash_table::prefetch;
use replication::backlog::BLOCK_BYTES;

use super::{Effect, LONG_BYTES};

/// Rooms for pieces of the replication stream that are kept.
const MOST_ROOMS: usize = 16;

/// No more is fetched before it is needed: it would not be there any more.
const MOST_FETCHED: usize = 4 << 10;

/// How much of the replication stream is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Take {
    /// All there is.
    All,
    /// The pieces that are full: what is recorded next goes on in the one that is not. If none is full, all.
    Full,
}

/// See the module's page.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The database that the last effect was for.
    pub(super) database: Option<usize>,
    /// Effects as clients would send them, not taken yet; `bytes` come after them.
    full: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    /// How many bytes at the beginning of all that are none of the stream's.
    lead: usize,
    /// Where `bytes` are full others begin, and they do not grow.
    in_pieces: bool,
    /// Room for the next ones, each as much as [`BLOCK_BYTES`].
    rooms: Vec<Vec<u8>>,
}

impl Stream {
    /// One that lies in pieces.
    pub(super) fn in_pieces() -> Stream {
        Stream { in_pieces: true, ..Stream::default() }
    }

    /// Appends bytes.
    #[inline]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if self.in_pieces && self.bytes.capacity() - self.bytes.len() < bytes.len() {
            self.extend_over_pieces(bytes);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    #[inline(never)]
    fn extend_over_pieces(&mut self, mut bytes: &[u8]) {
        while self.bytes.capacity() - self.bytes.len() < bytes.len() {
            let (fitting, rest) = bytes.split_at(self.bytes.capacity() - self.bytes.len());
            self.bytes.extend_from_slice(fitting);
            bytes = rest;
            self.begin_piece();
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn begin_piece(&mut self) {
        let room = self.rooms.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK_BYTES));
        let full = std::mem::replace(&mut self.bytes, room);
        if !full.is_empty() {
            self.full.push(full);
        }
    }

    /// Appends bytes, many of them in a piece of their own: it becomes a block of the backlog as it is.
    pub(super) fn append_apart(&mut self, bytes: &[u8]) {
        if bytes.len() <= BLOCK_BYTES {
            return self.extend(bytes);
        }
        if !self.bytes.is_empty() {
            self.full.push(std::mem::take(&mut self.bytes));
        }
        self.full.push(bytes.to_vec());
    }

    /// The bytes, to append about so many without a copy.
    pub(super) fn room_for(&mut self, length: usize) -> &mut Vec<u8> {
        if self.in_pieces && self.bytes.capacity() - self.bytes.len() < length {
            self.begin_piece();
        }
        &mut self.bytes
    }

    /// Has what follows be for this database.
    pub(super) fn select(&mut self, database: usize) {
        if self.database != Some(database) {
            self.database = Some(database);
            let number = database.to_string();
            let words: [&[u8]; 2] = [b"SELECT", number.as_bytes()];
            resp::value::encode_request(&words, self.room_for(64));
        }
    }

    /// Starts to fetch where the next effect will be written: by the next time that somebody takes the lock it is there, and he need
    /// not wait for what was written before.
    #[inline]
    pub(super) fn fetch_room(&self) {
        const LINE: usize = 64;
        let end = self.bytes.as_ptr().wrapping_add(self.bytes.len());
        prefetch(end.wrapping_add(2 * LINE));
        prefetch(end.wrapping_add(3 * LINE));
    }

    /// The same where as much as just now is likely to come next.
    pub(super) fn fetch_room_for(&self, length: usize) {
        const LINE: usize = 64;
        let end = self.bytes.as_ptr().wrapping_add(self.bytes.len());
        for line in 0..=length.min(MOST_FETCHED) / LINE {
            prefetch(end.wrapping_add(line * LINE));
        }
    }

    /// How many bytes there are to be taken.
    pub(super) fn len(&self) -> usize {
        self.full.iter().map(Vec::len).sum::<usize>() + self.bytes.len() - self.lead
    }

    fn append(&mut self, request: &mut Vec<u8>, is_last: bool) {
        if request.len() < LONG_BYTES {
            self.extend(request);
            return;
        }
        self.full.push(std::mem::take(&mut self.bytes));
        self.full.push(if is_last { std::mem::take(request) } else { request.clone() });
    }

    /// Appends effects that belong together, but for those that only replicas are told, unless it is they. `is_last` is whether nobody
    /// else needs them.
    pub(super) fn append_group(
        &mut self,
        effects: &mut [Effect],
        for_replicas: bool,
        is_last: bool,
    ) {
        let is_told = |effect: &Effect| for_replicas || !effect.only_replicas;
        let several = 1 < effects.iter().filter(|effect| is_told(effect)).count();
        if several {
            self.extend(b"*1\r\n$5\r\nMULTI\r\n");
        }
        for effect in effects.iter_mut().filter(|effect| is_told(effect)) {
            self.select(effect.database);
            self.append(&mut effect.request, is_last);
        }
        if several {
            self.extend(b"*1\r\n$4\r\nEXEC\r\n");
        }
    }

    /// How many bytes something appends.
    pub(super) fn measure(&mut self, append: impl FnOnce(&mut Stream)) -> u64 {
        let before = self.bytes.len();
        let full = self.full.len();
        append(self);
        let appended = if self.full.len() == full {
            self.bytes.len() - before
        } else {
            let moved: usize = self.full.iter().skip(full).map(Vec::len).sum();
            moved - before + self.bytes.len()
        };
        appended as u64
    }

    /// Forgets what was not taken.
    pub(super) fn forget(&mut self) {
        *self = Stream { database: self.database, in_pieces: self.in_pieces, ..Stream::default() };
    }

    /// Takes that much, and as many rooms for what comes next as are of use. Gives how many bytes it leaves.
    pub(super) fn take_pieces(
        &mut self,
        pieces: &mut Vec<Vec<u8>>,
        rooms: &mut Vec<Vec<u8>>,
        take: Take,
    ) -> u64 {
        debug_assert!(self.lead == 0, "nothing stands before it");
        let wanted = MOST_ROOMS.saturating_sub(self.rooms.len()).min(rooms.len());
        self.rooms.extend(rooms.drain(rooms.len() - wanted..));
        let leaves = take == Take::Full && !self.full.is_empty();
        pieces.append(&mut self.full);
        if leaves {
            return self.bytes.len() as u64;
        }
        if !self.bytes.is_empty() {
            pieces.push(std::mem::replace(&mut self.bytes, self.rooms.pop().unwrap_or_default()));
        }
        0
    }

    /// Takes what there is, where something stands before what comes next. Nothing is exchanged if there is nothing.
    pub(super) fn take_after_lead(
        &mut self,
        pieces: &mut Vec<Vec<u8>>,
        spare: &mut Vec<u8>,
        lead: impl FnOnce(usize) -> usize,
    ) -> usize {
        let length = self.len();
        if length == 0 {
            return 0;
        }
        spare.truncate(lead(length));
        let own = std::mem::replace(&mut self.lead, spare.len());
        pieces.append(&mut self.full);
        let bytes = std::mem::replace(&mut self.bytes, std::mem::take(spare));
        if !bytes.is_empty() {
            pieces.push(bytes);
        }
        own
    }
}
