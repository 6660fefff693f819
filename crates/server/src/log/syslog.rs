//! The system's log, over its datagram socket.
//!
//! A datagram is `<priority>Nov 21 08:02:31 ident[4711]: message`, where the priority is eight times the facility plus
//! the severity (RFC 3164, as the C library sends it to the local daemon). The socket never blocks: a daemon that
//! hangs loses lines, and no worker waits for it.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::path::PathBuf;

use jiff::Zoned;

use super::Level;

/// How the server presents itself to the system's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syslog {
    /// The name that lines start with.
    pub(crate) ident: String,
    pub(crate) facility: Facility,
    /// The daemon's socket.
    pub(crate) socket: PathBuf,
}

impl Syslog {
    /// Where every system's daemon listens.
    pub(crate) const SOCKET: &'static str = "/dev/log";
}

/// The part of the system that lines are filed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Facility {
    User,
    /// 0 to 7.
    Local(u8),
}

impl Facility {
    fn number(self) -> u8 {
        match self {
            Facility::User => 1,
            Facility::Local(number) => 16 + (number & 7),
        }
    }
}

/// A connection that is made when it is needed, and again when the daemon was restarted.
pub(super) struct Connection {
    syslog: Syslog,
    socket: Option<UnixDatagram>,
}

impl Connection {
    pub(super) fn new(syslog: Syslog) -> Connection {
        Connection { syslog, socket: None }
    }

    /// Sends a line, or drops it: there is nobody to tell.
    pub(super) fn send(&mut self, level: Level, message: &str) {
        let datagram = format!(
            "<{}>{} {}[{}]: {message}",
            self.syslog.facility.number() * 8 + severity(level),
            Zoned::now().strftime("%b %e %H:%M:%S"),
            self.syslog.ident,
            std::process::id(),
        );
        if self.try_send(datagram.as_bytes()).is_err() {
            self.socket = None;
            let _dropped = self.try_send(datagram.as_bytes());
        }
    }

    fn try_send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(connect(&self.syslog.socket)?),
        };
        match socket.send(datagram) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            sent => sent.map(|_| ()),
        }
    }
}

fn connect(path: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(path)?;
    Ok(socket)
}

fn severity(level: Level) -> u8 {
    match level {
        Level::Debug => 7,
        Level::Verbose => 6,
        Level::Notice => 5,
        Level::Warning | Level::Nothing => 4,
    }
}
