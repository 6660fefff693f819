//! The server under test and a real one, side by side.

use std::fmt;
use std::io;
use std::time::Duration;

use harness::{Client, Launch, Protocol, Server, Value, Version};

use super::differences;
use super::state::{self, Snapshot};
use super::step::Step;
use super::tolerance;

/// Settings that every case begins with: what [`super::server_family`] and [`super::list_family`] change.
const SETTINGS: &str = "CONFIG SET maxmemory-samples 5 timeout 0 lfu-log-factor 10 \
    list-max-listpack-size -2 list-compress-depth 0 lfu-decay-time 1 hz 10 proto-max-bulk-len 512mb maxmemory-policy noeviction";

/// How long a reply may take before the server counts as hanging.
const PATIENCE: Duration = Duration::from_secs(5);

/// Both servers.
pub(super) struct Pair {
    subject: Side,
    real: Side,
    version: Version,
}

/// One of them, with a connection for what is not part of a case.
struct Side {
    launch: Launch,
    server: Server,
    control: Client,
    /// Whether the case before may have changed settings.
    is_reconfigured: bool,
}

/// Where the two differ.
#[derive(Debug)]
pub(super) struct Divergence {
    /// The number of the step, or none if it is the state at the end.
    pub(super) step: Option<usize>,
    what: String,
    subject: String,
    real: String,
}

impl Divergence {
    /// What it is about: the command, and the one within it if there is one.
    pub(super) fn subject_matter(&self, steps: &[Step]) -> String {
        let words = self.step.and_then(|step| steps.get(step)).and_then(Step::words);
        let Some(words) = words else {
            return "the state".to_owned();
        };
        let containers = ["CLIENT", "CONFIG", "COMMAND", "OBJECT", "DEBUG", "MEMORY"];
        let name = String::from_utf8_lossy(&words[0]).to_ascii_uppercase();
        match words.get(1) {
            Some(sub) if containers.contains(&name.as_str()) => {
                format!("{name} {}", String::from_utf8_lossy(sub).to_ascii_uppercase())
            }
            _ => name,
        }
    }
}

/// What a server did about a step.
#[derive(Debug, PartialEq)]
enum Answer {
    Value(Value),
    /// It closed the connection, or did not answer in time.
    Failed(io::ErrorKind),
}

impl Pair {
    /// Starts both.
    pub(super) fn start(subject: &Launch, real: &Launch, version: Version) -> Pair {
        Pair { subject: Side::start(subject), real: Side::start(real), version }
    }

    /// Runs a case on both and compares.
    pub(super) fn run(&mut self, steps: &[Step], protocol: Protocol) -> Result<(), Divergence> {
        // What only one of them can do would leave different data.
        let is_newer = |step: &Step| {
            step.words().is_some_and(|words| differences::is_newer(self.version, words))
        };
        let steps: Vec<Step> = steps
            .iter()
            .map(|step| if is_newer(step) { Step::call(["PING"]) } else { step.clone() })
            .collect();
        let reconfigures = steps
            .iter()
            .filter_map(Step::words)
            .any(|words| words[0].eq_ignore_ascii_case(b"CONFIG"));
        let mut subject = self.subject.begin(protocol, reconfigures);
        let mut real = self.real.begin(protocol, reconfigures);
        let mut at = 0;
        for batch in steps.split_inclusive(|step| matches!(step, Step::Elapse(_))) {
            let calls: Vec<&[Vec<u8>]> = batch.iter().filter_map(Step::words).collect();
            let answers = (ask(&mut subject, &calls), ask(&mut real, &calls));
            for (index, (ours, theirs)) in answers.0.iter().zip(&answers.1).enumerate() {
                if !self.same(calls[index], ours, theirs) {
                    return Err(Divergence {
                        step: Some(at + index),
                        what: batch[index].to_string(),
                        subject: ours.to_string(),
                        real: theirs.to_string(),
                    });
                }
            }
            if let Some(Step::Elapse(time)) = batch.last() {
                std::thread::sleep(*time);
            }
            at += batch.len();
        }
        drop((subject, real));
        let (ours, theirs) = (self.subject.snapshot(), self.real.snapshot());
        match ours.difference(&theirs, self.version) {
            None => Ok(()),
            Some((what, subject, real)) => Err(Divergence { step: None, what, subject, real }),
        }
    }

    fn same(&self, words: &[Vec<u8>], subject: &Answer, real: &Answer) -> bool {
        match (subject, real) {
            (Answer::Value(ours), Answer::Value(theirs)) => {
                tolerance::same(words, ours, theirs)
                    || differences::documented(self.version, words, theirs)
            }
            _ => subject == real,
        }
    }
}

impl Side {
    fn start(launch: &Launch) -> Side {
        let server = launch.start();
        let mut control = server.client();
        // A key that has expired is then removed by whatever command meets it, at the same step on
        // both servers, and not at a time of the server's own.
        control.run("DEBUG SET-ACTIVE-EXPIRE 0");
        Side { launch: launch.clone(), server, control, is_reconfigured: false }
    }

    /// Empties the server and opens the connection for a case, which may change settings or not.
    fn begin(&mut self, protocol: Protocol, reconfigures: bool) -> Client {
        // The case before may have ended it; then the failure is reported, and shrinking goes on.
        if self.server.exit_status().is_some() {
            *self = Side::start(&self.launch);
        }
        self.control.run("FLUSHALL");
        if std::mem::replace(&mut self.is_reconfigured, reconfigures) {
            let settings = self.control.run(SETTINGS);
            assert!(!settings.is_error(), "{settings:?}");
        }
        let mut client = self.server.client();
        client.set_limit(PATIENCE).expect("a positive limit can be set");
        if protocol == Protocol::Resp3 {
            client.hello(protocol);
        }
        client
    }

    fn snapshot(&mut self) -> Snapshot {
        match state::snapshot(&mut self.control) {
            Ok(snapshot) => snapshot,
            Err(error) => {
                panic!("the state cannot be read: {error}; the log:\n{}", self.server.log())
            }
        }
    }
}

/// Sends the calls as one pipeline and reads the replies.
fn ask(client: &mut Client, calls: &[&[Vec<u8>]]) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut start = 0;
    while start < calls.len() && !matches!(answers.last(), Some(Answer::Failed(_))) {
        let length = calls[start..]
            .iter()
            .skip(1)
            .position(|words| comes_alone(words))
            .map_or(calls.len() - start, |before| before + 1);
        let pipeline = &calls[start..start + length];
        let mut request = Vec::new();
        for words in pipeline {
            Client::encode(words, &mut request);
        }
        // A server that closed the connection meanwhile shows in the replies.
        let _ = client.write(&request);
        for _ in pipeline {
            match client.reply() {
                Ok(value) => answers.push(Answer::Value(value)),
                Err(error) => {
                    answers.push(Answer::Failed(error.kind()));
                    break;
                }
            }
        }
        start += length;
    }
    answers
}

/// Whether a command is sent only once all replies before it have come: Redis from 7.2 on leaves out the
/// error reply of a failed authentication when replies to the same client are still to be written.
fn comes_alone(words: &[Vec<u8>]) -> bool {
    [b"AUTH".as_slice(), b"HELLO"].iter().any(|name| words[0].eq_ignore_ascii_case(name))
}

/// Bytes of a reply that a report shows.
const SHOWN: usize = 4000;

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Failed(kind) => write!(f, "no reply: {kind}"),
            Answer::Value(value) => {
                let mut bytes = Vec::new();
                value.encode(&mut bytes);
                write!(f, "{}", bytes[..bytes.len().min(SHOWN)].escape_ascii())
            }
        }
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Some(step) => writeln!(f, "at step {step}: {}", self.what)?,
            None => writeln!(f, "in the state at the end: {}", self.what)?,
        }
        writeln!(f, "under test: {}", self.subject)?;
        writeln!(f, "real:       {}", self.real)
    }
}
