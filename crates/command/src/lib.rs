//! The vocabulary in which a command declares itself, and what follows from a declaration alone.
//!
//! A [`Command`] is constant data beside the function that runs it; [`argument`] holds the words for
//! its grammar and [`KeySpec`] those for its keys. Nothing here knows what any command does, and
//! nothing here knows a socket, a keyspace or a clock.

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
        clippy::allow_attributes,
        reason = "a test ends at the first surprise"
    )
)]

mod acl;
pub mod argument;
mod arity;
mod cursor;
mod declaration;
pub mod describe;
#[cfg(feature = "facts")]
pub mod facts;
mod flags;
#[cfg(feature = "generate")]
pub mod generate;
mod key_spec;
pub mod keys;
mod syntax;
mod table;

pub use acl::Categories;
pub use arity::admits;
pub use cursor::{Arguments, Keyword};
pub use declaration::{Command, Group, LowerName, Sought};
pub use flags::Flags;
pub use key_spec::{Begin, Find, KeyFlags, KeySpec, LegacyRange};
pub use keys::{KeyError, KeyFinder, KeyLayout, KeyPosition, KeyPositions, Search};
pub use table::{CommandId, Entry, Table};
