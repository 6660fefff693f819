//! Going into the background.
#![expect(unsafe_code, reason = "forks")]

use std::fs::OpenOptions;
use std::io;
use std::process;

use rustix::process::setsid;
use rustix::stdio;

/// Goes on in a child process that has no terminal and whose standard streams lead nowhere; the parent ends with
/// success. The log's lines go nowhere either unless it has a file.
///
/// # Panics
///
/// If the process has more than one thread: the child would have only the calling one, and whatever the others held
/// would be locked for ever.
pub(crate) fn daemonize() -> io::Result<()> {
    assert_eq!(thread_count()?, 1, "a process becomes a daemon before it starts threads");
    // SAFETY: there is no other thread, so the child is a whole copy: nothing is locked or half done in it.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        _parent => process::exit(0),
    }
    setsid()?;
    let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    stdio::dup2_stdin(&nowhere)?;
    stdio::dup2_stdout(&nowhere)?;
    stdio::dup2_stderr(&nowhere)?;
    Ok(())
}

fn thread_count() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;
    use std::time::Instant;

    use super::*;
    use crate::process::replay;

    /// The harness has a thread beside the test's, so the replayed test starts the whole program as it would be started:
    /// with one thread, in a child that it forks itself.
    #[test]
    fn a_daemon_has_its_own_session_and_no_streams() {
        let name = "process::daemon::tests::a_daemon_has_its_own_session_and_no_streams";
        let Some(directory) = replay::directory(name) else { return };
        let report = directory.join("report");
        // SAFETY: the child calls only what a copy with one thread may: the harness's other thread sleeps meanwhile.
        match unsafe { libc::fork() } {
            0 => {
                let report_daemon = || -> io::Result<()> {
                    daemonize()?;
                    let stream = fs::read_link("/proc/self/fd/1")?;
                    let session = rustix::process::getsid(None)? == rustix::process::getpid();
                    fs::write(directory.join("part"), format!("{session} {}", stream.display()))?;
                    fs::rename(directory.join("part"), &report)
                };
                process::exit(i32::from(report_daemon().is_err()));
            }
            child => assert!(0 < child),
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while !report.exists() {
            assert!(Instant::now() < deadline, "the daemon did not report");
            std::thread::yield_now();
        }
        assert_eq!(fs::read_to_string(&report).unwrap(), "true /dev/null");
    }

    #[test]
    #[should_panic(expected = "before it starts threads")]
    fn a_process_with_threads_does_not_fork() {
        let (release, waiting) = std::sync::mpsc::channel::<()>();
        let waiter = std::thread::Builder::new().spawn(move || waiting.recv()).unwrap();
        assert!(!waiter.is_finished());
        let daemonized = daemonize();
        drop(release);
        assert!(daemonized.is_err());
    }
}
