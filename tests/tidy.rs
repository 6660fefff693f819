//! The rules of CONTRIBUTING.md that clippy cannot see, checked on the sources themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file, tests apart.
const MOST_LINES: usize = 800;

/// Names that say nothing of what is in a module.
const EMPTY_NAMES: [&str; 6] = ["utils", "util", "helpers", "common", "misc", "types"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files below the directories of our sources, by their path from the root, with their text.
fn sources(ending: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for directory in ["crates", "tests", "fuzz/fuzz_targets", "benches", "scripts"] {
        collect(&root().join(directory), ending, &mut found);
    }
    assert!(!found.is_empty(), "there are sources that end in {ending:?}");
    found
}

fn collect(directory: &Path, ending: &str, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            if !["target", "node_modules", "corpus"].iter().any(|name| path.ends_with(name)) {
                collect(&path, ending, found);
            }
        } else if path.to_string_lossy().ends_with(ending)
            && let Ok(text) = fs::read_to_string(&path)
        {
            let name = path.strip_prefix(root()).unwrap_or(&path);
            found.insert(name.display().to_string(), text);
        }
    }
}

/// Fails with everything that breaks a rule, not only with the first.
#[track_caller]
fn none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let broken: Vec<String> = sources(".rs")
        .into_iter()
        // What tests are about is said by the module that they stand beside.
        .filter(|(name, text)| !text.starts_with("//! ") && !name.ends_with("/tests.rs"))
        .map(|(name, _)| name)
        .collect();
    none("a module begins with //! and what it is for", &broken);
}

#[test]
fn files_are_short_enough_to_be_read() {
    let broken: Vec<String> = sources(".rs")
        .into_iter()
        .filter(|(name, _)| !name.ends_with("tests.rs"))
        .map(|(name, text)| {
            let code = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
            (name, code)
        })
        .filter(|(_, lines)| MOST_LINES <= *lines)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    none("a file has fewer than 800 lines, tests apart", &broken);
}

#[test]
fn modules_are_named_by_their_subject() {
    let broken: Vec<String> = sources(".rs")
        .into_keys()
        .filter(|name| {
            let parts = name.split('/').map(|part| part.trim_end_matches(".rs"));
            parts.into_iter().any(|part| EMPTY_NAMES.contains(&part))
        })
        .collect();
    none("a module is named by its subject", &broken);
}

#[test]
fn sources_are_ascii() {
    let mut broken = Vec::new();
    for ending in [".rs", ".toml", ".py", ".js"] {
        for (name, text) in sources(ending) {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.is_ascii());
            broken.extend(lines.map(|(number, line)| format!("{name}:{}: {line}", number + 1)));
        }
    }
    none("sources are ASCII", &broken);
}

#[test]
fn nothing_is_left_to_be_done_later() {
    // Written apart, for this file is a source too.
    let marks =
        [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("to", "do!"), concat!("XX", "X:")];
    let mut broken = Vec::new();
    for (name, text) in sources(".rs") {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                broken.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    none("what is to be done is an issue, not a comment", &broken);
}

/// A test waits for a condition with a deadline; sleeping for a guessed time makes it slow, or flaky, or both.
#[test]
fn tests_neither_sleep_nor_are_ignored() {
    let sleeps = concat!("thread::", "sleep(");
    let ignored = concat!("#[", "ignore");
    let allowed = [
        "crates/harness/src/waiting.rs",
        // Time passes on purpose: a key expires on both servers.
        "tests/differential/pair.rs",
    ];
    let mut broken = Vec::new();
    for (name, text) in sources(".rs") {
        let is_test = name.starts_with("tests/")
            || name.starts_with("crates/harness/")
            || name.ends_with("tests.rs");
        if text.contains(ignored)
            || is_test && text.contains(sleeps) && !allowed.contains(&name.as_str())
        {
            broken.push(name);
        }
    }
    none("tests do not sleep and are not ignored", &broken);
}

/// What a crate may depend on, from the table in ARCHITECTURE.md.
fn allowed_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the page is there");
    let mut table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, dependencies] = cells[..] else {
            continue;
        };
        let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else {
            continue;
        };
        let dependencies: BTreeSet<String> = match dependencies {
            "all above" => table.keys().cloned().collect(),
            list => list
                .split(',')
                .map(|name| name.trim().trim_matches('`').to_owned())
                .filter(|name| {
                    name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
                })
                .collect(),
        };
        table.insert(name.to_owned(), dependencies);
    }
    assert!(5 < table.len(), "the table of crates is in ARCHITECTURE.md");
    table
}

/// The crates of ours that a crate depends on.
fn actual_dependencies(manifest: &str, ours: &BTreeSet<String>) -> BTreeSet<String> {
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or("");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| ours.contains(*name))
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_depend_on_what_the_table_says() {
    let table = allowed_dependencies();
    let ours: BTreeSet<String> = table.keys().cloned().collect();
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, manifest) in sources("Cargo.toml") {
        let Some(name) = path.strip_prefix("crates/").and_then(|rest| rest.split('/').next())
        else {
            continue;
        };
        seen.insert(name.to_owned());
        let actual = actual_dependencies(&manifest, &ours);
        match table.get(name) {
            Some(allowed) if *allowed == actual => {}
            allowed => broken.push(format!("{name}: {actual:?}, and in the table {allowed:?}")),
        }
    }
    broken.extend(ours.difference(&seen).map(|name| format!("{name} is only in the table")));
    none("a crate depends on what the table in ARCHITECTURE.md says", &broken);
}

#[test]
fn every_fuzz_target_is_built_and_run() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap_or_default();
    let script = fs::read_to_string(root().join("test")).expect("the test command is there");
    let mut targets = BTreeMap::new();
    collect(&root().join("fuzz/fuzz_targets"), ".rs", &mut targets);
    let broken: Vec<String> = targets
        .keys()
        .filter_map(|path| path.rsplit('/').next()?.strip_suffix(".rs"))
        .filter(|target| {
            let is_named = script.split_whitespace().any(|word| word == *target);
            !is_named || !manifest.contains(&format!("name = \"{target}\""))
        })
        .map(str::to_owned)
        .collect();
    none("a fuzz target is in fuzz/Cargo.toml and in the test command", &broken);
}

/// Nothing that a build machine knows, and nobody else, is written down.
#[test]
fn no_path_of_a_machine_is_written_down() {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
    let mut broken = Vec::new();
    for ending in
        [".rs", ".toml", ".py", ".js", "/compare", "/install-oracle", "/install-clients", "/fuzz"]
    {
        for (name, text) in sources(ending) {
            let lines = text.lines().enumerate();
            let lines = lines.filter(|(_, line)| places.iter().any(|place| line.contains(place)));
            broken.extend(lines.map(|(number, line)| format!("{name}:{}: {line}", number + 1)));
        }
    }
    none("no path of one machine is written down", &broken);
}
