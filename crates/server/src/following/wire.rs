//! The connection to a primary: bytes in and out, with a limit on every wait.
//!
//! It never blocks beyond that: whoever waits for it is also woken by the bell of the link, since what it waits for may not be
//! wanted any more.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Config;
use engine::clients::Peer;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustls::ClientConfig;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::bell::Bell;
use crate::tls::Session;

/// A connection to a primary.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    /// What encrypts it, if anything does.
    session: Option<Box<Session>>,
    /// What the primary has not taken yet.
    pending: Vec<u8>,
}

/// What has happened while it was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ready {
    /// Something has come, or the connection is gone.
    pub(super) readable: bool,
    /// The bell has rung.
    pub(super) rung: bool,
}

/// More than that nobody has to say to a primary: one that takes nothing is given up.
const PENDING_LIMIT: usize = 1 << 20;

impl Wire {
    /// Begins to connect. To look up a name may take as long as the system's resolver takes.
    pub(super) fn begin(host: &str, port: u16, config: &Config) -> io::Result<Wire> {
        let source = config.network.bind_source_address.to_string_lossy();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no address of that name");
        for address in (host, port).to_socket_addrs()? {
            match begin_to(address, &source) {
                Ok(stream) => {
                    return Ok(Wire { stream, session: None, pending: Vec::new() });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Waits until it is connected, the bell rings or the time is over; whether it is connected.
    pub(super) fn is_connected(&self, bell: &Bell, limit: Duration) -> io::Result<bool> {
        let mut sources =
            [PollFd::new(&self.stream, PollFlags::OUT), PollFd::new(bell, PollFlags::IN)];
        wait(&mut sources, limit)?;
        if sources[0].revents().is_empty() {
            return Ok(false);
        }
        match self.stream.take_error()? {
            Some(error) => Err(error),
            None => self.stream.peer_addr().map(|_| true),
        }
    }

    /// Sets up what holds once it is connected.
    pub(super) fn set_up(&self, config: &Config) -> io::Result<()> {
        let socket = SockRef::from(&self.stream);
        socket.set_tcp_nodelay(!config.replication.disable_no_delay)?;
        let seconds = u64::from(config.replication.timeout_s);
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(seconds.max(1)));
        socket.set_tcp_keepalive(&keepalive)
    }

    /// Begins to encrypt it. Nothing has been sent yet.
    pub(super) fn encrypt(&mut self, terms: Arc<ClientConfig>, host: &str) -> io::Result<()> {
        self.session = Some(Box::new(Session::new(terms, host, &self.stream)?));
        Ok(())
    }

    /// Goes on with the handshake of an encrypted connection, as far as that is possible now; whether it is done.
    pub(super) fn shake_hands(&mut self) -> io::Result<bool> {
        match &mut self.session {
            Some(session) => session.shake_hands(&mut self.stream),
            None => Ok(true),
        }
    }

    /// Both ends of it.
    pub(super) fn peer(&self) -> Peer {
        let text = |address: io::Result<SocketAddr>| {
            address.map_or_else(|_| "?:0".to_owned(), |address| address.to_string())
        };
        Peer {
            address: text(self.stream.peer_addr()),
            local_address: text(self.stream.local_addr()),
            descriptor: self.stream.as_raw_fd(),
            is_unix: false,
        }
    }

    /// Waits until something has come, the bell rings, or the time is over.
    pub(super) fn wait(&mut self, bell: &Bell, limit: Duration) -> io::Result<Ready> {
        let session = self.session.as_ref();
        let writes = !self.pending.is_empty() || session.is_some_and(|it| it.wants_write());
        // The socket does not tell of what has been decrypted already.
        let has_more = session.is_some_and(|session| session.has_more());
        let limit = if has_more { Duration::ZERO } else { limit };
        let interest = if writes { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut sources = [PollFd::new(&self.stream, interest), PollFd::new(bell, PollFlags::IN)];
        wait(&mut sources, limit)?;
        let on_stream = sources[0].revents();
        let rung = sources[1].revents().contains(PollFlags::IN);
        if on_stream.contains(PollFlags::OUT) {
            self.flush()?;
        }
        Ok(Ready { readable: has_more || on_stream.intersects(!PollFlags::OUT), rung })
    }

    /// Reads what has come; 0 is the end, and `None` that nothing has.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if let Some(session) = &mut self.session {
            return session.read(&mut self.stream, buffer);
        }
        match self.stream.read(buffer) {
            Ok(count) => Ok(Some(count)),
            Err(error) if is_idle(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads what has come, and appends it: about as much as `most`. 0 is the end, and `None` that nothing has.
    pub(super) fn read_onto(
        &mut self,
        input: &mut Vec<u8>,
        most: usize,
    ) -> io::Result<Option<usize>> {
        if self.session.is_some() {
            let before = input.len();
            input.resize(before.saturating_add(most), 0);
            let outcome = self.read(input.get_mut(before..).unwrap_or_default());
            let count = outcome.as_ref().map_or(0, |count| count.unwrap_or(0));
            input.truncate(before.saturating_add(count));
            return outcome;
        }
        // Room that is written to for nothing first would cost more than what is read usually does.
        input.reserve(most);
        match rustix::io::read(&self.stream, rustix::buffer::spare_capacity(input)) {
            Ok(count) => Ok(Some(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends, or keeps what the primary does not take at once.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if PENDING_LIMIT < self.pending.len().saturating_add(bytes.len()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.pending.extend_from_slice(bytes);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(session) = &mut self.session {
            while session.flush(&mut self.stream)? && !self.pending.is_empty() {
                let count = session.write(&mut self.stream, &self.pending)?;
                self.pending.drain(..count);
            }
            return Ok(());
        }
        while !self.pending.is_empty() {
            match self.stream.write(&self.pending) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => drop(self.pending.drain(..count)),
                Err(error) if is_idle(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_idle(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn begin_to(address: SocketAddr, source: &str) -> io::Result<TcpStream> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    if !source.is_empty() {
        let mut sources = (source, 0).to_socket_addrs()?;
        let fitting = sources.find(|source| source.is_ipv4() == address.is_ipv4());
        let fitting = fitting.ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.set_reuse_address(true)?;
        socket.bind(&fitting.into())?;
    }
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(socket.into())
}

/// Waits for sources. An interruption is an end like any other: callers look at the clock and come again.
pub(super) fn wait(sources: &mut [PollFd<'_>], limit: Duration) -> io::Result<()> {
    let limit = Timespec {
        tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    match poll(sources, Some(&limit)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// When a silence began that has a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    since: Instant,
}

impl Silence {
    /// It begins now.
    pub(super) fn begin() -> Silence {
        Silence { since: Instant::now() }
    }

    /// Something was heard.
    pub(super) fn broken(&mut self) {
        self.since = Instant::now();
    }

    /// How long it has lasted.
    pub(super) fn length(self) -> Duration {
        self.since.elapsed()
    }
}
