//! The process: event loops, listeners, threads, files, signals.

fn main() {}
