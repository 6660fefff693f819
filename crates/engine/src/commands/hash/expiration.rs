//! The options that say when fields expire: EX, PX, EXAT and PXAT.

use command::Arguments;
use command::argument::{Argument, integer, unix_time};
use resp::ReplyError;
use resp::number::parse_integer;

use super::expire::expiry_ms;
use crate::Call;
use crate::commands::key::expire::{Origin, Unit};

/// What the four options look like in a grammar.
pub(super) const SECONDS: Argument = integer("seconds").after("EX");
pub(super) const MILLISECONDS: Argument = integer("milliseconds").after("PX");
pub(super) const UNIX_TIME_SECONDS: Argument = unix_time("unix-time-seconds").after("EXAT");
pub(super) const UNIX_TIME_MILLISECONDS: Argument =
    unix_time("unix-time-milliseconds").after("PXAT");

/// What the number behind the option means.
#[derive(Clone, Copy)]
pub(super) struct Expiration {
    unit: Unit,
    origin: Origin,
}

impl Expiration {
    /// The option that the next word is, if it is one.
    pub(super) fn read(arguments: &mut Arguments<'_>) -> Option<Expiration> {
        let (unit, origin) = match &*arguments.peek_keyword()? {
            b"EX" => (Unit::Seconds, Origin::Now),
            b"PX" => (Unit::Milliseconds, Origin::Now),
            b"EXAT" => (Unit::Seconds, Origin::Epoch),
            b"PXAT" => (Unit::Milliseconds, Origin::Epoch),
            _ => return None,
        };
        arguments.skip();
        Some(Expiration { unit, origin })
    }

    /// Unix time in ms.
    pub(super) fn at_ms(self, call: &Call<'_>, number: &[u8]) -> Result<i64, ReplyError> {
        let number = parse_integer(number).ok_or(ReplyError::NotInteger)?;
        expiry_ms(call, number, self.unit, self.origin)
    }
}
