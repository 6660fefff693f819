//! What memory is used for: the figures behind INFO, MEMORY STATS and MEMORY DOCTOR.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use keyspace::DatabaseSize;

use super::{Facts, Fields};
use crate::Engine;
use crate::host::AllocatorReport;
use crate::vitals::{DatabaseVitals, float};

/// How much memory is used, and for what, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct MemoryFigures {
    /// Given out by the allocator.
    pub(crate) used: usize,
    pub(crate) peak: usize,
    /// When the server had started.
    pub(crate) startup: usize,
    /// Of the process, as the system counts it.
    pub(crate) resident: usize,
    pub(crate) allocator: AllocatorReport,
    pub(crate) clients: usize,
    /// What is kept of scripts, beside the interpreter.
    pub(crate) scripts: usize,
    /// The same for functions.
    pub(crate) functions: usize,
    pub(crate) connected_clients: usize,
    /// By database.
    pub(crate) databases: Vec<DatabaseSize>,
}

impl MemoryFigures {
    /// The figures as of now; of the databases, what was noted last.
    pub(crate) fn gather(
        engine: &Engine,
        databases: &[DatabaseVitals],
        resident: usize,
    ) -> MemoryFigures {
        let used = engine.host.used_memory();
        let clients = engine.clients.all();
        MemoryFigures {
            used,
            peak: engine.vitals.peak_bytes(used),
            startup: engine.vitals.startup_bytes(used),
            resident,
            allocator: engine.host.allocator(),
            clients: clients.iter().map(|client| client.memory.load(Relaxed)).sum(),
            scripts: engine.script_figures.cache_bytes.load(Relaxed),
            functions: engine.functions.figures().cache_bytes.load(Relaxed),
            connected_clients: clients.len(),
            databases: databases.iter().map(|database| database.size).collect(),
        }
    }

    /// What is used for anything but keys and values.
    pub(crate) fn overhead(&self) -> usize {
        self.startup + self.clients + self.scripts + self.functions + self.tables()
    }

    /// The tables that find keys.
    pub(crate) fn tables(&self) -> usize {
        self.databases.iter().map(|size| size.table_bytes + size.expiry_table_bytes).sum()
    }

    pub(crate) fn keys(&self) -> usize {
        self.databases.iter().map(|size| size.keys).sum()
    }

    /// Keys and values.
    pub(crate) fn dataset(&self) -> usize {
        self.used.saturating_sub(self.overhead())
    }

    /// The share of keys and values in what was allocated since the start.
    pub(crate) fn dataset_percent(&self) -> f64 {
        percent(self.dataset(), self.since_startup())
    }

    pub(crate) fn since_startup(&self) -> usize {
        self.used.saturating_sub(self.startup)
    }

    pub(crate) fn peak_percent(&self) -> f64 {
        percent(self.used, self.peak)
    }

    /// Resident memory against what is used.
    pub(crate) fn fragmentation(&self) -> Share {
        Share::new(self.resident, self.used)
    }

    /// Free places between small objects.
    pub(crate) fn allocator_fragmentation(&self) -> Share {
        let AllocatorReport { allocated, fragmented, .. } = self.allocator;
        Share::new(allocated + fragmented, allocated)
    }

    /// Pages that the allocator has and does not use.
    pub(crate) fn allocator_resident(&self) -> Share {
        Share::new(self.allocator.resident, self.allocator.active)
    }

    /// What is resident beside the allocator's: code, stacks.
    pub(crate) fn resident_overhead(&self) -> Share {
        Share::new(self.resident, self.allocator.resident)
    }
}

/// One amount of memory against another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) ratio: f64,
    /// How much more the first is.
    pub(crate) bytes: i64,
}

impl Share {
    fn new(one: usize, other: usize) -> Share {
        let ratio = if other == 0 { 0.0 } else { float(one) / float(other) };
        Share { ratio, bytes: one.cast_signed() as i64 - other.cast_signed() as i64 }
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { float(part) * 100.0 / float(whole) }
}

/// An amount of memory as people read it.
struct Human(usize);

impl fmt::Display for Human {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = ["K", "M", "G", "T", "P"];
        if self.0 < 1 << 10 {
            return write!(formatter, "{}B", self.0);
        }
        let power = (self.0.ilog2() / 10).min(5);
        let unit = units[usize::try_from(power - 1).unwrap_or(0)];
        write!(formatter, "{:.2}{unit}", float(self.0) / float(1_u64 << (10 * power)))
    }
}

pub(super) fn section(facts: &Facts<'_>, fields: &mut Fields) {
    let process = facts.process();
    let figures = MemoryFigures::gather(facts.engine, &facts.databases, process.resident);
    let with_human = |fields: &mut Fields, name: &str, bytes: usize| {
        fields.put(name, bytes);
        fields.line(format_args!("{name}_human:{}", Human(bytes)));
    };
    with_human(fields, "used_memory", figures.used);
    with_human(fields, "used_memory_rss", figures.resident);
    with_human(fields, "used_memory_peak", figures.peak);
    fields.put("used_memory_peak_perc", format_args!("{:.2}%", figures.peak_percent()));
    fields.put("used_memory_overhead", figures.overhead());
    fields.put("used_memory_startup", figures.startup);
    fields.put("used_memory_dataset", figures.dataset());
    fields.put("used_memory_dataset_perc", format_args!("{:.2}%", figures.dataset_percent()));
    fields.put("allocator_allocated", figures.allocator.allocated);
    fields.put("allocator_active", figures.allocator.active);
    fields.put("allocator_resident", figures.allocator.resident);
    fields.put("allocator_muzzy", figures.allocator.muzzy);
    with_human(fields, "total_system_memory", process.total_system_memory);
    scripts(facts.engine, fields);
    let limit = usize::try_from(facts.config.memory.limit_bytes).unwrap_or(usize::MAX);
    with_human(fields, "maxmemory", limit);
    fields.put("maxmemory_policy", config::Choice::word(facts.config.memory.policy));
    for (name, share) in [
        ("allocator_frag", figures.allocator_fragmentation()),
        ("allocator_rss", figures.allocator_resident()),
        ("rss_overhead", figures.resident_overhead()),
        ("mem_fragmentation", figures.fragmentation()),
    ] {
        fields.line(format_args!("{name}_ratio:{:.2}", share.ratio));
        fields.line(format_args!("{name}_bytes:{}", share.bytes));
    }
    let backlog = facts.engine.replication.backlog().unwrap_or_default();
    let held = usize::try_from(backlog.held).unwrap_or(usize::MAX).min(backlog.memory);
    fields.put("mem_not_counted_for_evict", held);
    fields.put("mem_replication_backlog", backlog.memory - held);
    fields.put("mem_total_replication_buffers", backlog.memory);
    fields.put("mem_clients_slaves", held);
    fields.put("mem_clients_normal", figures.clients);
    fields.put_all(&["mem_cluster_links", "mem_aof_buffer"], 0);
    fields.put("mem_allocator", figures.allocator.name);
    fields.put_all(&["mem_overhead_db_hashtable_rehashing", "active_defrag_running"], 0);
    let (pending, freed) = facts.engine.host.reclaimed();
    fields.put("lazyfree_pending_objects", pending);
    fields.put("lazyfreed_objects", freed);
}

/// Scripts and functions, and what they use.
fn scripts(engine: &Engine, fields: &mut Fields) {
    let scripts = &engine.script_figures;
    let functions = engine.functions.figures();
    let script_interpreter = scripts.interpreter_bytes.load(Relaxed);
    let function_interpreter = functions.interpreter_bytes.load(Relaxed);
    let interpreters = script_interpreter.saturating_add(function_interpreter);
    let sources = scripts.cache_bytes.load(Relaxed);
    let codes = functions.cache_bytes.load(Relaxed);
    fields.put("used_memory_lua", script_interpreter);
    fields.put("used_memory_vm_eval", script_interpreter);
    fields.put("used_memory_lua_human", Human(script_interpreter));
    fields.put("used_memory_scripts_eval", sources);
    fields.put("number_of_cached_scripts", scripts.scripts.load(Relaxed));
    fields.put("number_of_functions", functions.functions.load(Relaxed));
    fields.put("number_of_libraries", functions.libraries.load(Relaxed));
    fields.put("used_memory_vm_functions", function_interpreter);
    fields.put("used_memory_vm_total", interpreters);
    fields.put("used_memory_vm_total_human", Human(interpreters));
    fields.put("used_memory_functions", codes);
    fields.put("used_memory_scripts", sources.saturating_add(codes));
    fields.put("used_memory_scripts_human", Human(sources.saturating_add(codes)));
}

#[cfg(test)]
mod tests {
    use super::Human;

    #[test]
    fn amounts_are_readable() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (987_008, "963.88K"),
            (6_860_800, "6.54M"),
            (25_276_502_016, "23.54G"),
            (usize::MAX, "16384.00P"),
        ] {
            assert_eq!(Human(bytes).to_string(), text);
        }
    }
}
