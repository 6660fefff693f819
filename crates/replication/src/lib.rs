//! Identities, offsets, the backlog and the handshake of replication, without any I/O.
//!
//! A primary numbers the bytes of its stream. Who it is, and from which history its data came, is its [`Identity`]; a part of
//! the stream is kept in the [`Backlog`], from which all replicas are fed, and from which one that was away gets what it
//! missed, if it asks for bytes that are still there of a history that is this one ([`Identity::admits`]).
//!
//! **Offsets.** An *offset* is how many bytes of the stream there were: the end of what is known. A replica that has all of it
//! asks for the byte *after* that, and counts bytes from 1: it has 10 and asks for 11. Only [`handshake`] and [`joining`] deal with that
//! difference; everywhere else there are offsets.
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

pub mod backlog;
pub mod full_sync;
pub mod handshake;
pub mod identity;
pub mod joining;

pub use backlog::Backlog;
pub use handshake::{Capabilities, SyncRequest};
pub use identity::{Identity, ReplicationId};
