//! Numbers as text, exactly as Redis reads and writes them.

mod float;
mod integer;

pub use float::{parse_double, write_double};
pub use integer::{digits, parse_integer, parse_unsigned, write_integer, write_unsigned};
