//! The annotations in a file of commands.

/// What a line with a checksum begins with.
pub(super) const CHECKSUM: &[u8] = b"#CRC64:";
/// What a line with a time begins with.
pub(super) const TIMESTAMP: &[u8] = b"#TS:";
/// The length of a line with a checksum.
pub const CHECKSUM_LINE_BYTES: usize = 7 + 16 + 2;

/// The line that says the checksum of all bytes since the last such line, or since the beginning of the file.
pub fn checksum_line(checksum: u64) -> [u8; CHECKSUM_LINE_BYTES] {
    let mut line = *b"#CRC64:0000000000000000\r\n";
    let digits = line.iter_mut().skip(CHECKSUM.len()).take(16);
    for (place, shift) in digits.zip((0..16_u32).rev()) {
        let nibble = checksum.wrapping_shr(shift.wrapping_mul(4)) & 15;
        let digit = u32::try_from(nibble).ok().and_then(|nibble| char::from_digit(nibble, 16));
        *place = digit.and_then(|digit| u8::try_from(digit).ok()).unwrap_or(b'0');
    }
    line
}

/// The checksum in the rest of such a line.
pub(super) fn parse_checksum(digits: &[u8]) -> Option<u64> {
    if digits.len() != 16 {
        return None;
    }
    let text = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(text, 16).ok()
}

/// The line that says the unix time in seconds at which the commands after it were executed.
pub fn timestamp_line(unix_s: i64) -> Vec<u8> {
    format!("#TS:{unix_s}\r\n").into_bytes()
}
