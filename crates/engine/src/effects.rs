//! The one stream of effects: what replicas and the append-only file will be told.
//!
//! A call that changes something has effects: commands that, run in order on a copy, change it in the same way. While its
//! shards are still locked they are appended to the stream, so the order of the stream is the order of execution. Several
//! effects of one call are wrapped in MULTI and EXEC, so that nobody sees half of them. With no listener nothing is
//! recorded, and the stream costs a load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use keyspace::{Expired, ExpiredFields, Incident, Noted};
use parking_lot::Mutex;
use resp::Words;
use thin_vec::ThinVec;

use crate::events::{self, Event};
use crate::reactions::Touched;

/// Effects of one call that are longer are handed on as they are, and not copied.
const LONG_BYTES: usize = 64 << 10;

/// What the effects of all calls go to.
#[derive(Debug, Default)]
pub struct EffectStream {
    listening: AtomicBool,
    /// How many bytes were ever appended.
    end: AtomicU64,
    inner: Mutex<Stream>,
}

#[derive(Debug, Default)]
struct Stream {
    /// The database that the last effect was for.
    database: Option<usize>,
    /// Effects as clients would send them, not taken yet; `bytes` come after them.
    full: Vec<Vec<u8>>,
    bytes: Vec<u8>,
}

impl Stream {
    fn select(&mut self, database: usize) {
        if self.database != Some(database) {
            self.database = Some(database);
            let number = database.to_string();
            resp::value::encode_request(&[b"SELECT", number.as_bytes()], &mut self.bytes);
        }
    }

    fn len(&self) -> usize {
        self.full.iter().map(Vec::len).sum::<usize>() + self.bytes.len()
    }

    fn append(&mut self, request: Vec<u8>) {
        if request.len() < LONG_BYTES {
            self.bytes.extend_from_slice(&request);
        } else {
            self.full.push(std::mem::take(&mut self.bytes));
            self.full.push(request);
        }
    }
}

impl EffectStream {
    /// Records effects from here on. The caller has closed the gates, so that none is half recorded.
    pub fn listen(&self) {
        self.restart();
        self.listening.store(true, Ordering::Release);
    }

    /// Records nothing more, and forgets what was not taken. The caller has closed the gates.
    pub fn close(&self) {
        self.listening.store(false, Ordering::Release);
        let mut stream = self.inner.lock();
        stream.full.clear();
        stream.bytes.clear();
    }

    /// Records nothing for a while, or again. The caller has closed the gates.
    pub fn pause(&self, paused: bool) {
        self.listening.store(!paused, Ordering::Release);
    }

    /// Makes what follows stand for itself: the next effect names its database. The caller has closed the gates.
    pub fn restart(&self) {
        self.inner.lock().database = None;
    }

    /// Whether effects are recorded.
    #[inline]
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// How many bytes were ever recorded.
    #[inline]
    pub fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Takes what was recorded since the last time: requests as clients send them.
    pub fn take(&self) -> Vec<u8> {
        let mut pieces = Vec::new();
        self.take_pieces(&mut pieces, Vec::new());
        pieces.concat()
    }

    /// Appends to `pieces` what was recorded since the last time, and gives how many bytes were recorded ever. `spare` is
    /// room for what comes next.
    pub fn take_pieces(&self, pieces: &mut Vec<Vec<u8>>, spare: Vec<u8>) -> u64 {
        debug_assert!(spare.is_empty(), "it is room, and nothing more");
        let mut stream = self.inner.lock();
        pieces.append(&mut stream.full);
        let bytes = std::mem::replace(&mut stream.bytes, spare);
        let end = self.end.load(Ordering::Relaxed);
        drop(stream);
        if !bytes.is_empty() {
            pieces.push(bytes);
        }
        end
    }

    /// How many bytes wait to be taken.
    pub fn pending(&self) -> usize {
        self.inner.lock().len()
    }

    /// Appends with the stream locked, and notes where it ends then.
    fn locked(&self, append: impl FnOnce(&mut Stream)) -> u64 {
        let mut stream = self.inner.lock();
        let before = stream.bytes.len();
        let full = stream.full.len();
        append(&mut stream);
        let appended = if stream.full.len() == full {
            stream.bytes.len() - before
        } else {
            let moved: usize = stream.full.iter().skip(full).map(Vec::len).sum();
            moved - before + stream.bytes.len()
        };
        let end = self.end.load(Ordering::Relaxed) + appended as u64;
        self.end.store(end, Ordering::Release);
        end
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
    pub(crate) fn append_call(&self, effects: &mut Effects, words: Words<'_>) -> Option<u64> {
        let Some(database) = effects.as_it_came.take() else { return self.append(effects) };
        debug_assert!(effects.recorded.is_empty(), "it has no other effect");
        if LONG_BYTES <= words.bytes() {
            effects.recorded.push(Effect::new(database, words.iter()));
            return self.append(effects);
        }
        Some(self.locked(|stream| {
            stream.select(database);
            resp::value::encode_words(words, &mut stream.bytes);
        }))
    }

    /// Appends effects that belong together. Gives where the stream ends then.
    fn append(&self, effects: &mut Effects) -> Option<u64> {
        if effects.recorded.is_empty() {
            return None;
        }
        Some(self.locked(|stream| {
            let several = 1 < effects.recorded.len();
            if several {
                stream.bytes.extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
            }
            for effect in effects.recorded.drain(..) {
                stream.select(effect.database);
                stream.append(effect.request);
            }
            if several {
                stream.bytes.extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
            }
        }))
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
}

impl Effect {
    fn new<'a>(database: usize, words: impl Iterator<Item = &'a [u8]>) -> Effect {
        let words: Vec<&[u8]> = words.collect();
        let mut request = Vec::with_capacity(words.iter().map(|word| word.len() + 16).sum());
        resp::value::encode_request(&words, &mut request);
        Effect { database, request }
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
    pub(crate) fn note_expired_fields(&mut self, expired: &[ExpiredFields]) {
        if !self.attentive && !self.is_tracked() {
            return;
        }
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

    /// Has the call not recorded as it came.
    pub(crate) fn replicate_nothing_else(&mut self) {
        self.explicit = true;
    }

    /// Ends the call: records it as it came if it changed something and said nothing else, and before that the removal of the
    /// keys and fields that it found expired.
    pub(crate) fn finish(&mut self, ended: &Ended<'_>) {
        let Ended { expired, expired_fields, removal, database, words, is_inner } = *ended;
        let as_it_came = 0 < self.changes && !self.explicit;
        if as_it_came
            && !is_inner
            && self.recorded.is_empty()
            && expired.is_empty()
            && expired_fields.is_empty()
        {
            // It need not be copied before it is appended.
            self.as_it_came = Some(database);
            return;
        }
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
    /// It was run in the middle of another one.
    pub(crate) is_inner: bool,
}
