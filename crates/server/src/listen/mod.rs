//! Listening sockets, and what is set on the connections accepted from them.
//!
//! With several workers each has a listener of its own on every address (`SO_REUSEPORT`), and the kernel spreads the
//! connections. That option alone would let a second server by the same user start on a port that is taken, and steal
//! half of its clients. So the first listener of an address is bound without it, which fails if anybody listens there,
//! and joins the group that the others form only afterwards.
//!
//! The texts of the errors are the ones that Redis logs.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::ToSocketAddrs as _;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use socket2::Domain;
use socket2::SockAddr;
use socket2::SockRef;
use socket2::Socket;
use socket2::TcpKeepalive;
use socket2::Type;

use crate::log;
use crate::process::reason::reason;

/// What to listen on with TCP.
#[derive(Clone, Debug)]
pub(crate) struct TcpSettings {
    /// What is to come in, for errors: `tcp` or `tls`.
    pub(crate) kind: &'static str,
    /// The words of `bind`: addresses, host names, `*` or `::*` for all. One with a minus in front may be one that this
    /// machine does not have.
    pub(crate) addresses: Vec<String>,
    /// 0 lets the kernel choose one, the same for all addresses.
    pub(crate) port: u16,
    /// How many connections may wait to be accepted.
    pub(crate) backlog: u32,
    /// How many listeners each address has: one for each worker.
    pub(crate) listeners: usize,
    /// The mark for the packets of the sockets; 0: none.
    pub(crate) mark: u32,
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// One address failed, as was logged.
    #[error("Failed listening on port {port} ({kind}), aborting.")]
    Tcp {
        /// The port asked for.
        port: u16,
        /// What was to come in there.
        kind: &'static str,
    },
    /// No address was there to listen on, each as was logged.
    #[error("Configured to not listen anywhere, exiting.")]
    Nowhere,
    /// Connections cannot be encrypted as is configured; why, is logged.
    #[error("Failed to configure TLS. Check logs for more info.")]
    Terms,
    /// The Unix socket failed.
    #[error("Failed opening Unix socket: {step}: {}", reason(.error))]
    Unix {
        /// The call that failed.
        step: &'static str,
        /// Why.
        #[source]
        error: io::Error,
    },
}

/// Listens on every address. The result has as many groups as `listeners` says, one for each worker, and in each of them
/// a listener for every address.
///
/// An address that fails is logged. If it is one whose protocol this machine lacks, or an optional one that it does not
/// have, the others are enough.
pub(crate) fn listen_tcp(settings: &TcpSettings) -> Result<Vec<Vec<TcpListener>>, ListenError> {
    let mut groups: Vec<Vec<TcpListener>> = (0..settings.listeners).map(|_| Vec::new()).collect();
    let mut port = settings.port;
    for word in &settings.addresses {
        let (address, optional) =
            word.strip_prefix('-').map_or((&**word, false), |rest| (rest, true));
        match listen_on(address, port, settings) {
            Ok(listeners) => {
                if let Some(bound) =
                    listeners.first().and_then(|listener| listener.local_addr().ok())
                {
                    port = bound.port();
                }
                groups.iter_mut().zip(listeners).for_each(|(group, listener)| group.push(listener));
            }
            Err(failure) => {
                log::warning(format_args!(
                    "Warning: Could not create server TCP listening socket {address}:{port}: {}",
                    failure.text
                ));
                if !failure.is_absence(optional) {
                    return Err(ListenError::Tcp { port, kind: settings.kind });
                }
            }
        }
    }
    if groups.iter().any(Vec::is_empty) { Err(ListenError::Nowhere) } else { Ok(groups) }
}

/// Listens on a Unix socket, in place of whatever file was at `path`. `permissions` are its mode; without any, the
/// process's mask decides.
pub(crate) fn listen_unix(
    path: &Path,
    permissions: Option<u32>,
    backlog: u32,
) -> Result<UnixListener, ListenError> {
    let failed = |step| move |error| ListenError::Unix { step, error };
    // A socket that a server left when it was killed would be in the way of ours.
    let _absent = fs::remove_file(path);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed("socket"))?;
    let address = SockAddr::unix(path).map_err(failed("bind"))?;
    socket.bind(&address).map_err(failed("bind"))?;
    if let Some(mode) = permissions {
        // Before the socket listens, so that nobody connects whom the mode keeps out.
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("chmod"))?;
    }
    socket.listen(queue_length(backlog)).map_err(failed("listen"))?;
    socket.set_nonblocking(true).map_err(failed("fcntl"))?;
    Ok(UnixListener::from(socket))
}

/// Sets an accepted TCP connection up: it does not block, small replies go out at once, and a peer that silently went
/// away is noticed after about twice `keepalive_s` seconds, or never if that is 0.
pub(crate) fn set_up_tcp(connection: &impl AsFd, keepalive_s: u32) -> io::Result<()> {
    let socket = SockRef::from(connection);
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if keepalive_s == 0 {
        return Ok(());
    }
    // Asked three times, a third of the time apart, once nothing was heard for the whole time.
    let between_s = (keepalive_s / 3).max(1);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(keepalive_s.into()))
        .with_interval(Duration::from_secs(between_s.into()))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)
}

/// Sets an accepted connection of a Unix socket up: it does not block.
pub(crate) fn set_up_unix(connection: &impl AsFd) -> io::Result<()> {
    SockRef::from(connection).set_nonblocking(true)
}

/// Warns if the kernel holds fewer waiting connections than `backlog` asks for.
pub(crate) fn warn_of_backlog(backlog: u32) {
    if let Some(limit) = kernel_limit(Path::new(KERNEL_LIMIT_PATH), backlog) {
        log::warning(format_args!(
            "WARNING: The TCP backlog setting of {backlog} cannot be enforced because {KERNEL_LIMIT_PATH} is set to the \
             lower value of {limit}."
        ));
    }
}

const KERNEL_LIMIT_PATH: &str = "/proc/sys/net/core/somaxconn";

/// The kernel's limit, if it is known and lower than `backlog`.
fn kernel_limit(path: &Path, backlog: u32) -> Option<u32> {
    let limit: u32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    (0 < limit && limit < backlog).then_some(limit)
}

/// Why an address failed: the step and the reason, as Redis words them.
#[derive(Debug)]
struct Failure {
    text: String,
    errno: Option<Errno>,
}

impl Failure {
    fn at(step: &str, error: &io::Error) -> Failure {
        Failure { text: format!("{step}: {}", reason(error)), errno: Errno::from_io_error(error) }
    }

    /// Whether the machine just does not have such an address, so that the others are enough.
    fn is_absence(&self, optional: bool) -> bool {
        match self.errno {
            Some(Errno::ADDRNOTAVAIL) => optional,
            Some(
                Errno::AFNOSUPPORT
                | Errno::PFNOSUPPORT
                | Errno::PROTONOSUPPORT
                | Errno::SOCKTNOSUPPORT
                | Errno::NOPROTOOPT,
            ) => true,
            _ => false,
        }
    }
}

fn listen_on(
    address: &str,
    port: u16,
    settings: &TcpSettings,
) -> Result<Vec<TcpListener>, Failure> {
    let mut last = None;
    for address in resolve(address, port)? {
        match listeners(address, settings) {
            Ok(listeners) => return Ok(listeners),
            Err(failure) => last = Some(failure),
        }
    }
    Err(last.unwrap_or_else(|| Failure { text: "Name or service not known".into(), errno: None }))
}

/// The addresses that a word of `bind` stands for. As in Redis, a colon makes it IPv6; a name is looked up in IPv4.
fn resolve(word: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    match word {
        "*" => return Ok(vec![(Ipv4Addr::UNSPECIFIED, port).into()]),
        "::*" => return Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into()]),
        _ => {}
    }
    let addresses = (word, port).to_socket_addrs().map_err(|error| Failure {
        // The standard library puts its own words in front of the resolver's.
        text: error.to_string().rsplit(": ").next().unwrap_or_default().to_owned(),
        errno: None,
    })?;
    Ok(addresses.filter(|address| address.is_ipv6() == word.contains(':')).collect())
}

fn listeners(mut address: SocketAddr, settings: &TcpSettings) -> Result<Vec<TcpListener>, Failure> {
    let mut listeners = Vec::with_capacity(settings.listeners);
    for number in 0..settings.listeners {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)
            .map_err(|error| Failure::at("socket", &error))?;
        if settings.mark != 0
            && let Err(error) = socket.set_mark(settings.mark)
        {
            // It takes a privilege, and clients are served without, too.
            log::warning(format_args!("setsockopt: {}", reason(&error)));
        }
        if address.is_ipv6() {
            // IPv4 has listeners of its own.
            socket.set_only_v6(true).map_err(|error| Failure::at("setsockopt", &error))?;
        }
        // Connections of a server that just ended must not keep the next one from starting.
        socket
            .set_reuse_address(true)
            .map_err(|error| Failure::at("setsockopt SO_REUSEADDR", &error))?;
        let share = || {
            let shared = 1 < settings.listeners;
            socket
                .set_reuse_port(shared)
                .map_err(|error| Failure::at("setsockopt SO_REUSEPORT", &error))
        };
        if 0 < number {
            share()?;
        }
        socket.bind(&address.into()).map_err(|error| Failure::at("bind", &error))?;
        if number == 0 {
            share()?;
        }
        socket
            .listen(queue_length(settings.backlog))
            .map_err(|error| Failure::at("listen", &error))?;
        socket.set_nonblocking(true).map_err(|error| Failure::at("fcntl", &error))?;
        let listener = TcpListener::from(socket);
        // If the kernel chose the port, the other listeners take the same.
        address = listener.local_addr().map_err(|error| Failure::at("getsockname", &error))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn queue_length(backlog: u32) -> i32 {
    i32::try_from(backlog).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
