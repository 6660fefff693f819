//! The process: event loops, listeners, threads, files, signals.
//!
//! Everything that touches the operating system is in this crate. `start` brings the server up in the order that operators know
//! from Redis's log, `worker` serves clients, `host` is what the engine sees of the process, `process` and `log` are the parts that
//! know the system.

mod append_only;
mod background;
mod bell;
mod block_file;
mod clock;
mod configuration;
mod direct;
mod following;
mod host;
mod listen;
mod listening;
mod loading;
mod log;
mod metrics;
mod process;
mod reclaimer;
mod replication;
mod saving;
mod start;
mod tls;
mod version;
mod watchdog;
mod worker;

use std::io::Write as _;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

#[expect(clippy::print_stderr, reason = "what the command line asks for is printed")]
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().map(OsStringExt::into_vec);
    let program = String::from_utf8_lossy(&arguments.next().unwrap_or_default()).into_owned();
    let arguments: Vec<Vec<u8>> = arguments.collect();
    match config::command_line::parse(&arguments) {
        config::command_line::Request::Serve(command_line) => start::serve(&program, &command_line),
        config::command_line::Request::Version => {
            match writeln!(std::io::stdout(), "{}", version::line(&program)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        config::command_line::Request::Help => {
            eprint!("{}", version::usage(&program));
            ExitCode::FAILURE
        }
        config::command_line::Request::TestMemory(_)
        | config::command_line::Request::TestMemoryHelp => {
            eprintln!("This server has no memory test: use memtest86 or memtester.");
            ExitCode::FAILURE
        }
        config::command_line::Request::CheckSystem => {
            process::system_check::warn_of_kernel_settings();
            ExitCode::SUCCESS
        }
    }
}
