//! A load generator that drives a server over many connections.

fn main() {}
