//! A client that only wants to be served while others behave badly.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harness::{Client, Server};

/// The longest that a bystander may wait for a reply. Far longer than any turn of another client; short against a hang. The
/// machine of a test does other things too.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long it rests between two calls.
const REST: Duration = Duration::from_millis(1);

/// Connections, so that each worker has one.
const CONNECTIONS: usize = 4;

/// A client that calls PING all the time, on several connections.
pub(crate) struct Bystander {
    stop: Sender<()>,
    thread: JoinHandle<Duration>,
}

impl Bystander {
    /// One that begins now.
    pub(crate) fn of(server: &Server) -> Bystander {
        Bystander::through((0..CONNECTIONS).map(|_| server.client()).collect())
    }

    /// One that begins now, through these connections.
    pub(crate) fn through(mut clients: Vec<Client>) -> Bystander {
        for client in &mut clients {
            client.run("PING");
        }
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("bystander".to_owned()).spawn(move || {
            let mut longest = Duration::ZERO;
            while stopped.recv_timeout(REST) == Err(RecvTimeoutError::Timeout) {
                for client in &mut clients {
                    let start = Instant::now();
                    client.run("PING");
                    longest = longest.max(start.elapsed());
                }
            }
            longest
        });
        Bystander { stop, thread: thread.expect("a thread") }
    }

    /// Ends it.
    ///
    /// # Panics
    /// When it was not served, or not in time.
    #[track_caller]
    #[expect(clippy::print_stderr, reason = "the test runner shows it with a failure")]
    pub(crate) fn was_served(self) {
        drop(self.stop);
        let longest = self.thread.join().expect("the bystander is served to the end");
        eprintln!("the bystander waited for {longest:?} at most");
        assert!(longest < PATIENCE, "the bystander waited for {longest:?}");
    }
}
