//! What one worker delivers to its clients.
//!
//! Messages are numbered in the order in which the worker queues them: those from its inbox, and what its own clients publish. A
//! client notes the number up to which they are none of its business any more, so that one that subscribes, or is served in the
//! middle of a delivery, gets everything exactly once.
//!
//! What is published here goes straight into the queue, behind what is in the inbox: so order is as if it had gone through there.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use resp::Output;
use resp::limits::SHARED_BYTES;

use super::bundle::Bundle;
use super::post::{Message, Post};
use super::queue::{Parcel, Queue};
use super::{PubSub, Space};
use crate::host::Host;
use crate::session::Session;
use crate::tracking::{Invalidation, Receiver};

/// What a worker's process knows a connection by.
type Place = u64;

type Recipients = HashMap<Arc<[u8]>, Vec<Place>, RandomState>;

/// Which clients of a worker have subscribed to what, and what they have not got yet.
#[derive(Default)]
pub(crate) struct Delivery {
    worker: usize,
    /// Whether clients can subscribe here, and what is queued is delivered.
    has_clients: bool,
    channels: Recipients,
    patterns: Recipients,
    shard_channels: Recipients,
    monitors: Vec<Place>,
    queue: Queue,
}

/// A form of a post, for one client.
pub enum Delivered<'a> {
    /// A message.
    Message(&'a Message),
    /// A line for MONITOR.
    Line(&'a Arc<Vec<u8>>),
    /// Keys have changed.
    Invalidation(&'a Invalidation, Receiver),
}

impl Delivered<'_> {
    /// Appends it to what a client is sent.
    pub fn write_to(&self, session: &Session, output: &mut Output) {
        match self {
            Delivered::Message(message) => message.write_to(output, session.protocol),
            Delivered::Line(line) => output.push(line),
            Delivered::Invalidation(invalidation, receiver) => {
                invalidation.write_to(*receiver, session, output);
            }
        }
    }
}

impl Delivery {
    /// Of the worker with this number.
    pub(crate) fn new(worker: usize) -> Delivery {
        Delivery { worker, has_clients: true, ..Delivery::default() }
    }

    /// For calls of nobody's clients: what they publish goes to the workers.
    pub(crate) fn outside() -> Delivery {
        Delivery { worker: usize::MAX, ..Delivery::default() }
    }

    /// Whether there is something to deliver.
    #[inline]
    pub(crate) fn has_post(&self, pubsub: &PubSub) -> bool {
        !self.queue.is_empty() || pubsub.has_post(self.worker)
    }

    /// What is to be delivered next.
    pub(crate) fn next(&mut self, pubsub: &PubSub) -> Option<Parcel> {
        if self.queue.is_empty() {
            self.queue.collect(pubsub, self.worker);
        }
        self.queue.next()
    }

    /// Takes back a bundle that was delivered.
    pub(crate) fn recycle(&mut self, bundle: Bundle) {
        self.queue.recycle(bundle);
    }

    /// Sends a message to all who have subscribed to the channel or to a pattern that matches it; how many there are. The worker
    /// `own` is awake.
    pub(crate) fn publish(
        &mut self,
        pubsub: &PubSub,
        host: &dyn Host,
        own: usize,
        (space, channel): (Space, &[u8]),
        text: &[u8],
    ) -> usize {
        let may_match = space == Space::Channel && 0 < pubsub.pattern_count();
        let is_long = SHARED_BYTES <= channel.len() + text.len();
        if may_match || is_long || !self.has_clients {
            return pubsub.publish(host, own, space, channel, text);
        }
        if !pubsub.is_single() {
            return pubsub.publish_plain(host, (own, &mut self.queue), space, channel, text);
        }
        // Without another worker all subscribers are known here.
        let recipients = if space == Space::Shard { &self.shard_channels } else { &self.channels };
        let Some((name, places)) = recipients.get_key_value(channel) else { return 0 };
        self.queue.collect(pubsub, self.worker);
        self.queue.bundle(space, name, |bundle| bundle.write(text));
        places.len()
    }

    /// The clients that a bundle is for.
    pub(crate) fn recipients_of(&self, bundle: &Bundle) -> &[u64] {
        self.recipients(bundle.space).get(&bundle.channel).map_or(&[], Vec::as_slice)
    }

    /// Names the clients that a post is for, each with the form for it.
    pub(crate) fn for_each_recipient(
        &self,
        post: &Post,
        visit: &mut dyn FnMut(u64, Delivered<'_>),
    ) {
        match post {
            Post::Line(line) => {
                self.monitors.iter().for_each(|place| visit(*place, Delivered::Line(line)));
            }
            Post::Invalidation(invalidation) => {
                for &receiver in invalidation.receivers() {
                    visit(receiver.place, Delivered::Invalidation(invalidation, receiver));
                }
            }
            Post::Publication(publication) => {
                for (space, name, message) in publication.forms() {
                    for place in self.recipients(space).get(name).into_iter().flatten() {
                        visit(*place, Delivered::Message(message));
                    }
                }
            }
        }
    }

    /// Gives a client everything that is on its way to it, in the middle of its calls.
    pub(crate) fn absorb(&mut self, pubsub: &PubSub, session: &mut Session, output: &mut Output) {
        self.queue.collect(pubsub, self.worker);
        self.give(session, output);
    }

    /// Gives a client what is queued and it has not got yet.
    fn give(&self, session: &mut Session, output: &mut Output) {
        for parcel in self.queue.from(session.seen) {
            session.deliver(parcel, output);
        }
        session.seen = self.queue.end();
    }

    /// Subscribes a client; whether it had not done so before. What came before is delivered to it first.
    pub(crate) fn subscribe(
        &mut self,
        pubsub: &PubSub,
        session: &mut Session,
        space: Space,
        name: &[u8],
        output: &mut Output,
    ) -> bool {
        let subscriptions = session.subscriptions.get_or_insert_default();
        if subscriptions.has(space, name) {
            return false;
        }
        let kept = pubsub.enter(space, name, self.worker, |pubsub| {
            self.queue.collect(pubsub, self.worker);
        });
        self.give(session, output);
        self.recipients_mut(space).entry(Arc::clone(&kept)).or_default().push(session.place());
        session.subscriptions.get_or_insert_default().insert(space, kept);
        session.note_subscriptions();
        true
    }

    /// Ends a subscription of a client; whether there was one. What came before is delivered to it first.
    pub(crate) fn unsubscribe(
        &mut self,
        pubsub: &PubSub,
        session: &mut Session,
        space: Space,
        name: &[u8],
        output: &mut Output,
    ) -> bool {
        if !session.subscriptions.as_ref().is_some_and(|own| own.has(space, name)) {
            return false;
        }
        pubsub.leave(space, name, self.worker, |pubsub| {
            self.queue.collect(pubsub, self.worker);
        });
        self.give(session, output);
        let place = session.place();
        let recipients = self.recipients_mut(space);
        if let Some(places) = recipients.get_mut(name) {
            if let Some(found) = places.iter().position(|other| *other == place) {
                places.swap_remove(found);
            }
            if places.is_empty() {
                recipients.remove(name);
                if recipients.len() < recipients.capacity() / 8 {
                    recipients.shrink_to_fit();
                }
            }
        }
        if let Some(subscriptions) = &mut session.subscriptions {
            subscriptions.remove(space, name);
        }
        session.note_subscriptions();
        true
    }

    /// Shows a client all calls from here on.
    pub(crate) fn monitor(&mut self, pubsub: &PubSub, session: &mut Session, output: &mut Output) {
        if session.subscriptions.get_or_insert_default().monitors {
            return;
        }
        pubsub.enter_monitor(self.worker, |pubsub| {
            self.queue.collect(pubsub, self.worker);
        });
        self.give(session, output);
        self.monitors.push(session.place());
        session.subscriptions.get_or_insert_default().monitors = true;
        session.note_subscriptions();
    }

    /// Ends all that a client receives. What is on its way to it is delivered first.
    pub(crate) fn withdraw(&mut self, pubsub: &PubSub, session: &mut Session, output: &mut Output) {
        if session.subscriptions.is_none() {
            return;
        }
        for space in [Space::Channel, Space::Pattern, Space::Shard] {
            for name in session.subscriptions.get_or_insert_default().all(space) {
                self.unsubscribe(pubsub, session, space, &name, output);
            }
        }
        if session.subscriptions.as_ref().is_some_and(|own| own.monitors) {
            pubsub.leave_monitor(self.worker);
            let place = session.place();
            self.monitors.retain(|other| *other != place);
            session.subscriptions.get_or_insert_default().monitors = false;
        }
        session.note_subscriptions();
        session.subscriptions = None;
    }

    fn recipients(&self, space: Space) -> &Recipients {
        match space {
            Space::Channel => &self.channels,
            Space::Pattern => &self.patterns,
            Space::Shard => &self.shard_channels,
        }
    }

    fn recipients_mut(&mut self, space: Space) -> &mut Recipients {
        match space {
            Space::Channel => &mut self.channels,
            Space::Pattern => &mut self.patterns,
            Space::Shard => &mut self.shard_channels,
        }
    }
}

impl Session {
    /// What it is sent of a bundle: what it has not got yet.
    pub fn part_of<'b>(&self, bundle: &'b Bundle) -> &'b [u8] {
        bundle.from(self.seen, self.protocol)
    }

    /// The names of a kind that it has subscribed to.
    pub(crate) fn subscribed(&self, space: Space) -> Vec<Arc<[u8]>> {
        self.subscriptions.as_ref().map_or_else(Vec::new, |own| own.all(space))
    }
}
