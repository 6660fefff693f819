//! A client that tracks, as its own calls see it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Release;

use command::{Command, Flags, Group};
use resp::Output;

use super::{Change, Tracking, TrackingFlags};
use crate::Engine;
use crate::call::Call;
use crate::clients::ClientId;
use crate::command_table::Callable;
use crate::events::Event;
use crate::session::Session;

/// What CLIENT TRACKING asks for.
#[derive(Debug, Default)]
pub(crate) struct Options<'a> {
    /// Who is told in the client's place.
    pub(crate) redirection: Option<ClientId>,
    /// How the client is told of what.
    pub(crate) modes: TrackingFlags,
    pub(crate) prefixes: Vec<&'a [u8]>,
}

impl Session {
    /// How it tracks.
    #[inline]
    pub(crate) fn tracking(&self) -> TrackingFlags {
        self.tracking
    }

    /// Whether it tracks in any way.
    #[inline]
    pub(crate) fn tracks(&self) -> bool {
        self.tracking != TrackingFlags::NONE
    }

    /// The prefixes that are broadcast to it.
    pub(crate) fn prefixes(&self) -> &BTreeSet<Arc<[u8]>> {
        &self.prefixes
    }

    /// Begins to track, or to track in another way.
    pub(crate) fn track(&mut self, engine: &Engine, options: &Options<'_>) {
        let tracking = &engine.tracking;
        if !self.tracks() {
            tracking.enter(&engine.interest);
        }
        let caching = TrackingFlags::CACHING;
        let kept = if self.tracking.has(caching) { caching } else { TrackingFlags::NONE };
        self.set_tracking(TrackingFlags::ON.and(options.modes).and(kept), options.redirection);
        self.has_tracked = true;
        if options.modes.has(TrackingFlags::BROADCASTS) {
            let every: &[&[u8]] = &[b""];
            let given = if options.prefixes.is_empty() { every } else { &options.prefixes };
            let mut prefixes = tracking.prefixes.write();
            for prefix in given {
                let kept = prefixes.insert(prefix, &self.record);
                self.prefix_bytes += kept.len();
                self.prefixes.insert(kept);
            }
            tracking.prefix_count.store(prefixes.len(), Release);
        }
    }

    /// Tracks no more.
    pub(crate) fn track_nothing(&mut self, engine: &Engine) {
        if !self.tracks() {
            return;
        }
        let tracking = &engine.tracking;
        if !self.prefixes.is_empty() {
            let mut prefixes = tracking.prefixes.write();
            for prefix in std::mem::take(&mut self.prefixes) {
                prefixes.remove(&prefix, self.record.id);
            }
            tracking.prefix_count.store(prefixes.len(), Release);
            self.prefix_bytes = 0;
        }
        self.set_tracking(TrackingFlags::NONE, None);
        tracking.leave(&engine.interest);
    }

    /// It is gone.
    pub(crate) fn forget_tracking(&mut self, engine: &Engine) {
        self.track_nothing(engine);
        if self.has_tracked {
            engine.tracking.note_gone(&engine.interest);
        }
    }

    /// CLIENT CACHING: the next call is an exception.
    pub(crate) fn begin_caching(&mut self) {
        self.tracking = self.tracking.and(TrackingFlags::CACHING);
    }

    /// A call was executed: CLIENT CACHING was about it, unless that was this call, or it is in a transaction that goes on.
    #[cold]
    pub(crate) fn end_caching(&mut self, callable: Option<&Callable>) {
        let is_client =
            callable.is_some_and(|callable| callable.name().split('|').next() == Some("client"));
        if !is_client && !self.is_in_transaction() {
            self.tracking = self.tracking.without(TrackingFlags::CACHING);
        }
    }

    /// Bytes of memory of its prefixes.
    pub(crate) fn prefix_memory(&self) -> usize {
        /// In two trees or tables, with what these leave free.
        const EACH: usize = 128;
        self.prefixes.len() * EACH + self.prefix_bytes
    }

    fn set_tracking(&mut self, flags: TrackingFlags, redirection: Option<ClientId>) {
        self.tracking = flags;
        self.record.tracking.set(flags, redirection);
    }
}

impl Call<'_> {
    /// Remembers which keys the call has read, for the client that tracks. Their shards are held.
    #[cold]
    pub(crate) fn remember_keys(&self) {
        let callable = self.callable;
        let is_reading = callable.flags.has(Flags::READ_ONLY)
            && callable.command.group != Group::Scripting
            && self.session.tracking.remembers();
        if !is_reading {
            return;
        }
        let Engine { tracking, interest, .. } = self.engine;
        Command::for_each_key(callable.command, callable.layout, self.words, |key| {
            tracking.remember(interest, key, &self.session.record);
        });
        let limit = self.config.notifications.tracking_table_keys;
        tracking.limit(self.engine, self.worker, limit);
    }

    /// Tells those who have read a key that it has changed, if anybody tracks. Its shard is held.
    #[inline]
    pub(crate) fn tell_trackers(&self, key: &[u8], event: Event) {
        if self.effects.is_tracked() && event.is_change() {
            self.invalidate(key);
        }
    }

    fn invalidate(&self, key: &[u8]) {
        let change = Change {
            engine: self.engine,
            worker: self.worker,
            client: Some(self.session.id()),
            is_own: !self.session.is_in_script,
        };
        self.engine.tracking.invalidate(change, key, self.keys.locate(key));
    }

    /// Tells all who track that every key may have changed. If `before_reply`, the client that calls is told at once.
    pub(crate) fn invalidate_all(&mut self, before_reply: bool) {
        let client = self.session.id();
        let change =
            Change { engine: self.engine, worker: self.worker, client: Some(client), is_own: true };
        let is_direct = before_reply
            && self.session.tracks()
            && self.session.record.tracking.redirection().is_none()
            && self.session.wants_replies();
        if is_direct {
            let null = super::encode_null(self.session.protocol);
            if self.session.protocol == resp::Protocol::Resp3 {
                let output: &mut Output = self.reply.output();
                output.push(b">2\r\n$10\r\ninvalidate\r\n");
                output.push(&null);
            }
        }
        let tracking: &Tracking = &self.engine.tracking;
        tracking.invalidate_all(change, is_direct.then_some(client));
    }
}
