//! The snapshot file: what is saved comes back, whatever happens meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::{
    Client, Launch, Oracle, Random, Server, Signal, Version, wait_until, wait_until_within,
};
use tempfile::TempDir;

use crate::subject;

fn directory() -> TempDir {
    tempfile::Builder::new().prefix("ochre-test-data-").tempdir().expect("a directory can be made")
}

fn in_directory(launch: &Launch, directory: &Path) -> Launch {
    launch.clone().line(format!("dir {}", directory.display()))
}

fn dump(directory: &Path) -> PathBuf {
    directory.join("dump.rdb")
}

fn text(client: &mut Client, line: &str) -> String {
    let answer = client.run(line);
    answer
        .as_text()
        .or_else(|| answer.as_integer().map(|number| number.to_string()))
        .unwrap_or_default()
}

fn field(client: &mut Client, name: &str) -> String {
    let information = text(client, "INFO persistence");
    let line = information.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_default().to_owned()
}

fn digest(client: &mut Client) -> String {
    text(client, "DEBUG DIGEST")
}

fn wait_for_save(client: &mut Client) {
    let done = wait_until_within(Duration::from_mins(1), || {
        field(client, "rdb_bgsave_in_progress") == "0"
    });
    assert!(done, "the save does not end");
    assert_eq!(field(client, "rdb_last_bgsave_status"), "ok");
}

fn kill(mut server: Server) {
    server.signal(Signal::KILL);
    server.wait_for_end();
}

/// Values of all types and representations, in several databases, some of which expire much later.
fn fill(client: &mut Client) {
    let run = |client: &mut Client, line: &str| {
        let answer = client.run(line);
        assert!(!answer.is_error(), "{line}: {answer:?}");
    };
    let elements = |count: usize, prefix: &str| -> String {
        (0..count).map(|number| format!(" {prefix}{number}")).collect::<Vec<_>>().concat()
    };
    let pairs = |count: usize| -> String {
        (0..count).map(|number| format!(" {number} element:{number}")).collect::<Vec<_>>().concat()
    };
    run(client, "FLUSHALL");
    for database in [0, 3, 9] {
        run(client, &format!("SELECT {database}"));
        for count in [1, 40, 700, 3000] {
            run(
                client,
                &format!("RPUSH list:{count}{}", elements(count, "a rather long element ")),
            );
            run(client, &format!("SADD set:{count}{}", elements(count, "member:")));
            run(client, &format!("SADD integers:{count}{}", elements(count, "")));
            run(client, &format!("HSET hash:{count}{}", pairs(count)));
            run(client, &format!("ZADD sorted:{count}{}", pairs(count)));
            for number in 1..=count.min(700) {
                run(client, &format!("XADD stream:{count} {number}-1 field value:{number}"));
            }
        }
        run(client, "XGROUP CREATE stream:700 group 0");
        run(client, "XREADGROUP GROUP group consumer COUNT 300 STREAMS stream:700 >");
        run(client, "XACK stream:700 group 5-1 6-1");
        run(client, "HPEXPIREAT hash:40 9000000000000 FIELDS 1 7");
        run(client, "HPEXPIREAT hash:700 9000000000000 FIELDS 2 7 8");
        run(client, "SET string some-text");
        run(client, "SET integer -1234567890123");
        run(client, "SETRANGE long 100000 x");
        run(client, "SET expires later PXAT 9000000000000");
        run(client, "PEXPIREAT set:700 9000000000001");
    }
    run(client, "SELECT 0");
}

/// Changes what `fill` made, and much else, until it is told to stop.
fn disturb(client: &mut Client, seed: u64, stop: &AtomicBool) {
    let mut random = Random::from_seed(seed);
    while !stop.load(Ordering::Relaxed) {
        let mut lines = Vec::new();
        for _ in 0..50 {
            let count = random.pick(&[1, 40, 700, 3000]);
            let number = random.below(5000);
            lines.push(match random.below(16) {
                0 => format!("SELECT {}", random.pick(&[0, 3, 9])),
                1 => format!("RPUSH list:{count} new:{number}"),
                2 => format!("LSET list:{count} {} other", number % count),
                3 => format!("LPOP list:{count}"),
                4 => format!("SADD set:{count} new:{number}"),
                5 => format!("SREM set:{count} member:{number}"),
                6 => format!("HSET hash:{count} element:{number} {number}"),
                7 => format!("HDEL hash:{count} {number}"),
                8 => format!("ZADD sorted:{count} {number} element:{}", number / 2),
                9 => format!("ZREM sorted:{count} element:{number}"),
                10 => format!("XADD stream:{count} * field new:{number}"),
                11 => format!("XTRIM stream:{count} MAXLEN ~ {}", number / 10),
                12 => format!("RENAME sorted:{count} sorted:{}", random.pick(&[1, 40, 700, 3000])),
                13 => format!("APPEND long {number}"),
                14 => format!("SET key:{number} {number}"),
                _ => format!("DEL {}:{count}", random.pick(&["list", "set", "hash", "sorted"])),
            });
        }
        let request = lines.join("\r\n") + "\r\n";
        client.write(request.as_bytes()).expect("the server takes calls");
        client.replies(lines.len()).expect("the server answers");
    }
}

/// An image begun in the middle of writes by four clients is of exactly that moment.
#[test]
fn an_image_is_of_one_moment() {
    subject::with_each_worker_count(|launch| {
        let directory = directory();
        let launch = in_directory(&launch, directory.path());
        let server = launch.start();
        let mut client = server.client();
        fill(&mut client);
        assert_eq!(text(&mut client, "CONFIG SET rdb-key-save-delay 200"), "OK");
        let stop = AtomicBool::new(false);
        let expected = std::thread::scope(|scope| {
            for seed in 0..4 {
                let (server, stop) = (&server, &stop);
                scope.spawn(move || disturb(&mut server.client(), seed, stop));
            }
            let started = wait_until(|| 2000 < text(&mut client, "DBSIZE").parse().unwrap_or(0));
            client.write(b"MULTI\r\nDEBUG DIGEST\r\nBGSAVE\r\nEXEC\r\n").expect("it takes calls");
            let replies = client.replies(4).expect("it answers");
            let said: Vec<String> = replies[3]
                .as_array()
                .expect("a transaction")
                .iter()
                .map(|reply| reply.as_text().unwrap_or_default())
                .collect();
            wait_for_save(&mut client);
            stop.store(true, Ordering::Relaxed);
            assert!(started, "the writers write");
            assert_eq!(said[1], "Background saving started");
            said[0].clone()
        });
        assert_ne!(digest(&mut client), expected, "much was written since");
        kill(server);
        let server = launch.start();
        assert_eq!(digest(&mut server.client()), expected);
    });
}

#[test]
fn debug_reload_changes_nothing() {
    subject::with_each_worker_count(|launch| {
        let directory = directory();
        let server = in_directory(&launch, directory.path()).start();
        let mut client = server.client();
        fill(&mut client);
        let expected = digest(&mut client);
        assert_eq!(text(&mut client, "DEBUG RELOAD"), "OK");
        assert_eq!(digest(&mut client), expected);
        assert_eq!(text(&mut client, "SET other 1"), "OK");
        assert_eq!(text(&mut client, "SET string other"), "OK");
        assert_eq!(text(&mut client, "DEBUG RELOAD MERGE NOFLUSH NOSAVE"), "OK");
        assert_eq!(text(&mut client, "DEL other"), "1");
        assert_eq!(digest(&mut client), expected);
    });
}

/// Files go to and fro between this server and those of Redis.
#[test]
fn redis_loads_what_is_saved_and_the_other_way_round() {
    for oracle in Oracle::all() {
        let directory = directory();
        let ours = in_directory(&subject::launch(), directory.path());
        let theirs = in_directory(&oracle.launch(), directory.path());
        let is_old = oracle.version == Version::V70;
        let server = ours.start();
        let mut client = server.client();
        fill(&mut client);
        if is_old {
            for database in [0, 3, 9] {
                client.run(&format!("SELECT {database}"));
                client.run("HPERSIST hash:40 FIELDS 1 7");
                client.run("HPERSIST hash:700 FIELDS 2 7 8");
            }
            assert_eq!(text(&mut client, "CONFIG SET rdb-version 10"), "OK");
        }
        let expected = digest(&mut client);
        assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
        wait_for_save(&mut client);
        kill(server);
        let server = theirs.start();
        let mut client = server.client();
        assert_eq!(digest(&mut client), expected);
        fs::remove_file(dump(directory.path())).expect("it was saved");
        assert_eq!(text(&mut client, "SAVE"), "OK");
        kill(server);
        let server = ours.start();
        assert_eq!(digest(&mut server.client()), expected);
    }
}

#[test]
fn a_crash_during_a_save_keeps_the_old_file() {
    subject::with_each_worker_count(|launch| {
        let directory = directory();
        let launch = in_directory(&launch, directory.path());
        let server = launch.start();
        let mut client = server.client();
        fill(&mut client);
        assert_eq!(text(&mut client, "SAVE"), "OK");
        let expected = digest(&mut client);
        let before = fs::read(dump(directory.path())).expect("it was saved");
        assert_eq!(text(&mut client, "DEBUG POPULATE 100000"), "OK");
        assert_eq!(text(&mut client, "CONFIG SET rdb-key-save-delay 1000"), "OK");
        assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
        assert_eq!(text(&mut client, "BGSAVE"), "ERR Background save already in progress");
        assert_eq!(text(&mut client, "SAVE"), "ERR Background save already in progress");
        assert_eq!(field(&mut client, "rdb_bgsave_in_progress"), "1");
        kill(server);
        assert_eq!(fs::read(dump(directory.path())).expect("it is there"), before);
        assert_eq!(digest(&mut launch.start().client()), expected);
    });
}

/// Keys that expire or are removed while they are saved are in the file with the time at which they expire.
#[test]
fn keys_expire_while_they_are_saved() {
    let directory = directory();
    let launch = in_directory(&subject::launch().workers(2), directory.path());
    let server = launch.start();
    let mut client = server.client();
    for number in 0..500 {
        assert_eq!(text(&mut client, &format!("SET key:{number} value PX 300")), "OK");
    }
    assert_eq!(text(&mut client, "SET stays value"), "OK");
    assert_eq!(text(&mut client, "CONFIG SET rdb-key-save-delay 2000"), "OK");
    assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
    assert!(wait_until(|| text(&mut client, "DBSIZE") == "1"), "they expire");
    wait_for_save(&mut client);
    kill(server);
    let server = launch.start();
    server.wait_for_log("Done loading RDB, keys loaded: 1, keys expired: 500.");
    assert_eq!(text(&mut server.client(), "DBSIZE"), "1");
}

/// While the data is loaded clients are told so, but for what is allowed meanwhile.
#[test]
fn clients_are_told_that_the_data_is_being_loaded() {
    subject::with_each_worker_count(|launch| {
        let directory = directory();
        let server = in_directory(&launch, directory.path()).start();
        let mut client = server.client();
        assert_eq!(text(&mut client, "DEBUG POPULATE 20000 key 50"), "OK");
        assert_eq!(text(&mut client, "SAVE"), "OK");
        kill(server);
        let launch = in_directory(&launch, directory.path())
            .line("key-load-delay 200")
            .ready_at("Server initialized");
        let server = launch.start();
        let mut client = server.client();
        let refusal = "LOADING Redis is loading the dataset in memory";
        assert_eq!(text(&mut client, "GET key:1"), refusal);
        assert_eq!(text(&mut client, "PING"), refusal);
        assert_eq!(text(&mut client, "SELECT 1"), "OK");
        assert_eq!(text(&mut client, "SELECT 0"), "OK");
        assert_eq!(field(&mut client, "loading"), "1");
        assert!(wait_until(|| field(&mut client, "loading_loaded_perc") != "0.00"), "it goes on");
        assert!(!server.log().contains("Ready to accept connections"));
        assert_eq!(text(&mut client, "CONFIG SET key-load-delay 0"), "OK");
        server.wait_for_log("DB loaded from disk: ");
        server.wait_for_log("Ready to accept connections");
        assert_eq!(text(&mut client, "DBSIZE"), "20000");
        assert_eq!(field(&mut client, "loading"), "0");
        assert_eq!(field(&mut client, "rdb_last_load_keys_loaded"), "20000");
    });
}

#[test]
fn a_damaged_file_ends_the_start() {
    let directory = directory();
    let launch = in_directory(&subject::launch(), directory.path());
    let server = launch.start();
    let mut client = server.client();
    fill(&mut client);
    assert_eq!(text(&mut client, "SAVE"), "OK");
    kill(server);
    let whole = fs::read(dump(directory.path())).expect("it was saved");
    let check = |bytes: &[u8], lines: &[&str]| {
        fs::write(dump(directory.path()), bytes).expect("it can be written");
        let ended = launch.run_to_end();
        assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
        for line in lines {
            assert!(ended.log.contains(line), "no {line:?} in\n{}", ended.log);
        }
    };
    let ends = "Terminating server after rdb file reading failure.";
    check(&whole[..whole.len() / 2], &["Short read or OOM loading DB.", ends]);
    check(&whole[..whole.len() - 1], &["Short read or OOM loading DB.", ends]);
    check(b"", &["Short read or OOM loading DB.", ends]);
    check(b"REDIS9999 and more", &["Can't handle RDB format version 9999", "Fatal error loading"]);
    check(b"something else", &["Wrong signature trying to load DB from file", "Fatal error"]);
    let mut flipped = whole.clone();
    let middle = whole.len() - 20;
    flipped[middle] ^= 1;
    check(&flipped, &[ends]);
}

#[test]
fn save_points_save_and_the_end_does_too() {
    subject::with_each_worker_count(|launch| {
        let directory = directory();
        let launch = in_directory(&launch, directory.path()).line("save 1 3");
        let mut server = launch.start();
        let mut client = server.client();
        for number in 0..3 {
            assert_eq!(text(&mut client, &format!("SET key:{number} value")), "OK");
        }
        server.wait_for_log("3 changes in 1 seconds. Saving...");
        server.wait_for_log("Background saving terminated with success");
        assert!(wait_until(|| field(&mut client, "rdb_changes_since_last_save") == "0"));
        assert_eq!(text(&mut client, "SET other value"), "OK");
        assert_eq!(field(&mut client, "rdb_changes_since_last_save"), "1");
        server.signal(Signal::TERM);
        assert_eq!(server.wait_for_end().code(), Some(0));
        assert!(server.log().contains("Saving the final RDB snapshot before exiting."));
        let mut server = launch.start();
        let mut client = server.client();
        assert_eq!(text(&mut client, "DBSIZE"), "4");
        assert_eq!(text(&mut client, "SHUTDOWN NOSAVE NOW FORCE x"), "ERR syntax error");
        assert_eq!(text(&mut client, "FLUSHALL"), "OK");
        assert_eq!(text(&mut client, "SET key value"), "OK");
        server.signal(Signal::KILL);
        server.wait_for_end();
        // What was removed does not come back.
        assert_eq!(text(&mut launch.start().client(), "DBSIZE"), "0");
    });
}

/// Where the data cannot be saved, writes are refused, and the end is, too.
#[test]
fn writes_are_refused_while_the_data_cannot_be_saved() {
    let parent = directory();
    let data = parent.path().join("data");
    fs::create_dir(&data).expect("a directory can be made");
    let mut server = in_directory(&subject::launch(), &data).line("save 3600 1000000").start();
    let mut client = server.client();
    assert_eq!(text(&mut client, "SET key value"), "OK");
    fs::remove_dir(&data).expect("it is empty");
    assert_eq!(text(&mut client, "SAVE"), "ERR");
    assert_eq!(text(&mut client, "BGSAVE"), "Background saving started");
    server.wait_for_log("Failed opening the temp RDB file temp-");
    server.wait_for_log("Background saving error");
    assert!(wait_until(|| field(&mut client, "rdb_last_bgsave_status") == "err"));
    let refusal = text(&mut client, "SET key other");
    assert!(
        refusal
            .starts_with("MISCONF Redis is configured to save RDB snapshots, but it's currently"),
        "{refusal}"
    );
    assert!(text(&mut client, "PING").starts_with("MISCONF "));
    assert_eq!(text(&mut client, "GET key"), "value");
    assert_eq!(text(&mut client, "CONFIG SET stop-writes-on-bgsave-error no"), "OK");
    assert_eq!(text(&mut client, "SET key other"), "OK");
    assert_eq!(text(&mut client, "SHUTDOWN"), "ERR Errors trying to SHUTDOWN. Check logs.");
    assert_eq!(text(&mut client, "SET key again"), "OK");
    client.write(b"SHUTDOWN NOSAVE\r\n").expect("it takes calls");
    assert_eq!(server.wait_for_end().code(), Some(0));
}

/// What a save holds in memory stays about within its bound, however fast clients write.
#[test]
fn the_queue_of_a_save_is_bounded() {
    const LIMIT: usize = 1 << 20;
    subject::with_each_worker_count(|launch| {
        let directory = directory();
        let server = in_directory(&launch, directory.path())
            .line(format!("snapshot-queue-size {LIMIT}"))
            .start();
        let mut client = server.client();
        assert_eq!(text(&mut client, "DEBUG POPULATE 100000 key 200"), "OK");
        let value = "y".repeat(200);
        let lines: Vec<String> =
            (0..100_000).map(|number| format!("SET key:{number} {value}\r\n")).collect();
        let request = lines.concat();
        client.write(b"BGSAVE\r\n").expect("it takes calls");
        client.reply().expect("it answers");
        std::thread::scope(|scope| {
            let mut writer = server.client();
            let request = &request;
            let mut answered = server.client();
            scope.spawn(move || {
                writer.write(request.as_bytes()).expect("it takes calls");
                writer.replies(100_000).expect("it answers");
            });
            assert_eq!(text(&mut answered, "GET none"), "", "reading goes on");
        });
        wait_for_save(&mut client);
        let peak: usize = field(&mut client, "rdb_last_cow_size").parse().expect("a number");
        // A round of a worker, and a few steps of the walk, may come on top.
        assert!(0 < peak && peak < 16 * LIMIT, "{peak}");
        let keys = text(&mut client, "DBSIZE");
        kill(server);
        let server = in_directory(&launch, directory.path()).start();
        assert_eq!(text(&mut server.client(), "DBSIZE"), keys);
        let value = text(&mut server.client(), "GET key:77777");
        assert!(!value.starts_with('y'), "the image has the old values");
    });
}
