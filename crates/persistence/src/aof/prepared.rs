//! Space that a file has for what will be written to it, and how its end is found after a crash.
//!
//! What is appended makes a file longer, and a journal has to bring that to the disk beside the bytes. Where space is
//! there already, and holds something, only the bytes are brought there. So while each write is forced to the disk, the file is longer than what it holds:
//!
//! ```text
//!  ... commands | #CRC64:...\r\n | #----\n | #-- ... --\r\n | #-- ... --\r\n | ... to the end of the file
//!                  the last write     pad        filler, each line at a multiple of its length
//! ```
//!
//! Pad and filler are annotations, which servers skip, and the next write takes their place.
//!
//! A write that the machine does not survive may be **torn**: some of its sectors hold what was there before, which is pad
//! and filler. The checksum at its end tells that something is wrong, and [`is_torn`] whether it is this: then nobody was told that it
//! is on the disk, and it is cut off. Bytes that are wrong in any other way are damage, which is not guessed at.

use std::io::{self, Read, Seek, SeekFrom};

use super::checksum::{CHECKSUM, CHECKSUM_LINE_BYTES};

/// The most that is written at once to space that was prepared.
pub const PREPARED_WRITE_BYTES: usize = 64 << 10;
/// The most that may be on its way to the disk at once: a write, and one behind it that somebody else has begun.
pub const PREPARED_UNSYNCED_BYTES: usize = 2 * PREPARED_WRITE_BYTES;
/// The length of a line of filler. Redis reads annotations of up to 127 bytes.
const FILLER_LINE_BYTES: usize = 64;
/// What a disk writes completely or not at all.
const SECTOR_BYTES: usize = 512;
/// The longest pad: a line cannot be of a single byte.
const LONGEST_PAD_BYTES: usize = FILLER_LINE_BYTES + 1;
/// Bytes that are looked through at once.
const PART_BYTES: usize = 64 << 10;

const FILLER_LINE: [u8; FILLER_LINE_BYTES] = {
    let mut line = [b'-'; FILLER_LINE_BYTES];
    line[0] = b'#';
    line[FILLER_LINE_BYTES - 2] = b'\r';
    line[FILLER_LINE_BYTES - 1] = b'\n';
    line
};

/// The length of the pad after something that ends at `offset`.
pub fn pad_bytes(offset: u64) -> usize {
    match beyond(offset, FILLER_LINE_BYTES) {
        0 => 0,
        63 => LONGEST_PAD_BYTES,
        beyond => FILLER_LINE_BYTES.saturating_sub(beyond),
    }
}

/// How far an offset lies behind the last multiple of a unit.
fn beyond(offset: u64, unit: usize) -> usize {
    offset
        .checked_rem(unit as u64)
        .and_then(|beyond| usize::try_from(beyond).ok())
        .unwrap_or_default()
}

/// Fills these bytes of a file, behind something that ends at `offset`: with the pad, which fits in, and filler.
pub fn fill(bytes: &mut [u8], offset: u64) {
    let (pad, filler) = bytes.split_at_mut(pad_bytes(offset).min(bytes.len()));
    pad.fill(b'-');
    if let Some(first) = pad.first_mut() {
        *first = b'#';
    }
    if let Some(last) = pad.last_mut() {
        *last = b'\n';
    }
    for line in filler.chunks_mut(FILLER_LINE_BYTES) {
        line.copy_from_slice(FILLER_LINE.get(..line.len()).unwrap_or_default());
    }
}

/// Where the filler at the end of a file begins; its size if there is none. The file is left at its beginning. Where all can be read,
/// [`Reader::space_offset`](super::Reader::space_offset) knows better: what looks like filler may belong to a value.
pub fn filler_offset<F: Read + Seek>(file: &mut F) -> io::Result<u64> {
    const LINE: u64 = FILLER_LINE_BYTES as u64;
    let size = file.seek(SeekFrom::End(0))?;
    let mut end = size;
    let mut part = vec![0; PART_BYTES];
    while end.is_multiple_of(LINE) && 0 < end {
        let begin = end.saturating_sub(PART_BYTES as u64);
        let length = usize::try_from(end.saturating_sub(begin)).unwrap_or_default();
        let bytes = part.get_mut(..length).unwrap_or_default();
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(bytes)?;
        let lines = bytes.rchunks(FILLER_LINE_BYTES).take_while(|line| **line == FILLER_LINE);
        let filled = lines.count().saturating_mul(FILLER_LINE_BYTES);
        end = end.saturating_sub(filled as u64);
        if filled < length {
            break;
        }
    }
    file.rewind()?;
    Ok(end)
}

/// Whether a file that ends in filler may be so because its last write is torn. `bytes` are those from `offset` on, for which no checksum vouches,
/// up to the filler.
pub fn is_torn(bytes: &[u8], offset: u64) -> bool {
    if PREPARED_UNSYNCED_BYTES.saturating_add(LONGEST_PAD_BYTES) < bytes.len() {
        return false;
    }
    if !ends_with_checksum(bytes) {
        return true;
    }
    let mut end = SECTOR_BYTES.saturating_sub(beyond(offset, SECTOR_BYTES));
    // Of the sector that it begins in, little may belong to it.
    if end <= LONGEST_PAD_BYTES {
        let mut expected = [0; LONGEST_PAD_BYTES];
        fill(&mut expected, offset);
        if bytes.get(..end) == expected.get(..end) {
            return true;
        }
        end = end.saturating_add(SECTOR_BYTES);
    }
    while end <= bytes.len() {
        if bytes.get(end.saturating_sub(FILLER_LINE_BYTES)..end) == Some(&FILLER_LINE) {
            return true;
        }
        end = end.saturating_add(SECTOR_BYTES);
    }
    false
}

/// Whether a line is a pad, or filler.
pub(super) fn is_space(line: &[u8]) -> bool {
    let text = line.strip_prefix(b"#").and_then(|line| line.strip_suffix(b"\n"));
    let text = text.map(|text| text.strip_suffix(b"\r").unwrap_or(text));
    text.is_some_and(|text| text.iter().all(|byte| *byte == b'-'))
}

/// Whether the last that there is but for a pad is a line with a checksum.
fn ends_with_checksum(bytes: &[u8]) -> bool {
    let before_last = bytes.get(..bytes.len().saturating_sub(1)).unwrap_or_default();
    let last = memchr::memrchr(b'\n', before_last).map_or(0, |at| at.saturating_add(1));
    let (before, line) = bytes.split_at(last);
    let bytes = if is_space(line) { before } else { bytes };
    let line = bytes.last_chunk::<CHECKSUM_LINE_BYTES>().copied().unwrap_or_default();
    line.starts_with(CHECKSUM) && line.ends_with(b"\r\n")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::{Item, Reader, checksum_line};
    use super::*;
    use crate::crc64;

    /// Two writes, the first on the disk, and space behind them; with the offset where the second begins.
    fn file(first: &[u8], second: &[u8]) -> (Vec<u8>, usize) {
        let mut bytes = Vec::new();
        let mut begin = 0;
        for value in [first, second] {
            begin = bytes.len();
            let length = value.len();
            bytes.extend_from_slice(format!("*2\r\n$4\r\nECHO\r\n${length}\r\n").as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
            let checksum = crc64::checksum(&bytes[begin..]);
            bytes.extend_from_slice(&checksum_line(checksum));
        }
        (bytes, begin)
    }

    /// The file as it is on the disk after so many of its bytes were written.
    fn with_space(content: &[u8]) -> Vec<u8> {
        let size = (content.len() + LONGEST_PAD_BYTES).next_multiple_of(4096) + 4096;
        let mut bytes = content.to_vec();
        bytes.resize(size, 0);
        fill(&mut bytes[content.len()..], content.len() as u64);
        bytes
    }

    proptest! {
        #[test]
        fn pad_and_filler_are_annotations_and_their_beginning_is_found(length in 0_usize..2000) {
            let (content, _) = file(b"first", &vec![b'v'; length]);
            let bytes = with_space(&content);
            let end = filler_offset(&mut Cursor::new(&bytes)).expect("it is in memory");
            prop_assert_eq!(end, (content.len() + pad_bytes(content.len() as u64)) as u64);
            let mut reader = Reader::new(bytes.as_slice(), 0);
            let mut commands = 0;
            while let Some(item) = reader.next().expect("it is right") {
                commands += u32::from(item == Item::Command);
            }
            prop_assert_eq!(commands, 2);
            prop_assert_eq!(reader.unverified_offset(), content.len() as u64);
        }

        /// Whichever sectors of a write are missing, it is seen, and no other write is doubted.
        #[test]
        fn a_torn_write_is_told_from_a_damaged_one(
            lengths in (0_usize..3000, 0_usize..3000),
            missing in prop::collection::vec(any::<bool>(), 8),
            flipped in any::<prop::sample::Index>(),
        ) {
            let values = (vec![b'a'; lengths.0], vec![b'b'; lengths.1]);
            let (content, begin) = file(&values.0, &values.1);
            let whole = with_space(&content);
            let before = {
                let mut before = with_space(&content[..begin]);
                before.resize(whole.len(), 0);
                fill(&mut before[begin..], begin as u64);
                before
            };
            let mut torn = whole.clone();
            for (sector, _) in missing.iter().enumerate().filter(|(_, missing)| **missing) {
                let sector = sector * SECTOR_BYTES..((sector + 1) * SECTOR_BYTES).min(whole.len());
                torn[sector.clone()].copy_from_slice(&before[sector]);
            }
            let unverified = |bytes: &[u8]| {
                let end = filler_offset(&mut Cursor::new(bytes)).expect("it is in memory");
                bytes[begin..usize::try_from(end).expect("it is short").max(begin)].to_vec()
            };
            if torn != whole {
                prop_assert!(is_torn(&unverified(&torn), begin as u64));
            }
            prop_assert!(!is_torn(&unverified(&whole), begin as u64));
            // Not within the last line, which is looked for.
            let at = begin + flipped.index(content.len() - begin - CHECKSUM_LINE_BYTES);
            let mut damaged = whole;
            damaged[at] ^= 1;
            prop_assert!(!is_torn(&unverified(&damaged), begin as u64));
        }
    }

    #[test]
    fn a_file_without_filler_ends_where_it_ends() {
        for bytes in [&b""[..], b"*1\r\n$4\r\nPING\r\n", &[b'#'; 4096], &[0; 64]] {
            let end = filler_offset(&mut Cursor::new(bytes)).expect("it is in memory");
            assert_eq!(end, bytes.len() as u64);
        }
        let filler = FILLER_LINE.repeat(5000);
        assert_eq!(filler_offset(&mut Cursor::new(filler)).expect("it is in memory"), 0);
    }
}
