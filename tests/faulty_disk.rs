//! Disks that are full, cannot be written or have changed a bit, and ends in the middle of writing: what was saved before stays, what was
//! acknowledged is not lost, and the log says what is wrong.

use std::fs;
use std::path::Path;

use harness::{Client, Launch, Random, Server, Signal, Value, wait_until};
use tempfile::TempDir;

use crate::small_disk::SmallDisk;
use crate::subject;

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("ochre-test-disk-").tempdir().expect("a directory can be made")
}

fn on(launch: &Launch, directory: &Path) -> Launch {
    launch.clone().line(format!("dir {}", directory.display()))
}

fn text(client: &mut Client, line: &str) -> String {
    client.run(line).as_text().unwrap_or_default()
}

fn field(client: &mut Client, name: &str) -> String {
    let information = text(client, "INFO persistence");
    let line = information.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().to_owned()
}

/// Values that cannot be compressed.
fn fill(client: &mut Client, prefix: &str, kilobytes: usize) {
    let mut random = Random::from_seed(7);
    for number in 0..kilobytes {
        let value: Vec<u8> =
            (0..1024).map(|_| u8::try_from(random.below(256)).unwrap_or(0)).collect();
        let key = format!("{prefix}:{number}");
        let reply = client.call(&[b"SET".as_slice(), key.as_bytes(), &value]);
        assert_eq!(reply, Value::Simple(b"OK".to_vec()));
    }
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

fn end(mut server: Server, signal: Signal) -> Option<i32> {
    server.signal(signal);
    server.wait_for_end().code()
}

const NO_ROOM: &str = "No space left on device";

#[test]
fn a_save_that_finds_no_room_leaves_the_file_of_before() {
    let directory = directory();
    let Some(_disk) = SmallDisk::mount(directory.path(), 2 << 20) else { return };
    subject::with_each_worker_count(|launch| {
        let path = directory.path().join("dump.rdb");
        let server = on(&launch, directory.path()).line("save 3600 1000000").start();
        let mut client = server.client();
        fill(&mut client, "first", 100);
        assert_eq!(text(&mut client, "SAVE"), "OK");
        let before = fs::read(&path).expect("it was saved");
        fill(&mut client, "second", 3000);
        let digest = text(&mut client, "DEBUG DIGEST");
        assert_eq!(text(&mut client, "SAVE"), "ERR");
        server.wait_for_log(&format!("Write error while saving DB to the disk(write): {NO_ROOM}"));
        assert_eq!(names(directory.path()), ["dump.rdb"], "what was written is gone");
        assert_eq!(fs::read(&path).expect("it is there"), before);
        // That is no save in the background, after which writes are refused.
        assert_eq!(text(&mut client, "CONFIG SET stop-writes-on-bgsave-error no"), "OK");
        assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
        server.wait_for_log("Background saving error");
        assert!(wait_until(|| field(&mut client, "rdb_bgsave_in_progress") == "0"));
        assert_eq!(field(&mut client, "rdb_last_bgsave_status"), "err");
        assert_eq!(names(directory.path()), ["dump.rdb"], "what was written is gone");
        assert_eq!(fs::read(&path).expect("it is there"), before);
        assert_eq!(text(&mut client, "DEBUG DIGEST"), digest);
        assert_eq!(text(&mut client, "CONFIG SET stop-writes-on-bgsave-error yes"), "OK");
        assert!(text(&mut client, "SET key value").starts_with("MISCONF "));
        // There is room again.
        assert_eq!(text(&mut client, "CONFIG SET stop-writes-on-bgsave-error no"), "OK");
        for number in 0..3000 {
            client.call(&["DEL", &format!("second:{number}")]);
        }
        assert_eq!(text(&mut client, "CONFIG SET stop-writes-on-bgsave-error yes"), "OK");
        assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
        assert!(wait_until(|| field(&mut client, "rdb_last_bgsave_status") == "ok"));
        assert_eq!(text(&mut client, "SET key value"), "OK");
        let digest = text(&mut client, "DEBUG DIGEST");
        assert_eq!(text(&mut client, "SAVE"), "OK");
        end(server, Signal::KILL);
        let server = on(&launch, directory.path()).start();
        assert_eq!(text(&mut server.client(), "DEBUG DIGEST"), digest);
        end(server, Signal::KILL);
        fs::remove_file(&path).expect("it is there");
    });
}

#[test]
fn a_rewrite_that_finds_no_room_leaves_the_files_of_before() {
    let directory = directory();
    let Some(_disk) = SmallDisk::mount(directory.path(), 6 << 20) else { return };
    for (preamble, workers) in [("yes", 1), ("yes", 4), ("no", 1)] {
        let launch = on(&subject::launch().workers(workers), directory.path())
            .line("appendonly yes")
            .line(format!("aof-use-rdb-preamble {preamble}"));
        let server = launch.start();
        let mut client = server.client();
        fill(&mut client, "key", 1500);
        let ballast = directory.path().join("ballast");
        fs::write(&ballast, vec![0; 3600 << 10]).expect("there is room so far");
        let begun = text(&mut client, "BGREWRITEAOF");
        assert_eq!(begun, "Background append only file rewriting started");
        server.wait_for_log("Background AOF rewrite terminated with error: ");
        assert!(server.log().contains(NO_ROOM), "{}", server.log());
        assert!(wait_until(|| field(&mut client, "aof_last_bgrewrite_status") == "err"));
        let left = names(&directory.path().join("appendonlydir"));
        assert!(!left.iter().any(|name| name.starts_with("temp-")), "{left:?}");
        // For what is appended there is room.
        assert!(wait_until(|| text(&mut client, "SET after value") == "OK"));
        let digest = text(&mut client, "DEBUG DIGEST");
        end(server, Signal::KILL);
        let server = launch.start();
        let mut client = server.client();
        assert_eq!(text(&mut client, "DEBUG DIGEST"), digest);
        fs::remove_file(&ballast).expect("it is there");
        let begun = text(&mut client, "BGREWRITEAOF");
        assert_eq!(begun, "Background append only file rewriting started");
        server.wait_for_log("Background AOF rewrite finished successfully");
        end(server, Signal::KILL);
        let server = launch.start();
        assert_eq!(text(&mut server.client(), "DEBUG DIGEST"), digest);
        end(server, Signal::KILL);
        fs::remove_dir_all(directory.path().join("appendonlydir")).expect("it is there");
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_told_about() {
    let directory = directory();
    let Some(disk) = SmallDisk::mount(directory.path(), 1 << 20) else { return };
    disk.protect();
    let server = on(&subject::launch(), directory.path()).line("save 3600 1000000").start();
    let mut client = server.client();
    assert_eq!(text(&mut client, "SET key value"), "OK");
    assert_eq!(text(&mut client, "SAVE"), "ERR");
    server.wait_for_log("Failed opening the temp RDB file temp-");
    assert!(server.log().contains("Read-only file system"), "{}", server.log());
    assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
    assert!(wait_until(|| field(&mut client, "rdb_last_bgsave_status") == "err"));
    assert!(text(&mut client, "SET key other").starts_with("MISCONF "));
    assert!(text(&mut client, "CONFIG SET appendonly yes").starts_with("ERR "));
    assert_eq!(text(&mut client, "GET key"), "value");
    end(server, Signal::KILL);
    let ended = on(&subject::launch(), directory.path()).line("appendonly yes").run_to_end();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    assert!(ended.log.contains("Read-only file system"), "{}", ended.log);
}

/// The file of before, or that of the last moment if the end is to save: never a part of one.
#[test]
fn an_end_in_the_middle_of_a_save_leaves_a_whole_file() {
    for (points, command) in [("", "BGSAVE"), ("3600 1000000", "BGSAVE"), ("", "SAVE")] {
        subject::with_each_worker_count(|launch| {
            let directory = directory();
            let launch = on(&launch, directory.path()).line(format!("save \"{points}\""));
            let server = launch.start();
            let mut client = server.client();
            fill(&mut client, "first", 100);
            assert_eq!(text(&mut client, "SAVE"), "OK");
            let before = text(&mut client, "DEBUG DIGEST");
            fill(&mut client, "second", 3000);
            let after = text(&mut client, "DEBUG DIGEST");
            if command == "BGSAVE" {
                assert_eq!(text(&mut client, "CONFIG SET rdb-key-save-delay 10000"), "OK");
                assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
                assert_eq!(field(&mut client, "rdb_bgsave_in_progress"), "1");
            } else {
                // It is executed, or not any more.
                client.send(&["SAVE"]).expect("it is sent");
            }
            assert_eq!(end(server, Signal::TERM), Some(0));
            assert_eq!(names(directory.path()), ["dump.rdb"]);
            let server = launch.start();
            let found = text(&mut server.client(), "DEBUG DIGEST");
            match (command, points) {
                ("BGSAVE", "") => assert_eq!(found, before),
                ("BGSAVE", _) => assert_eq!(found, after),
                _ => assert!(found == before || found == after, "{found}"),
            }
        });
    }
}

#[test]
fn a_flipped_bit_in_a_snapshot_is_found_wherever_it_is() {
    let directory = directory();
    let launch = on(&subject::launch(), directory.path());
    let server = launch.start();
    let mut client = server.client();
    for call in [
        "RPUSH list a b c",
        "SADD set a b c",
        "HSET hash a 1 b 2",
        "ZADD sorted 1 a 2 b",
        "XADD stream 1-1 field value",
        "SET string value",
        "SET number 12345",
        "SET expiring value PXAT 70000000000000",
    ] {
        assert!(!client.run(call).is_error(), "{call}");
    }
    assert_eq!(text(&mut client, "SAVE"), "OK");
    end(server, Signal::KILL);
    let path = directory.path().join("dump.rdb");
    let whole = fs::read(&path).expect("it was saved");
    for (place, bit) in (0..whole.len()).step_by(5).zip((0..8).cycle()) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << bit;
        fs::write(&path, &damaged).expect("there is room");
        let ended = launch.run_to_end();
        assert_eq!(ended.status.code(), Some(1), "bit {bit} of byte {place}: {}", ended.log);
        let is_told = [
            "Wrong RDB checksum",
            "Wrong signature trying to load DB from file",
            "Can't handle RDB format version",
            "Terminating server after rdb file reading failure",
            "Fatal error loading",
        ]
        .iter()
        .any(|line| ended.log.contains(line));
        assert!(is_told, "bit {bit} of byte {place}: {}", ended.log);
        assert_eq!(fs::read(&path).expect("it is there"), damaged, "it is left as it is");
    }
}
