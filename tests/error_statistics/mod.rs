//! What is counted when something fails: replies, and the statistics of commands and errors, are those of the real server.
//!
//! A case is done on both, from statistics at zero. All that differ are told together.

mod cases;
mod scripts;

use harness::{Client, Launch, Oracle, Server, Value, Version, wait_until};

use crate::subject;
use cases::{Case, State, Step};

/// One of both servers.
struct Side {
    server: Server,
    administrator: Client,
}

/// What a case came to.
#[derive(PartialEq, Eq, Debug)]
struct Outcome {
    replies: Vec<String>,
    /// Calls, refused calls and failed calls by command; errors by code; and how many there were in all.
    counted: String,
}

impl Side {
    fn start(launch: Launch) -> Side {
        let server = launch
            .line("enable-protected-configs yes")
            .line("enable-debug-command no")
            .line("save 10000 10000")
            .start();
        std::fs::create_dir_all(server.directory().join("taken/by a directory")).expect("made");
        let administrator = server.client();
        let mut side = Side { server, administrator };
        side.fail_to_save();
        side
    }

    /// Has the last save be one that failed; whether that matters is up to a directive.
    fn fail_to_save(&mut self) {
        self.expect_ok("CONFIG SET stop-writes-on-bgsave-error no dbfilename taken");
        self.administrator.run("BGSAVE");
        let failed = wait_until(|| {
            self.information("persistence").contains("rdb_last_bgsave_status:err")
                && self.information("persistence").contains("rdb_bgsave_in_progress:0")
        });
        assert!(failed, "a directory is in the way of the file");
    }

    fn information(&mut self, section: &str) -> String {
        self.administrator.run(&format!("INFO {section}")).as_text().unwrap_or_default()
    }

    #[track_caller]
    fn expect_ok(&mut self, line: &str) {
        let reply = self.administrator.run(line);
        assert_eq!(reply.as_text().as_deref(), Some("OK"), "{line}: {reply:?}");
    }

    fn enter(&mut self, state: State) {
        for line in state.beginning() {
            self.expect_ok(line);
        }
    }

    fn run(&mut self, case: &Case) -> Outcome {
        let (mut first, mut second) = (self.server.client(), self.server.client());
        let mut name = String::new();
        for words in &case.before {
            let reply = self.administrator.call(words);
            assert!(!matches!(reply, Value::Error(_)), "{words:?}: {reply:?}");
            name = reply.as_text().unwrap_or_default();
        }
        let id = second.run("CLIENT ID").as_integer().unwrap_or_default().to_string();
        let filled = |words: &[String]| -> Vec<String> {
            let fill = |word: &String| match word.as_str() {
                "{name}" => name.clone(),
                "{id}" => id.clone(),
                _ => word.clone(),
            };
            words.iter().map(fill).collect()
        };
        if case.state == State::Restricted {
            self.enter(State::Restricted);
            first.run("AUTH restricted any");
        } else if !case.steps.iter().any(|step| matches!(step, Step::Enter)) {
            self.enter(case.state);
        }
        self.expect_ok("CONFIG RESETSTAT");
        let mut replies = Vec::new();
        for step in &case.steps {
            match step {
                Step::Call(words) => replies.push(first.call(&filled(words))),
                Step::Other(words) => replies.push(second.call(&filled(words))),
                Step::Administrator(words) => replies.push(self.administrator.call(words)),
                Step::Enter => self.enter(case.state),
                Step::Wait(words) => {
                    second.send(&filled(words)).expect("can be sent");
                    let waits =
                        wait_until(|| self.information("clients").contains("blocked_clients:1\r"));
                    assert!(waits, "{}", case.name);
                }
                Step::Nonsense(bytes) => second.write(bytes).expect("can be sent"),
                Step::Answer => replies.push(second.reply().expect("is answered")),
            }
        }
        let counted = self.counted();
        for line in State::END {
            self.expect_ok(line);
        }
        self.administrator.run("ACL DELUSER restricted");
        Outcome { replies: replies.iter().map(shown).collect(), counted }
    }

    fn counted(&mut self) -> String {
        // Asking counts as well.
        let is_ours = |line: &&str| {
            !line.starts_with("cmdstat_info:") && !line.starts_with("cmdstat_config|resetstat:")
        };
        let commands = self.information("commandstats");
        let mut lines: Vec<String> = commands
            .lines()
            .filter(|line| line.starts_with("cmdstat_"))
            .filter(is_ours)
            .map(|line| {
                let kept = |field: &&str| !field.starts_with("usec");
                line.split(',').filter(kept).collect::<Vec<_>>().join(",")
            })
            .collect();
        let errors = self.information("errorstats");
        lines.extend(
            errors.lines().filter(|line| line.starts_with("errorstat_")).map(str::to_owned),
        );
        let statistics = self.information("stats");
        lines.extend(
            statistics
                .lines()
                .filter(|line| line.starts_with("total_error_replies:"))
                .map(str::to_owned),
        );
        lines.sort();
        lines.join(" ")
    }
}

/// A reply, to be compared and read.
fn shown(reply: &Value) -> String {
    let mut bytes = Vec::new();
    reply.encode(&mut bytes);
    bytes.escape_ascii().to_string()
}

/// Does all cases on both servers.
fn compare(launch: Launch, cases: &[Case]) {
    let oracle = match Oracle::find(Version::V74) {
        Ok(oracle) => oracle,
        Err(missing) => panic!("{missing}"),
    };
    let (mut real, mut ours) = (Side::start(oracle.launch()), Side::start(launch));
    let mut different = Vec::new();
    for case in cases {
        let (expected, found) = (real.run(case), ours.run(case));
        if expected != found {
            different.push(format!("{}\n  expected {expected:?}\n  found    {found:?}", case.name));
        }
    }
    for side in [real, ours] {
        // It would not end before it has saved.
        side.server.client().call(&["CONFIG", "SET", "save", ""]);
    }
    assert!(
        different.is_empty(),
        "{} of {} cases:\n{}",
        different.len(),
        cases.len(),
        different.join("\n")
    );
}

#[test]
fn what_fails_in_and_around_calls_is_counted_as_in_redis() {
    let cases = cases::all();
    subject::with_each_worker_count(|launch| compare(launch, &cases));
}

#[test]
fn what_fails_in_scripts_is_counted_as_in_redis() {
    let cases = scripts::by_code();
    subject::with_each_worker_count(|launch| compare(launch, &cases));
}

#[test]
fn scripts_are_refused_as_in_redis_by_what_they_say_of_themselves() {
    compare(subject::launch().workers(1), &scripts::by_state());
}
