//! This server as the client of another one: an encrypted connection over a socket that does not block.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection};
use rustls_pki_types::ServerName;

/// What encrypts a connection to another server. The socket is its owner's.
#[derive(Debug)]
pub(crate) struct Session {
    connection: ClientConnection,
    /// There may be plain bytes here, of which the socket says nothing.
    has_more: bool,
}

impl Session {
    /// Begins over a connection to `host`. Its certificate will have to be good; the name in it does not count.
    pub(crate) fn new(
        terms: Arc<ClientConfig>,
        host: &str,
        socket: &TcpStream,
    ) -> io::Result<Session> {
        let name = match ServerName::try_from(host) {
            Ok(name) => name.to_owned(),
            // No name that a certificate could have.
            Err(_) => ServerName::IpAddress(socket.peer_addr()?.ip().into()),
        };
        let connection = ClientConnection::new(terms, name).map_err(io::Error::other)?;
        Ok(Session { connection, has_more: false })
    }

    /// Goes on with the handshake, as far as the socket allows; says whether it is done.
    pub(crate) fn shake_hands(&mut self, socket: &mut TcpStream) -> io::Result<bool> {
        loop {
            if !self.flush(socket)? {
                return Ok(false);
            }
            if !self.connection.is_handshaking() {
                return Ok(true);
            }
            match self.take_in(socket)? {
                None => return Ok(false),
                Some(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Some(_) => {}
            }
        }
    }

    /// Whether encrypted bytes wait for the socket.
    pub(crate) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Whether there may be something to read that the socket says nothing of.
    pub(crate) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Reads plain bytes; 0 is the end, and `None` that there are none yet.
    pub(crate) fn read(
        &mut self,
        socket: &mut TcpStream,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        loop {
            match self.connection.reader().read(buffer) {
                Ok(count) => {
                    self.has_more = count == buffer.len();
                    return Ok(Some(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.has_more = false,
                // It did not say that this is the end; what it sends counts itself.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Some(0)),
                Err(error) => return Err(error),
            }
            match self.take_in(socket)? {
                None => return Ok(None),
                Some(0) => return Ok(Some(0)),
                Some(_) => {}
            }
        }
    }

    /// Encrypts and sends the front of `bytes`, if the socket has taken all that came before; says how many were taken.
    pub(crate) fn write(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush(socket)? {
            return Ok(0);
        }
        let count = self.connection.writer().write(bytes)?;
        self.flush(socket)?;
        Ok(count)
    }

    /// Sends what is encrypted; says whether nothing is left.
    pub(crate) fn flush(&mut self, socket: &mut TcpStream) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if is_idle(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Takes in what the socket has: how many bytes, or `None` if there are none yet.
    fn take_in(&mut self, socket: &mut TcpStream) -> io::Result<Option<usize>> {
        match self.connection.read_tls(socket) {
            Ok(0) => Ok(Some(0)),
            Ok(count) => {
                if let Err(error) = self.connection.process_new_packets() {
                    // The other side is told what is wrong, if it still listens.
                    let _best_effort = self.flush(socket);
                    return Err(io::Error::new(ErrorKind::InvalidData, error));
                }
                Ok(Some(count))
            }
            Err(error) if is_idle(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_idle(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};
    use std::path::Path;
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};

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
    fn echo(config: Arc<ServerConfig>) -> SocketAddr {
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

    fn connect(address: SocketAddr, terms: &Terms) -> io::Result<(Session, TcpStream)> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        let terms = terms.client().expect("an authority is named");
        let mut session = Session::new(terms, "127.0.0.1", &socket)?;
        while !session.shake_hands(&mut socket)? {}
        Ok((session, socket))
    }

    #[test]
    fn bytes_go_there_and_come_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let terms = terms(directory.path());
        let echo = echo(terms.server().expect("loaded"));
        let (mut session, mut socket) = connect(echo, &terms).expect("let in");
        let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for piece in sent.chunks(30_011) {
            let mut written = 0;
            while written < piece.len() {
                written += session.write(&mut socket, &piece[written..]).expect("it reads");
            }
            assert!(session.flush(&mut socket).expect("it reads"));
            let (mut back, mut buffer) = (Vec::new(), [0; 5000]);
            while back.len() < piece.len() {
                let count = session.read(&mut socket, &mut buffer).expect("it writes");
                back.extend_from_slice(&buffer[..count.expect("it comes in time")]);
            }
            assert!(back == piece);
            assert!(!session.wants_write());
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
