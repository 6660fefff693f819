//! The chunks that are ready, for whoever comes first.

use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};

/// Most that are ready at a time.
pub(super) const MOST: usize = 16;

/// A place for each chunk that may be ready. Nothing here waits: it is used in the middle of an allocation.
pub(super) struct Pool {
    places: [AtomicPtr<u8>; MOST],
    /// How many were asked for, whether there was one or not.
    asked: AtomicUsize,
    /// How many were asked for when there was none.
    missed: AtomicUsize,
    /// The same since the last one was put in.
    missed_in_a_row: AtomicUsize,
}

impl Pool {
    pub(super) const fn new() -> Pool {
        Pool {
            places: [const { AtomicPtr::new(ptr::null_mut()) }; MOST],
            asked: AtomicUsize::new(0),
            missed: AtomicUsize::new(0),
            missed_in_a_row: AtomicUsize::new(0),
        }
    }

    /// Takes a chunk that is ready: all zero, and touched already.
    pub(super) fn take(&self) -> Option<*mut u8> {
        self.asked.fetch_add(1, Relaxed);
        let taken = self.remove();
        if taken.is_none() {
            self.missed.fetch_add(1, Relaxed);
            self.missed_in_a_row.fetch_add(1, Relaxed);
        }
        taken
    }

    /// Takes a chunk back that nobody has asked for.
    pub(super) fn remove(&self) -> Option<*mut u8> {
        let take = |place: &AtomicPtr<u8>| {
            // Who sees it sees what was written to it: that it is zero.
            if place.load(Relaxed).is_null() {
                ptr::null_mut()
            } else {
                place.swap(ptr::null_mut(), AcqRel)
            }
        };
        self.places.iter().map(take).find(|chunk| !chunk.is_null())
    }

    /// Puts a chunk in; false if there are as many as may be.
    pub(super) fn put(&self, chunk: *mut u8) -> bool {
        let fill = |place: &AtomicPtr<u8>| {
            place.compare_exchange(ptr::null_mut(), chunk, Release, Relaxed).is_ok()
        };
        let is_in = self.places.iter().any(fill);
        if is_in {
            self.missed_in_a_row.store(0, Relaxed);
        }
        is_in
    }

    /// How many were asked for in vain since the last one was put in.
    pub(super) fn missed_in_a_row(&self) -> usize {
        self.missed_in_a_row.load(Relaxed)
    }

    /// How many are ready.
    pub(super) fn ready(&self) -> usize {
        self.places.iter().filter(|place| !place.load(Relaxed).is_null()).count()
    }

    /// How many were asked for since this was asked last, and how many of them when there was none.
    pub(super) fn demand(&self) -> (usize, usize) {
        (self.asked.swap(0, Relaxed), self.missed.swap(0, Relaxed))
    }
}
