//! Replies that wait until what they reveal is in the append-only file.
//!
//! A connection whose replies wait is *held*: nothing of its output is sent, and nothing more is read of it, so replies stay in
//! order. Under `appendfsync always` it is released when the file has been synced; the worker serves others meanwhile, and is rung.
//! Otherwise the worker writes the file itself, once for all that it has served in a round, and releases them right
//! after that; unless so much is written that replies do not wait for it.

use config::persistence::AppendSync;
use resp::Output;

use super::Worker;
use super::connection::Connection;
use super::poller::Token;
use super::round::{Life, life};

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
    /// Room for the replies of others.
    spare: Vec<Output>,
}

impl Worker<'_> {
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
        let Some(&(last, _)) = self.held.connections.back() else { return };
        self.held.bytes = 0;
        if self.engine.append_only.acknowledged() < last {
            let (index, policy) = (self.share.index, self.share.config.persistence.append_sync);
            let (append_only, joined) = (&self.append_only, std::mem::take(&mut self.held.joined));
            match policy {
                // A round in which nobody has joined those who wait has nothing to ask for.
                AppendSync::Always if joined == 0 => {}
                AppendSync::Always | AppendSync::EverySecond | AppendSync::No => {
                    self.share.step_out(|| append_only.commit(last, index, policy, joined));
                }
            }
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
