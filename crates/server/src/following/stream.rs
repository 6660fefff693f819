//! The stream of a primary: received, applied, acknowledged.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use engine::clients::ClientRecord;
use engine::replication::{Applier, Order, Portion};
use resp::{Batch, ParseStatus, RequestLimits, RequestParser};

use super::link::{Link, Lost, PATIENCE};
use super::wire::{Silence, Wire};
use crate::log;
use crate::process::reason::reason;
use crate::worker::Mail;

/// Read at once.
const READ_BYTES: usize = 256 << 10;
/// Received before what has come is applied.
const TURN_BYTES: usize = 1 << 20;
/// Requests that are parsed before they are applied.
const TURN_REQUESTS: usize = 1 << 14;
/// How often the primary is told the position without having asked.
const ACKNOWLEDGE_INTERVAL: Duration = Duration::from_secs(1);
/// So many bytes at once are much: more is likely to come.
const BUSY_BYTES: usize = 32 << 10;
/// How long it dozes then. Whoever sends would have to wake it for every little bit otherwise, which costs him more than to send it.
const DOZE: Duration = Duration::from_millis(2);
/// How long it waits for those who have to catch up first.
const BACKOFF: Duration = Duration::from_micros(500);

/// A stream that is being followed.
struct Stream<'a> {
    link: &'a Link,
    order: &'a Order,
    wire: Wire,
    record: Arc<ClientRecord>,
    applier: Applier<'static>,
    /// What has come. It begins at the position in the stream, or a bit before.
    input: Vec<u8>,
    /// How much of it is behind the position.
    applied: usize,
    /// How much of it was taken apart.
    parsed: usize,
    parser: RequestParser,
    batch: Batch,
    silence: Silence,
    acknowledged: Instant,
    /// Much has come at last, and the primary did not ask how far this is.
    is_busy: bool,
}

/// Why a stream ended.
enum End {
    Superseded,
    /// It can go on later from where it is.
    Cut,
    /// What came makes no sense: what there is here may be anything.
    Nonsense,
}

impl Link {
    /// Follows the stream, which begins with `input`, until the link is lost.
    pub(super) fn stream(
        &self,
        order: &Order,
        wire: Wire,
        input: Vec<u8>,
        database: usize,
    ) -> Result<Infallible, Lost> {
        let nobody = self.mailboxes.len();
        let record = self.engine.clients.add(wire.peer(), nobody, self.unix_ms());
        record.is_primary.store(true, Ordering::Relaxed);
        let applier = Applier::new(self.engine, Arc::clone(&record), database);
        let mut stream = Stream {
            link: self,
            order,
            wire,
            record,
            applier,
            input,
            applied: 0,
            parsed: 0,
            parser: RequestParser::new(),
            batch: Batch::new(),
            silence: Silence::begin(),
            acknowledged: Instant::now(),
            is_busy: false,
        };
        let end = match stream.run() {
            Ok(never) => match never {},
            Err(end) => end,
        };
        drop(stream);
        if matches!(end, End::Superseded) {
            return Err(Lost::Superseded);
        }
        log::notice("Connection with master lost.");
        let cached = matches!(end, End::Cut);
        if cached {
            log::notice("Caching the disconnected master state.");
        }
        let now_s = self.unix_ms() / 1000;
        self.engine.replication.lose_link(order, cached, now_s);
        Err(Lost::Stream)
    }
}

impl Stream<'_> {
    fn run(&mut self) -> Result<Infallible, End> {
        self.acknowledge()?;
        loop {
            self.apply_all()?;
            self.receive()?;
        }
    }

    fn check(&self) -> Result<(), End> {
        self.link.check(self.order).map_err(|_| End::Superseded)?;
        if self.record.killed.load(Ordering::Relaxed) { Err(End::Cut) } else { Ok(()) }
    }

    /// Waits for more, and sees to what is due.
    fn receive(&mut self) -> Result<(), End> {
        self.compact();
        let before = self.input.len();
        loop {
            self.check()?;
            self.attend()?;
            let count = self.read()?;
            let received = self.input.len() - before;
            if TURN_BYTES <= received || count == 0 && 0 < received {
                self.silence.broken();
                let now_ms = self.link.unix_ms();
                self.record.last_call_ms.store(now_ms, Ordering::Relaxed);
                let engine = self.link.engine;
                let unapplied = (self.input.len() - self.applied) as u64;
                let read_offset = engine.replication_offset().saturating_add(unapplied);
                engine.replication.note_stream(received as u64, read_offset, now_ms);
                self.is_busy = BUSY_BYTES <= received;
                return Ok(());
            }
            if count == 0 && std::mem::take(&mut self.is_busy) {
                self.link.rest(DOZE);
            } else if count == 0 {
                let ready = self.wire.wait(&self.link.bell, PATIENCE).map_err(|_| End::Cut)?;
                if ready.rung {
                    self.link.bell.hear();
                }
            }
        }
    }

    /// Reads once; how many bytes have come.
    fn read(&mut self) -> Result<usize, End> {
        let outcome = self.wire.read_onto(&mut self.input, READ_BYTES);
        let count = outcome.as_ref().map_or(0, |count| count.unwrap_or(0));
        match outcome {
            Ok(Some(0)) => Err(End::Cut),
            Ok(_) => Ok(count),
            Err(error) => {
                log::verbose(format_args!("Reading from the master: {}", reason(&error)));
                Err(End::Cut)
            }
        }
    }

    /// What is due by the clock.
    fn attend(&mut self) -> Result<(), End> {
        if ACKNOWLEDGE_INTERVAL <= self.acknowledged.elapsed() {
            self.acknowledge()?;
        }
        if self.link.timeout() < self.silence.length() {
            log::warning("MASTER timeout: no data nor PING received...");
            return Err(End::Cut);
        }
        Ok(())
    }

    fn acknowledge(&mut self) -> Result<(), End> {
        let offset = self.link.engine.effects.replication_end();
        self.acknowledge_up_to(offset)
    }

    fn acknowledge_up_to(&mut self, offset: u64) -> Result<(), End> {
        self.acknowledged = Instant::now();
        let offset = offset.to_string();
        let mut request = Vec::with_capacity(96);
        let synced = self.link.engine.synced_offset().map(|offset| offset.to_string());
        let synced = synced.unwrap_or_default();
        let words: [&[u8]; 5] =
            [b"REPLCONF", b"ACK", offset.as_bytes(), b"FACK", synced.as_bytes()];
        let (plain, _) = words.split_at(3);
        resp::value::encode_request(if synced.is_empty() { plain } else { &words }, &mut request);
        self.wire.send(&request).map_err(|_| End::Cut)
    }

    /// Applies all complete requests that have come.
    fn apply_all(&mut self) -> Result<(), End> {
        // Whoever is allowed to write here may write as much as it likes.
        let limits = RequestLimits { bulk_bytes: usize::MAX >> 1, ..RequestLimits::default() };
        loop {
            let status = self.parser.parse(
                &self.input,
                self.parsed,
                &mut self.batch,
                &limits,
                TURN_REQUESTS,
            );
            self.parsed = self.batch.consumed();
            self.apply_batch()?;
            match status {
                ParseStatus::Full => {}
                ParseStatus::NeedsInput { .. } => return Ok(()),
                ParseStatus::Failed(error) => {
                    log::warning(format_args!("Protocol error ({error}) from the master"));
                    return Err(End::Nonsense);
                }
            }
        }
    }

    fn apply_batch(&mut self) -> Result<(), End> {
        let engine = self.link.engine;
        let mut executed = 0;
        while executed < self.batch.len() {
            self.check()?;
            if engine.must_catch_up() {
                self.attend()?;
                std::thread::sleep(BACKOFF);
                continue;
            }
            let portion =
                Portion { batch: &self.batch, input: &self.input, executed, applied: self.applied };
            let now_us = i64::try_from(self.link.clock.read().unix_us).unwrap_or(i64::MAX);
            let begin = engine.effects.replication_end();
            let (replication, order) = (&engine.replication, self.order);
            let may = || replication.is_current(order);
            let done = self.applier.apply(&portion, now_us, may);
            let done = done.ok_or(End::Superseded)?;
            for served in self.applier.take_served() {
                if let Some(mailbox) = self.link.mailboxes.get(served.worker()) {
                    mailbox.send(Mail::Served(served));
                }
            }
            if let Some(place) = done.asked_at {
                let behind = place.saturating_sub(self.applied) as u64;
                self.acknowledge_up_to(begin.saturating_add(behind))?;
                self.is_busy = false;
            }
            self.link.append_only.write_through(engine);
            executed = done.executed;
            self.applied = done.applied;
            self.attend()?;
        }
        Ok(())
    }

    /// Forgets what was applied.
    fn compact(&mut self) {
        /// Moved for nothing again and again otherwise, where a transaction is long.
        const WORTH: usize = 64 << 10;
        if self.applied == self.input.len() {
            self.input.clear();
            self.input.shrink_to(TURN_BYTES + READ_BYTES);
        } else if WORTH <= self.applied && self.input.len() <= 2 * self.applied {
            self.input.drain(..self.applied);
        } else {
            return;
        }
        self.parsed -= self.applied;
        self.applied = 0;
    }
}
