//! The HTTP endpoint for those who watch the server: `/metrics` in the form of `OpenMetrics`, `/healthz` and `/readyz`.
//!
//! A thread of its own serves a few connections at a time, so that neither slow nor silent ones keep a probe waiting, however many these
//! are; each asks once and is closed. Workers notice nothing of it but that their numbers are added up.

mod request;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use config::metrics::Metrics;
use engine::Engine;
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::background::Background;
use crate::bell::Bell;
use crate::clock::Clock;
use crate::listen::{ListenError, TcpSettings, listen_tcp};
use crate::log;
use request::{HEAD_BYTES, Page, Request, parse, response};

/// Connections served at a time. When one more comes, one that has not said yet what it wants is closed.
const CONNECTIONS: usize = 32;
/// Connections accepted before those that are there are looked at: fewer than there are places, so that each is looked at once.
const ACCEPTS: usize = CONNECTIONS / 2;
/// How long a connection may take in all.
const PATIENCE: Duration = Duration::from_secs(10);

const PLAIN: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The endpoint, or that there is none.
pub(crate) struct Endpoint {
    /// Nothing is told before it is there.
    engine: OnceLock<&'static Engine>,
    clock: Clock,
    running: Mutex<Option<Background>>,
}

impl Endpoint {
    pub(crate) fn new(clock: Clock) -> Endpoint {
        Endpoint { engine: OnceLock::new(), clock, running: Mutex::new(None) }
    }

    /// Begins to tell about an engine, if the configuration says so.
    pub(crate) fn serve(
        &self,
        engine: &'static Engine,
        settings: &Metrics,
    ) -> Result<(), ListenError> {
        // It is called once.
        let _first = self.engine.set(engine);
        self.restart(settings)
    }

    /// Ends, and begins anew where the configuration says, if it says so. After an error there is no endpoint.
    pub(crate) fn restart(&self, settings: &Metrics) -> Result<(), ListenError> {
        let mut running = self.running.lock();
        if let Some(running) = running.take() {
            running.end();
        }
        let Some(engine) = self.engine.get() else { return Ok(()) };
        if settings.port == 0 {
            return Ok(());
        }
        let listeners = listen_tcp(&TcpSettings {
            kind: "metrics",
            addresses: settings.bind.iter().map(|word| word.to_string_lossy().into()).collect(),
            port: settings.port,
            backlog: 64,
            listeners: 1,
            mark: 0,
        })?;
        let failed = |error: std::io::Error| {
            log::warning(format_args!("The metrics cannot be served: {error}"));
            ListenError::Tcp { port: settings.port, kind: "metrics" }
        };
        let (engine, clock) = (*engine, self.clock);
        let listeners = listeners.into_iter().flatten().collect();
        let run = move |stop| {
            Server { engine, clock, listeners, stop, connections: Vec::new() }.run();
        };
        *running = Some(Background::start("metrics", run).map_err(failed)?);
        log::notice(format_args!("Metrics are served on port {}", settings.port));
        Ok(())
    }
}

/// What the thread has.
struct Server {
    engine: &'static Engine,
    clock: Clock,
    listeners: Vec<TcpListener>,
    stop: Arc<Bell>,
    connections: Vec<Connection>,
}

struct Connection {
    socket: TcpStream,
    end: Instant,
    arrived: Vec<u8>,
    /// What is still to be sent of the response; none before there is one.
    response: Option<(Vec<u8>, usize)>,
}

impl Server {
    fn run(mut self) {
        loop {
            let ready = self.wait();
            if ready.stop {
                return;
            }
            let now = Instant::now();
            let connections = std::mem::take(&mut self.connections);
            for (mut connection, is_ready) in connections.into_iter().zip(ready.connections) {
                let goes_on = !is_ready || self.advance(&mut connection);
                if goes_on && now < connection.end {
                    self.connections.push(connection);
                }
            }
            if ready.listeners {
                self.accept(now);
            }
        }
    }

    /// Waits until there is something to do, or a connection has had its time.
    fn wait(&self) -> Ready {
        let mut sources = vec![PollFd::new(&*self.stop, PollFlags::IN)];
        sources.extend(self.connections.iter().map(|connection| {
            let writes = connection.response.is_some();
            PollFd::new(&connection.socket, if writes { PollFlags::OUT } else { PollFlags::IN })
        }));
        let first_listener = sources.len();
        sources.extend(self.listeners.iter().map(|it| PollFd::new(it, PollFlags::IN)));
        let end = self.connections.iter().map(|connection| connection.end).min();
        let timeout = end.map(|end| {
            let left = end.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        // An error is an interruption: nothing is ready then.
        let _interrupted = poll(&mut sources, timeout.as_ref());
        let is_ready = |source: &PollFd<'_>| !source.revents().is_empty();
        let (others, listeners) = sources.split_at(first_listener);
        Ready {
            stop: others.first().is_some_and(is_ready),
            connections: others.iter().skip(1).map(is_ready).collect(),
            listeners: listeners.iter().any(is_ready),
        }
    }

    fn accept(&mut self, now: Instant) {
        for _ in 0..ACCEPTS {
            let accepted = self.listeners.iter().find_map(|listener| listener.accept().ok());
            let Some((socket, _)) = accepted else { return };
            if socket.set_nonblocking(true).is_err() {
                continue;
            }
            if self.connections.len() == CONNECTIONS {
                self.make_room();
            }
            let end = now + PATIENCE;
            self.connections.push(Connection { socket, end, arrived: Vec::new(), response: None });
        }
    }

    /// Closes the connection that has been silent for longest; if all are being answered, the oldest.
    fn make_room(&mut self) {
        let silent = self.connections.iter().position(|connection| connection.response.is_none());
        self.connections.remove(silent.unwrap_or(0));
    }

    /// Goes on with a connection; says whether there is more to come.
    fn advance(&self, connection: &mut Connection) -> bool {
        if connection.response.is_none() {
            let mut bytes = [0; HEAD_BYTES];
            match connection.socket.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => {
                    connection.arrived.extend_from_slice(bytes.get(..count).unwrap_or_default());
                }
                Err(error) => return is_temporary(&error),
            }
            let Some(request) = parse(&connection.arrived) else { return true };
            connection.response = Some((self.answer(request), 0));
        }
        let Some((response, sent)) = &mut connection.response else { return true };
        match connection.socket.write(response.get(*sent..).unwrap_or_default()) {
            Ok(count) => *sent += count,
            Err(error) => return is_temporary(&error),
        }
        *sent < response.len()
    }

    fn answer(&self, request: Request) -> Vec<u8> {
        match request {
            Request::Page { page: Page::Metrics, with_body } => {
                let now_us = i64::try_from(self.clock.read().unix_us).unwrap_or(i64::MAX);
                response("200 OK", OPEN_METRICS, &self.engine.metrics(now_us), with_body)
            }
            Request::Page { page: Page::Health, with_body } => {
                response("200 OK", PLAIN, "ok\n", with_body)
            }
            Request::Page { page: Page::Readiness, with_body } => match self.hindrance() {
                None => response("200 OK", PLAIN, "ready\n", with_body),
                Some(why) => response("503 Service Unavailable", PLAIN, why, with_body),
            },
            Request::Unknown => response("404 Not Found", PLAIN, "no such page\n", true),
            Request::OtherMethod => {
                response("405 Method Not Allowed\r\nAllow: GET, HEAD", PLAIN, "only GET\n", true)
            }
            Request::Malformed => response("400 Bad Request", PLAIN, "no request\n", true),
            Request::TooLong => {
                response("431 Request Header Fields Too Large", PLAIN, "too long\n", true)
            }
        }
    }

    /// Why clients are not served at the moment, if they are not.
    fn hindrance(&self) -> Option<&'static str> {
        if self.engine.loading.is_active() {
            return Some("loading\n");
        }
        self.engine.is_busy().then_some("busy with a script\n")
    }
}

/// What a wait has found.
struct Ready {
    stop: bool,
    /// Of each connection.
    connections: Vec<bool>,
    listeners: bool,
}

fn is_temporary(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
