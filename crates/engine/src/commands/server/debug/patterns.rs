//! DEBUG STRINGMATCH-TEST: random patterns against random texts.

use collections::glob::{Case, glob_matches};

use crate::Call;
use crate::command_table::Outcome;

/// Matches so many patterns and texts that a fault would show.
pub(super) fn test(call: &mut Call<'_>) -> Outcome {
    const ROUNDS: usize = 100_000;
    const LONGEST: usize = 32;
    let random = &mut call.keys.round.random;
    let mut matched = 0;
    for _ in 0..ROUNDS {
        let pattern: Vec<u8> =
            (0..random.below(LONGEST)).map(|_| b"*?[]^-\\abc"[random.below(10)]).collect();
        let text: Vec<u8> = (0..random.below(LONGEST)).map(|_| b"abc-"[random.below(4)]).collect();
        matched += usize::from(glob_matches(&pattern, &text, Case::Sensitive));
    }
    debug_assert!(0 < matched && matched < ROUNDS, "some match and some don't");
    call.reply.simple("Apparently Redis did not crash: test passed");
    Ok(())
}
