//! Runs a test again in a process of its own, for what concerns a whole process: its signals, its log, its end.
//!
//! The test starts this very test program once more, with only itself selected and a variable that says so. Seeing it,
//! the second run plays the process that the first one watches.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

/// Present in the environment of a replayed test.
const VARIABLE: &str = "OCHRE_TEST_REPLAY";

/// Whether this process plays a test for another one.
pub(crate) fn is_playing() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// The directory that was given to this process, or the test's argument.
pub(crate) fn argument() -> PathBuf {
    env::var_os(VARIABLE).expect("only asked while playing").into()
}

/// The command that replays the test `name` (its path in this crate), with `argument` to read there. Its output is
/// captured.
pub(crate) fn command(name: &str, argument: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("a test runs from a file"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command.env(VARIABLE, argument).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// For a test that needs a process and nothing else: replays it with a fresh directory and expects it to pass. There
/// it returns the directory, and here nothing.
#[track_caller]
pub(crate) fn directory(name: &str) -> Option<PathBuf> {
    if is_playing() {
        return Some(argument());
    }
    let directory = tempfile::tempdir().expect("a directory for the test");
    let path = directory.path().to_str().expect("its name is plain");
    let output = command(name, path).output().expect("the test program starts");
    let (text, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
    None
}
