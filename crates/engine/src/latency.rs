//! How long calls take: the latency monitor behind LATENCY, and the distribution of each command's durations.
//!
//! The monitor notes what took at least `latency-monitor-threshold` milliseconds, by kind of event, the worst of every second,
//! and keeps the last 160 of them. The distributions are the [`Durations`] that the statistics keep for each command.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

use crate::Engine;
use crate::durations::Durations;

/// Calls of commands that should take constant or logarithmic time.
pub(crate) const FAST_COMMAND: &str = "fast-command";
/// Calls of all others.
pub(crate) const COMMAND: &str = "command";
/// The search for expired keys.
pub(crate) const EXPIRE_CYCLE: &str = "expire-cycle";
/// Making room.
pub(crate) const EVICTION_CYCLE: &str = "eviction-cycle";
/// What begins the names of all that is done to the append-only file.
pub(crate) const APPEND_ONLY: &str = "aof-";
/// Writing it, whatever else goes on.
const WRITE: &str = "aof-write";
/// Writing it while it is being forced to the disk.
const WRITE_DURING_SYNC: &str = "aof-write-pending-fsync";
/// Writing it while a snapshot is made.
const WRITE_DURING_SAVE: &str = "aof-write-active-child";
/// Writing it while there is nothing else to do for the disk.
const WRITE_ALONE: &str = "aof-write-alone";
/// Forcing it to the disk before replies are sent.
const SYNC: &str = "aof-fsync-always";
/// Putting its new base in its place.
const RENAME: &str = "aof-rename";

/// What is done to the append-only file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileDeed {
    /// It is written.
    Write,
    /// It is forced to the disk before replies are sent.
    Sync,
    /// Its new base gets its name.
    Rename,
}

/// How many samples are kept of an event.
const SAMPLES: usize = 160;

/// What took long, by event.
#[derive(Debug, Default)]
pub(crate) struct LatencyMonitor {
    events: Mutex<BTreeMap<&'static str, Series>>,
}

/// An event's samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Series {
    /// In ascending order of time, one a second at most.
    pub(crate) samples: VecDeque<Sample>,
    /// Of all samples ever noted, in ms.
    pub(crate) worst_ms: u64,
}

/// The worst case of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Unix time.
    pub(crate) time_s: i64,
    pub(crate) latency_ms: u64,
}

impl LatencyMonitor {
    /// Notes how long something took.
    pub(crate) fn note(&self, event: &'static str, time_s: i64, latency_ms: u64) {
        let mut events = self.events.lock();
        let series = events.entry(event).or_default();
        series.worst_ms = series.worst_ms.max(latency_ms);
        match series.samples.back_mut() {
            Some(last) if last.time_s == time_s => {
                last.latency_ms = last.latency_ms.max(latency_ms);
            }
            _ => {
                if series.samples.len() == SAMPLES {
                    series.samples.pop_front();
                }
                series.samples.push_back(Sample { time_s, latency_ms });
            }
        }
    }

    /// An event's samples, if it ever happened.
    pub(crate) fn series(&self, event: &[u8]) -> Option<(&'static str, Series)> {
        let events = self.events.lock();
        let found = events.iter().find(|(name, _)| name.as_bytes() == event);
        found.map(|(name, series)| (*name, series.clone()))
    }

    /// All events.
    pub(crate) fn all(&self) -> Vec<(&'static str, Series)> {
        self.events.lock().iter().map(|(name, series)| (*name, series.clone())).collect()
    }

    /// Forgets all events.
    pub(crate) fn clear(&self) -> usize {
        let mut events = self.events.lock();
        let count = events.len();
        events.clear();
        count
    }

    /// Forgets an event; says whether there was anything to forget.
    pub(crate) fn forget(&self, event: &[u8]) -> bool {
        let mut events = self.events.lock();
        let before = events.len();
        events.retain(|name, _| name.as_bytes() != event);
        events.len() < before
    }
}

impl Engine {
    /// Does something to the append-only file, and notes how long that took if that is worth a note. `now_s` reads the unix time.
    pub fn watch_file<Done>(
        &self,
        deed: FileDeed,
        now_s: impl FnOnce() -> i64,
        run: impl FnOnce() -> Done,
    ) -> Done {
        let threshold_ms = self.config().latency.monitor_threshold_ms;
        if threshold_ms == 0 {
            return run();
        }
        let names: &[&'static str] = match deed {
            FileDeed::Sync => &[SYNC],
            FileDeed::Rename => &[RENAME],
            FileDeed::Write if self.append_only.figures().is_syncing => &[WRITE, WRITE_DURING_SYNC],
            FileDeed::Write if self.saving.busy().is_some() => &[WRITE, WRITE_DURING_SAVE],
            FileDeed::Write => &[WRITE, WRITE_ALONE],
        };
        let before = (self.ticks)();
        let done = run();
        let took_ms = (self.ticks)().wrapping_sub(before) / 1_000_000;
        if threshold_ms <= took_ms {
            let now_s = now_s();
            for name in names {
                self.latency.note(name, now_s, took_ms);
            }
        }
        done
    }
}

/// How many calls took up to so many microseconds, where that number rises: doubling steps, each named by the largest
/// duration that its histogram does not tell from the step itself.
pub(crate) fn cumulative(durations: &Durations) -> Vec<(u64, u64)> {
    /// The first step, in nanoseconds.
    const FIRST: u64 = 1024;
    const STEPS: u32 = 20;
    /// The last step, which ends the histogram.
    const LAST: u64 = (1 << 30) - 1;
    let mut shown = Vec::new();
    let mut before = 0;
    for step in (0..STEPS).map(|step| FIRST << step).chain([LAST]) {
        let highest = durations.last_alike(step);
        let count = durations.calls_within(highest);
        if before < count {
            shown.push((highest / 1000, count));
            before = count;
        }
    }
    shown
}

/// The duration that so many percent of the calls did not exceed, in microseconds.
pub(crate) fn percentile_us(durations: &Durations, percent: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a second in nanoseconds is exact")]
    let nanoseconds = durations.percentile(percent) as f64;
    nanoseconds / 1000.0
}

/// As many samples of a graph stand beside each other.
const COLUMNS: usize = 80;

/// A sparkline of an event's samples: four rows of columns, and under each column how long ago it was.
pub(crate) fn graph(event: &str, series: &Series, now_s: i64) -> String {
    let latencies = || series.samples.iter().map(|sample| sample.latency_ms);
    let (low, high) = (latencies().min().unwrap_or(0), latencies().max().unwrap_or(0));
    let mut text = format!(
        "{event} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        series.worst_ms,
        "-".repeat(COLUMNS)
    );
    let samples: Vec<Sample> = series.samples.iter().copied().collect();
    let parts: Vec<String> =
        samples.chunks(COLUMNS).map(|part| graph_part(part, (low, high), now_s)).collect();
    text.push_str(&parts.join("\n"));
    text
}

/// The columns of some samples, of which the lowest and the highest of all have the heights 0 and 1.
fn graph_part(samples: &[Sample], (low, high): (u64, u64), now_s: i64) -> String {
    const ROWS: u64 = 4;
    /// What a row shows of a column that ends in it, from low to high.
    const TOPS: [char; 3] = ['_', 'o', '#'];
    let steps = ROWS * TOPS.len() as u64;
    let height = |sample: &Sample| match high - low {
        0 => 0,
        range => ((sample.latency_ms - low) * steps / range).min(steps - 1),
    };
    let mut text = String::new();
    let mut push_row = |character: &dyn Fn(&Sample) -> char| {
        text.extend(samples.iter().map(character));
        text.push('\n');
    };
    for row in (0..ROWS).rev() {
        push_row(&|sample| {
            let (full, top) = (height(sample) / 3, height(sample) % 3);
            match row.cmp(&full) {
                std::cmp::Ordering::Less => '|',
                std::cmp::Ordering::Equal => TOPS[usize::try_from(top).unwrap_or(0)],
                std::cmp::Ordering::Greater => ' ',
            }
        });
    }
    push_row(&|_| ' ');
    let age = |sample: &Sample| age(now_s - sample.time_s);
    for row in 0..samples.iter().map(|sample| age(sample).len()).max().unwrap_or(0) {
        push_row(&|sample| age(sample).chars().nth(row).unwrap_or(' '));
    }
    text
}

/// A duration in its largest unit: `5s`, `12m`.
fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// What the samples of an event say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Analysis {
    pub(crate) samples: usize,
    pub(crate) average_ms: u64,
    /// How far samples are from the average, on average.
    pub(crate) deviation_ms: u64,
    /// Seconds between them, on average.
    pub(crate) period_s: f64,
    pub(crate) worst_ms: u64,
}

impl Series {
    /// What the samples say together.
    pub(crate) fn analysis(&self, now_s: i64) -> Analysis {
        let count = self.samples.len().max(1) as u64;
        let average_ms = self.samples.iter().map(|sample| sample.latency_ms).sum::<u64>() / count;
        let distance: u64 =
            self.samples.iter().map(|sample| sample.latency_ms.abs_diff(average_ms)).sum();
        let first_s = self.samples.front().map_or(now_s, |sample| sample.time_s);
        Analysis {
            samples: self.samples.len(),
            average_ms,
            deviation_ms: distance / count,
            period_s: crate::vitals::float(now_s - first_s) / crate::vitals::float(count),
            worst_ms: self.worst_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Server, hasten};

    #[test]
    fn the_worst_of_a_second_is_kept_and_the_oldest_go() {
        let monitor = LatencyMonitor::default();
        for latency_ms in [5, 9, 7] {
            monitor.note(COMMAND, 100, latency_ms);
        }
        let (name, series) = monitor.series(b"command").expect("it was noted");
        assert_eq!((name, series.worst_ms), (COMMAND, 9));
        assert_eq!(series.samples, [Sample { time_s: 100, latency_ms: 9 }]);
        (101..).take(SAMPLES).for_each(|time_s| monitor.note(COMMAND, time_s, 1));
        let (_, series) = monitor.series(b"command").expect("it was noted");
        assert_eq!((series.samples.len(), series.worst_ms), (SAMPLES, 9));
        assert_eq!(series.samples[0].time_s, 101);
    }

    #[test]
    fn events_are_forgotten_one_by_one_or_all() {
        let monitor = LatencyMonitor::default();
        monitor.note(COMMAND, 1, 1);
        monitor.note(FAST_COMMAND, 1, 1);
        assert!(!monitor.forget(b"fork"));
        assert!(monitor.forget(b"command"));
        assert!(monitor.series(b"command").is_none());
        assert_eq!((monitor.clear(), monitor.clear()), (1, 0));
    }

    #[test]
    fn what_the_file_takes_has_the_names_that_operators_know() {
        let mut server = Server::new();
        let mut take = |threshold_ms: u64, deed, is_syncing| {
            server.say(&format!("CONFIG SET latency-monitor-threshold {threshold_ms}"));
            server.engine.append_only.update(|figures| figures.is_syncing = is_syncing);
            hasten(100_000_000);
            let done = server.engine.watch_file(deed, || 1_700_000_000, || "done");
            hasten(1000);
            assert_eq!(done, "done");
            let events = server.engine.latency.all();
            server.say("LATENCY RESET");
            assert!(events.iter().all(|(_, series)| series.worst_ms == 100), "{events:?}");
            events.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert!(take(0, FileDeed::Write, false).is_empty(), "nobody asks");
        assert!(take(101, FileDeed::Write, false).is_empty(), "that is not long");
        assert_eq!(take(100, FileDeed::Write, false), ["aof-write", "aof-write-alone"]);
        assert_eq!(take(100, FileDeed::Write, true), ["aof-write", "aof-write-pending-fsync"]);
        assert_eq!(take(100, FileDeed::Sync, false), ["aof-fsync-always"]);
        assert_eq!(take(100, FileDeed::Rename, false), ["aof-rename"]);
    }

    #[test]
    fn durations_are_counted_in_doubling_steps() {
        let mut durations = Durations::new();
        for nanoseconds in [100, 1000, 1031, 1032, 33_000, 500_000_000, 999_000_000] {
            durations.record(nanoseconds);
        }
        let steps = [(1, 3), (2, 4), (33, 5), (541_065, 6), (1_073_741, 7)];
        assert_eq!(cumulative(&durations), steps);
        assert!((percentile_us(&durations, 50.0) - 1.039).abs() < 1e-9);
    }

    #[test]
    fn graphs_have_a_column_for_each_sample() {
        let mut series = Series::default();
        for (time_s, latency_ms) in [(10, 10), (70, 20), (99, 40)] {
            series.samples.push_back(Sample { time_s, latency_ms });
        }
        series.worst_ms = 50;
        let text = graph(COMMAND, &series, 100);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "command - high 40 ms, low 10 ms (all time high 50 ms)");
        assert_eq!(lines[2..], ["  #", "  |", " o|", "_||", "   ", "131", "m0s", " s "]);
    }

    #[test]
    fn samples_are_analysed() {
        let samples =
            [(100, 10), (110, 30)].map(|(time_s, latency_ms)| Sample { time_s, latency_ms });
        let series = Series { samples: samples.into(), worst_ms: 99 };
        let analysis = series.analysis(120);
        assert_eq!((analysis.samples, analysis.average_ms, analysis.deviation_ms), (2, 20, 10));
        assert!((analysis.period_s - 10.0).abs() < 1e-9);
    }
}
