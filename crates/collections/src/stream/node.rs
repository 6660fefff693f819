//! A node of a stream: a list pack with some entries that follow each other, byte for byte as Redis lays it out.
//!
//! ```text
//!  master entry                                 entries, in the order of their IDs
//! +------+---------+-------+-----------+---+   +-------+----+-----+---------------+----------+
//! | live | deleted | count | field ... | 0 |   | flags | ms | seq |   contents    | elements | ...
//! +------+---------+-------+-----------+---+   +-------+----+-----+---------------+----------+
//!                                               contents, with the flag SAME_FIELDS: value ...
//!                                               else: count, and then: field, value, ...
//! ```
//!
//! - `live` and `deleted` count entries; a deleted one keeps its place and gets a flag.
//! - The master's fields are those of the first entry; one with the same fields does not repeat them.
//! - `ms` and `seq` are differences to the ID that the node has as its key, which is that of its first entry. They wrap.
//! - `elements` counts the elements of the entry before it, for those who walk backwards.
//!
//! A node was made here or checked by [`check`]; where one still is not what it should be, walking through it ends early.

use super::id::StreamId;
use crate::list_pack::{Element, Encoded, Iter, ListPack, ListPackRef, Position};

/// The entry is deleted.
const DELETED: i64 = 1;
/// The entry has the fields of the master entry.
const SAME_FIELDS: i64 = 1 << 1;
/// Elements of an entry that are always there and are counted: flags and two differences.
const FIXED_ELEMENTS: usize = 3;

/// A node to be read.
#[derive(Clone, Copy)]
pub(super) struct NodeRef<'a> {
    master: StreamId,
    pack: ListPackRef<'a>,
}

/// What a node begins with, and where its entries begin.
#[derive(Clone)]
pub(super) struct Master<'a> {
    pub(super) live: u64,
    pub(super) deleted: u64,
    field_count: usize,
    fields: Iter<'a>,
    entries: Iter<'a>,
}

/// Where an entry lies. It is good as long as nothing moves ([`Log`](super::Log) knows).
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) master: StreamId,
    pub(super) id: StreamId,
    /// Of its flags.
    position: Position,
}

/// An entry of a stream.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    place: Place,
    field_count: usize,
    /// Of the master entry, if the entry has no names of its own.
    names: Option<Iter<'a>>,
    contents: Iter<'a>,
}

/// An entry in its node.
pub(super) struct Slot<'a> {
    flags: i64,
    pub(super) entry: Entry<'a>,
}

impl<'a> Entry<'a> {
    /// Its ID.
    #[inline]
    pub fn id(&self) -> StreamId {
        self.place.id
    }

    #[inline]
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// How many fields it has.
    #[inline]
    pub fn field_count(&self) -> usize {
        self.field_count
    }

    /// Its fields and their values, in the order in which they were given.
    #[inline]
    pub fn fields(self) -> Fields<'a> {
        Fields { left: self.field_count, names: self.names, contents: self.contents }
    }
}

/// The fields of an entry and their values.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    left: usize,
    names: Option<Iter<'a>>,
    contents: Iter<'a>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.next()?,
            None => self.contents.next()?,
        };
        Some((name, self.contents.next()?))
    }
}

impl Slot<'_> {
    #[inline]
    pub(super) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }
}

impl<'a> NodeRef<'a> {
    #[inline]
    pub(super) fn new(master: StreamId, pack: &'a ListPack) -> NodeRef<'a> {
        NodeRef { master, pack: pack.as_ref() }
    }

    /// What the node begins with.
    #[inline]
    pub(super) fn master(self) -> Option<Master<'a>> {
        let mut rest = self.pack.iter();
        let live = unsigned(rest.next()?)?;
        let deleted = unsigned(rest.next()?)?;
        let field_count = usize::try_from(unsigned(rest.next()?)?).ok()?;
        let fields = rest.clone();
        for _ in 0..field_count {
            rest.next()?;
        }
        // The count of elements of a usual entry; that of the master entry is 0.
        rest.next()?;
        Some(Master { live, deleted, field_count, fields, entries: rest })
    }

    /// All entries from the first on, deleted ones too.
    #[inline]
    pub(super) fn slots(self) -> Slots<'a> {
        Slots { node: self, master: self.master() }
    }

    /// The entries from one on that lies at a good place.
    pub(super) fn slots_from(self, place: Place) -> Slots<'a> {
        let master = self.master().map(|master| {
            let entries = self.pack.iter_from(place.position);
            Master { entries, ..master }
        });
        Slots { node: self, master }
    }

    /// All entries from the last on, deleted ones too.
    pub(super) fn slots_backward(self) -> SlotsBackward<'a> {
        let master = self.master();
        let first = master.as_ref().and_then(|master| master.entries.position());
        let end = first.and_then(|_| self.pack.last());
        SlotsBackward { node: self, master, first, end }
    }

    /// How many entries there are that are not deleted.
    pub(super) fn live(self) -> u64 {
        self.pack.iter().next().and_then(unsigned).unwrap_or(0)
    }

    /// The entry of this ID, unless it is deleted.
    pub(super) fn find(self, id: StreamId) -> Option<Slot<'a>> {
        // Deleted ones may be out of order.
        let mut slots = self.slots().filter(|slot| !slot.is_deleted());
        slots.find(|slot| id <= slot.entry.id()).filter(|slot| slot.entry.id() == id)
    }

    /// The entry that lies where `rest` is, which is behind it afterwards.
    #[inline]
    fn read(self, master: &Master<'a>, rest: &mut Iter<'a>) -> Option<Slot<'a>> {
        let position = Iter::position(rest)?;
        let flags = rest.next()?.integer()?;
        let ms = rest.next()?.integer()?.cast_unsigned();
        let sequence = rest.next()?.integer()?.cast_unsigned();
        let id = StreamId {
            ms: self.master.ms.wrapping_add(ms),
            sequence: self.master.sequence.wrapping_add(sequence),
        };
        let (field_count, names, elements) = if flags & SAME_FIELDS == 0 {
            let count = usize::try_from(unsigned(rest.next()?)?).ok()?;
            (count, None, count.checked_mul(2)?)
        } else {
            (master.field_count, Some(master.fields.clone()), master.field_count)
        };
        let contents = rest.clone();
        for _ in 0..elements {
            rest.next()?;
        }
        // The count of elements.
        rest.next()?;
        let place = Place { master: self.master, id, position };
        Some(Slot { flags, entry: Entry { place, field_count, names, contents } })
    }
}

/// See [`NodeRef::slots`].
#[derive(Clone)]
pub(super) struct Slots<'a> {
    node: NodeRef<'a>,
    /// Its entries are those that come next.
    master: Option<Master<'a>>,
}

impl<'a> Iterator for Slots<'a> {
    type Item = Slot<'a>;

    #[inline]
    fn next(&mut self) -> Option<Slot<'a>> {
        let master = self.master.as_mut()?;
        let mut rest = master.entries.clone();
        let slot = self.node.read(master, &mut rest);
        master.entries = rest;
        slot
    }
}

/// See [`NodeRef::slots_backward`].
#[derive(Clone)]
pub(super) struct SlotsBackward<'a> {
    node: NodeRef<'a>,
    master: Option<Master<'a>>,
    /// Of the first entry.
    first: Option<Position>,
    /// The last element of the next entry.
    end: Option<Position>,
}

impl<'a> Iterator for SlotsBackward<'a> {
    type Item = Slot<'a>;

    fn next(&mut self) -> Option<Slot<'a>> {
        let pack = self.node.pack;
        let mut position = self.end.take()?;
        for _ in 0..unsigned(pack.element(position))? {
            position = pack.previous(position)?;
        }
        let first = self.first?;
        if first < position {
            self.end = pack.previous(position);
        } else if position < first {
            return None;
        }
        self.node.read(self.master.as_ref()?, &mut pack.iter_from(position))
    }
}

/// Begins a node with an entry, whose ID becomes the node's. `fields` are names and values in turn; `bytes` is how much memory
/// the node will likely need.
pub(super) fn begin<'f>(fields: impl Iterator<Item = &'f [u8]> + Clone, bytes: usize) -> ListPack {
    let mut pack = ListPack::with_capacity(bytes);
    let count = fields.clone().count() / 2;
    let counts = [integer(1), integer(0), integer(signed(count))];
    let names = fields.clone().step_by(2).map(Encoded::of);
    let fixed = [integer(0), integer(SAME_FIELDS), integer(0), integer(0)];
    let end = integer(signed(count.saturating_add(FIXED_ELEMENTS)));
    pack.extend_encoded(counts.into_iter().chain(names).chain(fixed));
    pack.extend_encoded(values(fields).chain([end]));
    pack
}

/// What is to be known of a node before an entry is added.
pub(super) struct Head {
    live: u64,
    deleted: u64,
    same_fields: bool,
}

impl Head {
    /// Of a node, and an entry with so many fields.
    #[inline]
    pub(super) fn of<'f>(
        pack: &ListPack,
        names: impl Iterator<Item = &'f [u8]>,
        count: usize,
    ) -> Option<Head> {
        let begin = NodeRef::new(StreamId::MIN, pack).master()?;
        let same_fields = begin.field_count == count
            && begin.fields.zip(names).all(|(known, name)| known.equals(name));
        Some(Head { live: begin.live, deleted: begin.deleted, same_fields })
    }

    /// How many entries there are, deleted ones among them.
    #[inline]
    pub(super) fn entries(&self) -> u64 {
        self.live.saturating_add(self.deleted)
    }
}

/// Adds an entry to a node whose key is `master`; tells whether those that are there have moved.
#[inline]
pub(super) fn append<'f>(
    pack: &mut ListPack,
    master: StreamId,
    head: &Head,
    id: StreamId,
    fields: impl Iterator<Item = &'f [u8]> + Clone,
    count: usize,
) -> bool {
    let ms = integer(id.ms.wrapping_sub(master.ms).cast_signed());
    let sequence = integer(id.sequence.wrapping_sub(master.sequence).cast_signed());
    if head.same_fields {
        let end = integer(signed(count.saturating_add(FIXED_ELEMENTS)));
        let begin = [integer(SAME_FIELDS), ms, sequence];
        pack.extend_encoded(begin.into_iter().chain(values(fields)).chain([end]));
    } else {
        let elements = count.saturating_mul(2).saturating_add(1);
        let end = integer(signed(elements.saturating_add(FIXED_ELEMENTS)));
        let begin = [integer(0), ms, sequence, integer(signed(count))];
        pack.extend_encoded(begin.into_iter().chain(fields.map(Encoded::of)).chain([end]));
    }
    let live = head.live.saturating_add(1);
    if let Some(first) = pack.as_ref().first() {
        pack.replace_integer(first, live.cast_signed());
    }
    integer(live.cast_signed()).len() != integer(head.live.cast_signed()).len()
}

/// Marks entries of a node as deleted that are not, all of those for which `wanted` says so. It is asked from the first on, until
/// it says no. Gives their number.
pub(super) fn delete_while(
    pack: &mut ListPack,
    master: StreamId,
    mut wanted: impl FnMut(StreamId, bool) -> bool,
) -> u64 {
    let node = NodeRef::new(master, pack);
    let slots = node.slots().take_while(|slot| wanted(slot.entry.id(), slot.is_deleted()));
    let marks =
        slots.filter(|slot| !slot.is_deleted()).map(|slot| (slot.entry.place.position, slot.flags));
    mark(pack, &marks.collect::<Vec<_>>())
}

/// What became of the entry that was to be deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    /// It is not there.
    Absent,
    /// It was the last one that was not deleted: the node is to be removed.
    Emptied,
    /// It is marked.
    Marked,
}

/// Marks an entry as deleted, unless it is the only one that is not.
pub(super) fn delete(pack: &mut ListPack, master: StreamId, id: StreamId) -> Deletion {
    let node = NodeRef::new(master, pack);
    let Some(slot) = node.find(id) else { return Deletion::Absent };
    if node.live() <= 1 {
        return Deletion::Emptied;
    }
    mark(pack, &[(slot.entry.place.position, slot.flags)]);
    Deletion::Marked
}

/// Marks the entries as deleted whose flags are given and where they are.
fn mark(pack: &mut ListPack, slots: &[(Position, i64)]) -> u64 {
    // From the last on: the positions before stay good even if flags from elsewhere take more room than they need.
    for &(position, flags) in slots.iter().rev() {
        pack.replace_integer(position, flags | DELETED);
    }
    let marked = slots.len() as u64;
    let mut counts = pack.as_ref().iter().filter_map(unsigned);
    let live = counts.next().unwrap_or(0).saturating_sub(marked);
    let deleted = counts.next().unwrap_or(0).saturating_add(marked);
    set_counts(pack, &[live, deleted]);
    marked
}

/// Replaces the elements at the beginning.
fn set_counts(pack: &mut ListPack, counts: &[u64]) {
    let mut position = pack.as_ref().first();
    for count in counts {
        let Some(place) = position else { return };
        pack.replace_integer(place, count.cast_signed());
        position = pack.as_ref().next(place);
    }
}

/// Whether a list pack from outside is a node: all entries are whole, the counts are right, and the IDs of those that are not
/// deleted ascend. Gives the last of these.
pub(super) fn check(master: StreamId, pack: &ListPack) -> Option<(u64, Option<StreamId>)> {
    let node = NodeRef::new(master, pack);
    let begin = node.master()?;
    let mut rest = begin.entries.clone();
    let (mut live, mut deleted) = (0_u64, 0_u64);
    let mut last: Option<StreamId> = None;
    while let Some(position) = rest.position() {
        let slot = node.read(&begin, &mut rest)?;
        let before_count = previous_element(pack.as_ref(), &rest)?;
        let same_fields = slot.flags & SAME_FIELDS != 0;
        let contents = if same_fields {
            slot.entry.field_count
        } else {
            slot.entry.field_count.checked_mul(2)?.checked_add(1)?
        };
        let said = pack.as_ref().element(before_count).integer()?;
        if position != slot.entry.place.position
            || said != signed(contents.checked_add(FIXED_ELEMENTS)?)
        {
            return None;
        }
        if slot.is_deleted() {
            deleted = deleted.checked_add(1)?;
            continue;
        }
        live = live.checked_add(1)?;
        if last.is_some_and(|last| slot.entry.id() <= last) {
            return None;
        }
        last = Some(slot.entry.id());
    }
    (live == begin.live && deleted == begin.deleted).then_some((live, last))
}

/// The element before the next one of `rest`.
fn previous_element(pack: ListPackRef<'_>, rest: &Iter<'_>) -> Option<Position> {
    match rest.position() {
        Some(position) => pack.previous(position),
        None => pack.last(),
    }
}

#[inline]
fn values<'f>(fields: impl Iterator<Item = &'f [u8]>) -> impl Iterator<Item = Encoded<'f>> {
    fields.skip(1).step_by(2).map(Encoded::of)
}

#[inline]
fn integer<'e>(value: i64) -> Encoded<'e> {
    Encoded::of_integer(value)
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[inline]
fn unsigned(element: Element<'_>) -> Option<u64> {
    u64::try_from(element.integer()?).ok()
}
