//! Clients that wait: who is served, in which order, across workers; how waits end; and that nothing is lost or taken twice.

mod crowd;
mod ending;
mod order;
mod pipelines;
mod side_by_side;
mod work;

use std::time::{Duration, Instant};

use harness::{Client, Server, wait_until};

/// A client whose calls may wait, with its id.
struct Waiter {
    client: Client,
    id: u64,
}

impl Waiter {
    #[track_caller]
    fn of(server: &Server) -> Waiter {
        let mut client = server.client();
        let id = client.run("CLIENT ID").as_integer().and_then(|id| u64::try_from(id).ok());
        Waiter { client, id: id.expect("an id") }
    }

    /// Makes a call that has to wait, and returns when it does.
    #[track_caller]
    fn block(&mut self, witness: &mut Client, line: &str) {
        self.send(line);
        assert!(wait_until(|| is_blocked(witness, self.id)), "{line} does not wait");
    }

    #[track_caller]
    fn send(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.client.send(&words).expect("can be sent");
    }

    /// The next reply, as the bytes that came, line endings shown as spaces.
    #[track_caller]
    fn received(&mut self) -> String {
        let bytes = self.client.read_reply_bytes().expect("a reply comes");
        String::from_utf8_lossy(&bytes).trim_end().replace("\r\n", " ")
    }

    /// Nothing has come: what comes next is the answer to this.
    #[track_caller]
    fn assert_silent(&mut self) {
        self.send("PING");
        assert_eq!(self.received(), "+PONG");
    }
}

/// Whether a client waits.
#[track_caller]
fn is_blocked(witness: &mut Client, id: u64) -> bool {
    let listed = witness.run(&format!("CLIENT LIST ID {id}")).as_text().unwrap_or_default();
    let flags = listed.split(' ').find_map(|field| field.strip_prefix("flags="));
    flags.is_some_and(|flags| flags.contains('b'))
}

/// A number of INFO.
#[track_caller]
fn number(witness: &mut Client, field: &str) -> u64 {
    let text = witness.run("INFO").as_text().expect("INFO is a text");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("no {field}"))
}

/// Nobody waits any more, and nothing is left of those who did.
#[track_caller]
fn assert_nobody_waits(witness: &mut Client) {
    let fields = ["blocked_clients", "total_blocking_keys", "clients_in_timeout_table"];
    let is_over = wait_until(|| fields.iter().all(|field| number(witness, field) == 0));
    let left: Vec<u64> = fields.iter().map(|field| number(witness, field)).collect();
    assert!(is_over, "{fields:?} are {left:?}");
}

/// How long something takes.
fn duration_of(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
