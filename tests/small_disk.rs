//! A file system that is soon full.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system, as long as it lives.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None if this process may not mount one, which is told.
    #[expect(clippy::print_stderr, reason = "a test that was not run says so")]
    pub(crate) fn mount(at: &Path, bytes: usize) -> Option<SmallDisk> {
        let is_mounted = mount(&["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"], at);
        if !is_mounted {
            eprintln!("not run: this process may not mount a small file system");
        }
        is_mounted.then(|| SmallDisk(at.to_owned()))
    }

    /// Has it refuse to be written. No file may be open for that.
    pub(crate) fn protect(&self) {
        assert!(mount(&["-o", "remount,ro"], &self.0), "it can be protected");
    }

    /// Gives it another size.
    #[track_caller]
    pub(crate) fn resize(&self, bytes: usize) {
        assert!(mount(&["-o", &format!("remount,size={bytes}")], &self.0), "it was mounted before");
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let output = Command::new("mount").args(arguments).arg(at).output();
    output.is_ok_and(|output| output.status.success())
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _unmounted = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
