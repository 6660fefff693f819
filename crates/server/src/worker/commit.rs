//! Replies that wait until what they reveal is in the append-only file.
//!
//! A connection whose replies wait is *held*: nothing of its output is sent, and nothing more is read of it, so replies stay in
//! order. Under `appendfsync always` it is released when the file has been synced, by this worker or by one that has begun before; then
//! this one serves others meanwhile, and is rung.
//! Otherwise the worker writes the file itself, once for all that it has served in a round, and releases them right
//! after that; unless so much is written that replies do not wait for it.

use config::persistence::AppendSync;
use resp::Output;

use super::Worker;
use super::connection::Connection;
use super::poller::Token;
use super::round::{Life, life};
use crate::clock::Moment;

/// Replies held, in bytes, for which the end of the round is not awaited: they would only fill the memory.
const HELD_BYTES: usize = 4 << 20;

/// Buffers that are kept for replies that will wait, and the most that each may hold.
const SPARE: usize = 64;
const SPARE_BYTES: usize = 16 << 10;

/// Connections whose replies wait, in the order in which they may go.
#[derive(Default)]
pub(super) struct Held {
    connections: std::collections::VecDeque<(u64, Token)>,
    /// Of their replies, since the last commit.
    bytes: usize,
    /// Connections that were added since then.
    joined: usize,
    gathering: Gathering,
    /// Room for the replies of others.
    spare: Vec<Output>,
}

/// What is known of those who will wait for the next sync.
#[derive(Default)]
struct Gathering {
    /// Since when (monotonic, in us) the worker looks who else comes before the file is synced.
    since_us: Option<u64>,
    /// How many connections waited for the last sync, and are likely to ask again.
    expected: usize,
    /// How long the last sync took.
    sync_us: u64,
    /// So many syncs begin as soon as nobody is ready: to wait was in vain.
    hurried: u32,
}

/// Nobody waits longer than that for others, in us.
const MOST_GATHERING_US: u64 = 1000;
/// After waiting in vain.
const HURRIED: u32 = 16;

impl Worker<'_> {
    /// Whether the worker goes on without a pause since a sync is put off.
    pub(super) fn is_gathering(&self) -> bool {
        self.held.gathering.since_us.is_some()
    }

    /// Whether a sync is put off until nobody else is ready, and for a moment until those have come who were answered by the last one and
    /// are likely to ask again: otherwise clients fall apart into groups of which each waits for the sync of another. `begin` is that
    /// of the round, in which so many were `ready`.
    #[inline]
    pub(super) fn gathers(&mut self, begin: Moment, ready: usize) -> bool {
        if self.held.joined == 0 || self.share.config.persistence.append_sync != AppendSync::Always
        {
            return false;
        }
        let now_us = begin.monotonic_us;
        let Gathering { since_us, expected, sync_us, hurried } = &mut self.held.gathering;
        let elapsed_us = now_us.saturating_sub(*since_us.get_or_insert(now_us));
        if 0 < ready {
            return elapsed_us < MOST_GATHERING_US;
        }
        if *expected - *expected / 4 <= self.held.joined {
            return false;
        }
        if let Some(rest) = hurried.checked_sub(1) {
            *hurried = rest;
            return false;
        }
        if elapsed_us < (*sync_us / 2).min(MOST_GATHERING_US) {
            return true;
        }
        *hurried = HURRIED;
        false
    }

    /// Whether the replies of a connection have to wait; notes it if so.
    #[inline]
    pub(super) fn holds(&self, connection: &mut Connection) -> bool {
        if connection.holding.is_cleared {
            return false;
        }
        // What was added since it is held may reveal more.
        let awaited = self.share.awaited_effects(&connection.session);
        connection.holding.until = awaited.or(connection.holding.until);
        connection.holding.is_cleared = connection.holding.until.is_none();
        connection.holding.until.is_some()
    }

    /// Notes a connection whose replies have to wait and that is put back.
    pub(super) fn note_held(&mut self, token: Token, connection: &mut Connection) {
        if let Some(end) = connection.holding.until
            && !std::mem::replace(&mut connection.holding.is_noted, true)
        {
            self.held.bytes += connection.output.len();
            self.held.joined += 1;
            self.held.connections.push_back((end, token));
        }
    }

    /// Commits in the middle of a round, if much is held.
    #[inline]
    pub(super) fn commit_much(&mut self) {
        if HELD_BYTES <= self.held.bytes && self.ahead.is_empty() {
            self.commit();
        }
    }

    /// Gives the worker room for replies, if a connection that is held has kept what it had.
    pub(super) fn make_room(&mut self) {
        if self.buffers.output.memory() == 0
            && let Some(output) = self.held.spare.pop()
        {
            self.buffers.output = output;
        }
    }

    /// Sees to it that what the held replies reveal gets into the file, and sends those that may go.
    pub(super) fn commit(&mut self) {
        let together = std::mem::take(&mut self.held.joined);
        self.held.gathering.since_us = None;
        self.held.bytes = 0;
        let Some(&(last, _)) = self.held.connections.back() else { return };
        if self.engine.append_only.acknowledged() < last {
            let (index, policy) = (self.share.index, self.share.config.persistence.append_sync);
            let append_only = &self.append_only;
            let begin = self.clock.read();
            self.share.step_out(|| append_only.commit(last, index, policy));
            let sync_us = self.clock.read().monotonic_us.saturating_sub(begin.monotonic_us);
            let gathering = &mut self.held.gathering;
            (gathering.expected, gathering.sync_us) = (together, sync_us);
        }
        self.release();
    }

    /// Has what was recorded written soon, if replies do not wait for that.
    #[inline]
    pub(super) fn keep_pace(&mut self) {
        if self.append_only.is_behind(self.engine) {
            let (append_only, engine) = (&self.append_only, self.engine);
            self.share.step_out(|| append_only.keep_pace(engine));
        }
    }

    /// Sends the replies that may go.
    fn release(&mut self) {
        let acknowledged = self.engine.append_only.acknowledged();
        // Those that are held again meanwhile are for later.
        for _ in 0..self.held.connections.len() {
            match self.held.connections.front() {
                Some(&(end, token)) if end <= acknowledged => {
                    self.held.connections.pop_front();
                    self.release_one(token);
                }
                _ => return,
            }
        }
    }

    fn release_one(&mut self, token: Token) {
        self.share.make_way();
        let Some(mut connection) = self.places.take(token) else { return };
        connection.holding.is_noted = false;
        let acknowledged = self.engine.append_only.acknowledged();
        if connection.holding.until.is_some_and(|end| acknowledged < end) {
            let life = life(&connection);
            return self.put_back(token, connection, life);
        }
        connection.holding.until = None;
        connection.holding.is_early = false;
        connection.holding.is_cleared = true;
        let mut life = life(&connection);
        if life == Life::Goes {
            // Its buffer is for the next that is held.
            let own = std::mem::take(&mut self.buffers.output);
            life = self.answer(&mut connection);
            let mut output = std::mem::replace(&mut self.buffers.output, own);
            if self.held.spare.len() < SPARE && 0 < output.memory() {
                output.shrink_to(SPARE_BYTES);
                self.held.spare.push(output);
            }
        }
        self.put_back(token, connection, life);
    }
}
