//! Opening and closing gaps in a list pack, with as little moving as possible.
//!
//! Of a large list pack the smaller side moves: that before the gap into unused bytes at the front, or that behind it towards the end.
//! Where unused bytes are at the wrong end, but enough of them that moving everything pays, it moves everything; otherwise it
//! takes more memory. "Enough" is an eighth: moving a byte is paid for by at most eight bytes' growth.
//!
//! A small list pack always moves what is behind: that is a few cache lines at most, and nothing has to be kept in order.

#![expect(clippy::arithmetic_side_effects, reason = "sizes and offsets of memory that is there")]

use super::ListPack;
use super::capacity::allocation_size;
use super::encoding::{END, HEADER_BYTES};

/// Total bytes from which on a list pack has unused bytes at its front.
const LARGE: usize = 512;

impl ListPack {
    /// Makes a gap before the byte at the offset, to be written to. The header is to be written then, too.
    #[inline]
    pub(super) fn open(&mut self, at: usize, bytes: usize) {
        let total = self.total_bytes();
        if LARGE <= total && at < total - at {
            if self.front() < bytes {
                self.reserve_front(bytes);
            }
            let front = self.front();
            if HEADER_BYTES < at {
                self.bytes.copy_within(front..front + at, front - bytes);
            }
            self.set_front(front - bytes);
        } else {
            self.reserve_back(bytes);
            let (from, len) = (self.front() + at, self.bytes.len());
            self.bytes.resize(len + bytes, END);
            self.bytes.copy_within(from..len, from + bytes);
        }
    }

    /// Takes the bytes between the offsets out.
    #[inline]
    pub(super) fn close(&mut self, at: usize, behind: usize) {
        let total = self.total_bytes();
        let front = self.front();
        if LARGE <= total && at < total - behind {
            let bytes = behind - at;
            self.bytes.copy_within(front..front + at, front + bytes);
            self.set_front(front + bytes);
        } else {
            self.bytes.drain(front + at..front + behind);
        }
    }

    /// Makes room behind the end.
    #[inline]
    pub(super) fn reserve_back(&mut self, bytes: usize) {
        if self.bytes.capacity() - self.bytes.len() < bytes {
            self.grow_back(bytes);
        }
    }

    /// Frees memory when less than half of it is needed.
    #[inline]
    pub(super) fn shrink(&mut self) {
        if self.total_bytes() < self.bytes.capacity() / 2 {
            self.close_front();
            self.bytes.shrink_to(allocation_size(self.bytes.len()));
        }
    }

    /// Frees memory that no element needs.
    pub fn shrink_to_fit(&mut self) {
        self.close_front();
        self.bytes.shrink_to(allocation_size(self.bytes.len()));
    }

    /// Moves everything to the start of the memory.
    pub(super) fn close_front(&mut self) {
        let front = self.front();
        if 0 < front {
            self.bytes.drain(..front);
            self.front = 0;
        }
    }

    #[cold]
    fn grow_back(&mut self, bytes: usize) {
        let total = self.total_bytes();
        if 0 < self.front() && bytes.max(total / 8) <= self.front() {
            self.close_front();
        } else if self.front() == 0 {
            self.bytes.reserve_exact(allocation_size(total + bytes) - total);
        } else {
            let mut grown = Vec::with_capacity(allocation_size(total + bytes));
            grown.extend_from_slice(self.as_bytes());
            self.bytes = grown;
            self.front = 0;
        }
    }

    #[cold]
    fn reserve_front(&mut self, bytes: usize) {
        let total = self.total_bytes();
        let capacity = self.bytes.capacity();
        if bytes.max(total / 8) <= capacity - total {
            let from = self.front();
            self.bytes.resize(capacity, END);
            self.bytes.copy_within(from..from + total, capacity - total);
            self.set_front(capacity - total);
        } else {
            let capacity = allocation_size(total + bytes);
            let mut grown = Vec::with_capacity(capacity);
            grown.resize(capacity - total, END);
            grown.extend_from_slice(self.as_bytes());
            self.bytes = grown;
            self.set_front(capacity - total);
        }
    }

    #[inline]
    fn front(&self) -> usize {
        self.front as usize
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "less than twice a size below 2^30")]
    fn set_front(&mut self, front: usize) {
        self.front = front as u32;
    }
}
