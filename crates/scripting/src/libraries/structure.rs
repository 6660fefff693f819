//! `struct`: numbers and strings as the bytes of a C structure, and back.
//!
//! A format is a row of options. Those with a size take or give one value each; before it, zeros align it to the smaller of its
//! size and the limit that `!` sets. The others set the order of bytes (`<`, `>`) or that limit; a space does nothing.
//!
//! ```text
//! b B  1 byte      h H  2 bytes     l L T  8 bytes     i I  4 bytes, or as many as the digits behind say
//! f    4 bytes     d    8 bytes     x  one zero        s  up to a zero    c  as many characters as the digits behind say
//! ```
//!
//! Lower case means signed. `c0` is the whole string when it is packed, and as long as the number before it says when it is unpacked.

use mlua::{Lua, Table, Value as LuaValue};

use super::argument::{Arguments, as_number};
use super::complaint::Complaint;
use super::number::to_unsigned;
use super::{Outcome, Results, STACK_SLOTS, function};

/// The widest integer, in bytes.
const WIDEST: usize = 32;
/// What `!` alone aligns to.
const NATURAL_ALIGNMENT: usize = 8;

pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let functions = lua.create_table()?;
    functions.raw_set("pack", function(lua, "pack", pack)?)?;
    functions.raw_set("unpack", function(lua, "unpack", unpack)?)?;
    functions.raw_set("size", function(lua, "size", size)?)?;
    Ok(functions)
}

/// A format that is being read.
struct Format<'a> {
    rest: &'a [u8],
    is_big_endian: bool,
    /// In bytes; a power of two.
    alignment: usize,
}

/// One option of a format, with its size in bytes if it has one.
struct Element {
    letter: u8,
    size: usize,
}

impl Element {
    /// How many zeros come before it at a place.
    fn padding(&self, at: usize, limit: usize) -> usize {
        if self.size == 0 || self.letter == b'c' {
            return 0;
        }
        let size = self.size.min(limit);
        let mask = size.wrapping_sub(1);
        size.wrapping_sub(at & mask) & mask
    }

    fn is_integer(&self) -> bool {
        matches!(self.letter, b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I')
    }
}

impl<'a> Format<'a> {
    /// A format ends with its first zero.
    fn new(text: &'a [u8]) -> Format<'a> {
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        let rest = text.get(..end).unwrap_or_default();
        Format { rest, is_big_endian: false, alignment: 1 }
    }

    fn next(&mut self) -> Result<Option<Element>, Complaint> {
        let Some((letter, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let size = match letter {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.digits(1)?,
            b'i' | b'I' => self.integer_size()?,
            _ => 0,
        };
        Ok(Some(Element { letter: *letter, size }))
    }

    fn integer_size(&mut self) -> Result<usize, Complaint> {
        let size = self.digits(4)?;
        if WIDEST < size {
            let text = format!("integral size {size} is larger than limit of {WIDEST}");
            return Err(Complaint::located(text));
        }
        Ok(size)
    }

    /// The number that comes next, or the default.
    fn digits(&mut self, default: usize) -> Result<usize, Complaint> {
        let mut number: Option<i32> = None;
        while let Some((digit @ b'0'..=b'9', rest)) = self.rest.split_first() {
            let value = i32::from(digit.saturating_sub(b'0'));
            number = Some(
                number
                    .unwrap_or(0)
                    .checked_mul(10)
                    .and_then(|tens| tens.checked_add(value))
                    .ok_or_else(|| Complaint::located("integral size overflow"))?,
            );
            self.rest = rest;
        }
        Ok(number.map_or(default, |number| usize::try_from(number).unwrap_or(default)))
    }

    /// Follows an option that stands for no value.
    fn control(&mut self, letter: u8) -> Result<(), Complaint> {
        match letter {
            b' ' => {}
            b'>' => self.is_big_endian = true,
            b'<' => self.is_big_endian = false,
            b'!' => {
                let alignment = self.digits(NATURAL_ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    let text = format!("alignment {alignment} is not a power of 2");
                    return Err(Complaint::located(text));
                }
                self.alignment = alignment;
            }
            unknown => {
                let text = [b"invalid format option '", &[unknown][..], b"'"].concat();
                return Err(Complaint::argument(1, text));
            }
        }
        Ok(())
    }

    /// Bytes in the order of the format, from or to the lowest first.
    fn ordered(&self, bytes: &mut [u8]) {
        if self.is_big_endian {
            bytes.reverse();
        }
    }
}

fn pack(lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    let text = arguments.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(&text);
    // Behind the last argument there is a nil.
    let mut values = arguments.values().to_vec();
    values.push(LuaValue::Nil);
    let values = Arguments::new(lua, &values);
    let mut packed = Vec::new();
    let mut position = 2_usize;
    while let Some(element) = format.next()? {
        let padding = element.padding(packed.len(), format.alignment);
        packed.resize(packed.len().saturating_add(padding), 0);
        match element.letter {
            b'x' => packed.push(0),
            b'f' | b'd' => {
                let number = values.number(position)?;
                append_float(&format, element.letter, number, &mut packed);
            }
            b'c' | b's' => {
                let string = values.string(position)?;
                let bytes = string.as_bytes();
                let size = if element.size == 0 { bytes.len() } else { element.size };
                // The position is the one behind, as it has always been told.
                let taken = bytes.get(..size).ok_or_else(|| {
                    Complaint::argument(position.saturating_add(1), "string too short")
                })?;
                packed.extend_from_slice(taken);
                if element.letter == b's' {
                    packed.push(0);
                }
            }
            _ if element.is_integer() => {
                let mut bytes = [0; WIDEST];
                let number = to_unsigned(values.number(position)?).to_le_bytes();
                bytes.iter_mut().zip(number).for_each(|(byte, part)| *byte = part);
                let bytes = bytes.get_mut(..element.size).unwrap_or_default();
                format.ordered(bytes);
                packed.extend_from_slice(bytes);
            }
            other => {
                format.control(other)?;
                continue;
            }
        }
        position = position.saturating_add(usize::from(element.letter != b'x'));
    }
    Ok(Results::one(LuaValue::String(lua.create_string(packed)?)))
}

#[expect(clippy::cast_possible_truncation, reason = "`f` means that digits may be lost")]
fn append_float(format: &Format<'_>, letter: u8, number: f64, packed: &mut Vec<u8>) {
    let begin = packed.len();
    if letter == b'f' {
        packed.extend_from_slice(&(number as f32).to_le_bytes());
    } else {
        packed.extend_from_slice(&number.to_le_bytes());
    }
    format.ordered(packed.get_mut(begin..).unwrap_or_default());
}

const TOO_SHORT: &str = "data string too short";

fn unpack(lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    let text = arguments.string(1)?;
    let text = text.as_bytes();
    let data = arguments.string(2)?;
    let data = data.as_bytes();
    let begin = arguments.integer_or(3, 1)?;
    if begin == 0 {
        return Err(Complaint::argument(3, "offset must be 1 or greater"));
    }
    let mut format = Format::new(&text);
    // A negative one is behind everything.
    let mut at = usize::from_ne_bytes(begin.wrapping_sub(1).to_ne_bytes());
    let mut results = Results::new();
    while let Some(element) = format.next()? {
        at = at.wrapping_add(element.padding(at, format.alignment));
        let rest = data.get(at..).unwrap_or_default();
        let piece = (at <= data.len())
            .then(|| rest.get(..element.size))
            .flatten()
            .ok_or_else(|| Complaint::argument(2, TOO_SHORT))?;
        let used = arguments.len().saturating_add(results.len());
        if STACK_SLOTS < used.saturating_add(2) {
            return Err(Complaint::located("stack overflow (too many results)"));
        }
        let mut size = element.size;
        match element.letter {
            b'x' => {}
            b'f' | b'd' => results.push(lua, LuaValue::Number(float(&format, piece)))?,
            b's' => {
                let end = rest
                    .iter()
                    .position(|byte| *byte == 0)
                    .ok_or_else(|| Complaint::located("unfinished string in data"))?;
                let string = lua.create_string(rest.get(..end).unwrap_or_default())?;
                results.push(lua, LuaValue::String(string))?;
                size = end.saturating_add(1);
            }
            b'c' => {
                if size == 0 {
                    size = previous_size(lua, &mut results)?;
                }
                let piece = rest.get(..size).ok_or_else(|| Complaint::argument(2, TOO_SHORT))?;
                results.push(lua, LuaValue::String(lua.create_string(piece)?))?;
            }
            _ if element.is_integer() => {
                let number = integer(&format, element.letter, piece);
                results.push(lua, LuaValue::Number(number))?;
            }
            other => format.control(other)?,
        }
        at = at.saturating_add(size);
    }
    let next = i64::from_ne_bytes(at.wrapping_add(1).to_ne_bytes());
    results.push(lua, LuaValue::Integer(next))?;
    Ok(results)
}

/// The number that was unpacked last, which says how long a string is.
fn previous_size(lua: &Lua, results: &mut Results) -> Result<usize, Complaint> {
    let number = match results.pop()? {
        Some(value) => as_number(lua, &value)?,
        None => None,
    };
    let number = number.ok_or_else(|| Complaint::located("format 'c0' needs a previous size"))?;
    Ok(usize::try_from(to_unsigned(number)).unwrap_or(usize::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "numbers are doubles in Lua 5.1")]
fn integer(format: &Format<'_>, letter: u8, piece: &[u8]) -> f64 {
    let shift = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let number = if format.is_big_endian {
        piece.iter().fold(0, shift)
    } else {
        piece.iter().rev().fold(0, shift)
    };
    if letter.is_ascii_uppercase() {
        return number as f64;
    }
    let bits = u32::try_from(piece.len()).unwrap_or(0).wrapping_mul(8);
    // The sign and everything above it; beyond 64 bits the shift wraps around, as processors have it.
    let mask = u64::MAX.wrapping_shl(bits.wrapping_sub(1));
    let extended = if number & mask == 0 { number } else { number | mask };
    i64::from_ne_bytes(extended.to_ne_bytes()) as f64
}

fn float(format: &Format<'_>, piece: &[u8]) -> f64 {
    let mut bytes = piece.to_vec();
    format.ordered(&mut bytes);
    match (<[u8; 4]>::try_from(&*bytes), <[u8; 8]>::try_from(&*bytes)) {
        (Ok(single), _) => f64::from(f32::from_le_bytes(single)),
        (_, Ok(double)) => f64::from_le_bytes(double),
        _ => 0.0,
    }
}

fn size(_: &Lua, arguments: Arguments<'_>) -> Outcome {
    let text = arguments.string(1)?;
    let text = text.as_bytes();
    let mut format = Format::new(&text);
    let mut at = 0_usize;
    while let Some(element) = format.next()? {
        at = at.saturating_add(element.padding(at, format.alignment));
        match (element.letter, element.size) {
            (b's', _) => {
                return Err(Complaint::argument(1, "option 's' has no fixed size"));
            }
            (b'c', 0) => {
                return Err(Complaint::argument(1, "option 'c0' has no fixed size"));
            }
            (letter, _) if !letter.is_ascii_alphanumeric() => format.control(letter)?,
            _ => {}
        }
        at = at.saturating_add(element.size);
    }
    Ok(Results::one(LuaValue::Integer(i64::try_from(at).unwrap_or(i64::MAX))))
}
