//! What INFO tells of replication.

use std::sync::atomic::Ordering;

use super::{Link, ReplicaPhase, ReplicaState, Role};
use crate::information::{Facts, Fields};

/// The section.
pub(crate) fn section(facts: &Facts<'_>, fields: &mut Fields) {
    let replication = &facts.engine.replication;
    match replication.role() {
        Role::Primary => fields.put("role", "master"),
        Role::Replica(state) => {
            fields.put("role", "slave");
            link(facts, &state, fields);
        }
    }
    replicas(facts, fields);
    fields.put("master_failover_state", replication.failover().word());
    let identity = facts.engine.identity();
    fields.put("master_replid", identity.id());
    let second = identity.second();
    let (id, next) = match second {
        Some((id, until)) => (id, i64::try_from(until).unwrap_or(i64::MAX).saturating_add(1)),
        None => (::replication::ReplicationId::NONE, -1),
    };
    fields.put("master_replid2", id);
    fields.put("master_repl_offset", facts.engine.replication_offset());
    fields.put("second_repl_offset", next);
    let backlog = replication.backlog();
    fields.put("repl_backlog_active", u8::from(backlog.is_some()));
    fields.put("repl_backlog_size", facts.config.replication.backlog_bytes);
    // Bytes are counted from 1.
    fields.put("repl_backlog_first_byte_offset", backlog.map_or(0, |backlog| backlog.start + 1));
    fields.put("repl_backlog_histlen", backlog.map_or(0, |backlog| backlog.length));
}

/// The primary, and how the link to it is.
fn link(facts: &Facts<'_>, state: &ReplicaState, fields: &mut Fields) {
    let now_ms = facts.now_us.div_euclid(1000);
    let seconds_since = |ms: i64| now_ms.saturating_sub(ms).div_euclid(1000).max(0);
    let is_up = state.link == Link::Connected;
    fields.put("master_host", String::from_utf8_lossy(&state.host));
    fields.put("master_port", state.port);
    fields.put("master_link_status", if is_up { "up" } else { "down" });
    let last_io_s = state.last_input_ms.filter(|_| is_up).map_or(-1, seconds_since);
    fields.put("master_last_io_seconds_ago", last_io_s);
    fields.put("master_sync_in_progress", u8::from(state.link == Link::Sync));
    let applied = facts.engine.replication_offset();
    fields.put("slave_read_repl_offset", state.read_offset.unwrap_or(applied));
    fields.put("slave_repl_offset", applied);
    if let Some(sync) = state.sync.filter(|_| state.link == Link::Sync) {
        let total = sync.total_bytes.unwrap_or(0);
        let percent = if total == 0 { 0.0 } else { share(sync.read_bytes, total) };
        fields.put("master_sync_total_bytes", total);
        fields.put("master_sync_read_bytes", sync.read_bytes);
        fields.put("master_sync_left_bytes", total.saturating_sub(sync.read_bytes));
        fields.put("master_sync_perc", format_args!("{percent:.2}"));
        fields.put("master_sync_last_io_seconds_ago", seconds_since(sync.last_input_ms));
    }
    if !is_up {
        let since_s = state.down_since_s.map_or(-1, |since_s| seconds_since(since_s * 1000));
        fields.put("master_link_down_since_seconds", since_s);
    }
    let settings = &facts.config.replication;
    fields.put("slave_priority", settings.priority);
    fields.put("slave_read_only", u8::from(settings.read_only));
    fields.put("replica_announced", u8::from(settings.announced));
}

fn share(part: u64, whole: u64) -> f64 {
    crate::vitals::float(part) * 100.0 / crate::vitals::float(whole)
}

/// Those who copy this server.
fn replicas(facts: &Facts<'_>, fields: &mut Fields) {
    let now_ms = facts.now_us.div_euclid(1000);
    let replication = &facts.engine.replication;
    let replicas = replication.replicas();
    fields.put("connected_slaves", replicas.len());
    let settings = &facts.config.replication;
    if 0 < settings.min_replicas && 0 < settings.min_replicas_max_lag_s {
        fields.put("min_slaves_good_slaves", replication.good_replicas());
    }
    for (number, replica) in replicas.iter().enumerate() {
        let phase = replica.phase();
        let lag_s = if phase == ReplicaPhase::Online { replica.lag_s(now_ms) } else { 0 };
        fields.line(format_args!(
            "slave{number}:ip={},port={},state={},offset={},lag={lag_s}",
            replica.address(),
            replica.announced.port,
            phase.word(),
            replica.acknowledged(),
        ));
    }
}

/// Bytes to replicas and from a primary, for the section on statistics.
pub(crate) fn traffic(facts: &Facts<'_>, fields: &mut Fields) {
    let counts = facts.engine.replication.counts();
    fields.put("total_net_repl_input_bytes", counts.received_bytes.load(Ordering::Relaxed));
    fields.put("total_net_repl_output_bytes", counts.sent_bytes.load(Ordering::Relaxed));
}

/// Syncs, for the section on statistics.
pub(crate) fn syncs(facts: &Facts<'_>, fields: &mut Fields) {
    let counts = facts.engine.replication.counts();
    fields.put("sync_full", counts.full.load(Ordering::Relaxed));
    fields.put("sync_partial_ok", counts.partial.load(Ordering::Relaxed));
    fields.put("sync_partial_err", counts.refused.load(Ordering::Relaxed));
}
