//! The payload of a full resync as a replica receives it: where it begins, and where it ends.
//!
//! ```text
//!   $<length>\r\n  <length bytes>                       from a file: the stream follows at once
//!   $EOF:<40 bytes>\r\n  <bytes> <the same 40 bytes>    as it is made: nobody knows how long it will be
//! ```
//!
//! Before it come newlines, by which the primary shows that it lives while it prepares. A state machine without I/O: it is fed with
//! bytes in any pieces and says which of them are the payload. The mark at the end may be cut anywhere, so as many bytes are kept
//! back as may be the beginning of one.

#[cfg(test)]
mod tests;

use memchr::memmem;

use crate::joining::number;

/// Bytes of the mark that ends a payload of unknown length.
const MARK_BYTES: usize = 40;
/// The longest line before a payload that makes sense.
const LINE_LIMIT: usize = 1024;

/// How a payload is delimited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// It has so many bytes.
    Length(u64),
    /// It goes on up to this mark.
    Mark([u8; MARK_BYTES]),
}

/// Why what was sent is no payload. Its text is for the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    /// The primary gave up.
    #[error("MASTER aborted replication with an error: {0}")]
    Aborted(String),
    /// Something else than a payload.
    #[error(
        "Bad protocol from MASTER, the first byte is not '$' (we received '{0}'), are you sure the host and port are right?"
    )]
    NotAPayload(String),
    /// A line without an end.
    #[error("MASTER sent a line of more than {LINE_LIMIT} bytes instead of a payload")]
    LongLine,
}

/// A payload that is being received.
#[derive(Debug)]
pub struct FullSync {
    stage: Stage,
    /// The beginning of the line before the payload; then bytes that may be the beginning of the mark.
    kept: Vec<u8>,
    received: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// The line that says how the payload is delimited has not come.
    Line,
    /// So many bytes are to come.
    Counted(u64),
    Marked([u8; MARK_BYTES]),
    Done,
}

impl Default for FullSync {
    fn default() -> FullSync {
        FullSync { stage: Stage::Line, kept: Vec::new(), received: 0 }
    }
}

impl FullSync {
    /// Nothing of it has come.
    pub fn new() -> FullSync {
        FullSync::default()
    }

    /// Whether all of it has come.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Bytes of the payload that have come.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes what comes before the payload; how many bytes that is, and how the payload is delimited, once that is known.
    pub fn announce(&mut self, input: &[u8]) -> Result<(usize, Option<Framing>), Broken> {
        let mut rest = input;
        while self.stage == Stage::Line {
            let end = rest.iter().position(|&byte| byte == b'\n');
            let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
            if LINE_LIMIT < self.kept.len().saturating_add(line.len()) {
                return Err(Broken::LongLine);
            }
            self.kept.extend_from_slice(line);
            rest = behind.get(1..).unwrap_or_default();
            if end.is_none() {
                return Ok((input.len(), None));
            }
            let kept = std::mem::take(&mut self.kept);
            let line = kept.strip_suffix(b"\r").unwrap_or(&kept);
            if line.is_empty() {
                continue;
            }
            let framing = framing(line)?;
            self.stage = match framing {
                Framing::Length(0) => Stage::Done,
                Framing::Length(length) => Stage::Counted(length),
                Framing::Mark(mark) => Stage::Marked(mark),
            };
            return Ok((input.len().saturating_sub(rest.len()), Some(framing)));
        }
        Ok((0, None))
    }

    /// Takes what comes after the announcement, and hands the payload in it on. Gives how many bytes were taken: all of them, unless
    /// the payload ends among them; what follows is the stream. Before the announcement nothing is taken.
    pub fn receive<E>(
        &mut self,
        input: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        match self.stage {
            Stage::Line | Stage::Done => Ok(0),
            Stage::Counted(missing) => {
                let count = usize::try_from(missing).unwrap_or(usize::MAX).min(input.len());
                let payload = input.get(..count).unwrap_or_default();
                self.received = self.received.saturating_add(count as u64);
                let missing = missing.saturating_sub(count as u64);
                self.stage = if missing == 0 { Stage::Done } else { Stage::Counted(missing) };
                take(payload).map(|()| count)
            }
            Stage::Marked(mark) => self.receive_marked(input, &mark, &mut take),
        }
    }

    fn receive_marked<E>(
        &mut self,
        input: &[u8],
        mark: &[u8; MARK_BYTES],
        take: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        if !self.kept.is_empty() {
            // The mark may begin in what was kept: as much of what has come is put behind it as the mark needs.
            let kept = self.kept.len();
            let (joined, _) = input.split_at(input.len().min(MARK_BYTES));
            self.kept.extend_from_slice(joined);
            if let Some(place) = memmem::find(&self.kept, mark) {
                let payload = std::mem::take(&mut self.kept);
                self.stage = Stage::Done;
                self.received = self.received.saturating_add(place as u64);
                take(payload.get(..place).unwrap_or_default())?;
                return Ok(place.saturating_add(MARK_BYTES).saturating_sub(kept));
            }
            if joined.len() < MARK_BYTES {
                // All that has come is here; what may be the beginning of the mark stays.
                let stays = beginning_of(mark, &self.kept);
                let payload: Vec<u8> =
                    self.kept.drain(..self.kept.len().saturating_sub(stays)).collect();
                self.received = self.received.saturating_add(payload.len() as u64);
                take(&payload)?;
                return Ok(input.len());
            }
            // A mark begins in what has come now, or none does yet.
            self.kept.truncate(kept);
            let payload = std::mem::take(&mut self.kept);
            self.received = self.received.saturating_add(payload.len() as u64);
            take(&payload)?;
        }
        let (payload, consumed) = if let Some(place) = memmem::find(input, mark) {
            self.stage = Stage::Done;
            (input.get(..place).unwrap_or_default(), place.saturating_add(MARK_BYTES))
        } else {
            let payload = input.len().saturating_sub(beginning_of(mark, input));
            let (payload, kept) = input.split_at(payload);
            self.kept.extend_from_slice(kept);
            (payload, input.len())
        };
        self.received = self.received.saturating_add(payload.len() as u64);
        take(payload)?;
        Ok(consumed)
    }
}

/// How many of the last bytes may be the beginning of the mark.
fn beginning_of(mark: &[u8; MARK_BYTES], bytes: &[u8]) -> usize {
    let most = bytes.len().min(MARK_BYTES.saturating_sub(1));
    let is_beginning = |&count: &usize| {
        let tail = bytes.get(bytes.len().saturating_sub(count)..);
        tail.is_some_and(|tail| mark.starts_with(tail))
    };
    (1..=most).rev().find(is_beginning).unwrap_or(0)
}

/// What a line says about the payload behind it.
fn framing(line: &[u8]) -> Result<Framing, Broken> {
    let text = || line.escape_ascii().to_string();
    if line.first() == Some(&b'-') {
        return Err(Broken::Aborted(line.get(1..).unwrap_or_default().escape_ascii().to_string()));
    }
    let Some(rest) = line.strip_prefix(b"$") else { return Err(Broken::NotAPayload(text())) };
    if let Some(mark) = rest.strip_prefix(b"EOF:") {
        let mark = <[u8; MARK_BYTES]>::try_from(mark);
        return mark.map(Framing::Mark).map_err(|_| Broken::NotAPayload(text()));
    }
    number(rest).map(Framing::Length).ok_or_else(|| Broken::NotAPayload(text()))
}
