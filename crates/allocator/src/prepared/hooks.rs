//! jemalloc's hooks: where its arenas take new memory from, and how they give it up.
#![expect(unsafe_code, reason = "jemalloc calls these functions with raw pointers")]

use std::cell::Cell;
use std::ffi::{c_uint, c_void};
use std::ptr;

use rustix::mm::{Advice, madvise};
use tikv_jemalloc_sys::extent_hooks_t as Hooks;

use super::region::{Pages, map, unmap};
use super::{CHUNK, thread};
use crate::control::{self, ControlError};

/// The hooks of all arenas. Memory is never given back to be mapped by others: jemalloc keeps the addresses, and only purges.
struct Shared(Hooks);

// SAFETY: functions only; jemalloc reads them.
unsafe impl Sync for Shared {}

static HOOKS: Shared = Shared(Hooks {
    alloc: Some(allocate),
    dalloc: None,
    destroy: Some(destroy),
    commit: None,
    decommit: None,
    purge_lazy: None,
    purge_forced: Some(purge),
    split: Some(split),
    merge: Some(merge),
});

/// What a thread needs memory for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Demand {
    /// For what requests bring, which is read and written again and again.
    Requests,
    /// For much at once, such as a snapshot that is loaded: who waits for it waits for all of it.
    Bulk,
}

thread_local! {
    static DEMAND: Cell<Demand> = const { Cell::new(Demand::Requests) };
}

/// Has what this thread allocates come from chunks that were prepared.
///
/// # Errors
///
/// If jemalloc refuses; then it goes on as it did.
pub fn use_here(demand: Demand) -> Result<(), ControlError> {
    DEMAND.set(demand);
    let arena: u32 = control::read(c"thread.arena")?;
    let arena = arena as usize;
    let hooks: *const Hooks = &raw const HOOKS.0;
    control::write_indexed(c"arena.0.extent_hooks", 1, arena, hooks)?;
    control::write_indexed(c"arena.0.retain_grow_limit", 1, arena, CHUNK)
}

/// New memory for an arena, all zero and writable; null if there is none.
unsafe extern "C" fn allocate(
    _hooks: *mut Hooks,
    at: *mut c_void,
    size: usize,
    alignment: usize,
    is_zero: *mut bool,
    is_committed: *mut bool,
    _arena: c_uint,
) -> *mut c_void {
    if !at.is_null() {
        // Just behind other memory: that is left to chance.
        return ptr::null_mut();
    }
    // jemalloc asks for its own tables with a larger alignment, and fills them slowly.
    let is_own = CHUNK <= alignment;
    let memory = if size == CHUNK && !is_own {
        thread::chunk(DEMAND.get())
    } else {
        let small = size < CHUNK || is_own || thread::huge_pages_are_slow();
        let pages = if small { Pages::Usual } else { Pages::Huge };
        map(size, alignment, pages)
    };
    let Some(memory) = memory else { return ptr::null_mut() };
    // SAFETY: jemalloc passes a pointer to a variable of its own.
    unsafe { is_zero.write(true) };
    // SAFETY: likewise.
    unsafe { is_committed.write(true) };
    memory.cast()
}

/// Memory that an arena will not use again.
unsafe extern "C" fn destroy(
    _hooks: *mut Hooks,
    memory: *mut c_void,
    size: usize,
    _is_committed: bool,
    _arena: c_uint,
) {
    unmap(memory.cast(), size);
}

/// Has the kernel take the pages of a part; they are zero when they are touched again. True if it does not work.
unsafe extern "C" fn purge(
    _hooks: *mut Hooks,
    memory: *mut c_void,
    _size: usize,
    offset: usize,
    length: usize,
    _arena: c_uint,
) -> bool {
    let start = memory.wrapping_byte_add(offset);
    // SAFETY: jemalloc passes memory of its own that it uses no more.
    unsafe { madvise(start, length, Advice::LinuxDontNeed) }.is_err()
}

/// Whether memory cannot be used in two parts.
unsafe extern "C" fn split(
    _hooks: *mut Hooks,
    _memory: *mut c_void,
    _size: usize,
    _first: usize,
    _second: usize,
    _is_committed: bool,
    _arena: c_uint,
) -> bool {
    false
}

/// Whether two parts, one behind the other, cannot be used as one.
unsafe extern "C" fn merge(
    _hooks: *mut Hooks,
    _first: *mut c_void,
    _first_size: usize,
    _second: *mut c_void,
    _second_size: usize,
    _is_committed: bool,
    _arena: c_uint,
) -> bool {
    false
}
