//! Counting ones.
//!
//! Sixteen words are added bit by bit in a tree of carry-save adders, so that only one word of sixteen has to be counted
//! itself (Harley and Seal; see Mula, Kurz and Lemire, "Faster Population Counts Using AVX2 Instructions", 2016). Each
//! "word" is an array of words, which the compiler keeps in vector registers.

/// Words that are worked on at once.
const LANES: usize = 8;
/// Bytes of such words.
const BLOCK: usize = LANES * size_of::<u64>();
/// Blocks that make up a round of the tree.
const BLOCKS: usize = 16;

type Words = [u64; LANES];

/// How many bits are ones.
pub fn count(bytes: &[u8]) -> u64 {
    let (rounds, rest) = bytes.as_chunks::<{ BLOCK * BLOCKS }>();
    let mut tree = Tree::default();
    let mut sixteens = 0_u64;
    for round in rounds {
        sixteens = sixteens.wrapping_add(ones(&tree.add(round)));
    }
    let counted = [(sixteens, 16), (ones(&tree.eights), 8), (ones(&tree.fours), 4)]
        .into_iter()
        .chain([(ones(&tree.twos), 2), (ones(&tree.ones), 1)])
        .fold(0_u64, |sum, (count, weight)| sum.wrapping_add(count.wrapping_mul(weight)));
    counted.wrapping_add(count_plainly(rest))
}

/// For what is too short for a round.
fn count_plainly(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()));
    let in_rest = rest.iter().map(|byte| u64::from(byte.count_ones()));
    in_words.chain(in_rest).sum()
}

/// What was counted so far and has not been carried on, by its weight.
#[derive(Default)]
struct Tree {
    ones: Words,
    twos: Words,
    fours: Words,
    eights: Words,
}

impl Tree {
    /// Adds a round; gives what is carried out of it, of weight sixteen.
    #[inline]
    fn add(&mut self, round: &[u8; BLOCK * BLOCKS]) -> Words {
        let (blocks, _) = round.as_chunks::<{ BLOCK * 4 }>();
        let mut eights = [[0; LANES]; 2];
        for (eight, pair) in eights.iter_mut().zip(blocks.chunks(2)) {
            let mut fours = [[0; LANES]; 2];
            for (four, blocks) in fours.iter_mut().zip(pair) {
                let (blocks, _) = blocks.as_chunks::<BLOCK>();
                let mut words = blocks.iter().map(words);
                let mut next = || words.next().unwrap_or_default();
                let first = carry(&mut self.ones, next(), next());
                let second = carry(&mut self.ones, next(), next());
                *four = carry(&mut self.twos, first, second);
            }
            *eight = carry(&mut self.fours, fours[0], fours[1]);
        }
        carry(&mut self.eights, eights[0], eights[1])
    }
}

/// Adds two words to a sum bit by bit; gives what is carried.
#[inline]
fn carry(sum: &mut Words, one: Words, other: Words) -> Words {
    let mut carried = [0; LANES];
    let inputs = one.iter().zip(&other);
    for ((sum, carried), (one, other)) in sum.iter_mut().zip(&mut carried).zip(inputs) {
        let either = *sum ^ one;
        *carried = (*sum & one) | (either & other);
        *sum = either ^ other;
    }
    carried
}

#[inline]
fn words(block: &[u8; BLOCK]) -> Words {
    let (bytes, _) = block.as_chunks::<8>();
    let mut words = [0; LANES];
    for (word, bytes) in words.iter_mut().zip(bytes) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

#[inline]
fn ones(words: &Words) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}
