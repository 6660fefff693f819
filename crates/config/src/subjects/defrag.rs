//! Moving values together while the server runs, so that memory can be given back. It is not done, and asking for it is refused.

use super::bounds::POSITIVE_64;
use crate::directive::Directive;
use crate::field::field;
use crate::number::Unit;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defrag {
    /// Whether it is done.
    pub enabled: bool,
    /// Bytes that must be lost for it to start.
    pub ignore_bytes: u64,
    /// Percent that must be lost for it to start.
    pub threshold_lower: u16,
    /// Percent from which it is done with most effort.
    pub threshold_upper: u16,
    /// Percent of CPU at the lower threshold.
    pub cycle_min: u8,
    /// Percent of CPU at the upper threshold.
    pub cycle_max: u8,
    /// How many elements of a value are handled in one go.
    pub max_scan_fields: u64,
}

/// Why the tuning of it is accepted.
const OFF: &str = "active defragmentation cannot be enabled";

/// An allocator that says which values lie badly is what Redis asks for too, and it has these words for servers without.
fn check_enabled(on: bool) -> Result<(), String> {
    if !on {
        return Ok(());
    }
    Err("Active defragmentation cannot be enabled: it requires a Redis server compiled with a modified Jemalloc like the one \
         shipped by default with the Redis source distribution"
        .to_owned())
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::checked_switch("activedefrag", "no", check_enabled, field!(defrag.enabled))
        .live()
        .about(
            "Whether values are moved together so that memory between them can be given back. `yes` is refused: the allocator \
             does not tell which ones to move.",
        ),
    Directive::quantity(
        "active-defrag-ignore-bytes",
        "100mb",
        Unit::Bytes,
        POSITIVE_64,
        field!(defrag.ignore_bytes),
    )
    .live()
    .no_effect(OFF)
    .about("How much memory must be lost between values for that to start."),
    Directive::number(
        "active-defrag-threshold-lower",
        "10",
        0..=1000,
        field!(defrag.threshold_lower),
    )
    .live()
    .no_effect(OFF)
    .about("The percentage that must be lost for it to start."),
    Directive::number(
        "active-defrag-threshold-upper",
        "100",
        0..=1000,
        field!(defrag.threshold_upper),
    )
    .live()
    .no_effect(OFF)
    .about("The percentage from which it gets the most time."),
    Directive::number("active-defrag-cycle-min", "1", 1..=99, field!(defrag.cycle_min))
        .live()
        .no_effect(OFF)
        .about("The percentage of CPU it gets at the lower threshold."),
    Directive::number("active-defrag-cycle-max", "25", 1..=99, field!(defrag.cycle_max))
        .live()
        .no_effect(OFF)
        .about("The percentage of CPU it gets at the upper threshold."),
    Directive::number(
        "active-defrag-max-scan-fields",
        "1000",
        POSITIVE_64,
        field!(defrag.max_scan_fields),
    )
    .live()
    .no_effect(OFF)
    .about("Values with more elements than that are handled in several steps."),
];
