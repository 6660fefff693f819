//! Replicas of real servers have what these have, however it comes to them.

use harness::{Oracle, Random, Server};

use super::{load, primary, replica_of, times_logged, wait_for_equality, wait_for_link};

fn fill(server: &Server, seed: u64) {
    load::write(&mut server.client(), &mut Random::from_seed(seed), 1500);
}

#[test]
fn data_and_stream_of_real_servers_arrive() {
    for oracle in Oracle::all() {
        for (diskless, load) in
            [("yes", "disabled"), ("no", "on-empty-db"), ("yes", "swapdb"), ("no", "swapdb")]
        {
            let primary = primary(&oracle).line(format!("repl-diskless-sync {diskless}")).start();
            fill(&primary, 1);
            let replica = replica_of(primary.port())
                .workers(2)
                .line(format!("repl-diskless-load {load}"))
                .start();
            fill(&primary, 2);
            wait_for_equality(&primary, &replica);
            fill(&primary, 3);
            wait_for_equality(&primary, &replica);
            replica.wait_for_log("MASTER <-> REPLICA sync: Finished with success");
            assert_eq!(times_logged(&replica, "== CRITICAL =="), 0, "{}", replica.log());
        }
    }
}

#[test]
fn a_server_with_data_of_its_own_takes_that_of_its_primary() {
    let oracle = Oracle::all().remove(0);
    for load in ["disabled", "on-empty-db", "swapdb"] {
        let primary = primary(&oracle).start();
        fill(&primary, 4);
        let replica = crate::subject::launch().line(format!("repl-diskless-load {load}")).start();
        let mut client = replica.client();
        client.run("SET own data");
        client.run("FUNCTION LOAD #!lua\nname=x");
        let reply = client.run(&format!("REPLICAOF 127.0.0.1 {}", primary.port()));
        assert_eq!(reply.as_text().as_deref(), Some("OK"));
        wait_for_equality(&primary, &replica);
        // From one history to another, under load.
        let other = super::primary(&oracle).start();
        fill(&other, 5);
        client.run(&format!("SLAVEOF 127.0.0.1 {}", other.port()));
        fill(&other, 6);
        wait_for_equality(&other, &replica);
    }
}

#[test]
fn an_append_only_file_of_a_replica_has_what_the_replica_has() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    fill(&primary, 7);
    let data = tempfile::tempdir().expect("there is room");
    let path = data.path().display();
    let mut replica = replica_of(primary.port())
        .line(format!("dir {path}"))
        .line("appendonly yes")
        .line("aof-use-rdb-preamble no")
        .start();
    wait_for_link(&replica);
    fill(&primary, 8);
    wait_for_equality(&primary, &replica);
    assert!(harness::wait_until(|| {
        super::info(&replica, "persistence", "aof_rewrite_in_progress") == "0"
            && super::info(&replica, "persistence", "aof_enabled") == "1"
    }));
    // Nothing changes any more, not even by time.
    primary.signal(harness::Signal::STOP);
    let offset = || super::info(&replica, "replication", "master_repl_offset");
    let mut last = String::new();
    assert!(harness::wait_until(|| std::mem::replace(&mut last, offset()) == last));
    let digest = super::digest(&replica);
    replica.signal(harness::Signal::KILL);
    replica.wait_for_end();
    let restarted =
        replica_of(primary.port()).line(format!("dir {path}")).line("appendonly yes").start();
    assert_eq!(super::digest(&restarted), digest, "{}", restarted.log());
    primary.signal(harness::Signal::CONT);
}

#[test]
fn a_replica_that_is_promoted_goes_on_by_itself() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    fill(&primary, 9);
    let replica = replica_of(primary.port()).start();
    wait_for_equality(&primary, &replica);
    let mut client = replica.client();
    let id = super::info(&replica, "replication", "master_replid");
    assert_eq!(client.run("REPLICAOF NO ONE").as_text().as_deref(), Some("OK"));
    assert_eq!(super::info(&replica, "replication", "role"), "master");
    assert_eq!(super::info(&replica, "replication", "master_replid2"), id);
    assert_ne!(super::info(&replica, "replication", "master_replid"), id);
    assert_eq!(client.run("SET written here").as_text().as_deref(), Some("OK"));
    fill(&primary, 10);
    assert_eq!(client.run("GET written").as_text().as_deref(), Some("here"));
    replica.wait_for_log("MASTER MODE enabled (user request from 'id=");
}

#[test]
fn a_replica_that_is_restarted_goes_on_from_its_file() {
    for oracle in Oracle::all() {
        let primary = primary(&oracle).line("repl-backlog-size 10mb").start();
        fill(&primary, 11);
        let data = tempfile::tempdir().expect("there is room");
        let launch = replica_of(primary.port()).line(format!("dir {}", data.path().display()));
        let mut replica = launch.start();
        wait_for_equality(&primary, &replica);
        let mut client = replica.client();
        client.send(&["SHUTDOWN", "SAVE"]).expect("sent");
        replica.wait_for_end();
        fill(&primary, 12);
        let replica = launch.start();
        wait_for_equality(&primary, &replica);
        assert_eq!(times_logged(&replica, "Full resync from master"), 0, "{}", replica.log());
        replica.wait_for_log("Successful partial resynchronization with master.");
    }
}

#[test]
fn functions_and_long_values_arrive() {
    const LIBRARY: &str = "#!lua name=lib\nredis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)";
    for oracle in Oracle::all() {
        let primary = primary(&oracle).start();
        let mut writer = primary.client();
        writer.call(&["FUNCTION", "LOAD", LIBRARY]);
        let replica = replica_of(primary.port()).start();
        wait_for_equality(&primary, &replica);
        let mut client = replica.client();
        let listed =
            |client: &mut harness::Client| super::shown(&client.run("FUNCTION LIST WITHCODE"));
        assert!(listed(&mut client).contains("register_function"));
        writer.call(&["FUNCTION", "LOAD", "REPLACE", &LIBRARY.replace("'put'", "'other'")]);
        writer.call(&["FCALL", "other", "1", "key", "value"]);
        writer.call(&["SET", "long", &"x".repeat(10 << 20)]);
        writer.call(&["APPEND", "long", &"y".repeat(1 << 20)]);
        wait_for_equality(&primary, &replica);
        assert!(listed(&mut client).contains("'other'"));
        assert_eq!(client.run("STRLEN long").as_integer(), Some(11 << 20));
    }
}

#[test]
fn fields_of_hashes_expire_when_the_primary_says_so() {
    let Some(oracle) = Oracle::all().into_iter().find(|it| it.version == harness::Version::V74)
    else {
        panic!("Redis 7.4 is needed: run scripts/install-oracle");
    };
    let primary = primary(&oracle).start();
    let mut writer = primary.client();
    let mut random = Random::from_seed(13);
    let mut write = || {
        for _ in 0..400 {
            let (key, field) = (random.below(5), random.below(6));
            let call = match random.below(4) {
                0 => format!("HPEXPIRE h{key} {} FIELDS 1 f{field}", 1 + random.below(200)),
                1 => format!("HPERSIST h{key} FIELDS 1 f{field}"),
                2 => format!("HEXPIRE h{key} 100 FIELDS 2 f{field} f0"),
                _ => format!("HSET h{key} f{field} value"),
            };
            let reply = writer.run(&call);
            assert!(!reply.is_error(), "{call}: {reply:?}");
        }
    };
    write();
    let replica = replica_of(primary.port()).start();
    write();
    wait_for_equality(&primary, &replica);
}

#[test]
fn the_file_of_a_full_sync_stays_unless_it_is_not_wanted() {
    let oracle = Oracle::all().remove(0);
    let primary = primary(&oracle).start();
    fill(&primary, 30);
    let said =
        "Removing the RDB file obtained from the master. This replica has persistence disabled";
    for (lines, stays) in [
        ("rdb-del-sync-files no", true),
        ("rdb-del-sync-files yes\nsave 3600 1", true),
        ("rdb-del-sync-files yes\nappendonly yes", true),
        ("rdb-del-sync-files yes", false),
    ] {
        let replica = replica_of(primary.port()).line(lines).start();
        wait_for_equality(&primary, &replica);
        assert_eq!(replica.directory().join("dump.rdb").exists(), stays, "{lines:?}");
        assert_eq!(times_logged(&replica, said), usize::from(!stays), "{lines:?}");
    }
}
