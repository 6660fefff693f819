//! What MEMORY DOCTOR and LATENCY DOCTOR say: a reading of the numbers, for people.

use std::fmt::Write as _;

use config::Config;
use config::persistence::AppendSync;

use crate::information::memory::MemoryFigures;
use crate::latency::{APPEND_ONLY, COMMAND, EVICTION_CYCLE, EXPIRE_CYCLE, FAST_COMMAND, Series};
use crate::vitals::float;

const MEGABYTE: i64 = 1 << 20;

/// What the use of memory suggests.
pub(super) fn memory(figures: &MemoryFigures) -> String {
    /// Below, every ratio is dominated by what the server itself takes.
    const TOO_LITTLE: usize = 5 << 20;
    /// What a client takes that has nothing pending, generously.
    const CLIENT_BYTES: usize = 200 << 10;
    if figures.used < TOO_LITTLE {
        return "There is too little data here to judge the use of memory by.\n".to_owned();
    }
    let (fragmentation, allocator, kept, beside) = (
        figures.fragmentation(),
        figures.allocator_fragmentation(),
        figures.allocator_resident(),
        figures.resident_overhead(),
    );
    let peak_ratio = float(figures.peak) / float(figures.used);
    let findings = [
        (1.5 < peak_ratio).then(|| {
            format!(
                "Peak: once {peak_ratio:.2} times as much memory was used as now. Freed memory may not have gone back to \
                 the system. MEMORY PURGE gives back what it can."
            )
        }),
        (1.4 < fragmentation.ratio && 10 * MEGABYTE < fragmentation.bytes).then(|| {
            format!(
                "Fragmentation: the process takes {:.2} times the memory that is used.",
                fragmentation.ratio
            )
        }),
        (1.1 < allocator.ratio && 10 * MEGABYTE < allocator.bytes).then(|| {
            format!(
                "Free places between objects: {} bytes, because values of other sizes were there before.",
                allocator.bytes
            )
        }),
        (1.1 < kept.ratio && 10 * MEGABYTE < kept.bytes).then(|| {
            format!(
                "Free pages: the allocator keeps {} bytes for later. MEMORY PURGE gives them back.",
                kept.bytes
            )
        }),
        (1.1 < beside.ratio && 10 * MEGABYTE < beside.bytes).then(|| {
            format!("Beside data: {} bytes are resident that the allocator knows nothing of.", beside.bytes)
        }),
        (CLIENT_BYTES < figures.clients / figures.connected_clients.max(1)).then(|| {
            format!(
                "Clients: their buffers take {} bytes. CLIENT LIST tells whose (tot-mem); some may read too slowly.",
                figures.clients
            )
        }),
    ];
    let findings: Vec<String> = findings.into_iter().flatten().collect();
    if findings.is_empty() {
        return "No problem with memory was found.\n".to_owned();
    }
    format!("What stands out in the use of memory:\n\n * {}\n", findings.join("\n * "))
}

/// What the latency monitor's samples suggest.
pub(super) fn latency(events: &[(&'static str, Series)], config: &Config, now_s: i64) -> String {
    if config.latency.monitor_threshold_ms == 0 {
        return "Latency is not being monitored. CONFIG SET latency-monitor-threshold <milliseconds> begins it.\n"
            .to_owned();
    }
    if events.is_empty() {
        return format!(
            "Nothing has taken {} ms or longer since the monitoring began.\n",
            config.latency.monitor_threshold_ms
        );
    }
    let mut text = String::from("What has taken long:\n\n");
    for (number, (event, series)) in (1..).zip(events) {
        let seen = series.analysis(now_s);
        // Writing to a string cannot fail.
        let _written = writeln!(
            text,
            "{number}. {event}: {} times (average {} ms, mean deviation {} ms, every {:.2} s, worst {} ms).",
            seen.samples, seen.average_ms, seen.deviation_ms, seen.period_s, seen.worst_ms
        );
    }
    text.push_str("\nWhat may help:\n\n");
    let has = |name: &str| events.iter().any(|(event, _)| *event == name);
    if has(COMMAND) {
        text.push_str(" * SLOWLOG GET tells which calls are slow. Some commands visit every key: SCAN does it in steps.\n");
        if config.latency.slow_log_threshold_us < 0 {
            text.push_str(
                " * The slow log is off: CONFIG SET slowlog-log-slower-than <microseconds>.\n",
            );
        }
        text.push_str(" * DEL and FLUSHALL free big values at once: UNLINK and FLUSHALL ASYNC leave that to another thread.\n");
    }
    if has(FAST_COMMAND) {
        text.push_str(" * Fast commands are slow where the processor is taken away: look for other processes, swapping, and noisy neighbours.\n");
    }
    if has(EXPIRE_CYCLE) {
        text.push_str(" * Many keys expire at the same time: spread their times, or lower active-expire-effort.\n");
    }
    if has(EVICTION_CYCLE) {
        text.push_str(
            " * Making room takes long: raise maxmemory, or set lazyfree-lazy-eviction.\n",
        );
    }
    if events.iter().any(|(event, _)| event.starts_with(APPEND_ONLY)) {
        text.push_str(" * The disk of the append-only file is slow, or busy with something else: see what else writes to it, or use a faster one.\n");
        if config.persistence.append_sync == AppendSync::Always {
            text.push_str(" * Every reply waits for the disk: with appendfsync everysec only a machine that fails loses something, a second at most.\n");
        }
    }
    text
}
