//! Who watches which keys: WATCH.
//!
//! A shard keeps the watchers of its keys beside its tables and under the same lock. Whoever watches a key is told when it
//! is changed, by a flag of its own. A change is told by the executor ([`View::tell_watchers`]); whole databases that are
//! emptied or exchanged tell by themselves.
//!
//! A key that has expired is, for those who watch it, gone:
//! - if it had expired when it was watched, its removal changes nothing;
//! - if it expires while it is watched, that is a change, whether it was removed or not ([`View::has_watched_expired`]).

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::view::View;

/// Somebody who watches keys.
pub trait Watcher: Send + Sync {
    /// A key that it watches was changed.
    fn note_change(&self);
}

/// The watchers of a shard's keys.
#[derive(Default)]
pub(crate) struct Watchers {
    /// By number of the logical database.
    databases: Vec<HashMap<Box<[u8]>, List>>,
    /// Keys watched in all of them.
    keys: usize,
}

type List = SmallVec<[Watch; 1]>;

struct Watch {
    watcher: Arc<dyn Watcher>,
    /// The key was there and had expired when the watching began.
    had_expired: bool,
}

impl Watch {
    fn is_by(&self, watcher: &Arc<dyn Watcher>) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.watcher), Arc::as_ptr(watcher))
    }
}

/// A key as watchers see it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Absent,
    Expired,
    Present,
}

impl Watchers {
    /// How many keys are watched.
    pub(crate) fn len(&self) -> usize {
        self.keys
    }

    fn at(&mut self, database: usize, key: &[u8]) -> Option<&mut List> {
        self.databases.get_mut(database)?.get_mut(key)
    }

    fn add(&mut self, database: usize, key: &[u8], watch: Watch) {
        if self.databases.len() <= database {
            self.databases.resize_with(database + 1, HashMap::new);
        }
        let list = self.databases[database].entry(key.into()).or_insert_with(|| {
            self.keys += 1;
            SmallVec::new()
        });
        list.push(watch);
    }

    fn remove(&mut self, database: usize, key: &[u8], watcher: &Arc<dyn Watcher>) {
        let Some(list) = self.at(database, key) else { return };
        list.retain(|watch| !watch.is_by(watcher));
        if list.is_empty() {
            self.databases[database].remove(key);
            self.keys -= 1;
            if self.keys == 0 {
                // Room for the most that there ever were is not kept.
                self.databases = Vec::new();
            }
        }
    }
}

impl View<'_> {
    /// Has a watcher told of changes of a key of the selected database.
    pub fn watch(&mut self, key: &[u8], watcher: Arc<dyn Watcher>) {
        let had_expired = self.presence(self.database(), key) == Presence::Expired;
        let database = self.database();
        self.shard_of(key).watchers.add(database, key, Watch { watcher, had_expired });
    }

    /// Whether a watcher is told of changes of a key of the selected database.
    pub fn is_watched_by(&mut self, key: &[u8], watcher: &Arc<dyn Watcher>) -> bool {
        let database = self.database();
        let list = self.shard_of(key).watchers.at(database, key);
        list.is_some_and(|list| list.iter().any(|watch| watch.is_by(watcher)))
    }

    /// Has a watcher no longer told of changes of a key.
    pub fn unwatch(&mut self, database: usize, key: &[u8], watcher: &Arc<dyn Watcher>) {
        self.shard_of(key).watchers.remove(database, key, watcher);
    }

    /// Tells those who watch a key that it was changed.
    pub fn tell_watchers(&mut self, database: usize, key: &[u8]) {
        let watchers = &mut self.shard_of(key).watchers;
        if watchers.keys == 0 || watchers.at(database, key).is_none() {
            return;
        }
        let is_gone = self.presence(database, key) == Presence::Absent;
        let Some(list) = self.shard_of(key).watchers.at(database, key) else { return };
        for watch in list {
            if watch.had_expired && is_gone {
                // For its watcher it was gone all along.
                watch.had_expired = false;
            } else {
                watch.watcher.note_change();
            }
        }
    }

    /// Whether a key has expired since a watcher began to watch it, and is still there.
    pub fn has_watched_expired(
        &mut self,
        database: usize,
        key: &[u8],
        watcher: &Arc<dyn Watcher>,
    ) -> bool {
        if self.presence(database, key) != Presence::Expired {
            return false;
        }
        let list = self.shard_of(key).watchers.at(database, key);
        let mut list = list.into_iter().flatten();
        list.any(|watch| watch.is_by(watcher) && !watch.had_expired)
    }

    /// Tells those who watch keys of a database that is about to be emptied, or replaced by another one. Needs all shards.
    pub(crate) fn tell_watchers_of(&mut self, emptied: usize, replacement: Option<usize>) {
        for index in 0..=self.keyspace.mask {
            let watchers = &mut self.shard_at(index).watchers;
            let Some(watched) = watchers.databases.get_mut(emptied) else { continue };
            let mut watched = std::mem::take(watched);
            for (key, list) in &mut watched {
                let before = self.presence(emptied, key);
                let after = replacement
                    .map_or(Presence::Absent, |replacement| self.presence(replacement, key));
                list.iter_mut().for_each(|watch| replace(watch, before, after));
            }
            self.shard_at(index).watchers.databases[emptied] = watched;
        }
    }

    fn presence(&mut self, database: usize, key: &[u8]) -> Presence {
        let hash = self.locate(key);
        let now_ms = self.round.now_ms;
        let entry = self.shard(hash).database(database).and_then(|found| found.find(hash, key));
        match entry {
            None => Presence::Absent,
            Some(entry) if entry.expiry().is_some_and(|expiry| expiry < now_ms) => {
                Presence::Expired
            }
            Some(_) => Presence::Present,
        }
    }
}

/// Tells a watcher that a key's database was replaced.
fn replace(watch: &mut Watch, before: Presence, after: Presence) {
    if before == Presence::Absent && after == Presence::Absent {
        return;
    }
    if watch.had_expired {
        match after {
            Presence::Absent => {
                watch.had_expired = false;
                return;
            }
            Presence::Expired => return,
            Presence::Present => {}
        }
    } else if before == Presence::Absent && after == Presence::Expired {
        watch.had_expired = true;
        return;
    }
    watch.watcher.note_change();
}
