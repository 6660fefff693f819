//! Writing the pieces that RDB is made of, into memory.
//!
//! A string takes one of these forms, marked by the two highest bits of its first byte:
//!
//! | mark      | form                                                       |
//! |-----------|------------------------------------------------------------|
//! | 0, 1, 2   | a length and the bytes                                     |
//! | 3, then 0 | the decimal form of an integer of one byte, which follows  |
//! | 3, then 1 | the same of two bytes, little-endian                       |
//! | 3, then 2 | the same of four bytes, little-endian                      |
//! | 3, then 3 | compressed: both lengths, then the bytes as LZF packs them |

/// Bytes that are written at the end.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    compress: bool,
}

impl Writer {
    /// Writes behind `bytes`; `compress` says whether long strings are.
    pub fn new(bytes: Vec<u8>, compress: bool) -> Writer {
        Writer { bytes, compress }
    }

    /// What was written.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Forgets what was written, but not its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Writes bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Writes a byte.
    pub fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Writes a number of bytes or elements.
    pub fn length(&mut self, length: u64) {
        /// Below this, one byte does.
        const ONE: u64 = 1 << 6;
        /// Below this, two do.
        const TWO: u64 = 1 << 14;
        if length < ONE {
            self.raw(&length.to_le_bytes()[..1]);
        } else if length < TWO {
            let marked = u16::try_from(length).unwrap_or(u16::MAX) | 1 << 14;
            self.raw(&marked.to_be_bytes());
        } else if let Ok(length) = u32::try_from(length) {
            self.byte(0x80);
            self.raw(&length.to_be_bytes());
        } else {
            self.byte(0x81);
            self.raw(&length.to_be_bytes());
        }
    }

    /// Writes a string.
    pub fn string(&mut self, string: &[u8]) {
        /// The longest decimal form of an integer of four bytes.
        const INTEGER: usize = 11;
        /// What is shorter is not worth compressing.
        const SHORT: usize = 20;
        if string.len() <= INTEGER
            && let Some(number) = canonical_integer(string)
        {
            self.small_integer(number);
            return;
        }
        if self.compress
            && SHORT < string.len()
            // Not worth it unless it saves some bytes.
            && let Some(packed) = collections::lzf::compress(string, string.len().saturating_sub(4))
        {
            self.byte(0xc3);
            self.length(packed.len() as u64);
            self.length(string.len() as u64);
            self.raw(&packed);
            return;
        }
        self.length(string.len() as u64);
        self.raw(string);
    }

    /// Writes the decimal form of an integer as a string.
    pub fn integer(&mut self, number: i64) {
        if let Ok(number) = i32::try_from(number) {
            self.small_integer(number);
        } else {
            let mut decimal = itoa::Buffer::new();
            let text = decimal.format(number).as_bytes();
            self.length(text.len() as u64);
            self.raw(text);
        }
    }

    fn small_integer(&mut self, number: i32) {
        if let Ok(number) = i8::try_from(number) {
            self.byte(0xc0);
            self.raw(&number.to_le_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.byte(0xc1);
            self.raw(&number.to_le_bytes());
        } else {
            self.byte(0xc2);
            self.raw(&number.to_le_bytes());
        }
    }

    /// Writes a double of eight bytes.
    pub fn double(&mut self, number: f64) {
        self.raw(&number.to_le_bytes());
    }

    /// Writes a time: unix time in ms.
    pub fn milliseconds(&mut self, time: i64) {
        self.raw(&time.to_le_bytes());
    }
}

/// The number whose decimal form a string is, if it would be written the same way and four bytes hold it.
fn canonical_integer(string: &[u8]) -> Option<i32> {
    let number: i32 = str::from_utf8(string).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(number).as_bytes() == string).then_some(number)
}
