//! The sections of INFO about what was executed.

use super::{Facts, Fields};
use crate::acl::Reason;
use crate::latency;
use crate::pubsub::Space;
use crate::statistics::{CommandNumbers, Numbers};
use crate::vitals::float;

pub(super) fn statistics(facts: &Facts<'_>, fields: &mut Fields) {
    let numbers = facts.numbers();
    traffic(facts, numbers, fields);
    removals(facts, numbers, fields);
    fields.put("keyspace_hits", numbers.keyspace_hits);
    fields.put("keyspace_misses", numbers.keyspace_misses);
    let pubsub = &facts.engine.pubsub;
    fields.put("pubsub_channels", pubsub.channel_count(Space::Channel));
    fields.put("pubsub_patterns", pubsub.pattern_count());
    fields.put("pubsubshard_channels", pubsub.channel_count(Space::Shard));
    fields.put_all(
        &[
            "latest_fork_usec",
            "total_forks",
            "migrate_cached_sockets",
            "slave_expires_tracked_keys",
            "active_defrag_hits",
            "active_defrag_misses",
            "active_defrag_key_hits",
            "active_defrag_key_misses",
            "total_active_defrag_time",
            "current_active_defrag_time",
        ],
        0,
    );
    let tracking = &facts.engine.tracking;
    let (keys, items) = tracking.remembered();
    fields.put("tracking_total_keys", keys);
    fields.put("tracking_total_items", items);
    fields.put("tracking_total_prefixes", tracking.prefixes());
    fields.put("unexpected_error_replies", numbers.internal_errors);
    fields.put("total_error_replies", numbers.error_replies);
    fields.put("dump_payload_sanitizations", 0);
    loops(facts, numbers, fields);
    let log = &facts.engine.acl.log;
    fields.put("acl_access_denied_auth", log.count(Reason::Authentication));
    fields.put("acl_access_denied_cmd", log.count(Reason::Command));
    fields.put("acl_access_denied_key", log.count(Reason::Key));
    fields.put("acl_access_denied_channel", log.count(Reason::Channel));
}

fn traffic(facts: &Facts<'_>, numbers: &Numbers, fields: &mut Fields) {
    let pace = facts.engine.vitals.pace();
    fields.put("total_connections_received", numbers.connections_received);
    fields.put("total_commands_processed", numbers.commands_processed);
    fields.put("instantaneous_ops_per_sec", format_args!("{:.0}", pace.commands_per_s.floor()));
    fields.put("total_net_input_bytes", numbers.net_input_bytes);
    fields.put("total_net_output_bytes", numbers.net_output_bytes);
    crate::replication::traffic(facts, fields);
    let kilobytes = |bytes: f64| format!("{:.2}", bytes / 1024.0);
    fields.put("instantaneous_input_kbps", kilobytes(pace.input_bytes_per_s));
    fields.put("instantaneous_output_kbps", kilobytes(pace.output_bytes_per_s));
    fields.put_all(&["instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps"], "0.00");
    fields.put("rejected_connections", numbers.rejected_connections);
    crate::replication::syncs(facts, fields);
}

fn removals(facts: &Facts<'_>, numbers: &Numbers, fields: &mut Fields) {
    fields.put("expired_subkeys", numbers.expired_fields);
    fields.put("expired_keys", numbers.expired_keys);
    fields.put("expired_stale_perc", format_args!("{:.2}", facts.engine.vitals.stale_percent()));
    fields.put("expired_time_cap_reached_count", numbers.expired_time_cap_reached);
    fields.put("expire_cycle_cpu_milliseconds", numbers.expire_cycle_us / 1000);
    fields.put("evicted_keys", numbers.evicted_keys);
    fields.put("evicted_clients", numbers.evicted_clients);
    fields.put_all(
        &["evicted_scripts", "total_eviction_exceeded_time", "current_eviction_exceeded_time"],
        0,
    );
}

fn loops(facts: &Facts<'_>, numbers: &Numbers, fields: &mut Fields) {
    // With one worker, no I/O is another thread's.
    let shared = 1 < facts.engine.statistics.len();
    let threaded = |count: u64| if shared { count } else { 0 };
    let pace = facts.engine.vitals.pace();
    fields.put("total_reads_processed", numbers.reads_processed);
    fields.put("total_writes_processed", numbers.writes_processed);
    fields.put("io_threaded_reads_processed", threaded(numbers.reads_processed));
    fields.put("io_threaded_writes_processed", threaded(numbers.writes_processed));
    fields.put(
        "client_query_buffer_limit_disconnections",
        numbers.client_query_buffer_limit_disconnections,
    );
    fields.put(
        "client_output_buffer_limit_disconnections",
        numbers.client_output_buffer_limit_disconnections,
    );
    fields.put_all(&["reply_buffer_shrinks", "reply_buffer_expands"], 0);
    fields.put("eventloop_cycles", numbers.event_loop_cycles);
    fields.put("eventloop_duration_sum", numbers.event_loop_us);
    fields.put("eventloop_duration_cmd_sum", numbers.event_loop_command_us);
    fields.put(
        "instantaneous_eventloop_cycles_per_sec",
        format_args!("{:.0}", pace.cycles_per_s.floor()),
    );
    fields
        .put("instantaneous_eventloop_duration_usec", format_args!("{:.0}", pace.cycle_us.floor()));
}

/// The commands with something to tell, each with its name.
fn called<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = (&'static str, &'a CommandNumbers)> {
    let commands = facts.engine.commands.iter().map(crate::command_table::Callable::name);
    commands.zip(&facts.numbers().commands)
}

pub(super) fn commands(facts: &Facts<'_>, fields: &mut Fields) {
    for (name, numbers) in called(facts) {
        let CommandNumbers { calls, nanoseconds, rejected, failed, .. } = numbers;
        if *calls == 0 && *rejected == 0 && *failed == 0 {
            continue;
        }
        let each_us = float(*nanoseconds) / 1000.0 / float((*calls).max(1));
        fields.line(format_args!(
            "cmdstat_{name}:calls={calls},usec={},usec_per_call={each_us:.2},rejected_calls={rejected},failed_calls={failed}",
            nanoseconds / 1000,
        ));
    }
}

pub(super) fn errors(facts: &Facts<'_>, fields: &mut Fields) {
    for (code, count) in &facts.numbers().errors {
        // Scripts make up codes, of any bytes.
        let code = code.replace(['#', ':', '\r', '\n'], "_");
        fields.line(format_args!("errorstat_{code}:count={count}"));
    }
}

pub(super) fn latencies(facts: &Facts<'_>, fields: &mut Fields) {
    for (name, numbers) in called(facts) {
        let Some(durations) = &numbers.latency else { continue };
        let percentiles: Vec<String> = facts
            .config
            .latency
            .percentiles
            .iter()
            .map(|percent| format!("p{percent}={:.3}", latency::percentile_us(durations, *percent)))
            .collect();
        fields.line(format_args!("latency_percentiles_usec_{name}:{}", percentiles.join(",")));
    }
}
