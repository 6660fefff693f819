//! What the process listens on, and how that changes while it runs.
//!
//! The first worker accepts from the sockets; [`Listening`] holds on to them, too, so that any thread can close them and
//! open others when CONFIG SET asks for it. A socket is closed by shutting it down: that ends listening at once, whoever
//! else still has it, and frees its port for the next one.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use config::network::Network;
use parking_lot::Mutex;

use crate::listen::{ListenError, TcpSettings, listen_tcp, listen_unix};
use crate::log;
use crate::worker::Listener;

/// The sockets that are open.
pub(crate) struct Listening {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    tcp: Vec<Listener>,
    unix: Option<Listener>,
    /// As INFO shows them.
    tcp_description: Option<String>,
    unix_description: Option<String>,
    tcp_port: u16,
}

impl Listening {
    /// Listens where the configuration says. What fails is logged, but for the error itself.
    pub(crate) fn start(network: &Network) -> Result<Listening, ListenError> {
        let mut open = Open::default();
        open.open_tcp(network)?;
        if !network.unix_socket.is_empty() {
            let mode = Some(network.unix_socket_mode).filter(|mode| *mode != 0);
            let path = network.unix_socket.as_path();
            let socket = listen_unix(path, mode, network.tcp_backlog)?;
            open.unix = Some(Listener { socket: Arc::new(OwnedFd::from(socket)), is_unix: true });
            open.unix_description =
                Some(format!("name=unix,bind={}", network.unix_socket.to_string_lossy()));
        }
        if open.listeners().is_empty() {
            return Err(ListenError::Nowhere);
        }
        Ok(Listening { open: Mutex::new(open) })
    }

    /// Closes the TCP sockets and opens those that the configuration says; gives all that are open then. After an error none
    /// of them is.
    pub(crate) fn restart_tcp(&self, network: &Network) -> Result<Vec<Listener>, ListenError> {
        let mut open = self.open.lock();
        open.close_tcp();
        open.open_tcp(network)?;
        Ok(open.listeners())
    }

    /// All sockets.
    pub(crate) fn listeners(&self) -> Vec<Listener> {
        self.open.lock().listeners()
    }

    /// The kinds of sockets, for the log.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let open = self.open.lock();
        let tcp = (!open.tcp.is_empty()).then_some("tcp");
        tcp.into_iter().chain(open.unix.as_ref().map(|_| "unix")).collect()
    }

    /// The sockets as INFO shows them.
    pub(crate) fn descriptions(&self) -> Vec<String> {
        let open = self.open.lock();
        [&open.tcp_description, &open.unix_description].into_iter().flatten().cloned().collect()
    }

    /// The port of the TCP sockets; 0 if there are none.
    pub(crate) fn tcp_port(&self) -> u16 {
        self.open.lock().tcp_port
    }
}

impl Open {
    fn open_tcp(&mut self, network: &Network) -> Result<(), ListenError> {
        if network.port == 0 {
            return Ok(());
        }
        let words = || network.bind.iter().map(|word| word.to_string_lossy());
        let settings = TcpSettings {
            addresses: words().map(String::from).collect(),
            port: network.port,
            backlog: network.tcp_backlog,
            // The first worker accepts for all.
            listeners: 1,
        };
        self.tcp_port = network.port;
        for socket in listen_tcp(&settings)?.into_iter().flatten() {
            self.tcp_port = socket.local_addr().map_or(network.port, |address| address.port());
            self.tcp.push(Listener { socket: Arc::new(OwnedFd::from(socket)), is_unix: false });
        }
        let binds: Vec<String> = words().map(|word| format!(",bind={word}")).collect();
        self.tcp_description = Some(format!("name=tcp{},port={}", binds.concat(), self.tcp_port));
        Ok(())
    }

    fn close_tcp(&mut self) {
        for listener in self.tcp.drain(..) {
            let closed =
                rustix::net::shutdown(listener.socket.as_fd(), rustix::net::Shutdown::Both);
            if let Err(error) = closed {
                log::warning(format_args!("Closing a listening socket: {error}"));
            }
        }
        self.tcp_description = None;
        self.tcp_port = 0;
    }

    fn listeners(&self) -> Vec<Listener> {
        self.tcp.iter().chain(&self.unix).cloned().collect()
    }
}
