//! Numbers as text, exactly as Redis reads and writes them.

mod big;
mod float;
mod integer;
mod literal;
mod long_double;
mod rounding;
mod shortest;

#[cfg(test)]
mod tests;

pub use float::{
    parse_bound, parse_double, write_double, write_double_in_full, write_double_shortly,
};
pub use integer::{digits, parse_integer, parse_unsigned, write_integer, write_unsigned};
pub use long_double::LongDouble;

/// Appends `number` with zeros before it, so that it has `width` digits.
fn write_padded(number: u64, width: usize, output: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let text = buffer.format(number).as_bytes();
    output.extend(std::iter::repeat_n(b'0', width.saturating_sub(text.len())));
    output.extend_from_slice(text);
}
