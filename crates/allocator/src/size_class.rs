//! How many bytes jemalloc sets aside for an allocation.
//!
//! Small sizes are spaced by the quantum Q (8 bytes in the build that `.cargo/config.toml` asks for, else 16), and from
//! 8 Q on there are four classes to each doubling:
//!
//! ```text
//! Q = 8:   8  16  24  32 | 40  48  56  64 | 80  96  112  128 | 160  192  224  256 | 320 ...
//! Q = 16:  8 16   32  48  64              | 80  96  112  128 | 160  192  224  256 | 320 ...
//! ```
//!
//! An alignment is met by rounding the size up to a multiple of it first: the objects of a small class are aligned to
//! the lowest bit that is set in their size. Above [`SMALL_LIMIT`] the classes depend on the page size and on
//! jemalloc's options, so jemalloc is asked; such allocations cost far more than the question.
//!
//! The tests compare every size up to 1 MiB, at several alignments, with jemalloc's own answer.
#![expect(unsafe_code, reason = "asks jemalloc for the class of large sizes")]

use std::ffi::c_int;

use tikv_jemalloc_sys as jemalloc;

/// The largest size whose class follows from the quantum alone: three and a half pages of 4 KiB. Builds for larger
/// pages have more small classes, which are spaced alike.
pub const SMALL_LIMIT: usize = 14 * 1024;

/// The binary logarithm of the spacing of the smallest classes.
pub const LG_QUANTUM: u32 = match option_env!("JEMALLOC_SYS_WITH_LG_QUANTUM") {
    Some(text) => match text.as_bytes() {
        [digit @ b'3'..=b'4'] => (*digit - b'0') as u32,
        _ => panic!("JEMALLOC_SYS_WITH_LG_QUANTUM must be 3 or 4"),
    },
    // What jemalloc takes on every 64-bit architecture that this server supports.
    None => 4,
};

/// The bytes that jemalloc sets aside for `size` bytes aligned to `align`, a power of two; `size` is not 0.
#[inline]
pub fn usable_size(size: usize, align: usize) -> usize {
    let rounded = if align <= NATURAL_ALIGNMENT { size } else { (size + align - 1) & !(align - 1) };
    if rounded <= SMALL_LIMIT && align <= SMALLEST_PAGE {
        small(rounded)
    } else {
        large(size, align)
    }
}

/// The alignment that every allocation has without asking.
pub(crate) const NATURAL_ALIGNMENT: usize = 8;

/// What to tell jemalloc about an alignment. Nothing at up to 8 bytes, although jemalloc's smallest class is as
/// large: Rust's layouts may ask for 4 bytes aligned to 8.
#[inline]
pub(crate) const fn flags(align: usize) -> c_int {
    if align <= NATURAL_ALIGNMENT { 0 } else { jemalloc::MALLOCX_ALIGN(align) }
}

const SMALLEST_PAGE: usize = 4096;

/// The class of a small size: the next multiple of the class spacing at that size.
#[inline]
const fn small(size: usize) -> usize {
    // Below the quantum jemalloc has one class in our builds with 16, of 8 bytes.
    if 3 < LG_QUANTUM && size <= 8 {
        return 8;
    }
    // The position of the highest bit of `2 * size - 1` is the binary logarithm of `size`, rounded up.
    let lg_size = usize::BITS - 1 - (2 * size - 1).leading_zeros();
    let lg_spacing = if lg_size < LG_QUANTUM + 3 { LG_QUANTUM } else { lg_size - 3 };
    let mask = (1 << lg_spacing) - 1;
    (size + mask) & !mask
}

#[cold]
fn large(size: usize, align: usize) -> usize {
    // SAFETY: any size but 0 may be asked about; a `Layout` with that size never gets here.
    unsafe { jemalloc::nallocx(size, flags(align)) }
}
