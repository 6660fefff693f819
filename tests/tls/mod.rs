//! Encrypted connections, end to end: who is let in, on which terms, how that changes while clients are connected, what many bytes cost
//! and what strangers can do.

mod authority;
mod bad_input;
mod clients;
mod connecting;
mod replication;
mod start;
mod terms;
mod traffic;

use harness::{Launch, Server, Value, free_port};

use authority::Authority;
use connecting::Terms;

/// A server that listens on an encrypted port as well.
struct Encrypted {
    server: Server,
    port: u16,
    authority: Authority,
}

impl Encrypted {
    /// Starts it with certificates of its own, and these lines.
    #[track_caller]
    fn start(launch: &Launch, lines: &[&str]) -> Encrypted {
        let authority = Authority::new();
        let port = free_port();
        let mut launch = authority.equip(launch.clone()).line(format!("tls-port {port}"));
        for line in lines {
            launch = launch.line(*line);
        }
        Encrypted { server: launch.start(), port, authority }
    }

    /// What a client needs that shows a certificate of the server's authority.
    fn terms(&self) -> Terms {
        Terms::trusting(&self.authority).showing(self.authority.issue("client"))
    }

    /// A client.
    #[track_caller]
    fn client(&self) -> harness::Client {
        match self.terms().connect(self.port) {
            Ok(client) => client,
            Err(error) => panic!("no encrypted connection: {error}"),
        }
    }

    /// The path of a file of the server's.
    fn path(&self, name: &str) -> std::path::PathBuf {
        self.server.directory().join(name)
    }
}

/// The reply of a call that did what it was to do.
fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

/// The text of an error.
fn error_of(value: &Value) -> Option<String> {
    value.is_error().then(|| value.as_text().unwrap_or_default())
}
