//! A field of a big hash with its value: one allocation behind one pointer.
//!
//! ```text
//!  narrow   | flags 1 | field length 1 | value length 1 | [expiry 8] | field | value |
//!  wide     | flags 1 | field length 4 | value length 4 | [expiry 8] | field | value |
//! ```
//!
//! Lengths are narrow if both are below 256. The expiry (unix time in ms) is there only in a field that has one. So a
//! field and a value of 16 bytes each take 35 bytes, an allocation of 40.
//!
//! Invariant: the pointer is to an allocation of [`Shape::size`] bytes, all initialised, of the shape that its first
//! bytes tell; it is owned, and freed when the [`Field`] is dropped.
#![expect(unsafe_code, reason = "the packed layout of a field is the point of this file")]
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "offsets follow from lengths that fit into memory, since the field was made of slices"
)]

use std::alloc::{self, Layout};
use std::fmt;
use std::ptr::NonNull;

const EXPIRES: u8 = 1 << 0;
const WIDE: u8 = 1 << 1;

/// Bytes of an expiry.
const EXPIRY: usize = 8;

/// A field with its value, owned.
pub(super) struct Field {
    start: NonNull<u8>,
}

// SAFETY: a field owns its bytes and shares nothing.
unsafe impl Send for Field {}
// SAFETY: through a shared reference a field is only read.
unsafe impl Sync for Field {}

/// What is where in an allocation.
#[derive(Clone, Copy)]
struct Shape {
    flags: u8,
    field_length: usize,
    value_length: usize,
}

impl Shape {
    fn new(field_length: usize, value_length: usize, expires: bool) -> Shape {
        let wide = usize::from(u8::MAX) < field_length.max(value_length);
        let flags = (u8::from(expires) * EXPIRES) | (u8::from(wide) * WIDE);
        Shape { flags, field_length, value_length }
    }

    /// How many bytes a length takes.
    #[inline]
    fn length_bytes(self) -> usize {
        if self.flags & WIDE == 0 { 1 } else { 4 }
    }

    /// Where the expiry is, if there is one.
    #[inline]
    fn expiry(self) -> usize {
        1 + 2 * self.length_bytes()
    }

    #[inline]
    fn field(self) -> usize {
        self.expiry() + usize::from(self.flags & EXPIRES) * EXPIRY
    }

    #[inline]
    fn value(self) -> usize {
        self.field() + self.field_length
    }

    #[inline]
    fn size(self) -> usize {
        self.value() + self.value_length
    }

    fn layout(self) -> Layout {
        match Layout::array::<u8>(self.size()) {
            Ok(layout) => layout,
            Err(_) => unreachable!("what two slices hold fits into memory"),
        }
    }

    /// Writes the lengths to the head of `bytes`, which is initialised.
    fn write_head(self, bytes: &mut [u8]) {
        bytes[0] = self.flags;
        let width = self.length_bytes();
        // Lengths are below 4 GiB, and narrow ones below 256: the low bytes are all.
        bytes[1..=width].copy_from_slice(&self.field_length.to_le_bytes()[..width]);
        bytes[1 + width..=2 * width].copy_from_slice(&self.value_length.to_le_bytes()[..width]);
    }
}

impl Field {
    /// Both must be shorter than 4 GiB, as every argument of a call is.
    pub(super) fn new(field: &[u8], value: &[u8], expiry: Option<i64>) -> Field {
        assert!(u32::try_from(field.len().max(value.len())).is_ok(), "arguments are below 4 GiB");
        let shape = Shape::new(field.len(), value.len(), expiry.is_some());
        let layout = shape.layout();
        // SAFETY: the layout has a byte at least, that of the flags.
        let Some(start) = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }) else {
            alloc::handle_alloc_error(layout)
        };
        let mut made = Field { start };
        let bytes = made.bytes_mut(shape);
        shape.write_head(bytes);
        if let Some(expiry) = expiry {
            bytes[shape.expiry()..][..EXPIRY].copy_from_slice(&expiry.to_le_bytes());
        }
        bytes[shape.field()..][..field.len()].copy_from_slice(field);
        bytes[shape.value()..].copy_from_slice(value);
        made
    }

    /// Its name.
    #[inline]
    pub(super) fn name(&self) -> &[u8] {
        let shape = self.shape();
        &self.bytes(shape)[shape.field()..shape.value()]
    }

    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        let shape = self.shape();
        &self.bytes(shape)[shape.value()..]
    }

    /// Unix time in ms.
    #[inline]
    pub(super) fn expiry(&self) -> Option<i64> {
        let shape = self.shape();
        if shape.flags & EXPIRES == 0 {
            return None;
        }
        let mut expiry = [0; EXPIRY];
        expiry.copy_from_slice(&self.bytes(shape)[shape.expiry()..][..EXPIRY]);
        Some(i64::from_le_bytes(expiry))
    }

    /// Gives it another value; when it expires stays as it is.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let shape = self.shape();
        if value.len() == shape.value_length {
            self.bytes_mut(shape)[shape.value()..].copy_from_slice(value);
        } else {
            *self = Field::new(self.name(), value, self.expiry());
        }
    }

    pub(super) fn set_expiry(&mut self, expiry: Option<i64>) {
        let shape = self.shape();
        match expiry {
            Some(expiry) if shape.flags & EXPIRES != 0 => {
                self.bytes_mut(shape)[shape.expiry()..][..EXPIRY]
                    .copy_from_slice(&expiry.to_le_bytes());
            }
            None if shape.flags & EXPIRES == 0 => {}
            _ => *self = Field::new(self.name(), self.value(), expiry),
        }
    }

    /// Bytes asked of the allocator.
    pub(super) fn allocation(&self) -> usize {
        self.shape().size()
    }

    /// What a lookup will read first.
    #[inline]
    pub(super) fn address(&self) -> *const u8 {
        self.start.as_ptr()
    }

    #[inline]
    fn shape(&self) -> Shape {
        // SAFETY: narrow heads have three bytes, and wide ones more.
        let head = unsafe { self.start.cast::<[u8; 3]>().as_ref() };
        let [flags, field_length, value_length] = *head;
        if flags & WIDE == 0 {
            let (field_length, value_length) = (field_length.into(), value_length.into());
            return Shape { flags, field_length, value_length };
        }
        // SAFETY: wide heads have nine bytes.
        let head = unsafe { self.start.cast::<[u8; 9]>().as_ref() };
        let [_, f0, f1, f2, f3, v0, v1, v2, v3] = *head;
        let field_length = u32::from_le_bytes([f0, f1, f2, f3]) as usize;
        let value_length = u32::from_le_bytes([v0, v1, v2, v3]) as usize;
        Shape { flags, field_length, value_length }
    }

    #[inline]
    fn bytes(&self, shape: Shape) -> &[u8] {
        // SAFETY: the shape is the allocation's own, which is initialised and borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), shape.size()) }
    }

    #[inline]
    fn bytes_mut(&mut self, shape: Shape) -> &mut [u8] {
        // SAFETY: as above, and the field is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), shape.size()) }
    }
}

impl Clone for Field {
    fn clone(&self) -> Field {
        Field::new(self.name(), self.value(), self.expiry())
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = (self.name().escape_ascii(), self.value().escape_ascii());
        write!(formatter, "{name}: {value}")?;
        self.expiry().map_or(Ok(()), |expiry| write!(formatter, " until {expiry}"))
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        let layout = self.shape().layout();
        // SAFETY: the field was allocated with this layout: a change of shape makes a new field.
        unsafe { alloc::dealloc(self.start.as_ptr(), layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[track_caller]
    fn check(field: &Field, name: &[u8], value: &[u8], expiry: Option<i64>) {
        assert_eq!(field.name(), name);
        assert_eq!(field.value(), value);
        assert_eq!(field.expiry(), expiry);
    }

    #[test]
    fn keeps_what_it_is_made_of() {
        let lengths = [0, 1, 16, 255, 256, 70_000];
        for name in lengths.map(|length| vec![b'n'; length]) {
            for value in lengths.map(|length| vec![b'v'; length]) {
                for expiry in [None, Some(0), Some(i64::MAX), Some(i64::MIN)] {
                    let field = Field::new(&name, &value, expiry);
                    check(&field, &name, &value, expiry);
                    check(&field.clone(), &name, &value, expiry);
                }
            }
        }
    }

    #[test]
    fn changes_keep_the_rest() {
        let mut field = Field::new(b"name", b"value", None);
        field.set_value(b"other");
        check(&field, b"name", b"other", None);
        field.set_expiry(Some(5));
        check(&field, b"name", b"other", Some(5));
        field.set_expiry(Some(-7));
        field.set_value(&[b'x'; 300]);
        check(&field, b"name", &[b'x'; 300], Some(-7));
        field.set_expiry(None);
        field.set_expiry(None);
        field.set_value(b"");
        check(&field, b"name", b"", None);
    }

    #[test]
    fn sixteen_and_sixteen_bytes_fit_into_forty() {
        assert!(Field::new(&[0; 16], &[0; 16], None).allocation() <= 40);
    }
}
