//! What a server costs: memory, time, rounds of its event loops.

use std::fs;
use std::time::{Duration, Instant};

use harness::{Client, Server, Value, wait_until_within};

/// A number of INFO.
#[track_caller]
pub(crate) fn number(client: &mut Client, field: &str) -> u64 {
    let text = client.run("INFO").as_text().expect("INFO is a text");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let line = line.unwrap_or_else(|| panic!("INFO has no {field}"));
    line.trim().parse().unwrap_or_else(|error| panic!("{field}:{line}: {error}"))
}

/// What the workers may keep in memory for all of their connections together: the buffers that they are served with.
#[track_caller]
pub(super) fn shared_buffers(witness: &mut Client) -> u64 {
    const WORKER: u64 = 640 << 10;
    let reply = witness.run("CONFIG GET io-threads");
    let count = reply.as_array().and_then(<[Value]>::last).and_then(Value::as_text);
    let workers: u64 = count.and_then(|count| count.parse().ok()).expect("a number of workers");
    workers * WORKER
}

/// A field of the client of that name, as CLIENT LIST shows it; none if there is no such client.
pub(crate) fn field_of(witness: &mut Client, name: &str, field: &str) -> Option<String> {
    let list = witness.run("CLIENT LIST").as_text().unwrap_or_default();
    let line = list.lines().find(|line| line.contains(&format!(" name={name} ")))?;
    let value = line.split(' ').find_map(|word| word.strip_prefix(field)?.strip_prefix('='));
    value.map(str::to_owned)
}

/// The same as a number; 0 if there is no such client.
pub(crate) fn number_of(witness: &mut Client, name: &str, field: &str) -> u64 {
    field_of(witness, name, field).and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// The processor time that a server has used. The system counts in hundredths of a second.
pub(super) fn processor_time(server: &Server) -> Duration {
    const TICKS_PER_SECOND: u64 = 100;
    let path = format!("/proc/{}/stat", server.process_id());
    let text = fs::read_to_string(path).unwrap_or_default();
    // The name of the program comes second, in parentheses.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// How many rounds the event loops make in a second in which nobody calls.
#[track_caller]
pub(super) fn rounds_per_second(witness: &mut Client) -> u64 {
    const TIME: Duration = Duration::from_millis(500);
    let before = number(witness, "eventloop_cycles");
    let start = Instant::now();
    let _ = wait_until_within(TIME, || TIME <= start.elapsed());
    let after = number(witness, "eventloop_cycles");
    (after - before) * 2
}

/// More rounds a second than timers need, and far fewer than an event loop makes that finds the same event again and again.
pub(super) const BUSY_ROUNDS: u64 = 1000;
