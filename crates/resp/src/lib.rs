//! Reads and writes RESP2 and RESP3 in buffers that the caller owns, with limits.
//!
//! Nothing here does I/O. A server hands [`RequestParser`] the bytes that it read and gets [`Words`]
//! that point into them; its commands write through [`Reply`] into an [`Output`], which it then
//! writes to the socket. [`Value`] is the other end: it decodes replies for clients and tests.
//!
//! Invariants:
//! - No bytes from outside make this crate panic, and none make it reserve memory before they
//!   arrived themselves.
//! - A reply's bytes are exactly those of Redis 7.4.
//! - An error reply is one line, whatever it quotes.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "a test may stop at what it did not expect"
    )
)]

pub mod error;
pub mod limits;
pub mod number;
pub mod output;
pub mod reply;
pub mod request;
pub mod value;

pub use error::ReplyError;
pub use output::{Mark, Output};
pub use reply::{Deferred, Protocol, Reply};
pub use request::{
    Batch, OwnedWords, ParseStatus, ProtocolError, RequestLimits, RequestParser, Span, Words,
};
pub use value::{DecodeError, Value};
