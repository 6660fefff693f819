//! What a connection has yet to be sent.
//!
//! Nearly always that is one short run of bytes, written in one call and forgotten: the *tail*, a
//! plain `Vec` that is cleared and used again. A big value is not copied into it but shared: then
//! the tail so far and the value move to the *queue*, and a new tail begins.
//!
//! ```text
//!   queue: [ bytes ][ shared value ][ bytes ][ shared value ]   tail: [ bytes ]
//!            ^ written: so much of the first one is sent already
//! ```
//!
//! A position is counted from the first byte that the connection was ever sent, so that it stays
//! true while the front is being written.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

/// A connection's pending bytes, in the order in which they will be sent.
#[derive(Debug, Default)]
pub struct Output {
    tail: Vec<u8>,
    queue: VecDeque<Segment>,
    /// Bytes in the queue, sent ones included.
    queued: usize,
    /// Bytes of the first segment (the tail if the queue is empty) that are sent already.
    written: usize,
    /// Bytes dropped from the front since the beginning; with `written`, the position of the first
    /// pending byte.
    dropped: u64,
}

/// A position in an [`Output`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

impl Mark {
    /// How many bytes lie between an earlier position and this one.
    pub fn since(self, earlier: Mark) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Output {
    /// An output with nothing pending; reserves nothing.
    pub fn new() -> Output {
        Output::default()
    }

    /// The number of pending bytes.
    pub fn len(&self) -> usize {
        self.queued.wrapping_add(self.tail.len()).wrapping_sub(self.written)
    }

    /// Whether everything is sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where to append bytes. Only append: what lies in it may be sent in part.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends `bytes`, copied.
    pub fn push(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Appends a value without copying it.
    pub fn push_shared(&mut self, value: Arc<Vec<u8>>) {
        if value.is_empty() {
            return;
        }
        self.settle_tail();
        self.queued = self.queued.saturating_add(value.len());
        self.queue.push_back(Segment::Shared(value));
    }

    /// Appends all that is pending in another output; what is shared there is shared here.
    pub fn append(&mut self, other: Output) {
        let mut skipped = other.written;
        for segment in other.queue.into_iter().chain([Segment::Bytes(other.tail)]) {
            let sent = std::mem::take(&mut skipped);
            match &segment {
                Segment::Shared(value) if sent == 0 => self.push_shared(Arc::clone(value)),
                Segment::Shared(_) | Segment::Bytes(_) => {
                    self.push(segment.bytes().get(sent..).unwrap_or_default());
                }
            }
        }
    }

    /// Ends the run of bytes at the end if it is `limit` bytes or longer: what is appended from here on begins a new one.
    /// So an output that grows long is many runs, and none is copied as a whole because it grows.
    pub fn divide(&mut self, limit: usize) {
        if limit <= self.tail.len() {
            self.tail.shrink_to_fit();
            self.settle_tail();
        }
    }

    /// Fills `slices` from the front with what is pending, for one vectored write; how many it
    /// filled.
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut skipped = self.written;
        let mut filled = 0_usize;
        let segments = self.queue.iter().map(Segment::bytes).chain([self.tail.as_slice()]);
        let pending = segments.filter_map(|bytes| {
            let rest = bytes.get(std::mem::take(&mut skipped)..).unwrap_or_default();
            (!rest.is_empty()).then_some(rest)
        });
        for (slice, bytes) in slices.iter_mut().zip(pending) {
            *slice = IoSlice::new(bytes);
            filled = filled.saturating_add(1);
        }
        filled
    }

    /// The pending bytes, if they lie in one piece: nearly always.
    pub fn as_slice(&self) -> Option<&[u8]> {
        if self.queue.is_empty() { self.tail.get(self.written..) } else { None }
    }

    /// Forgets the first `count` pending bytes (all of them if there are fewer): they are sent.
    pub fn advance(&mut self, count: usize) {
        if self.len() <= count {
            self.clear();
            return;
        }
        self.written = self.written.saturating_add(count);
        while let Some(first) = self.queue.front() {
            let length = first.bytes().len();
            if self.written < length {
                return;
            }
            self.written = self.written.saturating_sub(length);
            self.queued = self.queued.saturating_sub(length);
            self.dropped = self.dropped.saturating_add(length as u64);
            self.queue.pop_front();
        }
        // A slow reader whose output never runs dry must not make the sent bytes pile up. Moving
        // at most as many bytes as were sent keeps this linear.
        if self.tail.len() / 2 < self.written {
            self.tail.drain(..self.written);
            self.dropped = self.dropped.saturating_add(self.written as u64);
            self.written = 0;
        }
    }

    /// Forgets everything pending; keeps the tail's room.
    pub fn clear(&mut self) {
        let total = self.queued.wrapping_add(self.tail.len());
        self.dropped = self.dropped.saturating_add(total as u64);
        self.tail.clear();
        self.written = 0;
        if !self.queue.is_empty() {
            self.queue.clear();
            self.queued = 0;
        }
    }

    /// The end, to come back to with [`Output::truncate`].
    pub fn mark(&self) -> Mark {
        let total = self.queued.wrapping_add(self.tail.len());
        Mark(self.dropped.saturating_add(total as u64))
    }

    /// Takes back everything appended since `mark`, but for what is sent already.
    pub fn truncate(&mut self, mark: Mark) {
        let mut excess = self.end_since(mark).min(self.len());
        while self.tail.len() < excess {
            excess = excess.saturating_sub(self.tail.len());
            let Some(last) = self.queue.pop_back() else {
                break;
            };
            self.queued = self.queued.saturating_sub(last.bytes().len());
            self.tail = match last {
                Segment::Bytes(bytes) => bytes,
                // To cut a shared value is to keep a copy of its beginning.
                Segment::Shared(value) => {
                    let kept = value.len().saturating_sub(excess);
                    excess = excess.saturating_sub(value.len());
                    value.get(..kept).unwrap_or_default().to_vec()
                }
            };
        }
        self.tail.truncate(self.tail.len().saturating_sub(excess));
    }

    /// Puts `bytes` where the end was at `mark`, before what was appended since. That must not
    /// have been sent yet.
    pub fn insert(&mut self, mark: Mark, bytes: &[u8]) {
        let mut since = self.end_since(mark);
        debug_assert!(since <= self.len(), "what follows the mark is sent already");
        if since <= self.tail.len() {
            insert_before_last(&mut self.tail, since, bytes);
            return;
        }
        since = since.saturating_sub(self.tail.len());
        self.queued = self.queued.saturating_add(bytes.len());
        for index in (0..self.queue.len()).rev() {
            match self.queue.get_mut(index) {
                Some(Segment::Bytes(segment)) if since <= segment.len() => {
                    insert_before_last(segment, since, bytes);
                    return;
                }
                Some(Segment::Shared(_)) if since == 0 => {
                    let after = index.saturating_add(1);
                    self.queue.insert(after, Segment::Bytes(bytes.to_vec()));
                    return;
                }
                Some(segment) => since = since.saturating_sub(segment.bytes().len()),
                None => {}
            }
        }
        self.queue.push_front(Segment::Bytes(bytes.to_vec()));
    }

    /// Bytes of memory held, shared values included: they stay alive for as long as they wait here.
    pub fn memory(&self) -> usize {
        let segments = self.queue.iter().map(|segment| match segment {
            Segment::Bytes(bytes) => bytes.capacity(),
            Segment::Shared(value) => value.len(),
        });
        let queue = self.queue.capacity().saturating_mul(size_of::<Segment>());
        segments.fold(self.tail.capacity().saturating_add(queue), usize::saturating_add)
    }

    /// Gives back the room of the tail beyond `limit` bytes, and that of an empty queue.
    pub fn shrink_to(&mut self, limit: usize) {
        if limit < self.tail.capacity() {
            self.tail.shrink_to(limit);
        }
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    /// The number of bytes between `mark` and the end.
    fn end_since(&self, mark: Mark) -> usize {
        usize::try_from(self.mark().0.saturating_sub(mark.0)).unwrap_or(usize::MAX)
    }

    /// Moves the tail to the queue. The sent part of it stays: `written` counts it.
    fn settle_tail(&mut self) {
        if !self.tail.is_empty() {
            self.queued = self.queued.saturating_add(self.tail.len());
            self.queue.push_back(Segment::Bytes(std::mem::take(&mut self.tail)));
        }
    }
}

fn insert_before_last(bytes: &mut Vec<u8>, since: usize, inserted: &[u8]) {
    let at = bytes.len().saturating_sub(since);
    let end = bytes.len();
    bytes.extend_from_slice(inserted);
    debug_assert!(at <= end);
    if let Some(moved) = bytes.get_mut(at..) {
        moved.rotate_right(inserted.len());
    }
}

#[derive(Debug)]
enum Segment {
    Bytes(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Segment {
    fn bytes(&self) -> &[u8] {
        match self {
            Segment::Bytes(bytes) => bytes,
            Segment::Shared(value) => value,
        }
    }
}

#[cfg(test)]
mod tests;
