//! Each of these changes the limits of a process of its own. Lowering the maximum is what anybody may do and the
//! superuser alone can undo, so the tests that need a maximum that holds drop the right to.

use std::fs;

use super::*;
use crate::process::replay;

/// Sets the limits and the log of a replayed test, and returns what `raise_for_clients` did and logged.
fn raise_from(directory: &std::path::Path, current: u64, maximum: u64) -> (Option<u32>, String) {
    let path = directory.join("server.log");
    log::configure(log::Settings { file: Some(path.clone()), ..log::Settings::default() }).unwrap();
    setrlimit(Resource::Nofile, limit(current, Some(maximum))).unwrap();
    let fitting = raise_for_clients(1000);
    (fitting, fs::read_to_string(path).unwrap())
}

fn drop_the_right_to_raise() {
    use rustix::thread::CapabilitySet;
    use rustix::thread::capabilities;
    use rustix::thread::set_capabilities;
    let mut sets = capabilities(None).unwrap();
    sets.effective.remove(CapabilitySet::SYS_RESOURCE);
    set_capabilities(None, sets).unwrap();
}

#[test]
fn the_limit_is_raised_as_far_as_needed() {
    let name = "process::limits::tests::the_limit_is_raised_as_far_as_needed";
    let Some(directory) = replay::directory(name) else { return };
    let (fitting, log) = raise_from(&directory, 200, 1100);
    assert_eq!((fitting, open_files()), (Some(1000), 1032));
    let expected =
        "* Increased maximum number of open files to 1032 (it was originally set to 200).\n";
    assert!(log.ends_with(expected), "{log}");
    assert_eq!(raise_for_clients(900), Some(900));
    assert_eq!(open_files(), 1032);
}

#[test]
fn clients_are_reduced_to_what_the_maximum_allows() {
    let name = "process::limits::tests::clients_are_reduced_to_what_the_maximum_allows";
    let Some(directory) = replay::directory(name) else { return };
    drop_the_right_to_raise();
    let (fitting, log) = raise_from(&directory, 200, 500);
    assert_eq!((fitting, open_files()), (Some(468), 500));
    for expected in [
        "# You requested maxclients of 1000 requiring at least 1032 max file descriptors.",
        "# Server can't set maximum open files to 1032 because of OS error: Operation not permitted.",
        "# Current maximum open files is 500. maxclients has been reduced to 468 to compensate for low ulimit.",
    ] {
        assert!(log.contains(expected), "{log}");
    }
}

#[test]
fn a_server_without_room_for_clients_does_not_start() {
    let name = "process::limits::tests::a_server_without_room_for_clients_does_not_start";
    let Some(directory) = replay::directory(name) else { return };
    drop_the_right_to_raise();
    let (fitting, log) = raise_from(&directory, 20, 32);
    assert_eq!(fitting, None);
    assert!(
        log.contains("Your current 'ulimit -n' of 32 is not enough for the server to start."),
        "{log}"
    );
}
