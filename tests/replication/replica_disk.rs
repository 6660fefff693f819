//! Disks of replicas that are full: what there was stays, what came is not half there, and with room again it goes on.

use std::path::Path;

use harness::{Launch, Random, Server, Signal, wait_until};
use tempfile::TempDir;

use super::{info, load, pairs, said, times_logged, wait_for_equality, wait_for_link};
use crate::small_disk::SmallDisk;
use crate::subject;

fn fill(server: &Server, seed: u64) {
    load::write(&mut server.client(), &mut Random::from_seed(seed), 400);
}

/// A small disk; none if this process may not mount one.
fn small_disk() -> Option<(TempDir, SmallDisk)> {
    let directory = tempfile::tempdir().expect("there is room");
    let disk = SmallDisk::mount(directory.path(), 1 << 20)?;
    Some((directory, disk))
}

fn on(path: &Path) -> Launch {
    subject::launch().line(format!("dir {}", path.display()))
}

/// The names of the files in a directory.
fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).expect("it is there");
    let name =
        |entry: std::io::Result<std::fs::DirEntry>| entry.expect("it can be read").file_name();
    entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
}

#[test]
fn a_snapshot_that_has_no_room_takes_nothing_away() {
    for (primary, _) in [&pairs()[0], &pairs()[2]] {
        let Some((directory, disk)) = small_disk() else { return };
        let primary = primary.clone().line("rdbcompression no").start();
        primary.client().run("DEBUG POPULATE 30000 key 100");
        let replica = on(directory.path()).start();
        let mut client = replica.client();
        client.run("SET old data");
        client.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        let failure = "Write error or short write writing to the DB dump file needed for MASTER <-> REPLICA synchronization: No space left on device";
        // It is tried again and again.
        assert!(wait_until(|| 2 <= times_logged(&replica, failure)), "{}", replica.log());
        assert_eq!(said(&replica, "GET old"), "data");
        assert_eq!(said(&replica, "DBSIZE"), "1");
        assert_eq!(info(&replica, "replication", "master_link_status"), "down");
        disk.resize(64 << 20);
        fill(&primary, 1);
        wait_for_equality(&primary, &replica);
        assert_eq!(said(&replica, "EXISTS old"), "0");
        assert_eq!(names(directory.path()), ["dump.rdb"], "nothing is left of the attempts");
    }
}

/// A replica with an append-only file that cannot be written to.
fn without_room(primary: &Server, directory: &Path, lines: &[&str]) -> Server {
    let launch = on(directory)
        .line("appendonly yes")
        .line("repl-diskless-load on-empty-db")
        .line(format!("replicaof 127.0.0.1 {}", primary.port()));
    let launch = lines.iter().fold(launch, |launch, line| launch.line(*line));
    let replica = launch.start();
    wait_for_equality(primary, &replica);
    // What comes before that goes into the base, where it takes no room.
    replica.wait_for_log("Background AOF rewrite finished successfully");
    std::fs::write(directory.join("ballast"), vec![0; 900 << 10]).expect("there is room so far");
    primary.client().call(&["SET", "long", &"x".repeat(300 << 10)]);
    replica.wait_for_log("Error writing to the AOF file: No space left on device");
    replica
}

#[test]
fn a_replica_that_cannot_write_its_file_ends() {
    let Some((directory, disk)) = small_disk() else { return };
    let primary = pairs()[0].0.start();
    let mut replica = without_room(&primary, directory.path(), &[]);
    let is_over = wait_until(|| {
        fill(&primary, 2);
        replica.exit_status().is_some()
    });
    assert!(is_over, "{}", replica.log());
    replica.wait_for_log("Replica was unable to write command to disk.");
    disk.resize(64 << 20);
    let replica = on(directory.path())
        .line("appendonly yes")
        .line(format!("replicaof 127.0.0.1 {}", primary.port()))
        .start();
    wait_for_equality(&primary, &replica);
}

#[test]
fn a_replica_that_is_told_to_goes_on_without_its_file() {
    let Some((directory, _disk)) = small_disk() else { return };
    let primary = pairs()[0].0.start();
    let lines = ["replica-ignore-disk-write-errors yes"];
    let mut replica = without_room(&primary, directory.path(), &lines);
    fill(&primary, 3);
    replica
        .wait_for_log("Replica is applying a command even though it is unable to write to disk.");
    wait_for_link(&replica);
    primary.client().run("DEL long");
    wait_for_equality(&primary, &replica);
    std::fs::remove_file(directory.path().join("ballast")).expect("it is there");
    replica.wait_for_log("AOF write error looks solved");
    primary.client().run("SET after value");
    wait_for_equality(&primary, &replica);
    let is_written = || info(&replica, "persistence", "aof_last_write_status") == "ok";
    assert!(wait_until(is_written), "{}", replica.log());
    // The file has it all.
    replica.signal(Signal::TERM);
    replica.wait_for_end();
    let again = on(directory.path()).line("appendonly yes").start();
    assert_eq!(said(&again, "GET after"), "value");
    assert_eq!(said(&again, "DEBUG DIGEST"), said(&primary, "DEBUG DIGEST"));
}
