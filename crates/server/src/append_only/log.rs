//! The file that is appended to.
//!
//! What was taken from the stream of effects and is not written yet stays here, so that a write that failed, or wrote a
//! part, is taken up where it ended. Offsets count the bytes of the stream, not those of the file, in which there are annotations too.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::sync::Arc;

use engine::EffectStream;
use persistence::aof::{checksum_line, timestamp_line};
use persistence::crc64::Running;

/// Room for effects that is kept while nothing is written.
const SPARE_BYTES: usize = 1 << 20;

/// The file that is appended to.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) file: Arc<File>,
    /// Bytes in it.
    pub(super) bytes: u64,
    /// Which file it is of those that this process has opened.
    pub(super) generation: u64,
    /// What is to be written, in order.
    pieces: Vec<Vec<u8>>,
    /// How much of the first piece is written.
    written: usize,
    /// Where the stream ended when something was last taken.
    taken_end: u64,
    /// Of the bytes since the last line with a checksum, if there are to be such lines.
    checksum: Option<Running>,
    /// The unix time in s that was noted last.
    noted_s: i64,
    spare: Vec<u8>,
    /// Files before it that are not forced to the disk yet.
    pub(super) unsynced: Vec<Arc<File>>,
}

impl Log {
    /// A file of so many bytes. `checksum` is of those in it for which no line vouches.
    pub(super) fn new(file: File, bytes: u64, generation: u64, checksum: Option<Running>) -> Log {
        Log {
            file: Arc::new(file),
            bytes,
            generation,
            pieces: Vec::new(),
            written: 0,
            taken_end: 0,
            checksum,
            noted_s: 0,
            spare: Vec::new(),
            unsynced: Vec::new(),
        }
    }

    /// Goes on where another file has ended, which is written completely.
    pub(super) fn follow(&mut self, other: &mut Log) {
        self.taken_end = other.taken_end;
        self.unsynced.append(&mut other.unsynced);
        self.unsynced.push(Arc::clone(&other.file));
    }

    /// Takes what was recorded, to write it. `noted_s` is the unix time in s, if it is to be noted.
    pub(super) fn take(&mut self, effects: &EffectStream, noted_s: Option<i64>) {
        let before = self.pieces.len();
        self.taken_end = effects.take_pieces(&mut self.pieces, std::mem::take(&mut self.spare));
        if self.pieces.len() == before {
            return;
        }
        if let Some(now_s) = noted_s.filter(|now_s| *now_s != self.noted_s) {
            self.noted_s = now_s;
            self.pieces.insert(before, timestamp_line(now_s));
        }
        if let Some(checksum) = &mut self.checksum {
            self.pieces.iter().skip(before).for_each(|piece| checksum.update(piece));
            let line = checksum_line(checksum.value());
            *checksum = Running::new();
            if let Some(last) = self.pieces.last_mut() {
                last.extend_from_slice(&line);
            }
        }
    }

    /// Writes all that was taken; gives where the stream ended then.
    pub(super) fn write(&mut self) -> io::Result<u64> {
        while !self.pieces.is_empty() {
            let count = {
                let mut skipped = self.written;
                let slices: Vec<IoSlice<'_>> = self
                    .pieces
                    .iter()
                    .take(SLICES)
                    .map(|piece| {
                        let rest = piece.get(std::mem::take(&mut skipped)..).unwrap_or_default();
                        IoSlice::new(rest)
                    })
                    .collect();
                match (&*self.file).write_vectored(&slices) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                }
            };
            self.advance(count);
        }
        Ok(self.taken_end)
    }

    fn advance(&mut self, count: usize) {
        self.bytes += count as u64;
        self.written += count;
        let mut whole = 0;
        for piece in &self.pieces {
            if self.written < piece.len() {
                break;
            }
            self.written -= piece.len();
            whole += 1;
        }
        for mut piece in self.pieces.drain(..whole) {
            if self.spare.capacity() < piece.capacity() && piece.capacity() <= SPARE_BYTES {
                piece.clear();
                self.spare = piece;
            }
        }
    }

    /// Where the stream ended when something was last taken.
    pub(super) fn taken_end(&self) -> u64 {
        self.taken_end
    }

    /// Whether all that was taken is written.
    pub(super) fn is_written(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes in the file, which grow with whatever is written.
    pub(super) fn written_end(&self) -> u64 {
        self.bytes
    }
}

/// Pieces in one system call.
const SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use engine::testing::Server;
    use persistence::aof::{Item, Reader};

    use super::*;

    #[test]
    fn what_was_recorded_is_written_with_its_checksum_and_time() {
        let mut server = Server::new();
        server.engine.effects.listen();
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut log = Log::new(file.reopen().expect("it is there"), 0, 0, Some(Running::new()));
        for (now_s, value) in [(100, "1"), (100, "2"), (101, "3")] {
            server.answer(&["SET", "key", value]);
            log.take(&server.engine.effects, Some(now_s));
            let end = log.write().expect("there is room");
            assert_eq!(end, server.engine.effects.end());
        }
        let bytes = std::fs::read(file.path()).expect("it is there");
        assert_eq!(bytes.len() as u64, log.bytes);
        let mut reader = Reader::new(bytes.as_slice(), 0);
        let mut items = Vec::new();
        while let Some(item) = reader.next().expect("it is whole") {
            items.push(item);
        }
        let expected = [
            Item::Timestamp(100),
            Item::Command,
            Item::Command,
            Item::Checksum,
            Item::Command,
            Item::Checksum,
            Item::Timestamp(101),
            Item::Command,
            Item::Checksum,
        ];
        assert_eq!(items, expected, "SELECT is the first command");
        assert_eq!(reader.unverified_offset(), log.bytes);
    }
}
