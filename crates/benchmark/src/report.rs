//! What is printed.
#![expect(clippy::print_stderr, reason = "a program's output is its purpose")]

use std::io::{self, Write as _};
use std::time::Duration;

use serde_json::json;

use crate::Failure;
use crate::load::Outcome;
use crate::options::{Format, Options, USAGE};
use crate::workload::Test;

/// The percentiles that are printed.
const PERCENTILES: [(&str, f64); 6] = [
    ("p50", 50.0),
    ("p90", 90.0),
    ("p99", 99.0),
    ("p99.9", 99.9),
    ("p99.99", 99.99),
    ("max", 100.0),
];

pub(crate) fn usage() -> io::Result<()> {
    write!(io::stdout(), "{USAGE}")
}

pub(crate) fn failure(failure: &Failure) {
    let is_unread =
        matches!(failure, Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe);
    if !is_unread {
        eprintln!("ochre-benchmark: {failure}");
    }
}

pub(crate) fn outcome(options: &Options, test: Test, outcome: &Outcome) -> io::Result<()> {
    match options.format {
        Format::Text => text(options, test, outcome),
        Format::Json => writeln!(io::stdout(), "{}", object(options, test, outcome)),
    }
}

fn text(options: &Options, test: Test, outcome: &Outcome) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "{}: {:.0} requests a second; {} requests in {:.3} s, {:.3} us of this program's processor time each",
        name(options, test),
        rate(outcome),
        outcome.requests,
        outcome.elapsed.as_secs_f64(),
        processor_us(outcome),
    )?;
    let percentiles: Vec<String> = percentiles(outcome)
        .map(|(name, latency_us)| format!("{name} {:.3}", latency_us / 1000.0))
        .collect();
    writeln!(output, "  latency in ms: {}", percentiles.join(", "))?;
    if let Some(first) = &outcome.errors.first {
        writeln!(output, "  {} error replies, the first one: {first}", outcome.errors.count)?;
    }
    Ok(())
}

/// The command, or the words of a request of one's own.
fn name(options: &Options, test: Test) -> String {
    match test {
        Test::Own => String::from_utf8_lossy(&options.words.join(&b' ')).into_owned(),
        Test::Ping
        | Test::Set
        | Test::Get
        | Test::Incr
        | Test::Mget
        | Test::Multi
        | Test::Publish => test.name().to_owned(),
    }
}

fn object(options: &Options, test: Test, outcome: &Outcome) -> serde_json::Value {
    let latency: serde_json::Map<String, serde_json::Value> = percentiles(outcome)
        .map(|(name, latency_us)| (name.to_owned(), json!(latency_us)))
        .collect();
    let longest: Vec<u64> = outcome.longest.iter().map(|longest| longest / 1000).collect();
    json!({
        "test": name(options, test),
        "clients": options.clients,
        "pipeline": options.pipeline,
        "threads": options.threads,
        "paced_per_second": options.rate,
        "requests": outcome.requests,
        "errors": outcome.errors.count,
        "first_error": outcome.errors.first,
        "seconds": outcome.elapsed.as_secs_f64(),
        "requests_per_second": rate(outcome),
        "generator_cpu_us_per_request": processor_us(outcome),
        "latency_us": latency,
        "longest_us": longest,
        "subscribers": options.subscribers,
    })
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds up to a minute fit 52 bits")]
fn percentiles(outcome: &Outcome) -> impl Iterator<Item = (&'static str, f64)> {
    PERCENTILES.iter().map(|&(name, percentile)| {
        (name, outcome.latency.value_at_percentile(percentile) as f64 / 1000.0)
    })
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests fits 52 bits")]
fn rate(outcome: &Outcome) -> f64 {
    outcome.requests as f64 / outcome.elapsed.max(Duration::from_nanos(1)).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests fits 52 bits")]
fn processor_us(outcome: &Outcome) -> f64 {
    outcome.processor.as_secs_f64() * 1e6 / outcome.requests.max(1) as f64
}
