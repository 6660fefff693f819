//! What reading and claiming for a group does to it, as replicas and the append-only file are told.
//!
//! Who was given which entry, and when, is told for each entry by the XCLAIM that would have the same result.

use collections::stream::{Group, Pending, StreamId};

use crate::Call;
use crate::events;

/// What was changed of a group.
#[derive(Default)]
pub(super) struct GroupEffects {
    /// The consumer was created.
    pub(super) consumer_is_new: bool,
    /// How many changes are to be counted beside that.
    pub(super) changes: u64,
    /// The group has read further, or was told so.
    pub(super) progress: Option<Progress>,
    /// Entries that are pending for another consumer or since another time, or no more. Only gathered if somebody is to be told.
    claims: Vec<Claim>,
}

/// How far a group has read.
#[derive(Clone, Copy)]
pub(super) struct Progress {
    last_delivered: StreamId,
    entries_read: Option<i64>,
}

struct Claim {
    id: StreamId,
    consumer: Box<[u8]>,
    delivered_ms: i64,
    deliveries: u64,
    last_delivered: StreamId,
}

impl Progress {
    pub(super) fn of(group: &Group) -> Progress {
        Progress { last_delivered: group.last_delivered, entries_read: group.entries_read }
    }
}

impl GroupEffects {
    /// Notes what is to be known of a pending entry. Of one that was removed from the stream this says that it is pending no more.
    pub(super) fn claimed(&mut self, group: &Group, id: StreamId, pending: Pending) {
        self.claims.push(Claim {
            id,
            consumer: group.consumer_name(pending.consumer).into(),
            delivered_ms: pending.delivered_ms,
            deliveries: pending.deliveries,
            last_delivered: group.last_delivered,
        });
    }

    /// Tells of it all.
    pub(super) fn tell(&self, call: &mut Call<'_>, key: &[u8], group: &[u8], consumer: &[u8]) {
        // Events, but nothing that WATCH looks at.
        if self.consumer_is_new {
            call.also_modified(key, events::CONSUMER_CREATE);
        }
        call.changed(self.changes + u64::from(self.consumer_is_new));
        call.replicate_nothing_else();
        if !call.recording {
            return;
        }
        let is_created_by_claim = || self.claims.iter().any(|claim| *claim.consumer == *consumer);
        if self.consumer_is_new && !is_created_by_claim() {
            call.replicate_as(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
        }
        for claim in &self.claims {
            claim.tell(call, key, group);
        }
        if let Some(progress) = self.progress {
            let id = progress.last_delivered.text();
            let mut buffer = itoa::Buffer::new();
            let read = buffer.format(progress.entries_read.unwrap_or(-1)).as_bytes();
            call.replicate_as(&[b"XGROUP", b"SETID", key, group, &id, b"ENTRIESREAD", read]);
        }
    }
}

impl Claim {
    fn tell(&self, call: &mut Call<'_>, key: &[u8], group: &[u8]) {
        let mut time = itoa::Buffer::new();
        let mut count = itoa::Buffer::new();
        call.replicate_as(&[
            b"XCLAIM",
            key,
            group,
            &self.consumer,
            b"0",
            &self.id.text(),
            b"TIME",
            time.format(self.delivered_ms).as_bytes(),
            b"RETRYCOUNT",
            count.format(self.deliveries).as_bytes(),
            b"FORCE",
            b"JUSTID",
            b"LASTID",
            &self.last_delivered.text(),
        ]);
    }
}
