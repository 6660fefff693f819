//! One connection: what it has yet to send, and the replies that it waits for.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use resp::Value;
use rustls::ClientConnection;

use crate::Failure;
use crate::encryption;
use crate::options::Options;
use crate::scan::{Scan, scan};

/// How long a server may take to accept and to answer AUTH.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to the server.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: OwnedFd,
    /// What encrypts it, and keeps what the socket's buffer had no room for.
    session: Option<Box<ClientConnection>>,
    /// What the socket's buffer had no room for.
    unsent: Vec<u8>,
    /// The beginning of a reply whose rest has not arrived.
    partial: Vec<u8>,
    /// Replies that the batch under way still lacks; 0 when none is.
    pub(crate) missing: usize,
    /// Requests of the batch under way.
    pub(crate) batch: usize,
    /// When the batch under way was sent or, if paced, due.
    pub(crate) due: Instant,
}

/// Errors among the replies of one read.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    pub(crate) count: u64,
    pub(crate) first: Option<String>,
}

impl Connection {
    pub(crate) fn open(options: &Options) -> Result<Connection, Failure> {
        let (socket, session) = connect(options, None)?;
        Ok(Connection {
            socket,
            session: session.map(Box::new),
            unsent: Vec::new(),
            partial: Vec::new(),
            missing: 0,
            batch: 0,
            due: Instant::now(),
        })
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a batch of `count` requests; says whether some of it must wait until the socket has room.
    pub(crate) fn begin(&mut self, bytes: &[u8], count: usize, due: Instant) -> io::Result<bool> {
        debug_assert!(self.missing == 0 && self.unsent.is_empty(), "one batch at a time");
        self.missing = count;
        self.batch = count;
        self.due = due;
        if let Some(session) = &mut self.session {
            return encryption::send(session, self.socket.as_fd(), bytes);
        }
        let sent = write_some(self.socket.as_fd(), bytes)?;
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(!self.unsent.is_empty())
    }

    /// Sends more of what had to wait; says whether there is still some.
    pub(crate) fn go_on(&mut self) -> io::Result<bool> {
        if let Some(session) = &mut self.session {
            return encryption::send(session, self.socket.as_fd(), &[]);
        }
        let sent = write_some(self.socket.as_fd(), &self.unsent)?;
        self.unsent.drain(..sent);
        Ok(!self.unsent.is_empty())
    }

    /// Reads once into `buffer` and counts the replies off `missing`.
    pub(crate) fn receive(
        &mut self,
        buffer: &mut [u8],
        errors: &mut Errors,
    ) -> Result<(), Failure> {
        let (partial, missing) = (&mut self.partial, &mut self.missing);
        if let Some(session) = &mut self.session {
            let take = |bytes: &[u8]| take(bytes, partial, missing, errors);
            return encryption::receive(session, self.socket.as_fd(), buffer, take);
        }
        match rustix::io::read(&self.socket, &mut *buffer) {
            Ok(0) => Err(Failure::Closed),
            Ok(count) => take(&buffer[..count], partial, missing, errors),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Failure::Connection(error.into())),
        }
    }
}

/// Counts the replies in what has arrived, behind the beginning of one that came before, off `missing`, and keeps the beginning of another.
fn take(
    bytes: &[u8],
    partial: &mut Vec<u8>,
    missing: &mut usize,
    errors: &mut Errors,
) -> Result<(), Failure> {
    if partial.is_empty() {
        let used = count_off(bytes, missing, errors)?;
        partial.extend_from_slice(&bytes[used..]);
    } else {
        partial.extend_from_slice(bytes);
        let used = count_off(partial, missing, errors)?;
        partial.drain(..used);
    }
    Ok(())
}

/// Counts the replies in `bytes` off `missing` and returns how many bytes they are.
fn count_off(bytes: &[u8], missing: &mut usize, errors: &mut Errors) -> Result<usize, Failure> {
    let mut used = 0;
    while used < bytes.len() {
        let rest = &bytes[used..];
        let length = match scan(rest) {
            Scan::Reply(length) => length,
            Scan::Error(length) => {
                errors.count += 1;
                errors.first.get_or_insert_with(|| shown(&rest[..length]));
                length
            }
            Scan::Partial => break,
            Scan::Garbage => return Err(Failure::Reply(shown(rest))),
        };
        *missing = missing.checked_sub(1).ok_or_else(|| Failure::Reply(shown(rest)))?;
        used += length;
    }
    Ok(used)
}

fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 200;
    String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]).trim_end().to_owned()
}

fn write_some(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    match rustix::io::write(socket, bytes) {
        Ok(count) => Ok(count),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Connects, and asks something first if that is wanted, whose reply is waited for.
pub(crate) fn connect(
    options: &Options,
    first: Option<&[u8]>,
) -> Result<(OwnedFd, Option<ClientConnection>), Failure> {
    let failed = |address: String| move |source| Failure::Connect { address, source };
    if let Some(path) = &options.socket {
        let mut stream = UnixStream::connect(path).map_err(failed(path.clone()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        introduce(&mut stream, options, first)?;
        stream.set_nonblocking(true)?;
        return Ok((stream.into(), None));
    }
    let address = format!("{}:{}", options.host, options.port);
    let mut stream =
        TcpStream::connect((options.host.as_str(), options.port)).map_err(failed(address))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let session = match &options.encryption {
        None => {
            introduce(&mut stream, options, first)?;
            None
        }
        Some(terms) => {
            let mut session = encryption::begin(terms, &options.host)?;
            encryption::shake_hands(&mut session, &mut stream)?;
            introduce(&mut rustls::Stream::new(&mut session, &mut stream), options, first)?;
            Some(session)
        }
    };
    stream.set_nonblocking(true)?;
    Ok((stream.into(), session))
}

/// Gives the password, if there is one, and asks what is to be asked first, while the connection still blocks.
fn introduce(
    stream: &mut (impl Read + Write),
    options: &Options,
    first: Option<&[u8]>,
) -> Result<(), Failure> {
    if let Some(password) = &options.password {
        let request = format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{password}\r\n", password.len());
        ask(stream, request.as_bytes())?;
    }
    first.map_or(Ok(()), |request| ask(stream, request))
}

/// Sends a request and waits for its reply.
fn ask(stream: &mut (impl Read + Write), request: &[u8]) -> Result<(), Failure> {
    stream.write_all(request)?;
    let mut reply = Vec::new();
    let mut buffer = [0; 512];
    loop {
        match Value::decode(&reply) {
            Ok(Some((Value::Error(error), _))) => {
                return Err(Failure::Refused(String::from_utf8_lossy(&error).into_owned()));
            }
            Ok(Some(_)) => return Ok(()),
            Ok(None) => {}
            Err(_) => return Err(Failure::Reply(shown(&reply))),
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Err(Failure::Closed),
            Ok(count) => reply.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
