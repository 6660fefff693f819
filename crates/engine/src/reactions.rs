//! What follows from the change of a key, beside its effects: whoever waits for it, watches it or listens is told.
//!
//! A call notes every key that it touches, in order, with the event; but only while somebody is interested, so that with
//! nobody there it costs one load. The notes are worked through right after the call, while its shards are still locked.

use std::sync::atomic::{AtomicU64, Ordering};

use config::Config;
use keyspace::{Expired, ExpiredFields, Noting, View};

use crate::Engine;
use crate::call::{Call, Occasion};
use crate::clients::ClientId;
use crate::effects::Ended;
use crate::events::{self, Class, Event};
use crate::notifications;
use crate::tracking::Change;

/// A change of a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Touched {
    /// The logical database.
    pub database: usize,
    /// Its name.
    pub key: Box<[u8]>,
    /// What happened to it.
    pub event: Event,
}

/// How many parties want to know of changes: watching, waiting and tracking clients, and notifications while they are on.
/// Every call looks at it, so it is on cache lines where nothing else is written.
///
/// Clients that track are counted apart, in the upper half of the same number: they are told at once, without a note.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Interest {
    parties: AtomicU64,
}

/// Who was interested at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Interested(u64);

/// One client that tracks, or the table of what such clients have read.
const TRACKER: u64 = 1 << 32;

impl Interested {
    /// Whether changes are to be noted.
    #[inline]
    pub(crate) fn wants_notes(self) -> bool {
        !self.0.is_multiple_of(TRACKER)
    }

    /// Whether anybody tracks changes.
    #[inline]
    pub(crate) fn tracks(self) -> bool {
        TRACKER <= self.0
    }
}

impl Interest {
    /// Another party; changes that are made after this are noted.
    pub fn add(&self) {
        self.parties.fetch_add(1, Ordering::SeqCst);
    }

    /// One party less.
    pub fn remove(&self) {
        self.parties.fetch_sub(1, Ordering::SeqCst);
    }

    /// Another one that tracks.
    pub(crate) fn add_tracker(&self) {
        self.parties.fetch_add(TRACKER, Ordering::SeqCst);
    }

    /// One less that tracks.
    pub(crate) fn remove_tracker(&self) {
        self.parties.fetch_sub(TRACKER, Ordering::SeqCst);
    }

    /// Whether there is any.
    #[inline]
    pub fn any(&self) -> bool {
        self.parties.load(Ordering::Relaxed) != 0
    }

    /// Who there is.
    #[inline]
    pub(crate) fn look(&self) -> Interested {
        Interested(self.parties.load(Ordering::Relaxed))
    }
}

/// What a round notes of the keys that a call touches. The call has locked its shards: a party that comes from here on will
/// not have missed what the call does. Those who wait for a key in its shards mind what comes and goes.
#[inline]
pub(crate) fn noting(engine: &Engine, config: &Config, is_awaited: bool) -> Noting {
    if engine.interest.any() {
        noting_for(config, is_awaited)
    } else {
        Noting { expired: is_awaited, added: is_awaited, missed: false }
    }
}

#[inline(never)]
fn noting_for(config: &Config, is_awaited: bool) -> Noting {
    let classes = config.notifications.events;
    Noting {
        expired: true,
        added: is_awaited || classes.contains(b'n'),
        missed: classes.contains(b'm'),
    }
}

/// Completes the effects of a call, and tells whom they concern, while its shards are locked.
#[inline]
pub(crate) fn publish(call: &mut Call<'_>, database: usize) {
    if call.recording && (call.occasion == Occasion::Within || !call.effects.come_alone(database)) {
        finish_effects(call, database);
    }
    if call.effects.has_touched() {
        react(call);
    }
}

/// The same where something happened by the way.
#[cold]
pub(crate) fn publish_incidents(call: &mut Call<'_>, database: usize) {
    call.tally.expired += call.keys.expired.len() as u64;
    call.tally.note_expired_fields(&call.keys.expired_fields);
    call.effects.note_expired_fields(&call.keys.expired_fields);
    let is_inner = call.occasion == Occasion::Within;
    let found_expired = !call.keys.expired.is_empty() || !call.keys.expired_fields.is_empty();
    if call.recording && (is_inner || found_expired || !call.effects.come_alone(database)) {
        finish_effects(call, database);
    }
    react(call);
    if !call.keys.garbage.is_empty() {
        for garbage in call.keys.garbage.drain(..) {
            call.engine.host.reclaim(garbage);
        }
    }
}

/// Completes the effects of a call that is not only recorded as it came.
#[inline(never)]
fn finish_effects(call: &mut Call<'_>, database: usize) {
    let removal: &[u8] = if call.config.memory.lazy_expire { b"UNLINK" } else { b"DEL" };
    call.effects.finish(&Ended {
        expired: &call.keys.expired,
        expired_fields: &call.keys.expired_fields,
        removal,
        database,
        words: call.words,
    });
}

/// Tells everybody who is interested in what a call did, but those who wait: they are served when all is done and recorded that
/// was asked for. Its shards are locked.
fn react(call: &mut Call<'_>) {
    call.effects.note(&mut call.keys.noted);
    if !call.effects.has_touched() {
        return;
    }
    let teller = Teller {
        engine: call.engine,
        config: call.config,
        worker: call.worker,
        client: Some(call.session.id()),
        is_script: call.session.is_in_script,
    };
    let tracks_later = call.effects.tracks_later();
    let (touched, told) = call.effects.take_touched();
    for touched in touched.iter().skip(told) {
        teller.tell(&mut call.keys, touched);
        let is_incident =
            touched.event.class == Class::Expired || touched.event == events::FIELDS_EXPIRED;
        if tracks_later || is_incident {
            // Of other changes they were told at once.
            teller.tell_trackers(touched);
        }
    }
    call.effects.put_touched_back(touched);
}

/// Who tells of changes.
#[derive(Clone, Copy)]
pub(crate) struct Teller<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) config: &'a Config,
    /// The one that makes the changes.
    pub(crate) worker: usize,
    /// The client that is being served, if one is.
    pub(crate) client: Option<ClientId>,
    /// A script of its makes the changes.
    pub(crate) is_script: bool,
}

impl Teller<'_> {
    /// Tells of the keys that a view which roams found expired while it holds their shard, and forgets them.
    pub(crate) fn tell_expired(self, view: &mut View<'_>) {
        let expired = std::mem::take(&mut view.expired);
        view.noted.clear();
        for Expired { database, key } in expired {
            self.tell_removed(view, &Touched { database, key, event: events::EXPIRED });
        }
        let fields = std::mem::take(&mut view.expired_fields);
        for ExpiredFields { database, key, emptied, .. } in fields {
            let mut touched = Touched { database, key, event: events::FIELDS_EXPIRED };
            self.tell_removed(view, &touched);
            if emptied {
                touched.event = events::DELETE;
                self.tell_removed(view, &touched);
            }
        }
    }

    /// Tells of the removal of a key that no call has asked for. Its shard is locked.
    pub(crate) fn tell_removed(self, view: &mut View<'_>, removed: &Touched) {
        if self.engine.interest.any() {
            self.tell(view, removed);
            self.tell_trackers(removed);
        }
    }

    /// Tells those who have read a key that it has changed.
    fn tell_trackers(self, touched: &Touched) {
        if touched.event.is_change() {
            let Teller { engine, worker, client, .. } = self;
            let is_own = !self.is_script && touched.event.class != Class::Expired;
            let change = Change { engine, worker, client, is_own };
            engine.tracking.invalidate(change, &touched.key, engine.keyspace.hash(&touched.key));
        }
    }

    fn tell(self, view: &mut View<'_>, touched: &Touched) {
        if touched.event.is_change() {
            view.tell_watchers(touched.database, &touched.key);
        }
        notifications::publish(self.engine, self.config, self.worker, touched);
    }
}
