//! The process's clock: the only place that reads the time for commands.
//!
//! A worker reads it once a round and passes the [`Moment`] on, so that all commands of a round see the same time and
//! none pays for a reading of its own. Durations are taken from the monotonic reading: the wall clock may jump.

use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

/// Reads the time. Copies of one clock agree with each other; the process starts one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose monotonic reading is 0 now.
    pub(crate) fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    /// The time now.
    pub(crate) fn read(self) -> Moment {
        Moment { unix_us: unix_us(), monotonic_us: microseconds(self.started.elapsed()) }
    }
}

/// A reading of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Microseconds since 1970 by the wall clock, which may jump either way.
    pub(crate) unix_us: u64,
    /// Microseconds since the clock was started, which never go back.
    pub(crate) monotonic_us: u64,
}

/// Microseconds since 1970; 0 if the wall clock is set to a time before.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is to ask")]
fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, microseconds)
}

/// Lasts for half a million years.
fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_readings_advance() {
        let clock = Clock::start();
        let first = clock.read();
        // 2026, in microseconds: the wall clock of a machine that builds this is not before.
        assert!(1_767_225_600_000_000 < first.unix_us);
        let deadline = Instant::now() + Duration::from_secs(10);
        while clock.read().monotonic_us <= first.monotonic_us {
            assert!(Instant::now() < deadline, "the monotonic clock stands still");
        }
        assert!(first.unix_us <= clock.read().unix_us);
    }
}
