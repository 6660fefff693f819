//! Requests: from a connection's bytes to the words of its calls.
//!
//! A connection's input is one buffer of bytes. [`RequestParser`] finds the complete requests in it
//! and notes in a [`Batch`] where their words lie; nothing is copied but the words of inline
//! requests, whose quotes and escapes must go. [`Words`] is what a command sees of its call.
//!
//! ```text
//!   buffer  *2\r\n$3\r\nGET\r\n$1\r\nk\r\n*2\r\n$3\r\nGE
//!           ^-- base of request 0           ^-- consumed: here the next one begins
//!   spans           [8, 3)      [17, 1)
//! ```
//!
//! Spans count from the beginning of their request, so a partial request survives when the bytes
//! before it are dropped from the buffer.

mod batch;
mod error;
mod inline;
mod parser;
mod words;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use error::ProtocolError;
pub use parser::{ParseStatus, RequestLimits, RequestParser};
pub use words::{OwnedWords, Span, Words};
