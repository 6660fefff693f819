//! What is counted, each thing once.
//!
//! A worker counts in its own [`Numbers`], whose lock nobody else holds but now and then for INFO. While a batch of calls
//! runs, it notes what it executed in a [`Tally`] of its own, and adds that to the numbers once at the end: one lock a batch.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use command::CommandId;
use keyspace::ExpiredFields;
use parking_lot::Mutex;
use resp::ReplyError;

use crate::clients::ClientId;
use crate::durations::Durations;
use crate::effects::{Gathered, Recorded};

/// One worker's numbers, on cache lines of their own (in pairs, as some processors fetch them).
#[derive(Debug)]
#[repr(align(128))]
pub struct WorkerStatistics {
    numbers: Mutex<Numbers>,
    /// When its round began, in microseconds of the monotonic clock; 0 between two rounds.
    round_began_us: AtomicU64,
    /// The client that it serves, or has served last.
    serves: AtomicU64,
}

/// Everything that is counted.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Calls executed.
    pub commands_processed: u64,
    /// Connections accepted.
    pub connections_received: u64,
    /// Connections refused because there were too many.
    pub rejected_connections: u64,
    /// Keys removed because they had expired.
    pub expired_keys: u64,
    /// Fields of hashes removed because they had expired.
    pub expired_fields: u64,
    /// Times that the search for expired keys ran out of time.
    pub expired_time_cap_reached: u64,
    /// Microseconds spent in the search for expired keys.
    pub expire_cycle_us: u64,
    /// Keys evicted.
    pub evicted_keys: u64,
    /// Clients closed to make room.
    pub evicted_clients: u64,
    /// Lookups that found a key.
    pub keyspace_hits: u64,
    /// Lookups that found none.
    pub keyspace_misses: u64,
    /// Bytes received.
    pub net_input_bytes: u64,
    /// Bytes sent.
    pub net_output_bytes: u64,
    /// Error replies.
    pub error_replies: u64,
    /// Calls that ended with an error of the server's own.
    pub internal_errors: u64,
    /// Reads from clients.
    pub reads_processed: u64,
    /// Writes to clients.
    pub writes_processed: u64,
    /// Clients closed because they hit a limit on their query buffer.
    pub client_query_buffer_limit_disconnections: u64,
    /// Clients closed because they hit a limit on their output buffer.
    pub client_output_buffer_limit_disconnections: u64,
    /// Event loop rounds.
    pub event_loop_cycles: u64,
    /// Microseconds spent in them.
    pub event_loop_us: u64,
    /// Microseconds of those spent in commands.
    pub event_loop_command_us: u64,
    /// Values changed since the start.
    pub changes: u64,
    /// By id of the command.
    pub commands: Vec<CommandNumbers>,
    /// Error replies by code.
    pub errors: BTreeMap<String, u64>,
    /// There were too many codes, and they are not counted any more.
    errors_stopped: bool,
}

/// What is counted for a command.
#[derive(Clone, Debug, Default)]
pub struct CommandNumbers {
    /// Calls executed.
    pub calls: u64,
    /// Nanoseconds that they took.
    pub nanoseconds: u64,
    /// Calls refused before they began.
    pub rejected: u64,
    /// Calls that ended with an error.
    pub failed: u64,
    /// How long calls took, while latency is tracked.
    pub(crate) latency: Option<Durations>,
}

impl WorkerStatistics {
    /// All zero, for `commands` commands.
    pub fn new(commands: usize) -> WorkerStatistics {
        WorkerStatistics {
            numbers: Mutex::new(Numbers {
                commands: vec![CommandNumbers::default(); commands],
                ..Numbers::default()
            }),
            round_began_us: AtomicU64::new(0),
            serves: AtomicU64::new(0),
        }
    }

    /// The worker begins a round.
    pub fn begin_round(&self, monotonic_us: u64) {
        self.round_began_us.store(monotonic_us.max(1), Relaxed);
    }

    /// The worker's round is over.
    pub fn end_round(&self) {
        self.round_began_us.store(0, Relaxed);
    }

    /// When the worker's round began, if it is in one.
    pub fn round_began_us(&self) -> Option<u64> {
        Some(self.round_began_us.load(Relaxed)).filter(|us| *us != 0)
    }

    /// The worker turns to a client.
    pub fn serve(&self, client: ClientId) {
        self.serves.store(client, Relaxed);
    }

    /// The client that the worker turned to last.
    pub fn serves(&self) -> ClientId {
        self.serves.load(Relaxed)
    }

    /// Changes the numbers.
    pub fn update(&self, change: impl FnOnce(&mut Numbers)) {
        change(&mut self.numbers.lock());
    }

    /// Looks at the numbers.
    pub fn read<R>(&self, look: impl FnOnce(&Numbers) -> R) -> R {
        look(&self.numbers.lock())
    }

    /// Counts a call whose wait has ended.
    pub(crate) fn count_call(&self, command: CommandId) {
        self.update(|numbers| {
            numbers.commands_processed += 1;
            if let Some(command) = numbers.commands.get_mut(usize::from(command)) {
                command.calls += 1;
            }
        });
    }

    /// Counts an error that has ended a wait.
    pub(crate) fn count_failure(&self, command: CommandId, error: &ReplyError) {
        self.update(|numbers| {
            numbers.count_error(error.code().into_owned());
            if let Some(command) = numbers.commands.get_mut(usize::from(command)) {
                command.failed += 1;
            }
        });
    }

    /// Begins again at zero, as CONFIG RESETSTAT asks; counts of the whole life are kept.
    pub fn reset(&self) {
        let mut numbers = self.numbers.lock();
        *numbers = Numbers {
            commands: vec![CommandNumbers::default(); numbers.commands.len()],
            changes: numbers.changes,
            ..Numbers::default()
        };
    }
}

/// Calls that a worker has executed and not yet added to its numbers.
#[derive(Debug, Default)]
pub struct Tally {
    calls: Vec<Counted>,
    /// Codes of error replies.
    errors: Vec<String>,
    /// Commands whose calls failed in a way that `calls` does not say.
    failures: Vec<CommandId>,
    /// An error was counted since a call has last begun or ended.
    has_erred: bool,
    /// Values changed.
    pub changes: u64,
    /// Keys removed because they had expired.
    pub expired: u64,
    /// Fields of hashes removed because they had expired.
    pub expired_fields: u64,
    /// Keys evicted.
    pub evicted: u64,
    /// Where the stream of effects ended after the last call of the batch that was recorded.
    pub(crate) recorded: Recorded,
    /// Calls of the batch that are still to be recorded.
    pub(crate) gathered: Gathered,
}

/// A call to be counted.
#[derive(Clone, Copy, Debug)]
struct Counted {
    command: CommandId,
    nanoseconds: u64,
    fate: Fate,
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// With a reply.
    Done,
    /// With an error.
    Failed,
    /// It was refused.
    Rejected,
}

/// Error replies told apart by their code. Scripts make up codes, which could fill the memory: when there are more, none is counted any
/// more until CONFIG RESETSTAT, as in Redis.
const ERROR_CODES: usize = 128;
const STOPPED: &str = "ERRORSTATS_DISABLED";

impl Tally {
    /// Notes a call of the command with this id.
    #[inline]
    pub fn call(&mut self, command: CommandId, nanoseconds: u64, fate: Fate) {
        self.calls.push(Counted { command, nanoseconds, fate });
    }

    /// Notes where the stream of effects ended after something was recorded.
    #[inline]
    pub(crate) fn note_recorded(&mut self, recorded: Recorded) {
        self.recorded.file = recorded.file.or(self.recorded.file);
        self.recorded.replicas = recorded.replicas.or(self.recorded.replicas);
    }

    /// Counts fields of hashes that were removed because they had expired.
    pub fn note_expired_fields(&mut self, expired: &[ExpiredFields]) {
        self.expired_fields +=
            expired.iter().map(|expired| expired.names.len() as u64).sum::<u64>();
    }

    /// Notes an error reply.
    pub fn error(&mut self, code: &str) {
        self.errors.push(code.to_owned());
        self.has_erred = true;
    }

    /// Notes that a call of a command has failed by an error that was counted before.
    pub fn failure(&mut self, command: CommandId) {
        self.failures.push(command);
    }

    /// A call begins: errors from here on are its errors, but for those of calls within it.
    #[inline]
    pub fn begin_call(&mut self) {
        self.has_erred = false;
    }

    /// The call that has begun last ends, or is refused; whether an error was counted since a call has last begun or ended.
    #[inline]
    pub fn end_call(&mut self) -> bool {
        std::mem::take(&mut self.has_erred)
    }

    /// Adds everything to the worker's numbers. `hits` and `misses` are taken from the round.
    pub fn settle(
        &mut self,
        statistics: &WorkerStatistics,
        round: &mut keyspace::Round,
        tracking: bool,
    ) {
        let numbers = &mut *statistics.numbers.lock();
        numbers.keyspace_hits += std::mem::take(&mut round.hits);
        numbers.keyspace_misses += std::mem::take(&mut round.misses);
        numbers.expired_keys += std::mem::take(&mut self.expired);
        numbers.expired_fields += std::mem::take(&mut self.expired_fields);
        numbers.evicted_keys += std::mem::take(&mut self.evicted);
        numbers.changes += std::mem::take(&mut self.changes);
        let mut spent_ns = 0;
        // Calls that follow each other are often of the same command.
        for alike in self.calls.chunk_by(|one, next| one.command == next.command) {
            let id = alike.first().map_or(0, |call| usize::from(call.command));
            let Some(command) = numbers.commands.get_mut(id) else { continue };
            let (calls, nanoseconds) = command.count(alike, tracking);
            numbers.commands_processed += calls;
            spent_ns += nanoseconds;
        }
        self.calls.clear();
        for id in self.failures.drain(..) {
            if let Some(command) = numbers.commands.get_mut(usize::from(id)) {
                command.failed += 1;
            }
        }
        numbers.event_loop_command_us += spent_ns / 1000;
        for code in self.errors.drain(..) {
            numbers.count_error(code);
        }
    }
}

impl CommandNumbers {
    /// Counts calls of this command; says how many of them were executed, and how many nanoseconds they took together.
    fn count(&mut self, calls: &[Counted], tracking: bool) -> (u64, u64) {
        let (mut executed, mut spent_ns) = (0, 0);
        for call in calls {
            if call.fate != Fate::Done {
                if call.fate == Fate::Rejected {
                    self.rejected += 1;
                    continue;
                }
                self.failed += 1;
            }
            executed += 1;
            spent_ns += call.nanoseconds;
            if tracking {
                self.latency.get_or_insert_with(Durations::new).record(call.nanoseconds);
            }
        }
        self.calls += executed;
        self.nanoseconds += spent_ns;
        (executed, spent_ns)
    }
}

impl Numbers {
    /// The sum of all workers' numbers.
    pub fn sum<'a>(workers: impl Iterator<Item = &'a WorkerStatistics>) -> Numbers {
        let mut sum = Numbers::default();
        for worker in workers {
            sum.add(&worker.numbers.lock());
        }
        sum
    }

    /// Counts an error reply by its code.
    pub fn count_error(&mut self, code: String) {
        self.error_replies += 1;
        if self.errors_stopped {
            return;
        }
        if self.errors.len() == ERROR_CODES && !self.errors.contains_key(&code) {
            return self.stop_errors();
        }
        *self.errors.entry(code).or_default() += 1;
    }

    fn stop_errors(&mut self) {
        self.errors_stopped = true;
        self.errors = BTreeMap::from([(STOPPED.to_owned(), 1)]);
    }

    fn add(&mut self, other: &Numbers) {
        self.commands_processed += other.commands_processed;
        self.connections_received += other.connections_received;
        self.rejected_connections += other.rejected_connections;
        self.expired_keys += other.expired_keys;
        self.expired_fields += other.expired_fields;
        self.expired_time_cap_reached += other.expired_time_cap_reached;
        self.expire_cycle_us += other.expire_cycle_us;
        self.evicted_keys += other.evicted_keys;
        self.evicted_clients += other.evicted_clients;
        self.keyspace_hits += other.keyspace_hits;
        self.keyspace_misses += other.keyspace_misses;
        self.net_input_bytes += other.net_input_bytes;
        self.net_output_bytes += other.net_output_bytes;
        self.error_replies += other.error_replies;
        self.internal_errors += other.internal_errors;
        self.reads_processed += other.reads_processed;
        self.writes_processed += other.writes_processed;
        self.client_query_buffer_limit_disconnections +=
            other.client_query_buffer_limit_disconnections;
        self.client_output_buffer_limit_disconnections +=
            other.client_output_buffer_limit_disconnections;
        self.event_loop_cycles += other.event_loop_cycles;
        self.event_loop_us += other.event_loop_us;
        self.event_loop_command_us += other.event_loop_command_us;
        self.changes += other.changes;
        self.commands
            .resize_with(self.commands.len().max(other.commands.len()), CommandNumbers::default);
        for (sum, other) in self.commands.iter_mut().zip(&other.commands) {
            sum.add(other);
        }
        if self.errors_stopped {
            return;
        }
        for (code, count) in &other.errors {
            *self.errors.entry(code.clone()).or_default() += count;
        }
        if other.errors_stopped || ERROR_CODES < self.errors.len() {
            self.stop_errors();
        }
    }
}

impl CommandNumbers {
    fn add(&mut self, other: &CommandNumbers) {
        self.calls += other.calls;
        self.nanoseconds += other.nanoseconds;
        self.rejected += other.rejected;
        self.failed += other.failed;
        match (&mut self.latency, &other.latency) {
            (Some(sum), Some(other)) => sum.add(other),
            (None, Some(other)) => self.latency = Some(other.clone()),
            (_, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::testing::Server;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        /// However calls of several commands follow on one another, each is counted for its own, and as it ended.
        #[test]
        fn each_call_is_counted_once(
            calls in vec((0..4_u16, 0..2_000_000_000_u64, select(vec![Fate::Done, Fate::Failed, Fate::Rejected])), 0..60),
            tracking: bool,
        ) {
            /// There is one less than the calls are of.
            const COMMANDS: u16 = 3;
            let statistics = WorkerStatistics::new(usize::from(COMMANDS));
            let mut server = Server::new();
            for batch in calls.chunks(16) {
                let mut tally = Tally::default();
                for &(command, nanoseconds, fate) in batch {
                    tally.call(command, nanoseconds, fate);
                }
                tally.settle(&statistics, &mut server.worker.round, tracking);
            }
            let numbers = statistics.numbers.lock();
            let known = calls.iter().filter(|call| call.0 < COMMANDS && call.2 != Fate::Rejected);
            prop_assert_eq!(numbers.commands_processed, known.count() as u64);
            for (id, told) in (0..COMMANDS).zip(&numbers.commands) {
                let own = || calls.iter().filter(|call| call.0 == id);
                let ended = |fate| own().filter(|call| call.2 == fate).count() as u64;
                let executed = ended(Fate::Done) + ended(Fate::Failed);
                prop_assert_eq!((told.calls, told.failed), (executed, ended(Fate::Failed)));
                prop_assert_eq!(told.rejected, ended(Fate::Rejected));
                let spent_ns: u64 = own().filter(|call| call.2 != Fate::Rejected).map(|call| call.1).sum();
                prop_assert_eq!(told.nanoseconds, spent_ns);
                let tracked = told.latency.as_ref().map(Durations::calls);
                prop_assert_eq!(tracked, (tracking && 0 < executed).then_some(executed));
            }
        }
    }
}
