//! Streams in parts, as files have them: taking one apart, and putting one together from parts that need not be right.

use super::group::{Group, Pending};
use super::id::StreamId;
use super::{Stream, StreamRef, node};
use crate::collection::Collection;
use crate::list_pack::{Corrupt, ListPack};

/// A stream as a file has it.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The ID of each node, and its list pack.
    pub nodes: Vec<(StreamId, Vec<u8>)>,
    /// How many entries there are said to be.
    pub len: u64,
    /// The last ID that was given to an entry.
    pub last_id: StreamId,
    /// The greatest ID of an entry that was deleted.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added; nothing if the file is too old to say so.
    pub entries_added: Option<u64>,
    /// The groups.
    pub groups: Vec<GroupParts>,
}

/// A group as a file has it.
#[derive(Clone, Debug, Default)]
pub struct GroupParts {
    /// Its name.
    pub name: Vec<u8>,
    /// Entries up to this one have been delivered.
    pub last_delivered: StreamId,
    /// How many that were, if that is known.
    pub entries_read: Option<i64>,
    /// All pending entries: their IDs, when they were delivered (unix time in ms), and how often.
    pub pending: Vec<(StreamId, i64, u64)>,
    /// The consumers.
    pub consumers: Vec<ConsumerParts>,
}

/// A consumer as a file has it.
#[derive(Clone, Debug, Default)]
pub struct ConsumerParts {
    /// Its name.
    pub name: Vec<u8>,
    /// When it last tried to read or claim: unix time in ms.
    pub seen_ms: i64,
    /// When it last did.
    pub active_ms: Option<i64>,
    /// What is pending for it.
    pub pending: Vec<StreamId>,
}

/// What is wrong with the parts of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CorruptStream {
    /// A node is no list pack.
    #[error("the stream's node {0} is no list pack: {1}")]
    ListPack(StreamId, Corrupt),
    /// A list pack is no node.
    #[error("the stream's node {0} is malformed")]
    Node(StreamId),
    /// A node that is not greater than the one before, or has entries that are not.
    #[error("the stream's node {0} is out of order")]
    Order(StreamId),
    /// There are more or fewer entries than there are said to be.
    #[error("a stream of {actual} entries says that it has {said}")]
    Len {
        /// How many there are said to be.
        said: u64,
        /// How many there are.
        actual: u64,
    },
    /// An entry is greater than the last ID that was given.
    #[error("the stream has an entry {0} that is greater than its last ID")]
    LastId(StreamId),
    /// Two groups, or two consumers of one group, with one name.
    #[error("the stream has a group or a consumer twice")]
    Duplicate,
    /// An ID is pending twice, or in the group and for no consumer, or the other way round.
    #[error("the stream's pending entry {0} is not pending for one consumer")]
    Pending(StreamId),
}

impl Stream {
    /// Puts a stream together, and looks at everything in it.
    pub fn from_parts(parts: Parts) -> Result<Stream, CorruptStream> {
        let mut stream = Stream::default();
        let mut last = None;
        for (master, bytes) in parts.nodes {
            let pack = ListPack::from_bytes_checked(bytes)
                .map_err(|corrupt| CorruptStream::ListPack(master, corrupt))?;
            let (live, last_of_node) =
                node::check(master, &pack).ok_or(CorruptStream::Node(master))?;
            let first = node::NodeRef::new(master, &pack)
                .slots()
                .find(|slot| !slot.is_deleted())
                .map(|slot| slot.entry.id());
            let is_behind = stream.log.nodes.last().is_none_or(|(id, _)| *id < master);
            // Every entry comes after 0-0, which a group begins with.
            let before = last.unwrap_or(StreamId::MIN);
            if !is_behind || first.is_some_and(|first| first <= before) {
                return Err(CorruptStream::Order(master));
            }
            last = last_of_node.or(last);
            stream.log.len = stream.log.len.saturating_add(live);
            stream.log.insert_node(master, pack);
        }
        if stream.log.len != parts.len {
            return Err(CorruptStream::Len { said: parts.len, actual: stream.log.len });
        }
        // A node may have deleted entries only.
        let last = last.max(stream.log.nodes.last().map(|(id, _)| *id));
        if let Some(last) = last.filter(|last| parts.last_id < *last) {
            return Err(CorruptStream::LastId(last));
        }
        stream.log.last_id = parts.last_id;
        stream.log.max_deleted_id = parts.max_deleted_id;
        stream.log.entries_added = parts.entries_added.unwrap_or(stream.log.len);
        stream.log.find_first();
        for group in parts.groups {
            let name = group.name.clone().into_boxed_slice();
            if stream.groups.insert(name, group_from(group)?).is_some() {
                return Err(CorruptStream::Duplicate);
            }
        }
        Ok(stream)
    }

    /// Takes a copy apart.
    pub fn to_parts(&self) -> Parts {
        self.to_ref().to_parts()
    }
}

impl<'a> StreamRef<'a> {
    /// The nodes where they are: the ID that those of their entries are counted from, and a list pack.
    pub fn nodes(self) -> impl Iterator<Item = (StreamId, &'a [u8])> {
        self.stream.log.nodes.iter().map(|(id, pack)| (*id, pack.as_bytes()))
    }

    /// Takes a copy apart.
    pub fn to_parts(self) -> Parts {
        let nodes = self.nodes().map(|(id, pack)| (id, pack.to_vec())).collect();
        Parts { nodes, ..self.to_parts_without_nodes() }
    }

    /// Takes a copy apart, but leaves the nodes out.
    pub fn to_parts_without_nodes(self) -> Parts {
        let Stream { log, groups } = self.stream;
        Parts {
            nodes: Vec::new(),
            len: log.len,
            last_id: log.last_id,
            max_deleted_id: log.max_deleted_id,
            entries_added: Some(log.entries_added),
            groups: groups.iter().map(|(name, group)| parts_of(name, group)).collect(),
        }
    }
}

fn group_from(parts: GroupParts) -> Result<Group, CorruptStream> {
    let mut group = Group::new(parts.last_delivered, parts.entries_read);
    let mut known = std::collections::BTreeMap::new();
    for (id, delivered_ms, deliveries) in parts.pending {
        if known.insert(id, (delivered_ms, deliveries)).is_some() {
            return Err(CorruptStream::Pending(id));
        }
    }
    for consumer in parts.consumers {
        if group.find_consumer(&consumer.name).is_some() {
            return Err(CorruptStream::Duplicate);
        }
        let index = group.add_consumer(&consumer.name, consumer.seen_ms);
        if let Some(added) = group.consumer_mut(index) {
            added.active_ms = consumer.active_ms;
        }
        for id in consumer.pending {
            let (delivered_ms, deliveries) = known.remove(&id).ok_or(CorruptStream::Pending(id))?;
            group.set_pending(id, Pending { consumer: index, delivered_ms, deliveries });
        }
    }
    match known.first_key_value() {
        Some((id, _)) => Err(CorruptStream::Pending(*id)),
        None => Ok(group),
    }
}

fn parts_of(name: &[u8], group: &Group) -> GroupParts {
    let all = StreamId::MIN..=StreamId::MAX;
    let pending = group.pending_in(all.clone());
    let consumers = group.consumers().map(|(index, consumer)| ConsumerParts {
        name: consumer.name().to_vec(),
        seen_ms: consumer.seen_ms,
        active_ms: consumer.active_ms,
        pending: group.pending_for(index, all.clone()).map(|(id, _)| id).collect(),
    });
    GroupParts {
        name: name.to_vec(),
        last_delivered: group.last_delivered,
        entries_read: group.entries_read,
        consumers: consumers.collect(),
        pending: pending.map(|(id, known)| (id, known.delivered_ms, known.deliveries)).collect(),
    }
}
