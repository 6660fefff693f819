//! `ochre-check-rdb`: whether a snapshot can be loaded, and what is in it.

use std::io::{self, Write as _};
use std::process::ExitCode;

use check::rdb;

#[expect(clippy::print_stderr, reason = "it is what the tool says")]
fn main() -> ExitCode {
    let mut output = io::stdout().lock();
    let code = match rdb::Options::from_arguments() {
        Ok(rdb::Wanted::Check(options)) => rdb::run(&options, &mut output),
        Ok(rdb::Wanted::Version) => {
            writeln!(output, "ochre-check-rdb {}", env!("CARGO_PKG_VERSION"))
                .map(|()| ExitCode::SUCCESS)
        }
        Ok(rdb::Wanted::Help) => write!(output, "{}", rdb::USAGE).map(|()| ExitCode::SUCCESS),
        Err(error) => {
            eprint!("{error}\n{}", rdb::USAGE);
            return ExitCode::FAILURE;
        }
    };
    match code.and_then(|code| output.flush().map(|()| code)) {
        Ok(code) => code,
        // Whoever reads it has gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("Cannot write: {error}");
            ExitCode::FAILURE
        }
    }
}
