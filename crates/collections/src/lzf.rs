//! LZF, the compression of list nodes and of strings in files: fast, and the same bytes that Redis reads and writes.
//!
//! Compressed data is a sequence of runs. The first byte of a run says which kind it is:
//!
//! | first byte | behind it        | meaning                                                     |
//! |------------|------------------|-------------------------------------------------------------|
//! | `000nnnnn` | `n + 1` bytes    | these bytes                                                 |
//! | `lllddddd` | `dddddddd`       | `l + 2` bytes again that came `d + 1` bytes before (`l` < 7) |
//! | `111ddddd` | `llllllll`, `dddddddd` | the same with `l + 9` bytes                           |
//!
//! What is copied may overlap with what it is copied to: that is how a byte is repeated.
//!
//! The compressor looks for an earlier place of the next three bytes in a table of the latest place by their hash, and takes
//! the first match. Bytes to decompress may come from outside: each length is compared with what is there.

use std::cell::RefCell;

/// Compresses, if the result has at most this many bytes.
pub fn compress(input: &[u8], limit: usize) -> Option<Vec<u8>> {
    thread_local! {
        static TABLE: RefCell<Table> = RefCell::new(Table::new());
    }
    TABLE.with_borrow_mut(|table| table.compress(input, limit))
}

/// The latest place of three bytes, by their hash. Clearing it would cost more than to compress a short string: places are counted on from
/// one input to the next instead, so that those of before are seen to be none.
struct Table {
    latest: Vec<u32>,
    /// The place of the first byte of the present input. Zero is before it.
    base: u32,
}

impl Table {
    fn new() -> Table {
        Table { latest: vec![0; TABLE_LEN], base: 1 }
    }

    fn compress(&mut self, input: &[u8], limit: usize) -> Option<Vec<u8>> {
        let length = u32::try_from(input.len()).ok()?;
        if self.base.checked_add(length).is_none() {
            self.latest.fill(0);
            self.base = 1;
        }
        let base = self.base;
        let end = base.checked_add(length)?;
        self.base = end;
        let mut output = Vec::with_capacity(limit.min(input.len()));
        let (mut rest, mut literals) = (input, input);
        while let [b0, b1, b2, ..] = *rest {
            let offset = input.len().saturating_sub(rest.len());
            let place = self.latest.get_mut(hash([b0, b1, b2]))?;
            let seen = place.checked_sub(base).map(|seen| seen as usize);
            *place = base.checked_add(u32::try_from(offset).ok()?)?;
            let matching = seen
                .filter(|seen| offset.saturating_sub(*seen) <= FURTHEST)
                .and_then(|seen| Some((seen, common(input.get(seen..)?, rest))))
                .filter(|(_, length)| SHORTEST <= *length);
            let Some((seen, length)) = matching else {
                rest = rest.get(1..)?;
                continue;
            };
            let plain = literals.len().saturating_sub(rest.len());
            push_literals(&mut output, literals.get(..plain)?);
            push_copy(&mut output, offset.checked_sub(seen)?.checked_sub(1)?, length);
            rest = rest.get(length..)?;
            literals = rest;
            if limit < output.len() {
                return None;
            }
        }
        push_literals(&mut output, literals);
        (output.len() <= limit).then_some(output)
    }
}

/// Decompresses what must become `length` bytes.
pub fn decompress(input: &[u8], length: usize) -> Result<Vec<u8>, Corrupt> {
    // Checked first, so that a lie about the length costs no memory.
    if input.len().saturating_mul(MOST_GAIN) < length {
        return Err(Corrupt::Length { said: length });
    }
    let mut output = Vec::with_capacity(length);
    let mut rest = input;
    while let Some((first, behind)) = rest.split_first() {
        let first = usize::from(*first);
        if let Some(high) = first.checked_sub(COPY) {
            let (count, behind) = match (high.checked_div(COPY).unwrap_or(0), behind) {
                (6, [more, behind @ ..]) => (usize::from(*more).saturating_add(9), behind),
                (6, []) => return Err(Corrupt::Cut),
                (short, behind) => (short.saturating_add(3), behind),
            };
            let (low, behind) = behind.split_first().ok_or(Corrupt::Cut)?;
            let distance = ((high % COPY) << 8 | usize::from(*low)).saturating_add(1);
            copy_back(&mut output, distance, count, length)?;
            rest = behind;
        } else {
            let (plain, behind) =
                behind.split_at_checked(first.saturating_add(1)).ok_or(Corrupt::Cut)?;
            if length.saturating_sub(output.len()) < plain.len() {
                return Err(Corrupt::Length { said: length });
            }
            output.extend_from_slice(plain);
            rest = behind;
        }
    }
    if output.len() == length { Ok(output) } else { Err(Corrupt::Length { said: length }) }
}

/// What is wrong with compressed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// They end within a run.
    #[error("compressed data ends too early")]
    Cut,
    /// They refer to what lies before the beginning.
    #[error("compressed data refers to what is not there")]
    Reference,
    /// They become fewer or more bytes than they should.
    #[error("compressed data does not become {said} bytes")]
    Length {
        /// How many they should become.
        said: usize,
    },
}

fn copy_back(
    output: &mut Vec<u8>,
    distance: usize,
    count: usize,
    limit: usize,
) -> Result<(), Corrupt> {
    let from = output.len().checked_sub(distance).ok_or(Corrupt::Reference)?;
    if limit.saturating_sub(output.len()) < count {
        return Err(Corrupt::Length { said: limit });
    }
    if count <= distance {
        output.extend_from_within(from..from.saturating_add(count));
        return Ok(());
    }
    // What is copied grows while it is copied.
    let end = output.len().saturating_add(count);
    while output.len() < end {
        let there = output.len().saturating_sub(from).min(end.saturating_sub(output.len()));
        output.extend_from_within(from..from.saturating_add(there));
    }
    Ok(())
}

fn push_literals(output: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(LONGEST_LITERAL) {
        output.push(low_byte(run.len().saturating_sub(1)));
        output.extend_from_slice(run);
    }
}

fn push_copy(output: &mut Vec<u8>, distance: usize, length: usize) {
    let code = length.saturating_sub(2);
    let (high, low) = (low_byte(distance >> 8), low_byte(distance));
    if code < 7 {
        output.extend_from_slice(&[low_byte(code << 5) | high, low]);
    } else {
        output.extend_from_slice(&[0xe0 | high, low_byte(code.saturating_sub(7)), low]);
    }
}

/// How many bytes both begin with, up to what a run can say.
fn common(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take(LONGEST_COPY).take_while(|(left, right)| left == right).count()
}

fn hash([b0, b1, b2]: [u8; 3]) -> usize {
    let word = u32::from_le_bytes([b0, b1, b2, 0]);
    (word.wrapping_mul(0x9e37_79b1) >> (u32::BITS.saturating_sub(TABLE_BITS))) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "only the lowest bits are wanted")]
const fn low_byte(number: usize) -> u8 {
    number as u8
}

const TABLE_BITS: u32 = 13;
const TABLE_LEN: usize = 1 << TABLE_BITS;
/// From here on a first byte is that of a copy.
const COPY: usize = 32;
const LONGEST_LITERAL: usize = 32;
const SHORTEST: usize = 3;
const LONGEST_COPY: usize = 264;
const FURTHEST: usize = 1 << 13;
/// Three bytes stand for at most 264.
const MOST_GAIN: usize = LONGEST_COPY / 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(input: &[u8]) -> usize {
        let output = compress(input, input.len().saturating_mul(2).saturating_add(10));
        let output = output.unwrap_or_default();
        assert_eq!(decompress(&output, input.len()).as_deref(), Ok(input));
        output.len()
    }

    #[test]
    fn repetition_is_short() {
        assert_eq!(check(b""), 0);
        assert_eq!(check(b"a"), 2);
        assert_eq!(check(&[b'a'; 265]), 5);
        assert_eq!(compress(&[b'a'; 265], 4), None);
        assert!(check(&b"abcdefgh".repeat(1000)) < 120);
    }

    /// What redis-server 7.4 wrote into a dump of 100 times `ab` and `c`.
    #[test]
    fn bytes_of_redis() {
        let bytes = [2, b'a', b'b', b'a', 0xe0, 0xbb, 1, 1, b'b', b'c'];
        let plain = [b"ab".repeat(100), b"c".to_vec()].concat();
        assert_eq!(decompress(&bytes, 201).as_deref(), Ok(&plain[..]));
    }

    #[test]
    fn inputs_do_not_refer_to_those_before() {
        // The first place of an input is the base of the table, whatever the table has seen.
        let mut table = Table::new();
        let inputs = [&b"abcabcabc"[..], b"abcabcabc", b"xabc", b"abcd", b""];
        let alone = |input| Table::new().compress(input, 100);
        for (round, input) in inputs.iter().cycle().take(20).enumerate() {
            if round == 10 {
                table.base = u32::MAX - 3;
            }
            assert_eq!(table.compress(input, 100), alone(input));
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert_eq!(decompress(&[2, b'a'], 3), Err(Corrupt::Cut));
        assert_eq!(decompress(&[0xe0, 1], 3), Err(Corrupt::Cut));
        assert_eq!(decompress(&[0xe0], 3), Err(Corrupt::Cut));
        assert_eq!(decompress(&[0, b'a', 0x20, 1], 4), Err(Corrupt::Reference));
        assert_eq!(decompress(&[0, b'a', 0x20, 0], 3), Err(Corrupt::Length { said: 3 }));
        assert_eq!(decompress(&[0, b'a', 0x20, 0], 4).as_deref(), Ok(&b"aaaa"[..]));
        assert_eq!(decompress(&[0, b'a'], 2), Err(Corrupt::Length { said: 2 }));
        assert_eq!(decompress(&[0, b'a'], usize::MAX), Err(Corrupt::Length { said: usize::MAX }));
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), 1_usize..600), 0..20),
        ) {
            let input: Vec<u8> = parts.iter().flat_map(|(part, times)| part.repeat(*times)).collect();
            check(&input);
        }

        #[test]
        fn any_bytes_are_refused_or_become_what_they_should(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..3, 0x20_u8..0x23], 0..60),
            length in 0_usize..600,
        ) {
            if let Ok(output) = decompress(&bytes, length) {
                prop_assert_eq!(output.len(), length);
            }
        }
    }
}
