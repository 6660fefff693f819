//! The entries of a stream, in the order of their IDs, and what is remembered of those that are gone.
//!
//! Nodes (see [`node`]) are kept by the ID of their first entry ([`Nodes`]). Entries are added at the end and mostly removed at the
//! front, a whole node at a time where that will do; others are marked as deleted and go with their node.
//!
//! Invariants: there is no node without an entry that is not deleted, but for one case that Redis has as well ([`Log::trim`]
//! to an ID among deleted entries); only the last node has more memory than it needs.

use super::entries::{Entries, EntriesBackward};
use super::group::{Bookmark, Group};
use super::id::StreamId;
use super::node::{self, Deletion, Entry, Head, NodeRef};
use super::nodes::Nodes;
use super::radix;
use crate::list_pack::ListPack;

/// The entries of a stream; see the module's page.
#[derive(Clone, Debug)]
pub struct Log {
    pub(super) nodes: Nodes,
    pub(super) len: u64,
    pub(super) last_id: StreamId,
    /// Of the first entry, or the smallest ID if there is none.
    pub(super) first_id: StreamId,
    pub(super) max_deleted_id: StreamId,
    pub(super) entries_added: u64,
    /// What a radix tree of the nodes' IDs would have.
    radix_nodes: u64,
    /// Counts what may have moved entries, or may let another have their place.
    pub(super) layout: u64,
}

/// When a node is full.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    /// The most bytes; 0: any number.
    pub bytes: u64,
    /// The most entries, deleted ones among them; 0: any number.
    pub entries: u64,
}

/// Why an entry cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddError {
    /// Its ID is not greater than the last one.
    #[error("the ID is not greater than the last one")]
    NotGreater,
    /// It does not fit into a node.
    #[error("the entry is too large")]
    TooLarge,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            nodes: Nodes::default(),
            len: 0,
            last_id: StreamId::MIN,
            first_id: StreamId::MIN,
            max_deleted_id: StreamId::MIN,
            entries_added: 0,
            radix_nodes: radix::EMPTY,
            layout: 0,
        }
    }
}

impl Log {
    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The last ID that was given to an entry, be it there or not.
    #[inline]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The ID of the first entry; the smallest ID if there is none.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The greatest ID of an entry that was deleted one by one.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes Redis's tree of these nodes has.
    pub fn radix_nodes(&self) -> u64 {
        self.radix_nodes
    }

    /// The entries from one ID to another, both included.
    #[inline]
    pub fn range(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        Entries::new(&self.nodes, from, to)
    }

    /// The entries behind the last one that a group was given.
    #[inline]
    pub fn not_delivered(&self, group: &Group) -> Entries<'_> {
        let Some(from) = group.last_delivered.next() else {
            return self.range(StreamId::MAX, StreamId::MIN);
        };
        match group.bookmark {
            Some(Bookmark { place, layout }) if layout == self.layout && place.id < from => {
                Entries::behind(&self.nodes, place, from)
            }
            Some(_) | None => self.range(from, StreamId::MAX),
        }
    }

    /// The entries of a range, from the last to the first.
    pub fn range_backward(&self, from: StreamId, to: StreamId) -> EntriesBackward<'_> {
        EntriesBackward::new(&self.nodes, from, to)
    }

    /// The entry with this ID.
    #[inline]
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        let &(master, ref pack) = self.nodes.range(..=id).next_back()?;
        NodeRef::new(master, pack).find(id).map(|slot| slot.entry)
    }

    /// The ID of the last entry.
    pub fn last_entry_id(&self) -> Option<StreamId> {
        self.range_backward(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id())
    }

    /// The ID for an entry that is added now; none if the last possible one has been given.
    #[inline]
    pub fn next_id(&self, now_ms: u64) -> Option<StreamId> {
        if self.last_id.ms < now_ms {
            return Some(StreamId::new(now_ms, 0));
        }
        self.last_id.next()
    }

    /// Adds an entry. `fields` are names and values in turn.
    pub fn add<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = &'f [u8]> + Clone,
        limits: NodeLimits,
    ) -> Result<(), AddError> {
        if id <= self.last_id {
            return Err(AddError::NotGreater);
        }
        let (count, bytes) = fields.clone().fold((0_usize, 0_usize), |(count, bytes), part| {
            (count.saturating_add(1), bytes.saturating_add(part.len()))
        });
        // With what list packs put around their elements, those of the master entry among them.
        let room = count.saturating_mul(ELEMENT_FRAME).saturating_add(ENTRY_FRAME);
        let room = room.saturating_add(bytes);
        if ListPack::MOST_BYTES < room {
            return Err(AddError::TooLarge);
        }
        let count = count / 2;
        match self.nodes.last_mut() {
            Some((master, pack)) => {
                let head = Head::of(pack, fields.clone().step_by(2), count);
                let fits = |head: &Head| limits.admit(head, pack, bytes) && pack.has_room_for(room);
                if let Some(head) = head.filter(fits) {
                    let moved = node::append(pack, master, &head, id, fields, count);
                    self.layout = self.layout.wrapping_add(moved.into());
                } else {
                    pack.shrink_to_fit();
                    // The next node will likely be as large.
                    let bytes = pack.total_bytes().min(USUAL_NODE_BYTES);
                    self.insert_node(id, node::begin(fields, bytes));
                }
            }
            None => self.insert_node(id, node::begin(fields, 0)),
        }
        if self.len == 0 {
            self.first_id = id;
        }
        self.len = self.len.saturating_add(1);
        self.last_id = id;
        self.entries_added = self.entries_added.wrapping_add(1);
        Ok(())
    }

    /// Deletes an entry; tells whether it was there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((master, pack)) = self.nodes.holding_mut(id) else { return false };
        match node::delete(pack, master, id) {
            Deletion::Absent => return false,
            Deletion::Emptied => self.remove_node(master),
            Deletion::Marked => self.layout = self.layout.wrapping_add(1),
        }
        self.len = self.len.saturating_sub(1);
        self.max_deleted_id = self.max_deleted_id.max(id);
        if id == self.first_id {
            self.find_first();
        }
        true
    }

    /// Says what the last ID given was.
    pub fn set_last_id(&mut self, id: StreamId) {
        // IDs may come again.
        self.layout = self.layout.wrapping_add(1);
        self.last_id = id;
    }

    /// Says how many entries were ever added.
    pub fn set_entries_added(&mut self, count: u64) {
        self.entries_added = count;
    }

    /// Says which deleted entry had the greatest ID.
    pub fn set_max_deleted_id(&mut self, id: StreamId) {
        self.max_deleted_id = id;
    }

    pub(super) fn insert_node(&mut self, master: StreamId, pack: ListPack) {
        let gained = radix::gained(&self.nodes, master);
        self.radix_nodes = self.radix_nodes.saturating_add(gained);
        self.nodes.insert(master, pack);
    }

    pub(super) fn remove_node(&mut self, master: StreamId) {
        self.nodes.remove(master);
        let gained = radix::gained(&self.nodes, master);
        self.radix_nodes = self.radix_nodes.saturating_sub(gained);
    }

    /// Finds the first entry again after it was removed.
    pub(super) fn find_first(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id());
        self.first_id = first.unwrap_or_default();
    }

    /// The sizes of what it has allocated, those of at most `samples` nodes scaled up to all.
    pub(super) fn memory_bytes(&self, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
        let samples = if samples == 0 { usize::MAX } else { samples };
        let looked_at = samples.min(self.nodes.len());
        let sizes = self.nodes.iter().take(looked_at).map(|(_, pack)| size(pack.memory_bytes()));
        let sum = sizes.fold(0, usize::saturating_add);
        let all = sum.saturating_mul(self.nodes.len()).checked_div(looked_at).unwrap_or(0);
        all.saturating_add(self.nodes.memory_bytes(size))
    }
}

impl NodeLimits {
    /// Whether an entry of this many bytes goes into a node.
    #[inline]
    fn admit(self, head: &Head, pack: &ListPack, bytes: usize) -> bool {
        let most = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let most = if most == 0 { ListPack::MOST_BYTES } else { most.min(ListPack::MOST_BYTES) };
        pack.total_bytes().saturating_add(bytes) < most
            && (self.entries == 0 || head.entries() < self.entries)
    }
}

/// What nodes have at most if nothing else is configured.
const USUAL_NODE_BYTES: usize = 4096;
/// More than a list pack puts around an element.
const ELEMENT_FRAME: usize = 10;
/// More than the fixed elements of the master entry and of an entry take.
const ENTRY_FRAME: usize = 100;
