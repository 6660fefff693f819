//! Lists: elements in the order in which they were put.
//!
//! A short list is one list pack; a longer one is a [`QuickList`](quick::QuickList), a sequence of nodes. It takes that form when what is to be added would
//! exceed the bound of a node ([`Limits`]), and goes back to the other when one node is left and half full: these rules, and
//! those by which nodes are split and merged, are Redis's, so that OBJECT ENCODING tells the same after the same commands.
//!
//! Reading is by visitors, since an element of a compressed node lives no longer than the visit.

mod limits;
mod node;
mod quick;
mod range;

use std::ops::ControlFlow;

pub use limits::Limits;
pub use node::NodeContent;
pub use quick::QuickList;
pub use range::index_range;

use limits::Share;
use node::Node;

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};
use crate::list_pack::{Element, Iter, Position};
use crate::pieces::Piece;
use crate::{ListPack, ListPackRef};

/// See the module's page.
#[derive(Clone, Debug)]
pub enum List {
    /// A short one.
    Pack(ListPack),
    /// A long one.
    Quick(Box<QuickList>),
}

/// A [`List`] to be read.
#[derive(Clone, Copy, Debug)]
pub enum ListRef<'a> {
    /// A short one.
    Pack(ListPackRef<'a>),
    /// A long one.
    Quick(&'a QuickList),
}

/// An end of a list, from which it is also walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first element: the left.
    Head,
    /// The last: the right.
    Tail,
}

/// Where a new element goes, seen from one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the head.
    Before,
    /// Towards the tail.
    After,
}

impl List {
    /// The number of elements.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "that is in the trait")]
    pub fn len(&self) -> usize {
        match self {
            List::Pack(pack) => pack.len(),
            List::Quick(quick) => quick.len(),
        }
    }

    /// Adds elements at an end, one after the other: of those put at the head, the last becomes the first.
    #[inline]
    pub fn push<'e>(
        &mut self,
        end: End,
        elements: impl Iterator<Item = &'e [u8]> + Clone,
        limits: Limits,
    ) {
        if matches!(self, List::Pack(_)) {
            let size = elements.clone().fold((0_usize, 0_usize), |(bytes, count), element| {
                (bytes.saturating_add(element.len()), count.saturating_add(1))
            });
            self.grow(size, limits);
        }
        match (self, end) {
            (List::Pack(pack), End::Tail) => elements.for_each(|element| pack.push_back(element)),
            (List::Pack(pack), End::Head) => elements.for_each(|element| pack.push_front(element)),
            (List::Quick(quick), end) => elements.for_each(|element| quick.push(end, element)),
        }
    }

    /// Takes the element at an end out, after a look at it.
    #[inline]
    pub fn pop<R>(
        &mut self,
        end: End,
        limits: Limits,
        read: impl FnOnce(Element<'_>) -> R,
    ) -> Option<R> {
        match self {
            List::Pack(pack) => {
                let whole = pack.as_ref();
                let position = match end {
                    End::Head => whole.first(),
                    End::Tail => whole.last(),
                }?;
                let result = read(whole.element(position));
                pack.remove(position, 1);
                Some(result)
            }
            List::Quick(quick) => {
                let result = quick.pop(end, read);
                self.shrink(Share::Half, limits);
                result
            }
        }
    }

    /// Moves the element at one end to an end, after a look at it.
    pub fn rotate<R>(
        &mut self,
        from: End,
        to: End,
        limits: Limits,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Option<R> {
        let element = match self {
            List::Pack(_) => self.pop(from, limits, copied)?,
            List::Quick(quick) => quick.pop(from, copied)?,
        };
        self.push(to, std::iter::once(&*element), limits);
        self.shrink(Share::Half, limits);
        Some(read(&element))
    }

    /// Takes elements out: `count` of them from the index on.
    pub fn remove_range(&mut self, start: usize, count: usize, limits: Limits) {
        match self {
            List::Pack(pack) => {
                if let Some(position) = nth(pack.as_ref(), start) {
                    pack.remove(position, count);
                }
            }
            List::Quick(quick) => quick.remove_range(start, count),
        }
        self.shrink(Share::Half, limits);
    }

    /// Takes the elements out that are outside of a range.
    pub fn trim(&mut self, range: std::ops::Range<usize>, limits: Limits) {
        self.remove_range(range.end, usize::MAX, limits);
        self.remove_range(0, range.start, limits);
    }

    /// Puts an element in the place of that with the index, if there is one.
    pub fn set(&mut self, index: i64, element: &[u8], limits: Limits) -> bool {
        self.grow((element.len(), 1), limits);
        let is_set = match self {
            List::Pack(pack) => match pack.as_ref().nth(index) {
                Some(position) => {
                    pack.replace(position, element);
                    true
                }
                None => false,
            },
            List::Quick(quick) => match range::index_of(index, quick.len()) {
                Some(index) => {
                    quick.set(index, element);
                    true
                }
                None => false,
            },
        };
        if is_set {
            self.shrink(Share::Half, limits);
        }
        is_set
    }

    /// Adds an element beside the first one that is `pivot`, if there is one.
    pub fn insert(&mut self, pivot: &[u8], side: Side, element: &[u8], limits: Limits) -> bool {
        self.grow((element.len(), 1), limits);
        match self {
            List::Pack(pack) => {
                let whole = pack.as_ref();
                let Some(position) = whole.find(pivot, 0) else {
                    return false;
                };
                match (side, whole.next(position)) {
                    (Side::Before, _) => pack.insert(position, element),
                    (Side::After, Some(next)) => pack.insert(next, element),
                    (Side::After, None) => pack.push_back(element),
                }
                true
            }
            List::Quick(quick) => quick.insert(pivot, side, element),
        }
    }

    /// Takes elements out that are `element`: at most `most` of them, from an end on. Gives how many.
    pub fn remove_equal(
        &mut self,
        element: &[u8],
        from: End,
        most: usize,
        limits: Limits,
    ) -> usize {
        let removed = match self {
            List::Pack(pack) => remove_equal(pack, element, from, most),
            List::Quick(quick) => quick.remove_equal(element, from, most),
        };
        if 0 < removed {
            self.shrink(Share::Half, limits);
        }
        removed
    }

    /// A list of nodes that were saved. Nodes without elements are left out.
    pub fn from_nodes(nodes: impl IntoIterator<Item = SavedNode>, limits: Limits) -> List {
        let mut quick = QuickList::new(limits);
        for node in nodes {
            quick.push_node(match node {
                SavedNode::Packed(pack) => Node::Packed(pack),
                SavedNode::Plain(bytes) => Node::Plain(bytes.into_boxed_slice()),
            });
        }
        quick.settle_all();
        let mut list = List::Quick(Box::new(quick));
        list.shrink(Share::All, limits);
        list
    }

    /// See [`Object::begin_pieces`].
    pub(crate) fn begin_pieces(&mut self) -> Option<usize> {
        match self {
            List::Pack(_) => None,
            List::Quick(quick) => Some(quick.begin_pieces()),
        }
    }

    pub(crate) fn is_in_pieces(&self) -> bool {
        matches!(self, List::Quick(quick) if quick.is_in_pieces())
    }

    /// See [`Object::kept_bytes`].
    pub(crate) fn kept_bytes(&self) -> usize {
        match self {
            List::Pack(_) => 0,
            List::Quick(quick) => quick.kept_bytes(),
        }
    }

    /// See [`Object::next_piece`].
    pub(crate) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        match self {
            List::Pack(_) => false,
            List::Quick(quick) => quick.next_piece(budget, visit),
        }
    }

    pub(crate) fn abandon_pieces(&mut self) {
        if let List::Quick(quick) = self {
            quick.abandon_pieces();
        }
    }

    /// Takes the form that more elements need: so many bytes, so many elements.
    #[inline]
    fn grow(&mut self, (bytes, count): (usize, usize), limits: Limits) {
        if let List::Pack(pack) = self
            && limits.exceeded(
                pack.total_bytes().saturating_add(bytes),
                pack.len().saturating_add(count),
            )
        {
            let mut quick = QuickList::new(limits);
            let mut pack = std::mem::take(pack);
            pack.shrink_to_fit();
            quick.push_node(Node::Packed(pack));
            *self = List::Quick(Box::new(quick));
        }
    }

    /// Takes the form that few elements need.
    #[inline]
    fn shrink(&mut self, share: Share, limits: Limits) {
        if let List::Quick(quick) = self
            && let Some(pack) = quick.take_small(share, limits)
        {
            *self = List::Pack(pack);
        }
    }
}

/// A node as files have it.
#[derive(Clone, Debug)]
pub enum SavedNode {
    /// Several elements.
    Packed(ListPack),
    /// One element.
    Plain(Vec<u8>),
}

impl Default for List {
    fn default() -> List {
        List::Pack(ListPack::new())
    }
}

impl<'a> ListRef<'a> {
    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        match self {
            ListRef::Pack(_) => Encoding::ListPack,
            ListRef::Quick(_) => Encoding::QuickList,
        }
    }

    /// The number of elements.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            ListRef::Pack(pack) => pack.len(),
            ListRef::Quick(quick) => quick.len(),
        }
    }

    /// The number of [`nodes`](ListRef::nodes).
    pub fn node_count(self) -> usize {
        match self {
            ListRef::Pack(_) => 1,
            ListRef::Quick(quick) => quick.node_count(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        match self {
            ListRef::Pack(pack) => pack.is_empty(),
            ListRef::Quick(quick) => quick.len() == 0,
        }
    }

    /// Reads the element with the index; -1 is the last.
    pub fn with<R>(self, index: i64, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        match self {
            ListRef::Pack(pack) => pack.nth(index).map(|position| read(pack.element(position))),
            ListRef::Quick(quick) => quick.with(range::index_of(index, quick.len())?, read),
        }
    }

    /// Reads elements from that with the index on, away from the end that is named, until `visit` breaks or there are no more.
    #[inline]
    pub fn visit<B>(
        self,
        start: usize,
        from: End,
        mut visit: impl FnMut(Element<'_>) -> ControlFlow<B>,
    ) -> Option<B> {
        match self {
            ListRef::Pack(pack) => match from {
                End::Head => visit_each(elements_from(pack, start), &mut visit),
                End::Tail => visit_each(elements_to(pack, start).rev(), &mut visit),
            },
            ListRef::Quick(quick) => quick.visit(start, from, visit),
        }
    }

    /// The nodes that files have of it.
    pub fn nodes(self) -> impl Iterator<Item = NodeContent<'a>> {
        let (pack, quick) = match self {
            ListRef::Pack(pack) => (Some(NodeContent::Packed(pack.as_bytes().into())), None),
            ListRef::Quick(quick) => (None, Some(quick.nodes())),
        };
        pack.into_iter().chain(quick.into_iter().flatten())
    }

    /// How many allocations it takes to free it, about.
    pub fn effort(self) -> usize {
        match self {
            ListRef::Pack(_) => 1,
            ListRef::Quick(quick) => quick.node_count(),
        }
    }

    /// See [`ObjectRef::memory_bytes`].
    pub fn memory_bytes(self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        match self {
            ListRef::Pack(pack) => size(pack.total_bytes()),
            ListRef::Quick(quick) => quick.memory_bytes(samples, size),
        }
    }

    /// See [`ObjectRef::digest`]. The order matters, so all elements are fed together.
    pub fn digest(self, feed: &mut dyn FnMut(&[&[u8]])) {
        let mut elements = Vec::new();
        self.visit(0, End::Head, |element| {
            elements.push(element.to_vec());
            ControlFlow::<()>::Continue(())
        });
        feed(&elements.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}

impl Collection for List {
    type Ref<'a> = ListRef<'a>;

    const KIND: Kind = Kind::List;

    #[inline]
    fn to_ref(&self) -> ListRef<'_> {
        match self {
            List::Pack(pack) => ListRef::Pack(pack.as_ref()),
            List::Quick(quick) => ListRef::Quick(quick),
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        match self {
            List::Pack(pack) => pack.is_empty(),
            List::Quick(quick) => quick.len() == 0,
        }
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        match self {
            List::Pack(pack) => Some((Encoding::ListPack, pack.as_bytes())),
            List::Quick(_) => None,
        }
    }

    fn from_packed(_encoding: Encoding, bytes: Vec<u8>) -> List {
        List::Pack(ListPack::from_trusted(bytes))
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), List> {
        match self {
            List::Pack(pack) => Ok((Encoding::ListPack, pack.into_bytes())),
            List::Quick(_) => Err(self),
        }
    }

    fn packed_ref(_encoding: Encoding, bytes: &[u8]) -> ListRef<'_> {
        ListRef::Pack(ListPackRef::from_trusted(bytes))
    }

    fn into_object(mut self) -> Object {
        // What was changed in a buffer has the buffer's capacity.
        if let List::Pack(pack) = &mut self {
            pack.shrink_to_fit();
        }
        Object::List(self)
    }

    fn of(object: &Object) -> Option<&List> {
        if let Object::List(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut List> {
        if let Object::List(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<ListRef<'_>> {
        if let ObjectRef::List(value) = object { Some(value) } else { None }
    }
}

/// The element of a list pack with an index from the front.
fn nth(pack: ListPackRef<'_>, index: usize) -> Option<Position> {
    pack.nth(i64::try_from(index).ok()?)
}

/// The elements of a list pack from the index on.
#[inline]
fn elements_from(pack: ListPackRef<'_>, index: usize) -> Iter<'_> {
    nth(pack, index).map_or_else(|| pack.no_elements(), |position| pack.iter_from(position))
}

/// The elements of a list pack up to the index.
#[inline]
fn elements_to(pack: ListPackRef<'_>, index: usize) -> Iter<'_> {
    nth(pack, index).map_or_else(|| pack.no_elements(), |position| pack.iter_to(position))
}

#[inline]
fn visit_each<'e, B>(
    mut elements: impl Iterator<Item = Element<'e>>,
    visit: &mut impl FnMut(Element<'_>) -> ControlFlow<B>,
) -> Option<B> {
    elements.try_for_each(visit).break_value()
}

fn copied(element: Element<'_>) -> Vec<u8> {
    element.to_vec()
}

/// Takes elements out of a list pack that are `element`.
fn remove_equal(pack: &mut ListPack, element: &[u8], from: End, most: usize) -> usize {
    let mut removed = 0_usize;
    match from {
        End::Head => {
            let mut next = pack.as_ref().first();
            while removed < most
                && let Some(start) = next
                && let Some(position) = pack.as_ref().find_from(start, element, 0)
            {
                next = pack.remove(position, 1);
                removed = removed.saturating_add(1);
            }
        }
        End::Tail => {
            let mut next = pack.as_ref().last();
            while removed < most
                && let Some(position) = next
            {
                next = pack.as_ref().previous(position);
                if pack.as_ref().element(position).equals(element) {
                    pack.remove(position, 1);
                    removed = removed.saturating_add(1);
                }
            }
        }
    }
    removed
}

#[cfg(test)]
mod tests;
