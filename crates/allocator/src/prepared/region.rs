//! Address space, cut into chunks that nothing has touched yet.
#![expect(unsafe_code, reason = "maps memory")]

use std::ptr;
use std::sync::{Mutex, PoisonError};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::CHUNK;

/// A region is mapped at once, so that few system calls change what is mapped: meanwhile nobody's page faults are served.
const REGION: usize = 32 * CHUNK;

/// By which pages memory comes when it is touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pages {
    /// Huge ones, where the system lends them.
    Huge,
    /// As the system does it for all.
    Usual,
}

/// Chunks that were not given out yet, of one kind of pages.
pub(super) struct Region {
    pages: Pages,
    rest: Mutex<Rest>,
}

/// Where the chunks are that are left: from `next` to `end`.
struct Rest {
    next: usize,
    end: usize,
}

impl Region {
    pub(super) const fn new(pages: Pages) -> Region {
        Region { pages, rest: Mutex::new(Rest { next: 0, end: 0 }) }
    }

    /// Memory of the length of a chunk, aligned to it, all zero and untouched; `None` if the system has none.
    pub(super) fn cut(&self) -> Option<*mut u8> {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.end - rest.next < CHUNK {
            let start = map(REGION, CHUNK, self.pages)?.expose_provenance();
            *rest = Rest { next: start, end: start + REGION };
        }
        let chunk = rest.next;
        rest.next += CHUNK;
        Some(ptr::with_exposed_provenance_mut(chunk))
    }
}

/// Maps memory, a multiple of pages long, aligned to a power of two, all zero; `None` if the system has none.
pub(super) fn map(length: usize, alignment: usize, pages: Pages) -> Option<*mut u8> {
    // Enough to cut an aligned part out of.
    let mapped = length.checked_add(alignment)?;
    let (protection, flags) =
        (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
    // SAFETY: it maps anew, at an address of the kernel's choice.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), mapped, protection, flags) }.ok()?;
    let start = start.cast::<u8>();
    let before = start.addr().next_multiple_of(alignment) - start.addr();
    let aligned = start.wrapping_add(before);
    unmap(start, before);
    unmap(aligned.wrapping_add(length), mapped - before - length);
    if pages == Pages::Huge {
        // SAFETY: it only says how to map what was mapped just now. Where the kernel knows no huge pages, it refuses.
        let _refused = unsafe { madvise(aligned.cast(), length, Advice::LinuxHugepage) };
    }
    Some(aligned)
}

/// Gives back memory that was mapped here, and that nobody uses.
pub(super) fn unmap(start: *mut u8, length: usize) {
    if 0 < length {
        // SAFETY: the callers pass on memory that they were given or have just mapped, and that nothing points to any more.
        // If the kernel refuses, because it cannot note one more hole, the memory stays mapped.
        let _refused = unsafe { munmap(start.cast(), length) };
    }
}
