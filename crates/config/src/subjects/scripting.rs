//! Scripts and functions.

use super::bounds::NATURAL_64;
use crate::directive::Directive;
use crate::field::field;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripting {
    /// Milliseconds after which clients are told that a script keeps the server busy; 0: never.
    pub busy_reply_threshold_ms: u64,
}

pub(crate) const DIRECTIVES: &[Directive] =
    &[Directive::number("busy-reply-threshold", "5000", NATURAL_64, field!(scripting.busy_reply_threshold_ms))
        .alias("lua-time-limit")
        .live()
        .about(
            "Milliseconds after which other clients get the answer BUSY while a script runs, and may end it. 0: they wait.",
        )];
