//! Lua for scripts and functions, in an interpreter that reaches nothing but the server's commands.
//!
//! The interpreter is `LuaJIT` without its compiler: its language is that of Lua 5.1, it can be interrupted and held to a limit of
//! memory, and it is the fastest of its kind. What scripts find is made in `prelude.lua`: the tables are proxies that cannot be
//! changed, there is no way to files, to compiled code or to the debugger.
//!
//! Commands, the log and the clock come from a [`Host`], which is lent to the interpreter for the length of a script.
//!
//! Invariants:
//! - One script's failure, of any kind, leaves nothing behind for the next.
//! - Whatever a script does ends with a value or an error, unless the host lets it run.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "of Lua's kinds of values only some mean anything to a server"
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "tests may fail"
    )
)]

mod answer;
mod bridge;
mod convert;
mod function;
mod host;
mod interpreter;
mod interrupt;
mod libraries;
mod native;
mod pattern;
mod random;
mod search;
mod stack;
mod watch;

#[cfg(test)]
mod tests;

pub use answer::ErrorReply;
pub use function::{Flags, Registered, is_name};
pub use host::{Host, LogLevel, Progress, Replication};
pub use interpreter::{Failure, Given, Interpreter, Purpose, Replied, Script};

/// The name of a script: the SHA-1 digest of its source, in hexadecimal digits.
pub fn name_of(source: &[u8]) -> String {
    use sha1::Digest;
    native::hexadecimal(&sha1::Sha1::digest(source))
}
