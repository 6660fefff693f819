//! What the server says about itself in the form of `OpenMetrics`, for a program that asks for it every few seconds.
//!
//! Every number of INFO is there, under the name that it has in INFO, with `ochre_` before it: nothing is told in two ways. A number that only
//! rises is a counter and its sample ends in `_total` (instead of beginning with it). What INFO tells by name within
//! a line (commands, databases, errors) is told with labels. Besides there are the histograms of the durations
//! of calls, and what each worker does.
//!
//! Nothing here waits for a worker, but for the moment in which one adds its numbers up.

mod exposition;

use std::collections::BTreeMap;

use exposition::{Exposition, Kind};

use crate::Engine;
use crate::command_table::Callable;
use crate::information::{Facts, Selection};
use crate::statistics::{CommandNumbers, Numbers};

/// Fields whose values may look like numbers and are none.
const TEXTS: [&str; 8] = [
    "redis_git_sha1",
    "redis_build_id",
    "run_id",
    "master_replid",
    "master_replid2",
    "redis_version",
    "gcc_version",
    "ochre_version",
];

/// Texts that are told as labels of one metric.
const LABELS: [&str; 7] =
    ["redis_version", "ochre_version", "redis_mode", "os", "run_id", "role", "maxmemory_policy"];

/// Fields that begin with `total_` and are no counters.
const TOTAL_GAUGES: [&str; 4] = [
    "total_system_memory",
    "total_watched_keys",
    "total_blocking_keys",
    "total_blocking_keys_on_nokey",
];

/// Counters that do not begin with `total_`; what ends in a star stands for all that begin so.
const COUNTERS: [&str; 31] = [
    "rejected_connections",
    "sync_full",
    "sync_partial_ok",
    "sync_partial_err",
    "expired_subkeys",
    "expired_keys",
    "expired_time_cap_reached_count",
    "expire_cycle_cpu_milliseconds",
    "evicted_*",
    "keyspace_hits",
    "keyspace_misses",
    "active_defrag_hits",
    "active_defrag_misses",
    "active_defrag_key_*",
    "unexpected_error_replies",
    "dump_payload_sanitizations",
    "io_threaded_*",
    "client_query_buffer_limit_disconnections",
    "client_output_buffer_limit_disconnections",
    "reply_buffer_*",
    "eventloop_cycles",
    "eventloop_duration_*",
    "acl_access_denied_*",
    "used_cpu_sys",
    "used_cpu_user",
    "used_cpu_sys_*",
    "used_cpu_user_*",
    "rdb_saves",
    "aof_rewrites",
    "lazyfreed_objects",
    "aof_delayed_fsync",
];

/// What is counted of a command: its name, what it means, and the number.
type Counted = (&'static str, &'static str, fn(&CommandNumbers) -> u64);

impl Engine {
    /// All that is told, in the text form of `OpenMetrics`.
    pub fn metrics(&self, now_us: i64) -> String {
        let facts = Facts::new(self, now_us);
        let mut exposition = Exposition::new();
        fields(&facts.text(Selection::all()), &mut exposition);
        let numbers = Numbers::sum(self.statistics.iter());
        self.commands_told(&numbers, &mut exposition);
        errors(&numbers, &mut exposition);
        self.databases_told(&mut exposition);
        self.workers_told(&mut exposition);
        self.latency_told(&mut exposition);
        self.keys_told(now_us.div_euclid(1000), &mut exposition);
        exposition.finish()
    }

    /// The commands that were called, each with its name and numbers.
    fn commands_told(&self, numbers: &Numbers, exposition: &mut Exposition) {
        let names = self.commands.iter().map(Callable::name);
        let called: Vec<(&str, &CommandNumbers)> = names
            .zip(&numbers.commands)
            .filter(|(_, numbers)| 0 < numbers.calls + numbers.rejected + numbers.failed)
            .collect();
        let counters: [Counted; 3] = [
            ("command_calls", "Calls executed.", |numbers| numbers.calls),
            ("command_failed_calls", "Calls that ended with an error.", |numbers| numbers.failed),
            ("command_rejected_calls", "Calls refused before they began.", |it| it.rejected),
        ];
        for (name, help, of) in counters {
            exposition.family(name, Kind::Counter, help);
            for (command, numbers) in &called {
                exposition.sample("_total", &[("command", command)], of(numbers));
            }
        }
        exposition.family("command_duration_seconds", Kind::Histogram, "How long calls took.");
        for (command, numbers) in &called {
            let Some(durations) = &numbers.latency else { continue };
            exposition.histogram(&[("command", command)], durations, numbers.nanoseconds);
        }
    }

    fn databases_told(&self, exposition: &mut Exposition) {
        let databases = self.vitals.databases();
        let numbered = || databases.iter().enumerate().filter(|(_, it)| 0 < it.size.keys);
        exposition.family("db_keys", Kind::Gauge, "Keys of a database.");
        for (number, database) in numbered() {
            exposition.sample("", &[("db", &number.to_string())], database.size.keys);
        }
        exposition.family("db_expiring_keys", Kind::Gauge, "Keys of a database that expire.");
        for (number, database) in numbered() {
            exposition.sample("", &[("db", &number.to_string())], database.size.expiring);
        }
        exposition.family(
            "db_average_ttl_seconds",
            Kind::Gauge,
            "How long expiring keys of a database have to live, on average.",
        );
        for (number, database) in numbered() {
            let seconds = database.average_life_ms / 1000.0;
            exposition.sample("", &[("db", &number.to_string())], seconds);
        }
    }

    fn workers_told(&self, exposition: &mut Exposition) {
        /// What is told of a worker: the name, what it means, and the number with the unit that it is told in.
        type Told = (&'static str, &'static str, fn(&Numbers) -> f64);
        let told: [Told; 6] = [
            ("worker_commands", "Calls that a worker has executed.", |it| {
                crate::vitals::float(it.commands_processed)
            }),
            ("worker_event_loop_seconds", "Time that a worker was not asleep.", |it| {
                crate::vitals::float(it.event_loop_us) / 1e6
            }),
            ("worker_command_seconds", "Time that a worker spent in calls.", |it| {
                crate::vitals::float(it.event_loop_command_us) / 1e6
            }),
            ("worker_event_loop_cycles", "Rounds of a worker's event loop.", |it| {
                crate::vitals::float(it.event_loop_cycles)
            }),
            ("worker_received_bytes", "Bytes that a worker has received.", |it| {
                crate::vitals::float(it.net_input_bytes)
            }),
            ("worker_sent_bytes", "Bytes that a worker has sent.", |it| {
                crate::vitals::float(it.net_output_bytes)
            }),
        ];
        for (name, help, of) in told {
            exposition.family(name, Kind::Counter, help);
            for (worker, statistics) in self.statistics.iter().enumerate() {
                let number = statistics.read(of);
                exposition.sample("_total", &[("worker", &worker.to_string())], number);
            }
        }
        let mut clients = vec![0_usize; self.statistics.len()];
        for client in self.clients.all() {
            if let Some(count) = clients.get_mut(client.worker) {
                *count += 1;
            }
        }
        exposition.family("worker_clients", Kind::Gauge, "Clients that a worker serves.");
        for (worker, count) in clients.into_iter().enumerate() {
            exposition.sample("", &[("worker", &worker.to_string())], count);
        }
    }

    fn latency_told(&self, exposition: &mut Exposition) {
        exposition.family("slow_log_length", Kind::Gauge, "Calls in the slow log.");
        exposition.sample("", &[], self.slow_log.len());
        exposition.family("large_requests_length", Kind::Gauge, "Large requests that are logged.");
        exposition.sample("", &[], self.large_requests.len());
        exposition.family("large_replies_length", Kind::Gauge, "Large replies that are logged.");
        exposition.sample("", &[], self.large_replies.len());
        exposition.family(
            "latency_event_worst_seconds",
            Kind::Gauge,
            "The worst case of an event that the latency monitor watches.",
        );
        for (event, series) in self.latency.all() {
            let seconds = crate::vitals::float(series.worst_ms) / 1000.0;
            exposition.sample("", &[("event", event)], seconds);
        }
    }
}

impl Engine {
    /// Hot and big keys.
    fn keys_told(&self, now_ms: i64, exposition: &mut Exposition) {
        let shown = |key: &[u8]| key.escape_ascii().to_string();
        for (name, help, writes) in [
            ("hot_key_reads", "Calls a second that read a key.", false),
            ("hot_key_writes", "Calls a second that write a key.", true),
        ] {
            exposition.family(name, Kind::Gauge, help);
            for hot in self.hot_keys.hottest(writes, now_ms) {
                let (database, key) = (hot.database.to_string(), shown(&hot.key));
                exposition.sample("", &[("db", &database), ("key", &key)], hot.calls_per_s);
            }
        }
        exposition.family("big_key_bytes", Kind::Gauge, "Memory of the biggest keys known.");
        for big in self.hot_keys.biggest() {
            let (database, key) = (big.database.to_string(), shown(&big.key));
            let labels = [("db", &*database), ("key", &*key), ("type", big.kind)];
            exposition.sample("", &labels, big.bytes);
        }
    }
}

/// The numbers in the text of INFO.
fn fields(information: &str, exposition: &mut Exposition) {
    let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
    for line in information.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if LABELS.contains(&name) {
            labels.insert(name, value);
        }
        if let Some(number) = number(name, value) {
            exposition.field(name, number, is_counter(name));
        }
    }
    let labels: Vec<(&str, &str)> = labels.into_iter().collect();
    exposition.family("server", Kind::Information, "What the server is.");
    exposition.sample("_info", &labels, 1);
}

/// The number that a field tells, if it tells one.
fn number<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    if TEXTS.contains(&name) {
        return None;
    }
    match value {
        "ok" => return Some("1"),
        "err" => return Some("0"),
        _ => {}
    }
    let digits = value.strip_suffix('%').unwrap_or(value);
    let is_number = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
        && digits.parse::<f64>().is_ok();
    is_number.then_some(digits)
}

fn is_counter(name: &str) -> bool {
    let is_listed = COUNTERS.iter().any(|listed| match listed.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => *listed == name,
    });
    is_listed || name.starts_with("total_") && !TOTAL_GAUGES.contains(&name)
}

fn errors(numbers: &Numbers, exposition: &mut Exposition) {
    exposition.family("errors", Kind::Counter, "Error replies by their code.");
    for (code, count) in &numbers.errors {
        exposition.sample("_total", &[("code", code)], *count);
    }
}

#[cfg(test)]
mod tests;
