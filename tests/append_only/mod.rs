//! The append-only file, end to end: what was acknowledged is there after a restart, whatever ended the server, and files are
//! exchanged with real servers.

mod crash;
mod damage;
mod exchange;
mod full_disk;
mod holding;
mod latency;
mod prepared;
mod relaxed;
mod rewriting;

use std::path::{Path, PathBuf};

use harness::{Client, Launch, Server, Signal, Value};
use tempfile::TempDir;

use crate::subject;

/// All policies of `appendfsync`.
const POLICIES: [&str; 3] = ["always", "everysec", "no"];

/// A directory with data that servers are started on, one after the other.
struct Data {
    directory: TempDir,
}

impl Data {
    fn new() -> Data {
        let directory = tempfile::Builder::new().prefix("ochre-data-").tempdir();
        Data { directory: directory.expect("there is room for a directory") }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Makes a server of this launch one that appends to the files here.
    fn on(&self, launch: Launch) -> Launch {
        launch.line("appendonly yes").line(format!("dir {}", self.path().display()))
    }

    /// The server under test, on this data.
    fn launch(&self) -> Launch {
        self.on(subject::launch())
    }

    fn start(&self) -> Server {
        self.launch().start()
    }

    /// The file that is appended to.
    fn last_file(&self) -> PathBuf {
        let directory = self.path().join("appendonlydir");
        let text = std::fs::read_to_string(directory.join("appendonly.aof.manifest"));
        let text = text.expect("there is a manifest");
        let line =
            text.lines().rfind(|line| line.ends_with("type i")).expect("a file is appended to");
        directory.join(line.split(' ').nth(1).expect("it has a name"))
    }

    fn append(&self, bytes: &[u8]) {
        let file = self.last_file();
        let mut all = std::fs::read(&file).expect("it can be read");
        all.extend_from_slice(bytes);
        std::fs::write(&file, all).expect("it can be written");
    }
}

/// Ends a server as a crash would.
fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait_for_end();
}

/// Ends a server as an operator would.
fn terminate(mut server: Server) {
    server.signal(Signal::TERM);
    let status = server.wait_for_end();
    assert!(status.success(), "{}", server.log());
}

/// What INFO says in a field.
fn info(client: &mut Client, field: &str) -> String {
    let reply = client.run("INFO persistence");
    let text = reply.as_text().expect("INFO answers text");
    let prefix = format!("{field}:");
    let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_else(|| panic!("INFO has {field}:\n{text}")).to_owned()
}

/// Calls of many families, whose effects are not what was called.
const CALLS: &[&str] = &[
    "SET string value",
    "APPEND string more",
    "SET lives long EX 100000",
    "SET shortly gone PX 1",
    "INCRBYFLOAT float 1.5",
    "RPUSH list a b c d e f g",
    "LPOP list 2",
    "SADD set a b c d e f g",
    "SPOP set 3",
    "HSET hash a 1 b 2 c 3",
    "HEXPIRE hash 100000 FIELDS 1 a",
    "ZADD scores 1 a 2 b 3 c",
    "ZPOPMIN scores",
    "DEL stream",
    "XADD stream * field value",
    "XGROUP CREATE stream group 0",
    "XREADGROUP GROUP group me COUNT 1 STREAMS stream >",
    "SETBIT bits 77 1",
    "PFADD log a b c",
    "GEOADD places 13.361389 38.115556 Palermo",
    "SELECT 3",
    "MSET one 1 two 2",
    "MULTI",
    "INCR one",
    "DEL two",
    "EXEC",
    "EVAL redis.call('set',KEYS[1],'x');redis.call('incr',KEYS[2]) 2 script count",
    "SELECT 0",
];

fn write_something(server: &Server) {
    let mut client = server.client();
    for call in CALLS {
        let reply = client.run(call);
        assert!(!reply.is_error(), "{call}: {reply:?}");
    }
}

/// All that is there and lasts, in a form that two servers can be compared by.
fn contents(server: &Server) -> Vec<Value> {
    let mut client = server.client();
    let mut contents = Vec::new();
    for database in ["0", "3"] {
        client.call(&["SELECT", database]);
        let keys = client.run("KEYS *");
        let mut keys: Vec<Vec<u8>> = keys
            .as_array()
            .expect("KEYS answers an array")
            .iter()
            .map(|key| key.as_bytes().expect("of keys").to_vec())
            .filter(|key| key != b"shortly")
            .collect();
        keys.sort_unstable();
        for key in &keys {
            contents.push(Value::Bulk(key.clone()));
            let kind = client.call(&[b"TYPE", key.as_slice()]);
            let read: &[&[u8]] = match kind.as_text().as_deref() {
                Some("string") => &[b"GET"],
                Some("list") => &[b"LRANGE", b"0", b"-1"],
                Some("set") => &[b"SORT", b"ALPHA"],
                Some("hash") => &[b"HGETALL"],
                Some("zset") => &[b"ZRANGE", b"0", b"-1", b"WITHSCORES"],
                Some("stream") => &[b"XRANGE", b"-", b"+"],
                _ => panic!("{kind:?}"),
            };
            let mut words: Vec<&[u8]> = vec![read[0], key];
            words.extend(&read[1..]);
            contents.push(client.call(&words));
            contents.push(client.call(&[b"PEXPIRETIME", key.as_slice()]));
        }
    }
    contents
}

#[test]
fn whatever_was_acknowledged_is_there_after_a_crash() {
    for policy in POLICIES {
        for workers in [1, 4] {
            let data = Data::new();
            let launch = data.launch().workers(workers).line(format!("appendfsync {policy}"));
            let server = launch.start();
            write_something(&server);
            let before = contents(&server);
            kill(server);
            let server = launch.start();
            assert_eq!(contents(&server), before, "{policy}");
            assert!(server.log().contains("DB loaded from append only file: "));
            // And once more, with what is appended to a file that was there.
            write_something(&server);
            let before = contents(&server);
            terminate(server);
            let server = launch.start();
            assert_eq!(contents(&server), before, "{policy}");
        }
    }
}

#[test]
fn the_file_is_told_about() {
    let data = Data::new();
    let server = data.start();
    let mut client = server.client();
    assert_eq!(info(&mut client, "aof_enabled"), "1");
    assert_eq!(info(&mut client, "aof_last_write_status"), "ok");
    assert_eq!(info(&mut client, "aof_delayed_fsync"), "0");
    let before: u64 = info(&mut client, "aof_current_size").parse().expect("a number");
    client.run("SET key value");
    let after: u64 = info(&mut client, "aof_current_size").parse().expect("a number");
    assert!(before < after);
    assert_eq!(after - before, std::fs::metadata(data.last_file()).expect("it is there").len());
}

#[test]
fn a_key_that_expires_meanwhile_is_gone_and_what_follows_still_holds() {
    let data = Data::new();
    let server = data.start();
    let mut client = server.client();
    client.run("DEBUG SET-ACTIVE-EXPIRE 0");
    client.run("SET counter 5 PX 1500");
    client.run("INCR counter");
    client.run("HSET hash a 1 b 2");
    client.run("HPEXPIRE hash 1500 FIELDS 1 a");
    client.run("HINCRBY hash a 1");
    // Else the machine is so slow that nothing is to be seen here.
    assert_eq!(client.run("GET counter"), Value::Bulk(b"6".to_vec()));
    kill(server);
    let stopped = data.launch().line("hz 100");
    // By the time that it is loaded again both have expired; INCR must not make a key that stays.
    let server = stopped.start();
    let mut client = server.client();
    let gone = harness::wait_until(|| client.run("PTTL counter") == Value::Integer(-2));
    assert!(gone);
    kill(server);
    let server = stopped.start();
    let mut client = server.client();
    assert_eq!(client.run("EXISTS counter"), Value::Integer(0));
    let fields = client.run("HGETALL hash");
    let expected = [Value::Bulk(b"b".to_vec()), Value::Bulk(b"2".to_vec())];
    assert_eq!(fields.as_array(), Some(expected.as_slice()));
}

#[test]
fn a_file_of_the_time_when_there_was_only_one_is_taken_over() {
    let data = Data::new();
    let mut old = Vec::new();
    Client::encode(&["SELECT", "3"], &mut old);
    Client::encode(&["SET", "key", "value"], &mut old);
    std::fs::write(data.path().join("appendonly.aof"), &old).expect("there is room");
    for _ in 0..2 {
        let server = data.start();
        let mut client = server.client();
        client.run("SELECT 3");
        assert_eq!(client.run("GET key"), Value::Bulk(b"value".to_vec()));
        terminate(server);
    }
    assert!(!data.path().join("appendonly.aof").exists());
    let moved =
        std::fs::read(data.path().join("appendonlydir/appendonly.aof")).expect("it was moved");
    assert_eq!(moved, old);
}

/// Such a file as Redis 4 to 6 have written: a snapshot, and commands behind it.
#[test]
fn an_old_file_that_begins_with_a_snapshot_is_taken_over() {
    let data = Data::new();
    let server = data.on(subject::launch()).line("appendonly no").start();
    let mut client = server.client();
    client.run("RPUSH list a b");
    client.run("SAVE");
    terminate(server);
    let snapshot = data.path().join("dump.rdb");
    let mut old = std::fs::read(&snapshot).expect("it was saved");
    std::fs::remove_file(&snapshot).expect("it is there");
    Client::encode(&["SELECT", "0"], &mut old);
    Client::encode(&["RPUSH", "list", "c"], &mut old);
    std::fs::write(data.path().join("appendonly.aof"), &old).expect("there is room");
    for length in [3, 4] {
        let server = data.start();
        let mut client = server.client();
        assert_eq!(client.run("LLEN list"), Value::Integer(length), "{}", server.log());
        client.run("RPUSH list more");
        terminate(server);
    }
}

#[test]
fn times_are_noted_if_that_is_wanted() {
    let data = Data::new();
    let server = data.launch().line("aof-timestamp-enabled yes").start();
    server.client().run("SET key value");
    kill(server);
    let text = std::fs::read(data.last_file()).expect("it is there");
    assert!(text.starts_with(b"#TS:"), "{}", text.escape_ascii());
    let server = data.start();
    assert_eq!(server.client().run("GET key"), Value::Bulk(b"value".to_vec()));
}
