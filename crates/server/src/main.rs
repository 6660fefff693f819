//! The process: event loops, listeners, threads, files, signals.
#![cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the modules are not wired up yet")
)]
#![cfg_attr(test, expect(dead_code, reason = "the modules are not wired up yet"))]

mod clock;
mod listen;
mod log;
mod process;

fn main() {}
