//! Space behind the end of the file, which there is while each write is forced to the disk: a crash leaves it, everybody skips it, and a
//! write that is torn is cut off.

use std::process::Command;

use harness::{Oracle, Value};

use super::exchange::write_what_all_know;
use super::{Data, contents, kill, terminate};

const SECTOR: usize = 512;
/// The lines that the space is filled with.
const FILLER: &str = "#-------------------------------------------------------------\r\n";

/// A server that forces each write to the disk, and has done so often enough that it has space.
fn start(data: &Data) -> harness::Server {
    let server = data.launch().line("appendfsync always").line("rdb-version 10").start();
    let mut client = server.client();
    for number in 0..3 {
        client.call(&["SET", &format!("early:{number}"), "value"]);
    }
    server
}

/// The bytes of the file, and how many of them are content, with its pad.
fn read(data: &Data) -> (Vec<u8>, usize) {
    let bytes = std::fs::read(data.last_file()).expect("it is there");
    let lines = bytes.rchunks(FILLER.len()).take_while(|line| *line == FILLER.as_bytes()).count();
    let content = bytes.len() - lines * FILLER.len();
    (bytes, content)
}

#[test]
fn a_crash_leaves_space_that_real_servers_and_tools_skip() {
    for oracle in Oracle::all() {
        let data = Data::new();
        let server = start(&data);
        write_what_all_know(&server);
        let before = contents(&server);
        kill(server);
        let (bytes, content) = read(&data);
        assert!(content < bytes.len(), "there is space");
        let tool = oracle.program.with_file_name("redis-check-aof");
        let manifest = data.path().join("appendonlydir/appendonly.aof.manifest");
        if tool.exists() {
            let checked = Command::new(tool).arg(&manifest).output().expect("it runs");
            let told = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "{told}");
        }
        let server = data.on(oracle.launch()).start();
        assert_eq!(contents(&server), before, "{}", server.log());
        // It goes on behind the space, which stays where it is.
        server.client().run("SET theirs value");
        terminate(server);
        for count in 1..4 {
            let server = data.launch().line("appendfsync always").start();
            let mut client = server.client();
            let key = format!("ours:{count}");
            client.call(&["SET", &key, "value"]);
            assert_eq!(client.run("EXISTS theirs early:0 early:1 early:2"), Value::Integer(4));
            let keys = client.run("KEYS ours:*");
            assert_eq!(keys.as_array().expect("an array").len(), count);
            kill(server);
        }
    }
}

#[test]
fn the_space_is_cut_off_when_the_file_is_loaded_and_when_the_server_ends() {
    let data = Data::new();
    let server = start(&data);
    kill(server);
    let (bytes, content) = read(&data);
    assert!(content < bytes.len());
    let server = data.launch().line("appendfsync always").start();
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(3));
    let (bytes, content) = read(&data);
    assert_eq!(content, bytes.len());
    assert!(bytes.ends_with(b"\r\n") && !server.log().contains("Truncating"), "{}", server.log());
    terminate(server);
    let server = start(&data);
    let told = super::info(&mut server.client(), "aof_current_size");
    terminate(server);
    let (bytes, content) = read(&data);
    assert_eq!(content, bytes.len());
    let base = data.path().join("appendonlydir/appendonly.aof.1.base.rdb");
    let base = std::fs::metadata(base).expect("it is there").len();
    assert_eq!(told, (base + bytes.len() as u64).to_string(), "only what it holds counts");
}

#[test]
fn the_space_is_cut_off_when_writes_are_no_longer_forced_to_the_disk() {
    for change in ["CONFIG SET appendfsync everysec", "BGREWRITEAOF", "DEBUG LOADAOF"] {
        let data = Data::new();
        let server = start(&data);
        let file = data.last_file();
        let mut client = server.client();
        let before = std::fs::metadata(&file).expect("it is there").len();
        assert_eq!(before % 4096, 0, "{change}");
        let reply = client.run(change);
        assert!(!reply.is_error(), "{reply:?}");
        if change == "BGREWRITEAOF" {
            server.wait_for_log("Background AOF rewrite finished successfully");
            assert_ne!(data.last_file(), file);
        } else {
            client.run("SET after value");
            assert!(std::fs::metadata(&file).expect("it is there").len() < before, "{change}");
        }
        let expected = contents(&server);
        kill(server);
        let server = data.start();
        assert_eq!(contents(&server), expected);
    }
}

/// More than is written to such space at once.
#[test]
fn much_at_once_is_appended_and_what_follows_has_space_again() {
    let data = Data::new();
    let server = start(&data);
    let mut client = server.client();
    for (number, length) in [100_000, 10, 10, 65_000, 10, 4096, 300_000, 1].iter().enumerate() {
        client.call(&["SET", &format!("key:{number}"), &"x".repeat(*length)]);
    }
    let expected = contents(&server);
    kill(server);
    let server = data.start();
    assert_eq!(contents(&server), expected);
}

/// A file whose last write sets `last`, the offset where that begins, and its bytes up to the space.
fn with_last_write() -> (Data, Vec<u8>, usize, usize) {
    let data = Data::new();
    let server = start(&data);
    server.client().call(&["SET", "last", &"x".repeat(3000)]);
    kill(server);
    let (bytes, content) = read(&data);
    let name = bytes.windows(4).rposition(|window| window == b"last").expect("it is there");
    let begin = bytes[..name].iter().rposition(|byte| *byte == b'*').expect("it begins");
    (data, bytes, begin, content)
}

/// As the disk has it if the machine fails in the middle of a write.
#[test]
fn a_torn_write_is_cut_off() {
    let (data, bytes, begin, content) = with_last_write();
    let sectors = begin.div_ceil(SECTOR)..content / SECTOR;
    assert!(4 <= sectors.len());
    let space = FILLER.repeat(SECTOR / FILLER.len());
    let torn: [Vec<usize>; 4] = [
        vec![sectors.start],
        vec![sectors.start + 2],
        sectors.clone().skip(1).collect(),
        sectors.collect(),
    ];
    for missing in torn {
        let mut torn = bytes.clone();
        for sector in &missing {
            torn[sector * SECTOR..][..SECTOR].copy_from_slice(space.as_bytes());
        }
        std::fs::write(data.last_file(), &torn).expect("there is room");
        let ended = data.launch().line("aof-load-truncated no").run_to_end();
        assert_eq!(ended.status.code(), Some(1), "{missing:?}: {}", ended.log);
        let server = data.launch().line("appendfsync always").start();
        let mut client = server.client();
        assert_eq!(client.run("EXISTS early:0 early:1 early:2"), Value::Integer(3));
        assert_eq!(client.run("EXISTS last"), Value::Integer(0), "{missing:?}");
        server.wait_for_log(&format!(
            "!!! Truncating the AOF appendonly.aof.1.incr.aof at offset {begin} !!!"
        ));
        client.run("SET after value");
        kill(server);
        let server = data.launch().line("aof-load-truncated no").start();
        assert_eq!(server.client().run("DBSIZE"), Value::Integer(4));
        kill(server);
    }
}

#[test]
fn damage_is_not_taken_for_a_torn_write() {
    let (data, bytes, begin, content) = with_last_write();
    for place in [45, begin + 31, begin + 1000, content - 200] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 4;
        std::fs::write(data.last_file(), &damaged).expect("there is room");
        let ended = data.launch().run_to_end();
        assert_eq!(ended.status.code(), Some(1), "byte {place}: {}", ended.log);
        assert!(ended.log.contains("is damaged at offset"), "byte {place}: {}", ended.log);
        assert_eq!(std::fs::read(data.last_file()).expect("it is there"), damaged);
    }
}

#[test]
fn a_file_without_checksums_has_no_space() {
    let data = Data::new();
    let server = data.launch().line("appendfsync always").line("aof-checksum no").start();
    let mut client = server.client();
    for number in 0..5 {
        client.call(&["SET", &format!("key:{number}"), "value"]);
    }
    kill(server);
    let (bytes, content) = read(&data);
    assert_eq!(content, bytes.len());
    assert!(bytes.ends_with(b"value\r\n"));
}

/// It is a value that ends like it.
#[test]
fn what_only_looks_like_space_is_not_cut_off() {
    let imitation = |length| format!("{}{}", "x".repeat(length), FILLER.trim_end());
    for begins_with_checksum in [false, true] {
        let data = Data::new();
        if begins_with_checksum {
            terminate(start(&data));
        }
        let server = data.launch().line("appendfsync always").line("aof-checksum no").start();
        let mut client = server.client();
        let imitation = (0..200).map(imitation).find(|value| {
            client.call(&["SET", "imitation", value]);
            let (bytes, content) = read(&data);
            content < bytes.len()
        });
        assert!(imitation.is_some());
        let expected = contents(&server);
        kill(server);
        let (bytes, content) = read(&data);
        assert!(content < bytes.len());
        let server = data.start();
        assert_eq!(contents(&server), expected, "{}", server.log());
        assert!(read(&data) == (bytes, content), "nothing is cut off");
        kill(server);
    }
}
