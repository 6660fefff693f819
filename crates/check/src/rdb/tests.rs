//! Snapshots that real servers wrote, checked here and by their own tool.

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::{Client, Oracle, Version};
use serde_json::Value;
use tempfile::TempDir;

use super::*;

/// The code and the lines for a file.
fn checked(arguments: &[&str], path: &Path) -> (bool, String) {
    let mut words: Vec<std::ffi::OsString> = vec!["ochre-check-rdb".into()];
    words.extend(arguments.iter().map(Into::into));
    words.push(path.into());
    let Ok(Wanted::Check(options)) = Options::parse(lexopt::Parser::from_iter(words)) else {
        panic!("the arguments are understood");
    };
    let mut output = Vec::new();
    let code = run(&options, &mut output).expect("memory can be written to");
    (code == ExitCode::SUCCESS, String::from_utf8(output).expect("text"))
}

/// The same of the tool beside the real server.
fn checked_by(oracle: &Oracle, path: &Path) -> (bool, String) {
    let tool = oracle.program.with_file_name("redis-check-rdb");
    let output = Command::new(tool).arg(path).output().expect("the tool runs");
    (output.status.success(), String::from_utf8(output.stdout).expect("text"))
}

/// Without what the older tool does not count.
fn comparable(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.ends_with("subexpires"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn fill(client: &mut Client, knows_field_expiry: bool) {
    for line in [
        "DEBUG SET-ACTIVE-EXPIRE 0",
        "SET a b",
        "SET e x EX 100000",
        "SET old x PXAT 1",
        "RPUSH l a b c",
        "SADD s 1 2 3",
        "HSET h a b c d",
        "ZADD z 1.5 a 2 b",
        "XADD x 1-1 f v",
        "SELECT 3",
        "SET other database",
        "HSET f a 1 b 2",
        "HPEXPIRE f 10000000 FIELDS 1 a",
        "SELECT 0",
    ] {
        let reply = client.run(line);
        let is_too_new = line.starts_with("HPEXPIRE") && !knows_field_expiry;
        assert!(is_too_new || !reply.is_error(), "{line}: {reply:?}");
    }
}

/// A snapshot of a real server, and the digest of its data.
fn snapshot(oracle: &Oracle) -> (TempDir, std::path::PathBuf, String) {
    let server = oracle.launch().start();
    let mut client = server.client();
    fill(&mut client, oracle.version == Version::V74);
    let digest = client.run("DEBUG DIGEST");
    let digest = String::from_utf8(digest.as_bytes().expect("a digest").to_vec()).expect("text");
    assert!(!client.run("SAVE").is_error());
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("dump.rdb");
    fs::copy(server.directory().join("dump.rdb"), &path).expect("a file was saved");
    (directory, path, digest)
}

#[test]
fn the_lines_are_those_of_the_real_tool() {
    let Ok(oracle) = Oracle::find(Version::V70) else { return };
    let (_directory, path, _) = snapshot(&oracle);
    let (is_right, ours) = checked(&[], &path);
    assert!(is_right);
    assert_eq!(checked_by(&oracle, &path), (true, comparable(&ours)));
}

#[test]
fn the_report_says_what_is_in_a_file() {
    let Ok(oracle) = Oracle::find(Version::V74) else { return };
    let (_directory, path, digest) = snapshot(&oracle);
    let (_, report) = checked(&["--report", "--digest", "--json"], &path);
    let report: Value = serde_json::from_str(&report).expect("JSON and nothing else");
    assert_eq!(report["digest"], digest);
    assert_eq!(report["version"], 12);
    assert_eq!(report["keys"], 10);
    assert_eq!(report["expiring"], 2);
    assert_eq!(report["expired"], 1);
    assert_eq!(report["hashes_with_expiring_fields"], 1);
    assert_eq!(report["databases"]["3"]["keys"], 2);
    assert_eq!(report["types"]["hash"]["elements"], 4);
    assert_eq!(report["biggest"].as_array().map(Vec::len), Some(10));
    let (_, tables) = checked(&["--report", "--top", "2"], &path);
    for part in ["Databases", "Types", "Biggest keys", "Expiry", "within a week"] {
        assert!(tables.contains(part), "{part}: {tables}");
    }
}

#[test]
fn what_is_damaged_is_found_where_the_real_tool_finds_it() {
    let Ok(oracle) = Oracle::find(Version::V70) else { return };
    let (_directory, path, _) = snapshot(&oracle);
    let whole = fs::read(&path).expect("a file");
    for cut in [0, 5, 30, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).expect("a file");
        let (is_right, ours) = checked(&[], &path);
        assert!(!is_right, "cut at {cut}: {ours}");
        assert!(!checked_by(&oracle, &path).0, "cut at {cut}");
        assert!(
            ours.contains(&format!("[offset {cut}] Unexpected EOF reading RDB file")),
            "{ours}"
        );
    }
    let mut flipped = whole;
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    fs::write(&path, &flipped).expect("a file");
    let (is_right, ours) = checked(&[], &path);
    assert_eq!(checked_by(&oracle, &path), (is_right, comparable(&ours)));
    fs::write(&path, b"REDIS0099").expect("a file");
    let (is_right, ours) = checked(&[], &path);
    assert!(!is_right && ours.contains("Can't handle RDB format version 99"), "{ours}");
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let (is_right, ours) = checked(&[], Path::new("/nowhere/dump.rdb"));
    assert!(!is_right && ours.contains("Cannot open"), "{ours}");
}

#[test]
fn words_that_mean_nothing_are_refused() {
    let parse = |words: &[&str]| {
        let words = std::iter::once("tool").chain(words.iter().copied());
        Options::parse(lexopt::Parser::from_iter(words))
    };
    for words in [&[] as &[&str], &["--nonsense", "f"], &["--json", "f"], &["f", "g"], &["--top"]] {
        assert!(parse(words).is_err(), "{words:?}");
    }
    assert!(matches!(parse(&["--version"]), Ok(Wanted::Version)));
    assert!(matches!(parse(&["-h"]), Ok(Wanted::Help)));
}
