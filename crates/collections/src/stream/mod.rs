//! Streams: entries by ID, which are added at the end and stay until they are trimmed or deleted, and the groups that read them.
//!
//! [`Log`] has the entries, [`Group`] what a group knows; both are in a [`Stream`], and neither knows of the other but for
//! [`lag`]. The list packs that entries lie in are byte for byte those of Redis ([`node`] draws them), so that files and DUMP copy
//! them; [`parts`] puts together what comes back.

mod entries;
mod group;
mod id;
mod lag;
mod log;
mod node;
mod nodes;
mod parts;
mod radix;
mod trim;

use std::collections::BTreeMap;

pub use entries::{Entries, EntriesBackward};
pub use group::{Consumer, ConsumerIndex, Group, Pending, PendingEntries};
pub use id::{IdText, StreamId};
pub use log::{AddError, Log, NodeLimits};
pub use node::{Entry, Fields};
pub use parts::{ConsumerParts, CorruptStream, GroupParts, Parts};
pub use trim::{Threshold, Trim};

use crate::collection::{Collection, Encoding, Kind, Object, ObjectRef};
use crate::pieces::Piece;

/// Entries and groups; see the module's page.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    groups: BTreeMap<Box<[u8]>, Group>,
}

/// A [`Stream`] to be read.
#[derive(Clone, Copy, Debug)]
pub struct StreamRef<'a> {
    stream: &'a Stream,
}

impl Stream {
    /// The entries.
    #[inline]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The entries.
    #[inline]
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// The group of this name, and the entries it reads.
    #[inline]
    pub fn group_mut(&mut self, name: &[u8]) -> Option<(&Log, &mut Group)> {
        self.groups.get_mut(name).map(|group| (&self.log, group))
    }

    /// Adds a group, unless there is one of this name; tells whether it did.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Group> {
        self.groups.remove(name)
    }

    /// Whether an entry is of use to a group: it was not given it yet, or has it pending.
    pub fn is_referred_to(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| group.refers_to(id))
    }

    /// See [`Object::begin_pieces`]: how many nodes there are, the ID of the first entry, and all but the nodes. These are
    /// copied at once: that takes as long as there are pending entries.
    pub(crate) fn begin_pieces(&mut self) -> (usize, StreamId, Parts) {
        self.log.nodes.begin_pieces();
        (self.log.node_count(), self.log.first_id(), self.to_ref().to_parts_without_nodes())
    }

    pub(crate) fn is_in_pieces(&self) -> bool {
        self.log.nodes.is_in_pieces()
    }

    /// See [`Object::kept_bytes`].
    pub(crate) fn kept_bytes(&self) -> usize {
        self.log.nodes.kept_bytes()
    }

    /// See [`Object::next_piece`].
    pub(crate) fn next_piece(
        &mut self,
        budget: usize,
        visit: &mut dyn FnMut(&Piece<'_>) -> usize,
    ) -> bool {
        self.log.nodes.next_piece(budget, visit)
    }

    pub(crate) fn abandon_pieces(&mut self) {
        self.log.nodes.abandon_pieces();
    }

    /// Has an entry pending nowhere.
    pub fn forget(&mut self, id: StreamId) {
        for group in self.groups.values_mut() {
            group.acknowledge(id);
        }
    }
}

impl<'a> StreamRef<'a> {
    /// How it is represented.
    pub fn encoding(self) -> Encoding {
        Encoding::Stream
    }

    /// The entries.
    #[inline]
    pub fn log(self) -> &'a Log {
        &self.stream.log
    }

    /// The group of this name.
    #[inline]
    pub fn group(self, name: &[u8]) -> Option<&'a Group> {
        self.stream.groups.get(name)
    }

    /// The groups and their names, in the order of these.
    pub fn groups(self) -> impl ExactSizeIterator<Item = (&'a [u8], &'a Group)> {
        self.stream.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// The number of entries.
    pub fn len(self) -> usize {
        usize::try_from(self.log().len()).unwrap_or(usize::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.log().is_empty()
    }

    /// How many allocations it takes to free it, about.
    pub fn effort(self) -> usize {
        let groups = self.groups().map(|(_, group)| {
            group.pending_count().saturating_add(group.consumer_count()).saturating_add(1)
        });
        groups.fold(self.log().node_count(), usize::saturating_add)
    }

    /// See [`ObjectRef::memory_bytes`].
    pub fn memory_bytes(self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        let tree = group::tree_bytes::<Box<[u8]>, Group>(self.stream.groups.len(), size);
        let groups = self
            .groups()
            .map(|(name, group)| size(name.len()).saturating_add(group.memory_bytes(size)));
        groups.chain([tree, self.log().memory_bytes(samples, size)]).fold(0, usize::saturating_add)
    }

    /// See [`ObjectRef::digest`]. Of what is pending it tells the IDs and the consumers, but not when and how often it was
    /// delivered: reading it again changes these, and is not told to replicas.
    pub fn digest(self, feed: &mut dyn FnMut(&[&[u8]])) {
        let log = self.log();
        for entry in log.range(StreamId::MIN, StreamId::MAX) {
            let id = entry.id().text();
            let fields = entry.fields().flat_map(|(name, value)| [name.to_vec(), value.to_vec()]);
            let fields: Vec<Vec<u8>> = fields.collect();
            let mut parts: Vec<&[u8]> = vec![&id];
            parts.extend(fields.iter().map(Vec::as_slice));
            feed(&parts);
        }
        feed(&[&log.last_id.text(), &log.max_deleted_id.text(), &log.entries_added.to_le_bytes()]);
        for (name, group) in self.groups() {
            let read = group.entries_read.unwrap_or(-1).to_le_bytes();
            feed(&[name, &group.last_delivered.text(), &read]);
            for (index, consumer) in group.consumers() {
                feed(&[name, consumer.name()]);
                for (id, _) in group.pending_for(index, StreamId::MIN..=StreamId::MAX) {
                    feed(&[name, consumer.name(), &id.text()]);
                }
            }
        }
    }
}

impl Collection for Stream {
    type Ref<'a> = StreamRef<'a>;

    const KIND: Kind = Kind::Stream;
    const VANISHES_EMPTY: bool = false;

    fn to_ref(&self) -> StreamRef<'_> {
        StreamRef { stream: self }
    }

    fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    fn packed(&self) -> Option<(Encoding, &[u8])> {
        None
    }

    fn from_packed(_encoding: Encoding, _bytes: Vec<u8>) -> Stream {
        unpackable()
    }

    fn into_packed(self) -> Result<(Encoding, Vec<u8>), Stream> {
        Err(self)
    }

    fn packed_ref(_encoding: Encoding, _bytes: &[u8]) -> StreamRef<'_> {
        unpackable()
    }

    fn into_object(self) -> Object {
        Object::Stream(self)
    }

    fn of(object: &Object) -> Option<&Stream> {
        if let Object::Stream(value) = object { Some(value) } else { None }
    }

    fn of_mut(object: &mut Object) -> Option<&mut Stream> {
        if let Object::Stream(value) = object { Some(value) } else { None }
    }

    fn of_ref(object: ObjectRef<'_>) -> Option<StreamRef<'_>> {
        if let ObjectRef::Stream(value) = object { Some(value) } else { None }
    }
}

#[cold]
#[expect(clippy::panic, reason = "`packed` never gives bytes, so none can come back")]
fn unpackable() -> ! {
    panic!("a stream is never kept as packed bytes")
}

#[cfg(test)]
mod tests;
