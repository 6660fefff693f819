//! What LATENCY tells of the file.

use std::collections::BTreeSet;

use harness::{Launch, Oracle, Server, Version};

use super::Data;
use crate::subject;

/// Bytes of a value that no disk takes within a millisecond.
const LONG: usize = 64 << 20;

/// The events about the file that were noted while a long value was written.
fn events(server: &Server) -> BTreeSet<String> {
    let mut client = server.client();
    assert!(!client.run("CONFIG SET latency-monitor-threshold 1").is_error());
    let value = vec![b'x'; LONG];
    client.call(&[b"SET", &b"long"[..], &value]);
    let latest = client.run("LATENCY LATEST");
    let names = latest.as_array().unwrap_or_default().iter().filter_map(|event| {
        let name = event.as_array()?.first()?.as_text()?;
        name.starts_with("aof-").then_some(name)
    });
    names.collect()
}

#[test]
fn writes_that_take_long_are_told_by_the_names_of_redis() {
    let oracle = Oracle::find(Version::V74).unwrap_or_else(|missing| panic!("{missing}"));
    let on = |launch: Launch, policy: &str| {
        let data = Data::new();
        let server = data.on(launch).line(format!("appendfsync {policy}")).start();
        (events(&server), data)
    };
    for policy in ["always", "no"] {
        let (expected, _data) = on(oracle.launch(), policy);
        subject::with_each_worker_count(|launch| {
            let (found, _data) = on(launch, policy);
            assert!(expected.contains("aof-write-alone"), "{expected:?}");
            assert_eq!(found, expected, "{policy}");
        });
    }
}
