//! Reading one stream: as anybody, and as a consumer of a group.
//!
//! Both write into a [`Frame`], which has the streams of one reply. They need no call, but the keys and the reply only, so
//! that whoever serves a client that waited uses them as well.

use collections::Stream;
use collections::stream::{ConsumerIndex, Group, Log, Pending, StreamId};
use keyspace::{View, WrongType};
use resp::{Deferred, Protocol, Reply};

use super::effect::{GroupEffects, Progress};
use super::entry::{reply_entries, reply_entry, reply_id};

/// The streams of one reply, each with its entries: a map, or in RESP2 an array of pairs.
pub(super) struct Frame {
    /// How many streams there may be.
    most: usize,
    streams: usize,
    header: Option<Deferred>,
}

impl Frame {
    /// For at most so many streams.
    pub(super) fn new(most: usize) -> Frame {
        Frame { most, streams: 0, header: None }
    }

    /// Begins with the next stream, whose entries follow.
    fn open(&mut self, reply: &mut Reply<'_>, key: &[u8]) {
        let is_map = reply.protocol() == Protocol::Resp3;
        if self.streams == 0 {
            match (self.most, is_map) {
                (1, true) => reply.map(1),
                (1, false) => reply.array(1),
                (_, true) => self.header = Some(reply.deferred_map()),
                (_, false) => self.header = Some(reply.deferred_array()),
            }
        }
        self.streams += 1;
        if !is_map {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// Ends the reply. Without a stream nothing is replied, and the answer is no.
    #[must_use = "whether there is a reply"]
    pub(super) fn close(self, reply: &mut Reply<'_>) -> bool {
        if let Some(header) = self.header {
            reply.close(header, self.streams);
        }
        0 < self.streams
    }
}

/// Replies the entries of a stream behind an ID, if there are some.
pub(super) fn read_after(
    keys: &mut View<'_>,
    reply: &mut Reply<'_>,
    frame: &mut Frame,
    key: &[u8],
    id: StreamId,
    limit: usize,
) -> Result<(), WrongType> {
    let Some(stream) = keys.read_as::<Stream>(key)? else { return Ok(()) };
    let Some(first) = id.next() else { return Ok(()) };
    let mut entries = stream.log().range(first, StreamId::MAX).peekable();
    if entries.peek().is_some() {
        frame.open(reply, key);
        reply_entries(reply, entries, limit, |_| ());
    }
    Ok(())
}

/// Who reads for a group, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
    /// Whether it will not acknowledge: what it reads does not become pending.
    pub(super) no_ack: bool,
    /// How many entries it wants at most.
    pub(super) limit: usize,
}

/// What a reader of a group wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// Entries that nobody of the group was given.
    New,
    /// What is pending for it behind an ID.
    PendingAfter(StreamId),
}

impl Reader<'_> {
    /// Replies entries of a stream and notes who was given them. Nothing if the group is not there.
    pub(super) fn read(
        &self,
        keys: &mut View<'_>,
        reply: &mut Reply<'_>,
        frame: &mut Frame,
        key: &[u8],
        wanted: Wanted,
        recording: bool,
    ) -> Result<Option<GroupEffects>, WrongType> {
        let now_ms = keys.round.now_ms;
        let effects = keys.edit_present::<Stream, _>(key, |stream| {
            let (log, group) = stream.group_mut(self.group)?;
            let mut effects = GroupEffects::default();
            let consumer = seen(group, self.consumer, now_ms, &mut effects);
            let delivery = Delivery { log, group, consumer, now_ms };
            match wanted {
                Wanted::New => {
                    delivery.new_entries(self, reply, frame, key, recording, &mut effects);
                }
                Wanted::PendingAfter(id) => {
                    frame.open(reply, key);
                    delivery.pending_entries(id, self.limit, reply);
                }
            }
            Some(effects)
        })?;
        Ok(effects.flatten())
    }
}

/// The consumer of this name, which is there from now on, and has been seen.
pub(super) fn seen(
    group: &mut Group,
    name: &[u8],
    now_ms: i64,
    effects: &mut GroupEffects,
) -> ConsumerIndex {
    let Some(index) = group.find_consumer(name) else {
        effects.consumer_is_new = true;
        return group.add_consumer(name, now_ms);
    };
    if let Some(consumer) = group.consumer_mut(index) {
        consumer.seen_ms = now_ms;
    }
    index
}

/// Notes that a consumer was given something.
pub(super) fn set_active(group: &mut Group, index: ConsumerIndex, now_ms: i64) {
    if let Some(consumer) = group.consumer_mut(index) {
        consumer.active_ms = Some(now_ms);
    }
}

struct Delivery<'s> {
    log: &'s Log,
    group: &'s mut Group,
    consumer: ConsumerIndex,
    now_ms: i64,
}

impl Delivery<'_> {
    fn new_entries(
        self,
        reader: &Reader<'_>,
        reply: &mut Reply<'_>,
        frame: &mut Frame,
        key: &[u8],
        recording: bool,
        effects: &mut GroupEffects,
    ) {
        let Delivery { log, group, consumer, now_ms } = self;
        let mut entries = log.not_delivered(group).peekable();
        if entries.peek().is_none() {
            return;
        }
        frame.open(reply, key);
        reply_entries(reply, entries, reader.limit, |entry| {
            let id = entry.id();
            log.note_delivery(group, entry);
            if !reader.no_ack {
                let pending = Pending { consumer, delivered_ms: now_ms, deliveries: 1 };
                group.set_pending(id, pending);
                if recording {
                    effects.claimed(group, id, pending);
                }
            }
        });
        if !reader.no_ack {
            set_active(group, consumer, now_ms);
        }
        effects.changes = 1;
        effects.progress = Some(Progress::of(group));
    }

    /// Replies what is pending for the consumer. It counts as delivered again, which is not told to anybody: replicas need not
    /// know.
    fn pending_entries(self, after: StreamId, limit: usize, reply: &mut Reply<'_>) {
        let Some(first) = after.next() else {
            reply.array(0);
            return;
        };
        let pending = self.group.pending_for(self.consumer, first..=StreamId::MAX);
        let pending: Vec<_> = pending.take(limit).collect();
        reply.array(pending.len());
        for (id, known) in pending {
            if let Some(entry) = self.log.entry(id) {
                reply_entry(reply, entry);
                let deliveries = known.deliveries.saturating_add(1);
                let again = Pending { delivered_ms: self.now_ms, deliveries, ..known };
                self.group.set_pending(id, again);
            } else {
                reply.array(2);
                reply_id(reply, id);
                reply.null_array();
            }
        }
    }
}
