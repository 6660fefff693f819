//! What operators and dashboards read: INFO, CLIENT LIST and CONFIG have every field that the real server has.

use std::collections::BTreeSet;

use harness::{Oracle, Server, Value, Version};

use crate::subject;

fn real() -> Server {
    match Oracle::find(Version::V74) {
        Ok(oracle) => oracle.launch().start(),
        Err(missing) => panic!("{missing}"),
    }
}

/// The names of the fields of INFO, each with its section, in order.
fn information(server: &Server, sections: &str) -> Vec<String> {
    let text = server.client().run(&format!("INFO {sections}")).as_text().unwrap_or_default();
    let mut section = String::new();
    let mut fields = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            name.clone_into(&mut section);
        } else if let Some((name, _)) = line.split_once(':') {
            // One line for each thread, command or error that there was, and not for others.
            let is_counted =
                ["io_thread_", "cmdstat_", "errorstat_", "latency_percentiles_", "module", "db"]
                    .iter()
                    .any(|start| name.starts_with(start) && name != "db_size");
            if !is_counted {
                fields.push(format!("{section}: {name}"));
            }
        }
    }
    fields
}

/// Everything in `real` is in `subject`; the order of what both have is the same.
#[track_caller]
fn covers(what: &str, subject: &[String], real: &[String]) {
    let have: BTreeSet<&String> = subject.iter().collect();
    let missing: Vec<&String> = real.iter().filter(|name| !have.contains(name)).collect();
    assert!(missing.is_empty(), "{what} lacks {missing:?}");
    let wanted: BTreeSet<&String> = real.iter().collect();
    let shared: Vec<&String> = subject.iter().filter(|name| wanted.contains(name)).collect();
    assert!(shared.iter().copied().eq(real.iter()), "{what} in another order: {shared:?}");
}

#[test]
fn info_has_every_field() {
    let real = real();
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        for sections in
            ["", "all", "everything", "server", "clients memory", "stats", "SERVER", "default"]
        {
            let name = format!("INFO {sections}");
            covers(&name, &information(&server, sections), &information(&real, sections));
        }
        assert!(information(&server, "nonsense").is_empty());
    });
}

/// Fields whose value a tool divides or compares are numbers.
#[test]
fn numbers_in_info_are_numbers() {
    let server = subject::launch().start();
    let text = server.client().run("INFO everything").as_text().unwrap_or_default();
    let numbers = [
        "redis_version",
        "process_id",
        "tcp_port",
        "uptime_in_seconds",
        "hz",
        "connected_clients",
        "maxclients",
        "used_memory",
        "used_memory_rss",
        "used_memory_peak",
        "maxmemory",
        "mem_fragmentation_ratio",
        "total_connections_received",
        "total_commands_processed",
        "instantaneous_ops_per_sec",
        "expired_keys",
        "evicted_keys",
        "keyspace_hits",
        "keyspace_misses",
        "used_cpu_sys",
        "used_cpu_user",
    ];
    for name in numbers {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = value.unwrap_or_else(|| panic!("there is no {name}"));
        let is_number = value.split('.').all(|part| part.parse::<u64>().is_ok());
        assert!(is_number, "{name}:{value}");
    }
}

#[test]
fn statistics_count_what_happens() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut client = server.client();
        let mut field = |name: &str| -> i64 {
            let text = client.run("INFO everything").as_text().unwrap_or_default();
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value
                .and_then(|value| value.parse().ok())
                .unwrap_or_else(|| panic!("there is no {name}"))
        };
        let names = [
            "keyspace_hits",
            "keyspace_misses",
            "total_connections_received",
            "total_error_replies",
        ];
        let before: Vec<i64> = names.iter().map(|name| field(name)).collect();
        let mut other = server.client();
        other.run("SET k v");
        other.run("GET k");
        other.run("GET missing");
        other.run("MGET k missing k");
        other.run("INCR k");
        let grown: Vec<i64> =
            names.iter().zip(before).map(|(name, before)| field(name) - before).collect();
        assert_eq!(grown, [3, 2, 1, 1], "{names:?}");
        assert_eq!(field("connected_clients"), 2);
        let text = other.run("INFO commandstats").as_text().unwrap_or_default();
        assert!(text.contains("cmdstat_get:calls=2,"), "{text}");
        assert!(
            text.contains("cmdstat_incr:calls=1,") && text.contains("failed_calls=1"),
            "{text}"
        );
        let text = other.run("INFO errorstats").as_text().unwrap_or_default();
        assert!(text.contains("errorstat_ERR:count=1"), "{text}");
        assert_eq!(other.run("CONFIG RESETSTAT").as_text().as_deref(), Some("OK"));
        assert_eq!(field("keyspace_hits"), 0);
    });
}

#[test]
fn config_has_every_directive_with_its_default() {
    let real = real();
    let server = subject::launch().start();
    let pairs = |server: &Server| -> Vec<(String, String)> {
        let reply = server.client().run("CONFIG GET *");
        let words: Vec<String> =
            reply.as_array().unwrap_or_default().iter().filter_map(Value::as_text).collect();
        words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    };
    let (ours, theirs) = (pairs(&server), pairs(&real));
    assert!(150 < theirs.len(), "only {} directives", theirs.len());
    // What follows from the process or its place, or differs on purpose: the default for `io-threads` is the number of cores.
    let own = ["port", "dir", "pidfile", "io-threads", "logfile", "bind"];
    let wrong: Vec<String> = theirs
        .iter()
        .filter(|(name, _)| !own.contains(&name.as_str()))
        .filter_map(|(name, value)| {
            let found = ours.iter().find(|(other, _)| other == name).map(|(_, value)| value);
            (found != Some(value)).then(|| format!("{name} is {found:?}, not {value:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_of_clients_is_complete_and_in_order() {
    subject::with_each_worker_count(|launch| {
        let server = launch.start();
        let mut clients: Vec<_> = (0..20).map(|_| server.client()).collect();
        let ids: Vec<i64> = clients
            .iter_mut()
            .enumerate()
            .map(|(number, client)| {
                client.run(&format!("CLIENT SETNAME number-{number}"));
                client.run("CLIENT ID").as_integer().expect("a number")
            })
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
        let text = clients[7].run("CLIENT LIST").as_text().unwrap_or_default();
        for (number, client) in clients.iter().enumerate() {
            let address = client.local_address().expect("a TCP connection");
            let line = text.lines().find(|line| line.contains(&format!(" addr={address} ")));
            let line = line.unwrap_or_else(|| panic!("{address} is not in\n{text}"));
            assert!(line.starts_with(&format!("id={} ", ids[number])), "{line}");
            assert!(line.contains(&format!(" name=number-{number} ")), "{line}");
        }
        let wanted = format!("CLIENT LIST ID {} {}", ids[3], ids[5]);
        assert_eq!(clients[0].run(&wanted).as_text().unwrap_or_default().lines().count(), 2);
    });
}
