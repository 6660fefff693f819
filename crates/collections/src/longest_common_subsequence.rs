//! The longest common subsequence of two strings: its length, its bytes, and where it lies, for LCS.
//!
//! The textbook's table says for every pair of prefixes how long their longest common subsequence is. Neighbours in a row differ by 0
//! or 1, so a row is a vector of bits, and Hyyro's formula ("Bit-parallel LCS-length computation revisited", 2004)
//! turns one row into the next 64 columns at a time. The rows of bits are also all that walking back needs: when the last bytes
//! differ, the length without the last byte of `a` is greater than that without the last byte of `b` exactly if the bit
//! is set (the row has a step there). So there is one bit for each pair where the textbook has a number.
//!
//! There can be several longest subsequences. The one chosen is that of Redis: walking back from the ends, equal bytes are
//! always taken, and otherwise the last byte of `b` is dropped unless dropping that of `a` leaves more.

use std::collections::TryReserveError;
use std::ops::Range;

/// A run of bytes that both strings have and the subsequence contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where it is in the first string.
    pub a: Range<usize>,
    /// Where it is in the second string, as long.
    pub b: Range<usize>,
}

/// Two strings, aligned by a longest common subsequence.
pub struct Alignment<'a> {
    a: &'a [u8],
    b: &'a [u8],
    /// A row for each byte of `a`, `words` long.
    rows: Vec<u64>,
    /// Words in a row: the bytes of `b`, 64 in each.
    words: usize,
    len: usize,
}

/// The bytes that Redis's table takes for strings of these lengths, which it compares with `proto-max-bulk-len`. What is
/// allocated here is at most that, and for long strings about a thirtieth. Saturates.
pub fn table_bytes(a_len: usize, b_len: usize) -> u64 {
    let rows = (a_len as u64).saturating_add(1);
    let columns = (b_len as u64).saturating_add(1);
    rows.saturating_mul(columns).saturating_mul(4)
}

/// The length of the longest common subsequence. Takes time in proportion to the product of the lengths, and memory for `b`
/// only; fails if there is none.
pub fn longest_common_length(a: &[u8], b: &[u8]) -> Result<usize, TryReserveError> {
    let words = b.len().div_ceil(WORD_BITS);
    let positions = Positions::of(a, b, words)?;
    let mut row = filled(words, u64::MAX)?;
    for byte in a {
        advance(&mut row, positions.of_byte(*byte));
    }
    Ok(steps(&row))
}

impl<'a> Alignment<'a> {
    /// Aligns the strings, in time and memory in proportion to the product of their lengths. The caller bounds
    /// that, see [`table_bytes`]; if there is not enough memory, it fails.
    pub fn new(a: &'a [u8], b: &'a [u8]) -> Result<Alignment<'a>, TryReserveError> {
        let words = b.len().div_ceil(WORD_BITS);
        let positions = Positions::of(a, b, words)?;
        let mut rows = Vec::new();
        rows.try_reserve_exact(a.len().saturating_mul(words))?;
        let mut row = filled(words, u64::MAX)?;
        for byte in a {
            advance(&mut row, positions.of_byte(*byte));
            rows.extend_from_slice(&row);
        }
        Ok(Alignment { a, b, rows, words, len: steps(&row) })
    }

    /// The length of the subsequence.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the strings have no byte in common.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The runs that make up the subsequence, from the last to the first.
    pub fn matches(&self) -> Matches<'_> {
        Matches { alignment: self, a_left: self.a.len(), b_left: self.b.len() }
    }

    /// The bytes of the subsequence.
    pub fn subsequence(&self) -> Vec<u8> {
        let mut matches: Vec<Match> = self.matches().collect();
        matches.reverse();
        let runs = matches.into_iter().filter_map(|run| self.a.get(run.a));
        let mut bytes = Vec::with_capacity(self.len);
        runs.for_each(|run| bytes.extend_from_slice(run));
        bytes
    }

    /// Whether the prefixes of these lengths, which are not 0, have a longer subsequence than without the last byte of `b`'s.
    fn is_step(&self, a_left: usize, b_left: usize) -> bool {
        let (row, column) = (a_left.saturating_sub(1), b_left.saturating_sub(1));
        let word = row.saturating_mul(self.words).saturating_add(column / WORD_BITS);
        let bit = 1 << (column % WORD_BITS);
        self.rows.get(word).is_some_and(|word| word & bit == 0)
    }
}

/// See [`Alignment::matches`].
pub struct Matches<'a> {
    alignment: &'a Alignment<'a>,
    /// The lengths of the prefixes that are still to be walked.
    a_left: usize,
    b_left: usize,
}

impl Iterator for Matches<'_> {
    type Item = Match;

    fn next(&mut self) -> Option<Match> {
        let Alignment { a, b, .. } = self.alignment;
        loop {
            let (a_rest, b_rest) = (a.get(..self.a_left)?, b.get(..self.b_left)?);
            let (last_a, last_b) = (a_rest.last()?, b_rest.last()?);
            if last_a == last_b {
                let pairs = a_rest.iter().rev().zip(b_rest.iter().rev());
                let length = pairs.take_while(|(in_a, in_b)| in_a == in_b).count();
                let found = Match {
                    a: self.a_left.saturating_sub(length)..self.a_left,
                    b: self.b_left.saturating_sub(length)..self.b_left,
                };
                (self.a_left, self.b_left) = (found.a.start, found.b.start);
                return Some(found);
            }
            if self.alignment.is_step(self.a_left, self.b_left) {
                self.a_left = self.a_left.saturating_sub(1);
            } else {
                self.b_left = self.b_left.saturating_sub(1);
            }
        }
    }
}

/// For each byte of the one string, the positions in the other where it occurs, as a vector of bits.
struct Positions {
    /// For each byte, which of the vectors is its own, counted from 1; 0 if it has none.
    vector: [u16; 256],
    bits: Vec<u64>,
    words: usize,
}

impl Positions {
    /// Only for bytes that `a` has, so that little memory is needed when it is short and `b` is long.
    fn of(a: &[u8], b: &[u8], words: usize) -> Result<Positions, TryReserveError> {
        let mut vector = [0; 256];
        let mut vectors = 0_u16;
        for byte in a {
            if let Some(number @ 0) = vector.get_mut(usize::from(*byte)) {
                vectors = vectors.saturating_add(1);
                *number = vectors;
            }
        }
        let bits = filled(words.saturating_mul(usize::from(vectors)), 0)?;
        let mut positions = Positions { vector, bits, words };
        for (position, byte) in b.iter().enumerate() {
            let Some(range) = positions.range(*byte) else {
                continue;
            };
            let own = positions.bits.get_mut(range).unwrap_or_default();
            if let Some(word) = own.get_mut(position / WORD_BITS) {
                *word |= 1 << (position % WORD_BITS);
            }
        }
        Ok(positions)
    }

    /// The vector of a byte that the first string has.
    fn of_byte(&self, byte: u8) -> &[u64] {
        self.range(byte).and_then(|range| self.bits.get(range)).unwrap_or_default()
    }

    fn range(&self, byte: u8) -> Option<Range<usize>> {
        let number = self.vector.get(usize::from(byte)).copied()?;
        let start = usize::from(number.checked_sub(1)?).saturating_mul(self.words);
        Some(start..start.saturating_add(self.words))
    }
}

/// Turns a row into the next. A bit is 0 where the length grows from the column before; in the last word, bits behind the
/// string's end stay 1.
fn advance(row: &mut [u64], positions: &[u64]) {
    let mut carry = false;
    for (word, positions) in row.iter_mut().zip(positions) {
        let taken = *word & positions;
        let (sum, overflow) = word.overflowing_add(taken);
        let (sum, overflow_of_carry) = sum.overflowing_add(u64::from(carry));
        carry = overflow || overflow_of_carry;
        *word = sum | *word & !positions;
    }
}

fn steps(row: &[u64]) -> usize {
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

fn filled(words: usize, value: u64) -> Result<Vec<u64>, TryReserveError> {
    let mut vector = Vec::new();
    vector.try_reserve_exact(words)?;
    vector.resize(words, value);
    Ok(vector)
}

const WORD_BITS: usize = u64::BITS as usize;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
    #![expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "as the textbook"
    )]

    use proptest::prelude::*;

    use super::*;

    /// The textbook's table, and Redis's walk through it.
    fn slow(a: &[u8], b: &[u8]) -> (usize, Vec<Match>) {
        let mut table = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = if a[i - 1] == b[j - 1] {
                    table[i - 1][j - 1] + 1
                } else {
                    table[i - 1][j].max(table[i][j - 1])
                };
            }
        }
        let (mut i, mut j) = (a.len(), b.len());
        let mut matches: Vec<Match> = Vec::new();
        while 0 < i && 0 < j {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                match matches.last_mut() {
                    Some(last) if last.a.start == i + 1 && last.b.start == j + 1 => {
                        (last.a.start, last.b.start) = (i, j);
                    }
                    _ => matches.push(Match { a: i..i + 1, b: j..j + 1 }),
                }
            } else if table[i][j - 1] < table[i - 1][j] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        (table[a.len()][b.len()], matches)
    }

    #[track_caller]
    fn check(a: &[u8], b: &[u8]) {
        let (len, matches) = slow(a, b);
        let alignment = Alignment::new(a, b).unwrap();
        assert_eq!(alignment.len(), len);
        assert_eq!(alignment.is_empty(), len == 0);
        assert_eq!(longest_common_length(a, b).unwrap(), len);
        assert_eq!(alignment.matches().collect::<Vec<_>>(), matches);
        let bytes: Vec<u8> =
            matches.iter().rev().flat_map(|run| a[run.a.clone()].to_vec()).collect();
        assert_eq!(alignment.subsequence(), bytes);
    }

    #[test]
    fn example_of_the_documentation() {
        let alignment = Alignment::new(b"ohmytext", b"mynewtext").unwrap();
        assert_eq!(alignment.subsequence(), b"mytext");
        let matches: Vec<Match> = alignment.matches().collect();
        assert_eq!(matches, [Match { a: 4..8, b: 5..9 }, Match { a: 2..4, b: 0..2 }]);
    }

    #[test]
    fn edges() {
        check(b"", b"");
        check(b"a", b"");
        check(b"", b"a");
        check(b"a", b"a");
        check(b"a", b"b");
        check(&[b'x'; 64], &[b'x'; 64]);
        check(&[b'x'; 65], &[b'x'; 63]);
        check(&[b'x'; 130], &[b'x'; 257]);
    }

    #[test]
    fn table_size_saturates() {
        assert_eq!(table_bytes(3, 4), 80);
        assert_eq!(table_bytes(usize::MAX, usize::MAX), u64::MAX);
    }

    proptest! {
        #[test]
        fn agrees_with_the_textbook(
            a in prop::collection::vec(b'a'..b'e', 0..200),
            b in prop::collection::vec(b'a'..b'e', 0..200),
        ) {
            check(&a, &b);
        }

        #[test]
        fn agrees_with_the_textbook_on_any_bytes(
            a in prop::collection::vec(any::<u8>(), 0..300),
            b in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            check(&a, &b);
        }
    }
}
