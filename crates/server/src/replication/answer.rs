//! What a replica gets that asks for the data: what it has missed, or all.

use std::sync::Arc;

use ::replication::handshake::continuation;
use ::replication::{Backlog, SyncRequest};
use engine::Feed;
use engine::replication::AttachedReplica;

use super::Newcomer;
use super::link::{Link, Sealing, Stage};
use super::thread::Feeding;
use crate::log;

impl Feeding {
    /// Answers a client that has asked for the data.
    pub(super) fn admit(&mut self, newcomer: Newcomer) {
        let Newcomer { socket, channel, record, announced, request, input } = newcomer;
        let attached = Arc::new(AttachedReplica::new(record, announced, self.unix_ms()));
        let is_old = request == SyncRequest::Old;
        let now_ms = self.now_ms();
        let mut link = Link::new(socket, attached, is_old, input, now_ms);
        link.sealing = channel.map(|channel| Box::new(Sealing::new(channel)));
        self.drain();
        let link = match self.resume(link, &request) {
            Ok(()) => return,
            Err(link) => *link,
        };
        let counts = self.engine.replication.counts();
        if !request.is_for_all() {
            counts.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        counts.full.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let is_first = self.links.is_empty() && self.engine.effects.feed() == Feed::Off;
        if is_first {
            self.begin_history();
        }
        if self.engine.config().replication.disable_no_delay {
            // It matters little if that fails.
            let _best_effort = socket2::SockRef::from(&link.socket).set_tcp_nodelay(false);
        }
        let id = link.attached.client.id;
        self.enter(link);
        self.place_for_full_sync(id);
    }

    /// Sends what a replica has missed, if that is there; else gives it back.
    fn resume(&mut self, mut link: Link, request: &SyncRequest) -> Result<(), Box<Link>> {
        let SyncRequest::Resume { id: asked, next } = request else { return Err(Box::new(link)) };
        let name = link.attached.name();
        if request.is_for_all() {
            log::notice(format_args!("Full resync requested by replica {name}"));
            return Err(Box::new(link));
        }
        let identity = self.engine.identity();
        let position = request.position();
        let Some((_, offset)) = position.filter(|&(id, offset)| identity.admits(id, offset)) else {
            match identity.second().filter(|(id, _)| id.as_bytes() == &**asked) {
                Some((_, until)) => log::notice(format_args!(
                    "Partial resynchronization not accepted: Requested offset for second ID was {next}, but I can reply up to {}",
                    until.saturating_add(1)
                )),
                None => log::notice(format_args!(
                    "Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '{}', my replication IDs are '{}' and '{}')",
                    asked.escape_ascii(),
                    identity.id(),
                    identity.second().map_or(::replication::ReplicationId::NONE, |(id, _)| id)
                )),
            }
            return Err(Box::new(link));
        };
        let end = self.end();
        if !self.backlog.as_ref().is_some_and(|backlog| backlog.covers(offset)) {
            log::notice(format_args!(
                "Unable to partial resync with replica {name} for lack of backlog (Replica request was: {next})."
            ));
            if end < offset {
                log::warning(format_args!(
                    "Warning: replica {name} tried to PSYNC with an offset that is greater than the master replication offset."
                ));
            }
            return Err(Box::new(link));
        }
        link.say(&continuation(identity.id(), link.attached.announced.capabilities));
        link.cursor = Some(offset);
        link.attached.acknowledge(offset, None, self.unix_ms());
        link.enter(Stage::Online, self.now_ms());
        log::notice(format_args!(
            "Partial resynchronization request from {name} accepted. Sending {} bytes of backlog starting from offset {next}.",
            end.saturating_sub(offset)
        ));
        self.engine.replication.counts().partial.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.enter(link);
        self.weigh_and_answer();
        Ok(())
    }

    /// Begins to keep the stream: the first replica has come.
    fn begin_history(&mut self) {
        let closed = self.engine.keyspace.gates().close();
        self.engine.begin_history();
        // Before anything is recorded in it.
        self.drain();
        drop(closed);
        let identity = self.engine.identity();
        log::notice(format_args!(
            "Replication backlog created, my new replication IDs are '{}' and '{}'",
            identity.id(),
            ::replication::ReplicationId::NONE
        ));
        debug_assert!(self.backlog.as_ref().is_some_and(Backlog::is_empty), "it begins");
    }
}
