//! Publishing and subscribing, across workers.
//!
//! Which worker has how many subscribers of a channel is known to all ([`PubSub`]); which clients these are, only to their
//! worker ([`Delivery`]). Whoever publishes encodes the message once and puts it into the inbox of each worker that has a
//! subscriber, once; that worker hands it on to its clients between two connections. Calls that are shown to MONITOR go the
//! same way.
//!
//! What is published on a channel is in the same order for all its subscribers: the channel's lock is held until the
//! message is in every inbox. The lock is also what makes a subscription exact. Whoever subscribes or unsubscribes takes
//! what is in its worker's inbox under that lock: this much was published before, and its client gets it (or not) as if
//! all had been done one after the other. So a message that PUBLISH has counted is never lost, and one that was published
//! before SUBSCRIBE never arrives.
//!
//! Patterns are found by the literal text that they begin with, so that a message costs little more with a thousand
//! patterns for other channels.

mod audience;
mod bundle;
mod channels;
mod delivery;
mod inbox;
mod patterns;
mod post;
mod queue;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use smallvec::SmallVec;

use audience::Audience;
pub use bundle::Bundle;
use channels::Channels;
pub use delivery::Delivered;
pub(crate) use delivery::Delivery;
use inbox::Inbox;
use patterns::Patterns;
pub use post::{Message, Post, Publication};
pub use queue::Parcel;
use queue::Queue;
pub(crate) use subscriptions::Subscriptions;

use crate::host::Host;

/// What names are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Space {
    /// Channels of SUBSCRIBE.
    Channel,
    /// Patterns of PSUBSCRIBE.
    Pattern,
    /// Channels of SSUBSCRIBE.
    Shard,
}

/// Who has subscribed to what, by worker; and what is on its way to each worker.
pub(crate) struct PubSub {
    channels: Channels,
    shard_channels: Channels,
    patterns: RwLock<Patterns>,
    /// How many patterns there are.
    pattern_count: AtomicUsize,
    /// Workers with clients that MONITOR.
    monitors: Mutex<Audience>,
    monitor_count: Apart,
    inboxes: Box<[Inbox]>,
    /// Inboxes that hold more than they should.
    crowded: AtomicUsize,
}

/// A number that every call looks at, on cache lines where nothing else is written.
#[derive(Default)]
#[repr(align(128))]
struct Apart(AtomicUsize);

/// Workers to wake; nearly always few.
type Rung = SmallVec<[usize; 8]>;

impl Space {
    /// What its messages are called.
    fn kind(self) -> &'static [u8] {
        match self {
            Space::Channel => b"message",
            Space::Pattern => b"pmessage",
            Space::Shard => b"smessage",
        }
    }
}

impl PubSub {
    pub(crate) fn new(workers: usize) -> PubSub {
        PubSub {
            channels: Channels::default(),
            shard_channels: Channels::default(),
            patterns: RwLock::default(),
            pattern_count: AtomicUsize::new(0),
            monitors: Mutex::default(),
            monitor_count: Apart::default(),
            inboxes: (0..workers).map(|_| Inbox::default()).collect(),
            crowded: AtomicUsize::new(0),
        }
    }

    /// Sends a message to all who have subscribed to the channel or to a pattern that matches it; how many there are. The
    /// worker `own` is awake.
    pub(crate) fn publish(
        &self,
        host: &dyn Host,
        own: usize,
        space: Space,
        channel: &[u8],
        message: &[u8],
    ) -> usize {
        let channels = self.channels_of(space);
        let may_match = space == Space::Channel && 0 < self.pattern_count();
        if channels.is_empty() && !may_match {
            return 0;
        }
        let mut receivers = 0;
        let mut workers = Audience::default();
        let mut publication = Publication::default();
        let shard = channels.lock(channel);
        if let Some((name, audience)) = shard.get_key_value(channel) {
            receivers += audience.count();
            workers.join(audience);
            let message = Message::new(&[space.kind(), channel, message]);
            publication.address_channel(space, Arc::clone(name), message);
        }
        // Held until the message is in every inbox, as the channel's lock is.
        let patterns = may_match.then(|| self.patterns.read());
        if let Some(patterns) = &patterns {
            patterns.for_each_match(channel, |pattern, audience| {
                receivers += audience.count();
                workers.join(audience);
                let message = Message::new(&[Space::Pattern.kind(), pattern, channel, message]);
                publication.address_pattern(Arc::clone(pattern), message);
            });
        }
        if receivers == 0 {
            return 0;
        }
        let post = Post::Publication(Arc::new(publication));
        let rung = self.post(workers.workers(), own, &post);
        drop(patterns);
        drop(shard);
        wake(host, &rung);
        receivers
    }

    /// The same for a worker with clients, whose queue is given, where no pattern can match: what is for its own clients goes into
    /// the queue, and only the others' into inboxes.
    fn publish_plain(
        &self,
        host: &dyn Host,
        (own, queue): (usize, &mut Queue),
        space: Space,
        channel: &[u8],
        text: &[u8],
    ) -> usize {
        let channels = self.channels_of(space);
        if channels.is_empty() {
            return 0;
        }
        let shard = channels.lock(channel);
        let Some((name, audience)) = shard.get_key_value(channel) else { return 0 };
        let receivers = audience.count();
        if audience.workers().any(|worker| worker == own) {
            // Behind what was published before, by whomever.
            queue.collect(self, own);
            queue.bundle(space, name, |bundle| bundle.write(text));
        }
        let mut rung = Rung::new();
        if audience.workers().any(|worker| worker != own) {
            let mut publication = Publication::default();
            let message = Message::new(&[space.kind(), channel, text]);
            publication.address_channel(space, Arc::clone(name), message);
            let post = Post::Publication(Arc::new(publication));
            rung = self.post(audience.workers().filter(|worker| *worker != own), own, &post);
        }
        drop(shard);
        wake(host, &rung);
        receivers
    }

    /// Whether there is one worker only.
    fn is_single(&self) -> bool {
        self.inboxes.len() == 1
    }

    /// Whether anybody would be shown calls.
    #[inline]
    pub(crate) fn is_monitored(&self) -> bool {
        self.monitor_count.0.load(Ordering::Relaxed) != 0
    }

    /// Shows a line to all who MONITOR.
    #[cold]
    pub(crate) fn show(&self, host: &dyn Host, own: usize, line: Vec<u8>) {
        let monitors = self.monitors.lock();
        let rung = self.post(monitors.workers(), own, &Post::Line(Arc::new(line)));
        drop(monitors);
        wake(host, &rung);
    }

    /// Sends something to one worker.
    pub(crate) fn send(&self, host: &dyn Host, own: usize, worker: usize, post: Post) {
        let Some(inbox) = self.inboxes.get(worker) else { return };
        if inbox.put(post, &self.crowded) && worker != own {
            host.wake_worker(worker);
        }
    }

    /// Whether a worker has so much in its inbox that whoever publishes should wait.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded.load(Ordering::Relaxed) != 0
    }

    /// Whether there is something in a worker's inbox.
    #[inline]
    pub(crate) fn has_post(&self, worker: usize) -> bool {
        self.inboxes.get(worker).is_some_and(Inbox::is_filled)
    }

    /// How many patterns there are.
    pub(crate) fn pattern_count(&self) -> usize {
        self.pattern_count.load(Ordering::Acquire)
    }

    /// How many channels there are.
    pub(crate) fn channel_count(&self, space: Space) -> usize {
        self.channels_of(space).len()
    }

    /// The channels that somebody has subscribed to.
    pub(crate) fn channel_names(&self, space: Space) -> Vec<Arc<[u8]>> {
        self.channels_of(space).names()
    }

    /// How many subscribers a channel has.
    pub(crate) fn subscribers(&self, space: Space, channel: &[u8]) -> usize {
        self.channels_of(space).lock(channel).get(channel).map_or(0, Audience::count)
    }

    /// Enters a subscriber of a worker; `take` takes what is in the worker's inbox. Gives the name as it is kept.
    fn enter(
        &self,
        space: Space,
        name: &[u8],
        worker: usize,
        take: impl FnOnce(&Self),
    ) -> Arc<[u8]> {
        if space == Space::Pattern {
            let mut patterns = self.patterns.write();
            let kept = patterns.enter(name, worker);
            self.pattern_count.store(patterns.len(), Ordering::Release);
            take(self);
            kept
        } else {
            self.channels_of(space).enter(name, worker, || take(self))
        }
    }

    /// Takes out a subscriber of a worker; `take` as in `enter`.
    fn leave(&self, space: Space, name: &[u8], worker: usize, take: impl FnOnce(&Self)) {
        if space == Space::Pattern {
            let mut patterns = self.patterns.write();
            patterns.leave(name, worker);
            self.pattern_count.store(patterns.len(), Ordering::Release);
            take(self);
        } else {
            self.channels_of(space).leave(name, worker, || take(self));
        }
    }

    /// Enters a client that MONITORs.
    fn enter_monitor(&self, worker: usize, take: impl FnOnce(&Self)) {
        let mut monitors = self.monitors.lock();
        monitors.enter(worker);
        self.monitor_count.0.store(monitors.count(), Ordering::Release);
        take(self);
    }

    /// Takes out a client that MONITORs.
    fn leave_monitor(&self, worker: usize) {
        let mut monitors = self.monitors.lock();
        monitors.leave(worker);
        self.monitor_count.0.store(monitors.count(), Ordering::Release);
    }

    fn channels_of(&self, space: Space) -> &Channels {
        match space {
            Space::Channel | Space::Pattern => &self.channels,
            Space::Shard => &self.shard_channels,
        }
    }

    /// Puts something into the inboxes of workers; those that are to be woken.
    fn post(&self, workers: impl Iterator<Item = usize>, own: usize, post: &Post) -> Rung {
        let mut rung = Rung::new();
        for worker in workers {
            let Some(inbox) = self.inboxes.get(worker) else { continue };
            if inbox.put(post.clone(), &self.crowded) && worker != own {
                rung.push(worker);
            }
        }
        rung
    }

    fn take(&self, worker: usize, into: &mut Vec<Post>) {
        if let Some(inbox) = self.inboxes.get(worker) {
            inbox.take(into, &self.crowded);
        }
    }
}

fn wake(host: &dyn Host, workers: &[usize]) {
    for &worker in workers {
        host.wake_worker(worker);
    }
}
