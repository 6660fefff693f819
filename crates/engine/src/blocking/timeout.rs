//! How long a call waits.

use std::num::NonZeroU64;

use resp::ReplyError;
use resp::number::{LongDouble, parse_integer};

/// How long a call waits at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Timeout(Option<NonZeroU64>);

const NEGATIVE: ReplyError = ReplyError::message("timeout is negative");
const OUT_OF_RANGE: ReplyError = ReplyError::message("timeout is out of range");

impl Timeout {
    /// There is no end.
    pub(crate) const NEVER: Timeout = Timeout(None);

    /// Reads a number of seconds, which may be a fraction; 0 is for ever. `now_ms` is unix time: the moment of the end has to be
    /// one that can be told.
    pub(crate) fn seconds(word: &[u8], now_ms: i64) -> Result<Timeout, ReplyError> {
        let seconds = LongDouble::parse(word)
            .ok_or(ReplyError::message("timeout is not a float or out of range"))?;
        Timeout::milliseconds_of(seconds.thousandfold().ok_or(OUT_OF_RANGE)?, now_ms)
    }

    /// Reads a number of milliseconds; 0 is for ever.
    pub(crate) fn milliseconds(word: &[u8], now_ms: i64) -> Result<Timeout, ReplyError> {
        let milliseconds = parse_integer(word)
            .ok_or(ReplyError::message("timeout is not an integer or out of range"))?;
        Timeout::milliseconds_of(milliseconds, now_ms)
    }

    fn milliseconds_of(milliseconds: i64, now_ms: i64) -> Result<Timeout, ReplyError> {
        let limit = u64::try_from(milliseconds).map_err(|_| NEGATIVE)?;
        now_ms.checked_add(milliseconds).ok_or(OUT_OF_RANGE)?;
        Ok(Timeout(NonZeroU64::new(limit)))
    }

    /// In ms, if there is a limit.
    pub(super) fn limit_ms(self) -> Option<u64> {
        self.0.map(NonZeroU64::get)
    }
}
