//! The part of the stream that is kept, from which all replicas are fed.
//!
//! ```text
//!              start                                              end
//!   ... forgotten | block | block | block | ... | block | block (grows) |
//!                             ^                     ^                   ^
//!                         a slow replica        another one       one that keeps up
//! ```
//!
//! There is one of it, however many replicas there are: each is an offset into it, and nothing is copied for any of them. It is
//! cut where nobody is any more, but never below what replicas that come back are to find ([`Backlog::trim`]). Where much comes at
//! a time, pieces that fill a block become one as they are, and a block that was forgotten is given for them. All else is copied: so where little
//! comes, whoever records the stream writes into the same piece again and again, which stays in the processor's cache, and few blocks
//! are kept that are not full.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::IoSlice;

/// Bytes of a block. Longer pieces are not copied.
pub const BLOCK_BYTES: usize = 64 << 10;
/// So many bytes fill one well enough.
const FULL_BYTES: usize = BLOCK_BYTES / 8 * 7;
/// For as many that are full there may be one that is not.
const FULL_BLOCKS: usize = 3;
/// Blocks that are kept to be filled again.
const SPARE_BLOCKS: usize = 16;

/// See the module's page.
#[derive(Debug)]
pub struct Backlog {
    blocks: VecDeque<Block>,
    /// The offset before the first byte that is kept.
    start: u64,
    end: u64,
    /// Bytes that the blocks have room for, the spare ones among them.
    room: usize,
    /// Empty blocks.
    spare: Vec<Vec<u8>>,
}

/// None is empty.
#[derive(Debug)]
struct Block {
    start: u64,
    bytes: Vec<u8>,
}

impl Block {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }
}

impl Backlog {
    /// One in which nothing is kept, of a stream that has come to this offset.
    pub fn new(at: u64) -> Backlog {
        Backlog { blocks: VecDeque::new(), start: at, end: at, room: 0, spare: Vec::new() }
    }

    /// The offset before the first byte that is kept.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// The offset of the stream.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that are kept.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether all that follows an offset is kept.
    pub fn covers(&self, offset: u64) -> bool {
        (self.start..=self.end).contains(&offset)
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        self.blocks.capacity().saturating_mul(size_of::<Block>()).saturating_add(self.room)
    }

    /// Appends to the stream. What is given back is room for other bytes: as long as the piece's, if that is a block's.
    pub fn append(&mut self, mut piece: Vec<u8>) -> Vec<u8> {
        if BLOCK_BYTES < piece.len() {
            if let Some(Block { bytes, .. }) = self.blocks.back_mut() {
                // It does not grow any more.
                shrink(bytes, &mut self.room);
            }
            self.room = self.room.saturating_add(piece.capacity());
            shrink(&mut piece, &mut self.room);
            self.push(piece);
            return Vec::new();
        }
        if is_full(&piece) && piece.capacity() == BLOCK_BYTES && self.may_go_on_behind_the_last() {
            self.room = self.room.saturating_add(piece.capacity());
            self.push(piece);
            return self.take_spare();
        }
        self.copy(&piece);
        piece.clear();
        piece
    }

    /// Whether the last block need not be filled before there is another.
    fn may_go_on_behind_the_last(&self) -> bool {
        let mut blocks = self.blocks.iter().rev();
        blocks.next().is_none_or(|last| is_full(&last.bytes))
            || blocks.take(FULL_BLOCKS).filter(|block| is_full(&block.bytes)).count() == FULL_BLOCKS
    }

    /// Room for a block, which counts no longer.
    fn take_spare(&mut self) -> Vec<u8> {
        let Some(block) = self.spare.pop() else { return Vec::with_capacity(BLOCK_BYTES) };
        self.room = self.room.saturating_sub(block.capacity());
        block
    }

    fn copy(&mut self, mut rest: &[u8]) {
        while !rest.is_empty() {
            match self.blocks.back_mut() {
                Some(Block { bytes, .. }) if bytes.len() < bytes.capacity() => {
                    let room = bytes.capacity().saturating_sub(bytes.len());
                    let (fitting, others) = rest.split_at(room.min(rest.len()));
                    bytes.extend_from_slice(fitting);
                    self.end = self.end.saturating_add(fitting.len() as u64);
                    rest = others;
                }
                _ => {
                    let block = self.take_spare();
                    self.room = self.room.saturating_add(block.capacity());
                    self.push(block);
                }
            }
        }
    }

    fn push(&mut self, bytes: Vec<u8>) {
        let start = self.end;
        self.end = self.end.saturating_add(bytes.len() as u64);
        self.blocks.push_back(Block { start, bytes });
    }

    /// Forgets what nobody needs: what lies before `held`, the smallest offset of a replica, so long as `wanted` bytes are kept
    /// for those that come back. Whole blocks go, so a little more may stay.
    pub fn trim(&mut self, wanted: u64, held: Option<u64>) {
        let keep = self.end.saturating_sub(wanted).min(held.unwrap_or(u64::MAX));
        while let Some(first) = self.blocks.front()
            && first.end() <= keep
        {
            self.start = first.end();
            let Some(Block { mut bytes, .. }) = self.blocks.pop_front() else { return };
            if self.spare.len() < SPARE_BLOCKS && bytes.capacity() == BLOCK_BYTES {
                bytes.clear();
                self.spare.push(bytes);
            } else {
                self.room = self.room.saturating_sub(bytes.capacity());
            }
        }
    }

    /// Fills `slices` with what follows an offset, and gives how many were filled: none if there is nothing, or if it is not
    /// kept.
    pub fn slices<'a>(&'a self, from: u64, slices: &mut [IoSlice<'a>]) -> usize {
        if !self.covers(from) {
            return 0;
        }
        let first = self.blocks.partition_point(|block| block.end() <= from);
        let mut filled = 0_usize;
        for (slot, block) in slices.iter_mut().zip(self.blocks.range(first..)) {
            let skipped = usize::try_from(from.saturating_sub(block.start)).unwrap_or(usize::MAX);
            *slot = IoSlice::new(block.bytes.get(skipped..).unwrap_or_default());
            filled = filled.saturating_add(1);
        }
        filled
    }
}

/// Whether bytes fill a block.
fn is_full(bytes: &[u8]) -> bool {
    FULL_BYTES <= bytes.len()
}

/// Gives back room that would count for nothing, if it is much.
fn shrink(bytes: &mut Vec<u8>, room: &mut usize) {
    if bytes.len() < bytes.capacity() / 2 {
        *room = room.saturating_sub(bytes.capacity());
        bytes.shrink_to_fit();
        *room = room.saturating_add(bytes.capacity());
    }
}
