//! For tests: real servers on free ports, a client, the oracle, faults.
//!
//! [`Launch`] says how a server is started, [`Server`] is one that runs and that ends when it is
//! dropped, [`Client`] talks to it with a deadline on everything, and [`Oracle`] finds real Redis
//! servers to compare with. All of it works the same for `ochre-server` and for `redis-server`, so
//! that a test can be proven on the real one first.
//!
//! Invariants: nothing waits for ever, no process outlives the value that started it, and every
//! choice at random comes from a [`Random`] whose seed the test can print.

mod client;
mod history;
mod launch;
mod oracle;
mod port;
mod random;
mod server;
mod waiting;

pub use client::{Client, Protocol, Transport};
pub use history::{Call, Model, Recorder, Verdict, check};
pub use launch::{Ended, Launch, StartError};
pub use oracle::{Oracle, OracleMissing, Version};
pub use port::free_port;
pub use random::Random;
pub use resp::Value;
pub use rustix::process::Signal;
pub use server::{ProcessGuard, Server};
pub use waiting::{DEADLINE, wait_until, wait_until_within};
