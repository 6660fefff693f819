//! Replication as the engine knows it: whose history the data is, who copies this server, and whom it copies.
//!
//! The process does the work: it hands the stream of effects to replicas, and applies what a primary sends. Here is what both
//! and all commands share.
//!
//! **As a primary** the effects of calls go into the replication stream ([`crate::EffectStream`], [`Feed::Effects`]) from the moment
//! the first replica comes; the process keeps them in a backlog and sends them on. The replication offset is the end of that
//! stream ([`Engine::replication_offset`]).
//!
//! **As a replica** ([`Feed::Relay`]) the stream is what the primary sends, byte for byte, appended *after* it was applied with
//! [`EffectStream::relay`](crate::EffectStream::relay): so replicas of replicas get the same bytes at the same offsets, and the offset is what was
//! applied. The link of a replica uses, with all gates closed:
//! - [`Engine::become_replica`] when REPLICAOF is called (or the configuration says so): the stream is relayed from there on;
//! - [`Engine::adopt_history`] when a full sync has been loaded: the id and the offset are the primary's, those who copy this server
//!   begin anew;
//! - [`Engine::follow_history`] when the primary goes on under another id (`+CONTINUE id`);
//! - [`Engine::become_primary`] for REPLICAOF NO ONE: a history of its own, with the old one as the second.
//!
//! and [`Replication::change_link`] to tell INFO and ROLE how the link is.

mod applier;
mod attached;
mod failover;
mod order;
mod role;
mod show;
mod wait;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use replication::{Identity, ReplicationId};
use resp::ReplyError;

use crate::Engine;
use crate::effects::Feed;

pub use applier::{Applied, Applier, Portion};
pub use attached::{Announced, AttachedReplica, Content, ReplicaPhase};
pub use failover::{Failover, FailoverTarget};
pub use order::Order;
pub use role::{Link, ReplicaState, Role, SyncProgress};
pub(crate) use show::{section, syncs, traffic};
pub(crate) use wait::{Acknowledgement, Durable, NOT_APPENDED};

/// What a primary answers to them that has too few replicas.
pub(crate) const NO_REPLICAS: ReplyError =
    ReplyError::coded("NOREPLICAS Not enough good replicas to write.");
/// What a replica answers to those who want to write.
pub(crate) const READ_ONLY: ReplyError =
    ReplyError::coded("READONLY You can't write against a read only replica.");
/// What one answers that has no link to its primary and is not to serve without.
pub(crate) const NO_LINK: ReplyError = ReplyError::coded(
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
);

/// What all workers and the process share about replication.
#[derive(Debug)]
pub struct Replication {
    /// Whether there is a primary: what calls that write look at.
    is_replica: AtomicBool,
    role: Mutex<Role>,
    identity: Mutex<Option<Identity>>,
    replicas: Mutex<Vec<std::sync::Arc<AttachedReplica>>>,
    /// Replicas that were heard of lately, as `min-replicas-max-lag` says.
    good_replicas: AtomicUsize,
    backlog: Mutex<Option<BacklogFigures>>,
    /// Bytes that are kept for replicas that are slow.
    held_bytes: AtomicUsize,
    /// WAIT has asked: replicas are to say how far they are.
    asks_acknowledgement: AtomicBool,
    /// All replicas are to be cut off, since they have to ask anew.
    cuts_replicas: AtomicBool,
    waits: wait::Waits,
    failover: Mutex<Failover>,
    /// What a file said that was loaded.
    loaded: Mutex<Said>,
    /// The database that the primary's stream had selected, as of what was applied.
    relayed_database: AtomicUsize,
    counts: SyncCounts,
    orders: order::Orders,
}

/// Syncs that were asked for, as INFO counts them.
#[derive(Debug, Default)]
pub struct SyncCounts {
    /// With a snapshot.
    pub full: AtomicU64,
    /// With what was missed.
    pub partial: AtomicU64,
    /// With what was missed, which was not there any more.
    pub refused: AtomicU64,
    /// Bytes of the stream, and of snapshots, that were sent to replicas.
    pub sent_bytes: AtomicU64,
    /// Bytes that a primary has sent.
    pub received_bytes: AtomicU64,
}

/// What INFO tells of the backlog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BacklogFigures {
    /// The offset before the first byte in it.
    pub start: u64,
    /// Bytes in it.
    pub length: u64,
    /// Bytes of memory.
    pub memory: usize,
    /// Bytes that are kept only because a replica has not taken them yet.
    pub held: u64,
}

/// Which history data is of, and up to where, as a file says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedPosition {
    /// The history.
    pub id: ReplicationId,
    /// How much of it.
    pub offset: u64,
    /// The database that its stream has selected there.
    pub database: usize,
}

/// What a file has said so far.
#[derive(Debug, Default)]
struct Said {
    id: Option<ReplicationId>,
    offset: Option<u64>,
    database: Option<usize>,
}

impl Default for Replication {
    fn default() -> Replication {
        Replication {
            is_replica: AtomicBool::new(false),
            role: Mutex::new(Role::Primary),
            identity: Mutex::new(None),
            replicas: Mutex::default(),
            good_replicas: AtomicUsize::new(0),
            backlog: Mutex::default(),
            held_bytes: AtomicUsize::new(0),
            asks_acknowledgement: AtomicBool::new(false),
            cuts_replicas: AtomicBool::new(false),
            waits: wait::Waits::default(),
            failover: Mutex::default(),
            loaded: Mutex::default(),
            relayed_database: AtomicUsize::new(0),
            counts: SyncCounts::default(),
            orders: order::Orders::default(),
        }
    }
}

impl Replication {
    /// Whether this server copies another one.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.is_replica.load(Ordering::Relaxed)
    }

    /// What this server is, and how its link is if it is a replica.
    pub fn role(&self) -> Role {
        self.role.lock().clone()
    }

    /// Notes something about the link to the primary; nothing if there is none.
    pub fn change_link(&self, change: impl FnOnce(&mut ReplicaState)) {
        if let Role::Replica(state) = &mut *self.role.lock() {
            change(state);
        }
    }

    /// What is counted.
    pub fn counts(&self) -> &SyncCounts {
        &self.counts
    }

    /// What the backlog holds, if there is one.
    pub fn backlog(&self) -> Option<BacklogFigures> {
        *self.backlog.lock()
    }

    /// Notes what the backlog holds.
    pub fn note_backlog(&self, figures: Option<BacklogFigures>) {
        let held = figures.map_or(0, |figures| figures.held);
        self.held_bytes.store(usize::try_from(held).unwrap_or(usize::MAX), Ordering::Relaxed);
        *self.backlog.lock() = figures;
    }

    /// Bytes that are kept for replicas that are slow.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// Notes which database the primary's stream has selected, as of what was applied.
    pub fn note_relayed_database(&self, database: usize) {
        self.relayed_database.store(database, Ordering::Relaxed);
    }

    /// That database.
    pub fn relayed_database(&self) -> usize {
        self.relayed_database.load(Ordering::Relaxed)
    }

    /// Notes what a file says of itself that is being loaded: a field, if it is about the history.
    pub fn note_auxiliary(&self, name: &[u8], value: &[u8]) {
        let number = || resp::number::parse_integer(value);
        let mut loaded = self.loaded.lock();
        match name {
            b"repl-id" => loaded.id = ReplicationId::parse(value),
            b"repl-offset" => loaded.offset = number().and_then(|it| u64::try_from(it).ok()),
            b"repl-stream-db" => {
                loaded.database = number().and_then(|it| usize::try_from(it).ok());
            }
            _ => {}
        }
    }

    /// What a file that was loaded said of its history, if it said all of it; once.
    pub fn take_loaded(&self) -> Option<SavedPosition> {
        let Said { id, offset, database } = std::mem::take(&mut *self.loaded.lock());
        Some(SavedPosition { id: id?, offset: offset?, database: database? })
    }

    /// Has all replicas cut off by the process, so that they ask anew and learn what has changed.
    pub fn cut_replicas(&self) {
        self.cuts_replicas.store(true, Ordering::Release);
    }

    /// Whether they are to be, once.
    pub fn take_cut(&self) -> bool {
        self.cuts_replicas.swap(false, Ordering::AcqRel)
    }

    /// Has replicas asked how far they are.
    pub(crate) fn ask_acknowledgement(&self) {
        self.asks_acknowledgement.store(true, Ordering::Release);
    }

    /// Whether they are to be asked, once.
    pub fn takes_question(&self) -> bool {
        self.asks_acknowledgement.swap(false, Ordering::AcqRel)
    }

    /// Whether so few replicas are there that writes are refused.
    #[inline]
    pub(crate) fn lacks_replicas(&self, config: &config::Config) -> bool {
        let wanted = config.replication.min_replicas;
        0 < wanted
            && 0 < config.replication.min_replicas_max_lag_s
            && !self.is_replica()
            && self.good_replicas() < usize::try_from(wanted).unwrap_or(usize::MAX)
    }

    /// Replicas that were heard of lately.
    pub fn good_replicas(&self) -> usize {
        self.good_replicas.load(Ordering::Relaxed)
    }
}

impl Engine {
    /// Whose history the data is.
    pub fn identity(&self) -> Identity {
        let mut identity = self.replication.identity.lock();
        *identity.get_or_insert_with(|| Identity::new(self.draw_replication_id()))
    }

    /// An id for a history that begins.
    pub fn draw_replication_id(&self) -> ReplicationId {
        ReplicationId::parse(self.host.draw_id().as_bytes()).unwrap_or(ReplicationId::NONE)
    }

    /// Puts another history in place of the one there was.
    pub fn set_identity(&self, identity: Identity) {
        *self.replication.identity.lock() = Some(identity);
    }

    /// The replication offset: bytes of the replication stream that there were.
    #[inline]
    pub fn replication_offset(&self) -> u64 {
        self.effects.replication_end()
    }

    /// Begins to keep the stream for replicas, as a history of its own: the first replica has come. All gates are closed.
    pub fn begin_history(&self) {
        self.set_identity(Identity::new(self.draw_replication_id()));
        self.effects.begin_replication(self.replication_offset(), Feed::Effects);
    }

    /// Ends that, since no replica has come for long: with the history, nobody can go on with it. All gates are closed.
    pub fn end_history(&self) {
        self.set_identity(Identity::new(self.draw_replication_id()));
        self.effects.change_feed(Feed::Off);
    }

    /// Becomes a replica of the server at `host` and `port`, or of another one than before. All gates are closed.
    ///
    /// The data, its history and the offset stay as they are, so that the new primary may go on from there; what comes from it is to be
    /// [relayed](crate::EffectStream::relay).
    pub fn become_replica(&self, state: ReplicaState) {
        self.effects.change_feed(Feed::Relay);
        *self.replication.role.lock() = Role::Replica(state);
        self.replication.is_replica.store(true, Ordering::Release);
        self.host.note_role(true);
    }

    /// Takes the history of the primary, from whom all data has just been loaded. All gates are closed.
    pub fn adopt_history(&self, id: ReplicationId, offset: u64) {
        self.set_identity(Identity::new(id));
        self.effects.begin_replication(offset, Feed::Relay);
        self.replication.cut_replicas();
        self.host.wake_replication();
    }

    /// Goes on with the history of the primary under the id that it says now. Replicas are cut off to learn it.
    pub fn follow_history(&self, id: ReplicationId) {
        let before = self.identity();
        let after = before.renamed(id, self.replication_offset());
        if after != before {
            self.set_identity(after);
            self.replication.cut_replicas();
            self.host.wake_replication();
        }
    }

    /// Becomes a primary, with a history of its own that begins with all of the one before. All gates are closed.
    pub fn become_primary(&self) {
        if !self.replication.is_replica() {
            return;
        }
        let identity =
            self.identity().forked(self.draw_replication_id(), self.replication_offset());
        self.set_identity(identity);
        *self.replication.role.lock() = Role::Primary;
        self.replication.is_replica.store(false, Ordering::Release);
        self.effects.change_feed(Feed::Effects);
        self.replication.cut_replicas();
        self.host.note_role(false);
        self.host.wake_replication();
    }

    /// Goes on from what the loaded file says of its history, so that replicas of the time before the restart need not copy all
    /// data again. All gates are closed, and nobody has called anything yet.
    ///
    /// `expired` are keys that were in the file and had expired: replicas that have them are told.
    pub fn resume_history(&self, expired: &[(usize, Vec<u8>)]) {
        let Some(saved) = self.replication.take_loaded() else { return };
        self.set_identity(self.identity().after_restart(saved.id, saved.offset));
        self.effects.begin_replication(saved.offset, Feed::Effects);
        let removed = expired.iter().map(|(database, key)| (*database, key.as_slice()));
        self.effects.append_removals(self.config().memory.lazy_expire, removed);
        self.host.wake_replication();
    }

    /// What a file that is saved now says of the history of its data; none if nobody could go on from there. All gates are closed.
    pub fn saved_position(&self) -> Option<SavedPosition> {
        let database = match self.effects.feed() {
            Feed::Off => return None,
            Feed::Effects => self.effects.replication_database().unwrap_or(0),
            Feed::Relay => self.replication.relayed_database.load(Ordering::Relaxed),
        };
        let (id, offset) = (self.identity().id(), self.replication_offset());
        Some(SavedPosition { id, offset, database })
    }

    /// Draws another id for the history, and forgets the one before: DEBUG CHANGE-REPL-ID.
    pub(crate) fn change_replication_id(&self) {
        self.set_identity(Identity::new(self.draw_replication_id()));
    }
}
