//! What the process uses of the machine, as the kernel counts it.

use std::fs;

/// Memory in bytes, processor time in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) resident: usize,
    pub(crate) total_system_memory: usize,
    /// In the system and in user code.
    pub(crate) cpu_s: (f64, f64),
    pub(crate) cpu_children_s: (f64, f64),
    /// Of one thread.
    pub(crate) cpu_thread_s: (f64, f64),
}

/// Reads what is used; `thread` is the number of the thread to be told apart.
pub(crate) fn read(thread: u32) -> Usage {
    let process = fields("/proc/self/stat");
    Usage {
        resident: resident(),
        total_system_memory: total_memory(),
        cpu_s: (time(&process, SYSTEM_TIME), time(&process, USER_TIME)),
        cpu_children_s: (time(&process, CHILDREN_SYSTEM_TIME), time(&process, CHILDREN_USER_TIME)),
        cpu_thread_s: {
            let thread = fields(&format!("/proc/self/task/{thread}/stat"));
            (time(&thread, SYSTEM_TIME), time(&thread, USER_TIME))
        },
    }
}

/// The operating system's name, release and machine.
pub(crate) fn system() -> String {
    let name = rustix::system::uname();
    format!(
        "{} {} {}",
        name.sysname().to_string_lossy(),
        name.release().to_string_lossy(),
        name.machine().to_string_lossy()
    )
}

// Places in `stat` after the name in parentheses; see proc_pid_stat(5), which counts from 3 there.
const USER_TIME: usize = 14 - 3;
const SYSTEM_TIME: usize = 15 - 3;
const CHILDREN_USER_TIME: usize = 16 - 3;
const CHILDREN_SYSTEM_TIME: usize = 17 - 3;

fn fields(path: &str) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    // The name may hold anything, also spaces and parentheses.
    let after_name = text.rsplit_once(')').map_or("", |(_, after)| after);
    after_name.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0)).collect()
}

fn time(fields: &[u64], place: usize) -> f64 {
    let ticks = fields.get(place).copied().unwrap_or(0);
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    #[expect(clippy::cast_precision_loss, reason = "centuries of processor time fit")]
    let seconds = ticks as f64 / per_second as f64;
    seconds
}

fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize =
        text.split_ascii_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size()
}

fn total_memory() -> usize {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kibibytes: usize = line
        .and_then(|line| line.split_ascii_whitespace().next())
        .and_then(|word| word.parse().ok())
        .unwrap_or(0);
    kibibytes * 1024
}
