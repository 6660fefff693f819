//! From values to JSON.

use mlua::{Lua, Table, Value as LuaValue};

use super::super::argument::{Arguments, type_name};
use super::super::complaint::Complaint;
use super::super::number::{narrow, to_signed, write_general};
use super::super::{Outcome, Results};
use super::DEEPEST_ENCODED;
use super::settings::{InvalidNumbers, Settings};

pub(super) fn encode(settings: Settings, lua: &Lua, arguments: Arguments<'_>) -> Outcome {
    let [value] = arguments.values() else {
        return Err(Complaint::argument(1, "expected 1 argument"));
    };
    let mut encoder = Encoder {
        settings,
        precision: usize::try_from(settings.precision).unwrap_or(1),
        text: Vec::new(),
    };
    encoder.value(value, 0)?;
    Ok(Results::one(LuaValue::String(lua.create_string(encoder.text)?)))
}

struct Encoder {
    settings: Settings,
    precision: usize,
    text: Vec<u8>,
}

impl Encoder {
    fn value(&mut self, value: &LuaValue, depth: usize) -> Result<(), Complaint> {
        match value {
            LuaValue::String(string) => self.string(&string.as_bytes()),
            LuaValue::Integer(number) => self.integer(*number),
            LuaValue::Number(number) => self.number(*number)?,
            LuaValue::Boolean(true) => self.text.extend_from_slice(b"true"),
            LuaValue::Boolean(false) => self.text.extend_from_slice(b"false"),
            LuaValue::Table(table) => self.table(table, depth.saturating_add(1))?,
            LuaValue::Nil => self.text.extend_from_slice(b"null"),
            LuaValue::LightUserData(pointer) if pointer.0.is_null() => {
                self.text.extend_from_slice(b"null");
            }
            other => return Err(refused(other, "type not supported")),
        }
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) {
        append_quoted(bytes, &mut self.text);
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are doubles in Lua 5.1")]
    fn integer(&mut self, number: i64) {
        /// Doubles are exact up to here and have at most 14 digits.
        const SHORT: u64 = 100_000_000_000_000;
        if self.precision == 14 && number.unsigned_abs() < SHORT {
            self.text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        } else {
            write_general(number as f64, self.precision, &mut self.text);
        }
    }

    fn number(&mut self, number: f64) -> Result<(), Complaint> {
        if !number.is_finite() {
            match self.settings.encode_invalid {
                InvalidNumbers::Refused => {
                    let value = LuaValue::Number(number);
                    return Err(refused(&value, "must not be NaN or Inf"));
                }
                InvalidNumbers::Null => {
                    self.text.extend_from_slice(b"null");
                    return Ok(());
                }
                InvalidNumbers::Written if number.is_nan() => {
                    self.text.extend_from_slice(b"nan");
                    return Ok(());
                }
                InvalidNumbers::Written => {}
            }
        }
        write_general(number, self.precision, &mut self.text);
        Ok(())
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<(), Complaint> {
        let limit = usize::try_from(self.settings.encode_max_depth).unwrap_or(0);
        if limit.min(DEEPEST_ENCODED) < depth {
            return Err(Complaint::located(format!(
                "Cannot serialise, excessive nesting ({depth})"
            )));
        }
        match self.array_length(table)? {
            Some(length @ 1..) => self.array(table, length, depth),
            _ => self.object(table, depth),
        }
    }

    /// The highest of the keys, if all of them are places in an array, and there are not too many holes.
    fn array_length(&self, table: &Table) -> Result<Option<i32>, Complaint> {
        let (mut highest, mut count) = (0_i32, 0_i32);
        for pair in table.pairs::<LuaValue, LuaValue>() {
            let (key, _) = pair?;
            let key = match key {
                LuaValue::Integer(key @ 1..) => key,
                LuaValue::Number(key) if 1.0 <= key && key.trunc().to_bits() == key.to_bits() => {
                    to_signed(key)
                }
                _ => return Ok(None),
            };
            if i64::from(highest) < key || key < 0 {
                // What is beyond 32 bits becomes a length that is none.
                highest = i32::try_from(key).unwrap_or(i32::MIN);
            }
            count = narrow(i64::from(count).saturating_add(1));
        }
        let Settings { sparse_ratio, sparse_safe, sparse_convert, .. } = self.settings;
        if 0 < sparse_ratio && count.wrapping_mul(sparse_ratio) < highest && sparse_safe < highest {
            if !sparse_convert {
                return Err(Complaint::located("Cannot serialise table: excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(Some(highest))
    }

    fn array(&mut self, table: &Table, length: i32, depth: usize) -> Result<(), Complaint> {
        self.text.push(b'[');
        for place in 1..=length {
            if place != 1 {
                self.text.push(b',');
            }
            self.value(&table.raw_get(place)?, depth)?;
        }
        self.text.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: usize) -> Result<(), Complaint> {
        self.text.push(b'{');
        let begin = self.text.len();
        for pair in table.pairs::<LuaValue, LuaValue>() {
            let (key, value) = pair?;
            if self.text.len() != begin {
                self.text.push(b',');
            }
            match &key {
                LuaValue::String(name) => self.string(&name.as_bytes()),
                LuaValue::Integer(_) | LuaValue::Number(_) => {
                    self.text.push(b'"');
                    self.value(&key, depth)?;
                    self.text.push(b'"');
                }
                other => {
                    return Err(refused(other, "table key must be a number or string"));
                }
            }
            drop(key);
            self.text.push(b':');
            self.value(&value, depth)?;
        }
        self.text.push(b'}');
        Ok(())
    }
}

/// Appends a string in quotes.
pub(in crate::libraries) fn append_quoted(bytes: &[u8], text: &mut Vec<u8>) {
    text.push(b'"');
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| escape(*byte).is_some()) {
        let (plain, from) = rest.split_at(end);
        text.extend_from_slice(plain);
        let Some((special, after)) = from.split_first() else { break };
        match escape(*special) {
            Some(0) | None => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                text.extend_from_slice(b"\\u00");
                for digit in [special >> 4, special & 0xf] {
                    text.extend(DIGITS.get(usize::from(digit)));
                }
            }
            Some(letter) => text.extend_from_slice(&[b'\\', letter]),
        }
        rest = after;
    }
    text.extend_from_slice(rest);
    text.push(b'"');
}

/// What stands behind the backslash for a character that has to be escaped; 0 if it is written with digits.
fn escape(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\\' | b'/' => Some(byte),
        8 => Some(b'b'),
        b'\t' => Some(b't'),
        b'\n' => Some(b'n'),
        12 => Some(b'f'),
        b'\r' => Some(b'r'),
        0..=0x1f | 0x7f => Some(0),
        _ => None,
    }
}

fn refused(value: &LuaValue, why: &str) -> Complaint {
    Complaint::located(format!("Cannot serialise {}: {why}", type_name(value)))
}
