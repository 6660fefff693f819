//! Memory that is there before it is asked for: huge pages, made ready by a thread of its own.
//!
//! The first touch of a page makes the kernel find and clear it. For a huge page of 2 MiB that takes a quarter of a millisecond;
//! on a virtual machine whose host has taken the memory back, more than five, in which the worker that touched it serves
//! nobody. Huge pages are worth having all the same (see `.cargo/config.toml`). So:
//!
//! - jemalloc's arenas of the threads that ask for it ([`use_here`]) grow by one [`CHUNK`] at a time, from our hooks ([`hooks`]);
//! - a thread ([`start`]) keeps a few chunks ready ([`pool`]) that are touched already, more while they are taken fast;
//! - who finds none ready gets one that it touches itself: by huge pages where those come fast, by small ones where they
//!   do not, which cost more in all but never much at once; unless the thread gets no time at all, for then throughput counts
//!   ([`Demand`]).
//!
//! The thread holds no lock while it touches memory; where pages come slowly it takes only the time of a core that has nothing
//! else to do. Requests larger than a chunk, and jemalloc's own tables, are mapped as they are asked for.

mod hooks;
mod pool;
mod region;
#[cfg(test)]
mod tests;
mod thread;

pub use hooks::{Demand, use_here};
pub use thread::start;

/// What is prepared at once, in bytes: a huge page of the architectures that this server supports, where pages are of 4 KiB.
const CHUNK: usize = 2 << 20;
