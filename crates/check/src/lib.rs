//! Checks the files of a server that is not running: whether they are whole, and what is in them.
//!
//! `ochre-check-rdb` is [`rdb`]. What Redis's tool of that name prints is printed here too, in the same form, since scripts read it;
//! what goes beyond it is asked for by options.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

pub mod rdb;
