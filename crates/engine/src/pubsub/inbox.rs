//! What is on its way to a worker.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::post::Post;

/// So many posts are too many: whoever publishes waits until the worker has caught up.
const CROWD: usize = 4096;
/// So many bytes are, too.
const CROWD_BYTES: usize = 64 << 20;

/// A worker's inbox, on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Inbox {
    is_filled: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    posts: Vec<Post>,
    bytes: usize,
    is_crowded: bool,
}

impl Inbox {
    /// Whether there is something in it.
    #[inline]
    pub(super) fn is_filled(&self) -> bool {
        self.is_filled.load(Ordering::Acquire)
    }

    /// Adds a post; whether the inbox was empty before, so that its worker may be asleep. `crowded` counts the inboxes that hold
    /// too much.
    pub(super) fn put(&self, post: Post, crowded: &AtomicUsize) -> bool {
        let mut inner = self.inner.lock();
        inner.bytes += post.bytes();
        inner.posts.push(post);
        let is_crowded = CROWD <= inner.posts.len() || CROWD_BYTES <= inner.bytes;
        if is_crowded && !inner.is_crowded {
            inner.is_crowded = true;
            crowded.fetch_add(1, Ordering::Relaxed);
        }
        !self.is_filled.swap(true, Ordering::AcqRel)
    }

    /// Takes all posts. `into` is empty, and leaves its room for others.
    pub(super) fn take(&self, into: &mut Vec<Post>, crowded: &AtomicUsize) {
        debug_assert!(into.is_empty(), "it is room, and nothing more");
        into.shrink_to(CROWD);
        let mut inner = self.inner.lock();
        self.is_filled.store(false, Ordering::Release);
        std::mem::swap(into, &mut inner.posts);
        inner.bytes = 0;
        if std::mem::take(&mut inner.is_crowded) {
            crowded.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
