//! The table's buckets by their index, in memory that grows and shrinks in small pieces.
//!
//! Buckets lie in segments of 1024 (64 KiB), and the directory lists the segments, so adding a bucket never copies more
//! than the directory's pointers. Only the last segment can be smaller: it is reallocated in steps, fine ones while the
//! whole table is small, so that little memory is unused at any size:
//!
//! | segment  | allocated in buckets               | unused at most |
//! |----------|------------------------------------|----------------|
//! | 0        | 1 to 8, 10, 12, 14, 16, 20, ...    | a fifth        |
//! | 1 to 63  | multiples of 128                   | an eighth      |
//! | the rest | 1024                               | a sixty-fourth |
//!
//! The steps are those that size-class allocators have as well, so they don't round them up.
//!
//! Invariants: segment `i` holds [`capacity`] of the buckets needed in it, never more, so its size need not be stored;
//! the buckets below `count` are initialized.

use std::alloc::{self, Layout};
use std::ptr::NonNull;

use super::bucket::Bucket;

/// Buckets by index; owns their memory, but neither their values nor what hangs on them.
pub(super) struct Directory<T> {
    segments: Vec<NonNull<Bucket<T>>>,
    count: usize,
}

impl<T> Directory<T> {
    pub(super) const fn new() -> Directory<T> {
        Directory { segments: Vec::new(), count: 0 }
    }

    /// The number of buckets.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The bucket with this index, valid until the next `push` or `pop`.
    ///
    /// # Safety
    /// The index is below `count`.
    #[inline]
    pub(super) unsafe fn pointer(&self, index: usize) -> NonNull<Bucket<T>> {
        debug_assert!(index < self.count);
        // SAFETY: `count` buckets lie in the segments listed.
        let segment = unsafe { self.segments.get_unchecked(index >> SEGMENT_BITS) };
        // SAFETY: the segment has room for all buckets below `count` that belong into it.
        unsafe { segment.add(index % SEGMENT) }
    }

    /// The bucket with this index, if there is one.
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&Bucket<T>> {
        if self.count <= index {
            return None;
        }
        // SAFETY: the index was checked.
        let bucket = unsafe { self.pointer(index) };
        // SAFETY: buckets below `count` are initialized, and are borrowed as the directory is.
        Some(unsafe { bucket.as_ref() })
    }

    /// Adds an empty bucket, whose index is the former `count`. Invalidates pointers.
    pub(super) fn push(&mut self) {
        let (segment, used) = (self.count >> SEGMENT_BITS, self.count % SEGMENT);
        if used == 0 {
            self.push_segment();
        } else {
            self.resize_last(capacity(segment, used), capacity(segment, used + 1));
        }
        self.count += 1;
        // SAFETY: the index is below `count`, and there is room for it now.
        let bucket = unsafe { self.pointer(self.count - 1) };
        // SAFETY: the memory is the directory's own.
        unsafe { Bucket::initialize(bucket) };
    }

    /// Removes the last bucket, which must be there and empty. Invalidates pointers.
    pub(super) fn pop(&mut self) {
        self.count -= 1;
        let (segment, used) = (self.count >> SEGMENT_BITS, self.count % SEGMENT);
        if used == 0 {
            self.pop_segment();
        } else {
            self.resize_last(capacity(segment, used + 1), capacity(segment, used));
        }
    }

    /// Gives all memory back; the buckets' values and chains must be gone.
    pub(super) fn clear(&mut self) {
        while let Some(segment) = self.segments.pop() {
            let used = self.count - (self.segments.len() << SEGMENT_BITS);
            let capacity = capacity(self.segments.len(), used);
            // SAFETY: this was its capacity, and it is no longer listed.
            unsafe { alloc::dealloc(segment.as_ptr().cast::<u8>(), layout::<T>(capacity)) };
            self.count -= used;
        }
        self.segments = Vec::new();
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        let full = self.count >> SEGMENT_BITS;
        let buckets = match self.count % SEGMENT {
            0 => full * SEGMENT,
            used => full * SEGMENT + capacity(full, used),
        };
        buckets * size_of::<Bucket<T>>() + self.segments.capacity() * size_of::<usize>()
    }

    fn push_segment(&mut self) {
        if self.segments.is_empty() {
            // Most tables have one segment for ever.
            self.segments.reserve_exact(1);
        }
        let layout = layout::<T>(capacity(self.segments.len(), 1));
        // SAFETY: the size is not 0.
        let bytes = unsafe { alloc::alloc(layout) };
        let Some(segment) = NonNull::new(bytes.cast::<Bucket<T>>()) else {
            alloc::handle_alloc_error(layout);
        };
        self.segments.push(segment);
    }

    fn pop_segment(&mut self) {
        let Some(segment) = self.segments.pop() else {
            return;
        };
        let layout = layout::<T>(capacity(self.segments.len(), 1));
        // SAFETY: it held one bucket until now, so this was its capacity, and it is no longer listed.
        unsafe { alloc::dealloc(segment.as_ptr().cast::<u8>(), layout) };
        // A quarter of the room for as many again: neither much unused nor a copy at every turn.
        if self.segments.len() < self.segments.capacity() / 4 {
            self.segments.shrink_to(self.segments.len() * 2);
        }
        if self.segments.is_empty() {
            self.segments = Vec::new();
        }
    }

    fn resize_last(&mut self, from: usize, to: usize) {
        if from == to {
            return;
        }
        let Some(last) = self.segments.last_mut() else {
            return;
        };
        let wanted = layout::<T>(to);
        // SAFETY: the segment was allocated with room for `from` buckets; the new size is not 0 and, being at
        // most 64 KiB, no overflow.
        let bytes =
            unsafe { alloc::realloc(last.as_ptr().cast::<u8>(), layout::<T>(from), wanted.size()) };
        let Some(segment) = NonNull::new(bytes.cast::<Bucket<T>>()) else {
            alloc::handle_alloc_error(wanted);
        };
        *last = segment;
    }
}

/// How many buckets are allocated in a segment when `used` (not 0) are needed there.
fn capacity(segment: usize, used: usize) -> usize {
    if FINE_SEGMENTS <= segment {
        return SEGMENT;
    }
    if 0 < segment {
        return used.next_multiple_of(STEP);
    }
    // Four steps for each power of two.
    let step = (used.next_power_of_two() / 8).max(1);
    used.next_multiple_of(step)
}

fn layout<T>(buckets: usize) -> Layout {
    debug_assert!(0 < buckets && buckets <= SEGMENT);
    let one = Layout::new::<Bucket<T>>();
    // SAFETY: a bucket is as big as it is aligned, and at most 64 KiB do not overflow.
    unsafe { Layout::from_size_align_unchecked(one.size() * buckets, one.align()) }
}

const SEGMENT_BITS: u32 = 10;

/// Buckets in a segment: 64 KiB, big enough that the directory stays in the cache, small enough to be allocated in a moment.
const SEGMENT: usize = 1 << SEGMENT_BITS;

/// Segments that are allocated in steps. Behind them a whole segment is at most a sixty-fourth of the table.
const FINE_SEGMENTS: usize = 64;

/// Buckets, 8 KiB.
const STEP: usize = 128;
