//! From an order to a stream: connecting, the handshake, and beginning again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::Engine;
use engine::replication::{Link as Stage, Order};
use replication::joining::{Agreement, Course, Joining, Weight};
use rustix::event::{PollFd, PollFlags};

use super::wire::{Silence, Wire, wait};
use crate::append_only::AppendOnly;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::log;
use crate::process::reason::reason;
use crate::tls::Terms;
use crate::worker::Mailbox;

/// Between two tries to connect.
const RETRY: Duration = Duration::from_secs(1);
/// Between two looks at the clock while nothing comes.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);
/// Answers of a handshake are short.
const HANDSHAKE_BYTES: usize = 16 << 10;

/// The link, as its thread has it.
pub(crate) struct Link {
    pub(super) engine: &'static Engine,
    pub(super) clock: Clock,
    pub(super) bell: Arc<Bell>,
    pub(super) mailboxes: Arc<[Mailbox]>,
    pub(super) append_only: Arc<AppendOnly>,
    /// If the link is to be encrypted.
    terms: Arc<Terms>,
    stopped: AtomicBool,
    /// The append-only file was written until the data was taken away, and is not yet again.
    pub(super) suspended: AtomicBool,
}

/// Why there is no link any more. The log has been told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lost {
    /// Another order holds.
    Superseded,
    /// There was none yet: it is tried again after a while.
    Attempt,
    /// There was one: it is tried again at once.
    Stream,
}

impl Link {
    pub(crate) fn new(
        engine: &'static Engine,
        clock: Clock,
        bell: Arc<Bell>,
        mailboxes: Arc<[Mailbox]>,
        append_only: Arc<AppendOnly>,
        terms: Arc<Terms>,
    ) -> Link {
        Link {
            engine,
            clock,
            bell,
            mailboxes,
            append_only,
            terms,
            stopped: AtomicBool::new(false),
            suspended: AtomicBool::new(false),
        }
    }

    /// Starts the thread, which lives as long as the process.
    pub(crate) fn spawn(self) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("replication".to_owned()).spawn(move || {
            if !self.engine.host.contain(&mut || self.run()) {
                self.engine.host.give_up("the link to the primary panicked");
            }
        })
    }

    fn run(&self) {
        let mut verb = "Connecting";
        while !self.stopped.load(Ordering::Acquire) {
            let order = self.engine.replication.order();
            if order.primary.is_none() {
                self.resume_append_only();
                verb = "Connecting";
                self.rest(Duration::MAX);
                continue;
            }
            match self.follow(&order, verb) {
                Lost::Superseded => verb = "Connecting",
                Lost::Stream => verb = "Reconnecting",
                Lost::Attempt => {
                    verb = "Connecting";
                    self.engine.replication.set_link(&order, Stage::Connect);
                    self.rest(RETRY);
                }
            }
        }
    }

    /// Ends the append-only file while the data is replaced: what it holds is the data of before.
    pub(super) fn suspend_append_only(&self) {
        self.suspended.fetch_or(self.append_only.suspend(), Ordering::AcqRel);
    }

    /// Begins it anew, with what there is now.
    pub(super) fn resume_append_only(&self) {
        if self.suspended.swap(false, Ordering::AcqRel) {
            self.append_only.resume();
        }
    }

    /// Waits for a while, or until the bell rings.
    pub(super) fn rest(&self, limit: Duration) {
        let mut sources = [PollFd::new(&*self.bell, PollFlags::IN)];
        // A wait that fails is one that ends early, and the caller looks again.
        let _early = wait(&mut sources, limit);
        self.bell.hear();
    }

    /// Whether an order still holds.
    pub(super) fn check(&self, order: &Order) -> Result<(), Lost> {
        if self.engine.replication.is_current(order) { Ok(()) } else { Err(Lost::Superseded) }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs(self.engine.config().replication.timeout_s.into())
    }

    pub(super) fn unix_ms(&self) -> i64 {
        i64::try_from(self.clock.read().unix_us / 1000).unwrap_or(i64::MAX)
    }

    /// Follows a primary until that is not possible any more.
    fn follow(&self, order: &Order, verb: &str) -> Lost {
        match self.attempt(order, verb) {
            Ok(never) => match never {},
            Err(lost) => lost,
        }
    }

    fn attempt(&self, order: &Order, verb: &str) -> Result<std::convert::Infallible, Lost> {
        let mut wire = self.connect(order, verb)?;
        self.engine.replication.set_link(order, Stage::Handshake);
        let (agreement, rest) = self.shake_hands(order, &mut wire)?;
        match agreement {
            Agreement::Partial { id } => {
                let resumed = self.engine.resume_stream(order, id);
                let database = resumed.ok_or(Lost::Superseded)?;
                self.stream(order, wire, rest, database)
            }
            Agreement::Full { id, offset } => {
                self.engine.replication.set_link(order, Stage::Sync);
                let (rest, database) = self.full_sync(order, &mut wire, rest, (id, offset))?;
                self.stream(order, wire, rest, database)
            }
        }
    }

    fn connect(&self, order: &Order, verb: &str) -> Result<Wire, Lost> {
        let Some(primary) = &order.primary else { return Err(Lost::Superseded) };
        let host = primary.host.to_string_lossy();
        log::notice(format_args!("{verb} to MASTER {host}:{}", primary.port));
        let config = self.engine.config();
        let mut wire = Wire::begin(&host, primary.port, &config).map_err(|error| {
            log::warning(format_args!("Unable to connect to MASTER: {}", reason(&error)));
            Lost::Attempt
        })?;
        log::notice("MASTER <-> REPLICA sync started");
        self.engine.replication.set_link(order, Stage::Connecting);
        let silence = Silence::begin();
        loop {
            self.check(order)?;
            match wire.is_connected(&self.bell, PATIENCE) {
                Ok(true) => break,
                Ok(false) => self.bell.hear(),
                Err(error) => {
                    log::warning(format_args!(
                        "Error condition on socket for SYNC: {}",
                        reason(&error)
                    ));
                    return Err(Lost::Attempt);
                }
            }
            if self.timeout() < silence.length() {
                log::warning("Timeout connecting to the MASTER...");
                return Err(Lost::Attempt);
            }
        }
        log::notice("Non blocking connect for SYNC fired the event.");
        if let Err(error) = wire.set_up(&config) {
            log::verbose(format_args!("Error setting up the link's socket: {error}"));
        }
        if config.tls.replication {
            self.encrypt(order, &mut wire, &host, silence)?;
        }
        Ok(wire)
    }

    /// Makes the connection an encrypted one.
    fn encrypt(
        &self,
        order: &Order,
        wire: &mut Wire,
        host: &str,
        silence: Silence,
    ) -> Result<(), Lost> {
        let failed = |error: &std::io::Error| {
            log::warning(format_args!("Error condition on socket for SYNC: {}", reason(error)));
            Lost::Attempt
        };
        let Some(terms) = self.terms.client() else {
            log::warning("Error condition on socket for SYNC: nothing says whom to trust");
            return Err(Lost::Attempt);
        };
        wire.encrypt(terms, host).map_err(|error| failed(&error))?;
        while !wire.shake_hands().map_err(|error| failed(&error))? {
            self.check(order)?;
            if wire.wait(&self.bell, PATIENCE).map_err(|error| failed(&error))?.rung {
                self.bell.hear();
            }
            if self.timeout() < silence.length() {
                log::warning("Timeout connecting to the MASTER...");
                return Err(Lost::Attempt);
            }
        }
        Ok(())
    }

    /// Gives what was agreed on, and what has come behind that.
    fn shake_hands(&self, order: &Order, wire: &mut Wire) -> Result<(Agreement, Vec<u8>), Lost> {
        let introduction = self.engine.introduction(order).ok_or(Lost::Superseded)?;
        let now_ms = || self.clock.read().monotonic_us / 1000;
        let (mut joining, first) = Joining::begin(introduction, now_ms());
        let failed = |error: &std::io::Error| {
            log::warning(format_args!("Failed to send a command to the MASTER: {}", reason(error)));
            Lost::Attempt
        };
        wire.send(&first).map_err(|error| failed(&error))?;
        let mut buffer = vec![0; HANDSHAKE_BYTES];
        loop {
            self.check(order)?;
            let count = match wire.read(&mut buffer) {
                Ok(Some(count)) if 0 < count => count,
                Ok(None) => {
                    let timeout_ms = u64::try_from(self.timeout().as_millis()).unwrap_or(u64::MAX);
                    if joining.is_overdue(now_ms(), timeout_ms) {
                        log::warning("Timeout connecting to the MASTER...");
                        return Err(Lost::Attempt);
                    }
                    let ready = wire.wait(&self.bell, PATIENCE);
                    if ready.map_err(|error| failed(&error))?.rung {
                        self.bell.hear();
                    }
                    continue;
                }
                Ok(Some(_)) | Err(_) => {
                    log::warning(if joining.is_asking_for_sync() {
                        "Master did not reply to PSYNC, will try later"
                    } else {
                        "Master did not respond to command during SYNC handshake"
                    });
                    return Err(Lost::Attempt);
                }
            };
            let received = buffer.get(..count).unwrap_or_default();
            let mut course = Course::default();
            let outcome = joining.receive(received, now_ms(), &mut course);
            for (weight, line) in &course.lines {
                match weight {
                    Weight::Notice => log::notice(line),
                    Weight::Warning => log::warning(line),
                }
            }
            if let Err(refused) = outcome {
                log::warning(refused);
                if joining.is_asking_for_sync() {
                    self.engine.note_refused(order);
                }
                return Err(Lost::Attempt);
            }
            if let Some(agreement) = course.agreement {
                self.engine.note_agreed(order);
                let rest = received.get(course.consumed..).unwrap_or_default();
                return Ok((agreement, rest.to_vec()));
            }
            wire.send(&course.reply).map_err(|error| failed(&error))?;
        }
    }
}
