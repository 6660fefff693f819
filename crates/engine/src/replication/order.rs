//! Whom this server is to follow, and the steps of the link to it.
//!
//! REPLICAOF leaves an [`Order`], behind closed gates; the link, a thread of the process, carries it out. Orders are numbered: whatever the
//! link does to the data it does behind closed gates too, after a look at whether its order still holds. So nothing of an old primary arrives
//! after REPLICAOF was answered.
//!
//! What the data of this server is of a history, up to an offset, lets a primary go on from there. That is so while the data is
//! whole ([`Orders::is_resumable`]): not when a replica has just been started without it, or has lost it in a full resync that failed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use config::replication::Primary;
use keyspace::View;
use parking_lot::Mutex;
use replication::joining::Introduction;
use replication::{Identity, ReplicationId};

use super::{Failover, Link, ReplicaState, Replication, SyncProgress};
use crate::Engine;
use crate::effects::Feed;
use crate::host::LogLevel;
use crate::tracking::Change;

/// Whom this server is to follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    number: u64,
    /// The primary; none: it is one itself.
    pub primary: Option<Primary>,
}

/// The order that holds, and what belongs to it.
#[derive(Debug, Default)]
pub(super) struct Orders {
    number: AtomicU64,
    primary: Mutex<Option<Primary>>,
    /// There is a link, over which the stream comes.
    is_linked: AtomicBool,
    /// A primary may go on from the history and the offset that the data is of.
    is_resumable: AtomicBool,
    marks: Mutex<Marks>,
}

/// Which offset of the history goes with which end of the stream for the append-only file.
#[derive(Debug, Default)]
struct Marks {
    /// Ends that were not on disk yet, ascending, with the offsets.
    pending: VecDeque<(u64, u64)>,
    /// The last offset that was.
    synced: Option<u64>,
}

impl Marks {
    /// More are not kept: then it takes a bit longer to know that something is on disk.
    const MOST: usize = 4096;

    fn note(&mut self, end: u64, offset: u64) {
        let is_full = Marks::MOST <= self.pending.len();
        if let Some(last) = self.pending.back_mut()
            && (last.0 == end || is_full)
        {
            *last = (end, offset);
        } else {
            self.pending.push_back((end, offset));
        }
    }

    fn advance(&mut self, synced_end: u64) -> Option<u64> {
        while let Some(&(end, offset)) = self.pending.front()
            && end <= synced_end
        {
            self.synced = Some(offset);
            self.pending.pop_front();
        }
        self.synced
    }
}

impl Replication {
    /// The order that holds.
    pub fn order(&self) -> Order {
        let primary = self.orders.primary.lock();
        Order { number: self.orders.number.load(Ordering::Acquire), primary: primary.clone() }
    }

    /// Whether an order still holds.
    pub fn is_current(&self, order: &Order) -> bool {
        order.number == self.orders.number.load(Ordering::Acquire)
    }

    /// Whether this server is a replica and has no link to its primary.
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.is_replica() && !self.orders.is_linked.load(Ordering::Relaxed)
    }

    fn give(&self, primary: Option<Primary>) {
        let mut present = self.orders.primary.lock();
        *present = primary;
        self.orders.is_linked.store(false, Ordering::Release);
        self.orders.number.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes how far the link has come, if its order holds.
    pub fn set_link(&self, order: &Order, link: Link) {
        let present = self.orders.primary.lock();
        if !self.is_current(order) || present.is_none() {
            return;
        }
        self.orders.is_linked.store(link == Link::Connected, Ordering::Release);
        self.change_link(|state| {
            state.link = link;
            if link != Link::Sync {
                state.sync = None;
            }
            if link == Link::Connected {
                state.down_since_s = None;
            }
        });
    }

    /// Notes that the link is lost, and whether it can go on from where it was.
    pub fn lose_link(&self, order: &Order, is_resumable: bool, now_s: i64) {
        if self.is_current(order) {
            self.orders.is_resumable.fetch_and(is_resumable, Ordering::AcqRel);
        }
        self.set_link(order, Link::Connect);
        self.change_link(|state| state.down_since_s = Some(now_s));
    }

    /// Notes how much of a snapshot has come.
    pub fn note_snapshot(&self, total_bytes: Option<u64>, read_bytes: u64, now_ms: i64) {
        let progress = SyncProgress { total_bytes, read_bytes, last_input_ms: now_ms };
        self.change_link(|state| state.sync = Some(progress));
    }

    /// Notes that so many bytes of the stream have come, and up to which offset that is.
    pub fn note_stream(&self, bytes: u64, read_offset: u64, now_ms: i64) {
        self.counts.received_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.change_link(|state| {
            state.last_input_ms = Some(now_ms);
            state.read_offset = Some(read_offset);
        });
    }
}

impl Engine {
    /// Follows a primary from here on. All gates are closed.
    pub fn follow(&self, primary: Primary) {
        if !self.replication.is_replica() {
            let line = "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to \
                        synchronize with the new master with just a partial transfer.";
            self.host.log(LogLevel::Notice, line);
            self.replication.note_relayed_database(0);
            self.replication.orders.is_resumable.store(true, Ordering::Release);
        }
        self.become_replica(ReplicaState::new(primary.host.as_bytes(), primary.port));
        self.configure_primary(Some(primary.clone()));
        self.replication.give(Some(primary));
        self.host.wake_link();
    }

    /// Follows a primary from the start on, as the configuration says. There are no clients yet. What the data is of, if
    /// anything, is known when it is loaded ([`Engine::begin_following`]).
    pub fn start_as_replica(&self, primary: &Primary) {
        self.become_replica(ReplicaState::new(primary.host.as_bytes(), primary.port));
    }

    /// Begins to follow the primary of the configuration, after the data has been loaded. All gates are closed.
    pub fn begin_following(&self, primary: Primary) {
        if let Some(saved) = self.replication.take_loaded() {
            self.set_identity(Identity::new(saved.id));
            self.effects.begin_replication(saved.offset, Feed::Relay);
            let database = Some(saved.database).filter(|&it| it < self.keyspace.databases());
            self.replication.note_relayed_database(database.unwrap_or(0));
            self.replication.orders.is_resumable.store(true, Ordering::Release);
        }
        self.replication.give(Some(primary));
        self.host.wake_link();
    }

    /// Follows nobody any more. All gates are closed.
    pub fn lead(&self) {
        self.configure_primary(None);
        self.replication.give(None);
        let was_whole = self.replication.orders.is_resumable.swap(false, Ordering::AcqRel);
        self.become_primary();
        if !was_whole {
            // What there is of data is not that of the history that there was.
            self.set_identity(Identity::new(self.draw_replication_id()));
        }
        let identity = self.identity();
        if let Some((before, until)) = identity.second() {
            let next = until.saturating_add(1);
            let line = format!(
                "Setting secondary replication ID to {before}, valid up to offset: {next}. New replication ID is {}",
                identity.id()
            );
            self.host.log(LogLevel::Notice, &line);
        }
        self.host.wake_link();
    }

    /// Has the configuration say so, too: for CONFIG GET and CONFIG REWRITE. With all gates closed nobody else changes it.
    fn configure_primary(&self, primary: Option<Primary>) {
        let configured = self.configure(|config| {
            config.replication.primary = primary;
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = configured;
    }

    /// What this server says of itself to the primary of an order, if that holds.
    pub fn introduction(&self, order: &Order) -> Option<Introduction> {
        let config = self.config();
        let settings = &config.replication;
        let is_resumable = self.replication.orders.is_resumable.load(Ordering::Acquire);
        let introduction = Introduction {
            user: settings.primary_user.as_bytes().to_vec(),
            password: settings.primary_password.as_bytes().to_vec(),
            port: match settings.announce_port {
                // As in Redis: where those are let in who are encrypted as this server is.
                0 if config.tls.replication => config.tls.port,
                0 => config.network.port,
                port => port,
            },
            address: settings.announce_ip.as_bytes().to_vec(),
            takes_over: matches!(self.replication.failover(), Failover::InProgress { .. }),
            has: is_resumable.then(|| (self.identity().id(), self.replication_offset())),
        };
        // Asked last: what was read before is of this order, then.
        self.replication.is_current(order).then_some(introduction)
    }

    /// Notes that the primary has agreed to go on, which ends a failover to it.
    pub fn note_agreed(&self, order: &Order) {
        if let Failover::InProgress { .. } = self.replication.failover() {
            let closed = self.keyspace.gates().close();
            if self.replication.is_current(order) {
                self.end_failover();
            }
            drop(closed);
        }
    }

    /// Notes that the primary does not want to be one, if it was asked that.
    pub fn note_refused(&self, order: &Order) {
        if let Failover::InProgress { .. } = self.replication.failover() {
            let closed = self.keyspace.gates().close();
            if self.replication.is_current(order) {
                self.abort_failover("Failover target rejected psync request");
            }
            drop(closed);
        }
    }

    /// Goes on with the stream from where it was, under another id if one is given; gives the database that the stream has selected, if the
    /// order holds.
    pub fn resume_stream(&self, order: &Order, id: Option<ReplicationId>) -> Option<usize> {
        let closed = self.keyspace.gates().close();
        if !self.replication.is_current(order) {
            return None;
        }
        if let Some(id) = id {
            self.host.log(LogLevel::Notice, &format!("Master replication ID changed to {id}"));
            self.follow_history(id);
        }
        self.replication.set_link(order, Link::Connected);
        drop(closed);
        Some(self.replication.relayed_database())
    }

    /// Notes that the data is about to be replaced: nobody can go on from it. All gates are closed.
    pub fn give_up_history(&self) {
        self.replication.orders.is_resumable.store(false, Ordering::Release);
    }

    /// Begins with the stream behind a snapshot that was loaded. All gates are closed, and the order holds.
    pub fn begin_stream(&self, order: &Order, (id, offset): (ReplicationId, u64), database: usize) {
        self.adopt_history(id, offset);
        *self.replication.orders.marks.lock() = Marks::default();
        self.replication.note_relayed_database(database);
        self.replication.orders.is_resumable.store(true, Ordering::Release);
        self.replication.set_link(order, Link::Connected);
    }

    /// Takes all data away, and tells those who watch or have read any of it. The view has all shards, behind closed gates.
    pub fn forget_data(&self, view: &mut View<'_>) {
        view.flush(None);
        self.functions.flush();
        let worker = self.statistics.len();
        let change = Change { engine: self, worker, client: None, is_own: false };
        self.tracking.invalidate_all(change, None);
    }

    /// Up to which replication offset all is on this server's disk; none if it does not write the append-only file.
    pub fn synced_offset(&self) -> Option<u64> {
        if !self.append_only.figures().is_on {
            return None;
        }
        self.replication.orders.marks.lock().advance(self.append_only.synced())
    }

    /// Notes how much was recorded for the append-only file up to the present offset. All gates are closed.
    pub(super) fn mark_offset(&self) {
        if self.effects.has_file() {
            let (end, offset) = (self.effects.end(), self.replication_offset());
            self.replication.orders.marks.lock().note(end, offset);
        }
    }

    /// Whether those who write have to wait for others: for the disk that takes a snapshot, for clients that listen.
    pub fn must_catch_up(&self) -> bool {
        self.saving.is_crowded() || self.pubsub.is_crowded()
    }
}
