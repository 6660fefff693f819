//! 64-bit floats.

/// The number that `text` is, if Redis reads it as one: what C's `strtod` reads whole, but no
/// leading space, no NaN, nothing that overflows to infinity and nothing that underflows to zero.
pub fn parse_double(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

/// Appends `value` as Redis 7.4 writes it.
pub fn write_double(value: f64, output: &mut Vec<u8>) {
    if value.is_nan() {
        output.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        output.extend_from_slice(if value < 0.0 { b"-inf" } else { b"inf" });
    } else {
        output.extend_from_slice(value.to_string().as_bytes());
    }
}
