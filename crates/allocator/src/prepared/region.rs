//! Address space, cut into chunks that nothing has touched yet.
#![expect(unsafe_code, reason = "maps memory")]

use std::ptr;
use std::sync::{Mutex, PoisonError};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};
use rustix::mm::{madvise, mmap_anonymous, mprotect, munmap};

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
            let start = map_apart(self.pages)?.expose_provenance();
            *rest = Rest { next: start, end: start + REGION };
        }
        let chunk = rest.next;
        rest.next += CHUNK;
        Some(ptr::with_exposed_provenance_mut(chunk))
    }
}

/// Maps a region between addresses that cannot be used. So it stays a mapping of its own, and while the kernel brings pages of it
/// nobody waits who maps something else.
fn map_apart(pages: Pages) -> Option<*mut u8> {
    // A chunk more to cut an aligned part out of, and another so that something is left on both sides.
    let start = map_anew(REGION + 2 * CHUNK, ProtFlags::empty())?;
    let aligned = start.with_addr((start.addr() + 1).next_multiple_of(CHUNK));
    // SAFETY: it makes memory usable that was mapped just now.
    unsafe { mprotect(aligned.cast(), REGION, MprotectFlags::READ | MprotectFlags::WRITE) }.ok()?;
    advise(aligned, REGION, pages);
    Some(aligned)
}

/// Maps memory, a multiple of pages long, aligned to a power of two, all zero; `None` if the system has none.
pub(super) fn map(length: usize, alignment: usize, pages: Pages) -> Option<*mut u8> {
    // Enough to cut an aligned part out of.
    let mapped = length.checked_add(alignment)?;
    let start = map_anew(mapped, ProtFlags::READ | ProtFlags::WRITE)?;
    let before = start.addr().next_multiple_of(alignment) - start.addr();
    let aligned = start.wrapping_add(before);
    unmap(start, before);
    unmap(aligned.wrapping_add(length), mapped - before - length);
    advise(aligned, length, pages);
    Some(aligned)
}

fn map_anew(length: usize, protection: ProtFlags) -> Option<*mut u8> {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: it maps at an address of the kernel's choice.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), length, protection, flags) };
    start.ok().map(<*mut _>::cast)
}

/// Says by which pages memory that was just mapped is to come.
fn advise(start: *mut u8, length: usize, pages: Pages) {
    if pages == Pages::Huge {
        // SAFETY: it concerns only how memory comes. Where the kernel knows no huge pages, it refuses.
        let _refused = unsafe { madvise(start.cast(), length, Advice::LinuxHugepage) };
    }
}

/// Gives back memory that was mapped here, and that nobody uses.
pub(super) fn unmap(start: *mut u8, length: usize) {
    if 0 < length {
        // SAFETY: the callers pass on memory that they were given or have just mapped, and that nothing points to any more.
        // If the kernel refuses, because it cannot note one more hole, the memory stays mapped.
        let _refused = unsafe { munmap(start.cast(), length) };
    }
}
