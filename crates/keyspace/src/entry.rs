//! One key with its value: a single allocation.
//!
//! Hundreds of millions of these decide how much memory the server takes, so every byte has its place:
//!
//! ```text
//!  0       1       2       3           6         7         8
//! +-------+-------+-------+-----------+---------+---------+------------------+-------------+-----------+-----+-------+
//! | kind  | flags | epoch |  access   | key len | val len | [wide lengths 8] | [expiry 8]  | [slot 8]  | key | value |
//! +-------+-------+-------+-----------+---------+---------+------------------+-------------+-----------+-----+-------+
//!   type,   what    last    LRU clock   when narrow         key u32, val u32   unix ms i64   integer or  bytes, no
//!   encoding there  snapshot or LFU                                                          pointer     terminator
//! ```
//!
//! Fields in brackets are there only when a flag says so. Lengths are bytes in the header unless one of
//! them does not fit; then both stand behind it. A short string, or the packed bytes of a small collection, stands behind
//! the key ([`Placement::Embedded`]), an integer in the slot, anything else behind the pointer in the slot.
//!
//! [`Entry`] is a plain pointer, copied freely between the table of entries and the index of expiring ones; the
//! database that holds it frees it exactly once. All of the pointer arithmetic of this crate is in this file.
#![expect(unsafe_code, reason = "the packed layout of entries is the point of this file")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use collections::hash_table::prefetch;
use collections::{Object, ObjectRef};

use crate::object::{packed_ref, type_of};
use crate::value::{Encoding, StringRef, ValueRef, ValueType};

/// A string up to this many bytes is stored in its entry; a longer one behind a pointer, where it can grow in
/// place and be sent to clients without a copy.
pub(crate) const EMBED_LIMIT: usize = 1024;

const HEADER: usize = 8;
const FIELD: usize = 8;
const KIND: usize = 0;
const FLAGS: usize = 1;
const EPOCH: usize = 2;
const ACCESS: usize = 3;
const KEY_LENGTH: usize = 6;
const VALUE_LENGTH: usize = 7;

const EXPIRES: u8 = 1 << 0;
const WIDE: u8 = 1 << 1;
const PLACEMENT_SHIFT: u8 = 2;
const PLACEMENT_MASK: u8 = 0b11 << PLACEMENT_SHIFT;
/// A hash that has fields which expire.
const FIELDS_EXPIRE: u8 = 1 << 4;

/// Its collection is being written in pieces.
const IN_PIECES: u8 = 1 << 5;

const TYPE_MASK: u8 = 0x0f;
const ENCODING_SHIFT: u8 = 4;

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Placement {
    /// Behind the key.
    Embedded = 0,
    /// In the slot.
    Integer = 1,
    /// Behind the pointer in the slot, which is an `Arc<Vec<u8>>`.
    Heap = 2,
    /// Behind the pointer in the slot, which is a `Box<Object>`.
    Object = 3,
}

/// A pointer to an entry.
///
/// Copies are equal; who frees it is decided by the database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Entry {
    start: NonNull<u8>,
}

// SAFETY: an entry is a tree of plain bytes, `Arc<Vec<u8>>` and `Box<Object>`, which may go to and be read from any
// thread (`assert_sendable` below has the compiler check it); the shard that holds it decides which thread that is.
unsafe impl Send for Entry {}
// SAFETY: as above; nothing in an entry changes through a shared reference.
unsafe impl Sync for Entry {}

/// What the claims above rest on.
const fn assert_sendable<T: Send + Sync>() {}
const _: () = assert_sendable::<Object>();

/// What a new entry holds.
#[derive(Clone, Debug)]
pub(crate) enum Content<'a> {
    /// A string, and how OBJECT ENCODING calls it.
    Bytes(&'a [u8], Encoding),
    Integer(i64),
    Heap(Arc<Vec<u8>>),
    /// A small collection: the bytes that are all there is to it.
    Packed(ValueType, Encoding, &'a [u8]),
    Object(Box<Object>),
}

impl Content<'_> {
    fn is_in_pieces(&self) -> bool {
        match self {
            Content::Object(object) => object.is_in_pieces(),
            Content::Bytes(..) | Content::Integer(_) | Content::Heap(_) | Content::Packed(..) => {
                false
            }
        }
    }

    fn fields_expire(&self) -> bool {
        match self {
            Content::Packed(value_type, encoding, bytes) => {
                // No other packed collection has elements that expire.
                *encoding == Encoding::ListPackEx
                    && packed_ref(*value_type, *encoding, bytes)
                        .is_some_and(|object| object.next_expiry().is_some())
            }
            Content::Object(object) => object.to_ref().next_expiry().is_some(),
            Content::Bytes(..) | Content::Integer(_) | Content::Heap(_) => false,
        }
    }
}

/// A value on the heap.
#[derive(Debug)]
pub(crate) enum OnHeap {
    String(Arc<Vec<u8>>),
    Object(Box<Object>),
}

impl From<OnHeap> for Content<'_> {
    fn from(value: OnHeap) -> Self {
        match value {
            OnHeap::String(shared) => Content::Heap(shared),
            OnHeap::Object(object) => Content::Object(object),
        }
    }
}

/// Where the parts of an entry lie, in bytes from its start.
#[derive(Clone, Copy)]
struct Map {
    expires: bool,
    placement: Placement,
    expiry: usize,
    slot: usize,
    key: usize,
    key_length: usize,
    value: usize,
    value_length: usize,
}

impl Map {
    fn new(key_length: usize, value_length: usize, expires: bool, placement: Placement) -> Map {
        let wide = Map::is_wide(key_length, value_length);
        Map::of((key_length, value_length), wide, expires, placement)
    }

    /// The same if it is known whether the lengths are wide.
    #[inline]
    fn of(
        (key_length, value_length): (usize, usize),
        wide: bool,
        expires: bool,
        placement: Placement,
    ) -> Map {
        let expiry = HEADER + if wide { FIELD } else { 0 };
        let slot = expiry + if expires { FIELD } else { 0 };
        let key = slot + if placement == Placement::Embedded { 0 } else { FIELD };
        Map {
            expires,
            placement,
            expiry,
            slot,
            key,
            key_length,
            value: key + key_length,
            value_length,
        }
    }

    fn is_wide(key_length: usize, value_length: usize) -> bool {
        usize::from(u8::MAX) < key_length || usize::from(u8::MAX) < value_length
    }

    fn size(&self) -> usize {
        self.value + self.value_length
    }

    fn layout(&self) -> Layout {
        match Layout::from_size_align(self.size(), FIELD) {
            Ok(layout) => layout,
            Err(_) => unreachable!("keys and values are at most 4 GiB long"),
        }
    }
}

impl Entry {
    /// Allocates an entry.
    ///
    /// `key` must be shorter than 4 GiB, which the limit on the length of an argument ensures.
    pub(crate) fn new(
        key: &[u8],
        content: Content<'_>,
        expiry: Option<i64>,
        access: u32,
        epoch: u8,
    ) -> Entry {
        assert!(u32::try_from(key.len()).is_ok(), "arguments are shorter than 4 GiB");
        let (placement, embedded, kind): (Placement, &[u8], u8) = match &content {
            Content::Bytes(bytes, encoding) => {
                (Placement::Embedded, bytes, kind(ValueType::String, *encoding))
            }
            Content::Packed(value_type, encoding, bytes) => {
                (Placement::Embedded, bytes, kind(*value_type, *encoding))
            }
            Content::Integer(_) => {
                (Placement::Integer, &[], kind(ValueType::String, Encoding::Int))
            }
            Content::Heap(_) => (Placement::Heap, &[], kind(ValueType::String, Encoding::Raw)),
            // Its encoding may change in place: whoever wants to know asks it.
            Content::Object(object) => {
                (Placement::Object, &[], kind(type_of(object), Encoding::Raw))
            }
        };
        debug_assert!(embedded.len() <= EMBED_LIMIT, "longer strings go to the heap");
        let map = Map::new(key.len(), embedded.len(), expiry.is_some(), placement);
        let layout = map.layout();
        // SAFETY: the layout is not empty: it has a header.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        let entry = Entry { start };
        entry.put(KIND, &[kind]);
        let wide = Map::is_wide(key.len(), embedded.len());
        let flags = (u8::from(map.expires) * EXPIRES)
            | (u8::from(wide) * WIDE)
            | ((placement as u8) << PLACEMENT_SHIFT)
            | (u8::from(content.fields_expire()) * FIELDS_EXPIRE)
            | (u8::from(content.is_in_pieces()) * IN_PIECES);
        entry.put(FLAGS, &[flags]);
        entry.put(EPOCH, &[epoch]);
        entry.put(ACCESS, &access.to_le_bytes()[..3]);
        if wide {
            // The lengths were checked above and by the limit on embedded values.
            entry.put(HEADER, &u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes());
            entry.put(HEADER + 4, &u32::try_from(embedded.len()).unwrap_or(u32::MAX).to_le_bytes());
            entry.put(KEY_LENGTH, &[0, 0]);
        } else {
            entry.put(
                KEY_LENGTH,
                &[u8::try_from(key.len()).unwrap_or(0), u8::try_from(embedded.len()).unwrap_or(0)],
            );
        }
        if let Some(expiry) = expiry {
            entry.put(map.expiry, &expiry.to_le_bytes());
        }
        entry.put(map.key, key);
        match content {
            Content::Bytes(bytes, _) | Content::Packed(_, _, bytes) => entry.put(map.value, bytes),
            Content::Integer(number) => entry.put(map.slot, &number.to_le_bytes()),
            Content::Heap(shared) => entry.put_pointer(map.slot, shared),
            Content::Object(object) => entry.put_pointer(map.slot, object),
        }
        entry
    }

    /// Frees the entry and its value.
    ///
    /// # Safety
    ///
    /// No copy of this pointer is used afterwards.
    pub(crate) unsafe fn free(self) {
        drop(self.take_value());
        // SAFETY: this is the layout that the entry was allocated with: taking the value has not changed it.
        unsafe { dealloc(self.start.as_ptr(), self.map().layout()) };
    }

    /// Takes the value out of an entry with a value on the heap; the entry has the integer 0 instead.
    pub(crate) fn take_value(self) -> Option<OnHeap> {
        let map = self.map();
        let value = match map.placement {
            Placement::Embedded | Placement::Integer => return None,
            Placement::Heap => OnHeap::String(self.take_pointer(map.slot)),
            Placement::Object => OnHeap::Object(self.take_pointer(map.slot)),
        };
        let flags = self.byte(FLAGS) & !(PLACEMENT_MASK | IN_PIECES)
            | (Placement::Integer as u8) << PLACEMENT_SHIFT;
        self.put(FLAGS, &[flags]);
        self.put(KIND, &[kind(ValueType::String, Encoding::Int)]);
        self.put(map.slot, &0_i64.to_le_bytes());
        Some(value)
    }

    pub(crate) fn key<'a>(self) -> &'a [u8] {
        let map = self.map();
        self.bytes(map.key, map.key_length)
    }

    /// Whether that is its key: what every lookup asks.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is all that a search does")]
    pub(crate) fn is_of(self, key: &[u8]) -> bool {
        let flags = self.byte(FLAGS);
        if flags & WIDE != 0 {
            return self.key() == key;
        }
        if usize::from(self.byte(KEY_LENGTH)) != key.len() {
            return false;
        }
        let is_embedded = flags & PLACEMENT_MASK == (Placement::Embedded as u8) << PLACEMENT_SHIFT;
        let fields = usize::from(flags & EXPIRES) + usize::from(!is_embedded);
        is_same(self.bytes(HEADER + fields * FIELD, key.len()), key)
    }

    #[inline]
    pub(crate) fn value_type(self) -> ValueType {
        ValueType::from_code(self.byte(KIND) & TYPE_MASK)
    }

    #[inline]
    pub(crate) fn encoding(self) -> Encoding {
        let is_string = self.value_type() == ValueType::String;
        match if is_string { None } else { self.object() } {
            Some(object) => object.encoding().into(),
            None => Encoding::from_code(self.byte(KIND) >> ENCODING_SHIFT),
        }
    }

    /// The string; that the value is one was checked.
    #[inline]
    pub(crate) fn string<'a>(self) -> StringRef<'a> {
        let map = self.map();
        debug_assert_eq!(self.value_type(), ValueType::String, "its type was checked");
        match map.placement {
            Placement::Embedded => StringRef::Bytes(self.bytes(map.value, map.value_length)),
            Placement::Integer => StringRef::Integer(i64::from_le_bytes(self.field(map.slot))),
            Placement::Heap => StringRef::Shared(self.heap(map.slot)),
            Placement::Object => StringRef::Bytes(&[]),
        }
    }

    /// The collection, if the value is one.
    pub(crate) fn object<'a>(self) -> Option<ObjectRef<'a>> {
        let value_type = self.value_type();
        if value_type == ValueType::String {
            return None;
        }
        let map = self.map();
        if map.placement == Placement::Object {
            return Some(self.boxed(map.slot).to_ref());
        }
        let encoding = Encoding::from_code(self.byte(KIND) >> ENCODING_SHIFT);
        packed_ref(value_type, encoding, self.bytes(map.value, map.value_length))
    }

    /// The value.
    pub(crate) fn value<'a>(self) -> ValueRef<'a> {
        self.object().map_or_else(|| ValueRef::String(self.string()), ValueRef::Object)
    }

    /// The packed bytes of a small collection and how they are to be read, if the value is kept so.
    pub(crate) fn packed<'a>(self) -> Option<(Encoding, &'a [u8])> {
        let map = self.map();
        let encoding = Encoding::from_code(self.byte(KIND) >> ENCODING_SHIFT);
        let is_packed =
            map.placement == Placement::Embedded && self.value_type() != ValueType::String;
        is_packed.then(|| (encoding, self.bytes(map.value, map.value_length)))
    }

    /// When the key expires: unix time in ms.
    pub(crate) fn expiry(self) -> Option<i64> {
        let map = self.map();
        map.expires.then(|| i64::from_le_bytes(self.field(map.expiry)))
    }

    pub(crate) fn expires(self) -> bool {
        self.byte(FLAGS) & EXPIRES != 0
    }

    /// Whether it is a hash that has fields which expire, as far as was noted.
    #[inline]
    pub(crate) fn fields_expire(self) -> bool {
        self.byte(FLAGS) & FIELDS_EXPIRE != 0
    }

    /// Whether its collection is being written in pieces.
    #[inline]
    pub(crate) fn is_in_pieces(self) -> bool {
        self.byte(FLAGS) & IN_PIECES != 0
    }

    /// The 24 bits that eviction judges by.
    #[inline]
    pub(crate) fn access(self) -> u32 {
        // With the byte behind, which the header has as well: one load.
        let [low, middle, high, _] = *self.bytes(ACCESS, 4) else { return 0 };
        u32::from_le_bytes([low, middle, high, 0])
    }

    pub(crate) fn epoch(self) -> u8 {
        self.byte(EPOCH)
    }

    /// Bytes asked of the allocator for the entry, without a value on the heap.
    pub(crate) fn allocation(self) -> usize {
        self.map().size()
    }

    /// Starts to fetch the entry: the header with the key, and the line behind it, where a short value is or ends.
    #[inline]
    pub(crate) fn prefetch(self) {
        /// Bytes of a cache line.
        const LINE: usize = 64;
        prefetch(self.address());
        // Maybe not part of the entry, but it is never looked at through this pointer.
        prefetch(self.address().wrapping_add(LINE));
        if LINE / 2 <= self.address().addr() % LINE {
            prefetch(self.address().wrapping_add(2 * LINE));
        }
    }

    /// Where the table should prefetch before it hashes.
    pub(crate) fn address(self) -> *const u8 {
        self.start.as_ptr()
    }

    // What follows changes the entry in place. Callers hold the shard exclusively, and have gone through
    // the door in `writing`.

    pub(crate) fn put_access(self, access: u32) {
        self.put(ACCESS, &access.to_le_bytes()[..3]);
    }

    pub(crate) fn put_epoch(self, epoch: u8) {
        self.put(EPOCH, &[epoch]);
    }

    pub(crate) fn put_fields_expire(self, expire: bool) {
        let flags = self.byte(FLAGS) & !FIELDS_EXPIRE | (u8::from(expire) * FIELDS_EXPIRE);
        self.put(FLAGS, &[flags]);
    }

    pub(crate) fn put_in_pieces(self, is: bool) {
        let flags = self.byte(FLAGS) & !IN_PIECES | (u8::from(is) * IN_PIECES);
        self.put(FLAGS, &[flags]);
    }

    /// Changes the expiry if the entry has room for one.
    pub(crate) fn put_expiry(self, expiry: i64) -> bool {
        let map = self.map();
        if map.expires {
            self.put(map.expiry, &expiry.to_le_bytes());
        }
        map.expires
    }

    /// Changes the integer, if the value is one.
    pub(crate) fn put_integer(self, number: i64) -> bool {
        let map = self.map();
        if map.placement == Placement::Integer {
            self.put(map.slot, &number.to_le_bytes());
        }
        map.placement == Placement::Integer
    }

    /// Puts another short string in the place of the present one, if it is as long and there is one.
    pub(crate) fn put_bytes(self, bytes: &[u8], encoding: Encoding) -> bool {
        let map = self.map();
        let fits = map.placement == Placement::Embedded && map.value_length == bytes.len();
        if fits {
            self.put(map.value, bytes);
            self.put(KIND, &[kind(ValueType::String, encoding)]);
        }
        fits
    }

    /// Puts other packed bytes of a collection of the same type in the place of the present ones, if they are as long.
    pub(crate) fn put_packed(self, bytes: &[u8], encoding: Encoding) -> bool {
        let map = self.map();
        let value_type = self.value_type();
        let fits = map.placement == Placement::Embedded
            && value_type != ValueType::String
            && map.value_length == bytes.len();
        if fits {
            self.put(map.value, bytes);
            self.put(KIND, &[kind(value_type, encoding)]);
        }
        fits
    }

    /// The bytes of a string, to be overwritten in place: it is then one that was changed. None for an integer and for what
    /// is no string.
    pub(crate) fn string_mut<'a>(self) -> Option<&'a mut [u8]> {
        let map = self.map();
        match map.placement {
            Placement::Embedded if self.value_type() == ValueType::String => {
                self.put(KIND, &[kind(ValueType::String, Encoding::Raw)]);
                // SAFETY: the map says that these initialised bytes lie inside the allocation, and the caller has the
                // shard exclusively.
                Some(unsafe {
                    std::slice::from_raw_parts_mut(self.at(map.value), map.value_length)
                })
            }
            Placement::Heap => self.heap_mut().map(Vec::as_mut_slice),
            Placement::Embedded | Placement::Integer | Placement::Object => None,
        }
    }

    /// The collection on the heap.
    pub(crate) fn boxed_object<'a>(self) -> Option<&'a Object> {
        let map = self.map();
        (map.placement == Placement::Object).then(|| self.boxed(map.slot))
    }

    /// The collection on the heap, to be changed in place.
    pub(crate) fn object_mut<'a>(self) -> Option<&'a mut Object> {
        let map = self.map();
        if map.placement != Placement::Object {
            return None;
        }
        // SAFETY: the slot holds a box that `put_pointer` wrote, and the caller has the shard exclusively.
        Some(unsafe { &mut *self.pointer::<Box<Object>>(map.slot) })
    }

    /// The string on the heap, to be changed in place; a copy is made of it first if a reply still shares it.
    pub(crate) fn heap_mut<'a>(self) -> Option<&'a mut Vec<u8>> {
        let map = self.map();
        if map.placement != Placement::Heap {
            return None;
        }
        // SAFETY: the slot holds an Arc that `put_pointer` wrote, and the caller has the shard exclusively.
        let shared = unsafe { &mut *self.pointer::<Arc<Vec<u8>>>(map.slot) };
        Some(Arc::make_mut(shared))
    }

    // The only places that touch memory.

    #[inline]
    fn at(self, offset: usize) -> *mut u8 {
        // SAFETY: every caller's offset comes from the map of this entry, so it lies inside the allocation.
        unsafe { self.start.as_ptr().add(offset) }
    }

    #[inline]
    fn byte(self, offset: usize) -> u8 {
        debug_assert!(offset < HEADER, "the header is eight bytes");
        // SAFETY: every entry has eight initialised bytes of header.
        unsafe { *self.at(offset) }
    }

    #[inline]
    fn field(self, offset: usize) -> [u8; FIELD] {
        // SAFETY: fields of eight bytes lie inside the allocation, are initialised, and any alignment will do for bytes.
        unsafe { *self.at(offset).cast::<[u8; FIELD]>() }
    }

    #[inline]
    fn wide_length(self, offset: usize) -> usize {
        let mut length = [0; 4];
        length.copy_from_slice(self.bytes(offset, 4));
        u32::from_le_bytes(length) as usize
    }

    #[inline]
    fn bytes<'a>(self, offset: usize, length: usize) -> &'a [u8] {
        // SAFETY: the map says that `length` initialised bytes start here; the shard's lock keeps them in place for
        // as long as callers (the accessors of `View`) hand out the slice.
        unsafe { std::slice::from_raw_parts(self.at(offset), length) }
    }

    #[inline]
    fn heap<'a>(self, slot: usize) -> &'a Arc<Vec<u8>> {
        // SAFETY: the slot holds an Arc that `put_pointer` wrote; see `bytes` for how long.
        unsafe { &*self.pointer(slot) }
    }

    #[inline]
    fn boxed<'a>(self, slot: usize) -> &'a Object {
        // SAFETY: the slot holds a box that `put_pointer` wrote; see `bytes` for how long.
        unsafe { &*self.pointer::<Box<Object>>(slot) }
    }

    #[inline]
    fn put(self, offset: usize, bytes: &[u8]) {
        // SAFETY: the map says that these bytes lie inside the allocation; the caller has the shard exclusively and
        // `bytes` is borrowed, so it is not part of this entry.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at(offset), bytes.len()) };
    }

    /// The place of a value on the heap: entries are aligned to eight bytes, and all before the slot is a multiple of that.
    #[inline]
    fn pointer<P>(self, slot: usize) -> *mut P {
        const { assert!(size_of::<P>() == FIELD && align_of::<P>() <= FIELD, "it is a pointer") };
        debug_assert!(slot.is_multiple_of(FIELD), "the slot is aligned");
        self.at(slot).cast()
    }

    fn put_pointer<P>(self, slot: usize, value: P) {
        // SAFETY: the slot is eight aligned bytes inside the allocation.
        unsafe { self.pointer::<P>(slot).write(value) };
    }

    /// `P` is what the placement says.
    fn take_pointer<P>(self, slot: usize) -> P {
        // SAFETY: the slot holds what `put_pointer` wrote; the only caller, `take_value`, overwrites it.
        unsafe { self.pointer::<P>(slot).read() }
    }

    #[inline]
    fn map(self) -> Map {
        let flags = self.byte(FLAGS);
        let placement = match (flags & PLACEMENT_MASK) >> PLACEMENT_SHIFT {
            0 => Placement::Embedded,
            1 => Placement::Integer,
            2 => Placement::Heap,
            _ => Placement::Object,
        };
        let is_wide = flags & WIDE != 0;
        let lengths = if is_wide {
            (self.wide_length(HEADER), self.wide_length(HEADER + 4))
        } else {
            (usize::from(self.byte(KEY_LENGTH)), usize::from(self.byte(VALUE_LENGTH)))
        };
        Map::of(lengths, is_wide, flags & EXPIRES != 0, placement)
    }
}

/// Whether two keys of the same length are the same. Short ones are compared in two pieces, which may overlap: that takes less
/// than to call what compares memory of any length.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    match one.len() {
        1 => one.first() == other.first(),
        2..=3 => ends::<2>(one) == ends::<2>(other),
        4..=7 => ends::<4>(one) == ends::<4>(other),
        8..=16 => ends::<8>(one) == ends::<8>(other),
        17..=32 => ends::<16>(one) == ends::<16>(other),
        _ => one == other,
    }
}

/// The first and the last bytes.
#[inline]
fn ends<const COUNT: usize>(bytes: &[u8]) -> (Option<&[u8; COUNT]>, Option<&[u8; COUNT]>) {
    (bytes.first_chunk(), bytes.last_chunk())
}

/// The first byte of an entry.
fn kind(value_type: ValueType, encoding: Encoding) -> u8 {
    value_type as u8 | (encoding as u8) << ENCODING_SHIFT
}

/// An entry that is being looked at, for as long as its shard is locked.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    entry: Entry,
    held: PhantomData<&'a Entry>,
}

impl<'a> EntryRef<'a> {
    /// The caller sees to it that the entry lives and stays unchanged for `'a`.
    pub(crate) fn new(entry: Entry) -> EntryRef<'a> {
        EntryRef { entry, held: PhantomData }
    }

    /// The name.
    pub fn key(&self) -> &'a [u8] {
        self.entry.key()
    }

    /// The type of the value.
    pub fn value_type(&self) -> ValueType {
        self.entry.value_type()
    }

    /// The encoding as OBJECT ENCODING names it.
    #[inline]
    pub fn encoding(&self) -> Encoding {
        self.entry.encoding()
    }

    /// The string. Who calls this has seen that the value is one.
    #[inline]
    pub fn string(&self) -> StringRef<'a> {
        self.entry.string()
    }

    /// The value, of whatever type.
    pub fn value(&self) -> ValueRef<'a> {
        self.entry.value()
    }

    /// The collection, if the value is one.
    pub fn object(&self) -> Option<ObjectRef<'a>> {
        self.entry.object()
    }

    /// Whether the value is a collection that has no allocation of its own.
    pub fn is_packed(&self) -> bool {
        self.entry.packed().is_some()
    }

    /// Unix time in ms at which the key expires.
    pub fn expiry(&self) -> Option<i64> {
        self.entry.expiry()
    }

    /// The 24 bits that eviction judges by; `access` says what they mean.
    pub fn access(&self) -> u32 {
        self.entry.access()
    }

    /// The snapshot that last saw this entry.
    pub fn epoch(&self) -> u8 {
        self.entry.epoch()
    }

    /// Bytes asked of the allocator for the entry, without a value on the heap.
    pub fn allocation(&self) -> usize {
        self.entry.allocation()
    }
}
