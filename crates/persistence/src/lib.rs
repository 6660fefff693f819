//! The files and payloads in which Redis keeps data, as bytes: reading and writing them, without a file or a socket of its own.
//!
//! Everything that is read may come from anybody: every length is checked before it is believed, memory is taken as bytes
//! arrive, and what cannot be is an [`Error`] that says where.

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
        reason = "tests may fail"
    )
)]

pub mod aof;
pub mod crc64;
pub mod digest;
pub mod dump;
mod error;
pub mod rdb;

pub use error::{Corrupt, Error};
