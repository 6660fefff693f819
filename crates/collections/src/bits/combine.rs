//! Combining strings bit by bit.

/// How the bits at one position are combined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// One where all are.
    And,
    /// One where any is.
    Or,
    /// One where an odd number is.
    Xor,
    /// One where the first is not.
    Not,
    /// One where the first is, and none of the others.
    Difference,
    /// One where any of the others is, and the first is not.
    ReverseDifference,
    /// One where the first is, and any of the others.
    AndOr,
    /// One where exactly one is.
    One,
}

/// Bytes that are worked on at once: they stay in the fastest cache while source after source is added.
const BLOCK: usize = 4096;

/// Combines strings; the result is as long as the longest, and the others are taken to go on with zeros.
pub fn combine(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    let length = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut result = vec![0; length];
    let mut scratch = [0; BLOCK];
    for (index, block) in result.chunks_mut(BLOCK).enumerate() {
        let start = index.saturating_mul(BLOCK);
        let end = start.saturating_add(block.len());
        let parts = sources.iter().map(|source| {
            let end = source.len().min(end);
            source.get(start.min(end)..end).unwrap_or_default()
        });
        let scratch = scratch.get_mut(..block.len()).unwrap_or_default();
        combine_block(operation, block, parts, scratch);
    }
    result
}

/// Combines what the sources have in one block, which is zeroed. `scratch` is as long.
fn combine_block<'a>(
    operation: Operation,
    block: &mut [u8],
    mut sources: impl Iterator<Item = &'a [u8]>,
    scratch: &mut [u8],
) {
    let first = sources.next().unwrap_or_default();
    match operation {
        Operation::And => {
            copy(block, first);
            for source in sources {
                and(block, source);
            }
        }
        Operation::Or => {
            copy(block, first);
            any(block, sources);
        }
        Operation::Xor => {
            copy(block, first);
            for source in sources {
                each(block, source, |sum, byte| sum ^ byte);
            }
        }
        Operation::Not => {
            copy(block, first);
            for byte in block {
                *byte = !*byte;
            }
        }
        Operation::Difference => {
            any(block, sources);
            each(block, first, |any, byte| byte & !any);
            block.get_mut(first.len()..).unwrap_or_default().fill(0);
        }
        Operation::ReverseDifference => {
            any(block, sources);
            each(block, first, |any, byte| any & !byte);
        }
        Operation::AndOr => {
            any(block, sources);
            and(block, first);
        }
        Operation::One => {
            copy(block, first);
            // Where there was more than one so far.
            scratch.fill(0);
            for source in sources {
                for ((sum, many), byte) in block.iter_mut().zip(scratch.iter_mut()).zip(source) {
                    *many |= *sum & byte;
                    *sum |= byte;
                }
            }
            each(block, scratch, |sum, many| sum & !many);
        }
    }
}

fn copy(block: &mut [u8], source: &[u8]) {
    for (byte, source) in block.iter_mut().zip(source) {
        *byte = *source;
    }
}

/// Adds to a block what any source has.
fn any<'a>(block: &mut [u8], sources: impl Iterator<Item = &'a [u8]>) {
    for source in sources {
        each(block, source, |sum, byte| sum | byte);
    }
}

/// Zeros follow the source.
fn and(block: &mut [u8], source: &[u8]) {
    each(block, source, |sum, byte| sum & byte);
    block.get_mut(source.len()..).unwrap_or_default().fill(0);
}

#[inline]
fn each(block: &mut [u8], source: &[u8], combine: impl Fn(u8, u8) -> u8) {
    for (sum, byte) in block.iter_mut().zip(source) {
        *sum = combine(*sum, *byte);
    }
}
