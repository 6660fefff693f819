//! Settings of the kernel that do a server harm, told at the start.
//!
//! Redis warns of memory that may not be overcommitted because it forks to save. This server does not fork, so the
//! kernel's default suits it. Only strict accounting is told of: with it, an allocation can fail while memory is free.

use std::fs;
use std::path::Path;

use crate::log;

/// Whether the kernel may put this process's memory into huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HugePages {
    /// As the system is set.
    System,
    /// Not unasked.
    Never,
}

/// Applies `huge_pages`, and logs a warning for each setting that does harm.
pub(crate) fn warn_of_kernel_settings(huge_pages: HugePages) {
    if is_overcommit_strict(Path::new("/proc/sys/vm/overcommit_memory")) {
        log::warning(
            "WARNING Memory overcommit is off (vm.overcommit_memory = 2). Allocations may fail although memory is free. \
             To fix this, run 'sysctl vm.overcommit_memory=1', and add 'vm.overcommit_memory = 1' to /etc/sysctl.conf \
             to have it so after a reboot.",
        );
    }
    if are_huge_pages_always(Path::new("/sys/kernel/mm/transparent_hugepage/enabled"))
        && !keep_out(huge_pages)
    {
        log::warning(
            "WARNING Transparent Huge Pages (THP) are enabled for all memory. They make latency and memory usage less \
             even. To leave it to each process, run 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled' as \
             root, have it run at every boot, and restart the server.",
        );
    }
}

/// Strict accounting is mode 2.
fn is_overcommit_strict(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim() == "2")
}

/// The mode in force is the one in brackets.
fn are_huge_pages_always(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains("[always]"))
}

/// Whether the kernel leaves this process alone.
fn keep_out(huge_pages: HugePages) -> bool {
    match huge_pages {
        HugePages::System => false,
        HugePages::Never => rustix::thread::disable_transparent_huge_pages(true).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, read: fn(&Path) -> bool, expected: bool) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("setting");
        fs::write(&path, text).unwrap();
        assert_eq!(read(&path), expected, "{text}");
    }

    #[test]
    fn settings_are_read() {
        check("0\n", is_overcommit_strict, false);
        check("1\n", is_overcommit_strict, false);
        check("2\n", is_overcommit_strict, true);
        check("[always] madvise never\n", are_huge_pages_always, true);
        check("always [madvise] never\n", are_huge_pages_always, false);
        assert!(!is_overcommit_strict(Path::new("/nonexistent")));
    }

    #[test]
    fn a_process_can_opt_out_of_huge_pages() {
        assert!(keep_out(HugePages::Never) && !keep_out(HugePages::System));
        assert!(rustix::thread::transparent_huge_pages_are_disabled().unwrap());
    }
}
