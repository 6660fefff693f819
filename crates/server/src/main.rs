//! The process: event loops, listeners, threads, files, signals.
#![expect(dead_code, unused_imports, reason = "the modules are not wired up yet")]

mod clock;
mod listen;
mod log;
mod process;

fn main() {}
