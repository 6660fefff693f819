//! Rewrites: while clients write, by themselves, after the file is turned on, and after the disk has failed.

use harness::{Client, Oracle, Value};

use super::{Data, contents, info, kill, terminate, write_something};

/// Waits until no rewrite goes on and none is scheduled.
fn wait_for_rewrite(client: &mut Client) {
    let ended = harness::wait_until(|| {
        info(client, "aof_rewrite_in_progress") == "0"
            && info(client, "aof_rewrite_scheduled") == "0"
    });
    assert!(ended, "the rewrite ends");
    assert_eq!(info(client, "aof_last_bgrewrite_status"), "ok");
}

fn rewrite(client: &mut Client) {
    let reply = client.run("BGREWRITEAOF");
    let begun = Value::Simple(b"Background append only file rewriting started".to_vec());
    assert_eq!(reply, begun);
    wait_for_rewrite(client);
}

/// The names of the files, in order.
fn names(data: &Data) -> Vec<String> {
    let directory = data.path().join("appendonlydir");
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_rewritten_file_holds_what_there_is() {
    for workers in [1, 4] {
        let data = Data::new();
        let server = data.launch().workers(workers).start();
        let first =
            ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest"];
        assert_eq!(names(&data), first);
        write_something(&server);
        let mut client = server.client();
        for number in 0..1000 {
            client.call(&["SET", "again", &number.to_string()]);
        }
        let before: u64 = info(&mut client, "aof_current_size").parse().expect("a number");
        rewrite(&mut client);
        let after: u64 = info(&mut client, "aof_current_size").parse().expect("a number");
        assert!(after < before / 4, "{after} of {before} bytes are left");
        let second =
            ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof", "appendonly.aof.manifest"];
        assert_eq!(names(&data), second);
        client.run("SET after rewriting");
        let there = contents(&server);
        kill(server);
        let server = data.launch().workers(workers).start();
        assert_eq!(contents(&server), there);
        assert!(server.log().contains("DB loaded from base file appendonly.aof.2.base.rdb"));
        kill(server);
    }
}

#[test]
fn files_with_a_base_are_exchanged_with_real_servers() {
    for oracle in Oracle::all() {
        let data = Data::new();
        // What the oldest of them reads.
        let ours = data.launch().line("rdb-version 10");
        let server = ours.start();
        super::exchange::write_what_all_know(&server);
        rewrite(&mut server.client());
        super::exchange::write_what_all_know(&server);
        let there = contents(&server);
        terminate(server);
        let server = data.on(oracle.launch()).start();
        assert_eq!(contents(&server), there, "{}", server.log());
        let mut client = server.client();
        client.run("BGREWRITEAOF");
        wait_for_rewrite(&mut client);
        super::exchange::write_what_all_know(&server);
        let there = contents(&server);
        terminate(server);
        let server = ours.start();
        assert_eq!(contents(&server), there, "{}", server.log());
        terminate(server);
    }
}

#[test]
fn a_base_of_commands_makes_what_there_is() {
    for oracle in Oracle::all() {
        let data = Data::new();
        let ours = data.launch().line("aof-use-rdb-preamble no");
        let server = ours.start();
        super::exchange::write_what_all_know(&server);
        let mut client = server.client();
        let library = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
        client.call(&["FUNCTION", "LOAD", library]);
        for call in [
            "XGROUP CREATECONSUMER stream group idle",
            "XADD emptied 5-5 a b",
            "XDEL emptied 5-5",
            "ZADD scores -inf least 0.5 some inf most",
        ] {
            let reply = client.run(call);
            assert!(!reply.is_error(), "{call}: {reply:?}");
        }
        // In a database of their own, since the order of what is in them differs.
        client.run("SELECT 5");
        for number in 0..500 {
            let number = number.to_string();
            client.call(&["RPUSH", "long:list", &number]);
            client.call(&["SADD", "long:set", &number, &format!("member {number}")]);
            client.call(&["HSET", "long:hash", &number, "value", &format!("field {number}"), ""]);
        }
        rewrite(&mut client);
        let names = names(&data);
        assert_eq!(names.first().map(String::as_str), Some("appendonly.aof.2.base.aof"));
        let base = std::fs::read(data.path().join("appendonlydir/appendonly.aof.2.base.aof"));
        assert!(base.expect("it is there").starts_with(b"*3\r\n$8\r\nFUNCTION"));
        let said = |client: &mut Client| {
            let calls = [
                "XPENDING stream group",
                "XINFO GROUPS stream",
                "XINFO STREAM emptied",
                "FCALL f 0",
            ];
            client.run("SELECT 0");
            let mut said: Vec<Value> = calls.iter().map(|call| client.run(call)).collect();
            client.run("SELECT 5");
            said.push(client.run("DEBUG DIGEST-VALUE long:list long:set long:hash"));
            said
        };
        let (there, says) = (contents(&server), said(&mut client));
        terminate(server);
        let server = ours.start();
        assert_eq!(contents(&server), there, "{}", server.log());
        assert_eq!(said(&mut server.client()), says);
        terminate(server);
        let server = data.on(oracle.launch()).start();
        assert_eq!(contents(&server), there, "{}", server.log());
        terminate(server);
    }
}

#[test]
fn fields_that_expire_are_in_a_base_of_commands() {
    let data = Data::new();
    let ours = data.launch().line("aof-use-rdb-preamble no");
    let server = ours.start();
    let mut client = server.client();
    client.run("HSET hash stays 1 goes 2");
    client.run("HPEXPIREAT hash 70000000000000 FIELDS 1 goes");
    rewrite(&mut client);
    kill(server);
    let server = ours.start();
    let expiry = server.client().run("HPEXPIRETIME hash FIELDS 2 stays goes");
    let expected = [Value::Integer(-1), Value::Integer(70_000_000_000_000)];
    assert_eq!(expiry.as_array(), Some(expected.as_slice()));
    kill(server);
}

#[test]
fn one_rewrite_goes_on_at_a_time() {
    let data = Data::new();
    let server = data.start();
    let mut client = server.client();
    for number in 0..50 {
        client.call(&["SET", &format!("key:{number}"), "value"]);
    }
    client.run("CONFIG SET rdb-key-save-delay 10000");
    let begun = client.run("BGREWRITEAOF");
    assert!(!begun.is_error(), "{begun:?}");
    assert_eq!(info(&mut client, "aof_rewrite_in_progress"), "1");
    assert_eq!(
        client.run("BGREWRITEAOF").as_text().as_deref(),
        Some("ERR Background append only file rewriting already in progress")
    );
    // Meanwhile it is written, and what is written counts.
    client.run("SET key:0 changed");
    client.run("CONFIG SET rdb-key-save-delay 0");
    wait_for_rewrite(&mut client);
    client.run("CONFIG SET rdb-key-save-delay 10000");
    client.run("BGSAVE");
    let scheduled = client.run("BGREWRITEAOF");
    assert_eq!(
        scheduled,
        Value::Simple(b"Background append only file rewriting scheduled".to_vec())
    );
    assert_eq!(info(&mut client, "aof_rewrite_scheduled"), "1");
    client.run("CONFIG SET rdb-key-save-delay 0");
    wait_for_rewrite(&mut client);
    assert_eq!(info(&mut client, "aof_rewrites"), "2");
    kill(server);
    let server = data.start();
    let mut client = server.client();
    assert_eq!(client.run("GET key:0"), Value::Bulk(b"changed".to_vec()));
    assert_eq!(client.run("DBSIZE"), Value::Integer(50));
}

#[test]
fn a_file_that_has_grown_is_rewritten_by_itself() {
    let data = Data::new();
    let launch = data.launch().line("auto-aof-rewrite-min-size 10kb");
    let server = launch.line("auto-aof-rewrite-percentage 50").start();
    let mut client = server.client();
    for number in 0..1000 {
        client.call(&["SET", "key", &number.to_string()]);
    }
    server.wait_for_log("Starting automatic rewriting of AOF on ");
    server.wait_for_log("Background AOF rewrite finished successfully");
    kill(server);
    let server = data.start();
    assert_eq!(server.client().run("GET key"), Value::Bulk(b"999".to_vec()));
}

#[test]
fn the_file_can_be_turned_on_and_off_while_the_server_runs() {
    let data = Data::new();
    let server = data.launch().line("appendonly no").start();
    let mut client = server.client();
    client.run("SET before on");
    assert_eq!(info(&mut client, "aof_enabled"), "0");
    assert_eq!(client.run("CONFIG SET appendonly yes"), Value::Simple(b"OK".to_vec()));
    assert_eq!(info(&mut client, "aof_enabled"), "1");
    client.run("SET while turning");
    wait_for_rewrite(&mut client);
    client.run("SET after on");
    client.run("CONFIG SET appendonly no");
    assert_eq!(info(&mut client, "aof_enabled"), "0");
    client.run("SET off on");
    kill(server);
    let server = data.start();
    let mut client = server.client();
    assert_eq!(client.run("EXISTS before while after"), Value::Integer(3));
    // The switch is made beside what clients do, so this may be there or not, but nothing else is missing.
    client.run("DEL off");
    assert_eq!(client.run("DBSIZE"), Value::Integer(3));
    client.run("CONFIG SET appendonly no");
    client.run("FLUSHALL");
    client.run("SET all new");
    assert_eq!(client.run("CONFIG SET appendonly yes"), Value::Simple(b"OK".to_vec()));
    wait_for_rewrite(&mut client);
    kill(server);
    let server = data.start();
    let mut client = server.client();
    assert_eq!(client.run("KEYS *"), Value::Array(vec![Value::Bulk(b"all".to_vec())]));
}

/// What is written to `/dev/null` cannot be synced: nobody knows where it is.
#[test]
fn after_a_sync_has_failed_everything_is_written_anew() {
    for policy in ["always", "everysec"] {
        let data = Data::new();
        terminate(data.start());
        let file = data.last_file();
        std::fs::remove_file(&file).expect("it is there");
        std::os::unix::fs::symlink("/dev/null", &file).expect("there is room");
        let server = data.launch().workers(4).line(format!("appendfsync {policy}")).start();
        let mut client = server.client();
        // Under `always` this is answered when it is in the new base, on a disk.
        assert_eq!(client.run("SET key value"), Value::Simple(b"OK".to_vec()));
        server.wait_for_log("Fail to fsync the AOF file: ");
        server.wait_for_log("Background AOF rewrite finished successfully");
        let goes_on = harness::wait_until(|| !client.run("SET other value").is_error());
        assert!(goes_on);
        assert_eq!(info(&mut client, "aof_last_write_status"), "ok");
        kill(server);
        let server = data.start();
        assert_eq!(server.client().run("EXISTS key other"), Value::Integer(2), "{policy}");
    }
}

#[test]
fn what_the_file_holds_can_be_loaded_while_the_server_runs() {
    for workers in [1, 4] {
        let data = Data::new();
        let server = data.launch().workers(workers).start();
        write_something(&server);
        rewrite(&mut server.client());
        write_something(&server);
        let there = contents(&server);
        let mut client = server.client();
        assert_eq!(client.run("DEBUG LOADAOF"), Value::Simple(b"OK".to_vec()));
        assert_eq!(contents(&server), there);
        server.wait_for_log("Append Only File loaded by DEBUG LOADAOF");
        client.run("SET after loading");
        let there = contents(&server);
        kill(server);
        let server = data.start();
        assert_eq!(contents(&server), there);
        kill(server);
    }
}

#[test]
fn a_server_that_is_ended_in_the_middle_of_a_rewrite_leaves_what_there_was() {
    let data = Data::new();
    let server = data.start();
    let mut client = server.client();
    for number in 0..100 {
        client.call(&["SET", &format!("key:{number}"), "value"]);
    }
    client.run("CONFIG SET rdb-key-save-delay 100000");
    client.run("BGREWRITEAOF");
    // The file that is appended to from here on is a new one.
    let switched =
        harness::wait_until(|| names(&data).iter().any(|name| name.ends_with(".2.incr.aof")));
    assert!(switched);
    client.run("SET while rewriting");
    terminate(server);
    assert!(!names(&data).iter().any(|name| name.starts_with("temp-")), "{:?}", names(&data));
    let server = data.start();
    assert_eq!(server.client().run("DBSIZE"), Value::Integer(101));
}
