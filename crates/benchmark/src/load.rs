//! The load itself: threads, each with its own connections, event loop, keys and histogram, so that
//! they share nothing while they run.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::event::{Timespec, epoll};
use rustix::time::{ClockId, clock_gettime};

use crate::Failure;
use crate::connection::{Connection, Errors};
use crate::options::Options;
use crate::subscribers::Subscribers;
use crate::workload::{Batch, Numbers, Test};

/// Longest latency told apart; what takes longer counts as this.
const LONGEST: Duration = Duration::from_mins(1);

/// Significant digits of latencies.
const DIGITS: u8 = 3;

/// Bytes read at once: more than the replies of a batch of usual size.
const READ_BYTES: usize = 256 * 1024;

/// Events taken at once.
const EVENTS: usize = 512;

/// Before a batch is due the loop stops sleeping this much earlier and spins: waking up takes
/// tens of microseconds, which is not the server's.
const SPIN: Duration = Duration::from_micros(200);

/// How long to wait for events when nothing is due; then the time limit is looked at.
const TICK: Duration = Duration::from_millis(100);

/// What came of a test.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) errors: Errors,
    pub(crate) elapsed: Duration,
    /// Processor time of this program meanwhile.
    pub(crate) processor: Duration,
    /// Nanoseconds, one for each request.
    pub(crate) latency: Histogram<u64>,
    /// The longest of each segment of the run, in nanoseconds.
    pub(crate) longest: Vec<u64>,
}

/// Loads the server with `test`.
pub(crate) fn run(options: &Options, test: Test) -> Result<Outcome, Failure> {
    let barrier = Barrier::new(options.threads + 1);
    thread::scope(|scope| {
        let mut running = Vec::new();
        for index in 0..options.threads {
            let barrier = &barrier;
            let thread = thread::Builder::new()
                .name(format!("load-{index}"))
                .spawn_scoped(scope, move || {
                    let load = Load::prepare(options, test, index);
                    // Everyone passes, also with an error, lest the others wait for ever.
                    barrier.wait();
                    load?.run()
                })
                .map_err(Failure::Thread)?;
            running.push(thread);
        }
        barrier.wait();
        let (start, processor) = (Instant::now(), processor_time());
        let mut outcome = Outcome::empty(options);
        let mut failure = None;
        for thread in running {
            match thread.join() {
                Ok(Ok(part)) => outcome.add(part),
                Ok(Err(error)) => failure = Some(error),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        outcome.elapsed = start.elapsed();
        outcome.processor = processor_time().saturating_sub(processor);
        failure.map_or(Ok(outcome), Err)
    })
}

impl Outcome {
    fn empty(options: &Options) -> Outcome {
        Outcome {
            requests: 0,
            errors: Errors::default(),
            elapsed: Duration::ZERO,
            processor: Duration::ZERO,
            latency: histogram(),
            longest: vec![0; options.segments],
        }
    }

    fn add(&mut self, part: Outcome) {
        self.requests += part.requests;
        self.errors.count += part.errors.count;
        self.errors.first = self.errors.first.take().or(part.errors.first);
        self.latency.add(&part.latency).expect("histograms of the same bounds add up");
        for (longest, other) in self.longest.iter_mut().zip(part.longest) {
            *longest = other.max(*longest);
        }
    }
}

/// What one thread works with.
struct Load<'a> {
    options: &'a Options,
    epoll: std::os::fd::OwnedFd,
    connections: Vec<Connection>,
    /// Connections without a batch under way.
    idle: Vec<usize>,
    /// Who listens, numbered from behind the connections on.
    subscribers: Subscribers,
    /// Replies to a request.
    replies: usize,
    batch: Batch,
    numbers: Numbers,
    /// Requests not yet sent.
    left: u64,
    /// When the next batch is due, and how long after it the one after that; `None` if not paced.
    pace: Option<Pace>,
    buffer: Vec<u8>,
    outcome: Outcome,
}

struct Pace {
    next: Instant,
    interval: Duration,
}

impl<'a> Load<'a> {
    fn prepare(options: &'a Options, test: Test, index: usize) -> Result<Load<'a>, Failure> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(std::io::Error::from)?;
        let count = share(options.clients as u64, options.threads, index);
        let mut connections = Vec::new();
        for number in 0..count {
            let connection = Connection::open(options)?;
            let data = epoll::EventData::new_u64(number);
            epoll::add(&epoll, connection.as_fd(), data, epoll::EventFlags::IN)
                .map_err(std::io::Error::from)?;
            connections.push(connection);
        }
        let subscribers = Subscribers::open(options, &epoll, count)?;
        let threads = options.threads as u64;
        let pace = options.rate.map(|rate| Pace {
            next: Instant::now(),
            #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
            interval: Duration::from_secs_f64(
                options.pipeline as f64 * options.threads as f64 / rate,
            ),
        });
        Ok(Load {
            options,
            epoll,
            idle: (0..connections.len()).collect(),
            connections,
            subscribers,
            replies: test.replies(),
            batch: Batch::new(options, test),
            numbers: Numbers::new(options, index as u64, threads),
            left: share(options.requests, options.threads, index),
            pace,
            buffer: vec![0; READ_BYTES],
            outcome: Outcome::empty(options),
        })
    }

    fn run(mut self) -> Result<Outcome, Failure> {
        let start = Instant::now();
        if let Some(pace) = &mut self.pace {
            pace.next = start;
        }
        let mut events = Vec::with_capacity(EVENTS);
        let mut last_look = start;
        loop {
            if self.options.duration.is_some_and(|limit| limit < last_look - start) {
                self.left = 0;
            }
            self.begin_due(last_look)?;
            if self.left == 0
                && self.idle.len() == self.connections.len()
                && self.subscribers.have_all()
            {
                return Ok(self.outcome);
            }
            events.clear();
            let timeout = self.timeout(Instant::now());
            let spare = rustix::buffer::spare_capacity(&mut events);
            match epoll::wait(&self.epoll, spare, Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Failure::Connection(error.into())),
            }
            last_look = Instant::now();
            for event in &events {
                let event: &epoll::Event = event;
                let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                self.handle(index, event.flags)?;
            }
        }
    }

    /// Begins the batches for which there is a connection and, if paced, whose time has come.
    fn begin_due(&mut self, now: Instant) -> Result<(), Failure> {
        while 0 < self.left && !self.idle.is_empty() {
            let due = match &mut self.pace {
                None => now,
                Some(pace) if now < pace.next => return Ok(()),
                Some(pace) => {
                    let due = pace.next;
                    pace.next += pace.interval;
                    due
                }
            };
            if let Some(index) = self.idle.pop() {
                self.begin(index, due)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, index: usize, due: Instant) -> Result<(), Failure> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.options.pipeline);
        self.left -= count as u64;
        let bytes = self.batch.prepare(count, &mut self.numbers);
        let connection = &mut self.connections[index];
        if connection.begin(bytes, count * self.replies, due)? {
            self.watch(index, epoll::EventFlags::IN | epoll::EventFlags::OUT)?;
        }
        Ok(())
    }

    fn handle(&mut self, index: usize, flags: epoll::EventFlags) -> Result<(), Failure> {
        if let Some(subscriber) = index.checked_sub(self.connections.len()) {
            return self.subscribers.receive(subscriber, &mut self.buffer);
        }
        let connection = &mut self.connections[index];
        if flags.contains(epoll::EventFlags::OUT) && !connection.go_on()? {
            self.watch(index, epoll::EventFlags::IN)?;
        }
        if !flags
            .intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR)
        {
            return Ok(());
        }
        let connection = &mut self.connections[index];
        let waiting = connection.missing;
        connection.receive(&mut self.buffer, &mut self.outcome.errors)?;
        if 0 < connection.missing || waiting == 0 {
            return Ok(());
        }
        let now = Instant::now();
        let latency = u64::try_from((now - connection.due).as_nanos()).unwrap_or(u64::MAX).max(1);
        let count = (connection.batch / self.replies) as u64;
        self.outcome.latency.saturating_record_n(latency, count);
        self.note_longest(latency);
        self.outcome.requests += count;
        // Not paced, the next batch goes out at once: an event less to wait for.
        if self.pace.is_none() && 0 < self.left {
            self.begin(index, now)
        } else {
            self.idle.push(index);
            Ok(())
        }
    }

    /// Notes a latency for the segment of the run in which the requests were answered.
    fn note_longest(&mut self, latency: u64) {
        let share = share(self.options.requests, self.options.threads, 0).max(1);
        let segments = self.outcome.longest.len() as u64;
        let segment = u128::from(self.outcome.requests) * u128::from(segments) / u128::from(share);
        let segment = usize::try_from(segment).unwrap_or(usize::MAX);
        if let Some(longest) = self.outcome.longest.get_mut(segment) {
            *longest = latency.max(*longest);
        }
    }

    fn watch(&self, index: usize, flags: epoll::EventFlags) -> Result<(), Failure> {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::modify(&self.epoll, self.connections[index].as_fd(), data, flags)
            .map_err(|error| Failure::Connection(error.into()))
    }

    fn timeout(&self, now: Instant) -> Timespec {
        let wait = match &self.pace {
            Some(pace) if !self.idle.is_empty() && 0 < self.left => {
                pace.next.saturating_duration_since(now).saturating_sub(SPIN).min(TICK)
            }
            Some(_) | None => TICK,
        };
        Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        }
    }
}

/// Part `index` of `parts` of a whole that need not divide evenly.
fn share(whole: u64, parts: usize, index: usize) -> u64 {
    let (parts, index) = (parts as u64, index as u64);
    whole / parts + u64::from(index < whole % parts)
}

fn histogram() -> Histogram<u64> {
    let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
    Histogram::new_with_bounds(1, longest, DIGITS).expect("the bounds are valid")
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use harness::{Oracle, Server, Value, Version};

    use super::*;
    use crate::options::Keys;
    use crate::workload::Values;

    fn server() -> Server {
        match Oracle::find(Version::V70) {
            Ok(oracle) => oracle.launch().start(),
            Err(missing) => panic!("{missing}"),
        }
    }

    fn options(server: &Server) -> Options {
        Options {
            port: server.port(),
            clients: 7,
            threads: 2,
            pipeline: 8,
            requests: 1003,
            keys: Keys::Sequential { first: 0 },
            values: Values::Bytes(100),
            ..Options::default()
        }
    }

    #[test]
    fn every_request_is_sent_once_and_counted() {
        let server = server();
        let outcome = run(&options(&server), Test::Set).unwrap();
        assert_eq!((outcome.requests, outcome.latency.len()), (1003, 1003));
        assert_eq!((outcome.errors.count, outcome.errors.first), (0, None));
        let mut client = server.client();
        assert_eq!(client.run("DBSIZE"), Value::Integer(1003));
        assert_eq!(client.run("STRLEN key:000000001002"), Value::Integer(100));
        let outcome = run(&options(&server), Test::Get).unwrap();
        assert_eq!((outcome.requests, outcome.errors.count), (1003, 0));
    }

    #[test]
    fn every_segment_has_its_longest_latency() {
        let server = server();
        let outcome = run(&Options { segments: 10, ..options(&server) }, Test::Set).unwrap();
        let longest = outcome.longest.iter().copied().max().unwrap();
        assert_eq!(outcome.longest.len(), 10);
        assert!(outcome.longest.iter().all(|&longest| 0 < longest), "{:?}", outcome.longest);
        assert!(outcome.latency.equivalent(longest, outcome.latency.max()));
    }

    #[test]
    fn subscribers_receive_every_message() {
        let server = server();
        let options = Options {
            subscribers: 20,
            threads: 1,
            requests: 503,
            tests: vec![Test::Publish],
            ..options(&server)
        };
        let outcome = run(&options, Test::Publish).unwrap();
        assert_eq!((outcome.requests, outcome.errors.count), (503, 0));
    }

    #[test]
    fn transactions_are_counted_once() {
        let server = server();
        let outcome = run(&options(&server), Test::Multi).unwrap();
        assert_eq!((outcome.requests, outcome.errors.count), (1003, 0));
        assert_eq!(server.client().run("DBSIZE"), Value::Integer(10030));
    }

    #[test]
    fn error_replies_are_counted_and_the_first_is_kept() {
        let server = server();
        let mut client = server.client();
        for number in 0..1003 {
            client.run(&format!("SET counter:{number:012} word"));
        }
        let outcome = run(&options(&server), Test::Incr).unwrap();
        assert_eq!((outcome.requests, outcome.errors.count), (1003, 1003));
        let first = outcome.errors.first.unwrap();
        assert_eq!(first, "-ERR value is not an integer or out of range");
    }

    #[test]
    fn a_paced_load_keeps_its_pace() {
        let server = server();
        let options =
            Options { rate: Some(2000.0), requests: 400, pipeline: 1, ..options(&server) };
        let outcome = run(&options, Test::Ping).unwrap();
        assert_eq!(outcome.requests, 400);
        // 400 at 2000 a second: never sooner, however fast the server is.
        assert!(Duration::from_millis(195) < outcome.elapsed, "{:?}", outcome.elapsed);
    }

    #[test]
    fn a_load_of_some_time_ends() {
        let server = server();
        let options = Options {
            duration: Some(Duration::from_millis(50)),
            requests: u64::MAX,
            keys: Keys::Random(100),
            ..options(&server)
        };
        let outcome = run(&options, Test::Incr).unwrap();
        assert!(0 < outcome.requests && outcome.errors.count == 0, "{outcome:?}");
    }

    #[test]
    fn a_wrong_password_is_told() {
        let oracle = Oracle::find(Version::V70).unwrap_or_else(|missing| panic!("{missing}"));
        let server = oracle.launch().line("requirepass right").start();
        let with = |password: &str| {
            let options = Options { password: Some(password.to_owned()), ..options(&server) };
            run(&options, Test::Ping).map(|outcome| outcome.requests)
        };
        assert_eq!(with("right").unwrap(), 1003);
        assert!(matches!(with("wrong"), Err(Failure::Refused(_))));
    }

    #[test]
    fn shares_add_up() {
        for (whole, parts) in [(10, 3), (1, 4), (0, 2), (u64::MAX, 7)] {
            let sum: u64 = (0..parts).map(|index| share(whole, parts, index)).sum();
            assert_eq!(sum, whole);
        }
    }
}
