//! An owned byte string in 8 bytes, for the elements of a [`HashTable`](crate::HashTable).
//!
//! ```text
//!   the value:    [ length: 16 bits | address: 48 bits ]
//!   the address:  [ header: H ][ bytes ]                              shorter than 65535
//!                 [ length: 8 bytes ][ header: H ][ bytes ]           longer; the 16 bits are all ones
//! ```
//!
//! The length of a short string lies in the 16 bits that no address uses, so a string takes exactly its bytes and, if a type
//! for one is given, its header: a member of 16 bytes is one allocation of 16, with an `f64` as its score one of 24. An empty
//! string with an empty header has no allocation.
//!
//! Invariants:
//! - The address is that of an allocation laid out as above, or null if that would have no bytes.
//! - The upper 16 bits of what the allocator returns are zero. Processors with more bits of address get them only on request,
//!   which allocators do not make; it is asserted nonetheless.

#![expect(unsafe_code, reason = "a pointer and a length share a word; no safe type does that")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::marker::PhantomData;
use std::ptr;

/// Bytes, and a header of a fixed size in front of them; see the module's page.
pub struct PackedBytes<H: Copy = ()> {
    /// The address, and the length in its upper 16 bits.
    packed: *mut u8,
    holds: PhantomData<H>,
}

// SAFETY: the allocation has one owner.
unsafe impl<H: Copy + Send> Send for PackedBytes<H> {}
// SAFETY: a shared reference only reads.
unsafe impl<H: Copy + Sync> Sync for PackedBytes<H> {}

impl<H: Copy> PackedBytes<H> {
    /// A copy of the bytes, with a header.
    #[inline]
    pub fn new(header: H, bytes: &[u8]) -> PackedBytes<H> {
        const {
            assert!(usize::BITS == 64, "an address has 16 bits to spare");
        }
        let layout = Self::layout(bytes.len());
        let mut target = ptr::null_mut();
        if 0 < layout.size() {
            // SAFETY: the layout's size is not zero.
            target = unsafe { alloc(layout) };
            if target.is_null() {
                handle_alloc_error(layout);
            }
        }
        assert!(target.addr() >> ADDRESS_BITS == 0, "an address of more than 48 bits");
        let short = if bytes.len() < LONG { bytes.len() } else { LONG };
        let value = PackedBytes::<H> {
            packed: target.map_addr(|address| address | short << ADDRESS_BITS),
            holds: PhantomData,
        };
        if 0 < layout.size() {
            if short == LONG {
                // SAFETY: a long one begins with room for its length.
                unsafe { target.cast::<usize>().write_unaligned(bytes.len()) };
            }
            // SAFETY: the header has its room at this place of the allocation.
            unsafe { value.header_pointer().write_unaligned(header) };
            // SAFETY: the bytes have their room behind the header, and a new allocation overlaps with nothing.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), value.start(), bytes.len()) };
        }
        value
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let length = self.len();
        if length == 0 {
            return &[];
        }
        // SAFETY: so many initialised bytes lie there, and what is borrowed keeps them from being changed or freed.
        unsafe { std::slice::from_raw_parts(self.start(), length) }
    }

    /// How many bytes, without the header.
    #[inline]
    pub fn len(&self) -> usize {
        let short = self.packed.addr() >> ADDRESS_BITS;
        if short < LONG {
            return short;
        }
        // SAFETY: a long one begins with its length.
        unsafe { self.allocation().cast::<usize>().read_unaligned() }
    }

    /// Whether there are no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.packed.addr() >> ADDRESS_BITS == 0
    }

    /// The header.
    #[inline]
    pub fn header(&self) -> H {
        // SAFETY: it is initialised; if `H` has no size, any pointer will do.
        unsafe { self.header_pointer().read_unaligned() }
    }

    /// Puts another header in the place of the one it has.
    #[inline]
    pub fn set_header(&mut self, header: H) {
        // SAFETY: it has its room there; if `H` has no size, any pointer will do.
        unsafe { self.header_pointer().write_unaligned(header) };
    }

    /// The memory that will be read first, or null: to be loaded ahead of time.
    #[inline]
    pub fn address(&self) -> *const u8 {
        self.allocation().cast_const()
    }

    /// The bytes that were asked of the allocator for it.
    pub fn allocation_bytes(&self) -> usize {
        Self::layout(self.len()).size()
    }

    /// The bytes that are asked of the allocator for one of this many bytes.
    pub fn allocation_bytes_for(length: usize) -> usize {
        Self::layout(length).size()
    }

    /// What is allocated for so many bytes. All in it is read unaligned, so that no byte is lost to padding.
    #[inline]
    fn layout(length: usize) -> Layout {
        let header = size_of::<H>();
        let front = if length < LONG { header } else { header.saturating_add(LENGTH_BYTES) };
        match length.checked_add(front).map(|size| Layout::from_size_align(size, 1)) {
            Some(Ok(layout)) => layout,
            // More than half the address space.
            Some(Err(_)) | None => handle_alloc_error(Layout::new::<H>()),
        }
    }

    /// The allocation, or null.
    #[inline]
    fn allocation(&self) -> *mut u8 {
        self.packed.map_addr(|address| address & ADDRESS_MASK)
    }

    #[inline]
    fn header_pointer(&self) -> *mut H {
        let front = if self.packed.addr() >> ADDRESS_BITS < LONG { 0 } else { LENGTH_BYTES };
        let allocation = self.allocation();
        if allocation.is_null() {
            return ptr::dangling_mut();
        }
        allocation.wrapping_add(front).cast()
    }

    /// Where the bytes begin.
    #[inline]
    fn start(&self) -> *mut u8 {
        self.header_pointer().wrapping_add(1).cast()
    }
}

impl<H: Copy> Drop for PackedBytes<H> {
    #[inline]
    fn drop(&mut self) {
        let allocation = self.allocation();
        if !allocation.is_null() {
            // SAFETY: it was allocated with the layout for this length.
            unsafe { dealloc(allocation, Self::layout(self.len())) };
        }
    }
}

impl<H: Copy> Clone for PackedBytes<H> {
    fn clone(&self) -> PackedBytes<H> {
        PackedBytes::new(self.header(), self.bytes())
    }
}

impl<H: Copy + fmt::Debug> fmt::Debug for PackedBytes<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PackedBytes")
            .field("header", &self.header())
            .field("bytes", &self.bytes().escape_ascii().to_string())
            .finish()
    }
}

/// What a user's addresses need.
const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: usize = (1 << ADDRESS_BITS) - 1;
/// What the 16 bits hold if the length does not fit into them.
const LONG: usize = 0xffff;
/// Room for a long one's length.
const LENGTH_BYTES: usize = size_of::<usize>();

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "tests may fail")]
mod tests {
    use super::*;
    use crate::HashTable;

    #[track_caller]
    fn check<H: Copy + PartialEq + fmt::Debug>(header: H, other: H, length: usize) {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
        let mut packed = PackedBytes::new(header, &bytes);
        assert_eq!(packed.bytes(), bytes);
        assert_eq!((packed.len(), packed.is_empty()), (length, length == 0));
        assert_eq!(packed.header(), header);
        packed.set_header(other);
        let copy = packed.clone();
        assert_eq!((copy.bytes(), copy.header()), (&bytes[..], other));
        drop(packed);
        assert_eq!((copy.bytes(), copy.header()), (&bytes[..], other));
        let front = if length < 65535 { 0 } else { 8 };
        assert_eq!(copy.allocation_bytes(), length + front + size_of::<H>());
        assert_eq!(copy.address().is_null(), copy.allocation_bytes() == 0);
        assert_eq!(copy.allocation_bytes(), PackedBytes::<H>::allocation_bytes_for(length));
    }

    #[test]
    fn bytes_and_headers_of_all_lengths() {
        for length in [0, 1, 2, 7, 8, 16, 255, 256, 65533, 65534, 65535, 65536, 70000] {
            check((), (), length);
            check(1.5_f64, -0.25, length);
            check([1_u8, 2, 3], [4, 5, 6], length);
            check(7_u32, u32::MAX, length);
        }
    }

    #[test]
    fn a_member_costs_its_bytes() {
        assert_eq!(size_of::<PackedBytes<f64>>(), 8);
        assert_eq!(PackedBytes::<()>::allocation_bytes_for(16), 16);
        assert_eq!(PackedBytes::<f64>::allocation_bytes_for(16), 24);
        assert_eq!(PackedBytes::<()>::allocation_bytes_for(0), 0);
        assert_eq!(PackedBytes::<f64>::allocation_bytes_for(0), 8);
    }

    #[test]
    fn elements_of_a_table_on_another_thread() {
        let hash = |element: &PackedBytes| u64::from(element.bytes().first().copied().unwrap_or(0));
        let mut table = HashTable::new();
        for byte in 0..100 {
            table.insert_unique(u64::from(byte), PackedBytes::new((), &[byte; 3]), &hash);
        }
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let found = table.find(5, |found| found.bytes() == [5; 3]);
                assert_eq!(found.map(PackedBytes::len), Some(3));
            });
        });
    }

    #[test]
    fn shown_readably() {
        let shown = format!("{:?}", PackedBytes::new(2, b"a\n"));
        assert_eq!(shown, r#"PackedBytes { header: 2, bytes: "a\\n" }"#);
    }
}
