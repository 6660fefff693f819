//! A client that blocks, with a deadline on everything, and with access to the bare bytes.
//!
//! [`Client::call`] is one command and its reply; [`Client::send`] and [`Client::reply`] take it apart for
//! pipelines; [`Client::write`] and [`Client::read_reply_bytes`] are the bytes as they are, for tests of the protocol.
//! Pushes (protocol 3) that arrive where a reply is awaited are set aside in the order of their
//! arrival: see [`Client::push`].

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use resp::Value;
use resp::value::encode_request;

use crate::DEADLINE;

/// The version of the protocol that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// What every connection starts with.
    Resp2,
    /// What HELLO 3 asks for.
    Resp3,
}

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    /// What has arrived; before `start` it is used up.
    input: Vec<u8>,
    start: usize,
    pushes: VecDeque<Value>,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Other(Box<dyn Transport>),
}

/// What carries bytes both ways in a form of its own, such as an encrypted connection. Its deadlines are its own matter.
pub trait Transport: Read + Write + Send {}

impl<T: Read + Write + Send> Transport for T {}

impl std::fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stream::Tcp(stream) => stream.fmt(formatter),
            Stream::Unix(stream) => stream.fmt(formatter),
            Stream::Other(_) => formatter.write_str("another stream"),
        }
    }
}

impl Client {
    /// Connects over TCP.
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        Client::connect_within(address, DEADLINE)
    }

    /// Connects over TCP; `limit` then holds for every read and write too.
    pub fn connect_within(address: SocketAddr, limit: Duration) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_nodelay(true)?;
        Client::over(Stream::Tcp(stream), limit)
    }

    /// Connects over a Unix socket.
    pub fn connect_unix(path: &Path) -> io::Result<Client> {
        Client::over(Stream::Unix(UnixStream::connect(path)?), DEADLINE)
    }

    /// Talks over a connection that is there already.
    pub fn through(transport: impl Transport + 'static) -> Client {
        let stream = Stream::Other(Box::new(transport));
        Client { stream, input: Vec::new(), start: 0, pushes: VecDeque::new() }
    }

    fn over(stream: Stream, limit: Duration) -> io::Result<Client> {
        let client = Client { stream, input: Vec::new(), start: 0, pushes: VecDeque::new() };
        client.set_limit(limit)?;
        Ok(client)
    }

    /// Sets how long a single read or write may take from now on.
    pub fn set_limit(&self, limit: Duration) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))
            }
            Stream::Unix(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(limit))
            }
            Stream::Other(_) => Ok(()),
        }
    }

    /// The local address of a TCP connection, which CLIENT LIST shows as `addr`.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match &self.stream {
            Stream::Tcp(stream) => stream.local_addr(),
            Stream::Unix(_) | Stream::Other(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Calls the command that stands between the spaces of `line`, and returns its reply.
    ///
    /// # Panics
    /// When the connection fails.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> Value {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.call(&words)
    }

    /// Calls a command and returns its reply.
    ///
    /// # Panics
    /// When the connection fails.
    #[track_caller]
    pub fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Value {
        match self.try_call(words) {
            Ok(value) => value,
            Err(error) => {
                let words: Vec<_> =
                    words.iter().map(|word| String::from_utf8_lossy(word.as_ref())).collect();
                panic!("no reply to {words:?}: {error}")
            }
        }
    }

    /// Calls a command and returns its reply, or how the connection failed.
    pub fn try_call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<Value> {
        self.send(words)?;
        self.reply()
    }

    /// Switches to `protocol`.
    ///
    /// # Panics
    /// When the server declines.
    #[track_caller]
    pub fn hello(&mut self, protocol: Protocol) {
        let version = match protocol {
            Protocol::Resp2 => "2",
            Protocol::Resp3 => "3",
        };
        let reply = self.call(&["HELLO", version]);
        assert!(!reply.is_error(), "HELLO {version}: {reply:?}");
    }

    /// Sends a command without waiting for its reply.
    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<()> {
        let mut request = Vec::new();
        Client::encode(words, &mut request);
        self.write(&request)
    }

    /// Appends a command as it is sent to `request`.
    pub fn encode<W: AsRef<[u8]>>(words: &[W], request: &mut Vec<u8>) {
        encode_request(words, request);
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
            Stream::Other(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Sends what it can of `bytes` without waiting longer than the limit, and says how much that was.
    pub fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
            Stream::Other(stream) => stream.write(bytes),
        }
    }

    /// Tells the server that nothing more will be sent.
    pub fn finish_writing(&mut self) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
            Stream::Other(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// The next reply.
    pub fn reply(&mut self) -> io::Result<Value> {
        loop {
            let value = self.next_value()?;
            if !matches!(value, Value::Push(_)) {
                return Ok(value);
            }
            self.pushes.push_back(value);
        }
    }

    /// The next `count` replies.
    pub fn replies(&mut self, count: usize) -> io::Result<Vec<Value>> {
        (0..count).map(|_| self.reply()).collect()
    }

    /// The oldest push that was not yet returned; waits for one if there is none.
    pub fn push(&mut self) -> io::Result<Value> {
        if let Some(push) = self.pushes.pop_front() {
            return Ok(push);
        }
        let value = self.next_value()?;
        if matches!(value, Value::Push(_)) {
            return Ok(value);
        }
        Err(unexpected(format!("a push was awaited, not {value:?}")))
    }

    /// The bytes of the next reply or push.
    pub fn read_reply_bytes(&mut self) -> io::Result<Vec<u8>> {
        let (_, length) = self.decode()?;
        Ok(self.take(length))
    }

    /// The next line, with its line ending.
    pub fn read_line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let pending = &self.input[self.start..];
            if let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
                return Ok(self.take(end + 1));
            }
            self.read_more()?;
        }
    }

    /// The next `count` bytes.
    pub fn read_exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.input.len() - self.start < count {
            self.read_more()?;
        }
        Ok(self.take(count))
    }

    /// All bytes until the server closes the connection, be it in order or by a reset.
    pub fn read_until_closed(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.read_more() {
                Ok(()) => {}
                Err(error) if is_closed(&error) => {
                    return Ok(self.take(self.input.len() - self.start));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the server has closed the connection; whatever else arrives is thrown away.
    pub fn closes(&mut self) -> bool {
        self.read_until_closed().is_ok()
    }

    fn next_value(&mut self) -> io::Result<Value> {
        let (value, length) = self.decode()?;
        self.consume(length);
        Ok(value)
    }

    /// The value at the front of the input, and its length.
    fn decode(&mut self) -> io::Result<(Value, usize)> {
        // A long reply is decoded again only once it has doubled, lest the cost grow as its square.
        let mut wanted = 1;
        loop {
            let pending = &self.input[self.start..];
            if wanted <= pending.len() {
                match Value::decode(pending) {
                    Ok(Some((value, length))) => return Ok((value, length)),
                    Ok(None) => wanted = pending.len() + pending.len() / 8 + 1,
                    Err(error) => {
                        let shown = String::from_utf8_lossy(&pending[..pending.len().min(200)]);
                        return Err(unexpected(format!("{error} in {shown:?}")));
                    }
                }
            }
            // What was decoded may be complete with less than `wanted`: so take what is there.
            self.read_more()?;
            if self.at_value_end() {
                wanted = 1;
            }
        }
    }

    /// A guess whether a value ends where the input does now.
    fn at_value_end(&self) -> bool {
        self.input.ends_with(b"\r\n")
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let bytes = self.input[self.start..self.start + length].to_vec();
        self.consume(length);
        bytes
    }

    fn consume(&mut self, length: usize) {
        self.start += length;
        if self.start == self.input.len() {
            self.input.clear();
            self.start = 0;
        }
    }

    fn read_more(&mut self) -> io::Result<()> {
        if 0 < self.start && self.input.len() < 2 * self.start {
            self.input.drain(..self.start);
            self.start = 0;
        }
        let filled = self.input.len();
        self.input.resize(filled + READ_BYTES, 0);
        let outcome = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(&mut self.input[filled..]),
            Stream::Unix(stream) => stream.read(&mut self.input[filled..]),
            Stream::Other(stream) => stream.read(&mut self.input[filled..]),
        };
        self.input.truncate(filled + outcome.as_ref().unwrap_or(&0));
        if outcome? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Bytes asked of the system at once.
const READ_BYTES: usize = 64 * 1024;

/// Whether `error` says that the other side has closed the connection.
fn is_closed(error: &io::Error) -> bool {
    let kind = error.kind();
    kind == ErrorKind::UnexpectedEof
        || kind == ErrorKind::ConnectionReset
        || kind == ErrorKind::BrokenPipe
}

fn unexpected(message: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}
