//! INFO: what the server says about itself, by section, in the names and the order that Redis 7.4 has.
//!
//! Monitoring tools read fields by name, and complain when one is missing. So a field whose feature this server does not
//! have yet is there all the same, and says what a Redis says that does not use the feature.

mod calls;
mod hot_keys;
mod key_sizes;
pub(crate) mod memory;
mod process;

use std::cell::OnceCell;
use std::fmt::{Display, Write as _};
use std::sync::Arc;

use config::Config;
use resp::Words;

use crate::Engine;
use crate::host::ProcessReport;
use crate::statistics::Numbers;
use crate::vitals::DatabaseVitals;
pub(crate) use key_sizes::KeySizes;

/// The sections wanted, a bit for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Selection(u32);

/// A section of INFO.
struct Section {
    name: &'static str,
    /// Whether it is shown when nothing, or `default`, is asked for.
    by_default: bool,
    /// Whether it is shown only when its name is asked for: Redis does not have it.
    by_name: bool,
    write: fn(&Facts<'_>, &mut Fields),
}

const SECTIONS: &[Section] = &[
    Section::new("Server", process::server),
    Section::new("Clients", clients),
    Section::new("Memory", memory::section),
    Section::new("Persistence", persistence),
    Section::new("Stats", calls::statistics),
    Section::new("Replication", crate::replication::section),
    Section::new("CPU", process::processor),
    Section::new("Modules", |_, _| {}),
    Section::new("Commandstats", calls::commands).on_demand(),
    Section::new("Errorstats", calls::errors),
    Section::new("Latencystats", calls::latencies).on_demand(),
    Section::new("Cluster", |_, fields| fields.put("cluster_enabled", 0)),
    Section::new("Keyspace", keyspace),
    Section::new(KEY_SIZES, key_sizes::section).by_name(),
    Section::new("Hotkeys", hot_keys::section).by_name(),
];

/// The section for which all keys are visited.
const KEY_SIZES: &str = "Keysizes";

impl Section {
    const fn new(name: &'static str, write: fn(&Facts<'_>, &mut Fields)) -> Section {
        Section { name, by_default: true, by_name: false, write }
    }

    const fn by_name(self) -> Section {
        Section { by_default: false, by_name: true, ..self }
    }

    const fn on_demand(self) -> Section {
        Section { by_default: false, ..self }
    }
}

impl Selection {
    /// What is shown when nothing is asked for.
    fn usual() -> Selection {
        Selection::of(|section| section.by_default)
    }

    /// Every section, but for those that are told only by name.
    pub(crate) fn all() -> Selection {
        Selection::of(|section| !section.by_name)
    }

    /// The sections that the words of a call name.
    pub(crate) fn named(words: Words<'_>) -> Selection {
        if words.is_empty() {
            return Selection::usual();
        }
        let sections = words.iter().map(|word| {
            if word.eq_ignore_ascii_case(b"all") || word.eq_ignore_ascii_case(b"everything") {
                Selection::all()
            } else if word.eq_ignore_ascii_case(b"default") {
                Selection::usual()
            } else {
                Selection::of(|section| section.name.as_bytes().eq_ignore_ascii_case(word))
            }
        });
        Selection(sections.fold(0, |all, section| all | section.0))
    }

    fn of(wanted: impl Fn(&Section) -> bool) -> Selection {
        let bits = SECTIONS.iter().enumerate().filter(|(_, section)| wanted(section));
        Selection(bits.fold(0, |all, (place, _)| all | 1 << place))
    }

    /// Whether all keys are to be visited for it.
    pub(crate) fn asks_for_key_sizes(self) -> bool {
        self.0 & Selection::of(|section| section.name == KEY_SIZES).0 != 0
    }

    fn has(self, place: usize) -> bool {
        self.0 & 1 << place != 0
    }
}

/// What the sections tell about; gathered when a section asks for it first.
pub(crate) struct Facts<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) config: Arc<Config>,
    pub(crate) now_us: i64,
    databases: Vec<DatabaseVitals>,
    key_sizes: Vec<KeySizes>,
    numbers: OnceCell<Numbers>,
    process: OnceCell<ProcessReport>,
}

impl<'a> Facts<'a> {
    /// The facts as of now, and of the databases what was noted last.
    pub(crate) fn new(engine: &'a Engine, now_us: i64) -> Facts<'a> {
        Facts {
            engine,
            config: engine.config(),
            now_us,
            databases: engine.vitals.databases(),
            key_sizes: Vec::new(),
            numbers: OnceCell::new(),
            process: OnceCell::new(),
        }
    }

    /// The same with the sizes of all values.
    pub(crate) fn with_key_sizes(self, key_sizes: Vec<KeySizes>) -> Facts<'a> {
        Facts { key_sizes, ..self }
    }

    /// The text of the sections wanted.
    pub(crate) fn text(&self, selection: Selection) -> String {
        let mut fields = Fields(String::with_capacity(8 << 10));
        for (_, section) in SECTIONS.iter().enumerate().filter(|(place, _)| selection.has(*place)) {
            if !fields.0.is_empty() {
                fields.0.push_str("\r\n");
            }
            fields.line(format_args!("# {}", section.name));
            (section.write)(self, &mut fields);
        }
        fields.0
    }

    fn numbers(&self) -> &Numbers {
        self.numbers.get_or_init(|| Numbers::sum(self.engine.statistics.iter()))
    }

    fn process(&self) -> &ProcessReport {
        self.process.get_or_init(|| self.engine.host.process())
    }
}

/// Lines of INFO.
pub(crate) struct Fields(String);

impl Fields {
    pub(crate) fn put(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}:{value}"));
    }

    /// The same value for several fields: those of features that are not there.
    fn put_all(&mut self, names: &[&str], value: impl Display + Copy) {
        for name in names {
            self.put(name, value);
        }
    }

    pub(crate) fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _written = write!(self.0, "{line}\r\n");
    }
}

fn clients(facts: &Facts<'_>, fields: &mut Fields) {
    use std::sync::atomic::Ordering::Relaxed;
    let clients = facts.engine.clients.all();
    let most = |of: fn(&crate::clients::ClientRecord) -> usize| {
        clients.iter().map(|client| of(client)).max().unwrap_or(0)
    };
    let replicas = clients.iter().filter(|client| client.is_replica.load(Relaxed)).count();
    fields.put("connected_clients", clients.len() - replicas);
    fields.put("cluster_connections", 0);
    fields.put("maxclients", facts.config.limits.clients);
    fields.put(
        "client_recent_max_input_buffer",
        most(|client| client.query_buffer.load(Relaxed) + client.query_buffer_free.load(Relaxed)),
    );
    fields
        .put("client_recent_max_output_buffer", most(|client| client.output_memory.load(Relaxed)));
    let count = |is: fn(&crate::clients::ClientRecord) -> bool| {
        clients.iter().filter(|client| is(client)).count()
    };
    let waits = clients.iter().filter_map(|client| client.wait()).collect::<Vec<_>>();
    let timed = waits.iter().filter(|wait| wait.limit_ms().is_some()).count();
    let awaited = facts.engine.keyspace.awaited_keys();
    fields.put("blocked_clients", waits.len() + count(|client| client.paused.load(Relaxed)));
    fields.put("tracking_clients", facts.engine.tracking.clients());
    fields.put("pubsub_clients", count(crate::clients::ClientRecord::is_subscriber));
    fields.put("watching_clients", count(|client| 0 < client.watched_keys.load(Relaxed)));
    fields.put("clients_in_timeout_table", timed);
    fields.put(
        "total_watched_keys",
        clients.iter().map(|client| client.watched_keys.load(Relaxed)).sum::<usize>(),
    );
    fields.put("total_blocking_keys", awaited.all);
    fields.put("total_blocking_keys_on_nokey", awaited.minded);
}

fn persistence(facts: &Facts<'_>, fields: &mut Fields) {
    let saving = facts.engine.saving_facts(facts.now_us);
    let loading = facts.engine.loading.facts();
    fields.put("loading", u8::from(loading.is_some()));
    fields.put("async_loading", u8::from(facts.engine.loading.is_aside()));
    fields.put("current_cow_peak", saving.current_peak);
    fields.put("current_cow_size", saving.current_bytes);
    fields.put("current_cow_size_age", 0);
    fields.put(
        "current_fork_perc",
        format_args!("{:.2}", percent(saving.keys_processed as u64, saving.keys_total as u64,)),
    );
    fields.put("current_save_keys_processed", saving.keys_processed);
    fields.put("current_save_keys_total", saving.keys_total);
    fields.put("rdb_changes_since_last_save", saving.unsaved_changes);
    fields.put("rdb_bgsave_in_progress", u8::from(saving.in_progress));
    fields.put("rdb_last_save_time", saving.last_save_s);
    fields.put("rdb_last_bgsave_status", if saving.last_failed { "err" } else { "ok" });
    fields.put("rdb_last_bgsave_time_sec", saving.last_duration_s.unwrap_or(-1));
    fields.put("rdb_current_bgsave_time_sec", saving.current_duration_s.unwrap_or(-1));
    fields.put("rdb_saves", saving.saves);
    fields.put("rdb_last_cow_size", saving.last_peak);
    let (loaded, expired) = facts.engine.loading.keys();
    fields.put("rdb_last_load_keys_expired", expired);
    fields.put("rdb_last_load_keys_loaded", loaded);
    append_only(facts, fields);
    if let Some(loading) = loading {
        show_loading(&loading, facts.now_us, fields);
    }
}

fn append_only(facts: &Facts<'_>, fields: &mut Fields) {
    let engine = facts.engine;
    let file = engine.append_only.figures();
    let status = |failed: bool| if failed { "err" } else { "ok" };
    let now_s = facts.now_us.div_euclid(1_000_000);
    fields.put("aof_enabled", u8::from(file.is_on));
    fields.put("aof_rewrite_in_progress", u8::from(file.rewrite_began_s.is_some()));
    fields.put("aof_rewrite_scheduled", u8::from(file.is_rewrite_scheduled));
    fields.put("aof_last_rewrite_time_sec", file.last_rewrite_s.unwrap_or(-1));
    let current = file.rewrite_began_s.map_or(-1, |began_s| (now_s - began_s).max(0));
    fields.put("aof_current_rewrite_time_sec", current);
    fields.put("aof_last_bgrewrite_status", status(file.has_rewrite_failed));
    fields.put("aof_rewrites", file.rewrites);
    fields.put("aof_rewrites_consecutive_failures", file.failed_rewrites);
    fields.put("aof_last_write_status", status(engine.append_only.is_in_trouble()));
    fields
        .put_all(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"], 0);
    if file.is_on {
        fields.put("aof_current_size", file.current_bytes);
        fields.put("aof_base_size", file.base_bytes);
        fields.put("aof_pending_rewrite", u8::from(file.is_rewrite_scheduled));
        let unwritten = engine.effects.end().saturating_sub(engine.append_only.acknowledged());
        fields.put("aof_buffer_length", unwritten);
        fields.put("aof_pending_bio_fsync", u8::from(file.is_syncing));
        fields.put("aof_delayed_fsync", file.delayed_syncs);
    }
}

/// How far loading has come.
fn show_loading(loading: &crate::loading::Facts, now_us: i64, fields: &mut Fields) {
    let elapsed_s = now_us.div_euclid(1_000_000).saturating_sub(loading.began_s).max(0);
    let left = loading.total_bytes.saturating_sub(loading.loaded_bytes);
    // Nothing is known before something is loaded.
    let eta_s = match u64::try_from(elapsed_s).unwrap_or(0) {
        0 => 1,
        elapsed_s => elapsed_s.saturating_mul(left) / loading.loaded_bytes.max(1),
    };
    fields.put("loading_start_time", loading.began_s);
    fields.put("loading_total_bytes", loading.total_bytes);
    fields.put("loading_rdb_used_mem", 0);
    fields.put("loading_loaded_bytes", loading.loaded_bytes);
    let done = percent(loading.loaded_bytes, loading.total_bytes);
    fields.put("loading_loaded_perc", format_args!("{done:.2}"));
    fields.put("loading_eta_seconds", eta_s);
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

fn keyspace(facts: &Facts<'_>, fields: &mut Fields) {
    for (number, database) in facts.databases.iter().enumerate() {
        let size = database.size;
        if 0 < size.keys {
            fields.line(format_args!(
                "db{number}:keys={},expires={},avg_ttl={:.0},subexpiry={}",
                size.keys, size.expiring, database.average_life_ms, size.field_expiring
            ));
        }
    }
}

#[cfg(test)]
mod tests;
