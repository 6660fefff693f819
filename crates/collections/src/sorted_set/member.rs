//! A second pointer to a member that the table owns.

#![expect(
    unsafe_code,
    reason = "a member has one owner, the table, and the tree points to it as well"
)]

use crate::packed_bytes::PackedBytes;

/// A member with its score, in one allocation of which this is the only owner.
pub(super) type Member = PackedBytes<f64>;

/// Points to a [`Member`] without owning it. Two are equal if they point to the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct MemberPointer(*const u8);

// SAFETY: it is of no use but through `bytes`, whose caller sees to it that the member may be read.
unsafe impl Send for MemberPointer {}
// SAFETY: as above.
unsafe impl Sync for MemberPointer {}

impl MemberPointer {
    #[inline]
    pub(super) fn new(member: &Member) -> MemberPointer {
        const {
            assert!(size_of::<Member>() == size_of::<*const u8>(), "a member is a pointer");
        }
        // SAFETY: a member consists of one pointer, for which there is just enough room in it; so it can be read as one.
        MemberPointer(unsafe { std::mem::transmute_copy(member) })
    }

    /// The member's bytes.
    ///
    /// # Safety
    ///
    /// The member that this was made of is there, wherever it was moved, for the whole of `'a`.
    #[inline]
    pub(super) unsafe fn bytes<'a>(self) -> &'a [u8] {
        let member = std::ptr::from_ref(&self.0).cast::<Member>();
        // SAFETY: the pointer is what a member consists of, so it can be read as one. It is not dropped.
        let bytes: *const [u8] = unsafe { &*member }.bytes();
        // SAFETY: the bytes are the member's, which is there for as long.
        unsafe { &*bytes }
    }
}
