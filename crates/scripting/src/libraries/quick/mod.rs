//! The usual cases of `cjson` and `cmsgpack`, on the interpreter's own stack.
//!
//! One value that is well formed, not nested deep, and converted by the settings that every script begins with. Whatever is
//! not usual is left to the functions proper, which begin anew and know the words of all errors: a function here says whether it
//! has pushed a result. Values that go through the safe interface of `mlua` cost more than ten times as much.
//!
//! Making values may raise errors, so nothing is held here that would have to be dropped: what is gathered lies in a buffer that
//! outlives the call.

#[cfg(test)]
mod tests;

use super::cjson::append_quoted;
use super::cmsgpack::{append_length, append_number, append_text};
use super::number::write_general;
use crate::stack::{Place, Seen, Stack};

/// How deep values may be nested here.
const DEPTH_LIMIT: usize = 100;
/// Values that are on the stack for one level.
const SLOTS: i32 = 8;

/// What is not usual.
struct Unusual;

type Outcome = Result<(), Unusual>;

/// `cjson.encode`.
pub(crate) fn encode_json(stack: &mut Stack<'_>, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    if write_json(stack, 1, buffer, 0).is_err() {
        return false;
    }
    stack.push_string(buffer);
    true
}

/// `cjson.decode`. It borrows the text as it lies in the buffer.
pub(crate) fn decode_json(stack: &mut Stack<'_>, buffer: &mut Vec<u8>) -> bool {
    let Seen::String(text) = stack.see(1) else { return false };
    buffer.clear();
    buffer.extend_from_slice(text);
    let mut reader = JsonReader { text: buffer, at: 0 };
    reader.push(stack, 0).is_ok() && reader.is_at_end()
}

/// `cmsgpack.pack`.
pub(crate) fn pack(stack: &mut Stack<'_>, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    if append_packed(stack, 1, buffer, 0).is_err() {
        return false;
    }
    stack.push_string(buffer);
    true
}

/// `cmsgpack.unpack`.
pub(crate) fn unpack(stack: &mut Stack<'_>, buffer: &mut Vec<u8>) -> bool {
    let Seen::String(text) = stack.see(1) else { return false };
    buffer.clear();
    buffer.extend_from_slice(text);
    let mut reader = PackReader { rest: buffer };
    reader.push(stack, 0).is_ok() && reader.rest.is_empty()
}

/// Whether a number is whole, and one that is told from its neighbours.
fn is_plain(number: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.trunc().to_bits() == number.to_bits()
        && number.abs() < EXACT
        && !is_negative_zero(number)
}

fn is_negative_zero(number: f64) -> bool {
    number.to_bits() == (-0.0_f64).to_bits()
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
fn whole(number: f64) -> Option<i64> {
    is_plain(number).then_some(number as i64)
}

fn write_json(stack: &mut Stack<'_>, place: Place, text: &mut Vec<u8>, depth: usize) -> Outcome {
    match stack.see(place) {
        Seen::String(string) => append_quoted(string, text),
        Seen::Number(number) => write_json_number(number, text)?,
        Seen::Boolean(value) => text.extend_from_slice(if value { b"true" } else { b"false" }),
        Seen::Nil | Seen::Null => text.extend_from_slice(b"null"),
        Seen::Table => write_json_table(stack, place, text, depth.saturating_add(1))?,
        Seen::Other => return Err(Unusual),
    }
    Ok(())
}

fn write_json_number(number: f64, text: &mut Vec<u8>) -> Outcome {
    /// Integers below this have at most 14 digits.
    const SHORT: u64 = 100_000_000_000_000;
    match whole(number) {
        Some(integer) if integer.unsigned_abs() < SHORT => {
            text.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
        }
        _ if number.is_finite() && !is_negative_zero(number) => write_general(number, 14, text),
        _ => return Err(Unusual),
    }
    Ok(())
}

/// Leaves the stack as it was.
fn write_json_table(
    stack: &mut Stack<'_>,
    table: Place,
    text: &mut Vec<u8>,
    depth: usize,
) -> Outcome {
    if DEPTH_LIMIT < depth || !stack.has_room(SLOTS) {
        return Err(Unusual);
    }
    match array_length(stack, table)? {
        Some(length) if 0 < length => write_json_array(stack, table, length, text, depth),
        _ => write_json_object(stack, table, text, depth),
    }
}

fn write_json_array(
    stack: &mut Stack<'_>,
    table: Place,
    length: i32,
    text: &mut Vec<u8>,
    depth: usize,
) -> Outcome {
    let len = stack.len();
    text.push(b'[');
    for number in 1..=length {
        if number != 1 {
            text.push(b',');
        }
        stack.push_element(table, number);
        write_json(stack, stack.len(), text, depth)?;
        stack.truncate(len);
    }
    text.push(b']');
    Ok(())
}

fn write_json_object(
    stack: &mut Stack<'_>,
    table: Place,
    text: &mut Vec<u8>,
    depth: usize,
) -> Outcome {
    text.push(b'{');
    let begin = text.len();
    stack.push_nil();
    let key = stack.len();
    while stack.advance(table) {
        if text.len() != begin {
            text.push(b',');
        }
        write_json_name(stack, key, text)?;
        text.push(b':');
        write_json(stack, key.saturating_add(1), text, depth)?;
        stack.truncate(key);
    }
    text.push(b'}');
    Ok(())
}

fn write_json_name(stack: &Stack<'_>, key: Place, text: &mut Vec<u8>) -> Outcome {
    match stack.see(key) {
        Seen::String(name) => append_quoted(name, text),
        Seen::Number(number) => {
            text.push(b'"');
            write_json_number(number, text)?;
            text.push(b'"');
        }
        _ => return Err(Unusual),
    }
    Ok(())
}

/// The highest of the keys, if all of them are places in an array.
fn array_length(stack: &mut Stack<'_>, table: Place) -> Result<Option<i32>, Unusual> {
    /// So many may be missing before it matters how many there are.
    const SAFE: i32 = 10;
    let len = stack.len();
    let (mut highest, mut count) = (0_i32, 0_i32);
    stack.push_nil();
    let key = stack.len();
    while stack.advance(table) {
        let place = match stack.see(key) {
            Seen::Number(number) => whole(number).filter(|place| 1 <= *place),
            _ => None,
        };
        let Some(place) = place else {
            let is_number = matches!(stack.see(key), Seen::Number(_));
            stack.truncate(len);
            // Which numbers are places is not for here to say.
            return if is_number { Err(Unusual) } else { Ok(None) };
        };
        highest = highest.max(i32::try_from(place).map_err(|_| Unusual)?);
        count = count.saturating_add(1);
        stack.truncate(key);
    }
    if count.saturating_mul(2) < highest && SAFE < highest {
        return Err(Unusual);
    }
    Ok(Some(highest))
}

struct JsonReader<'t> {
    text: &'t [u8],
    at: usize,
}

impl JsonReader<'_> {
    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.skip(1);
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.text.len()
    }

    /// Takes this byte, which comes next but for space.
    fn take(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let is_there = self.byte() == wanted;
        if is_there {
            self.skip(1);
        }
        is_there
    }

    fn word(&mut self, word: &[u8]) -> Outcome {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Unusual);
        }
        self.skip(word.len());
        Ok(())
    }

    fn push(&mut self, stack: &mut Stack<'_>, depth: usize) -> Outcome {
        self.skip_space();
        match self.byte() {
            b'"' => self.push_string(stack)?,
            b'-' | b'0'..=b'9' => stack.push_number(self.number()?),
            b't' => {
                self.word(b"true")?;
                stack.push_boolean(true);
            }
            b'f' => {
                self.word(b"false")?;
                stack.push_boolean(false);
            }
            b'n' => {
                self.word(b"null")?;
                stack.push_null();
            }
            kind @ (b'[' | b'{') => {
                if DEPTH_LIMIT <= depth || !stack.has_room(SLOTS) {
                    return Err(Unusual);
                }
                self.skip(1);
                stack.push_table(0, 0);
                if kind == b'[' {
                    self.fill_array(stack, depth.saturating_add(1))?;
                } else {
                    self.fill_object(stack, depth.saturating_add(1))?;
                }
            }
            _ => return Err(Unusual),
        }
        Ok(())
    }

    fn fill_array(&mut self, stack: &mut Stack<'_>, depth: usize) -> Outcome {
        let table = stack.len();
        if self.take(b']') {
            return Ok(());
        }
        for number in 1_i32.. {
            self.push(stack, depth)?;
            stack.set_element(table, number);
            if self.take(b']') {
                break;
            }
            if !self.take(b',') {
                return Err(Unusual);
            }
        }
        Ok(())
    }

    fn fill_object(&mut self, stack: &mut Stack<'_>, depth: usize) -> Outcome {
        let table = stack.len();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.skip_space();
            if self.byte() != b'"' {
                return Err(Unusual);
            }
            self.push_string(stack)?;
            if !self.take(b':') {
                return Err(Unusual);
            }
            self.push(stack, depth)?;
            stack.set_field(table);
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(Unusual);
            }
        }
    }

    fn push_string(&mut self, stack: &mut Stack<'_>) -> Outcome {
        let rest = self.text.get(self.at.saturating_add(1)..).unwrap_or_default();
        let end = memchr::memchr3(b'"', b'\\', 0, rest).ok_or(Unusual)?;
        if rest.get(end) == Some(&b'"') {
            stack.push_string(rest.get(..end).unwrap_or_default());
            self.skip(end.saturating_add(2));
            return Ok(());
        }
        self.push_escaped(stack)
    }

    /// Pushes a string with escapes, if it is not long.
    fn push_escaped(&mut self, stack: &mut Stack<'_>) -> Outcome {
        const LONGEST: usize = 1024;
        let mut unescaped = [0_u8; LONGEST];
        let mut length = 0_usize;
        self.skip(1);
        loop {
            let (byte, taken) = match self.byte() {
                b'"' => break,
                0 => return Err(Unusual),
                b'\\' => (self.escape()?, 2),
                byte => (byte, 1),
            };
            *unescaped.get_mut(length).ok_or(Unusual)? = byte;
            length = length.saturating_add(1);
            self.skip(taken);
        }
        self.skip(1);
        stack.push_string(unescaped.get(..length).unwrap_or_default());
        Ok(())
    }

    fn escape(&self) -> Result<u8, Unusual> {
        match self.text.get(self.at.saturating_add(1)) {
            Some(letter @ (b'"' | b'\\' | b'/')) => Ok(*letter),
            Some(b'b') => Ok(8),
            Some(b't') => Ok(b'\t'),
            Some(b'n') => Ok(b'\n'),
            Some(b'f') => Ok(12),
            Some(b'r') => Ok(b'\r'),
            _ => Err(Unusual),
        }
    }

    /// A number as JSON has it, with nothing behind it that C would take for a part of it.
    #[expect(clippy::cast_precision_loss, reason = "it has so few digits that nothing is lost")]
    fn number(&mut self) -> Result<f64, Unusual> {
        /// Doubles hold every integer of so many digits.
        const EXACT: usize = 15;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_part =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        let unsigned = text.strip_prefix(b"-").unwrap_or(text);
        let digits = unsigned.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || 1 < digits && unsigned.starts_with(b"0") {
            return Err(Unusual);
        }
        self.skip(length);
        if digits == unsigned.len() && digits <= EXACT {
            let number = resp::number::parse_unsigned(unsigned).ok_or(Unusual)? as f64;
            return Ok(if digits < text.len() { -number } else { number });
        }
        let is_usual = unsigned
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
        let ends_well = text.last().is_some_and(u8::is_ascii_digit);
        if !is_usual || !ends_well {
            return Err(Unusual);
        }
        str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Unusual)
    }
}

fn append_packed(
    stack: &mut Stack<'_>,
    place: Place,
    packed: &mut Vec<u8>,
    depth: usize,
) -> Outcome {
    /// Tables that are nested deeper become nil.
    const DEEPEST: usize = 16;
    match stack.see(place) {
        Seen::String(string) => append_text(string, packed),
        Seen::Number(number) if is_plain(number) || number.fract() != 0.0 => {
            append_number(number, packed);
        }
        Seen::Boolean(value) => packed.push(if value { 0xc3 } else { 0xc2 }),
        Seen::Nil | Seen::Null => packed.push(0xc0),
        Seen::Table if depth < DEEPEST => append_packed_table(stack, place, packed, depth)?,
        Seen::Number(_) | Seen::Table | Seen::Other => return Err(Unusual),
    }
    Ok(())
}

/// Leaves the stack as it was.
fn append_packed_table(
    stack: &mut Stack<'_>,
    table: Place,
    packed: &mut Vec<u8>,
    depth: usize,
) -> Outcome {
    if !stack.has_room(SLOTS) {
        return Err(Unusual);
    }
    let deeper = depth.saturating_add(1);
    let len = stack.len();
    let (mut count, mut highest) = (0_u64, Some(0_i64));
    stack.push_nil();
    let key = stack.len();
    while stack.advance(table) {
        let place = match stack.see(key) {
            Seen::Number(number) if is_plain(number) => whole(number).filter(|place| 1 <= *place),
            // Which others are places is not for here to say.
            Seen::Number(_) => return Err(Unusual),
            _ => None,
        };
        highest = highest.zip(place).map(|(highest, place)| highest.max(place));
        count = count.saturating_add(1);
        stack.truncate(key);
    }
    stack.truncate(len);
    if highest.and_then(|highest| u64::try_from(highest).ok()) == Some(count) {
        append_length(count, 0x90, 0xdc, packed);
        for number in (1_i32..).take(usize::try_from(count).unwrap_or(0)) {
            stack.push_element(table, number);
            append_packed(stack, stack.len(), packed, deeper)?;
            stack.truncate(len);
        }
        return Ok(());
    }
    append_length(count, 0x80, 0xde, packed);
    stack.push_nil();
    while stack.advance(table) {
        append_packed(stack, key, packed, deeper)?;
        append_packed(stack, key.saturating_add(1), packed, deeper)?;
        stack.truncate(key);
    }
    Ok(())
}

struct PackReader<'t> {
    rest: &'t [u8],
}

impl<'t> PackReader<'t> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Unusual> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Unusual)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn text(&mut self, length: usize) -> Result<&'t [u8], Unusual> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Unusual)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are doubles in Lua 5.1")]
    fn push(&mut self, stack: &mut Stack<'_>, depth: usize) -> Outcome {
        let [tag] = self.bytes()?;
        match tag {
            0..=0x7f => stack.push_number(tag.into()),
            0x80..=0x8f => self.push_map(stack, usize::from(tag & 0xf), depth)?,
            0x90..=0x9f => self.push_array(stack, usize::from(tag & 0xf), depth)?,
            0xa0..=0xbf => stack.push_string(self.text(usize::from(tag & 0x1f))?),
            0xc0 => stack.push_nil(),
            0xc2 | 0xc3 => stack.push_boolean(tag == 0xc3),
            0xca => stack.push_number(f32::from_be_bytes(self.bytes()?).into()),
            0xcb => stack.push_number(f64::from_be_bytes(self.bytes()?)),
            0xcc => stack.push_number(u8::from_be_bytes(self.bytes()?).into()),
            0xcd => stack.push_number(u16::from_be_bytes(self.bytes()?).into()),
            0xce => stack.push_number(u32::from_be_bytes(self.bytes()?).into()),
            // Beyond what is signed they wrap around.
            0xcf | 0xd3 => stack.push_number(i64::from_be_bytes(self.bytes()?) as f64),
            0xd0 => stack.push_number(i8::from_be_bytes(self.bytes()?).into()),
            0xd1 => stack.push_number(i16::from_be_bytes(self.bytes()?).into()),
            0xd2 => stack.push_number(i32::from_be_bytes(self.bytes()?).into()),
            0xd9 => {
                let [length] = self.bytes()?;
                stack.push_string(self.text(length.into())?);
            }
            0xda => {
                let length = u16::from_be_bytes(self.bytes()?);
                stack.push_string(self.text(length.into())?);
            }
            0xdc => {
                let length = u16::from_be_bytes(self.bytes()?);
                self.push_array(stack, length.into(), depth)?;
            }
            0xde => {
                let length = u16::from_be_bytes(self.bytes()?);
                self.push_map(stack, length.into(), depth)?;
            }
            0xe0.. => stack.push_number(i8::from_be_bytes([tag]).into()),
            // What cannot be, and what is so long that it takes no time to speak of to begin anew.
            0xc1 | 0xc4..=0xc9 | 0xd4..=0xd8 | 0xdb | 0xdd | 0xdf => return Err(Unusual),
        }
        Ok(())
    }

    fn push_array(&mut self, stack: &mut Stack<'_>, length: usize, depth: usize) -> Outcome {
        if DEPTH_LIMIT <= depth || !stack.has_room(SLOTS) {
            return Err(Unusual);
        }
        stack.push_table(length.min(self.rest.len()), 0);
        let table = stack.len();
        for number in (1_i32..).take(length) {
            self.push(stack, depth.saturating_add(1))?;
            stack.set_element(table, number);
        }
        Ok(())
    }

    fn push_map(&mut self, stack: &mut Stack<'_>, length: usize, depth: usize) -> Outcome {
        if DEPTH_LIMIT <= depth || !stack.has_room(SLOTS) {
            return Err(Unusual);
        }
        stack.push_table(0, length.min(self.rest.len()));
        let table = stack.len();
        for _ in 0..length {
            self.push(stack, depth.saturating_add(1))?;
            match stack.see(stack.len()) {
                Seen::Nil => return Err(Unusual),
                Seen::Number(number) if number.is_nan() => return Err(Unusual),
                _ => {}
            }
            self.push(stack, depth.saturating_add(1))?;
            stack.set_field(table);
        }
        Ok(())
    }
}
