//! Ports that a server can be given.
//!
//! They lie below the range from which the system gives ports to outgoing connections, so that
//! the clients of one test never take the port meant for the server of another. Between the check
//! and the server's own `bind` another process can still be faster: [`crate::Launch`] then tries again.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Random;

/// The first port tried: above those of well-known services, 6379 among them.
const FIRST: u16 = 12_000;
/// How many ports there are to choose from; the last one is below 32768.
const COUNT: usize = 20_000;

/// A port on which nothing listens at this moment.
///
/// # Panics
/// When no port is free after a hundred tries, which means that something else is wrong.
pub fn free_port() -> u16 {
    // Each test runs in a process of its own: the process id sets them apart, the count the servers
    // of one test.
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let mut random = Random::from_seed(u64::from(std::process::id()) << 32 | u64::from(call));
    for _ in 0..100 {
        let offset = u16::try_from(random.below(COUNT)).expect("the range fits a port");
        let port = FIRST + offset;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port among a hundred from {FIRST} on");
}
