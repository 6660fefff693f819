//! How far groups have read: counting entries without counting them.
//!
//! Every entry that is added has a number, counted from 1. The number of an entry in the middle is not stored, and if entries were
//! deleted it cannot be told from its place. So a group counts along while it reads, and starts over where the number is
//! certain: at both ends of the stream. Where nothing is certain, nothing is reported.

use std::cmp::Ordering;

use super::group::{Bookmark, Group};
use super::id::StreamId;
use super::log::Log;
use super::node::Entry;

impl Log {
    /// How many entries a group has yet to be given; nothing if that is not known.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let counted = group.entries_read.filter(|_| !self.has_gap_behind(group.last_delivered));
        let read = counted.or_else(|| self.number_of(group.last_delivered))?;
        Some(self.entries_added.cast_signed().wrapping_sub(read))
    }

    /// Notes that a group was given an entry that is behind those it was given before.
    #[inline]
    pub fn note_delivery(&self, group: &mut Group, entry: &Entry<'_>) {
        let id = entry.id();
        match group.entries_read {
            Some(read) if !self.has_gap_behind(id) => {
                group.entries_read = Some(read.wrapping_add(1));
            }
            Some(_) | None => {
                if self.entries_added != 0 {
                    group.entries_read = self.number_of(id);
                }
            }
        }
        group.last_delivered = id;
        group.bookmark = Some(Bookmark { place: entry.place(), layout: self.layout });
    }

    /// Whether an entry with this ID or a greater one may have been deleted, of those between the first and the last that are
    /// there.
    #[inline]
    fn has_gap_behind(&self, id: StreamId) -> bool {
        self.len != 0 && self.first_id <= self.max_deleted_id && id <= self.max_deleted_id
    }

    /// The number of the entry with this ID, or of the last one before it; nothing if that is not certain.
    pub fn number_of(&self, id: StreamId) -> Option<i64> {
        let added = self.entries_added.cast_signed();
        if added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last_id {
            return Some(added);
        }
        if id == self.last_id {
            return Some(added);
        }
        if self.last_id < id {
            return None;
        }
        let has_no_gap =
            self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        let before_first = added.wrapping_sub(self.len.cast_signed());
        match id.cmp(&self.first_id) {
            Ordering::Less if has_no_gap => Some(before_first),
            Ordering::Equal if has_no_gap => Some(before_first.wrapping_add(1)),
            Ordering::Less | Ordering::Equal | Ordering::Greater => None,
        }
    }
}
