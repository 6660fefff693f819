//! What the process listens on, and how that changes while it runs.
//!
//! The first worker accepts from the sockets; [`Listening`] holds on to them, too, so that any thread can close them and
//! open others when CONFIG SET asks for it. A socket is closed by shutting it down: that ends listening at once, whoever
//! else still has it, and frees its port for the next one.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use config::Config;
use config::network::Network;
use parking_lot::Mutex;

use crate::listen::{ListenError, TcpSettings, listen_tcp, listen_unix};
use crate::log;
use crate::tls::{self, Terms, TermsError};
use crate::worker::{Listener, ListenerKind};

/// The sockets that are open.
pub(crate) struct Listening {
    open: Mutex<Open>,
    /// For those where connections are encrypted.
    terms: Arc<Terms>,
}

#[derive(Default)]
struct Open {
    tcp: Port,
    tls: Port,
    unix: Option<Listener>,
    unix_description: Option<String>,
}

/// A port, on all addresses.
#[derive(Default)]
struct Port {
    listeners: Vec<Listener>,
    /// As INFO shows it.
    description: Option<String>,
    /// 0 if it is closed.
    number: u16,
}

/// One of the two ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    Plain,
    Encrypted,
}

impl Listening {
    /// Listens where the configuration says. What fails is logged, but for the error itself.
    pub(crate) fn start(config: &Config) -> Result<Listening, ListenError> {
        let mut open = Open::default();
        let terms = Arc::new(Terms::default());
        let network = &config.network;
        if tls::is_wanted(&config.tls) {
            terms.load(&config.tls).map_err(|error| {
                log::warning(error);
                ListenError::Terms
            })?;
        }
        open.tcp = Port::open(network.port, &ListenerKind::Tcp, network)?;
        if !network.unix_socket.is_empty() {
            let mode = Some(network.unix_socket_mode).filter(|mode| *mode != 0);
            let path = network.unix_socket.as_path();
            let socket = listen_unix(path, mode, network.tcp_backlog)?;
            let socket = Arc::new(OwnedFd::from(socket));
            open.unix = Some(Listener { socket, kind: ListenerKind::Unix });
            open.unix_description =
                Some(format!("name=unix,bind={}", network.unix_socket.to_string_lossy()));
        }
        open.tls = Port::open(config.tls.port, &ListenerKind::Tls(Arc::clone(&terms)), network)?;
        if open.listeners().is_empty() {
            return Err(ListenError::Nowhere);
        }
        Ok(Listening { open: Mutex::new(open), terms })
    }

    /// Closes the sockets of a port and opens those that the configuration says. After an error none of them is.
    pub(crate) fn restart(&self, which: Which, config: &Config) -> Result<(), ListenError> {
        let mut open = self.open.lock();
        let (port, number, kind) = match which {
            Which::Plain => (&mut open.tcp, config.network.port, ListenerKind::Tcp),
            Which::Encrypted => {
                let kind = ListenerKind::Tls(Arc::clone(&self.terms));
                (&mut open.tls, config.tls.port, kind)
            }
        };
        port.close();
        *port = Port::open(number, &kind, &config.network)?;
        Ok(())
    }

    /// Encrypts as the configuration says from now on, if anything is to be encrypted.
    pub(crate) fn renew_terms(&self, config: &Config) -> Result<(), TermsError> {
        if tls::is_wanted(&config.tls) { self.terms.load(&config.tls) } else { Ok(()) }
    }

    /// On which terms connections are encrypted.
    pub(crate) fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms)
    }

    /// All sockets.
    pub(crate) fn listeners(&self) -> Vec<Listener> {
        self.open.lock().listeners()
    }

    /// The kinds of sockets, for the log.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        let open = self.open.lock();
        let tcp = (!open.tcp.listeners.is_empty()).then_some("tcp");
        let unix = open.unix.as_ref().map(|_| "unix");
        let tls = (!open.tls.listeners.is_empty()).then_some("tls");
        [tcp, unix, tls].into_iter().flatten().collect()
    }

    /// The sockets as INFO shows them, with their numbers.
    pub(crate) fn descriptions(&self) -> Vec<(usize, String)> {
        let open = self.open.lock();
        let all = [&open.tcp.description, &open.unix_description, &open.tls.description];
        let numbered = all.into_iter().enumerate();
        numbered.filter_map(|(number, text)| Some((number, text.clone()?))).collect()
    }

    /// The port of the plain TCP sockets, or else of the encrypted ones; 0 if there are none.
    pub(crate) fn tcp_port(&self) -> u16 {
        let open = self.open.lock();
        if open.tcp.number == 0 { open.tls.number } else { open.tcp.number }
    }
}

impl Open {
    fn listeners(&self) -> Vec<Listener> {
        let ports = self.tcp.listeners.iter().chain(&self.unix).chain(&self.tls.listeners);
        ports.cloned().collect()
    }
}

impl Port {
    fn open(number: u16, kind: &ListenerKind, network: &Network) -> Result<Port, ListenError> {
        let mut port = Port::default();
        if number == 0 {
            return Ok(port);
        }
        let name = match kind {
            ListenerKind::Tls(_) => "tls",
            ListenerKind::Tcp | ListenerKind::Unix => "tcp",
        };
        let words = || network.bind.iter().map(|word| word.to_string_lossy());
        let settings = TcpSettings {
            kind: name,
            addresses: words().map(String::from).collect(),
            port: number,
            backlog: network.tcp_backlog,
            // The first worker accepts for all.
            listeners: 1,
            mark: network.socket_mark,
        };
        port.number = number;
        for socket in listen_tcp(&settings)?.into_iter().flatten() {
            port.number = socket.local_addr().map_or(number, |address| address.port());
            let socket = Arc::new(OwnedFd::from(socket));
            port.listeners.push(Listener { socket, kind: kind.clone() });
        }
        let binds: Vec<String> = words().map(|word| format!(",bind={word}")).collect();
        port.description = Some(format!("name={name}{},port={}", binds.concat(), port.number));
        Ok(port)
    }

    fn close(&mut self) {
        for listener in self.listeners.drain(..) {
            let closed =
                rustix::net::shutdown(listener.socket.as_fd(), rustix::net::Shutdown::Both);
            if let Err(error) = closed {
                log::warning(format_args!("Closing a listening socket: {error}"));
            }
        }
        *self = Port::default();
    }
}
