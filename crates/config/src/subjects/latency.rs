//! What is kept about commands that take long.

use super::bounds::{FROM_MINUS_ONE_64, NATURAL_64};
use crate::Config;
use crate::directive::{Directive, Occasion, WordCount, Words};
use crate::field::field;
use crate::text::Text;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Latency {
    /// Microseconds from which a command is in the slow log; 0: every command; negative: none.
    pub slow_log_threshold_us: i64,
    /// How many commands the slow log holds.
    pub slow_log_length: u64,
    /// Bytes from which the request of a command is in the log of large requests; negative: none.
    pub large_request_bytes: i64,
    /// How many commands that log holds.
    pub large_requests_length: u64,
    /// Bytes from which the reply to a command is in the log of large replies; negative: none.
    pub large_reply_bytes: i64,
    /// How many commands that log holds.
    pub large_replies_length: u64,
    /// Whether the keys that are called most, and the biggest ones, are known.
    pub hot_keys: bool,
    /// Milliseconds from which LATENCY notes an event; 0: none.
    pub monitor_threshold_ms: u64,
    /// Whether a histogram is kept of every command's duration.
    pub tracking: bool,
    /// The percentiles that INFO shows of them, 0 to 100.
    pub percentiles: Vec<f64>,
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::number(
        "slowlog-log-slower-than",
        "10000",
        FROM_MINUS_ONE_64,
        field!(latency.slow_log_threshold_us),
    )
    .live()
    .alias("commandlog-execution-slower-than")
    .about("Microseconds of execution from which a command is kept in the slow log. 0: every command; -1: none."),
    Directive::number("slowlog-max-len", "128", NATURAL_64, field!(latency.slow_log_length))
        .live()
        .alias("commandlog-slow-execution-max-len")
        .about("How many commands the slow log holds; the oldest go first."),
    Directive::number(
        "commandlog-request-larger-than",
        "1048576",
        FROM_MINUS_ONE_64,
        field!(latency.large_request_bytes),
    )
    .live()
    .ours()
    .about("Bytes of a request from which COMMANDLOG keeps the command among the large requests. 0: every command; -1: none."),
    Directive::number(
        "commandlog-large-request-max-len",
        "128",
        NATURAL_64,
        field!(latency.large_requests_length),
    )
    .live()
    .ours()
    .about("How many large requests are kept; the oldest go first."),
    Directive::number(
        "commandlog-reply-larger-than",
        "1048576",
        FROM_MINUS_ONE_64,
        field!(latency.large_reply_bytes),
    )
    .live()
    .ours()
    .about("Bytes of a reply from which COMMANDLOG keeps the command among the large replies. 0: every command; -1: none."),
    Directive::number(
        "commandlog-large-reply-max-len",
        "128",
        NATURAL_64,
        field!(latency.large_replies_length),
    )
    .live()
    .ours()
    .about("How many large replies are kept; the oldest go first."),
    Directive::switch("hotkeys-tracking", "yes", field!(latency.hot_keys)).live().ours().about(
        "Whether HOTKEYS GET, `INFO hotkeys` and the metrics tell which keys are called most and which are the biggest. One of 64 calls is looked at.",
    ),
    Directive::number(
        "latency-monitor-threshold",
        "0",
        NATURAL_64,
        field!(latency.monitor_threshold_ms),
    )
    .live()
    .about("Milliseconds from which LATENCY notes an event. 0: none."),
    Directive::switch("latency-tracking", "yes", field!(latency.tracking))
        .live()
        .about("Whether INFO and LATENCY HISTOGRAM can tell how the durations of every command are spread."),
    Directive::words(
        "latency-tracking-info-percentiles",
        "50 99 99.9",
        Words {
            sketch: "percentile ...",
            count: WordCount::Any,
            set: set_percentiles,
            print: print_percentiles,
            lines: |config| {
                vec![if config.latency.percentiles.is_empty() {
                    b"\"\"".to_vec()
                } else {
                    print_percentiles(config)
                }]
            },
            lines_are_independent: false,
        },
    )
    .live()
    .about("The percentiles of these durations that INFO shows. Empty: none."),
];

fn set_percentiles(config: &mut Config, words: &[Text], _: Occasion) -> Result<(), String> {
    let words = match words {
        [only] if only.is_empty() => &[],
        words => words,
    };
    config.latency.percentiles = words.iter().map(percentile).collect::<Result<_, _>>()?;
    Ok(())
}

fn percentile(word: &Text) -> Result<f64, String> {
    let number =
        std::str::from_utf8(word.as_bytes()).ok().and_then(|word| word.parse::<f64>().ok());
    let number = number
        .filter(|number| !number.is_nan())
        .ok_or_else(|| "Invalid latency-tracking-info-percentiles parameters".to_owned())?;
    if (0.0..=100.0).contains(&number) {
        Ok(number)
    } else {
        Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
            .to_owned())
    }
}

/// Six digits after the point, without those at the end that say nothing.
fn print_percentiles(config: &Config) -> Vec<u8> {
    let print = |percentile: &f64| {
        let digits = format!("{percentile:.6}");
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    config.latency.percentiles.iter().map(print).collect::<Vec<_>>().join(" ").into_bytes()
}
