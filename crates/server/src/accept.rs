//! Accepting connections.

use std::os::fd::{AsRawFd, OwnedFd};

use engine::clients::Peer;
use rustix::net::{SocketAddrAny, SocketFlags, accept_with, getpeername, getsockname};

/// Takes one connection that waits at a listener.
pub(crate) fn accept(listener: &OwnedFd, is_unix: bool) -> std::io::Result<(OwnedFd, Peer)> {
    let socket = accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    let local_address = getsockname(&socket).ok().map_or_else(String::new, |address| text(&address));
    let address = if is_unix {
        local_address.clone()
    } else {
        getpeername(&socket).ok().flatten().map_or_else(String::new, |address| text(&address))
    };
    let peer = Peer { address, local_address, descriptor: socket.as_raw_fd(), is_unix };
    Ok((socket, peer))
}

/// An address as CLIENT LIST shows it.
fn text(address: &SocketAddrAny) -> String {
    if let Ok(address) = std::net::SocketAddr::try_from(address.clone()) {
        return address.to_string();
    }
    let path = rustix::net::SocketAddrUnix::try_from(address.clone()).ok();
    let path = path.as_ref().and_then(|address| address.path()).map(|path| path.to_string_lossy().into_owned());
    format!("{}:0", path.unwrap_or_default())
}
