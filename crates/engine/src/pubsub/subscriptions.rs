//! What one client has subscribed to.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use foldhash::fast::RandomState;
use resp::Output;

use super::Space;
use super::post::Post;
use super::queue::Parcel;
use crate::session::Session;

type Names = HashSet<Arc<[u8]>, RandomState>;

/// What one client has subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    channels: Names,
    patterns: Names,
    shard_channels: Names,
    /// It MONITORs.
    pub(super) monitors: bool,
    /// Bytes of the names.
    name_bytes: usize,
}

impl Subscriptions {
    pub(super) fn has(&self, space: Space, name: &[u8]) -> bool {
        self.names(space).contains(name)
    }

    pub(super) fn insert(&mut self, space: Space, name: Arc<[u8]>) {
        self.name_bytes += name.len();
        self.names_mut(space).insert(name);
    }

    pub(super) fn remove(&mut self, space: Space, name: &[u8]) {
        if self.names_mut(space).remove(name) {
            self.name_bytes -= name.len();
            let names = self.names_mut(space);
            if names.len() < names.capacity() / 8 {
                names.shrink_to_fit();
            }
        }
    }

    /// All names of a kind.
    pub(super) fn all(&self, space: Space) -> Vec<Arc<[u8]>> {
        self.names(space).iter().cloned().collect()
    }

    /// How many there are that one confirmation tells: channels and patterns together, shard channels apart.
    fn told_with(&self, space: Space) -> usize {
        match space {
            Space::Channel | Space::Pattern => self.channels.len() + self.patterns.len(),
            Space::Shard => self.shard_channels.len(),
        }
    }

    fn count(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shard_channels.len()
    }

    fn names(&self, space: Space) -> &Names {
        match space {
            Space::Channel => &self.channels,
            Space::Pattern => &self.patterns,
            Space::Shard => &self.shard_channels,
        }
    }

    fn names_mut(&mut self, space: Space) -> &mut Names {
        match space {
            Space::Channel => &mut self.channels,
            Space::Pattern => &mut self.patterns,
            Space::Shard => &mut self.shard_channels,
        }
    }

    fn memory(&self) -> usize {
        let slots =
            self.channels.capacity() + self.patterns.capacity() + self.shard_channels.capacity();
        size_of::<Subscriptions>() + slots * (size_of::<Arc<[u8]>>() + 1) + self.name_bytes
    }
}

impl Session {
    /// Whether it has subscribed to anything.
    #[inline]
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriptions.as_ref().is_some_and(|subscriptions| 0 < subscriptions.count())
    }

    /// Whether anything could be delivered to it.
    #[inline]
    pub(crate) fn receives(&self) -> bool {
        self.tracks()
            || self.is_substitute
            || self.subscriptions.as_ref().is_some_and(|own| own.monitors || 0 < own.count())
    }

    /// The number that its confirmations tell.
    pub(crate) fn subscription_count(&self, space: Space) -> usize {
        self.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.told_with(space))
    }

    /// Whether it has not got yet what has this number.
    pub fn awaits(&self, number: u64) -> bool {
        self.seen <= number
    }

    /// Appends what it has not got yet of a parcel to what it is sent, in each form that is for it.
    pub(super) fn deliver(&self, parcel: &Parcel, output: &mut Output) {
        if let Parcel::Post(_, Post::Invalidation(invalidation)) = parcel {
            return invalidation.deliver(self, output);
        }
        let Some(subscriptions) = &self.subscriptions else { return };
        match parcel {
            Parcel::Bundle(bundle) => {
                if subscriptions.has(bundle.space, &bundle.channel) {
                    bundle.write_from(self.seen, self.protocol, output);
                }
            }
            Parcel::Post(_, Post::Line(line)) if subscriptions.monitors => output.push(line),
            Parcel::Post(_, Post::Line(_) | Post::Invalidation(_)) => {}
            Parcel::Post(_, Post::Publication(publication)) => {
                for (space, name, message) in publication.forms() {
                    if subscriptions.has(space, name) {
                        message.write_to(output, self.protocol);
                    }
                }
            }
        }
    }

    /// Bytes of memory of its subscriptions.
    pub(crate) fn subscription_memory(&self) -> usize {
        self.subscriptions.as_deref().map_or(0, Subscriptions::memory)
    }

    /// Notes what others may see of its subscriptions.
    pub(super) fn note_subscriptions(&self) {
        let Some(subscriptions) = &self.subscriptions else { return };
        let counts =
            [&subscriptions.channels, &subscriptions.patterns, &subscriptions.shard_channels];
        for (noted, names) in self.record.subscriptions.iter().zip(counts) {
            noted.store(names.len(), Relaxed);
        }
        self.record.monitors.store(subscriptions.monitors, Relaxed);
    }
}
