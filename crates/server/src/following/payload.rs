//! The payload of a full resync, as something to read from.
//!
//! Whoever reads waits for the primary, with a limit; meanwhile the primary is told that this server lives, and it is
//! looked whether all this is still wanted.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use engine::replication::Order;
use replication::full_sync::{Framing, FullSync};

use super::link::{Link, Lost, PATIENCE};
use super::wire::{Silence, Wire};
use crate::log;
use crate::process::reason::reason;

/// Read at once.
const READ_BYTES: usize = 128 << 10;
/// How often the primary hears of this server.
const SIGN_INTERVAL: Duration = Duration::from_secs(1);

/// A payload that is being received.
pub(super) struct Payload<'a> {
    link: &'a Link,
    order: &'a Order,
    wire: &'a mut Wire,
    sync: FullSync,
    /// What has come, of which so many bytes were looked at.
    input: Vec<u8>,
    seen: usize,
    /// Of the payload, what was not read yet: the bytes from a place on.
    ready: Vec<u8>,
    read: usize,
    /// How many bytes it has, if that is known.
    total: Option<u64>,
    silence: Silence,
    signed: Instant,
    /// Why there will be no more.
    lost: Option<Lost>,
}

impl<'a> Payload<'a> {
    /// One that begins with what has come already.
    pub(super) fn new(
        link: &'a Link,
        order: &'a Order,
        wire: &'a mut Wire,
        input: Vec<u8>,
    ) -> Payload<'a> {
        Payload {
            link,
            order,
            wire,
            sync: FullSync::new(),
            input,
            seen: 0,
            ready: Vec::new(),
            read: 0,
            total: None,
            silence: Silence::begin(),
            signed: Instant::now(),
            lost: None,
        }
    }

    /// Waits until it is known how it is delimited.
    pub(super) fn announced(&mut self) -> Result<Framing, Lost> {
        loop {
            let announced = self.sync.announce(self.input.get(self.seen..).unwrap_or_default());
            let (count, framing) = announced.map_err(|broken| {
                log::warning(broken);
                Lost::Attempt
            })?;
            self.seen += count;
            if let Some(framing) = framing {
                if let Framing::Length(bytes) = framing {
                    self.total = Some(bytes);
                }
                return Ok(framing);
            }
            self.receive()?;
        }
    }

    /// What follows the payload, once that is done; and why there is no more of it, if it is not.
    pub(super) fn finish(self) -> Result<Vec<u8>, Lost> {
        if let Some(lost) = self.lost {
            return Err(lost);
        }
        if !self.sync.is_done() {
            return Err(Lost::Attempt);
        }
        Ok(self.input.get(self.seen..).unwrap_or_default().to_vec())
    }

    /// Why there is no more of it.
    pub(super) fn lost(&self) -> Lost {
        self.lost.unwrap_or(Lost::Attempt)
    }

    /// Whether all of it has come and was read.
    pub(super) fn is_done(&self) -> bool {
        self.sync.is_done() && self.read == self.ready.len()
    }

    /// Shows the primary that this server lives, now and then; says whether its order still holds.
    pub(super) fn sign(&mut self) -> Result<(), Lost> {
        if SIGN_INTERVAL <= self.signed.elapsed() {
            self.signed = Instant::now();
            self.link.check(self.order)?;
            self.wire.send(b"\n").map_err(|error| connection_lost(&reason(&error)))?;
        }
        Ok(())
    }

    /// Waits until something has come; then all that came before was looked at.
    fn receive(&mut self) -> Result<(), Lost> {
        debug_assert_eq!(self.seen, self.input.len(), "it was looked at");
        self.seen = 0;
        self.input.resize(READ_BYTES, 0);
        loop {
            self.sign()?;
            match self.wire.read(&mut self.input) {
                Ok(Some(0)) => return Err(connection_lost("connection lost")),
                Ok(Some(count)) => {
                    self.input.truncate(count);
                    self.silence.broken();
                    return Ok(());
                }
                Ok(None) => {}
                Err(error) => return Err(connection_lost(&reason(&error))),
            }
            if self.link.timeout() < self.silence.length() {
                log::warning(
                    "Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to \
                     a larger value.",
                );
                return Err(Lost::Attempt);
            }
            match self.wire.wait(&self.link.bell, PATIENCE) {
                Ok(ready) if ready.rung => {
                    self.link.bell.hear();
                    self.link.check(self.order)?;
                }
                Ok(_) => {}
                Err(error) => return Err(connection_lost(&reason(&error))),
            }
        }
    }

    /// Makes more of the payload ready, if there is more.
    fn fill(&mut self) -> Result<(), Lost> {
        self.ready.clear();
        self.read = 0;
        while self.ready.is_empty() && !self.sync.is_done() {
            if self.seen == self.input.len() {
                self.receive()?;
            }
            let ready = &mut self.ready;
            let input = self.input.get(self.seen..).unwrap_or_default();
            let taken = self.sync.receive(input, |bytes| {
                ready.extend_from_slice(bytes);
                Ok::<(), std::convert::Infallible>(())
            });
            let Ok(taken) = taken;
            self.seen += taken;
            let now_ms = self.link.unix_ms();
            self.link.engine.replication.note_snapshot(self.total, self.sync.received(), now_ms);
        }
        Ok(())
    }
}

impl Read for Payload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.ready.len() {
            if let Some(_over) = self.lost {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if let Err(lost) = self.fill() {
                self.lost = Some(lost);
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        let ready = self.ready.get(self.read..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.read += count;
        Ok(count)
    }
}

fn connection_lost(why: &str) -> Lost {
    log::warning(format_args!("I/O error trying to sync with MASTER: {why}"));
    Lost::Attempt
}
