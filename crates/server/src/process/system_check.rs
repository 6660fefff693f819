//! Settings of the kernel that do a server harm, told at the start.
//!
//! Redis warns of memory that may not be overcommitted and of huge pages, because it forks to save. This server does not fork:
//! the kernel's default suits it, and it asks for huge pages itself. Only strict accounting is told of: with it, an
//! allocation can fail while memory is free.

use std::fs;
use std::path::Path;

use crate::log;

/// Logs a warning for each setting that does harm.
pub(crate) fn warn_of_kernel_settings() {
    if is_overcommit_strict(Path::new("/proc/sys/vm/overcommit_memory")) {
        log::warning(
            "WARNING Memory overcommit is off (vm.overcommit_memory = 2). Allocations may fail although memory is free. \
             To fix this, run 'sysctl vm.overcommit_memory=1', and add 'vm.overcommit_memory = 1' to /etc/sysctl.conf \
             to have it so after a reboot.",
        );
    }
}

/// Strict accounting is mode 2.
fn is_overcommit_strict(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.trim() == "2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("setting");
        fs::write(&path, text).unwrap();
        assert_eq!(is_overcommit_strict(&path), expected, "{text}");
    }

    #[test]
    fn settings_are_read() {
        check("0\n", false);
        check("1\n", false);
        check("2\n", true);
        assert!(!is_overcommit_strict(Path::new("/nonexistent")));
    }
}
