//! How large the nodes of a list may become, and which of them are compressed.

use crate::ListPack;

/// What `list-max-listpack-size` and `list-compress-depth` say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most elements of a node; or from -1 to -5, for 4, 8, 16, 32 or 64 KiB.
    pub node_size: i32,
    /// How many nodes at either end stay uncompressed; 0: all.
    pub compress_depth: u32,
}

/// The bound of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Bytes(usize),
    Elements(usize),
}

impl Limits {
    /// Whether a list pack of this size is too large for one node.
    pub(super) fn exceeded(self, total_bytes: usize, len: usize) -> bool {
        match self.bound() {
            Bound::Bytes(bytes) => bytes < total_bytes,
            Bound::Elements(elements) => SAFE_BYTES < total_bytes || elements < len,
        }
    }

    /// Whether an element is so large that it is a node of its own.
    #[inline]
    pub(super) fn is_large(self, element_bytes: usize) -> bool {
        match self.bound() {
            Bound::Bytes(bytes) => bytes < element_bytes,
            Bound::Elements(_) => SAFE_BYTES < element_bytes,
        }
    }

    /// Whether an element may be added to a list pack.
    #[inline]
    pub(super) fn admits(self, pack: &ListPack, element_bytes: usize) -> bool {
        /// What an element takes at most beyond its bytes, about.
        const OVERHEAD: usize = 8;
        let total_bytes = pack.total_bytes().saturating_add(element_bytes).saturating_add(OVERHEAD);
        // One that is large exceeds the bound together with others as well.
        !self.exceeded(total_bytes, pack.len().saturating_add(1))
    }

    /// Whether two list packs may become one.
    pub(super) fn admits_both(self, left: &ListPack, right: &ListPack) -> bool {
        let total_bytes = left
            .total_bytes()
            .saturating_add(right.total_bytes())
            .saturating_sub(ListPack::EMPTY_BYTES);
        !self.exceeded(total_bytes, left.len().saturating_add(right.len()))
    }

    /// Whether a list pack is so small that a list of nothing else need not have nodes: half of what a node may be, lest a list
    /// changes its form back and forth; or all of it.
    pub(super) fn is_small(self, pack: &ListPack, share: Share) -> bool {
        let part = |limit: usize| match share {
            Share::Half => limit / 2,
            Share::All => limit,
        };
        match self.bound() {
            Bound::Bytes(bytes) => pack.total_bytes() <= part(bytes),
            Bound::Elements(elements) => pack.len() <= part(elements),
        }
    }

    fn bound(self) -> Bound {
        match usize::try_from(self.node_size) {
            // A node has at least one element.
            Ok(elements) => Bound::Elements(elements.clamp(1, MOST_ELEMENTS)),
            Err(_) => Bound::Bytes(match self.node_size {
                -1 => 4096,
                -2 => 8192,
                -3 => 16_384,
                -4 => 32_768,
                _ => 65_536,
            }),
        }
    }
}

/// What part of a node's bound is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Half,
    All,
}

/// What the server starts with.
impl Default for Limits {
    fn default() -> Limits {
        Limits { node_size: -2, compress_depth: 0 }
    }
}

/// The most bytes of a node whose bound is a number of elements.
const SAFE_BYTES: usize = 8192;
/// The highest number of elements that counts.
const MOST_ELEMENTS: usize = (1 << 15) - 1;
