//! INFO against what Redis 7.4.1 prints.

use config::security::Permission;

use crate::host::Alone;
use crate::testing::Server;

/// The fields of every section, in the order of Redis 7.4.1.
const REDIS: &str = include_str!("redis_7_4_1.txt");

/// What this server adds to a section.
const OURS: &[&str] = &["ochre_version", "ochre_workers"];

fn information(server: &mut Server, sections: &str) -> String {
    let words: Vec<&str> =
        std::iter::once("INFO").chain(sections.split_ascii_whitespace()).collect();
    let answer = server.answer(&words);
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.split_once("\r\n").map_or(String::new(), |(_, text)| text.to_owned())
}

fn sections(server: &mut Server, wanted: &str) -> Vec<String> {
    let text = information(server, wanted);
    text.lines().filter_map(|line| line.strip_prefix("# ")).map(str::to_owned).collect()
}

fn field(server: &mut Server, section: &str, name: &str) -> String {
    let text = information(server, section);
    let found =
        text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::to_owned));
    found.unwrap_or_else(|| panic!("{name} is not in {text}"))
}

/// Names only, without those fields whose names depend on what was called.
fn names(text: &str) -> Vec<String> {
    let told = text.lines().map(|line| line.split(':').next().unwrap_or_default().to_owned());
    told.filter(|name| {
        !["cmdstat_", "latency_", "errorstat_", "db", "listener"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            && !OURS.contains(&name.as_str())
    })
    .collect()
}

#[test]
fn every_field_of_redis_is_there_in_its_order() {
    let mut server = Server::new();
    let ours = information(&mut server, "everything");
    assert_eq!(names(ours.trim_end()), names(REDIS.trim_end()));
}

#[test]
fn sections_are_chosen_by_name() {
    let mut server = Server::new();
    let usual = [
        "Server",
        "Clients",
        "Memory",
        "Persistence",
        "Stats",
        "Replication",
        "CPU",
        "Modules",
        "Errorstats",
        "Cluster",
        "Keyspace",
    ];
    assert_eq!(sections(&mut server, ""), usual);
    assert_eq!(sections(&mut server, "default"), usual);
    assert_eq!(sections(&mut server, "cluster DEFAULT x"), usual);
    assert_eq!(sections(&mut server, "all").len(), 13);
    assert_eq!(sections(&mut server, "x Everything"), sections(&mut server, "ALL"));
    assert_eq!(sections(&mut server, "stats cPu CPU server"), ["Server", "Stats", "CPU"]);
    assert_eq!(
        sections(&mut server, "latencystats commandstats"),
        ["Commandstats", "Latencystats"]
    );
    assert_eq!(information(&mut server, "nonsense"), "\r\n");
    assert_eq!(
        information(&mut server, "modules cluster"),
        "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n"
    );
}

#[test]
fn keyspaces_tell_keys_and_lives() {
    let mut server = Server::new();
    server.say("SET a 1");
    server.say("SET b 1 PX 5000");
    server.say("COPY a a DB 3");
    assert_eq!(
        information(&mut server, "keyspace"),
        "# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=0,subexpiry=0\r\ndb3:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n\r\n"
    );
    server.expire_actively(1_000_000);
    server.worker.begin_round(crate::Time { unix_us: server.now_ms * 1000 });
    server.worker.tick();
    server.worker.end_round();
    assert_eq!(field(&mut server, "keyspace", "db0"), "keys=2,expires=1,avg_ttl=5000,subexpiry=0");
}

#[test]
fn calls_and_errors_are_counted() {
    let mut server = Server::new();
    for call in
        ["GET a", "GET a", "GET", "INCR a", "SET b x", "INCR b", "CONFIG GET hz", "NONSENSE"]
    {
        server.say(call);
    }
    let get = field(&mut server, "commandstats", "cmdstat_get");
    assert!(get.starts_with("calls=2,usec="), "{get}");
    assert!(get.ends_with(",rejected_calls=1,failed_calls=0"), "{get}");
    let increment = field(&mut server, "commandstats", "cmdstat_incr");
    assert!(increment.starts_with("calls=2,"), "{increment}");
    assert!(increment.ends_with("rejected_calls=0,failed_calls=1"), "{increment}");
    field(&mut server, "commandstats", "cmdstat_config|get");
    assert_eq!(field(&mut server, "errorstats", "errorstat_ERR"), "count=3");
    assert_eq!(field(&mut server, "stats", "total_error_replies"), "3");
    assert_eq!(field(&mut server, "stats", "keyspace_misses"), "2");
    let percentiles = field(&mut server, "latencystats", "latency_percentiles_usec_get");
    assert!(percentiles.starts_with("p50=") && percentiles.contains(",p99.9="), "{percentiles}");
    server.say("CONFIG SET latency-tracking-info-percentiles 75");
    let percentiles = field(&mut server, "latencystats", "latency_percentiles_usec_get");
    assert!(percentiles.starts_with("p75=") && !percentiles.contains(','), "{percentiles}");
}

#[test]
fn changes_and_clients_are_counted() {
    let mut server = Server::new();
    server.connect();
    server.say("SET a 1");
    server.say("SET a 2");
    assert_eq!(field(&mut server, "clients", "connected_clients"), "2");
    assert_eq!(field(&mut server, "clients", "maxclients"), "10000");
    assert_eq!(field(&mut server, "persistence", "rdb_changes_since_last_save"), "2");
}

/// A crash report must not wait for anything, and tells of keys what was noted.
#[test]
fn a_report_needs_no_worker() {
    let mut server = Server::new();
    server.say("SET a 1");
    server.say("INFO");
    let text = server.engine.information(server.now_ms * 1000);
    assert!(text.contains("db0:keys=1,"), "{text}");
    assert!(text.starts_with("# Server\r\nredis_version:7.4.1\r\n"), "{text}");
}

/// Codes that are made up do not fill the memory.
#[test]
fn errors_are_counted_until_there_are_too_many_codes() {
    let allow = |config: &mut config::Config| config.security.debug_command = Permission::Everybody;
    let mut server = Server::with(allow, Box::new(Alone));
    let answer = |server: &mut Server, number: u32| {
        server.answer(&["DEBUG", "ERROR", &format!("CODE{number} x")]);
    };
    for number in 0..128 {
        answer(&mut server, number);
    }
    answer(&mut server, 127);
    assert_eq!(field(&mut server, "errorstats", "errorstat_CODE127"), "count=2");
    server.say("GET");
    let stopped = "# Errorstats\r\nerrorstat_ERRORSTATS_DISABLED:count=1\r\n";
    for _ in 0..2 {
        assert_eq!(information(&mut server, "errorstats").trim_end(), stopped.trim_end());
        answer(&mut server, 0);
    }
    server.say("CONFIG RESETSTAT");
    server.say("GET");
    assert_eq!(field(&mut server, "errorstats", "errorstat_ERR"), "count=1");
}
