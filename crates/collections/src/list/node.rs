//! One node of a long list.

use std::borrow::Cow;

use crate::list_pack::Element;
use crate::{ListPack, ListPackRef, lzf};

/// A node: several elements, or one that is large. Either may be compressed.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// At least one element.
    Packed(ListPack),
    /// One element.
    Plain(Box<[u8]>),
    /// What was one of both.
    Compressed(Compressed),
}

/// A compressed node.
#[derive(Clone, Debug)]
pub(super) struct Compressed {
    bytes: Box<[u8]>,
    original_bytes: u32,
    /// The number of elements; none if it is a plain node.
    count: Option<std::num::NonZeroU32>,
}

/// What a node holds, decompressed if it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeContent<'a> {
    /// The bytes of a list pack.
    Packed(Cow<'a, [u8]>),
    /// The bytes of one element.
    Plain(Cow<'a, [u8]>),
}

impl Node {
    /// The number of elements.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.len(),
            Node::Plain(_) => 1,
            Node::Compressed(node) => node.count.map_or(1, |count| count.get() as usize),
        }
    }

    /// Whether it is one large element.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Node::Packed(_) => false,
            Node::Plain(_) => true,
            Node::Compressed(node) => node.count.is_none(),
        }
    }

    /// Bytes that it has stored.
    pub(super) fn stored_bytes(&self) -> usize {
        match self {
            Node::Packed(pack) => pack.as_bytes().len(),
            Node::Plain(bytes) => bytes.len(),
            Node::Compressed(node) => node.bytes.len(),
        }
    }

    /// What it holds.
    #[inline]
    pub(super) fn content(&self) -> NodeContent<'_> {
        match self {
            Node::Packed(pack) => NodeContent::Packed(Cow::Borrowed(pack.as_bytes())),
            Node::Plain(bytes) => NodeContent::Plain(Cow::Borrowed(bytes)),
            Node::Compressed(node) => match node.count {
                Some(_) => NodeContent::Packed(Cow::Owned(node.original())),
                None => NodeContent::Plain(Cow::Owned(node.original())),
            },
        }
    }

    /// Compresses it if that makes it smaller by so much that it pays.
    pub(super) fn compress(&mut self) {
        /// Fewer bytes are not worth it.
        const FEWEST: usize = 48;
        /// The least that is to be saved.
        const GAIN: usize = 8;
        let (bytes, count) = match self {
            Node::Packed(pack) => (pack.as_bytes(), u32::try_from(pack.len()).ok()),
            Node::Plain(bytes) => (&**bytes, Some(0)),
            Node::Compressed(_) => return,
        };
        let (Ok(original_bytes), Some(count)) = (u32::try_from(bytes.len()), count) else {
            return;
        };
        if bytes.len() < FEWEST {
            return;
        }
        if let Some(compressed) = lzf::compress(bytes, bytes.len().saturating_sub(GAIN)) {
            let count = std::num::NonZeroU32::new(count);
            let bytes = compressed.into_boxed_slice();
            *self = Node::Compressed(Compressed { bytes, original_bytes, count });
        }
    }

    /// Decompresses it, so that it can be changed.
    pub(super) fn decompress(&mut self) {
        if let Node::Compressed(node) = self {
            let original = node.original();
            *self = match node.count {
                Some(_) => Node::Packed(ListPack::from_trusted(original)),
                None => Node::Plain(original.into_boxed_slice()),
            };
        }
    }

    /// Its elements, to be changed, if it is not one large one.
    pub(super) fn pack_mut(&mut self) -> Option<&mut ListPack> {
        self.decompress();
        match self {
            Node::Packed(pack) => Some(pack),
            Node::Plain(_) | Node::Compressed(_) => None,
        }
    }

    /// The allocations it consists of.
    pub(super) fn memory_bytes(&self, size: &dyn Fn(usize) -> usize) -> usize {
        match self {
            Node::Packed(pack) => size(pack.memory_bytes()),
            Node::Plain(bytes) => size(bytes.len()),
            Node::Compressed(node) => size(node.bytes.len()),
        }
    }

    #[cfg(test)]
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self, Node::Compressed(_))
    }
}

impl Compressed {
    #[expect(clippy::expect_used, reason = "it was compressed by this module")]
    fn original(&self) -> Vec<u8> {
        lzf::decompress(&self.bytes, self.original_bytes as usize)
            .expect("a node that was compressed can be decompressed")
    }
}

impl NodeContent<'_> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            NodeContent::Packed(bytes) => ListPackRef::from_trusted(bytes).len(),
            NodeContent::Plain(_) => 1,
        }
    }

    /// Whether there are none, which is in no node of a list.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the element with the index.
    pub(super) fn with<R>(&self, index: usize, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        match self {
            NodeContent::Packed(bytes) => {
                let pack = ListPackRef::from_trusted(bytes);
                pack.nth(i64::try_from(index).ok()?).map(|position| read(pack.element(position)))
            }
            NodeContent::Plain(bytes) => (index == 0).then(|| read(Element::Bytes(bytes))),
        }
    }
}
