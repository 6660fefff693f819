//! This server as the client of another one: a connection that blocks, or gives up after the time that its socket is set to.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;

/// An encrypted connection to another server.
#[derive(Debug)]
pub(crate) struct Link {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Link {
    /// Shakes hands over a connection to `host`. Its certificate must be good; the name in it does not count.
    pub(crate) fn new(
        config: Arc<ClientConfig>,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<Link> {
        let name = match ServerName::try_from(host) {
            Ok(name) => name.to_owned(),
            // No name that a certificate could have; one by its address is told none either.
            Err(_) => ServerName::IpAddress(stream.peer_addr()?.ip().into()),
        };
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Link { stream })
    }

    /// The socket, for its timeouts and to end what waits for it.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.stream.sock
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{Ipv4Addr, TcpListener};
    use std::path::Path;
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::{ServerConfig, ServerConnection};

    use super::*;
    use crate::tls::Terms;

    /// Terms with certificates of an authority of their own. The server's name is none by which it is called.
    fn terms(directory: &Path) -> Terms {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(parameters, key).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(["elsewhere".to_owned()]).expect("a name");
        let certificate = parameters.signed_by(&key, &authority).expect("a certificate");
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).expect("can be written");
            config::Text::from(path.to_string_lossy().as_bytes())
        };
        let mut tls = config::Config::new(1).tls;
        tls.authorities_file = write("ca.crt", authority.pem());
        tls.certificate_file = write("server.crt", certificate.pem());
        tls.key_file = write("server.key", key.serialize_pem());
        let terms = Terms::default();
        terms.load(&tls).expect("all is there");
        terms
    }

    /// A server that sends back what one client sends.
    fn echo(config: Arc<ServerConfig>) -> std::net::SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || {
                let (socket, _) = listener.accept().expect("a client");
                let connection = ServerConnection::new(config).expect("a connection");
                let mut stream = StreamOwned::new(connection, socket);
                let mut bytes = vec![0; 100_000];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    stream.write_all(&bytes[..count]).expect("it reads");
                    stream.flush().expect("it reads");
                }
            })
            .expect("a thread");
        address
    }

    fn connect(address: std::net::SocketAddr, terms: &Terms) -> io::Result<Link> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        Link::new(terms.client().expect("an authority is named"), "127.0.0.1", socket)
    }

    #[test]
    fn bytes_go_there_and_come_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let terms = terms(directory.path());
        let mut link = connect(echo(terms.server().expect("loaded")), &terms).expect("let in");
        assert!(link.socket().peer_addr().is_ok());
        let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for piece in sent.chunks(30_011) {
            link.write_all(piece).expect("it reads");
            link.flush().expect("it reads");
            let mut back = vec![0; piece.len()];
            link.read_exact(&mut back).expect("it writes");
            assert!(back == piece);
        }
    }

    #[test]
    fn a_server_of_another_authority_is_not_trusted() {
        let (ours, other) = (tempfile::tempdir(), tempfile::tempdir());
        let ours = terms(ours.expect("a directory").path());
        let other = terms(other.expect("a directory").path());
        let error = connect(echo(other.server().expect("loaded")), &ours);
        let error = error.expect_err("it is not trusted").to_string();
        assert!(error.contains("certificate"), "{error}");
    }
}
