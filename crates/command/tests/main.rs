//! Declarations held against Redis 7.4: what follows from its facts for all of its commands, and what
//! a dozen commands declared here say of themselves.
//!
//! `facts.json`, `syntax.json`, `descriptions.json` and `keys.json` were recorded from Redis 7.4.1 and
//! its command line. Texts are replaced by `-`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::allow_attributes,
    reason = "a test ends at the first surprise"
)]

mod derived;
mod described;
mod generated;
mod keys;
mod known;
mod toy;
