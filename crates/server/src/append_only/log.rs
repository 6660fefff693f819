//! The file that is appended to.
//!
//! What was taken from the stream of effects and is not written yet stays here, so that a write that failed, or wrote a
//! part, is taken up where it ended. While much is written, whole blocks go past the page cache ([`Direct`]), and less than
//! a block may stay here for the next time. To be written from where they are, bytes have to lie in memory as they will lie in the blocks of the
//! file; so the stream is given room with a gap before it, just as long that this holds, and what stayed here is put into the gap. While
//! each write is forced to the disk there is space behind the end of the file ([`Prepared`]), which others cut off. Offsets count the bytes of the stream, not those of the file, in which there are annotations too.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::sync::Arc;

use engine::EffectStream;
use persistence::aof::{CHECKSUM_LINE_BYTES, PREPARED_WRITE_BYTES, checksum_line, timestamp_line};
use persistence::crc64::Running;

use super::prepared::{NotWritten, Prepared};
use crate::direct::{BLOCK, Blocks, Direct, is_refused, whole_blocks};

/// Room for effects that is kept while nothing is written.
const SPARE_BYTES: usize = 2 << 20;
/// Room for effects while much is written.
const ROOM_BYTES: usize = 2 << 20;
/// Bytes that are copied for one write. More of them make it hardly cheaper.
const COPIED_BYTES: usize = 512 << 10;
/// The longest gap before what is recorded.
const GAP_BYTES: usize = 2 * BLOCK;

/// The file that is appended to.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) file: Arc<File>,
    /// Bytes in it.
    pub(super) bytes: u64,
    /// Which file it is of those that this process has opened.
    pub(super) generation: u64,
    /// What is to be written, in order.
    pieces: Vec<Piece>,
    /// Pieces that were taken just now: it is room for them.
    taken: Vec<Vec<u8>>,
    /// Where the stream ended when something was last taken.
    taken_end: u64,
    /// Of the bytes since the last line with a checksum, if there are to be such lines.
    checksum: Option<Running>,
    /// The unix time in s that was noted last.
    noted_s: i64,
    spare: Vec<u8>,
    direct: Way,
    /// The last write went that way, and the next is likely to.
    in_blocks: bool,
    condition: Condition,
    prepared: Prepared,
    /// All that is in the file is on the disk, and a line with a checksum vouches for it: what is torn behind it can be told.
    is_settled: bool,
    /// Files before it that are not forced to the disk yet.
    pub(super) unsynced: Vec<Arc<File>>,
}

/// What is known of a file after whatever was written to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Condition {
    /// It holds what it should.
    Good,
    /// A write past the page cache has failed: maybe it is longer than what is known to be in it.
    Unsure,
    /// Nobody knows what of it is on the disk.
    Broken,
}

/// How far a log was written at some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Written {
    pub(super) bytes: u64,
    /// Of which file.
    pub(super) generation: u64,
    /// All before that was on the disk, and a checksum vouched for it.
    pub(super) is_settled: bool,
}

/// Bytes to be written.
#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// Those before are written, or are none of it.
    start: usize,
}

impl Piece {
    fn new(bytes: Vec<u8>) -> Piece {
        Piece { bytes, start: 0 }
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

/// The way past the page cache.
#[derive(Debug)]
enum Way {
    /// Nobody has wanted it yet.
    Untried,
    /// With room for what cannot be written from where it is, made when it is needed.
    Open(Direct, Option<Blocks>),
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
            taken: Vec::new(),
            taken_end: 0,
            checksum,
            noted_s: 0,
            spare: Vec::new(),
            direct: Way::Untried,
            in_blocks: false,
            condition: Condition::Good,
            prepared: Prepared::new(),
            is_settled: false,
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
        let gap = self.take_pieces(effects);
        let Some(first) = self.pieces.get_mut(before) else { return };
        first.start = gap;
        if let Some(now_s) = noted_s.filter(|now_s| *now_s != self.noted_s) {
            self.noted_s = now_s;
            self.pieces.insert(before, Piece::new(timestamp_line(now_s)));
        }
        if let Some(checksum) = &mut self.checksum {
            self.pieces.iter().skip(before).for_each(|piece| checksum.update(piece.rest()));
            let line = checksum_line(checksum.value());
            *checksum = Running::new();
            if let Some(last) = self.pieces.last_mut() {
                last.bytes.extend_from_slice(&line);
            }
        }
    }

    /// The same, without what is noted beside it. Gives how long the gap in the first piece is, if there is one.
    fn take_pieces(&mut self, effects: &EffectStream) -> usize {
        let mut room = std::mem::take(&mut self.spare);
        let in_blocks = self.in_blocks;
        let first_block = if in_blocks { prepare_gap(&mut room) } else { 0 };
        let noted = if self.checksum.is_some() { CHECKSUM_LINE_BYTES } else { 0 };
        let begin = self.bytes + (self.unwritten() + noted) as u64;
        // What comes next will lie so far behind the beginning of a block of the file.
        let gap = |taken: usize| {
            let beyond = (begin + taken as u64) % BLOCK as u64;
            if in_blocks { first_block + usize::try_from(beyond).unwrap_or_default() } else { 0 }
        };
        let taken = effects.take_pieces(&mut self.taken, &mut room, gap);
        self.taken_end = taken.end;
        // If nothing was recorded.
        recycle(&mut self.spare, room);
        self.pieces.extend(self.taken.drain(..).map(Piece::new));
        taken.lead
    }

    /// Writes all that was taken; gives where the stream ended then.
    pub(super) fn write(&mut self) -> io::Result<u64> {
        self.ascertain()?;
        self.is_settled = false;
        self.in_blocks = false;
        while !self.pieces.is_empty() {
            let count = {
                let pieces = self.pieces.iter().take(SLICES);
                let slices: Vec<IoSlice<'_>> =
                    pieces.map(|piece| IoSlice::new(piece.rest())).collect();
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

    /// Writes all that was taken, for somebody who forces the file to the disk then: into space that was prepared, if it can be had. Gives where the
    /// stream ended.
    pub(super) fn write_prepared(&mut self) -> io::Result<u64> {
        let count = self.unwritten();
        if count == 0 {
            return Ok(self.taken_end);
        }
        let may_write = self.is_settled && self.prepared.may_write(self.bytes);
        if !may_write || PREPARED_WRITE_BYTES < count || self.condition != Condition::Good {
            return self.write();
        }
        let pieces = self.pieces.iter().map(Piece::rest);
        match self.prepared.write(&self.file, self.bytes, pieces) {
            Ok(()) => {
                self.in_blocks = false;
                self.advance(count);
                Ok(self.taken_end)
            }
            Err(NotWritten::Refused) => {
                self.condition = Condition::Unsure;
                self.write()
            }
            Err(NotWritten::Failed(error)) => {
                self.condition = Condition::Broken;
                Err(error)
            }
        }
    }

    /// Whether nobody knows what of the file is on the disk.
    pub(super) fn is_broken(&self) -> bool {
        self.condition == Condition::Broken
    }

    /// Takes note that all that was taken is on the disk.
    pub(super) fn settle(&mut self) {
        self.is_settled = self.checksum.is_some() && self.is_written();
    }

    /// Writes the whole blocks of what was taken past the page cache, and leaves the rest; or all of it as [`write`](Log::write) does, where that
    /// cannot be done.
    pub(super) fn write_blocks(&mut self) -> io::Result<()> {
        self.ascertain()?;
        self.is_settled = false;
        if matches!(self.direct, Way::Untried) {
            self.direct =
                Direct::open(&self.file).map_or(Way::Closed, |direct| Way::Open(direct, None));
        }
        let beyond = self.bytes % BLOCK as u64;
        if beyond != 0 {
            let start = self.gather(usize::try_from(beyond).map_or(0, |beyond| BLOCK - beyond));
            let count = (&*self.file).write(&start)?;
            self.advance(count);
        }
        self.in_blocks = true;
        loop {
            self.join();
            let in_place = self.pieces.first().map_or(0, |piece| whole_blocks(piece.rest()));
            let copied = if in_place == 0 { self.fill() } else { 0 };
            let Way::Open(direct, room) = &self.direct else { return self.write().map(|_| ()) };
            let written = match self.pieces.first().and_then(|piece| piece.rest().get(..in_place)) {
                Some(blocks) if 0 < in_place => direct.write(blocks, self.bytes),
                _ if 0 < copied => {
                    let copied = room.as_ref().and_then(|room| room.bytes().get(..copied));
                    direct.write(copied.unwrap_or_default(), self.bytes)
                }
                _ => {
                    self.keep_tail();
                    return Ok(());
                }
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_refused(&error) => self.direct = Way::Closed,
                Err(error) => {
                    self.condition = Condition::Unsure;
                    return Err(error);
                }
            }
            if !self.bytes.is_multiple_of(BLOCK as u64) {
                // The disk is full, or nearly.
                return self.write().map(|_| ());
            }
        }
    }

    /// Puts what was left of a block into the gap before what comes after it.
    fn join(&mut self) {
        while let [first, second, ..] = self.pieces.as_mut_slice() {
            let rest = first.rest();
            let gap = second.start.checked_sub(rest.len()).filter(|_| rest.len() < BLOCK);
            let Some(start) = gap else { return };
            if let Some(gap) = second.bytes.get_mut(start..second.start) {
                gap.copy_from_slice(rest);
                second.start = start;
            }
            let joined = self.pieces.remove(0);
            recycle(&mut self.spare, joined.bytes);
        }
    }

    /// Keeps what is left of a block apart: its room is for what comes next.
    fn keep_tail(&mut self) {
        let rest = self.gather(BLOCK);
        for piece in self.pieces.drain(..) {
            recycle(&mut self.spare, piece.bytes);
        }
        if !rest.is_empty() {
            self.pieces.push(Piece::new(rest));
        }
    }

    /// Sees to it that the file ends where what is known to be in it does.
    fn ascertain(&mut self) -> io::Result<()> {
        if self.condition != Condition::Good || self.prepared.is_open() {
            self.file.set_len(self.bytes)?;
            self.prepared.close();
            self.condition = Condition::Good;
        }
        Ok(())
    }

    /// The first bytes that are not written yet, at most so many.
    fn gather(&self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(most);
        for piece in &self.pieces {
            let rest = piece.rest();
            let room = most - bytes.len();
            bytes.extend_from_slice(rest.get(..room).unwrap_or(rest));
        }
        bytes
    }

    /// Puts as many whole blocks as there is room for where they can be written from; how many bytes that are.
    fn fill(&mut self) -> usize {
        let Way::Open(_, room) = &mut self.direct else { return 0 };
        if self.pieces.iter().map(|piece| piece.rest().len()).sum::<usize>() < BLOCK {
            return 0;
        }
        let room = room.get_or_insert_with(|| Blocks::new(COPIED_BYTES)).bytes_mut();
        let mut filled = 0;
        for piece in &self.pieces {
            let rest = piece.rest();
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
        self.pieces.iter().map(|piece| piece.rest().len()).sum()
    }

    fn advance(&mut self, count: usize) {
        self.bytes += count as u64;
        let mut left = count;
        let mut whole = 0;
        for piece in &mut self.pieces {
            let rest = piece.rest().len();
            if left < rest {
                piece.start += left;
                break;
            }
            left -= rest;
            whole += 1;
        }
        for piece in self.pieces.drain(..whole) {
            recycle(&mut self.spare, piece.bytes);
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

    /// How far it is written.
    pub(super) fn written(&self) -> Written {
        Written { bytes: self.bytes, generation: self.generation, is_settled: self.is_settled }
    }
}

/// Keeps room for what comes next, if it is better than what there is.
fn recycle(spare: &mut Vec<u8>, mut bytes: Vec<u8>) {
    if spare.capacity() < bytes.capacity() && bytes.capacity() <= SPARE_BYTES {
        bytes.clear();
        *spare = bytes;
    }
}

/// Makes place for a gap in room for much; where the first block begins in it.
fn prepare_gap(room: &mut Vec<u8>) -> usize {
    if room.capacity() < ROOM_BYTES {
        *room = Vec::with_capacity(ROOM_BYTES);
    }
    room.resize(GAP_BYTES, 0);
    room.as_ptr().align_offset(BLOCK).min(BLOCK)
}

/// Pieces in one system call.
const SLICES: usize = 64;

#[cfg(test)]
mod tests {
    use engine::testing::Server;
    use persistence::aof::{Item, Reader, pad_bytes};
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

        /// Whichever way each part goes, the file is the stream, and behind it there is at most what is skipped.
        #[test]
        fn what_is_written_into_prepared_space_is_the_stream(
            parts in prop::collection::vec((0_usize..9000, 0..4_u8), 1..40),
        ) {
            let mut server = Server::new();
            server.engine.effects.listen();
            let file = tempfile::NamedTempFile::new().expect("a file");
            let appended = std::fs::OpenOptions::new().append(true).open(file.path());
            let mut log = Log::new(appended.expect("it is there"), 0, 0, Some(Running::new()));
            let mut values = Vec::new();
            for (length, way) in parts {
                let value = vec![b'v'; length];
                server.answer(&[b"SET", &b"key"[..], &value]);
                values.push(value);
                log.take(&server.engine.effects, None);
                match way {
                    0 => log.write().map(|_| ()),
                    _ => log.write_prepared().map(|_| ()),
                }.expect("there is room");
                prop_assert!(log.is_written());
                log.settle();
                let mut bytes = File::open(file.path()).expect("it is there");
                let end = persistence::aof::filler_offset(&mut bytes).expect("it can be read");
                let pad = if log.prepared.is_open() { pad_bytes(log.bytes) as u64 } else { 0 };
                prop_assert_eq!(end, log.bytes + pad);
            }
            let bytes = std::fs::read(file.path()).expect("it is there");
            prop_assert_eq!(log.prepared.is_open(), log.bytes < bytes.len() as u64);
            let mut reader = Reader::new(bytes.as_slice(), 0);
            let mut found = Vec::new();
            while let Some(item) = reader.next().expect("it is whole") {
                if item == Item::Command {
                    found.extend(reader.words().get(2).map(<[u8]>::to_vec));
                }
            }
            prop_assert_eq!(found, values);
            prop_assert_eq!(reader.unverified_offset(), log.bytes);
            log.write().expect("there is room");
            prop_assert_eq!(std::fs::metadata(file.path()).expect("it is there").len(), log.bytes);
        }
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
                log.pieces.push(Piece::new(piece));
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

    /// What is recorded while much is written is put where it can be written from.
    #[test]
    fn the_stream_is_written_in_blocks_from_where_it_was_recorded() {
        let mut server = Server::new();
        server.engine.effects.listen();
        let file = tempfile::NamedTempFile::new().expect("a file");
        let appended = std::fs::OpenOptions::new().append(true).open(file.path());
        let mut log = Log::new(appended.expect("it is there"), 0, 0, Some(Running::new()));
        for (round, length) in [70_001, 3, 90_210, 0, 1_000, 65_536, 4_000].into_iter().enumerate()
        {
            if round == 2 {
                // The gap is there from here on.
                log.direct = Way::Untried;
            }
            for part in vec![b'v'; length].chunks(10_000) {
                server.answer(&[b"APPEND", &b"key"[..], part]);
            }
            log.take(&server.engine.effects, None);
            assert_eq!(log.taken_end(), server.engine.effects.end());
            log.write_blocks().expect("there is room");
            assert!(log.unwritten() < BLOCK);
        }
        if let Way::Open(_, room) = &log.direct {
            assert!(room.is_none(), "nothing was copied");
        }
        log.write().expect("there is room");
        let mut reader = Reader::new(File::open(file.path()).expect("it is there"), 0);
        let mut copy = Server::new();
        while let Some(item) = reader.next().expect("it is whole") {
            if item == Item::Command {
                copy.answer(&reader.words().iter().collect::<Vec<_>>());
            }
        }
        assert_eq!(reader.unverified_offset(), log.bytes);
        assert_eq!(copy.contents(), server.contents());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Whatever is recorded between two writes, and whichever way they go, the file holds it once and in order.
        #[test]
        fn the_file_is_what_was_recorded(
            parts in prop::collection::vec(
                (prop::collection::vec(1_usize..90_000, 0..4), any::<bool>(), any::<bool>()), 1..12),
            with_checksums in any::<bool>(),
        ) {
            let mut server = Server::new();
            server.engine.effects.listen();
            let file = tempfile::NamedTempFile::new().expect("a file");
            let appended = std::fs::OpenOptions::new().append(true).open(file.path());
            let checksum = with_checksums.then(Running::new);
            let mut log = Log::new(appended.expect("it is there"), 0, 0, checksum);
            let mut values = Vec::new();
            for (number, (lengths, in_blocks, notes_time)) in parts.iter().enumerate() {
                for length in lengths {
                    let value = vec![b'a' + number.to_le_bytes()[0]; *length];
                    server.answer(&[b"RPUSH", &b"list"[..], &value]);
                    values.push(value);
                }
                log.take(&server.engine.effects, notes_time.then_some(100 + i64::try_from(number).unwrap_or(0)));
                if *in_blocks {
                    log.write_blocks().expect("there is room");
                } else {
                    log.write().expect("there is room");
                }
            }
            log.write().expect("there is room");
            let bytes = std::fs::read(file.path()).expect("it is there");
            prop_assert_eq!(bytes.len() as u64, log.bytes);
            let mut reader = Reader::new(bytes.as_slice(), 0);
            let mut found = Vec::new();
            while let Some(item) = reader.next().expect("it is whole") {
                if item == Item::Command {
                    found.extend(reader.words().get(2).map(<[u8]>::to_vec));
                }
            }
            prop_assert_eq!(found, values);
        }
    }

    #[test]
    fn what_a_failed_write_may_have_left_is_cut_off() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let appended = std::fs::OpenOptions::new().append(true).open(file.path());
        let mut log = Log::new(appended.expect("it is there"), 0, 0, None);
        log.pieces.push(Piece::new(b"first".to_vec()));
        log.write().expect("there is room");
        std::fs::write(file.path(), b"first and something else").expect("there is room");
        log.condition = Condition::Unsure;
        log.pieces.push(Piece::new(b" second".to_vec()));
        log.write().expect("there is room");
        assert_eq!(std::fs::read(file.path()).expect("it is there"), b"first second");
    }
}
