//! The bytes on the wire: what the protocol allows, and what happens to everything else.
//!
//! The texts of errors are those of Redis 7.4; `OCHRE_SERVER` runs all of this on a real one.

mod connections;
mod errors;
mod greeting;
mod limits;
mod pipelines;
