//! Accepting connections, refusing some, and sharing the others out among the workers.
//!
//! One worker accepts for all: each connection goes to the next worker in turn, so that they have equally many. (Listeners
//! of their own would leave it to a hash of addresses, and a few busy clients often to one worker.)

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use engine::clients::Peer;
use engine::session::Session;
use rustix::io::Errno;
use rustix::net::{SendFlags, SocketAddrAny, SocketAddrUnix, SocketFlags};
use rustls::ServerConfig;

use super::connection::Connection;
use super::mailbox::{Mail, Newcomer};
use super::poller::Interest;
use super::{LISTENERS, ListenerKind, Token, Worker};
use crate::process::reason::reason;
use crate::tls::Channel;
use crate::{listen, log};

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";

const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

/// What a worker knows between two rounds of accepting.
#[derive(Default)]
pub(super) struct Door {
    /// The worker that gets the next connection.
    next_worker: usize,
    /// Nothing is accepted until the next tick: the system has no more descriptors, or memory.
    is_shut: bool,
    /// When that was logged last, in microseconds of the monotonic clock.
    logged_us: Option<u64>,
}

/// How often it is logged that nothing can be accepted.
const LOG_INTERVAL_US: u64 = 1_000_000;

impl Worker<'_> {
    /// Takes connections that wait at a listener, and shares them out.
    pub(super) fn accept(&mut self, listener: u64) {
        let Ok(index) = usize::try_from(listener) else { return };
        let Some(listener) = self.listeners.get(index) else { return };
        let count = match listener.kind {
            // A handshake takes more time than all the rest.
            ListenerKind::Tls(_) => self.share.config.tls.accepts_per_round,
            ListenerKind::Tcp | ListenerKind::Unix => self.share.config.network.accepts_per_round,
        };
        for _ in 0..count.max(1) {
            let Some(listener) = self.listeners.get(index) else { return };
            let accepted = rustix::net::accept_with(
                &listener.socket,
                SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
            );
            match accepted {
                Ok(socket) => {
                    let kind = listener.kind.clone();
                    self.admit(socket, &kind);
                }
                // Invalid: it has been closed, and the mail that says so is on its way.
                Err(Errno::AGAIN | Errno::INVAL) => return,
                Err(error) if is_about_one(error) => {}
                Err(error) => return self.shut(error),
            }
        }
    }

    /// Stops accepting for a while: connections that wait would make every round find them again, and none can be taken.
    #[cold]
    fn shut(&mut self, error: Errno) {
        self.door.is_shut = true;
        self.watch_listeners(Interest::NOTHING);
        let now_us = self.clock.read().monotonic_us;
        if self.door.logged_us.is_none_or(|logged_us| logged_us + LOG_INTERVAL_US <= now_us) {
            self.door.logged_us = Some(now_us);
            let error = io::Error::from(error);
            log::warning(format_args!("Accepting client connection: accept: {}", reason(&error)));
        }
    }

    /// Accepts again, at a tick.
    pub(super) fn open_door(&mut self) {
        if std::mem::take(&mut self.door.is_shut) {
            self.watch_listeners(Interest::READ);
        }
    }

    fn watch_listeners(&self, interest: Interest) {
        for (listener, token) in self.listeners.iter().zip(LISTENERS..) {
            if let Err(error) = self.poller.change(&listener.socket, Token(token), interest) {
                log::warning(format_args!("Error watching a listening socket: {error}"));
            }
        }
    }

    fn admit(&mut self, socket: OwnedFd, kind: &ListenerKind) {
        // Only this worker admits clients, so there are no more than it counts here.
        let limit = usize::try_from(self.share.config.limits.clients).unwrap_or(usize::MAX);
        if limit <= self.engine.clients.len() {
            return self.refuse(&socket, kind, TOO_MANY);
        }
        let is_unix = matches!(kind, ListenerKind::Unix);
        let (peer, remote) = peer_of(&socket, is_unix);
        let is_local = remote.is_none_or(is_loopback);
        let protected = self.share.config.network.protected_mode && !self.engine.asks_password();
        let farewell = (protected && !is_local).then_some(PROTECTED);
        if let (Some(line), ListenerKind::Tcp | ListenerKind::Unix) = (farewell, kind) {
            return self.refuse(&socket, kind, line);
        }
        let terms = match kind {
            ListenerKind::Tls(terms) => match terms.server() {
                Some(terms) => Some(terms),
                None => return self.refuse(&socket, kind, b""),
            },
            ListenerKind::Tcp | ListenerKind::Unix => None,
        };
        let set_up = if is_unix {
            listen::set_up_unix(&socket)
        } else {
            listen::set_up_tcp(&socket, self.share.config.network.tcp_keepalive_s)
        };
        if let Err(error) = set_up {
            // It can be served without: that it does not block it has from `accept`.
            log::verbose(format_args!("Error setting up a client's socket: {error}"));
        }
        log::verbose(format_args!("Accepted {}", peer.address));
        self.share_out(socket, peer, terms, farewell);
    }

    fn refuse(&self, socket: &OwnedFd, kind: &ListenerKind, line: &[u8]) {
        // Before a handshake the line would not be understood, and a handshake is more than is done for it.
        if !matches!(kind, ListenerKind::Tls(_)) {
            // A client that does not take the line is closed without it.
            let _best_effort = rustix::net::send(socket, line, SendFlags::NOSIGNAL);
        }
        self.engine.statistics[self.share.index]
            .update(|numbers| numbers.rejected_connections += 1);
    }

    fn share_out(
        &mut self,
        socket: OwnedFd,
        peer: Peer,
        terms: Option<Arc<ServerConfig>>,
        farewell: Option<&'static [u8]>,
    ) {
        self.engine.statistics[self.share.index]
            .update(|numbers| numbers.connections_received += 1);
        let worker = self.door.next_worker;
        self.door.next_worker = (worker + 1) % self.mailboxes.len();
        // It counts from here on, though its worker may be a while.
        let record = self.engine.clients.add(peer, worker, self.share.now_ms());
        let newcomer = Newcomer { socket, record, terms, farewell };
        if worker == self.share.index {
            self.adopt(newcomer);
        } else {
            self.mailboxes[worker].send(Mail::Adopt(newcomer));
        }
    }

    /// Makes a connection this worker's.
    pub(super) fn adopt(&mut self, newcomer: Newcomer) {
        let Newcomer { socket, record, terms, farewell } = newcomer;
        if record.killed.load(Relaxed) {
            // On its way here.
            return;
        }
        let authenticated = self.engine.trusts_newcomers();
        let mut connection = Connection::new(socket, Session::new(record, authenticated));
        if let Some(terms) = terms {
            match Channel::new(terms, farewell) {
                Ok(channel) => connection.channel = Some(Box::new(channel)),
                Err(error) => {
                    log::warning(format_args!("Error accepting a client connection: {error}"));
                    self.engine.clients.remove(connection.session.id());
                    return;
                }
            }
        }
        let token = self.places.reserve();
        if let Err(error) = self.poller.add(&connection.socket, token, connection.interest) {
            log::warning(format_args!("Error registering a client's socket: {error}"));
            self.places.release(token);
            self.engine.clients.remove(connection.session.id());
            return;
        }
        connection.session.record.memory.store(connection.memory(), Relaxed);
        self.places.fill(token, Box::new(connection));
    }
}

/// Whether an error of `accept` is about the connection that was to be accepted: its client, or the network between, has gone
/// already, and the next one may be there. Any other error would be the same at the next attempt.
fn is_about_one(error: Errno) -> bool {
    matches!(
        error,
        Errno::CONNABORTED
            | Errno::INTR
            | Errno::PERM
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::NONET
            | Errno::OPNOTSUPP
    )
}

/// What is known of the other side, and where it is if it came over TCP.
fn peer_of(socket: &OwnedFd, is_unix: bool) -> (Peer, Option<SocketAddr>) {
    let local = rustix::net::getsockname(socket).ok();
    let remote = rustix::net::getpeername(socket).ok().flatten();
    let descriptor = socket.as_raw_fd();
    if is_unix {
        let path = local.and_then(|address| SocketAddrUnix::try_from(address).ok());
        let path = path
            .as_ref()
            .and_then(SocketAddrUnix::path)
            .map(|path| path.to_string_lossy().into_owned());
        let address = format!("{}:0", path.unwrap_or_default());
        return (
            Peer { address: address.clone(), local_address: address, descriptor, is_unix },
            None,
        );
    }
    let address =
        |address: Option<SocketAddrAny>| address.and_then(|it| SocketAddr::try_from(it).ok());
    let (local, remote) = (address(local), address(remote));
    let text = |address: Option<SocketAddr>| address.map_or_else(String::new, |it| it.to_string());
    (Peer { address: text(remote), local_address: text(local), descriptor, is_unix }, remote)
}

fn is_loopback(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
        }
    }
}
