//! Waiting for a condition, with a deadline: what tests do in place of a sleep of a guessed length.

use std::time::{Duration, Instant};

/// How long a test waits for what is bound to happen. Far longer than it takes even on a loaded
/// machine of two cores, so that only a real fault runs into it.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// How long between two looks: short against everything that tests wait for, long enough that
/// the waiting does not take the processor from what is waited for.
const PAUSE: Duration = Duration::from_millis(2);

/// Waits until `condition` holds, and says whether it did before [`DEADLINE`].
#[must_use]
pub fn wait_until(condition: impl FnMut() -> bool) -> bool {
    wait_until_within(DEADLINE, condition)
}

/// Waits until `condition` holds, and says whether it did within `limit`.
#[must_use]
pub fn wait_until_within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if limit < start.elapsed() {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}
