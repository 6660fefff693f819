//! How much room a connection has for what it sends.
//!
//! Complete requests are executed where they were read to, the worker's own buffer. What a connection has to keep is an
//! incomplete one. Three rules make that cheap for everybody:
//!
//! - A short rest is kept in just as many bytes, and goes back to the worker's buffer when more arrives. So ten thousand
//!   connections that each sent half a request hold next to nothing.
//! - A long one stays in a buffer of its own that grows with what has arrived, by at least half: however many pieces it comes
//!   in, a byte is copied a few times at most.
//! - A long argument is received into a buffer of its own, a [`LongArgument`], which becomes the value if the call keeps it.
//!   That buffer grows with what has arrived, too, until that is a good part of what was announced: announcing costs the
//!   server nothing.

use std::sync::Arc;

use super::READ_BYTES;

/// The longest rest that is kept in just as many bytes. So many are copied at each read then, which costs less than the
/// read itself.
pub(super) const SHORT_BYTES: usize = 1024;

/// Worth a read of its own.
const LEAST_ROOM: usize = READ_BYTES / 16;

/// An argument so long is received apart from the rest of its request.
const LONG_BYTES: usize = READ_BYTES;

/// What was announced is believed when this part of it has arrived.
const BELIEVED_PART: usize = 16;

/// A long argument that arrives.
pub(super) struct LongArgument {
    bytes: Vec<u8>,
    length: usize,
    /// What came after it, where that could not be left in the socket.
    after: Vec<u8>,
}

impl LongArgument {
    /// Begins with what has arrived of it, unless it is too short to be worth it, or has not really begun.
    pub(super) fn begin(arrived: &[u8], length: usize) -> Option<LongArgument> {
        if length < LONG_BYTES || arrived.len() <= SHORT_BYTES || length <= arrived.len() {
            return None;
        }
        let mut argument = LongArgument { bytes: Vec::new(), length, after: Vec::new() };
        argument.make_room(arrived.len());
        argument.bytes.extend_from_slice(arrived);
        argument.make_room(0);
        Some(argument)
    }

    /// Where more of it goes, up to the spare capacity.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.make_room(0);
        &mut self.bytes
    }

    /// Takes more of it, and what comes after it.
    pub(super) fn append(&mut self, arrived: &[u8]) {
        let missing = self.length.saturating_sub(self.bytes.len());
        let (more, after) = arrived.split_at_checked(missing).unwrap_or((arrived, &[]));
        self.make_room(more.len());
        self.bytes.extend_from_slice(more);
        self.after.extend_from_slice(after);
    }

    /// Whether all of it has arrived, and perhaps more.
    pub(super) fn is_complete(&self) -> bool {
        self.length <= self.bytes.len()
    }

    /// The argument, and what came after it.
    pub(super) fn finish(mut self) -> (Arc<Vec<u8>>, Vec<u8>) {
        let mut after = self.bytes.split_off(self.length.min(self.bytes.len()));
        after.append(&mut self.after);
        self.bytes.shrink_to_fit();
        (Arc::new(self.bytes), after)
    }

    /// What has arrived.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes that have arrived.
    pub(super) fn arrived(&self) -> usize {
        self.bytes.len() + self.after.len()
    }

    /// Bytes of memory held.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.after.capacity()
    }

    /// Makes room for so many bytes, or for some.
    fn make_room(&mut self, count: usize) {
        let held = self.bytes.len();
        if self.bytes.capacity() - held < count.max(1) {
            let missing = self.length - held;
            let known = held + count;
            let is_believed = self.length <= known.saturating_mul(BELIEVED_PART);
            self.bytes.reserve_exact(if is_believed { missing } else { missing.min(2 * known) });
        }
    }
}

/// Copies what is left of the worker's buffer to one of the connection's own. `missing` is what the argument under way
/// lacks, 0 if that is not known; `reads` is whether more is to be read before the rest can be used.
pub(super) fn keep(rest: &[u8], missing: usize, reads: bool) -> Vec<u8> {
    let room = if reads { room(rest.len(), missing) } else { 0 };
    let mut kept = Vec::with_capacity(rest.len() + room);
    kept.extend_from_slice(rest);
    kept
}

/// Drops what was used from a connection's own buffer, and sees to it that the rest has the room that it needs.
pub(super) fn advance(input: &mut Vec<u8>, used: usize, missing: usize, reads: bool) {
    input.drain(..used);
    let held = input.len();
    if held <= SHORT_BYTES {
        // An exact copy; nothing at all of nothing.
        *input = input.as_slice().to_vec();
        return;
    }
    if !reads {
        return;
    }
    let room = room(held, missing);
    let spare = input.capacity() - held;
    let needed = if missing == 0 { LEAST_ROOM } else { missing.min(LEAST_ROOM) };
    if spare < needed {
        input.reserve_exact(room);
    } else if 4 * (held + room) < input.capacity() {
        input.shrink_to(held + room);
    }
}

/// Room for what comes after so many bytes.
fn room(held: usize, missing: usize) -> usize {
    if held <= SHORT_BYTES {
        return 0;
    }
    missing.min(held).max(held / 2).max(LEAST_ROOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets `total` bytes arrive, at most `piece` at a time, as the worker reads them: how many bytes were copied, and
    /// the largest buffer.
    fn arrive(total: usize, piece: usize, missing_is_known: bool) -> (usize, usize) {
        let first = piece.min(READ_BYTES);
        let missing = |held: usize| if missing_is_known { total - held } else { 0 };
        let mut input = keep(&vec![b'x'; first], missing(first), true);
        let (mut copied, mut largest) = (first, input.capacity());
        while input.len() < total {
            if input.len() <= SHORT_BYTES {
                let read = (total - input.len()).min(piece);
                let worker: Vec<u8> = [&*input, &vec![b'x'; read]].concat();
                copied += 2 * input.len();
                input = keep(&worker, missing(worker.len()), true);
                continue;
            }
            let spare = input.capacity() - input.len();
            assert_ne!(spare, 0, "{} of {total} bytes and no room", input.len());
            let read = spare.min(piece).min(total - input.len());
            input.resize(input.len() + read, b'x');
            let before = input.capacity();
            let missing = missing(input.len());
            advance(&mut input, 0, missing, true);
            if before != input.capacity() {
                copied += input.len();
            }
            largest = largest.max(input.capacity());
        }
        (copied, largest)
    }

    #[test]
    fn a_long_argument_is_copied_a_few_times_and_its_buffer_is_hardly_longer() {
        const TOTAL: usize = 64 << 20;
        for piece in [1400, 9000, READ_BYTES, 1 << 20, usize::MAX / 4] {
            let (copied, largest) = arrive(TOTAL, piece, true);
            assert!(copied < 3 * TOTAL, "{copied} bytes were copied, in pieces of {piece}");
            assert!(largest <= TOTAL * 3 / 2, "{largest} bytes for {TOTAL}, in pieces of {piece}");
        }
    }

    #[test]
    fn many_short_arguments_are_copied_as_rarely() {
        const TOTAL: usize = 8 << 20;
        for piece in [100, 1400, READ_BYTES] {
            let (copied, largest) = arrive(TOTAL, piece, false);
            assert!(copied < 5 * TOTAL, "{copied} bytes were copied, in pieces of {piece}");
            assert!(largest <= TOTAL * 3 / 2 + READ_BYTES, "{largest} bytes for {TOTAL}");
        }
    }

    #[test]
    fn announcing_costs_nothing() {
        let kept = keep(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc", 536_870_909, true);
        assert_eq!(kept.capacity(), kept.len());
        let kept = keep(&[b'x'; 2000], 536_000_000, true);
        assert!(kept.capacity() <= 2000 + LEAST_ROOM);
    }

    #[test]
    fn what_waits_to_be_executed_needs_no_room() {
        assert_eq!(keep(&[b'x'; 5000], 0, false).capacity(), 5000);
        assert_eq!(keep(b"", 0, true).capacity(), 0);
    }

    #[test]
    fn a_buffer_is_given_back_after_its_argument() {
        let mut input = vec![b'x'; 1 << 20];
        advance(&mut input, (1 << 20) - 3, 0, true);
        assert_eq!((input.len(), input.capacity()), (3, 3));
        let mut input = vec![b'x'; 1 << 20];
        advance(&mut input, 1 << 20, 0, true);
        assert_eq!(input.capacity(), 0);
        let mut input = vec![b'x'; 1 << 20];
        advance(&mut input, (1 << 20) - 5000, 0, true);
        assert!(input.capacity() < 20_000, "{}", input.capacity());
    }

    #[test]
    fn a_long_argument_is_believed_when_some_of_it_is_there() {
        const LENGTH: usize = 64 << 20;
        let begun = vec![b'x'; READ_BYTES];
        assert!(LongArgument::begin(&begun[..SHORT_BYTES], LENGTH).is_none(), "hardly begun");
        assert!(LongArgument::begin(&begun[..5000], LONG_BYTES - 1).is_none(), "not long");
        assert!(LongArgument::begin(&begun, READ_BYTES).is_none(), "complete");
        let mut argument = LongArgument::begin(&begun, LENGTH).expect("it is long");
        let (mut moved, mut capacity) = (0, argument.memory());
        while !argument.is_complete() {
            assert!(argument.memory() <= (3 * argument.arrived()).max(LENGTH), "too much room");
            if argument.arrived() < LENGTH / BELIEVED_PART / 2 {
                assert!(argument.memory() < LENGTH / 2, "it is believed too early");
            }
            let room = argument.room();
            let count = (room.capacity() - room.len()).min(100_000);
            room.resize(room.len() + count, b'x');
            if argument.memory() != capacity {
                (moved, capacity) = (moved + argument.arrived(), argument.memory());
            }
        }
        assert!(moved < LENGTH / 4, "{moved} bytes were moved");
        assert_eq!(argument.memory(), LENGTH);
        let (bytes, after) = argument.finish();
        assert_eq!((bytes.len(), bytes.capacity(), after.len()), (LENGTH, LENGTH, 0));
    }

    #[test]
    fn what_comes_after_a_long_argument_need_not_be_copied_with_it() {
        let mut argument = LongArgument::begin(&vec![b'x'; 70_000], 270_000).expect("it is long");
        for _ in 0..12 {
            argument.append(&[b'y'; 16_384]);
        }
        assert!(!argument.is_complete());
        argument.append(&[b'z'; 16_384]);
        assert!(argument.is_complete());
        assert_eq!(argument.arrived(), 70_000 + 13 * 16_384);
        let (bytes, after) = argument.finish();
        assert_eq!((bytes.len(), bytes.capacity()), (270_000, 270_000));
        assert_eq!(after, [b'z'; 12_992]);
    }

    #[test]
    fn what_comes_after_a_long_argument_is_kept() {
        let mut argument = LongArgument::begin(&vec![b'x'; 70_000], 70_010).expect("it is long");
        argument.room().reserve(100);
        argument.room().extend_from_slice(b"0123456789\r\nPING");
        let (bytes, after) = argument.finish();
        assert_eq!((bytes.len(), after.as_slice()), (70_010, b"\r\nPING".as_slice()));
    }
}
