//! `ochre-check-aof`: whether an append-only file can be loaded; cuts off a damaged end.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use check::aof::{self, Options, Wanted};

#[expect(clippy::print_stderr, reason = "it is what the tool says")]
fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let mut output = io::stdout().lock();
    let code = match Options::parse(&arguments) {
        Ok(Wanted::Check(options)) => aof::run(&options, &mut io::stdin().lock(), &mut output),
        Ok(Wanted::Version) => writeln!(output, "ochre-check-aof {}", env!("CARGO_PKG_VERSION"))
            .map(|()| ExitCode::SUCCESS),
        Err(text) => write!(output, "{text}").map(|()| ExitCode::FAILURE),
    };
    match code.and_then(|code| output.flush().map(|()| code)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
