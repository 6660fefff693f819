//! The options that say when a key expires: EX, PX, EXAT and PXAT.
//!
//! Redis reads all options of a call before it looks at the number behind one of these, so an option is read in two steps:
//! [`Expiration::read`] takes the words, and [`Expiration::at_ms`] makes a time of them.

use command::argument::{Argument, integer, unix_time};
use command::{Arguments, Keyword};
use keyspace::Decimal;
use resp::ReplyError;
use resp::number::parse_integer;

/// What the four options look like in a grammar.
pub(super) const SECONDS: Argument = integer("seconds").after("EX");
pub(super) const MILLISECONDS: Argument = integer("milliseconds").after("PX");
pub(super) const UNIX_TIME_SECONDS: Argument = unix_time("unix-time-seconds").after("EXAT");
pub(super) const UNIX_TIME_MILLISECONDS: Argument =
    unix_time("unix-time-milliseconds").after("PXAT");

/// When a key expires, as the client says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Expiration<'a> {
    pub(super) form: Form,
    /// Not read as a number yet.
    pub(super) number: &'a [u8],
}

/// What the number means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// EX: seconds from now.
    Seconds,
    /// PX: milliseconds from now.
    Milliseconds,
    /// EXAT: unix time in seconds.
    UnixSeconds,
    /// PXAT: unix time in milliseconds.
    UnixMilliseconds,
}

impl<'a> Expiration<'a> {
    /// The option that `keyword` begins, the number taken from `arguments`; nothing if it is another option.
    pub(super) fn read(
        keyword: &Keyword,
        arguments: &mut Arguments<'a>,
    ) -> Result<Option<Expiration<'a>>, ReplyError> {
        let form = match &**keyword {
            b"EX" => Form::Seconds,
            b"PX" => Form::Milliseconds,
            b"EXAT" => Form::UnixSeconds,
            b"PXAT" => Form::UnixMilliseconds,
            _ => return Ok(None),
        };
        Ok(Some(Expiration { form, number: arguments.string()? }))
    }

    /// Unix time in ms; `invalid` if the number is none that can be.
    pub(super) fn at_ms(self, now_ms: i64, invalid: ReplyError) -> Result<i64, ReplyError> {
        let number = parse_integer(self.number).ok_or(ReplyError::NotInteger)?;
        if number <= 0 {
            return Err(invalid);
        }
        let at = match self.form {
            Form::Seconds => number.checked_mul(1000).and_then(|ms| ms.checked_add(now_ms)),
            Form::Milliseconds => number.checked_add(now_ms),
            Form::UnixSeconds => number.checked_mul(1000),
            Form::UnixMilliseconds => Some(number),
        };
        at.ok_or(invalid)
    }
}

impl Form {
    /// Whether it counts from 1970 and not from now: such a time can have passed.
    pub(super) fn is_absolute(self) -> bool {
        match self {
            Form::Seconds | Form::Milliseconds => false,
            Form::UnixSeconds | Form::UnixMilliseconds => true,
        }
    }
}

/// Hands the decimal form of a time to `use_it`: effects are made of words.
pub(super) fn with_decimal(at_ms: i64, use_it: impl FnOnce(&[u8])) {
    use_it(Decimal::new().format(at_ms).as_bytes());
}
