//! Looking at many bits: BITCOUNT and BITPOS.

use std::ops::Range;

use collections::bits;
use command::argument::{Argument, block, integer, key, one_of, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::Decimal;
use resp::ReplyError;

use super::super::string::string_of;
use super::BYTE;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

const UNIT: Argument =
    one_of("unit", &[token("byte", "BYTE"), token("bit", "BIT")]).optional().since("7.0.0");
const HISTORY: &[(&str, &str)] = &[("7.0.0", "Has the options `BYTE` and `BIT`.")];

pub(super) static BITCOUNT: Command = Declaration {
    summary: "Counts the ones in the string at a key, or in a range of it.",
    complexity: "O(N), where N is the number of bytes that are looked at.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key"), block("range", &[integer("start"), integer("end"), UNIT]).optional()],
    history: HISTORY,
    ..Declaration::new("BITCOUNT", Group::Bitmap, "2.6.0", Handler::Keys(bitcount))
};

fn bitcount(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let limits = match arguments.len() {
        0 => Limits::WHOLE,
        2 | 3 => {
            let (start, end) = (arguments.integer()?, arguments.integer()?);
            Limits { start, end: Some(end), unit: unit(&mut arguments)? }
        }
        _ => return Err(ReplyError::Syntax),
    };

    let value = call.keys.read(key).map(string_of).transpose()?;
    let mut decimal = Decimal::new();
    let bytes = value.as_ref().map_or(&[][..], |value| value.bytes(&mut decimal));
    let backwards = limits.end.is_some_and(|end| limits.start < 0 && end < limits.start);
    let count = match limits.range(bytes) {
        Some(range) if !backwards => bits::count_in(bytes, range),
        Some(_) | None => 0,
    };
    call.reply.unsigned(count);
    Ok(())
}

pub(super) static BITPOS: Command = Declaration {
    summary: "Finds the first bit that is one, or zero, in the string at a key or in a range of it.",
    complexity: "O(N), where N is the number of bytes that are looked at.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        integer("bit"),
        block(
            "range",
            &[integer("start"), block("end-unit-block", &[integer("end"), UNIT]).optional()],
        )
        .optional(),
    ],
    history: HISTORY,
    ..Declaration::new("BITPOS", Group::Bitmap, "2.8.7", Handler::Keys(bitpos))
};

fn bitpos(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let bit = match arguments.integer()? {
        0 => false,
        1 => true,
        _ => return Err(BAD_BIT),
    };
    let limits = Limits::of_position(&mut arguments)?;

    let Some(value) = call.keys.read(key).map(string_of).transpose()? else {
        // Nothing but zeros.
        call.reply.integer(if bit { -1 } else { 0 });
        return Ok(());
    };
    let mut decimal = Decimal::new();
    let bytes = value.bytes(&mut decimal);
    let position = limits.range(bytes).and_then(|range| {
        let behind = range.end;
        let found = bits::position_in(bytes, range, bit);
        // Without an end the zeros behind the string count as well.
        found.or_else(|| (!bit && limits.end.is_none()).then_some(behind))
    });
    match position {
        Some(position) => call.reply.unsigned(position),
        None => call.reply.integer(-1),
    }
    Ok(())
}

/// The part of a string that is looked at, as the call names it: negative positions count from the end of the string.
#[derive(Clone, Copy)]
struct Limits {
    start: i64,
    /// Inclusive; the end of the string if it is not given.
    end: Option<i64>,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Byte,
    Bit,
}

impl Limits {
    const WHOLE: Limits = Limits { start: 0, end: None, unit: Unit::Byte };

    /// What follows the bit in a call of BITPOS. Redis looks at the unit before the end.
    fn of_position(arguments: &mut Arguments<'_>) -> Result<Limits, ReplyError> {
        if arguments.is_empty() {
            return Ok(Limits::WHOLE);
        }
        if 3 < arguments.len() {
            return Err(ReplyError::Syntax);
        }
        let start = arguments.integer()?;
        if arguments.is_empty() {
            return Ok(Limits { start, ..Limits::WHOLE });
        }
        let mut end = arguments.split(1)?;
        let unit = unit(arguments)?;
        Ok(Limits { start, end: Some(end.integer()?), unit })
    }

    /// The bits of a string that are meant; none if there are no bits between these limits.
    fn range(self, bytes: &[u8]) -> Option<Range<u64>> {
        let unit = match self.unit {
            Unit::Byte => BYTE,
            Unit::Bit => 1,
        };
        let length = i64::try_from((bytes.len() as u64).saturating_mul(BYTE) / unit).ok()?;
        let from_beginning = |position: i64| {
            let position = if position < 0 { length.saturating_add(position) } else { position };
            position.max(0)
        };
        let last = length.saturating_sub(1);
        let start = from_beginning(self.start);
        let end = from_beginning(self.end.unwrap_or(-1)).min(last);
        if end < start {
            return None;
        }
        let bits = |position: i64| u64::try_from(position).ok()?.checked_mul(unit);
        Some(bits(start)?..bits(end.saturating_add(1))?)
    }
}

/// The last word, if there is one.
fn unit(arguments: &mut Arguments<'_>) -> Result<Unit, ReplyError> {
    if arguments.is_empty() || arguments.accept(b"BYTE") {
        Ok(Unit::Byte)
    } else {
        arguments.expect(b"BIT").map(|()| Unit::Bit)
    }
}

const BAD_BIT: ReplyError = ReplyError::message("The bit argument must be 1 or 0.");
