//! How much memory is in use: one counter per thread, in cache lines of their own.
//!
//! ```text
//!  SLOTS   0 [ claimed | used ]  128 bytes, written by one thread
//!          1 [ claimed | used ]
//!          ...
//!  SHARED    [         | used ]  for threads without a slot; fetch_add
//! ```
//!
//! A thread claims a slot at its first allocation and writes it with a plain load and store: no other thread writes it
//! meanwhile, so no locked instruction is needed. When the thread ends, the slot is free for the next one, which goes on
//! counting from what it finds. So the sum over all slots is right at every moment, without any count being carried
//! from one place to another, and one thread's count means something only as a difference (it goes below zero in a
//! thread that frees what others allocated).
//!
//! A thread that allocates after its slot was given back (in destructors of other thread-local values), or that finds
//! none free, counts in the shared slot.
//!
//! Nothing here allocates: the thread-local values are initialized at compile time, and the standard library keeps
//! their destructors in memory that is not the global allocator's.

use std::cell::Cell;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicIsize;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// The bytes in use by all threads, exact to what jemalloc set aside.
///
/// While other threads allocate and free, the sum is of counts read one after the other; then it may be off by what
/// they did meanwhile.
pub fn used_memory() -> usize {
    let ever_claimed = EVER_CLAIMED.load(Ordering::Acquire);
    let own = SLOTS.iter().take(ever_claimed);
    let used: isize = own.map(|slot| slot.used.load(Ordering::Relaxed)).sum();
    // A block may be seen as freed by one thread and not yet as allocated by another.
    usize::try_from(used + SHARED.used.load(Ordering::Relaxed)).unwrap_or(0)
}

/// The current thread's count, in bytes: what it allocated less what it freed, and what the threads before it in its
/// slot left. Only the difference of two readings in the same thread has a meaning.
#[inline]
pub fn thread_used_memory() -> isize {
    match OWN.get() {
        Some(slot) => slot.used.load(Ordering::Relaxed),
        None => SHARED.used.load(Ordering::Relaxed),
    }
}

#[inline]
pub(crate) fn add(bytes: usize) {
    // No allocation is larger than `isize::MAX`, so neither is a count of them.
    change(bytes.cast_signed());
}

#[inline]
pub(crate) fn subtract(bytes: usize) {
    change(-bytes.cast_signed());
}

#[inline]
pub(crate) fn replace(old_bytes: usize, new_bytes: usize) {
    change(new_bytes.cast_signed() - old_bytes.cast_signed());
}

#[inline]
fn change(bytes: isize) {
    match OWN.get() {
        Some(slot) => slot.add_as_owner(bytes),
        None => change_without_slot(bytes),
    }
}

#[cold]
#[inline(never)]
fn change_without_slot(bytes: isize) {
    if let Some(slot) = claim() {
        slot.add_as_owner(bytes);
    } else {
        SHARED.used.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Claims a slot for the current thread, unless it had one and is ending, or none is free.
fn claim() -> Option<&'static Slot> {
    if !MAY_CLAIM.replace(false) {
        return None;
    }
    let (index, slot) = SLOTS.iter().enumerate().find(|(_, slot)| {
        // Acquire, so that this thread's count starts from the last one of the thread that released it.
        !slot.claimed.load(Ordering::Relaxed) && !slot.claimed.swap(true, Ordering::Acquire)
    })?;
    EVER_CLAIMED.fetch_max(index + 1, Ordering::Release);
    OWN.set(Some(slot));
    // Looked at for the first time, it is registered for the thread's end. At that end already, there is nobody to
    // give the slot back later, so it must not be kept.
    if RELEASE.try_with(|_| ()).is_err() {
        release();
        return None;
    }
    Some(slot)
}

fn release() {
    if let Some(slot) = OWN.take() {
        slot.claimed.store(false, Ordering::Release);
    }
}

/// A count of bytes that is alone in its cache line, and in the neighbour that is fetched along with it.
#[repr(align(128))]
struct Slot {
    claimed: AtomicBool,
    used: AtomicIsize,
}

impl Slot {
    const fn new() -> Slot {
        Slot { claimed: AtomicBool::new(false), used: AtomicIsize::new(0) }
    }

    /// For the thread that claimed the slot.
    #[inline]
    fn add_as_owner(&self, bytes: isize) {
        self.used.store(self.used.load(Ordering::Relaxed) + bytes, Ordering::Relaxed);
    }
}

/// As many threads count alone: 128 workers, and as many others.
const SLOT_COUNT: usize = 256;

static SLOTS: [Slot; SLOT_COUNT] = [const { Slot::new() }; SLOT_COUNT];
static SHARED: Slot = Slot::new();
/// The slots from here on were never in use, and are not read.
static EVER_CLAIMED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    static MAY_CLAIM: Cell<bool> = const { Cell::new(true) };
    static RELEASE: Release = const { Release };
}

/// Gives the slot back when its thread ends.
struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        release();
    }
}
