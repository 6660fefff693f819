use std::collections::{BTreeMap, BTreeSet};

use crate::testing::Server;

/// The samples of a text, by name and labels; the text is checked against the rules of the format on the way.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
    let mut family = (String::new(), String::new());
    assert!(text.ends_with("# EOF\n"), "it is complete");
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a kind");
            assert!(families.insert(name.to_owned()), "{name} is there twice");
            family = (name.to_owned(), kind.to_owned());
        } else if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(help.starts_with(&format!("{} ", family.0)), "{line}");
        } else if line != "# EOF" {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            let bare = name.split('{').next().unwrap_or_default();
            let endings: &[&str] = match family.1.as_str() {
                "counter" => &["_total"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_count", "_sum"],
                "info" => &["_info"],
                other => panic!("{other} is no kind"),
            };
            let is_of_family = endings.iter().any(|ending| bare == format!("{}{ending}", family.0));
            assert!(is_of_family, "{line} is not of {family:?}");
            assert!(bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            let value = value.parse().expect("a number");
            assert!(samples.insert(name.to_owned(), value).is_none(), "{name} is there twice");
        }
    }
    samples
}

#[test]
fn every_number_of_info_is_there() {
    let mut server = Server::new();
    server.answer(&["SET", "key", "value"]);
    server.answer(&["LPUSH", "key", "value"]);
    server.answer(&["INFO"]);
    let text = server.engine.metrics(1_700_000_000_000_000);
    let samples = samples(&text);
    let information = server.engine.information(1_700_000_000_000_000);
    let mut told = 0;
    for line in information.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if value.parse::<f64>().is_err() || super::TEXTS.contains(&name) {
            continue;
        }
        told += 1;
        let short = name.strip_prefix("total_").unwrap_or(name);
        let short = short.strip_prefix("ochre_").unwrap_or(short);
        let is_there = samples.contains_key(&format!("ochre_{name}"))
            || samples.contains_key(&format!("ochre_{short}"))
            || samples.contains_key(&format!("ochre_{short}_total"));
        assert!(is_there, "{name} is missing");
    }
    assert!(100 < told, "{told} numbers in INFO");
}

#[test]
fn commands_databases_and_errors_are_told_with_labels() {
    let mut server = Server::new();
    for _ in 0..3 {
        server.answer(&["SET", "key", "value"]);
    }
    server.answer(&["LPUSH", "key", "value"]);
    server.answer(&["INFO"]);
    let samples = samples(&server.engine.metrics(1_700_000_000_000_000));
    let number = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("{name} is missing"));
    let is = |name: &str, expected: f64| {
        let number = number(name);
        assert!((number - expected).abs() < 1e-9, "{name} is {number}");
    };
    is("ochre_command_calls_total{command=\"set\"}", 3.0);
    is("ochre_command_failed_calls_total{command=\"lpush\"}", 1.0);
    is("ochre_command_duration_seconds_count{command=\"set\"}", 3.0);
    is("ochre_command_duration_seconds_bucket{command=\"set\",le=\"+Inf\"}", 3.0);
    is("ochre_errors_total{code=\"WRONGTYPE\"}", 1.0);
    is("ochre_db_keys{db=\"0\"}", 1.0);
    is("ochre_worker_commands_total{worker=\"0\"}", 5.0);
    assert!(samples.keys().any(|name| {
        name.starts_with("ochre_server_info{") && name.contains("redis_version=\"7.4")
    }));
}

#[test]
fn buckets_rise() {
    let mut server = Server::new();
    for _ in 0..100 {
        server.answer(&["SET", "key", "value"]);
    }
    let text = server.engine.metrics(0);
    let counts: Vec<u64> = text
        .lines()
        .filter(|line| line.starts_with("ochre_command_duration_seconds_bucket{command=\"set\""))
        .map(|line| line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count"))
        .collect();
    assert_eq!(counts.len(), 22);
    assert!(counts.is_sorted());
    assert_eq!(counts.last(), Some(&100));
}
