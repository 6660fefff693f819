//! How much memory a list pack asks for.
//!
//! Doubling would waste up to half of it, an exact size means a call of the allocator for every element. But the allocator rounds up
//! anyway: to multiples of 8, and above 64 to one of four sizes between a power of two and the next. Asking for exactly
//! these costs nothing and makes the calls few.

/// The size that the allocator would give for this many bytes.
#[expect(clippy::arithmetic_side_effects, reason = "sizes of memory, far from the end of the type")]
pub fn allocation_size(bytes: usize) -> usize {
    const QUANTUM: usize = 8;
    if bytes <= 64 {
        return bytes.next_multiple_of(QUANTUM);
    }
    let below = 1_usize << (bytes - 1).ilog2();
    bytes.next_multiple_of(below / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_the_allocator() {
        for (bytes, size) in [
            (0, 0),
            (1, 8),
            (8, 8),
            (57, 64),
            (64, 64),
            (65, 80),
            (80, 80),
            (81, 96),
            (128, 128),
            (129, 160),
            (4096, 4096),
            (4097, 5120),
            (8192, 8192),
            (8193, 10240),
        ] {
            assert_eq!(allocation_size(bytes), size, "{bytes}");
        }
    }
}
