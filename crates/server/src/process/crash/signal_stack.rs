//! A stack for the crash handler: a thread whose own overflowed has none left.
//!
//! The standard library gives each thread one of some kilobytes, which is enough to print a line, and less than
//! unwinding may need.
#![expect(unsafe_code, reason = "maps memory and makes it a thread's signal stack")]

use std::ffi::c_void;
use std::io;
use std::marker::PhantomData;
use std::ptr;

use rustix::mm::MapFlags;
use rustix::mm::ProtFlags;

/// The current thread's stack for signal handlers, as long as this lives. It costs memory only when it is used.
#[derive(Debug)]
pub(crate) struct SignalStack {
    memory: *mut c_void,
    /// Another thread must not take it back.
    _of_this_thread: PhantomData<*const ()>,
}

impl SignalStack {
    /// Gives the current thread one.
    pub(crate) fn new() -> io::Result<SignalStack> {
        let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: new memory wherever the kernel has room.
        let memory =
            unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), SIZE_BYTES, protection, flags) }?;
        let stack = libc::stack_t { ss_sp: memory, ss_flags: 0, ss_size: SIZE_BYTES };
        // SAFETY: the memory is mapped, ours, and stays until `drop` has told the kernel to leave it.
        if unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } != 0 {
            let error = io::Error::last_os_error();
            release(memory);
            return Err(error);
        }
        Ok(SignalStack { memory, _of_this_thread: PhantomData })
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: takes the stack from this thread, which made it (the type does not leave its thread). A handler that
        // runs on it would not drop it.
        if unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) } == 0 {
            release(self.memory);
        }
    }
}

fn release(memory: *mut c_void) {
    // SAFETY: mapped by `new` with this size, and the kernel does not use it as a stack any more.
    let _released = unsafe { rustix::mm::munmap(memory, SIZE_BYTES) };
}

/// The kernel's frame takes up to 4 KiB with wide vector registers, the unwinder less than 8.
const SIZE_BYTES: usize = 64 * 1024;
