//! What can be wrong with a request. The connection is closed after it is told so.

use crate::error::ReplyError;

/// A request that breaks the protocol. `Display` gives Redis's text, without the code before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// An inline request without an end.
    #[error("Protocol error: too big inline request")]
    InlineTooLong,
    /// The line with the number of arguments has no end.
    #[error("Protocol error: too big mbulk count string")]
    CountTooLong,
    /// The line with the length of an argument has no end.
    #[error("Protocol error: too big bulk count string")]
    LengthTooLong,
    /// The number of arguments is no number, or too big.
    #[error("Protocol error: invalid multibulk length")]
    InvalidCount,
    /// The length of an argument is no number, negative or too big.
    #[error("Protocol error: invalid bulk length")]
    InvalidLength,
    /// Where an argument should begin, this byte stands instead of a dollar.
    #[error("Protocol error: expected '$', got '{}'", char::from(*.0))]
    ExpectedDollar(u8),
    /// An inline request with a quote that is not closed, or closed within a word.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    /// More arguments than a client may send before it authenticates.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedCount,
    /// A longer argument than a client may send before it authenticates.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedLength,
}

impl From<ProtocolError> for ReplyError {
    fn from(error: ProtocolError) -> ReplyError {
        // Any byte can stand in this one, and goes to the client as it came.
        if let ProtocolError::ExpectedDollar(byte) = error {
            let mut line = b"ERR Protocol error: expected '$', got '".to_vec();
            line.extend_from_slice(&[byte, b'\'']);
            return ReplyError::quoting(line);
        }
        ReplyError::Message(error.to_string().into())
    }
}
