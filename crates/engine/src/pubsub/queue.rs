//! What a worker has yet to hand on to its clients, in order.
//!
//! Messages are numbered, so that it is known which of them a client has got already. Those of one channel that follow each
//! other are one parcel.

use std::collections::VecDeque;
use std::sync::Arc;

use super::bundle::{Bundle, Room};
use super::post::{Plain, Post};
use super::{PubSub, Space};

/// What is handed on at once.
#[derive(Debug)]
pub enum Parcel {
    /// Messages of one channel.
    Bundle(Bundle),
    /// Anything else, and its number.
    Post(u64, Post),
}

impl Parcel {
    /// The number after the last thing in it.
    pub(super) fn end(&self) -> u64 {
        match self {
            Parcel::Bundle(bundle) => bundle.end(),
            Parcel::Post(number, _) => number + 1,
        }
    }
}

/// Parcels of one worker.
#[derive(Debug, Default)]
pub(super) struct Queue {
    parcels: VecDeque<Parcel>,
    /// The number of what comes next.
    end: u64,
    /// Of bundles that were delivered.
    rooms: Vec<Room>,
    /// For what is taken from the inbox.
    arrived: Vec<Post>,
}

/// Rooms that are kept: when messages of more channels alternate, each bundle is small.
const ROOMS: usize = 4;

impl Queue {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// The number of what comes next.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Takes what is in the worker's inbox.
    #[inline]
    pub(super) fn collect(&mut self, pubsub: &PubSub, worker: usize) {
        if pubsub.has_post(worker) {
            self.collect_posts(pubsub, worker);
        }
    }

    fn collect_posts(&mut self, pubsub: &PubSub, worker: usize) {
        let mut arrived = std::mem::take(&mut self.arrived);
        pubsub.take(worker, &mut arrived);
        for post in arrived.drain(..) {
            if let Some(Plain { space, channel, message }) = plain(&post) {
                self.bundle(space, channel, |bundle| bundle.push(message));
            } else {
                self.parcels.push_back(Parcel::Post(self.end, post));
                self.end += 1;
            }
        }
        self.arrived = arrived;
    }

    /// Adds a message of a channel, which `write` writes.
    #[inline]
    pub(super) fn bundle(
        &mut self,
        space: Space,
        channel: &Arc<[u8]>,
        write: impl FnOnce(&mut Bundle),
    ) {
        self.end += 1;
        if let Some(Parcel::Bundle(last)) = self.parcels.back_mut()
            && last.takes(space, channel)
        {
            return write(last);
        }
        let room = self.rooms.pop().unwrap_or_default();
        let mut bundle = Bundle::new(self.end - 1, space, Arc::clone(channel), room);
        write(&mut bundle);
        self.parcels.push_back(Parcel::Bundle(bundle));
    }

    /// Takes out the first parcel.
    pub(super) fn next(&mut self) -> Option<Parcel> {
        self.parcels.pop_front()
    }

    /// Parcels with something that has this number or a higher one.
    pub(super) fn from(&self, number: u64) -> impl Iterator<Item = &Parcel> {
        let first = self.parcels.partition_point(|parcel| parcel.end() <= number);
        self.parcels.range(first..)
    }

    /// Takes back a bundle that was delivered, for its room.
    pub(super) fn recycle(&mut self, bundle: Bundle) {
        if self.rooms.len() < ROOMS {
            self.rooms.extend(bundle.into_room());
        }
    }
}

/// The channel and the message of a post that is nothing else.
fn plain(post: &Post) -> Option<Plain<'_>> {
    match post {
        Post::Publication(publication) => publication.plain(),
        Post::Line(_) | Post::Invalidation(_) => None,
    }
}
