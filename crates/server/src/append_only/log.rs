//! The file that is appended to.
//!
//! What was taken from the stream of effects and is not written yet stays here, so that a write that failed, or wrote a
//! part, is taken up where it ended. While much is written, whole blocks go past the page cache ([`Direct`]), and less than
//! a block may stay here for the next time. Offsets count the bytes of the stream, not those of the file, in which there are annotations too.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::sync::Arc;

use engine::EffectStream;
use persistence::aof::{checksum_line, timestamp_line};
use persistence::crc64::Running;

use super::direct::{BLOCK, Direct};

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
    direct: Way,
    /// A write past the page cache has failed: maybe the file is longer than what is known to be in it.
    is_unsure: bool,
    /// Files before it that are not forced to the disk yet.
    pub(super) unsynced: Vec<Arc<File>>,
}

/// The way past the page cache.
#[derive(Debug)]
enum Way {
    /// Nobody has wanted it yet.
    Untried,
    Open(Direct),
    /// The file system has none.
    Closed,
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
            direct: Way::Untried,
            is_unsure: false,
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
        self.ascertain()?;
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

    /// Writes the whole blocks of what was taken past the page cache, and leaves the rest; or all of it as [`write`](Log::write) does, where that
    /// cannot be done.
    pub(super) fn write_blocks(&mut self) -> io::Result<()> {
        self.ascertain()?;
        if matches!(self.direct, Way::Untried) {
            self.direct = Direct::open(&self.file).map_or(Way::Closed, Way::Open);
        }
        let beyond = self.bytes % BLOCK as u64;
        if beyond != 0 {
            let start = self.gather(usize::try_from(beyond).map_or(0, |beyond| BLOCK - beyond));
            let count = (&*self.file).write(&start)?;
            self.advance(count);
        }
        loop {
            let filled = self.fill();
            let Way::Open(direct) = &self.direct else { return self.write().map(|_| ()) };
            if filled == 0 {
                return Ok(());
            }
            match direct.write(filled, self.bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_refused(&error) => self.direct = Way::Closed,
                Err(error) => {
                    self.is_unsure = true;
                    return Err(error);
                }
            }
            if !self.bytes.is_multiple_of(BLOCK as u64) {
                // The disk is full, or nearly.
                return self.write().map(|_| ());
            }
        }
    }

    /// Sees to it that the file ends where what is known to be in it does.
    fn ascertain(&mut self) -> io::Result<()> {
        if self.is_unsure {
            self.file.set_len(self.bytes)?;
            self.is_unsure = false;
        }
        Ok(())
    }

    /// The first bytes that are not written yet, at most so many.
    fn gather(&self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(most);
        let mut skipped = self.written;
        for piece in &self.pieces {
            let rest = piece.get(std::mem::take(&mut skipped)..).unwrap_or_default();
            let room = most - bytes.len();
            bytes.extend_from_slice(rest.get(..room).unwrap_or(rest));
        }
        bytes
    }

    /// Puts as many whole blocks as there is room for where they can be written from; how many bytes that are.
    fn fill(&mut self) -> usize {
        let Way::Open(direct) = &mut self.direct else { return 0 };
        let room = direct.room();
        let mut filled = 0;
        let mut skipped = self.written;
        for piece in &self.pieces {
            let rest = piece.get(std::mem::take(&mut skipped)..).unwrap_or_default();
            let free = room.get_mut(filled..).unwrap_or_default();
            let count = rest.len().min(free.len());
            if let (Some(to), Some(from)) = (free.get_mut(..count), rest.get(..count)) {
                to.copy_from_slice(from);
            }
            filled += count;
            if filled == room.len() {
                break;
            }
        }
        filled - filled % BLOCK
    }

    /// Bytes that were taken and are not written.
    pub(super) fn unwritten(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum::<usize>() - self.written
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

/// Whether the file system does not write in this way.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// Pieces in one system call.
const SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use engine::testing::Server;
    use persistence::aof::{Item, Reader};
    use proptest::prelude::*;

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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whichever way each part goes, the file is the stream.
        #[test]
        fn blocks_and_the_rest_together_are_the_stream(
            parts in prop::collection::vec((1_usize..200_000, any::<bool>()), 1..12),
        ) {
            let file = tempfile::NamedTempFile::new().expect("a file");
            let appended = std::fs::OpenOptions::new().append(true).open(file.path());
            let mut log = Log::new(appended.expect("it is there"), 0, 0, None);
            let mut expected = Vec::new();
            for (number, (length, in_blocks)) in parts.iter().enumerate() {
                let piece: Vec<u8> = (0..*length).map(|at| (at * 7 + number).to_le_bytes()[0]).collect();
                expected.extend_from_slice(&piece);
                log.pieces.push(piece);
                if *in_blocks {
                    log.write_blocks().expect("there is room");
                    prop_assert!(log.unwritten() < BLOCK);
                } else {
                    log.write().expect("there is room");
                    prop_assert!(log.is_written());
                }
                let bytes = std::fs::read(file.path()).expect("it is there");
                prop_assert_eq!(bytes.len() as u64, log.bytes);
                prop_assert_eq!(bytes.len() + log.unwritten(), expected.len());
                prop_assert!(expected.starts_with(&bytes));
            }
        }
    }

    #[test]
    fn what_a_failed_write_may_have_left_is_cut_off() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let appended = std::fs::OpenOptions::new().append(true).open(file.path());
        let mut log = Log::new(appended.expect("it is there"), 0, 0, None);
        log.pieces.push(b"first".to_vec());
        log.write().expect("there is room");
        std::fs::write(file.path(), b"first and something else").expect("there is room");
        log.is_unsure = true;
        log.pieces.push(b" second".to_vec());
        log.write().expect("there is room");
        assert_eq!(std::fs::read(file.path()).expect("it is there"), b"first second");
    }
}
