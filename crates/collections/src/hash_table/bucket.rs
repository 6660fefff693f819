//! One bucket: a cache line with a word of tags and seven slots, and the chain that hangs on it.
//!
//! ```text
//!  byte  0     1     2     3     4     5     6     7     8 .. 15     ...     56 .. 63
//!      +-----+-----+-----+-----+-----+-----+-----+------+-----------+-------+-----------+
//!      | tag | tag | tag | tag | tag | tag | tag | meta | slot 0    |  ...  | slot 6    |
//!      +-----+-----+-----+-----+-----+-----+-----+------+-----------+-------+-----------+
//!        0     1     2     3     4     5     6      |
//!                                                   +-- bit 7: slot 6 is a link; bits 0 to 6: marks of a split
//! ```
//!
//! (The picture is of a little-endian machine; the code shifts the word and does not care.)
//!
//! A tag is 0 for an empty slot, otherwise `0x80` with seven bits of the element's hash, so one comparison of the word
//! tells which slots are worth a look, and nearly every look is a hit.
//!
//! Invariants, which the `unsafe` of this module rests on:
//! - A slot whose tag has bit 7 set holds a value. Values fill the slots from 0 up, without holes.
//! - When the link bit is set, slot 6 has tag 0 and points to another bucket, allocated by [`Bucket::allocate`] and
//!   owned by this one.
//! - Every bucket of a chain but the last is full (six values and the link), and the last one of several holds at least two. A
//!   chain therefore has the fewest buckets possible, and the elements of one are moved towards its head.

use std::alloc::{self, Layout};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// Slots in a bucket.
pub(super) const SLOTS: usize = 7;

/// The slot that becomes the link when a bucket overflows.
const LINK_SLOT: usize = SLOTS - 1;

/// Bit 7 of every tag byte.
const OCCUPIED: u64 = 0x0080_8080_8080_8080;
/// Bit 7 of the meta byte.
const LINKED: u64 = 1 << 63;
/// Bits 0 to 6 of the meta byte, one a slot.
const MARKS_SHIFT: u32 = 56;
const MARKS: u64 = 0x7f << MARKS_SHIFT;
/// Bit 0 of every byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The part of a hash that a bucket keeps beside the element.
#[derive(Clone, Copy)]
pub(super) struct Tag(u8);

impl Tag {
    /// The index of a bucket comes from the hash's lowest bits, the tag from its highest, so the elements of one
    /// bucket still differ in their tags.
    #[inline]
    pub(super) fn of(hash: u64) -> Tag {
        Tag((hash >> 57) as u8 | 0x80)
    }
}

/// Seven slots and what is known of them; see the module's page.
#[repr(C, align(64))]
pub(super) struct Bucket<T> {
    word: u64,
    slots: [Slot<T>; SLOTS],
}

/// Eight bytes whose meaning the bucket's word tells.
#[repr(C)]
union Slot<T> {
    value: ManuallyDrop<T>,
    link: NonNull<Bucket<T>>,
    empty: (),
}

/// How many buckets hang in chains, and how long the longest chain has been.
#[derive(Default)]
pub(super) struct Overflow {
    /// Buckets beside the heads.
    pub(super) buckets: usize,
    /// An upper bound of the buckets beside the head in any chain; exact again whenever no chain is left.
    pub(super) longest: usize,
}

/// An element's place in a table.
pub(super) struct Place<T> {
    pub(super) bucket: NonNull<Bucket<T>>,
    pub(super) slot: usize,
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Place<T> {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<T> Bucket<T> {
    /// Makes the bucket at this address an empty one, whatever it held; nothing is dropped.
    ///
    /// # Safety
    /// The address is valid for a write of a bucket.
    pub(super) unsafe fn initialize(bucket: NonNull<Bucket<T>>) {
        // Only the word is written: slots need no bytes while their tags are 0.
        // SAFETY: the caller vouches for the address, and the word is the bucket's first field.
        unsafe { bucket.cast::<u64>().write(0) }
    }

    /// An empty bucket of its own, to be linked to.
    fn allocate() -> NonNull<Bucket<T>> {
        let layout = Layout::new::<Bucket<T>>();
        // SAFETY: a bucket is 64 bytes, not 0.
        let bytes = unsafe { alloc::alloc(layout) };
        let Some(bucket) = NonNull::new(bytes.cast::<Bucket<T>>()) else {
            alloc::handle_alloc_error(layout);
        };
        // SAFETY: the memory was just allocated with the layout of a bucket.
        unsafe { Bucket::initialize(bucket) };
        bucket
    }

    /// Gives the memory of a linked bucket back. Values in it are not dropped.
    ///
    /// # Safety
    /// The bucket is from [`Bucket::allocate`] and nothing points to it any more.
    unsafe fn free(bucket: NonNull<Bucket<T>>) {
        // SAFETY: `allocate` used this layout, and the caller gives the bucket up.
        unsafe { alloc::dealloc(bucket.as_ptr().cast::<u8>(), Layout::new::<Bucket<T>>()) }
    }

    /// The slots that may hold an element with this tag: all that do, and rarely one that holds another element. Never
    /// an empty slot or a link.
    #[inline]
    pub(super) fn matches(&self, tag: Tag) -> Matches {
        // A byte of `different` is 0 where the tag is equal. The subtraction borrows from such a byte, which can also
        // flag the byte above it, but only when its bit 7 equals the tag's, which means that it is occupied.
        let different = self.word ^ (ONES * u64::from(tag.0));
        Matches(different.wrapping_sub(ONES) & !different & OCCUPIED)
    }

    /// The number of values in this bucket, which lie in the slots from 0 up.
    #[inline]
    pub(super) fn occupied(&self) -> usize {
        // Values fill the slots from 0 up, so the highest tag tells. Counting bits is slow on a baseline x86-64.
        ((self.word & OCCUPIED) << 1 | 1).ilog2() as usize / 8
    }

    /// The next bucket of the chain.
    #[inline]
    pub(super) fn link(&self) -> Option<NonNull<Bucket<T>>> {
        if self.word & LINKED == 0 {
            return None;
        }
        // SAFETY: the flag says that the last slot is a link.
        Some(unsafe { self.slots[LINK_SLOT].link })
    }

    /// The next bucket of the chain.
    #[inline]
    pub(super) fn next(&self) -> Option<&Bucket<T>> {
        let link = self.link()?;
        // SAFETY: a link points to a bucket that this one owns, so it is borrowed as this one is.
        Some(unsafe { link.as_ref() })
    }

    /// # Safety
    /// The slot is occupied.
    #[inline]
    pub(super) unsafe fn value(&self, slot: usize) -> &T {
        debug_assert!(slot < self.occupied());
        // SAFETY: the caller says that it is occupied, so it is one of the seven.
        let slot = unsafe { self.slots.get_unchecked(slot) };
        // SAFETY: an occupied slot holds a value.
        unsafe { &slot.value }
    }

    /// # Safety
    /// The slot is occupied.
    #[inline]
    pub(super) unsafe fn value_mut(&mut self, slot: usize) -> &mut T {
        debug_assert!(slot < self.occupied());
        // SAFETY: the caller says that it is occupied, so it is one of the seven.
        let slot = unsafe { self.slots.get_unchecked_mut(slot) };
        // SAFETY: an occupied slot holds a value.
        unsafe { &mut slot.value }
    }

    /// The values of this bucket, without those of the chain behind it.
    #[inline]
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        // SAFETY: the slots below `occupied` are those that are.
        (0..self.occupied()).map(|slot| unsafe { self.value(slot) })
    }

    /// The number of elements in this bucket and all behind it.
    pub(super) fn chain_len(&self) -> usize {
        self.chain().map(Bucket::occupied).sum()
    }

    /// This bucket and all behind it.
    pub(super) fn chain(&self) -> impl Iterator<Item = &Bucket<T>> {
        std::iter::successors(Some(self), |bucket| bucket.next())
    }

    /// Remembers a bit for every slot, for the split that is under way.
    pub(super) fn set_marks(&mut self, marks: u8) {
        self.word = self.word & !MARKS | u64::from(marks) << MARKS_SHIFT & MARKS;
    }

    fn is_marked(&self, slot: usize) -> bool {
        self.word >> (MARKS_SHIFT as usize + slot) & 1 == 1
    }

    #[expect(clippy::cast_possible_truncation, reason = "one byte of the word is wanted")]
    fn tag(&self, slot: usize) -> Tag {
        Tag((self.word >> (8 * slot)) as u8)
    }

    /// Fills a slot that holds no value; a link in it must have been taken care of.
    fn fill(&mut self, slot: usize, tag: Tag, value: T) {
        debug_assert_eq!(slot, self.occupied());
        self.word |= u64::from(tag.0) << (8 * slot);
        self.slots[slot] = Slot { value: ManuallyDrop::new(value) };
    }

    /// Takes the last value out. The bucket holds at least one.
    fn pop(&mut self) -> (Tag, T) {
        let slot = self.occupied() - 1;
        let tag = self.tag(slot);
        self.word &= !(0xff << (8 * slot));
        // SAFETY: the slot was occupied.
        let value = unsafe { &self.slots[slot].value };
        // SAFETY: its tag is 0 now, so the value is owned by what is returned alone.
        (tag, unsafe { ptr::read(&raw const **value) })
    }

    /// Puts another value into an occupied slot and returns the one that was there.
    ///
    /// # Safety
    /// The slot is occupied.
    unsafe fn swap(&mut self, slot: usize, tag: Tag, value: T) -> T {
        self.word = self.word & !(0xff << (8 * slot)) | u64::from(tag.0) << (8 * slot);
        // SAFETY: passed on to the caller.
        let place = unsafe { self.value_mut(slot) };
        std::mem::replace(place, value)
    }

    /// Makes the last slot, which holds no value, the link to another bucket.
    fn set_link(&mut self, next: NonNull<Bucket<T>>) {
        debug_assert_eq!(self.occupied(), LINK_SLOT);
        self.word |= LINKED;
        self.slots[LINK_SLOT] = Slot { link: next };
    }

    fn clear_link(&mut self) {
        self.word &= !LINKED;
        self.slots[LINK_SLOT] = Slot { empty: () };
    }
}

/// Slots whose tag matched, lowest first.
pub(super) struct Matches(u64);

impl Iterator for Matches {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

/// Adds elements at the end of a chain.
pub(super) struct Appender<T> {
    /// The last bucket of the chain.
    bucket: NonNull<Bucket<T>>,
    /// Buckets of the chain before it.
    depth: usize,
}

impl<T> Appender<T> {
    /// # Safety
    /// `head` starts a live chain that nothing else uses while the appender does.
    #[inline]
    pub(super) unsafe fn new(head: NonNull<Bucket<T>>) -> Appender<T> {
        let mut appender = Appender { bucket: head, depth: 0 };
        // SAFETY: the caller vouches for the bucket, and links are always good.
        while let Some(next) = unsafe { appender.bucket.as_ref() }.link() {
            appender.bucket = next;
            appender.depth += 1;
        }
        appender
    }

    /// Adds an element and says where it lies.
    #[inline]
    pub(super) fn push(&mut self, tag: Tag, value: T, overflow: &mut Overflow) -> Place<T> {
        // SAFETY: `new` was promised that the bucket is live and not used by others.
        if unsafe { self.bucket.as_ref() }.occupied() == SLOTS {
            self.extend(overflow);
        }
        // SAFETY: as above.
        let bucket = unsafe { self.bucket.as_mut() };
        let slot = bucket.occupied();
        bucket.fill(slot, tag, value);
        Place { bucket: self.bucket, slot }
    }

    /// Links a bucket to the full one at the end, with the value that the link displaces in it.
    #[cold]
    fn extend(&mut self, overflow: &mut Overflow) {
        let mut next = Bucket::allocate();
        // SAFETY: `new` was promised that the bucket is live and not used by others.
        let bucket = unsafe { self.bucket.as_mut() };
        let (tag, value) = bucket.pop();
        bucket.set_link(next);
        // SAFETY: it was just allocated.
        unsafe { next.as_mut() }.fill(0, tag, value);
        self.bucket = next;
        self.depth += 1;
        overflow.buckets += 1;
        overflow.longest = overflow.longest.max(self.depth);
    }
}

/// Takes an element out of a chain and closes the gap with the chain's last one.
///
/// # Safety
/// `head` starts a live chain that nothing else uses meanwhile, and the place is an occupied one in it.
pub(super) unsafe fn remove<T>(
    head: NonNull<Bucket<T>>,
    place: Place<T>,
    overflow: &mut Overflow,
) -> T {
    let mut before = None;
    let mut last = head;
    // SAFETY: the caller vouches for the head, and links are always good.
    while let Some(next) = unsafe { last.as_ref() }.link() {
        before = Some(last);
        last = next;
    }
    // SAFETY: as above; nothing else refers to the bucket.
    let bucket = unsafe { last.as_mut() };
    let (tag, value) = bucket.pop();
    let left = bucket.occupied();
    let removed = if place.bucket == last && place.slot == left {
        value
    } else {
        let mut bucket = place.bucket;
        // SAFETY: the caller says that the bucket is one of the chain.
        let bucket = unsafe { bucket.as_mut() };
        // SAFETY: the caller says that the slot is occupied, and the one that no longer is was handled above.
        unsafe { bucket.swap(place.slot, tag, value) }
    };
    if let Some(before) = before
        && left == 1
    {
        // SAFETY: `before` links to `last`, the end of the chain.
        unsafe { fold(before, last) };
        overflow.remove_one();
    }
    removed
}

/// Puts the only value of the chain's last bucket into the slot that links to it.
///
/// # Safety
/// `before` and `last` are live, not used by others, and the former links to the latter, which holds one value and no link.
unsafe fn fold<T>(mut before: NonNull<Bucket<T>>, mut last: NonNull<Bucket<T>>) {
    // SAFETY: passed on to the caller.
    let (tag, value) = unsafe { last.as_mut() }.pop();
    // SAFETY: passed on to the caller.
    let before = unsafe { before.as_mut() };
    before.clear_link();
    before.fill(LINK_SLOT, tag, value);
    // SAFETY: links come from `allocate`, and this one is gone.
    unsafe { Bucket::free(last) };
}

/// Takes all elements out of a chain, leaving its head empty, and frees the buckets behind. The flag says whether the
/// element was marked.
///
/// # Safety
/// `head` starts a live chain that nothing else uses, and `visit` does not touch it but to append to the emptied head:
/// never more elements than it has been given by then.
pub(super) unsafe fn drain<T>(
    head: NonNull<Bucket<T>>,
    overflow: &mut Overflow,
    mut visit: impl FnMut(Tag, T, bool, &mut Overflow),
) {
    // The bucket is copied out before the first visit, so that values can be put back into it meanwhile.
    // SAFETY: the caller vouches for the head, and a bucket is plain bytes: neither copy drops what it holds.
    let mut bucket = unsafe { head.read() };
    // SAFETY: it was just read. The values belong to the copy now.
    unsafe { Bucket::initialize(head) };
    loop {
        let next = bucket.link();
        for slot in 0..bucket.occupied() {
            // SAFETY: the slot is occupied.
            let value = unsafe { bucket.value(slot) };
            // SAFETY: each slot is read once, and the copy does not drop its values.
            let value = unsafe { ptr::read(value) };
            visit(bucket.tag(slot), value, bucket.is_marked(slot), overflow);
        }
        let Some(next) = next else {
            return;
        };
        // SAFETY: the link is a good one and was owned by the bucket that is done with.
        bucket = unsafe { next.read() };
        // SAFETY: as above, and what it held is in the copy.
        unsafe { Bucket::free(next) };
        overflow.remove_one();
    }
}

impl Overflow {
    fn remove_one(&mut self) {
        self.buckets -= 1;
        if self.buckets == 0 {
            self.longest = 0;
        }
    }
}
