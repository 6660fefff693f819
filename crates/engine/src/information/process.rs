//! The sections of INFO about the process and the machine.

use super::{Facts, Fields};
use crate::REDIS_VERSION;

/// This server's own version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn server(facts: &Facts<'_>, fields: &mut Fields) {
    let process = facts.process();
    let hz = facts.config.process.hz;
    let workers = facts.engine.statistics.len();
    fields.put("redis_version", REDIS_VERSION);
    fields.put("redis_git_sha1", "00000000");
    fields.put("redis_git_dirty", 0);
    fields.put("redis_build_id", format_args!("{:016x}", build_id()));
    fields.put("redis_mode", "standalone");
    fields.put("os", &process.system);
    fields.put("arch_bits", usize::BITS);
    fields.put("monotonic_clock", "POSIX clock_gettime");
    fields.put("multiplexing_api", process.multiplexing);
    fields.put("atomicvar_api", "c11-builtin");
    // What a Redis says that no GCC has built.
    fields.put("gcc_version", "0.0.0");
    fields.put("process_id", process.pid);
    fields.put("process_supervised", process.supervised);
    fields.put("run_id", &process.run_id);
    fields.put("tcp_port", process.tcp_port);
    fields.put("server_time_usec", facts.now_us);
    fields.put("uptime_in_seconds", process.uptime_s);
    fields.put("uptime_in_days", process.uptime_s / 86_400);
    fields.put("hz", hz);
    fields.put("configured_hz", hz);
    fields.put("lru_clock", lru_clock(facts.now_us));
    fields.put("executable", &process.executable);
    fields.put("config_file", &process.config_file);
    fields.put("io_threads_active", u8::from(1 < workers));
    if let Some(left_ms) = facts.engine.shutdown_in_ms(facts.now_us.div_euclid(1000)) {
        fields.put("shutdown_in_milliseconds", left_ms);
    }
    for (number, listener) in &process.listeners {
        fields.line(format_args!("listener{number}:{listener}"));
    }
    fields.put("ochre_version", VERSION);
    fields.put("ochre_workers", workers);
}

pub(super) fn processor(facts: &Facts<'_>, fields: &mut Fields) {
    let process = facts.process();
    for (suffix, (system_s, user_s)) in [
        ("", process.cpu_s),
        ("_children", process.cpu_children_s),
        ("_main_thread", process.cpu_main_thread_s),
    ] {
        fields.line(format_args!("used_cpu_sys{suffix}:{system_s:.6}"));
        fields.line(format_args!("used_cpu_user{suffix}:{user_s:.6}"));
    }
}

/// Seconds, as far as the clock of an entry counts them.
fn lru_clock(now_us: i64) -> i64 {
    (now_us / 1_000_000) & 0xff_ffff
}

/// A number that other versions don't have.
fn build_id() -> u64 {
    // FNV-1a.
    VERSION.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
