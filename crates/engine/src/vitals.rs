//! What the server notes about itself between calls, for INFO and MEMORY.
//!
//! Counters alone tell no rates, and no extremes: so some times a second [`Vitals::sample`] looks at them, and workers leave
//! here what only they know (how long keys still live, how many are there). Who asks reads what was noted last; the
//! crash report relies on that, since then nobody may wait for a worker.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use keyspace::DatabaseSize;
use parking_lot::Mutex;

use crate::statistics::{Numbers, WorkerStatistics};

/// What was noted.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    rates: Mutex<Rates>,
    startup_bytes: OnceLock<usize>,
    peak_bytes: AtomicUsize,
    databases: Mutex<Vec<DatabaseVitals>>,
    stale_percent: Mutex<f64>,
}

/// A logical database, as last noted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct DatabaseVitals {
    pub(crate) size: DatabaseSize,
    /// Of the keys that expire; a moving average, in ms.
    pub(crate) average_life_ms: f64,
}

/// How fast things go: averages over the last 16 samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    pub(crate) commands_per_s: f64,
    pub(crate) input_bytes_per_s: f64,
    pub(crate) output_bytes_per_s: f64,
    pub(crate) cycles_per_s: f64,
    /// Microseconds that a round of an event loop takes.
    pub(crate) cycle_us: f64,
}

const SAMPLES: usize = 16;
/// Milliseconds between samples; a little less than 100, so that a timer that is early does not skip one.
const INTERVAL_MS: i64 = 90;

#[derive(Debug, Default)]
struct Rates {
    /// When the counters were read last, and what they were.
    last: Option<(i64, Counters)>,
    samples: [Pace; SAMPLES],
    next: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    commands: u64,
    input_bytes: u64,
    output_bytes: u64,
    cycles: u64,
    cycles_us: u64,
}

impl Vitals {
    /// Looks at the counters and at the memory used.
    pub(crate) fn sample(&self, now_ms: i64, workers: &[WorkerStatistics], used_memory: usize) {
        self.startup_bytes.get_or_init(|| used_memory);
        self.peak_bytes.fetch_max(used_memory, Ordering::Relaxed);
        let mut rates = self.rates.lock();
        if rates.last.is_some_and(|(last_ms, _)| (0..INTERVAL_MS).contains(&(now_ms - last_ms))) {
            return;
        }
        let mut counters = Counters::default();
        for worker in workers {
            worker.read(|numbers| counters.add(numbers));
        }
        rates.note(now_ms, counters);
    }

    /// How fast things go.
    pub(crate) fn pace(&self) -> Pace {
        self.rates.lock().pace()
    }

    /// Forgets rates, as CONFIG RESETSTAT asks.
    pub(crate) fn reset(&self) {
        *self.rates.lock() = Rates::default();
        *self.stale_percent.lock() = 0.0;
    }

    /// Bytes used when the server had started; `used_memory` is what is used now.
    pub(crate) fn startup_bytes(&self, used_memory: usize) -> usize {
        *self.startup_bytes.get_or_init(|| used_memory)
    }

    /// The most bytes that were ever seen in use; `used_memory` is what is used now.
    pub(crate) fn peak_bytes(&self, used_memory: usize) -> usize {
        self.peak_bytes.fetch_max(used_memory, Ordering::Relaxed).max(used_memory)
    }

    /// Notes the sizes of all databases.
    pub(crate) fn note_sizes(&self, sizes: &[DatabaseSize]) {
        let mut databases = self.databases.lock();
        databases.resize(sizes.len(), DatabaseVitals::default());
        for (database, size) in databases.iter_mut().zip(sizes) {
            database.size = *size;
            if size.expiring == 0 {
                database.average_life_ms = 0.0;
            }
        }
    }

    /// Notes how long keys of a database that a worker looked at still live: the sum in ms, and how many they were.
    pub(crate) fn note_lives(&self, database: usize, sum_ms: i64, count: i64) {
        /// What one key leaves of the average before it.
        const KEPT: f64 = 0.98;
        let mut databases = self.databases.lock();
        if count <= 0 {
            return;
        }
        if databases.len() <= database {
            databases.resize_with(database + 1, Default::default);
        }
        let vitals = &mut databases[database];
        let average = float(sum_ms) / float(count);
        let before = vitals.average_life_ms;
        vitals.average_life_ms = if before == 0.0 {
            average
        } else {
            average + (before - average) * KEPT.powi(i32::try_from(count).unwrap_or(i32::MAX))
        };
    }

    /// The databases as last noted.
    pub(crate) fn databases(&self) -> Vec<DatabaseVitals> {
        self.databases.lock().clone()
    }

    /// Notes how many of the expiring keys that the search looked at had expired.
    pub(crate) fn note_search(&self, seen: usize, expired: usize) {
        if 0 < seen {
            let mut percent = self.stale_percent.lock();
            let share = float(expired) * 100.0 / float(seen);
            *percent = share * 0.05 + *percent * 0.95;
        }
    }

    /// About how many percent of the expiring keys have expired and are still there.
    pub(crate) fn stale_percent(&self) -> f64 {
        *self.stale_percent.lock()
    }
}

impl Rates {
    fn note(&mut self, now_ms: i64, counters: Counters) {
        if let Some((last_ms, last)) = self.last
            && last_ms < now_ms
        {
            let rate = |now: u64, before: u64| {
                float(now.saturating_sub(before)) * 1000.0 / float(now_ms - last_ms)
            };
            let cycles = counters.cycles.saturating_sub(last.cycles);
            let cycles_us = counters.cycles_us.saturating_sub(last.cycles_us);
            self.samples[self.next] = Pace {
                commands_per_s: rate(counters.commands, last.commands),
                input_bytes_per_s: rate(counters.input_bytes, last.input_bytes),
                output_bytes_per_s: rate(counters.output_bytes, last.output_bytes),
                cycles_per_s: rate(counters.cycles, last.cycles),
                cycle_us: float(cycles_us) / float(cycles.max(1)),
            };
            self.next = (self.next + 1) % SAMPLES;
        }
        self.last = Some((now_ms, counters));
    }

    fn pace(&self) -> Pace {
        let average =
            |of: fn(&Pace) -> f64| self.samples.iter().map(of).sum::<f64>() / float(SAMPLES);
        Pace {
            commands_per_s: average(|pace| pace.commands_per_s),
            input_bytes_per_s: average(|pace| pace.input_bytes_per_s),
            output_bytes_per_s: average(|pace| pace.output_bytes_per_s),
            cycles_per_s: average(|pace| pace.cycles_per_s),
            cycle_us: average(|pace| pace.cycle_us),
        }
    }
}

impl Counters {
    fn add(&mut self, numbers: &Numbers) {
        self.commands += numbers.commands_processed;
        self.input_bytes += numbers.net_input_bytes;
        self.output_bytes += numbers.net_output_bytes;
        self.cycles += numbers.event_loop_cycles;
        self.cycles_us += numbers.event_loop_us;
    }
}

/// A count as a number to divide; what is lost beyond 2^53 does not show in a ratio.
pub(crate) fn float<T>(count: T) -> f64
where
    i128: TryFrom<T>,
{
    #[expect(clippy::cast_precision_loss, reason = "ratios are shown with few digits")]
    let number = i128::try_from(count).unwrap_or(i128::MAX) as f64;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(commands: u64) -> Vec<WorkerStatistics> {
        let worker = WorkerStatistics::new(0);
        worker.update(|numbers| {
            numbers.commands_processed = commands;
            numbers.event_loop_cycles = commands;
            numbers.event_loop_us = 7 * commands;
        });
        vec![worker]
    }

    #[test]
    fn rates_are_averages_of_sixteen_samples() {
        let vitals = Vitals::default();
        vitals.sample(1000, &workers(0), 10);
        assert_eq!(vitals.pace(), Pace::default(), "one look gives no rate");
        vitals.sample(1010, &workers(500), 10);
        assert_eq!(vitals.pace(), Pace::default(), "too soon for another look");
        for round in 1..=16 {
            vitals.sample(1000 + 100 * round, &workers(round.unsigned_abs() * 50), 10);
        }
        let pace = vitals.pace();
        assert!((pace.commands_per_s - 500.0).abs() < 1e-9, "{pace:?}");
        assert!((pace.cycle_us - 7.0).abs() < 1e-9, "{pace:?}");
        vitals.reset();
        assert_eq!(vitals.pace(), Pace::default());
    }

    #[test]
    fn a_clock_set_back_does_not_stop_sampling() {
        let vitals = Vitals::default();
        vitals.sample(1_000_000, &workers(0), 0);
        vitals.sample(1000, &workers(0), 0);
        vitals.sample(1100, &workers(16), 0);
        assert!((vitals.pace().commands_per_s - 10.0).abs() < 1e-9);
    }

    #[test]
    fn memory_at_the_start_and_at_most_is_kept() {
        let vitals = Vitals::default();
        for used in [100, 300, 200] {
            vitals.sample(0, &[], used);
        }
        assert_eq!((vitals.startup_bytes(5), vitals.peak_bytes(250)), (100, 300));
        assert_eq!(vitals.peak_bytes(400), 400);
    }

    #[test]
    fn lives_are_averaged_until_nothing_expires() {
        let vitals = Vitals::default();
        let size = |expiring| [DatabaseSize { keys: 5, expiring, ..DatabaseSize::default() }];
        vitals.note_lives(0, 1000, 1);
        vitals.note_sizes(&size(2));
        vitals.note_lives(0, 2000, 2);
        assert!((vitals.databases()[0].average_life_ms - 1000.0).abs() < 1e-9);
        vitals.note_lives(0, 2000, 1);
        assert!((vitals.databases()[0].average_life_ms - 1020.0).abs() < 1e-9);
        vitals.note_sizes(&size(0));
        assert!(vitals.databases()[0].average_life_ms == 0.0);
    }
}
