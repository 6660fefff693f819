//! The link to the primary that this server follows, on a thread of its own.
//!
//! ```text
//!   order (REPLICAOF, configuration) --> link --> connect --> handshake --> full sync --> stream --+
//!                                         ^                        \------- partial ----^          |
//!                                         +---------------- the link is lost, or another order ----+
//! ```
//!
//! The thread does one thing at a time, waits for nothing without a limit, and is woken by a [`Bell`](crate::bell::Bell) when what it does is not wanted any
//! more. It alone moves a replica's position in the history; whether an order still holds it asks with all gates closed, so that nothing of an old
//! primary is applied once REPLICAOF was answered.
//!
//! Nothing half loaded is ever visible. A payload that goes to a file first, and one that is loaded as it comes, replace the data while
//! clients are told `-LOADING`; if that fails, there is no data. With `repl-diskless-load swapdb` what comes is kept beside the data until it is whole.

mod full_sync;
mod link;
mod payload;
mod stream;
mod wire;

pub(crate) use link::Link;
