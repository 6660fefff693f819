//! Trimming: removing entries at the front of a stream until few enough, or none too old, are left.

use super::id::StreamId;
use super::log::Log;
use super::node::{self, NodeRef};

/// What is to be removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trim {
    /// How far.
    pub to: Threshold,
    /// Whether only whole nodes are removed.
    pub approximate: bool,
    /// How many entries may be removed at most; 0: any number.
    pub limit: u64,
}

/// Which entries stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Threshold {
    /// So many, the last ones.
    Len(u64),
    /// Those with this ID or a greater one.
    Id(StreamId),
}

impl Log {
    /// Removes entries; gives their number.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0_u64;
        while let Some(&(master, ref pack)) = self.nodes.first() {
            if matches!(trim.to, Threshold::Len(len) if self.len <= len) {
                break;
            }
            let node = NodeRef::new(master, pack);
            let live = node.live();
            if trim.limit != 0 && trim.limit < removed.saturating_add(live) {
                break;
            }
            let is_whole = match trim.to {
                Threshold::Len(len) => len <= self.len.saturating_sub(live),
                // The last entry may be deleted: Redis looks no further either.
                Threshold::Id(least) => {
                    node.slots_backward().next().is_none_or(|slot| slot.entry.id() < least)
                }
            };
            if is_whole {
                self.remove_node(master);
                self.len = self.len.saturating_sub(live);
                removed = removed.saturating_add(live);
            } else {
                if !trim.approximate {
                    removed = removed.saturating_add(self.trim_first_node(trim.to));
                }
                break;
            }
        }
        if 0 < removed {
            self.find_first();
        }
        removed
    }

    /// Marks entries of the first node as deleted; gives their number.
    fn trim_first_node(&mut self, to: Threshold) -> u64 {
        let mut left = self.len;
        let Some((master, pack)) = self.nodes.first_mut() else { return 0 };
        let removed = node::delete_while(pack, master, |id, is_deleted| {
            let is_wanted = match to {
                Threshold::Len(len) => len < left,
                // Deleted ones may be out of order.
                Threshold::Id(least) => is_deleted || id < least,
            };
            if is_wanted && !is_deleted {
                left = left.saturating_sub(1);
            }
            is_wanted
        });
        self.len = self.len.saturating_sub(removed);
        self.layout = self.layout.wrapping_add(1);
        removed
    }
}
