//! How the files are called. `prefix` is what `appendfilename` says.

/// The manifest.
pub fn manifest_name(prefix: &[u8]) -> Vec<u8> {
    [prefix, b".manifest"].concat()
}

/// A base file: a snapshot, or commands.
pub fn base_name(prefix: &[u8], number: u64, is_snapshot: bool) -> Vec<u8> {
    let ending: &[u8] = if is_snapshot { b".base.rdb" } else { b".base.aof" };
    numbered(prefix, number, ending)
}

/// A file of commands since the base was made.
pub fn incremental_name(prefix: &[u8], number: u64) -> Vec<u8> {
    numbered(prefix, number, b".incr.aof")
}

/// A file that takes the place of another one when it is complete.
pub fn temporary_name(name: &[u8]) -> Vec<u8> {
    [b"temp-", name].concat()
}

fn numbered(prefix: &[u8], number: u64, ending: &[u8]) -> Vec<u8> {
    [prefix, b".", number.to_string().as_bytes(), ending].concat()
}
