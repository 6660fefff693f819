//! Checks the files of a server that is not running: whether they are whole, and what is in them.
//!
//! `ochre-check-rdb` is [`rdb`], `ochre-check-aof` is [`aof`]. What Redis's tools of these names print is printed here too, in the same form, since scripts read it;
//! what goes beyond it is asked for by options.

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
pub mod rdb;
