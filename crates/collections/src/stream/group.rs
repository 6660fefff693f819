//! Consumer groups: who was given which entries and has not acknowledged them yet.
//!
//! A group remembers how far it has read, and its *pending* entries: those that were delivered and not acknowledged. Each is
//! pending for one consumer, which has a list of its own, too.
//!
//! Invariant: an ID is in the list of a consumer exactly if it is pending in the group, for this consumer.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::ops::RangeInclusive;

use super::id::StreamId;
use super::node::Place;

/// A group of consumers that share the entries of a stream.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Entries up to this one have been delivered.
    pub last_delivered: StreamId,
    /// How many entries the stream had been given up to the last delivered one, deleted ones too; nothing if that is not known.
    /// Clients may set it to anything.
    pub entries_read: Option<i64>,
    pending: BTreeMap<StreamId, Pending>,
    names: BTreeMap<Box<[u8]>, ConsumerIndex>,
    consumers: Vec<Consumer>,
    /// Places in `consumers` of those that were removed.
    free: Vec<ConsumerIndex>,
    /// Where the last entry lies that it was given.
    pub(super) bookmark: Option<Bookmark>,
}

/// Where an entry lies, as long as the log has the same layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bookmark {
    pub(super) place: Place,
    pub(super) layout: u64,
}

/// Which consumer of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsumerIndex(u32);

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// To whom it was delivered.
    pub consumer: ConsumerIndex,
    /// When it was last delivered: unix time in ms.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: u64,
}

/// One who reads as a member of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last tried to read or claim: unix time in ms.
    pub seen_ms: i64,
    /// When it last did: unix time in ms.
    pub active_ms: Option<i64>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// What it calls itself.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries are pending for it.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }
}

impl Group {
    /// One that has read up to an entry.
    pub fn new(last_delivered: StreamId, entries_read: Option<i64>) -> Group {
        Group { last_delivered, entries_read, ..Group::default() }
    }

    /// How many consumers there are.
    pub fn consumer_count(&self) -> usize {
        self.names.len()
    }

    /// How many entries are pending.
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// The consumers, in the order of their names.
    pub fn consumers(&self) -> impl Iterator<Item = (ConsumerIndex, &Consumer)> {
        self.names.values().filter_map(|&index| Some((index, self.consumer(index)?)))
    }

    /// The consumer of this name.
    #[inline]
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerIndex> {
        self.names.get(name).copied()
    }

    /// A consumer.
    #[inline]
    pub fn consumer(&self, index: ConsumerIndex) -> Option<&Consumer> {
        self.consumers.get(index.place())
    }

    /// A consumer.
    #[inline]
    pub fn consumer_mut(&mut self, index: ConsumerIndex) -> Option<&mut Consumer> {
        self.consumers.get_mut(index.place())
    }

    /// The name of a consumer.
    pub fn consumer_name(&self, index: ConsumerIndex) -> &[u8] {
        self.consumer(index).map_or(&[], Consumer::name)
    }

    /// Adds a consumer, whose name no other has, and who is seen now.
    pub fn add_consumer(&mut self, name: &[u8], now_ms: i64) -> ConsumerIndex {
        let pending = BTreeSet::new();
        let consumer = Consumer { name: name.into(), seen_ms: now_ms, active_ms: None, pending };
        let index = if let Some(index) = self.free.pop() {
            if let Some(place) = self.consumers.get_mut(index.place()) {
                *place = consumer;
            }
            index
        } else {
            // Each takes more than 32 bytes, so memory ends before the numbers do.
            let index = ConsumerIndex(u32::try_from(self.consumers.len()).unwrap_or(u32::MAX));
            self.consumers.push(consumer);
            index
        };
        self.names.insert(name.into(), index);
        index
    }

    /// Removes a consumer and what is pending for it; gives the number of these. None if there is no such consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let index = self.names.remove(name)?;
        let consumer = self.consumers.get_mut(index.place())?;
        consumer.name = Box::default();
        let pending = std::mem::take(&mut consumer.pending);
        for id in &pending {
            self.pending.remove(id);
        }
        self.free.push(index);
        Some(pending.len())
    }

    /// What is known of an entry, if it is pending.
    #[inline]
    pub fn pending(&self, id: StreamId) -> Option<Pending> {
        self.pending.get(&id).copied()
    }

    /// The pending entries with these IDs, in their order.
    pub fn pending_in(&self, ids: RangeInclusive<StreamId>) -> PendingEntries<'_> {
        let range = (!ids.is_empty()).then(|| self.pending.range(ids));
        PendingEntries { group: self, walk: Walk::Group(range) }
    }

    /// The entries with these IDs that are pending for a consumer, in their order.
    pub fn pending_for(
        &self,
        index: ConsumerIndex,
        ids: RangeInclusive<StreamId>,
    ) -> PendingEntries<'_> {
        let consumer = self.consumer(index).filter(|_| !ids.is_empty());
        let range = consumer.map(|consumer| consumer.pending.range(ids));
        PendingEntries { group: self, walk: Walk::Consumer(range) }
    }

    /// The last pending entry.
    pub fn last_pending(&self) -> Option<StreamId> {
        self.pending.last_key_value().map(|(id, _)| *id)
    }

    /// Has an entry pending as given, whether and for whomever it was before.
    #[inline]
    pub fn set_pending(&mut self, id: StreamId, new: Pending) {
        let old = self.pending.insert(id, new);
        if old.is_some_and(|old| old.consumer == new.consumer) {
            return;
        }
        if let Some(owner) = old.and_then(|old| self.consumers.get_mut(old.consumer.place())) {
            owner.pending.remove(&id);
        }
        if let Some(owner) = self.consumers.get_mut(new.consumer.place()) {
            owner.pending.insert(id);
        }
    }

    /// Has an entry pending no more; tells what was known of it if it was.
    #[inline]
    pub fn acknowledge(&mut self, id: StreamId) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        if let Some(owner) = self.consumers.get_mut(pending.consumer.place()) {
            owner.pending.remove(&id);
        }
        Some(pending)
    }

    /// Whether it was not given an entry yet, or has it pending.
    pub fn refers_to(&self, id: StreamId) -> bool {
        self.last_delivered < id || self.pending.contains_key(&id)
    }

    /// The sizes of what it has allocated.
    pub(super) fn memory_bytes(&self, size: &dyn Fn(usize) -> usize) -> usize {
        let pending = tree_bytes::<StreamId, Pending>(self.pending.len(), size);
        let names = tree_bytes::<Box<[u8]>, ConsumerIndex>(self.names.len(), size);
        let consumers = size(self.consumers.capacity().saturating_mul(size_of::<Consumer>()));
        let each = self.consumers.iter().map(|consumer| {
            let list = tree_bytes::<StreamId, ()>(consumer.pending.len(), size);
            list.saturating_add(size(consumer.name.len()).saturating_mul(2))
        });
        each.chain([pending, names, consumers]).fold(0, usize::saturating_add)
    }
}

impl ConsumerIndex {
    #[inline]
    fn place(self) -> usize {
        self.0 as usize
    }
}

/// Pending entries, in the order of their IDs.
#[derive(Clone, Debug)]
pub struct PendingEntries<'a> {
    group: &'a Group,
    walk: Walk<'a>,
}

#[derive(Clone, Debug)]
enum Walk<'a> {
    Group(Option<btree_map::Range<'a, StreamId, Pending>>),
    Consumer(Option<std::collections::btree_set::Range<'a, StreamId>>),
}

impl Iterator for PendingEntries<'_> {
    type Item = (StreamId, Pending);

    #[inline]
    fn next(&mut self) -> Option<(StreamId, Pending)> {
        match &mut self.walk {
            Walk::Group(range) => range.as_mut()?.next().map(|(&id, &pending)| (id, pending)),
            Walk::Consumer(range) => {
                let id = *range.as_mut()?.next()?;
                Some((id, self.group.pending(id)?))
            }
        }
    }
}

/// What a B-tree of the standard library takes, about: its nodes have room for eleven elements, and are filled to two thirds.
pub(super) fn tree_bytes<K, V>(len: usize, size: &dyn Fn(usize) -> usize) -> usize {
    const ROOM: usize = 11;
    const USUAL: usize = 7;
    /// The parent, the place in it, the number of elements.
    const FRAME: usize = 16;
    let element = size_of::<K>().saturating_add(size_of::<V>());
    let node = size(element.saturating_mul(ROOM).saturating_add(FRAME));
    len.div_ceil(USUAL).saturating_mul(node)
}
