//! Accepting connections, refusing some, and sharing the others out among the workers.
//!
//! One worker accepts for all: each connection goes to the next worker in turn, so that they have equally many. (Listeners
//! of their own would leave it to a hash of addresses, and a few busy clients often to one worker.)

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::Engine;
use engine::clients::{ClientRecord, Peer};
use engine::session::Session;
use rustix::net::{SendFlags, SocketAddrAny, SocketAddrUnix, SocketFlags};

use super::connection::Connection;
use super::mailbox::Mail;
use super::poller::Interest;
use super::{Slot, Worker, token};
use crate::{listen, log};

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";

const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n";

impl Worker<'_> {
    /// Takes connections that wait at a listener, and shares them out.
    pub(super) fn accept(&mut self, listener: u64) {
        let Ok(listener) = usize::try_from(listener) else { return };
        for _ in 0..self.worker.config.network.accepts_per_round.max(1) {
            let Some(listener) = self.listeners.get(listener) else { return };
            let accepted = rustix::net::accept_with(
                &listener.socket,
                SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
            );
            match accepted {
                Ok(socket) => {
                    let is_unix = listener.is_unix;
                    self.admit(socket, is_unix);
                }
                Err(rustix::io::Errno::AGAIN) => return,
                // It has been closed; the mail that says so is on its way.
                Err(rustix::io::Errno::INVAL) => return,
                // The client has gone already; the next one may be there.
                Err(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                Err(error) => {
                    log::warning(format_args!("Accepting client connection: {error}"));
                    return;
                }
            }
        }
    }

    fn admit(&mut self, socket: OwnedFd, is_unix: bool) {
        let (peer, remote) = peer_of(&socket, is_unix);
        let set_up = if is_unix {
            listen::set_up_unix(&socket)
        } else {
            listen::set_up_tcp(&socket, self.worker.config.network.tcp_keepalive_s)
        };
        if let Err(error) = set_up {
            log::verbose(format_args!("Error setting up a client's socket: {error}"));
            return;
        }
        let limit = usize::try_from(self.worker.config.limits.clients).unwrap_or(usize::MAX);
        let is_local = remote.is_none_or(is_loopback);
        let protected = self.worker.config.network.protected_mode
            && !Engine::asks_password(&self.worker.config);
        if limit <= self.engine.clients.len() {
            self.refuse(&socket, TOO_MANY);
        } else if protected && !is_local {
            self.refuse(&socket, PROTECTED);
        } else {
            self.share_out(socket, peer);
        }
    }

    fn refuse(&mut self, socket: &OwnedFd, line: &[u8]) {
        // A client that does not take the line is closed without it.
        let _best_effort = rustix::net::send(socket, line, SendFlags::NOSIGNAL);
        self.engine.statistics[self.worker.index]
            .update(|numbers| numbers.rejected_connections += 1);
    }

    fn share_out(&mut self, socket: OwnedFd, peer: Peer) {
        let worker = self.next_worker;
        self.next_worker = (self.next_worker + 1) % self.mailboxes.len();
        // Others see it from here on, and it counts against the limit.
        let record = self.engine.clients.add(peer, worker, self.worker.now_ms());
        if worker == self.worker.index {
            self.adopt(socket, record);
        } else {
            self.mailboxes[worker].send(Mail::Adopt(socket, record));
        }
    }

    /// Makes a connection this worker's.
    pub(super) fn adopt(&mut self, socket: OwnedFd, record: Arc<ClientRecord>) {
        if record.killed.load(Ordering::Relaxed) {
            return;
        }
        let authenticated = self.engine.trusts_newcomers();
        let connection = Connection::new(socket, Session::new(record, authenticated));
        let id = connection.session.id();
        let place = self.free.pop().unwrap_or_else(|| {
            self.connections.push(Slot { generation: 0, connection: None });
            self.connections.len() - 1
        });
        let slot = &mut self.connections[place];
        // The top bit stays clear, so that no connection has the token of a listener or of the mailbox.
        slot.generation = slot.generation.wrapping_add(1) & 0x7fff_ffff;
        let token = token(slot.generation, place);
        if let Err(error) = self.poller.add(&connection.socket, token, Interest::Read) {
            log::warning(format_args!("Error registering a client's socket: {error}"));
            self.free.push(place);
            self.engine.clients.remove(id);
            return;
        }
        connection.session.record.memory.store(connection.memory(), Ordering::Relaxed);
        slot.connection = Some(Box::new(connection));
        self.places.insert(id, place);
        self.engine.statistics[self.worker.index]
            .update(|numbers| numbers.connections_received += 1);
    }
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
