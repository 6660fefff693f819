//! `ochre-benchmark`: drives a server over many connections and tells how fast it answered.
//!
//! It is made to cost less than the server that it measures, so that one core of it saturates
//! one core of a server 64 deep: requests are written once and only their digits changed, replies are skipped
//! and not decoded, and a batch costs one `write` and one `read`.
//!
//! Two ways to load: closed (each connection sends its next batch once it has the replies of
//! the last), which finds the highest throughput, and open (`--rate`), where batches are
//! due at fixed times whether or not the server keeps up, and a latency counts from the time at which its batch was
//! due. Only the second shows what users feel when a server stalls.

mod connection;
mod encryption;
mod load;
mod options;
mod report;
mod scan;
mod subscribers;
mod workload;

use std::process::ExitCode;

use options::{Options, Wanted};

/// What a run can fail with.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Usage(#[from] lexopt::Error),
    #[error("cannot connect to {address}: {source}")]
    Connect { address: String, source: std::io::Error },
    #[error("connection failed: {0}")]
    Connection(#[from] std::io::Error),
    #[error("the server closed a connection")]
    Closed,
    #[error("a subscriber received more than was published")]
    TooMuch,
    #[error("the server refused: {0}")]
    Refused(String),
    #[error("not a reply: {0:?}")]
    Reply(String),
    #[error("a load thread could not be started: {0}")]
    Thread(std::io::Error),
    #[error("cannot write: {0}")]
    Output(std::io::Error),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report::failure(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let options = match Options::from_arguments()? {
        Wanted::Run(options) => options,
        Wanted::Help => {
            return report::usage().map_err(Failure::Output);
        }
    };
    for &test in &options.tests {
        let outcome = load::run(&options, test)?;
        report::outcome(&options, test, &outcome).map_err(Failure::Output)?;
    }
    Ok(())
}
