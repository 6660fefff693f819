//! Data structures that know nothing of a server.
//!
//! Bytes from outside reach some of these modules (patterns, keys, strings to compare), so the lints that forbid
//! unchecked indexing and arithmetic are on for the whole crate; [`hash_table`], which only ever handles indexes of its
//! own making, lifts them; it, [`packed_bytes`] and `hash::field` are the only modules with `unsafe`. So do those parts of [`list_pack`] that read what has been checked.
//! own making, lifts them. So do those parts of [`list_pack`] that read what has been checked. `unsafe` is in [`hash_table`],
//! [`packed_bytes`], `hash::field`, and where [`sorted_set`] points to a member twice.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

pub mod bits;
mod collection;
pub mod geo_hash;
pub mod glob;
pub mod hash;
pub mod hash_table;
mod hashing;
pub mod hyper_log_log;
pub mod int_set;
mod journal;
pub mod list;
pub mod list_pack;
pub mod longest_common_subsequence;
mod look_ahead;
pub mod lzf;
mod names;
pub mod packed_bytes;
pub mod pieces;
pub mod set;
pub mod slot;
pub mod sorted_set;
pub mod stream;

pub use collection::{Collection, Encoding, Kind, Object, ObjectRef};
pub use hash::Hash;
pub use hash_table::HashTable;
pub use int_set::{IntSet, IntSetRef};
pub use list::List;
pub use list_pack::{ListPack, ListPackRef};
pub use packed_bytes::PackedBytes;
pub use set::Set;
pub use sorted_set::SortedSet;
pub use stream::Stream;
