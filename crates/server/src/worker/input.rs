//! How much room a connection has for what it sends.
//!
//! Complete requests are executed where they were read to, the worker's own buffer. What a connection has to keep is an
//! incomplete one. Three rules make that cheap for everybody:
//!
//! - A short rest is kept in just as many bytes, and goes back to the worker's buffer when more arrives. So ten thousand
//!   connections that each sent half a request hold next to nothing.
//! - A long one stays in a buffer of its own that grows with what has arrived, by at least half: announcing a long argument
//!   costs the server nothing, and however many pieces it comes in, a byte is copied a few times at most.
//! - The buffer of a long argument is as long as the argument if nothing else speaks for more, and is given back after it.

use super::READ_BYTES;

/// The longest rest that is kept in just as many bytes. So many are copied at each read then, which costs less than the
/// read itself.
pub(super) const SHORT_BYTES: usize = 1024;

/// Worth a read of its own.
const LEAST_ROOM: usize = READ_BYTES / 16;

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
}
