//! Append-only files whole and damaged, checked here and by the real tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::{Oracle, Version};
use tempfile::TempDir;

use super::*;

const MANIFEST: &str = "appendonly.aof.manifest";
const FIRST: &str = "appendonly.aof.1.incr.aof";
const SECOND: &str = "appendonly.aof.2.incr.aof";

fn command(words: &[&str]) -> String {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.extend([format!("${}\r\n", word.len()).as_str(), word, "\r\n"]);
    }
    text
}

/// Three commands, the last of which is a transaction; with the times of each.
fn commands() -> String {
    let transaction = [&["MULTI"] as &[&str], &["set", "x", "y"], &["EXEC"]];
    [
        "#TS:1000\r\n".to_owned(),
        command(&["SELECT", "0"]),
        command(&["set", "a", "b"]),
        "#TS:2000\r\n".to_owned(),
        transaction.map(command).concat(),
        "#TS:3000\r\n".to_owned(),
        command(&["set", "last", "one"]),
    ]
    .concat()
}

fn with_checksum(commands: &str) -> String {
    let line = persistence::aof::checksum_line(persistence::crc64::checksum(commands.as_bytes()));
    format!("{commands}{}", String::from_utf8_lossy(&line))
}

/// A directory of a manifest and two files, and a copy of it for the other tool.
struct Scene {
    directory: TempDir,
}

impl Scene {
    fn new(first: &str, second: &str) -> Scene {
        let scene = Scene { directory: TempDir::new().expect("a directory") };
        for place in ["ours", "theirs"] {
            let place = scene.directory.path().join(place);
            fs::create_dir(&place).expect("a directory");
            let manifest = format!("file {FIRST} seq 1 type i\nfile {SECOND} seq 2 type i\n");
            fs::write(place.join(MANIFEST), manifest).expect("a file");
            fs::write(place.join(FIRST), first).expect("a file");
            fs::write(place.join(SECOND), second).expect("a file");
        }
        scene
    }

    fn path(&self, place: &str, name: &str) -> PathBuf {
        self.directory.path().join(place).join(name)
    }

    /// Runs both tools: they must have the same code and leave the same files. Gives that code and what ours says.
    #[track_caller]
    fn run(&self, options: &[&str], name: &str, answer: &str) -> (bool, String) {
        let (is_right, ours) = ours(options, &self.path("ours", name), answer);
        if let Ok(oracle) = Oracle::find(Version::V70) {
            let (code, theirs) = theirs(&oracle, options, &self.path("theirs", name), answer);
            assert_eq!(is_right, code, "ours:\n{ours}\ntheirs:\n{theirs}");
            assert_eq!(comparable(&ours, "/ours/"), comparable(&theirs, "/theirs/"));
            for file in [FIRST, SECOND] {
                let read = |place| fs::read_to_string(self.path(place, file)).expect("a file");
                assert_eq!(read("ours"), read("theirs"), "{file}");
            }
        }
        (is_right, ours)
    }
}

fn ours(options: &[&str], path: &Path, answer: &str) -> (bool, String) {
    let mut arguments: Vec<std::ffi::OsString> = options.iter().map(Into::into).collect();
    arguments.push(path.into());
    let Ok(Wanted::Check(options)) = Options::parse(&arguments) else { panic!("understood") };
    let mut output = Vec::new();
    let code = run(&options, &mut answer.as_bytes(), &mut output).expect("memory");
    (code == ExitCode::SUCCESS, String::from_utf8(output).expect("text"))
}

fn theirs(oracle: &Oracle, options: &[&str], path: &Path, answer: &str) -> (bool, String) {
    let tool = oracle.program.with_file_name("redis-check-aof");
    let mut child = Command::new(tool)
        .args(options)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the tool runs");
    let mut input = child.stdin.take().expect("it is piped");
    // The tool may end without reading it.
    let _ = input.write_all(answer.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    (output.status.success(), String::from_utf8(output.stdout).expect("text"))
}

/// What both say alike: not what exactly is wrong with a command, nor in which line.
fn comparable(text: &str, place: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.starts_with("0x") && !line.ends_with("format error"))
        // The older tool does not count them.
        .filter(|line| !line.ends_with("subexpires") && !line.contains("Checking RDB file"))
        .map(|line| {
            let line = line.replace(place, "/").replace("ochre-check", "redis-check");
            let (before, after) = line.split_once("ok_up_to_line=").unwrap_or((&line, ""));
            let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
            format!("{before}{after}")
        })
        .collect()
}

#[test]
fn whole_files_are_right() {
    let scene = Scene::new(&commands(), &commands());
    for name in [MANIFEST, FIRST] {
        let (is_right, said) = scene.run(&[], name, "");
        assert!(is_right, "{said}");
        assert!(said.contains("ok_up_to_line=33, diff=0"), "{said}");
    }
}

/// As servers write it that prepare no space.
#[test]
fn a_value_like_prepared_space_is_no_space() {
    let filler = format!("#{}", "-".repeat(61));
    for before in [String::new(), with_checksum(&commands())] {
        let imitation = |length| command(&["set", "k", &format!("{}{filler}", "x".repeat(length))]);
        let is_whole = |text: &String| (before.len() + text.len()).is_multiple_of(64);
        let imitation = (0..200).map(imitation).find(is_whole).expect("one of them");
        let commands = format!("{before}{imitation}");
        let scene = Scene::new(&commands, &commands);
        for options in [&[] as &[&str], &["--fix"]] {
            let (is_right, said) = scene.run(options, MANIFEST, "y\n");
            assert!(is_right && said.contains("All AOF files and manifest are valid"), "{said}");
            let read = fs::read_to_string(scene.path("ours", SECOND)).expect("a file");
            assert_eq!(read, commands);
        }
    }
}

#[test]
fn a_cut_end_is_found_and_cut_off() {
    let commands = commands();
    for cut in [1, 3, 12, 30] {
        let scene = Scene::new(&commands, &commands[..commands.len() - cut]);
        let (is_right, said) = scene.run(&[], MANIFEST, "");
        assert!(!is_right && said.contains("Use the --fix option"), "{said}");
        let (is_right, said) = scene.run(&["--fix"], MANIFEST, "n\n");
        assert!(!is_right && said.contains("Aborting..."), "{said}");
        let (is_right, said) = scene.run(&["--fix"], MANIFEST, "y\n");
        assert!(is_right && said.contains("Successfully truncated AOF"), "{said}");
        assert!(scene.run(&[], MANIFEST, "").0);
    }
}

#[test]
fn what_is_wrong_elsewhere_is_found_too() {
    let whole = commands();
    let endings = [
        "xyz".to_owned(),
        command(&["EXEC"]),
        command(&["MULTI"]) + &command(&["set", "a", "b"]),
        command(&["MULTI"]) + &command(&["MULTI"]),
        "*1\r\n$x\r\n".to_owned(),
    ];
    for ending in endings {
        let damaged = whole.clone() + &ending;
        let scene = Scene::new(&whole, &damaged);
        assert!(!scene.run(&[], MANIFEST, "").0, "{ending:?}");
        assert!(scene.run(&["--fix"], SECOND, "y\n").0, "{ending:?}");
        assert!(scene.run(&[], MANIFEST, "").0, "{ending:?}");
        // Only the last file can be cut.
        let scene = Scene::new(&damaged, &whole);
        let (is_right, said) = scene.run(&["--fix"], MANIFEST, "y\n");
        assert!(!is_right && said.contains("because it is not the last file"), "{said}");
    }
}

#[test]
fn what_is_newer_than_a_time_is_cut_off() {
    let whole = commands();
    let scene = Scene::new("", &whole);
    assert!(scene.run(&["--truncate-to-timestamp", "5000"], MANIFEST, "").0);
    let (is_right, said) = scene.run(&["--truncate-to-timestamp", "2500"], MANIFEST, "");
    assert!(is_right && said.contains("to timestamp 2500"), "{said}");
    let (is_right, _) = scene.run(&["--truncate-to-timestamp", "1000"], MANIFEST, "");
    assert!(is_right);
    let (is_right, said) = scene.run(&["--truncate-to-timestamp", "999"], SECOND, "");
    assert!(!is_right && said.contains("has nothing before timestamp"), "{said}");
    let scene = Scene::new(&whole, &whole);
    let (is_right, said) = scene.run(&["--truncate-to-timestamp", "2500"], MANIFEST, "");
    assert!(!is_right && said.contains("because it is not the last file"), "{said}");
}

#[test]
fn a_snapshot_in_front_is_checked_first() {
    let snapshot = b"REDIS0010\xfe\x00\x00\x01k\x01v\xff\0\0\0\0\0\0\0\0";
    let scene = Scene::new("", "");
    for place in ["ours", "theirs"] {
        let mut bytes = snapshot.to_vec();
        bytes.extend_from_slice(commands().as_bytes());
        fs::write(scene.path(place, "base"), bytes).expect("a file");
        fs::write(scene.path(place, "cut"), &snapshot[..16]).expect("a file");
        let manifest = format!("file base seq 1 type b\nfile {FIRST} seq 1 type i\n");
        fs::write(scene.path(place, MANIFEST), manifest).expect("a file");
    }
    let (is_right, said) = scene.run(&[], MANIFEST, "");
    assert!(is_right && said.contains("(RDB format)"), "{said}");
    assert!(said.contains("ok_up_to=193"), "{said}");
    let (is_right, said) = ours(&[], &scene.path("ours", "cut"), "");
    assert!(!is_right && said.contains("RDB preamble of AOF file is not sane"), "{said}");
}

#[test]
fn a_wrong_checksum_is_found() {
    let text = with_checksum(&commands());
    let scene = Scene::new(&text, &text.replace("one", "two"));
    assert!(scene.path("ours", FIRST).exists());
    assert!(ours(&[], &scene.path("ours", FIRST), "").0);
    let (is_right, said) = ours(&[], &scene.path("ours", MANIFEST), "");
    assert!(!is_right && said.contains("checksum") && said.contains("ok_up_to=0"), "{said}");
}

#[test]
fn manifests_that_are_none_are_refused() {
    let scene = Scene::new("", "");
    for manifest in ["file x seq 0 type i\n", "file nowhere.aof seq 1 type i\n", "file\n"] {
        for place in ["ours", "theirs"] {
            fs::write(scene.path(place, MANIFEST), manifest).expect("a file");
        }
        let (is_right, said) = ours(&[], &scene.path("ours", MANIFEST), "");
        assert!(!is_right, "{manifest}: {said}");
        if let Ok(oracle) = Oracle::find(Version::V70) {
            assert!(!theirs(&oracle, &[], &scene.path("theirs", MANIFEST), "").0);
        }
    }
    assert!(!ours(&[], Path::new("/nowhere/file"), "").0);
    assert_eq!(Options::parse(&[]), Err(USAGE));
    assert!(Options::parse(&["--truncate-to-timestamp".into(), "x".into(), "f".into()]).is_err());
}
