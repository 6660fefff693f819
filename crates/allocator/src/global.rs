//! `GlobalAlloc` over jemalloc: every call tells jemalloc what it knows, and the tally what changed.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait over raw memory")]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;

use tikv_jemalloc_sys as jemalloc;

use crate::size_class::flags;
use crate::size_class::usable_size;
use crate::tally;

/// jemalloc, counted; for `#[global_allocator]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

// SAFETY: every method returns what jemalloc returns for the same size and alignment, or null where it does; jemalloc
// aligns to 8 bytes unasked (its smallest class is 8 bytes) and to more when the flag says so. Neither jemalloc nor the
// tally unwinds or calls the global allocator.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let flags = flags(layout.align());
        let memory = if flags == 0 {
            // SAFETY: `malloc` takes any size.
            unsafe { jemalloc::malloc(layout.size()) }
        } else {
            // SAFETY: the caller promises a size that is not 0, and `Layout` an alignment that is a power of two.
            unsafe { jemalloc::mallocx(layout.size(), flags) }
        };
        count_new(memory.cast(), layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let flags = flags(layout.align());
        let memory = if flags == 0 {
            // SAFETY: `calloc` takes any size.
            unsafe { jemalloc::calloc(1, layout.size()) }
        } else {
            // SAFETY: as in `alloc`.
            unsafe { jemalloc::mallocx(layout.size(), flags | jemalloc::MALLOCX_ZERO) }
        };
        count_new(memory.cast(), layout)
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        tally::subtract(usable_size(layout.size(), layout.align()));
        // SAFETY: the caller promises that `memory` is from this allocator with this very layout, hence from jemalloc
        // with a size of the same class and the same flags.
        unsafe { jemalloc::sdallocx(memory.cast(), layout.size(), flags(layout.align())) }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let old_usable = usable_size(layout.size(), layout.align());
        let new_usable = usable_size(new_size, layout.align());
        if old_usable == new_usable {
            // The same class: nothing moves, and freeing with either size is the same to jemalloc.
            return memory;
        }
        let flags = flags(layout.align());
        let moved = if flags == 0 {
            // SAFETY: the caller promises memory of this allocator and a new size that is not 0.
            unsafe { jemalloc::realloc(memory.cast(), new_size) }
        } else {
            // SAFETY: likewise.
            unsafe { jemalloc::rallocx(memory.cast(), new_size, flags) }
        };
        if !moved.is_null() {
            tally::replace(old_usable, new_usable);
        }
        moved.cast()
    }
}

#[inline]
fn count_new(memory: *mut u8, layout: Layout) -> *mut u8 {
    if !memory.is_null() {
        tally::add(usable_size(layout.size(), layout.align()));
    }
    memory
}
