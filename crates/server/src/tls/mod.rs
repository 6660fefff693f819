//! Encrypted connections.
//!
//! A [`Channel`] is one connection of a client: bytes from the socket go in and plain ones come out, replies go in and encrypted
//! ones come out. It has no buffer while nothing is under way; what a worker's channels work with is a [`Scratch`] that they share.
//!
//! The [`Terms`] say how connections are encrypted from now on: certificates, versions, ciphers, who is let in. They are made from the
//! configuration as a whole (`settings`), so a change that is not possible changes nothing; connections that there are
//! keep the terms they began with. A [`Session`] is the other side: a connection of this server to another one.
//!
//! The protocol itself is `rustls`, with `ring` for what is hard about it. Versions before 1.2 and ciphers without forward secrecy
//! do not exist there; asking for nothing else is an error.

mod channel;
mod ciphers;
mod files;
mod session;
mod sessions;
mod settings;

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::{ClientConfig, ServerConfig};

pub(crate) use channel::{Arrival, Channel, ChannelError, Scratch};
pub(crate) use session::Session;
pub(crate) use settings::TermsError;

/// On which terms connections are encrypted from now on.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    server: Option<Arc<ServerConfig>>,
    client: Option<Arc<ClientConfig>>,
}

impl Terms {
    /// Puts into effect what the configuration says; after an error, what was before holds on.
    pub(crate) fn load(&self, tls: &config::tls::Tls) -> Result<(), TermsError> {
        let server = settings::server(tls)?;
        let client = settings::client(tls)?;
        let mut current = self.current.lock();
        current.server = Some(Arc::new(server));
        current.client = client.map(Arc::new);
        Ok(())
    }

    /// The terms for a client that comes.
    pub(crate) fn server(&self) -> Option<Arc<ServerConfig>> {
        self.current.lock().server.clone()
    }

    /// The terms for a connection to another server; none if it is not known whom to trust.
    pub(crate) fn client(&self) -> Option<Arc<ClientConfig>> {
        self.current.lock().client.clone()
    }
}

/// Whether the configuration asks for encrypted connections of any kind.
pub(crate) fn is_wanted(tls: &config::tls::Tls) -> bool {
    tls.port != 0 || tls.replication || tls.cluster
}
