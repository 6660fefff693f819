//! The one stream of effects: what replicas and the append-only file will be told.
//!
//! A call that changes something has effects: commands that, run in order on a copy, change it in the same way. While its
//! shards are still locked they are appended to the stream, so the order of the stream is the order of execution. Several
//! effects of one call are wrapped in MULTI and EXEC, so that nobody sees half of them. With no listener nothing is
//! recorded, and the stream costs a load.
//!
//! The file and the replicas each have a *copy* of it, appended to under one lock: each is drained when its reader likes, begins anew
//! (with a SELECT) when its reader does, and has what only its reader is told (PUBLISH, pings: replicas). Its bytes are
//! counted, and the count of the replicas' copy is the replication offset ([`EffectStream::replication_end`]). While this server is a replica
//! itself, its replicas are told what its primary told it, byte for byte ([`Feed::Relay`]), and not what came of that here.

mod gathered;
mod stream;

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use keyspace::{Expired, ExpiredFields, Incident, Noted};
use parking_lot::Mutex;
use resp::Words;
use thin_vec::ThinVec;

use crate::events::{self, Event};
use crate::reactions::Touched;

pub(crate) use gathered::{Gathered, waits_for};
use stream::Stream;
pub use stream::Take;

/// Effects of one call that are longer are handed on as they are, and not copied.
const LONG_BYTES: usize = 64 << 10;

/// The file listens.
const FILE: u8 = 1;
/// Replicas are told effects.
const REPLICAS: u8 = 2;
/// Nobody is told anything for a while.
const PAUSED: u8 = 4;

/// What the effects of all calls go to.
#[derive(Debug, Default)]
pub struct EffectStream {
    /// Who listens.
    listeners: AtomicU8,
    /// How many bytes were ever appended for the file.
    end: AtomicU64,
    /// How many bytes of the replication stream there were.
    replication_end: AtomicU64,
    inner: Mutex<Copies>,
}

#[derive(Debug)]
struct Copies {
    file: Stream,
    replicas: Stream,
    feed: Feed,
    /// How many times the replication stream began at an offset that does not follow from the bytes before.
    epoch: u64,
}

impl Default for Copies {
    fn default() -> Copies {
        let replicas = Stream::in_pieces();
        Copies { file: Stream::default(), replicas, feed: Feed::Off, epoch: 0 }
    }
}

/// What the replication stream is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Feed {
    /// There is none: nobody has asked for it.
    #[default]
    Off,
    /// The effects of calls: this server is a primary.
    Effects,
    /// What the primary of this server sends, byte for byte ([`EffectStream::relay`]).
    Relay,
}

/// Where the stream ended after something was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Recorded {
    /// That of the file, if it was told something.
    pub(crate) file: Option<u64>,
    /// That of the replicas, if they were.
    pub(crate) replicas: Option<u64>,
}

/// What was taken of the stream for the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TakenForFile {
    /// How many bytes were recorded ever.
    pub end: u64,
    /// So many bytes at the beginning of the first piece were in the room that was given.
    pub lead: usize,
}

/// What was taken of the replication stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// It changes when the bytes do not follow from those before.
    pub epoch: u64,
    /// The replication offset after them.
    pub end: u64,
    /// How many bytes that follow were left for the next time.
    pub left: u64,
    /// Where the stream for the file ended then: what must be on disk before a replica may know of these bytes, if that is asked for.
    pub file_end: u64,
    /// What the stream is made of.
    pub feed: Feed,
}

/// Adds what was appended to a count, which changes only while the stream is locked.
fn advance(count: &AtomicU64, appended: u64) -> Option<u64> {
    let end = count.load(Ordering::Relaxed) + appended;
    count.store(end, Ordering::Release);
    (0 < appended).then_some(end)
}

impl EffectStream {
    /// Records effects for the file from here on. The caller has closed the gates, so that none is half recorded.
    pub fn listen(&self) {
        self.restart();
        self.listeners.fetch_or(FILE, Ordering::Release);
    }

    /// Records nothing more for the file, and forgets what was not taken. The caller has closed the gates.
    pub fn close(&self) {
        self.listeners.fetch_and(!FILE, Ordering::Release);
        self.inner.lock().file.forget();
    }

    /// Records nothing for a while, or again. The caller has closed the gates.
    pub fn pause(&self, paused: bool) {
        if paused {
            self.listeners.fetch_or(PAUSED, Ordering::Release);
        } else {
            self.listeners.fetch_and(!PAUSED, Ordering::Release);
        }
    }

    /// Makes what follows in the file stand for itself: the next effect names its database. The caller has closed the gates.
    pub fn restart(&self) {
        self.inner.lock().file.database = None;
    }

    /// Begins the replication stream anew at this offset, without what was not taken: whoever was fed from it before has
    /// something else. The caller has closed the gates.
    pub fn begin_replication(&self, offset: u64, feed: Feed) {
        let mut copies = self.inner.lock();
        copies.replicas = Stream::in_pieces();
        copies.epoch += 1;
        self.replication_end.store(offset, Ordering::Release);
        self.set_feed(&mut copies, feed);
    }

    /// Goes on with the replication stream from something else: this server becomes a primary, or a replica. The caller has
    /// closed the gates.
    pub fn change_feed(&self, feed: Feed) {
        let mut copies = self.inner.lock();
        copies.replicas.database = None;
        self.set_feed(&mut copies, feed);
    }

    fn set_feed(&self, copies: &mut Copies, feed: Feed) {
        copies.feed = feed;
        match feed {
            Feed::Effects => self.listeners.fetch_or(REPLICAS, Ordering::Release),
            Feed::Off | Feed::Relay => self.listeners.fetch_and(!REPLICAS, Ordering::Release),
        };
    }

    /// Makes what follows for replicas stand for itself. The caller has closed the gates.
    pub fn restart_replication(&self) {
        self.inner.lock().replicas.database = None;
    }

    /// The database that the last effect in the replication stream was for.
    pub fn replication_database(&self) -> Option<usize> {
        self.inner.lock().replicas.database
    }

    /// What the replication stream is made of.
    pub fn feed(&self) -> Feed {
        self.inner.lock().feed
    }

    /// Appends to the replication stream of a primary what is no effect: pings, and questions to replicas.
    pub fn insert(&self, request: &[u8]) {
        let mut copies = self.inner.lock();
        if copies.feed == Feed::Effects {
            copies.replicas.extend(request);
            advance(&self.replication_end, request.len() as u64);
        }
    }

    /// Appends to the replication stream of a replica what its primary has sent, after that was applied.
    pub fn relay(&self, bytes: &[u8]) {
        let mut copies = self.inner.lock();
        debug_assert_eq!(copies.feed, Feed::Relay, "there is a primary");
        copies.replicas.append_apart(bytes);
        advance(&self.replication_end, bytes.len() as u64);
    }

    /// Whether effects are recorded.
    #[inline]
    pub fn is_listening(&self) -> bool {
        // Paused, or nobody.
        matches!(self.listeners.load(Ordering::Relaxed), 1..PAUSED)
    }

    /// Whether effects are recorded for the file.
    #[inline]
    pub fn has_file(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) & FILE != 0
    }

    /// Whether replicas are told effects.
    #[inline]
    pub fn has_replicas(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) & REPLICAS != 0
    }

    /// How many bytes were ever recorded for the file.
    #[inline]
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// The replication offset.
    #[inline]
    pub fn replication_end(&self) -> u64 {
        self.replication_end.load(Ordering::Acquire)
    }

    /// Takes what was recorded for the file since the last time: requests as clients send them.
    pub fn take(&self) -> Vec<u8> {
        let mut pieces = Vec::new();
        let taken = self.take_pieces(&mut pieces, &mut Vec::new(), |_| 0);
        let mut bytes = pieces.concat();
        bytes.drain(..taken.lead);
        bytes
    }

    /// Appends to `pieces` what was recorded for the file since the last time.
    ///
    /// `spare` is room for what comes next, if there was something: then it is taken. Of the bytes in it as many stay as `lead` says, which
    /// is told how many bytes are taken now: they stand before what comes next, when that is taken.
    pub fn take_pieces(
        &self,
        pieces: &mut Vec<Vec<u8>>,
        spare: &mut Vec<u8>,
        lead: impl FnOnce(usize) -> usize,
    ) -> TakenForFile {
        let mut copies = self.inner.lock();
        let lead = copies.file.take_after_lead(pieces, spare, lead);
        TakenForFile { end: self.end.load(Ordering::Relaxed), lead }
    }

    /// Takes what was recorded for replicas since the last time, or a part of it; `rooms` are for what comes next, each as long as a
    /// [block](replication::backlog::BLOCK_BYTES), and as many of them are taken as are of use.
    pub fn take_replication(
        &self,
        pieces: &mut Vec<Vec<u8>>,
        rooms: &mut Vec<Vec<u8>>,
        take: Take,
    ) -> Taken {
        let mut copies = self.inner.lock();
        let left = copies.replicas.take_pieces(pieces, rooms, take);
        Taken {
            epoch: copies.epoch,
            end: self.replication_end.load(Ordering::Relaxed) - left,
            left,
            file_end: self.end.load(Ordering::Relaxed),
            feed: copies.feed,
        }
    }

    /// How many bytes wait to be taken for the file.
    pub fn pending(&self) -> usize {
        self.inner.lock().file.len()
    }

    /// Appends the removal of keys, each by database and name, that no call has asked for. Their shards are held.
    pub(crate) fn append_removals<'k>(
        &self,
        lazy: bool,
        removed: impl Iterator<Item = (usize, &'k [u8])>,
    ) {
        if !self.is_listening() {
            return;
        }
        let removal: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
        for (database, key) in removed {
            let mut effects = Effects::default();
            effects.replicate_as(database, &[removal, key]);
            self.append(&mut effects);
        }
    }

    /// Appends the removal of fields of hashes, that no call has asked for. The shards of the hashes are held.
    pub(crate) fn append_expired_fields(&self, expired: &[ExpiredFields]) {
        if !self.is_listening() {
            return;
        }
        for expired in expired {
            let mut effects = Effects::default();
            effects.recorded.push(Effect::of_expired_fields(expired));
            self.append(&mut effects);
        }
    }

    /// Appends the effects of a call; `words` are those that it came with. Gives where the stream ends then.
    pub(crate) fn append_call(&self, effects: &mut Effects, words: Words<'_>) -> Recorded {
        let Some(database) = effects.as_it_came.take() else { return self.append(effects) };
        debug_assert!(effects.recorded.is_empty(), "it has no other effect");
        if let Some(request) = words.as_sent().filter(|request| request.len() < LONG_BYTES) {
            return self.record(|stream, _, _| {
                stream.select(database);
                stream.extend(request);
                stream.fetch_room();
            });
        }
        let length = words.bytes();
        if LONG_BYTES <= length {
            effects.recorded.push(Effect::new(database, words.iter()));
            return self.append(effects);
        }
        let length = length + 16 * (words.len() + 1);
        self.record(|stream, _, _| {
            stream.select(database);
            resp::value::encode_words(words, stream.room_for(length));
        })
    }

    /// Appends the calls that were put aside. Gives where the stream ends then.
    pub(crate) fn append_gathered(&self, gathered: &mut Gathered) -> Recorded {
        let (database, bytes) = gathered.content();
        let recorded = self.record(|stream, _, _| {
            stream.select(database);
            stream.extend(bytes);
            stream.fetch_room_for(bytes.len());
        });
        gathered.clear();
        recorded
    }

    /// Appends effects that belong together. Gives where the stream ends then.
    fn append(&self, effects: &mut Effects) -> Recorded {
        if effects.recorded.is_empty() {
            return Recorded::default();
        }
        let recorded = self.record(|stream, for_replicas, is_last| {
            stream.append_group(&mut effects.recorded, for_replicas, is_last);
        });
        effects.recorded.clear();
        recorded
    }

    /// Appends to the copies of all who listen: `append` is told whether it is that of the replicas, and whether it is the last.
    #[inline]
    fn record(&self, mut append: impl FnMut(&mut Stream, bool, bool)) -> Recorded {
        let mut copies = self.inner.lock();
        let listeners = self.listeners.load(Ordering::Relaxed);
        let mut recorded = Recorded::default();
        if listeners & REPLICAS != 0 {
            let is_last = listeners & FILE == 0;
            let bytes = copies.replicas.measure(|stream| append(stream, true, is_last));
            recorded.replicas = advance(&self.replication_end, bytes);
        }
        if listeners & FILE != 0 {
            let bytes = copies.file.measure(|stream| append(stream, false, true));
            recorded.file = advance(&self.end, bytes);
        }
        recorded
    }
}

/// Clients that track changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Trackers {
    #[default]
    None,
    /// They are told of each change at once.
    Told,
    /// They are told when the call is done.
    ToldLater,
}

/// The effects of one call.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    recorded: ThinVec<Effect>,
    /// How many values were changed; what INFO calls changes since the last save.
    pub changes: u64,
    explicit: bool,
    /// The only effect is the call itself, in this database.
    as_it_came: Option<usize>,
    /// Whether anybody wants to know which keys are touched.
    attentive: bool,
    /// Whether clients track changes.
    trackers: Trackers,
    /// The changes, in order, if somebody wants to know.
    pub touched: ThinVec<Touched>,
    /// Of how many of them it was told.
    told: usize,
    /// Databases of which all keys may have been touched.
    pub overturned: ThinVec<usize>,
}

#[derive(Debug)]
struct Effect {
    database: usize,
    request: Vec<u8>,
    /// The file is not told.
    only_replicas: bool,
}

impl Effect {
    fn new<'a>(database: usize, words: impl Iterator<Item = &'a [u8]>) -> Effect {
        let words: Vec<&[u8]> = words.collect();
        let mut request = Vec::with_capacity(words.iter().map(|word| word.len() + 16).sum());
        resp::value::encode_request(&words, &mut request);
        Effect { database, request, only_replicas: false }
    }

    fn of_expired_fields(expired: &ExpiredFields) -> Effect {
        let names = expired.names.iter().map(|name| &**name);
        let words = [&b"HDEL"[..], &*expired.key].into_iter().chain(names);
        Effect::new(expired.database, words)
    }
}

impl Effects {
    /// Those of a call that begins.
    pub(crate) fn new(attentive: bool, is_tracked: bool) -> Effects {
        let trackers = if is_tracked { Trackers::Told } else { Trackers::None };
        Effects { attentive, trackers, ..Effects::default() }
    }

    /// Notes that the value at a key was changed.
    #[inline]
    pub(crate) fn modified(&mut self, database: usize, key: &[u8], event: Event) {
        self.changes += 1;
        self.also_modified(database, key, event);
    }

    /// Notes that the value at a key was changed by a change that was noted already.
    #[inline]
    pub(crate) fn also_modified(&mut self, database: usize, key: &[u8], event: Event) {
        if self.attentive {
            self.touched.push(Touched { database, key: key.into(), event });
        }
    }

    /// Has those who track told when the call is done: it notes its changes here, and not by way of [`Call`](crate::Call).
    #[inline]
    pub(crate) fn track_later(&mut self) {
        if self.is_tracked() {
            self.trackers = Trackers::ToldLater;
            self.attentive = true;
        }
    }

    /// Whether those who track were not told of changes yet.
    pub(crate) fn tracks_later(&self) -> bool {
        self.trackers == Trackers::ToldLater
    }

    /// Whether clients track changes.
    #[inline]
    pub(crate) fn is_tracked(&self) -> bool {
        self.trackers != Trackers::None
    }

    /// Takes note of what has happened to keys by the way so far.
    #[inline]
    pub(crate) fn note(&mut self, noted: &mut ThinVec<Noted>) {
        if !noted.is_empty() {
            self.note_all(noted);
        }
    }

    #[cold]
    fn note_all(&mut self, noted: &mut ThinVec<Noted>) {
        let touched = noted.drain(..).map(|Noted { database, key, incident }| {
            let event = match incident {
                Incident::Expired => events::EXPIRED,
                Incident::Added => events::NEW,
                Incident::Missed => events::KEY_MISS,
            };
            Touched { database, key, event }
        });
        self.touched.extend(touched);
    }

    /// Notes that fields of hashes were removed because they had expired, before anything else was done.
    #[inline]
    pub(crate) fn note_expired_fields(&mut self, expired: &[ExpiredFields]) {
        if !expired.is_empty() && (self.attentive || self.is_tracked()) {
            self.note_all_expired_fields(expired);
        }
    }

    #[cold]
    fn note_all_expired_fields(&mut self, expired: &[ExpiredFields]) {
        let mut touched = ThinVec::with_capacity(expired.len() + self.touched.len());
        for ExpiredFields { database, key, emptied, .. } in expired {
            let mut note = |event| {
                touched.push(Touched { database: *database, key: key.clone(), event });
            };
            note(events::FIELDS_EXPIRED);
            if *emptied {
                note(events::DELETE);
            }
        }
        touched.append(&mut self.touched);
        self.touched = touched;
    }

    /// How many commands are recorded.
    pub(crate) fn recorded(&self) -> usize {
        self.recorded.len()
    }

    /// Forgets what was recorded since there were so many commands.
    pub(crate) fn forget(&mut self, since: usize) {
        self.recorded.truncate(since);
    }

    /// Whether there is nothing to tell anybody.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.changes == 0 && self.recorded.is_empty() && self.touched.is_empty()
    }

    /// Whether there is something to append to the stream.
    #[inline]
    pub(crate) fn has_recorded(&self) -> bool {
        self.as_it_came.is_some() || !self.recorded.is_empty()
    }

    /// Takes over the effects of a call that was run in the middle of this one. This one has none but these then, unless it says so.
    pub(crate) fn absorb(&mut self, inner: &mut Effects) {
        self.explicit = true;
        self.changes += inner.changes;
        self.recorded.append(&mut inner.recorded);
        self.touched.append(&mut inner.touched);
        self.overturned.append(&mut inner.overturned);
        // The inner call has told of them.
        self.told = self.touched.len();
    }

    /// The keys that were touched, and of how many of them it was told; to be put back.
    pub(crate) fn take_touched(&mut self) -> (ThinVec<Touched>, usize) {
        (std::mem::take(&mut self.touched), self.told)
    }

    /// Puts back the keys that were touched: it was told of all of them.
    pub(crate) fn put_touched_back(&mut self, touched: ThinVec<Touched>) {
        self.told = touched.len();
        self.touched = touched;
    }

    /// Whether a key may have become ready for somebody.
    #[inline]
    pub(crate) fn has_touched(&self) -> bool {
        !self.touched.is_empty() || !self.overturned.is_empty()
    }

    /// Records a command instead of the call as it came.
    pub(crate) fn replicate_as(&mut self, database: usize, words: &[&[u8]]) {
        self.explicit = true;
        self.recorded.push(Effect::new(database, words.iter().copied()));
    }

    /// Records a command for replicas alone.
    pub(crate) fn replicate_beside(&mut self, database: usize, words: &[&[u8]]) {
        self.explicit = true;
        let effect = Effect::new(database, words.iter().copied());
        self.recorded.push(Effect { only_replicas: true, ..effect });
    }

    /// Has the call not recorded as it came.
    pub(crate) fn replicate_nothing_else(&mut self) {
        self.explicit = true;
    }

    /// Ends a call that is not an inner one and found nothing expired, if its only effect is the call as it came: it need not be copied
    /// before it is appended.
    #[inline]
    pub(crate) fn come_alone(&mut self, database: usize) -> bool {
        let alone = 0 < self.changes && !self.explicit && self.recorded.is_empty();
        if alone {
            self.as_it_came = Some(database);
        }
        alone
    }

    /// Ends any other call: records it as it came if it changed something and said nothing else, and before that the removal of the
    /// keys and fields that it found expired.
    pub(crate) fn finish(&mut self, ended: &Ended<'_>) {
        let Ended { expired, expired_fields, removal, database, words } = *ended;
        let as_it_came = 0 < self.changes && !self.explicit;
        let removals = expired
            .iter()
            .map(|expired| Effect::new(expired.database, [removal, &*expired.key].into_iter()));
        let fields = expired_fields.iter().map(Effect::of_expired_fields);
        self.recorded.splice(0..0, removals.chain(fields));
        if as_it_came {
            self.recorded.push(Effect::new(database, words.iter()));
        }
    }
}

/// A call that has ended.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    /// Keys that it found expired.
    pub(crate) expired: &'a [Expired],
    /// Fields that it found expired.
    pub(crate) expired_fields: &'a [ExpiredFields],
    /// The command that removes an expired key.
    pub(crate) removal: &'a [u8],
    /// Where it began.
    pub(crate) database: usize,
    /// What it came with.
    pub(crate) words: Words<'a>,
}
