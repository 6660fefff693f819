//! Numbers as the configuration file writes them, and their bounds.
//!
//! A number is read strictly: digits without sign `+`, leading zeros or blanks. A size in bytes may have a unit,
//! where `k` is 1000 and `kb` is 1024. What does not fit 64 bits is refused; Redis lets a unit overflow silently.

use std::ops::RangeInclusive;

/// How the digits of a number are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain number.
    Count,
    /// Bytes, with an optional unit: `b`, `k`, `kb`, `m`, `mb`, `g`, `gb`.
    Bytes,
    /// Bytes, or `N%` of another limit, which is held as the number `-N`.
    BytesOrPercent,
    /// A file mode, in octal digits.
    Octal,
}

/// The numbers that a directive takes.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) unit: Unit,
    pub(crate) range: RangeInclusive<i128>,
}

impl Bounds {
    /// Reads a number and checks it. The error is the text that the user sees.
    pub(crate) fn parse(&self, text: &[u8]) -> Result<i128, String> {
        let number = self.number(text)?;
        if number < 0 && self.unit == Unit::BytesOrPercent {
            // A percentage has no other bound than 100.
            return Ok(number);
        }
        if !self.range.contains(&number) {
            let (low, high) = (self.range.start(), self.range.end());
            return Err(match self.unit {
                Unit::Octal => format!("argument must be between {low:o} and {high:o} inclusive"),
                Unit::Count | Unit::Bytes | Unit::BytesOrPercent => {
                    format!("argument must be between {low} and {high} inclusive")
                }
            });
        }
        Ok(number)
    }

    fn number(&self, text: &[u8]) -> Result<i128, String> {
        match self.unit {
            Unit::Count => integer(text).ok_or("argument couldn't be parsed into an integer"),
            Unit::Octal => lenient(text, 8).ok_or("argument couldn't be parsed as an octal number"),
            Unit::Bytes => bytes(text).map(i128::from).ok_or("argument must be a memory value"),
            Unit::BytesOrPercent => match text.strip_suffix(b"%") {
                Some(digits) => match integer(digits).filter(|percent| 0 <= *percent) {
                    Some(percent) if percent <= 100 => Ok(percent.saturating_neg()),
                    Some(_) => Err("percentage argument must be less or equal to 100"),
                    None => Err("argument must be a memory or percent value"),
                },
                None => {
                    bytes(text).map(i128::from).ok_or("argument must be a memory or percent value")
                }
            },
        }
        .map_err(str::to_owned)
    }

    /// The number as CONFIG GET answers it.
    pub(crate) fn print(&self, number: i128) -> String {
        match self.unit {
            Unit::BytesOrPercent if number < 0 => format!("{}%", number.unsigned_abs()),
            Unit::Count | Unit::Bytes | Unit::BytesOrPercent => number.to_string(),
            Unit::Octal => format!("{number:o}"),
        }
    }

    /// The number as CONFIG REWRITE writes it: bytes in the largest unit that divides them.
    pub(crate) fn print_for_file(&self, number: i128) -> String {
        match self.unit {
            Unit::Bytes | Unit::BytesOrPercent if 0 < number => bytes_with_unit(number),
            Unit::Bytes | Unit::BytesOrPercent | Unit::Count | Unit::Octal => self.print(number),
        }
    }
}

/// A decimal integer of 64 bits in its one canonical spelling.
pub(crate) fn integer(text: &[u8]) -> Option<i128> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text.len() == digits.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !canonical {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse::<i64>().ok().map(i128::from)
}

/// An integer as C's `strtoll` reads it, which a few old directives use: blanks before it, `+` and leading zeros are
/// allowed, and nothing at all is zero.
pub(crate) fn lenient_integer(text: &[u8]) -> Option<i128> {
    lenient(text, 10)
}

fn lenient(text: &[u8], radix: u32) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    i64::from_str_radix(digits, radix).ok().map(i128::from)
}

/// A size in bytes with an optional unit. No digits at all are zero, as they have always been.
pub(crate) fn bytes(text: &[u8]) -> Option<u64> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(length)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let digits = std::str::from_utf8(digits).ok()?;
    let count = match digits {
        "" => 0,
        // Too many digits are the largest number there is, but only where no unit multiplies them.
        _ if factor == 1 => digits.parse().unwrap_or(u64::MAX),
        _ => digits.parse::<u64>().ok()?,
    };
    count.checked_mul(factor)
}

/// A size in the largest unit that divides it.
pub(crate) fn bytes_with_unit(number: i128) -> String {
    if number == 0 {
        return "0".to_owned();
    }
    for (factor, unit) in [(1_i128 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")] {
        if let (Some(0), Some(count)) = (number.checked_rem(factor), number.checked_div(factor)) {
            return format!("{count}{unit}");
        }
    }
    number.to_string()
}
