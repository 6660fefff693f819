//! Defaults, values and error texts, compared with a real Redis 7.4.

use ochre_config::command_line::{self, Request};
use ochre_config::{
    Availability, Caller, Change, Config, LoadError, Origin, Shape, Source, directives, find, get,
    load, set,
};

use crate::oracle::{self, Oracle};
use crate::world::World;

/// Where a default differs on purpose: the directive, ours, and why.
const OTHER_DEFAULTS: &[(&str, &str, &str)] = &[];

fn answers(config: &Config, pattern: &[u8]) -> Vec<(String, String)> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    get(config, &[pattern], |_, _| true)
        .into_iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn asked(oracle: &mut Oracle, pattern: &[u8]) -> Vec<(String, String)> {
    let words = oracle.call(&[b"config", b"get", pattern]);
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let mut pairs: Vec<_> = words.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
    pairs.sort();
    pairs
}

/// Our configuration from the arguments that the oracle was started with.
fn alike(oracle: &Oracle, file: &str) -> Config {
    let Request::Serve(command_line) = command_line::parse(&oracle.arguments) else {
        panic!("{:?}", oracle.arguments);
    };
    let source = Source::of(&command_line, file.as_bytes().to_vec(), Vec::new());
    let mut config =
        load(&source, 1, &mut World { every_directory: true, ..World::default() }).unwrap().config;
    // The server answers with the path that the system knows, which has no slash at its end.
    let directory = config.persistence.directory.to_string_lossy().trim_end_matches('/').to_owned();
    config.persistence.directory = directory.as_str().into();
    config
}

#[test]
fn every_default_is_that_of_redis() {
    let Some(program) = oracle::program() else { return };
    let mut oracle = Oracle::start(&program, None);
    let ours = alike(&oracle, "");
    let mut expected = asked(&mut oracle, b"*");
    for (name, value, _) in OTHER_DEFAULTS {
        let entry = expected.iter_mut().find(|(known, _)| known == name).unwrap();
        assert_ne!(entry.1, *value, "{name} is no difference any more");
        (*value).clone_into(&mut entry.1);
    }
    let mut found = answers(&ours, b"*");
    found.retain(|(name, _)| find(name.as_bytes()).unwrap().directive.origin == Origin::Redis);
    assert_eq!(found, expected);
    for directive in directives().filter(|directive| directive.hidden) {
        let name = directive.name.as_bytes();
        assert_eq!(answers(&ours, name), asked(&mut oracle, name));
    }
}

/// Values that are nonsense for one directive or another.
const VALUES: &[&[u8]] = &[
    b"",
    b"foo",
    b"yes",
    b"No",
    b"YES",
    b"0",
    b"1",
    b"-1",
    b"2",
    b"7",
    b"99",
    b"100",
    b"101",
    b"128",
    b"500",
    b"501",
    b"1000",
    b"1001",
    b"1024",
    b"65535",
    b"65536",
    b"1048576",
    b"2147483647",
    b"2147483648",
    b"-2147483648",
    b"-2147483649",
    b"4294967295",
    b"4294967296",
    b"-99999999999999",
    b"9223372036854775807",
    b"9223372036854775808",
    b"99999999999999999999",
    b"1b",
    b"1k",
    b"1kb",
    b"3Mb",
    b"3mb",
    b"1gb",
    b"1t",
    b"5%",
    b"0%",
    b"101%",
    b"-1%",
    b"%",
    b"0x10",
    b"010",
    b" 1",
    b"1 ",
    b"+1",
    b"-0",
    b"1.5",
    b"1e3",
    b"1 2",
    b"1  2",
    b"1 2 3",
    b"1 2 3 4",
    b"a b c",
    b"0 200 2001",
    b"a/b",
    b"'",
    b"\"",
    b"\\",
    b"\xff\xfe",
    b"\r\n",
    b"\t",
    b"-",
    b"*",
    b"-::*",
    b"normal 1 1 ",
    b"normal 1  1",
    b"normal 1 2 3",
    b"Slave 1kb 2mb 3",
    b"replica 1 1 1 pubsub 2 2 2",
    b"normal 1 x 1",
    b"normal 1 1 -1",
    b"other 1 1 1",
    b"50 99",
    b"100.1",
    b"99.99 nan",
    b"save force",
    b"now  force",
    b"save nosave",
    b"default now",
    b"KEA",
    b"KEg$lshzxetdmn",
    b"q",
    b"{title}",
    b"{port}x",
    b"{other}",
    b"{",
    b"allkeys-lru",
    b"ALLKEYS-LFU",
    b"systemd",
];

/// Directives that change where the oracle listens or whether it lets us in, with what is wrong to say about them anyway.
const DELICATE: &[(&str, &[&[u8]])] = &[
    ("port", &[b"foo", b"-1", b"65536", b"", b"1 2"]),
    ("tls-port", &[b"foo", b"-1", b"65536", b"", b"1 2"]),
    ("bind", &[b"1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"]),
    ("requirepass", &[]),
    ("dir", &[b"", b"/nope"]),
    ("maxclients", &[b"foo", b"0", b"-1", b"4294967296", b"", b"100"]),
    // Redis tries it out on the system; here that is for the server to do.
    ("locale-collate", &[b"C", b""]),
];

/// Where an answer differs on purpose: the directive, the value, and why.
const OTHER_ANSWERS: &[(&str, &[u8], &str)] = &[
    (
        "maxmemory-clients",
        b"9223372036854775808",
        "Redis takes it for a negative number, and that for a percentage",
    ),
    (
        "maxmemory-clients",
        b"99999999999999999999",
        "Redis takes it for a negative number, and that for a percentage",
    ),
    (
        "latency-tracking-info-percentiles",
        b"0x10",
        "a percentage in hexadecimal is no use to anybody",
    ),
    ("dir", b"", "whether there is such a directory is for the server to say"),
    ("dir", b"/nope", "whether there is such a directory is for the server to say"),
    ("tls-replication", b"yes", "Redis misses certificates, and we have no TLS"),
    ("tls-replication", b"YES", "Redis misses certificates, and we have no TLS"),
    ("tls-cluster", b"yes", "Redis misses certificates, and we have no TLS"),
    ("tls-cluster", b"YES", "Redis misses certificates, and we have no TLS"),
];

#[test]
fn config_set_answers_as_redis_does() {
    let Some(program) = oracle::program() else { return };
    let mut oracle = Oracle::start(&program, None);
    oracle.call(&[b"client", b"no-evict", b"on"]);
    for (name, ours, _) in OTHER_DEFAULTS {
        assert_eq!(oracle.call(&[b"config", b"set", name.as_bytes(), ours.as_bytes()])[0], b"OK");
    }
    let base = alike(&oracle, "");
    let names = directives()
        .filter(|directive| {
            directive.origin == Origin::Redis && directive.change != Change::FileOnly
        })
        .flat_map(|directive| std::iter::once(directive.name).chain(directive.alias));
    let mut differences = Vec::new();
    for name in names {
        let delicate = DELICATE.iter().find(|(delicate, _)| *delicate == name);
        let mut values = delicate.map_or(VALUES, |(_, values)| *values).to_vec();
        if let Shape::Choice(words) = find(name.as_bytes()).unwrap().directive.shape() {
            values.extend(words.into_iter().map(str::as_bytes));
        }
        for value in values {
            let on_purpose =
                OTHER_ANSWERS.iter().any(|(other, given, _)| *other == name && *given == value);
            match compare_set(&mut oracle, &base, name, value) {
                Some(difference) if !on_purpose => differences.push(difference),
                None if on_purpose => differences.push(format!("{name} does not differ any more")),
                Some(_) | None => {}
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Sets a directive on both sides, compares, and takes it back.
fn compare_set(oracle: &mut Oracle, base: &Config, name: &str, value: &[u8]) -> Option<String> {
    let before = asked(oracle, name.as_bytes());
    let expected =
        String::from_utf8_lossy(&oracle.call(&[b"config", b"set", name.as_bytes(), value])[0])
            .into_owned();
    let expected_value = asked(oracle, name.as_bytes());
    if expected == "OK" {
        let reset = oracle.call(&[b"config", b"set", name.as_bytes(), before[0].1.as_bytes()]);
        assert_eq!(reset[0], b"OK", "{name} {before:?}");
    }
    let mut config = base.clone();
    let outcome = set(&mut config, &[(name.as_bytes(), value)], Caller::Local);
    let found = outcome.map_or_else(|error| format!("-ERR {error}"), |_| "OK".to_owned());
    let directive = find(name.as_bytes()).unwrap().directive;
    if expected == "OK" && matches!(directive.availability, Availability::NotBuilt { .. }) {
        // A file may say what CONFIG SET must not yet.
        let words: Vec<&[u8]> = match directive.shape() {
            Shape::Words(_) => value.split(|byte| *byte == b' ').collect(),
            Shape::Switch | Shape::Number(..) | Shape::Choice(_) | Shape::Text => vec![value],
        };
        let words: Vec<Vec<u8>> = words.into_iter().map(ochre_config::words::quoted).collect();
        let line = [name.as_bytes(), b" ", &words.join(&b' ')].concat();
        match load(&Source::file(&line), 1, &mut World::default()) {
            Ok(loaded) => config = loaded.config,
            Err(LoadError::ConfigFile(error)) if error.message.contains("not built") => {
                return None;
            }
            Err(error) => {
                return Some(format!("{name} {:?}: {error}", value.escape_ascii().to_string()));
            }
        }
    } else if found != expected {
        return Some(format!("{name} {}: {found} instead of {expected}", value.escape_ascii()));
    }
    let found_value = answers(&config, name.as_bytes());
    (found_value != expected_value).then(|| {
        format!("{name} {}: {found_value:?} instead of {expected_value:?}", value.escape_ascii())
    })
}

/// Several at once: the first fault decides what is said, and nothing is changed.
#[test]
fn config_set_of_several_answers_as_redis_does() {
    let Some(program) = oracle::program() else { return };
    let mut oracle = Oracle::start(&program, None);
    let base = alike(&oracle, "");
    let calls = [
        "hz 11 timeout 12",
        "hz 11 hz 12",
        "HZ 11 hz 12",
        "hz 11 timeout x",
        "timeout x hz y",
        "nope 1",
        "NoPe 1 hz 2",
        "hz 2 nope 1",
        "hz 2 nope 1 nope2 1",
        "daemonize yes nope 1",
        "nope 1 daemonize yes",
        "hz x nope 1",
        "hz 1 daemonize yes",
        "Daemonize yes hz x",
        "daemonize yes port x aclfile y",
        "hz 1 hz 2 daemonize yes",
        "daemonize yes hz 1 hz 2",
        "hz 1 hz 2 nope 1",
        "include x",
        "rename-command get",
        "user x",
        "loadmodule x",
        "sentinel x",
        "list-max-ziplist-entries 1",
        "SLOWLOG-max-len x",
        "maxmemory 1mb maxmemory-policy allkeys-lru",
    ];
    for call in calls {
        let words: Vec<&[u8]> = call.split(' ').map(str::as_bytes).collect();
        let request: Vec<&[u8]> =
            [b"config".as_slice(), b"set"].into_iter().chain(words.iter().copied()).collect();
        let expected = String::from_utf8_lossy(&oracle.call(&request)[0]).into_owned();
        let settings: Vec<(&[u8], &[u8])> =
            words.chunks(2).map(|pair| (pair[0], pair[1])).collect();
        let mut config = base.clone();
        let outcome = set(&mut config, &settings, Caller::Local);
        let found =
            outcome.as_ref().map_or_else(|error| format!("-ERR {error}"), |_| "OK".to_owned());
        assert_eq!(found, expected, "{call}");
        assert_eq!(config == base, outcome.is_err(), "{call}");
    }
}
