//! Clients that encrypt.

use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, TcpStream, UdpSocket};
use std::sync::Arc;

use harness::{Client, DEADLINE};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::authority::{Authority, Identity};

/// An encrypted stream.
pub(super) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// On which terms a client connects.
pub(super) struct Terms {
    roots: RootCertStore,
    identity: Option<Identity>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Terms {
    /// A client that trusts an authority and shows nothing.
    pub(super) fn trusting(authority: &Authority) -> Terms {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der()).expect("a certificate");
        Terms { roots, identity: None, versions: rustls::ALL_VERSIONS.to_vec() }
    }

    /// It shows a certificate.
    pub(super) fn showing(mut self, identity: Identity) -> Terms {
        self.identity = Some(identity);
        self
    }

    /// It speaks only these versions.
    pub(super) fn speaking(mut self, versions: &[&'static SupportedProtocolVersion]) -> Terms {
        self.versions = versions.to_vec();
        self
    }

    /// The terms as the library wants them: sessions are resumed among connections that share them.
    pub(super) fn configuration(&self) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("versions")
            .with_root_certificates(self.roots.clone());
        Arc::new(match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain(), identity.secret())
                .expect("a certificate"),
        })
    }

    /// Connects and shakes hands.
    pub(super) fn stream(&self, port: u16) -> io::Result<Stream> {
        stream(&self.configuration(), port)
    }

    /// Connects, shakes hands and is answered: with TLS 1.3 a client learns only then that it is let in.
    pub(super) fn connect(&self, port: u16) -> io::Result<Client> {
        let mut client = Client::through(self.stream(port)?);
        client.send(&["PING"])?;
        match client.reply()?.as_text() {
            Some(_) => Ok(client),
            None => Err(io::Error::other("no text in reply to PING")),
        }
    }
}

/// Connects over TCP, with a deadline on everything.
pub(super) fn socket(port: u16) -> io::Result<TcpStream> {
    socket_to(Ipv4Addr::LOCALHOST.into(), port)
}

fn socket_to(address: IpAddr, port: u16) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((address, port))?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(DEADLINE))?;
    socket.set_write_timeout(Some(DEADLINE))?;
    Ok(socket)
}

/// An address of this machine at which it does not reach itself over the loopback interface; none if it has no network.
pub(super) fn outer_address() -> Option<IpAddr> {
    // Nothing is sent: the system only chooses the address that it would send from.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Connects and shakes hands.
pub(super) fn stream(configuration: &Arc<ClientConfig>, port: u16) -> io::Result<Stream> {
    stream_to(configuration, Ipv4Addr::LOCALHOST.into(), port)
}

/// Connects to an address and shakes hands.
pub(super) fn stream_to(
    configuration: &Arc<ClientConfig>,
    address: IpAddr,
    port: u16,
) -> io::Result<Stream> {
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::clone(configuration), name);
    let mut stream =
        StreamOwned::new(connection.map_err(io::Error::other)?, socket_to(address, port)?);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// Whether a connection is closed by the other side; whatever else arrives is thrown away.
pub(super) fn closes(socket: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match socket.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}
