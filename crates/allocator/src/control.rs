//! jemalloc's control interface: named values that are read, written or triggered.
#![expect(unsafe_code, reason = "calls mallctl, which reads and writes through raw pointers")]

use std::ffi::CStr;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::ptr;

use tikv_jemalloc_sys as jemalloc;

/// jemalloc refused to read or write one of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("jemalloc refuses {name:?}: error {code}")]
pub struct ControlError {
    /// The value's name, such as `stats.resident`.
    pub name: &'static CStr,
    /// The number of the operating system's error.
    pub code: c_int,
}

/// What may be read and written: types that any bytes of the right size are a value of.
pub(crate) trait Plain: Copy + Default {}
impl Plain for usize {}
impl Plain for u64 {}
impl Plain for u32 {}

pub(crate) fn read<T: Plain>(name: &'static CStr) -> Result<T, ControlError> {
    let mut value = T::default();
    let mut length = size_of::<T>();
    // SAFETY: `name` ends with a NUL; jemalloc writes at most `length` bytes to `value`, and refuses a value of
    // another size.
    let code = unsafe {
        jemalloc::mallctl(
            name.as_ptr(),
            (&raw mut value).cast(),
            &raw mut length,
            ptr::null_mut(),
            0,
        )
    };
    check(name, code)?;
    if length == size_of::<T>() { Ok(value) } else { Err(ControlError { name, code: 0 }) }
}

/// Reads a value whose name has an index in it, at `position` among the name's parts; `name` has 0 there.
pub(crate) fn read_indexed<T: Plain>(
    name: &'static CStr,
    position: usize,
    index: usize,
) -> Result<T, ControlError> {
    let (path, parts) = path(name, position, index)?;
    let mut value = T::default();
    let mut length = size_of::<T>();
    // SAFETY: `path` has that many parts, and jemalloc checks them; the value is as in `read`.
    let code = unsafe {
        jemalloc::mallctlbymib(
            path.as_ptr(),
            parts,
            (&raw mut value).cast(),
            &raw mut length,
            ptr::null_mut(),
            0,
        )
    };
    check(name, code)?;
    Ok(value)
}

/// Writes a value whose name has an index in it, as [`read_indexed`] reads one. A pointer that is written must be to what jemalloc
/// expects, and stay valid.
pub(crate) fn write_indexed<T: Copy>(
    name: &'static CStr,
    position: usize,
    index: usize,
    mut value: T,
) -> Result<(), ControlError> {
    let (path, parts) = path(name, position, index)?;
    // SAFETY: `path` has that many parts, and jemalloc checks them; it reads the value, and refuses one of another size.
    let code = unsafe {
        jemalloc::mallctlbymib(
            path.as_ptr(),
            parts,
            ptr::null_mut(),
            ptr::null_mut(),
            (&raw mut value).cast(),
            size_of::<T>(),
        )
    };
    check(name, code)
}

/// A name as numbers, with an index at one of them, and how many they are.
fn path(
    name: &'static CStr,
    position: usize,
    index: usize,
) -> Result<([usize; MOST_PARTS], usize), ControlError> {
    let mut path = [0_usize; MOST_PARTS];
    let mut parts = MOST_PARTS;
    // SAFETY: `name` ends with a NUL; jemalloc writes at most `parts` numbers to `path`, and how many to `parts`.
    let code =
        unsafe { jemalloc::mallctlnametomib(name.as_ptr(), path.as_mut_ptr(), &raw mut parts) };
    check(name, code)?;
    path[position] = index;
    Ok((path, parts))
}

/// The longest names with an index have six parts.
const MOST_PARTS: usize = 8;

/// Reads a text that lives as long as the process, such as the version.
pub(crate) fn read_text(name: &'static CStr) -> Result<&'static CStr, ControlError> {
    let mut value: *const c_char = c"".as_ptr();
    let mut length = size_of::<*const c_char>();
    // SAFETY: as in `read`: the value is a pointer.
    let code = unsafe {
        jemalloc::mallctl(
            name.as_ptr(),
            (&raw mut value).cast(),
            &raw mut length,
            ptr::null_mut(),
            0,
        )
    };
    check(name, code)?;
    // SAFETY: jemalloc's texts are constants of the library and end with a NUL.
    Ok(unsafe { CStr::from_ptr(value) })
}

pub(crate) fn write_bool(name: &'static CStr, value: bool) -> Result<(), ControlError> {
    let mut value = value;
    write_raw(name, (&raw mut value).cast(), size_of::<bool>())
}

pub(crate) fn write_u64(name: &'static CStr, value: u64) -> Result<(), ControlError> {
    let mut value = value;
    write_raw(name, (&raw mut value).cast(), size_of::<u64>())
}

/// Triggers an action that has no value.
pub(crate) fn trigger(name: &'static CStr) -> Result<(), ControlError> {
    write_raw(name, ptr::null_mut(), 0)
}

fn write_raw(name: &'static CStr, value: *mut c_void, length: usize) -> Result<(), ControlError> {
    // SAFETY: `name` ends with a NUL; `value` has `length` bytes that jemalloc reads, and refuses if its value is of
    // another size.
    let code = unsafe {
        jemalloc::mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), value, length)
    };
    check(name, code)
}

fn check(name: &'static CStr, code: c_int) -> Result<(), ControlError> {
    if code == 0 { Ok(()) } else { Err(ControlError { name, code }) }
}

/// jemalloc's own report of its state.
pub(crate) fn report(options: &CStr) -> Vec<u8> {
    unsafe extern "C" fn append(report: *mut c_void, text: *const c_char) {
        // SAFETY: jemalloc passes on the pointer that it got from the call below, and calls only during that call.
        let report = unsafe { &mut *report.cast::<Vec<u8>>() };
        // SAFETY: jemalloc passes a text that ends with a NUL.
        let text = unsafe { CStr::from_ptr(text) };
        report.extend_from_slice(text.to_bytes());
    }
    // Room for a usual report: jemalloc takes locks of its own while it writes, and need not be called for more.
    let mut report = Vec::with_capacity(64 * 1024);
    // SAFETY: `append` takes what is passed here, and `options` ends with a NUL.
    unsafe {
        jemalloc::malloc_stats_print(Some(append), (&raw mut report).cast(), options.as_ptr());
    }
    report
}
