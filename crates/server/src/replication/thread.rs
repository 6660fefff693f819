//! The thread that serves replicas.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ::replication::Backlog;
use ::replication::backlog::BLOCK_BYTES;
use config::persistence::AppendSync;
use engine::replication::{BacklogFigures, Failover};
use engine::{Engine, Feed, Served as ServedClient, Take};

use super::full_sync::FullSyncs;
use super::link::{Acknowledged, Link, Served, Stage};
use super::{MUCH_BYTES, Newcomer, Order, Replication, Rest};
use crate::clock::Moment;
use crate::log;
use crate::worker::poller::{Interest, Poller, Token};
use crate::worker::{Mail, Mailbox};

/// The thread, as the one who started it knows it.
pub(crate) struct Feeder {
    replication: Arc<Replication>,
    thread: JoinHandle<()>,
}

impl Feeder {
    /// Starts the thread.
    pub(crate) fn start(
        replication: Arc<Replication>,
        engine: &'static Engine,
    ) -> std::io::Result<Feeder> {
        // There is one engine in a process.
        let _first = replication.engine.set(engine);
        let shared = Arc::clone(&replication);
        // Before anybody is served: clients may leave no descriptor for it.
        let epoll = Poller::descriptor()?;
        let run = move || {
            let poller = Poller::of(epoll);
            match poller.add(&shared.bell, BELL, Interest::READ) {
                Ok(()) => Feeding::new(engine, shared, poller).run(),
                Err(error) => engine.host.give_up(&format!("Can't serve replicas: {error}")),
            }
        };
        let thread = std::thread::Builder::new().name("replication".to_owned()).spawn(run)?;
        Ok(Feeder { replication, thread })
    }

    /// Sends replicas what there is, waits until they have it if that is wanted, and ends the thread. No worker runs any more.
    pub(crate) fn stop(self, waits: bool) {
        self.replication.order(Order::Stop { waits });
        // If it panicked, that was reported.
        let _panicked = self.thread.join();
    }
}

const BELL: Token = Token(u64::MAX);

/// How often it is seen what is due.
const TICK_US: u64 = 100_000;
/// What is due once a second is.
const SECOND_US: u64 = 1_000_000;

/// How long it dozes after it has sent something: replicas are behind by no more than that, and many small writes go out together.
const DOZE_US: u64 = 500;
/// The same where much was recorded: to wake it, and for it to wake replicas, costs more than what it sends.
const BUSY_DOZE_US: u64 = 3000;
/// So many bytes in one turn are much.
const BUSY_BYTES: u64 = 32 << 10;
/// The same while nobody is sent anything, and the stream is only kept.
const LONELY_DOZE_US: u64 = 10_000;

/// As many rooms for what is recorded are kept.
const MOST_ROOMS: usize = 16;

/// The stream of a moment that is to be on disk before replicas may know of it.
struct Held {
    file_end: u64,
    pieces: Vec<Vec<u8>>,
}

/// What the thread has.
pub(super) struct Feeding {
    pub(super) engine: &'static Engine,
    pub(super) shared: Arc<Replication>,
    poller: Poller,
    /// By the id of the client.
    pub(super) links: BTreeMap<u64, Link>,
    pub(super) backlog: Option<Backlog>,
    /// That of the stream in the backlog.
    epoch: u64,
    held: VecDeque<Held>,
    /// Room for what is recorded next, each for a block.
    rooms: Vec<Vec<u8>>,
    /// How many bytes were recorded since it rested last.
    drained: u64,
    /// Whether part of what was recorded was left for the next time.
    has_left: bool,
    pub(super) full_syncs: FullSyncs,
    /// Monotonic.
    next_tick_us: u64,
    next_second_us: u64,
    next_ping_us: u64,
    /// Since when there is no replica; monotonic.
    alone_since_us: u64,
    stopping: bool,
    /// The server does not end before replicas have everything, within `shutdown-timeout`.
    waits_at_end: bool,
}

impl Feeding {
    fn new(engine: &'static Engine, shared: Arc<Replication>, poller: Poller) -> Feeding {
        let now_us = shared.clock.read().monotonic_us;
        Feeding {
            engine,
            shared,
            poller,
            links: BTreeMap::new(),
            backlog: None,
            epoch: 0,
            held: VecDeque::new(),
            rooms: Vec::new(),
            drained: 0,
            has_left: false,
            full_syncs: FullSyncs::default(),
            next_tick_us: now_us,
            next_second_us: now_us,
            next_ping_us: now_us,
            alone_since_us: now_us,
            stopping: false,
            waits_at_end: false,
        }
    }

    fn run(&mut self) {
        while !self.stopping {
            self.turn();
            self.sleep();
        }
        self.take_leave();
    }

    /// Does what there is to do.
    fn turn(&mut self) {
        // Whatever is asked from here on is for the next turn.
        let was_rung = self.shared.rung.swap(false, Ordering::SeqCst);
        // Who was cut off before they asked is another one than who asks.
        let orders = std::mem::take(&mut *self.shared.orders.lock());
        if self.engine.replication.take_cut() {
            self.cut_all();
        }
        self.obey(orders);
        if was_rung {
            self.drain();
        } else if self.has_left || self.shared.untaken(self.engine) != 0 {
            self.drain_in_passing();
        } else {
            self.release();
        }
        self.ask();
        self.look_at_full_sync();
        self.send_all();
        let now = self.shared.clock.read();
        if self.next_tick_us <= now.monotonic_us {
            self.next_tick_us = now.monotonic_us + TICK_US;
            self.tick(now);
        }
        self.trim();
    }

    /// Waits until there is something to do, and reads what replicas say.
    fn sleep(&mut self) {
        let drained = std::mem::take(&mut self.drained);
        let rest = self.next_rest(drained);
        self.shared.rest.store(rest as u8, Ordering::SeqCst);
        std::sync::atomic::fence(Ordering::SeqCst);
        let now_us = self.shared.clock.read().monotonic_us;
        let most_us = self.next_tick_us.saturating_sub(now_us);
        let timeout_us = match rest {
            _ if self.is_busy(rest) => 0,
            Rest::Dozing if self.links.values().any(Link::is_online) => {
                most_us.min(if drained < BUSY_BYTES { DOZE_US } else { BUSY_DOZE_US })
            }
            Rest::Dozing => most_us.min(LONELY_DOZE_US),
            Rest::Awake | Rest::Asleep => most_us,
        };
        let waited = self.poller.wait(timeout_us);
        self.shared.rest.store(Rest::Awake as u8, Ordering::Release);
        if let Err(error) = waited {
            self.engine.host.give_up(&format!("Can't wait for replicas: {error}"));
        }
        self.receive_ready();
    }

    /// How it rests: where something was recorded just now, more is likely to come. Whoever waits for replicas is not kept waiting.
    fn next_rest(&self, drained: u64) -> Rest {
        if 0 < drained && !self.engine.replication.is_awaited() {
            Rest::Dozing
        } else {
            Rest::Asleep
        }
    }

    /// Reads what replicas say.
    fn receive_ready(&mut self) {
        let mut index = 0;
        let mut said_something = false;
        while let Some(readiness) = self.poller.ready(index) {
            index += 1;
            if readiness.token == BELL {
                self.shared.bell.hear();
                continue;
            }
            let Some(link) = self.links.get_mut(&readiness.token.0) else { continue };
            if readiness.writable {
                link.is_blocked = false;
            }
            if readiness.readable || readiness.hung_up {
                match link.receive() {
                    Ok(Some(said)) => {
                        said_something = true;
                        self.note_acknowledged(readiness.token.0, said);
                    }
                    Ok(None) => {}
                    Err(_) => self.drop_link(readiness.token.0),
                }
            }
        }
        if said_something {
            self.weigh_and_answer();
        }
    }

    /// Whether there is something to do without being woken, which does not wait until this rest is over.
    fn is_busy(&self, rest: Rest) -> bool {
        let end = self.end();
        let least_bytes = if rest == Rest::Dozing { MUCH_BYTES } else { 1 };
        self.shared.rung.load(Ordering::SeqCst)
            || least_bytes <= self.shared.untaken(self.engine)
            || (rest == Rest::Asleep && self.has_left)
            || self.full_syncs.has_ended()
            || self.links.values().any(|link| !link.is_blocked && link.has_output(end))
            || self.held.front().is_some_and(|held| self.may_know(held.file_end))
    }

    /// The offset up to which replicas may be told.
    pub(super) fn end(&self) -> u64 {
        self.backlog.as_ref().map_or(0, Backlog::end)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.shared.clock.read().monotonic_us / 1000
    }

    pub(super) fn unix_ms(&self) -> i64 {
        i64::try_from(self.shared.clock.read().unix_us / 1000).unwrap_or(i64::MAX)
    }

    fn obey(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Adopt(newcomer) => self.adopt(*newcomer),
                Order::Stop { waits } => {
                    self.stopping = true;
                    self.waits_at_end = waits;
                }
            }
        }
    }

    /// Takes all that was recorded into the backlog.
    pub(super) fn drain(&mut self) {
        self.take(Take::All);
    }

    /// Takes what was recorded into the backlog, while more is likely to come. Unless somebody waits for it, the last piece is left
    /// until it is full: it becomes a block as it is then, and need not be copied. It comes with the next turn, be it full or not.
    fn drain_in_passing(&mut self) {
        let is_awaited = self.engine.replication.is_awaited();
        self.take(if is_awaited { Take::All } else { Take::Full });
    }

    fn take(&mut self, take: Take) {
        let mut pieces = Vec::new();
        let taken = self.engine.effects.take_replication(&mut pieces, &mut self.rooms, take);
        self.has_left = taken.left != 0;
        // What was left is not to wake it.
        self.shared.taken.store(taken.end.saturating_add(taken.left), Relaxed);
        let bytes: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        self.drained += bytes;
        let begins = taken.epoch != self.epoch || self.backlog.is_none();
        if begins && (taken.feed != Feed::Off || 0 < bytes) {
            // What comes now does not follow from what there was.
            self.epoch = taken.epoch;
            self.held.clear();
            self.cut_all();
            self.backlog = Some(Backlog::new(taken.end.saturating_sub(bytes)));
        }
        if 0 < bytes {
            self.held.push_back(Held { file_end: taken.file_end, pieces });
        }
        self.release();
    }

    /// Whether what was recorded up to this end of the file may be known to others.
    fn may_know(&self, file_end: u64) -> bool {
        let engine = self.engine;
        !engine.effects.has_file()
            || engine.config().persistence.append_sync != AppendSync::Always
            || file_end <= engine.append_only.acknowledged()
    }

    /// Appends to the backlog what may be known to others.
    fn release(&mut self) {
        while let Some(held) = self.held.front()
            && self.may_know(held.file_end)
        {
            let Some(held) = self.held.pop_front() else { return };
            let Some(backlog) = &mut self.backlog else { return };
            for piece in held.pieces {
                let room = backlog.append(piece);
                if self.rooms.len() < MOST_ROOMS && room.capacity() == BLOCK_BYTES {
                    self.rooms.push(room);
                }
            }
        }
    }

    /// Appends all that was recorded, be it on disk or not: a snapshot has it as well.
    pub(super) fn release_all(&mut self) {
        let Some(backlog) = &mut self.backlog else { return };
        for held in self.held.drain(..) {
            for piece in held.pieces {
                backlog.append(piece);
            }
        }
    }

    /// Asks replicas how far they are, if somebody wants to know.
    fn ask(&mut self) {
        if self.engine.replication.failover() == Failover::None
            && self.engine.replication.takes_question()
        {
            if self.links.values().any(Link::is_online) {
                self.engine.effects.insert(b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n");
                self.drain();
            }
            // Something may have been acknowledged before the question.
            self.answer_waits();
        }
    }

    fn note_acknowledged(&mut self, id: u64, said: Acknowledged) {
        let unix_ms = self.unix_ms();
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(&id) else { return };
        // Nobody has more than there is.
        let end = self.backlog.as_ref().map_or(0, Backlog::end);
        let durable = said.durable.map(|durable| durable.min(end));
        link.attached.acknowledge(said.offset.min(end), durable, unix_ms);
        link.attached.client.last_call_ms.store(unix_ms, Relaxed);
        if matches!(link.stage, Stage::Transmitted) {
            link.enter(Stage::Online, now_ms);
            self.welcome(id);
        }
    }

    /// Says that a replica is up to date, but for what is on its way.
    pub(super) fn welcome(&self, id: u64) {
        if let Some(link) = self.links.get(&id) {
            log::notice(format_args!(
                "Synchronization with replica {} succeeded",
                link.attached.name()
            ));
        }
        self.weigh_and_answer();
    }

    /// Notes how many replicas are good, and answers those who wait for them.
    pub(super) fn weigh_and_answer(&self) {
        let most_lag_s = self.engine.config().replication.min_replicas_max_lag_s;
        self.engine.replication.weigh_replicas(most_lag_s, self.unix_ms());
        self.answer_waits();
        self.look_at_failover();
    }

    fn answer_waits(&self) {
        tell_workers(&self.shared.mailboxes, self.engine.end_acknowledged());
    }

    /// Sends to all replicas what there is for them.
    fn send_all(&mut self) {
        let end = self.end();
        let now_ms = self.now_ms();
        let mut sent = 0;
        let mut gone = Vec::new();
        let mut transmitted = Vec::new();
        for (&id, link) in &mut self.links {
            if link.attached.client.killed.load(Relaxed) {
                gone.push(id);
                continue;
            }
            if link.is_blocked || (!link.closes() && !link.has_output(end)) {
                continue;
            }
            let (served, count) = link.send(self.backlog.as_ref(), now_ms);
            sent += count;
            match served {
                Served::Goes => {}
                Served::Transmitted => transmitted.push(id),
                Served::Ends => gone.push(id),
            }
            if link.closes() && served == Served::Goes && !link.has_output(end) {
                gone.push(id);
                continue;
            }
            let interest = link.wants();
            if interest != link.interest {
                link.interest = interest;
                if self.poller.change(&link.socket, Token(id), interest).is_err() {
                    gone.push(id);
                }
            }
        }
        if 0 < sent {
            self.engine.replication.counts().sent_bytes.fetch_add(sent, Relaxed);
        }
        for id in transmitted {
            self.note_transmitted(id);
        }
        for id in gone {
            self.drop_link(id);
        }
    }

    /// Begins to serve a connection.
    pub(super) fn enter(&mut self, link: Link) {
        let id = link.attached.client.id;
        if let Err(error) = self.poller.add(&link.socket, Token(id), link.interest) {
            log::warning(format_args!("Error registering a replica's socket: {error}"));
            self.engine.clients.remove(id);
            return;
        }
        self.engine.replication.attach(Arc::clone(&link.attached));
        self.links.insert(id, link);
    }

    /// Closes a replica's connection.
    pub(super) fn drop_link(&mut self, id: u64) {
        let Some(link) = self.links.remove(&id) else { return };
        log::notice(format_args!("Connection with replica {} lost.", link.attached.name()));
        self.engine.replication.detach(&link.attached);
        self.engine.clients.remove(id);
        if self.links.is_empty() {
            self.alone_since_us = self.shared.clock.read().monotonic_us;
        }
        let most_lag_s = self.engine.config().replication.min_replicas_max_lag_s;
        self.engine.replication.weigh_replicas(most_lag_s, self.unix_ms());
    }

    /// Closes all replicas' connections: they are to ask anew.
    fn cut_all(&mut self) {
        let ids: Vec<u64> = self.links.keys().copied().collect();
        for id in ids {
            self.drop_link(id);
        }
    }

    fn tick(&mut self, now: Moment) {
        self.check_limits();
        let every_second = self.next_second_us <= now.monotonic_us;
        if every_second {
            self.next_second_us = now.monotonic_us + SECOND_US;
            self.ping(now);
            self.drop_silent();
            self.forget_history(now);
            self.weigh_and_answer();
        }
        self.look_at_failover();
        self.begin_full_sync_if_due();
        let end = self.end();
        self.links.values().for_each(|link| link.note_buffers(end));
    }

    /// Sends replicas a ping now and then, so that they know that there is nothing else; and those who wait for a snapshot
    /// something that is nothing.
    fn ping(&mut self, now: Moment) {
        let config = self.engine.config();
        for link in self.links.values_mut() {
            if matches!(link.stage, Stage::Waiting | Stage::Saving) {
                link.say(b"\n");
            }
        }
        if now.monotonic_us < self.next_ping_us || self.links.is_empty() {
            return;
        }
        self.next_ping_us =
            now.monotonic_us + u64::from(config.replication.ping_period_s) * SECOND_US;
        // Nothing is to come after what a replica has that takes over.
        if self.engine.replication.failover() == Failover::None {
            self.engine.effects.insert(b"*1\r\n$4\r\nPING\r\n");
        }
    }

    /// Closes the connections of replicas of which nothing was heard for long, or that take nothing.
    fn drop_silent(&mut self) {
        let timeout_s = self.engine.config().replication.timeout_s;
        let (unix_ms, now_ms) = (self.unix_ms(), self.now_ms());
        let mut silent = Vec::new();
        for (&id, link) in &self.links {
            let kind = match &link.stage {
                Stage::Online | Stage::Transmitted
                    if !link.is_old && i64::from(timeout_s) < link.attached.lag_s(unix_ms) =>
                {
                    "streaming"
                }
                Stage::Streaming { .. } | Stage::File { .. }
                    if link.is_blocked
                        && u64::from(timeout_s) * 1000
                            < now_ms.saturating_sub(link.progress_ms) =>
                {
                    "full"
                }
                Stage::Waiting
                | Stage::Saving
                | Stage::File { .. }
                | Stage::Streaming { .. }
                | Stage::Transmitted
                | Stage::Online => continue,
            };
            log::warning(format_args!(
                "Disconnecting timedout replica ({kind} sync): {}",
                link.attached.name()
            ));
            silent.push(id);
        }
        for id in silent {
            self.drop_link(id);
        }
    }

    /// Closes the connections of replicas for which too much waits.
    fn check_limits(&mut self) {
        let config = self.engine.config();
        let limit = config.limits.output_buffer.replica;
        // What is kept for those that come back costs nothing more.
        let least = config.replication.backlog_bytes;
        let (end, now_ms) = (self.end(), self.now_ms());
        let mut over = Vec::new();
        for (&id, link) in &mut self.links {
            let pending = link.pending(end);
            let is_over = |bytes: u64| 0 < bytes && bytes.max(least) < pending;
            if is_over(limit.soft_bytes) {
                let since_ms = *link.over_soft_limit_since_ms.get_or_insert(now_ms);
                if u64::from(limit.soft_s) * 1000 < now_ms.saturating_sub(since_ms) {
                    over.push(id);
                }
            } else {
                link.over_soft_limit_since_ms = None;
            }
            if is_over(limit.hard_bytes) && over.last() != Some(&id) {
                over.push(id);
            }
        }
        for id in over {
            if let Some(link) = self.links.get(&id) {
                link.note_buffers(end);
                let client =
                    link.attached.client.describe(self.unix_ms(), &self.engine.commands, None);
                log::warning(format_args!(
                    "Client {client} scheduled to be closed ASAP for overcoming of output buffer limits."
                ));
            }
            self.engine.statistics[0]
                .update(|numbers| numbers.client_output_buffer_limit_disconnections += 1);
            self.drop_link(id);
        }
    }

    /// Forgets the backlog when no replica has come for long.
    fn forget_history(&mut self, now: Moment) {
        let ttl_s = self.engine.config().replication.backlog_ttl_s;
        let alone_us = now.monotonic_us.saturating_sub(self.alone_since_us);
        if ttl_s == 0
            || self.backlog.is_none()
            || !self.links.is_empty()
            || self.engine.replication.is_replica()
            || alone_us <= ttl_s.saturating_mul(SECOND_US)
        {
            return;
        }
        let engine = self.engine;
        let Some(closed) = engine.keyspace.gates().close_unless(|| engine.is_busy()) else {
            return;
        };
        if self.shared.orders.lock().is_empty() && !engine.replication.is_replica() {
            engine.end_history();
            self.drain();
            self.backlog = None;
            self.held.clear();
            engine.replication.note_backlog(None);
            log::notice(format_args!(
                "Replication backlog freed after {ttl_s} seconds without connected replicas."
            ));
        }
        drop(closed);
    }

    /// Forgets what nobody needs of the backlog, and notes what it holds.
    fn trim(&mut self) {
        let wanted = self.engine.config().replication.backlog_bytes;
        let held = self.links.values().filter_map(|link| link.cursor).min();
        let Some(backlog) = &mut self.backlog else { return };
        backlog.trim(wanted, held);
        self.engine.replication.note_backlog(Some(BacklogFigures {
            start: backlog.start(),
            length: backlog.len(),
            memory: backlog.memory(),
            held: backlog.len().saturating_sub(wanted),
        }));
    }

    /// Sends replicas what there is, and waits until they have read it, which they tell by closing their end. To close ours at once could
    /// lose what is on its way.
    fn take_leave(&mut self) {
        self.abandon_full_sync();
        self.drain();
        self.release_all();
        let begun: Vec<u64> =
            self.links.iter().filter(|(_, link)| !link.is_online()).map(|(&id, _)| id).collect();
        for id in begun {
            self.drop_link(id);
        }
        let end = self.end();
        let count = self.links.len();
        if count == 0 {
            return;
        }
        let patience_s =
            if self.waits_at_end { self.engine.config().process.shutdown_timeout_s } else { 0 };
        let deadline = Instant::now() + Duration::from_secs(patience_s.into());
        self.send_all();
        while !self.links.is_empty() && Instant::now() < deadline {
            self.send_all();
            for link in self.links.values_mut().filter(|link| !link.has_output(end)) {
                link.finish();
            }
            if self.poller.wait(10_000).is_err() {
                return;
            }
            self.receive_ready();
        }
        log::notice(format_args!(
            "{} of {count} replicas are in sync when shutting down.",
            count.saturating_sub(self.links.len())
        ));
    }

    fn adopt(&mut self, newcomer: Newcomer) {
        if newcomer.record.killed.load(Relaxed) {
            self.engine.clients.remove(newcomer.record.id);
            return;
        }
        self.admit(newcomer);
    }
}

/// Tells the workers of clients whose waits have ended.
pub(crate) fn tell_workers(mailboxes: &[Mailbox], served: Vec<ServedClient>) {
    for served in served {
        if let Some(mailbox) = mailboxes.get(served.worker()) {
            mailbox.send(Mail::Served(served));
        }
    }
}
