//! The global allocator: jemalloc, with the memory in use counted per thread.
//!
//! `used_memory` decides about eviction and is what an operator sees, so it must be exact to the bytes that the
//! allocator sets aside, and cheap enough to keep up with every allocation. Three ideas make it so:
//!
//! - what an allocation takes follows from its layout alone ([`size_class`]), so that jemalloc need not be asked;
//! - each thread counts in a cache line of its own with a plain load and store ([`tally`]), and a reader sums them;
//! - freeing tells jemalloc the size, and resizing within a size class does not call it at all.
//!
//! A program uses it by declaring
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: ochre_allocator::Allocator = ochre_allocator::Allocator;
//! ```
//!
//! Only what goes through Rust's allocator is counted. jemalloc's symbols are prefixed, so C code that calls `malloc`
//! gets the C library's, and jemalloc may hand Rust memory that is aligned to 8 bytes only.

mod control;
mod global;
pub mod prepared;
pub mod size_class;
mod statistics;
mod tally;

pub use control::ControlError;
pub use global::Allocator;
pub use statistics::Statistics;
pub use statistics::purge;
pub use statistics::report;
pub use statistics::set_background_thread;
pub use statistics::statistics;
pub use statistics::version;
pub use tally::thread_used_memory;
pub use tally::used_memory;

#[cfg(test)]
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[cfg(test)]
mod tests;
