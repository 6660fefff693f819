//! Encrypted connections (`--tls`): whom to trust, and a connection's bytes on both sides of its cipher.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::Failure;

/// Files that say whom to trust and who this is, as options name them.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) authorities: Option<String>,
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
}

impl Files {
    /// Reads them. Errors say which file is wrong.
    pub(crate) fn load(&self) -> Result<Arc<ClientConfig>, String> {
        let Some(authorities) = &self.authorities else {
            return Err("--tls needs --cacert, the authority that the server's certificate is of"
                .to_owned());
        };
        let mut trusted = RootCertStore::empty();
        for certificate in certificates(authorities)? {
            trusted.add(certificate).map_err(|error| format!("{authorities}: {error}"))?;
        }
        let terms = ClientConfig::builder().with_root_certificates(trusted);
        let terms = match (&self.certificate, &self.key) {
            (None, None) => terms.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let own =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{key}: {error}"))?;
                terms
                    .with_client_auth_cert(certificates(certificate)?, own)
                    .map_err(|error| format!("{certificate}, {key}: {error}"))?
            }
            (Some(_), None) | (None, Some(_)) => {
                return Err("--cert and --key go together".to_owned());
            }
        };
        Ok(Arc::new(terms))
    }
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error| format!("{path}: {error}");
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect();
    found.map_err(failed)
}

/// Begins an encrypted connection; the handshake comes with the first bytes.
pub(crate) fn begin(terms: &Arc<ClientConfig>, host: &str) -> Result<ClientConnection, Failure> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut session = ClientConnection::new(Arc::clone(terms), name).map_err(io::Error::other)?;
    session.set_buffer_limit(None);
    Ok(session)
}

/// Ends the handshake, while the connection still blocks.
pub(crate) fn shake_hands(
    session: &mut ClientConnection,
    stream: &mut TcpStream,
) -> io::Result<()> {
    while session.is_handshaking() {
        session.complete_io(stream)?;
    }
    Ok(())
}

/// Encrypts and sends; says whether some of it must wait until the socket has room.
pub(crate) fn send(
    session: &mut ClientConnection,
    socket: BorrowedFd<'_>,
    bytes: &[u8],
) -> io::Result<bool> {
    session.writer().write_all(bytes)?;
    while session.wants_write() {
        match session.write_tls(&mut Socket(socket)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Reads once from the socket, and gives `take` what that makes of plain bytes.
pub(crate) fn receive(
    session: &mut ClientConnection,
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    match session.read_tls(&mut Socket(socket)) {
        Ok(0) => return Err(Failure::Closed),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    session.process_new_packets().map_err(io::Error::other)?;
    loop {
        match session.reader().read(buffer) {
            Ok(0) => return Err(Failure::Closed),
            Ok(count) => take(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A socket that does not block, as the session reads and writes it.
struct Socket<'a>(BorrowedFd<'a>);

impl io::Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::read(self.0, &mut *buffer))?)
    }
}

impl io::Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::write(self.0, bytes))?)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::writev(self.0, parts))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use harness::{Oracle, Version, free_port};
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;
    use crate::load;
    use crate::options::Options;
    use crate::workload::{Test, Values};

    fn own_authority() -> CertifiedIssuer<'static, KeyPair> {
        let mut parameters = CertificateParams::default();
        // Another name than the one it signs.
        parameters.distinguished_name.push(DnType::CommonName, "authority");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn an_encrypted_server_answers_every_request() {
        let authority = own_authority();
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = names.signed_by(&key, &authority).unwrap();
        let port = free_port();
        let server = Oracle::find(Version::V70)
            .unwrap_or_else(|missing| panic!("{missing}"))
            .launch()
            .file("ca.crt", authority.pem())
            .file("own.crt", certificate.pem())
            .file("own.key", key.serialize_pem())
            .line(format!("tls-port {port}"))
            .line("tls-ca-cert-file ca.crt")
            .line("tls-cert-file own.crt")
            .line("tls-key-file own.key")
            .start();
        let path = |name: &str| Some(server.directory().join(name).to_string_lossy().into_owned());
        let trusting = Files { authorities: path("ca.crt"), ..Files::default() };
        let known = Files { certificate: path("own.crt"), key: path("own.key"), ..trusting };
        let options = Options {
            host: "localhost".to_owned(),
            port,
            encryption: Some(known.load().unwrap()),
            clients: 5,
            pipeline: 3,
            requests: 203,
            // More than a record, and than what a socket takes at once.
            values: Values::Bytes(300_000),
            ..Options::default()
        };
        for test in [Test::Set, Test::Get] {
            let outcome = load::run(&options, test).unwrap();
            assert_eq!((outcome.requests, outcome.errors.count), (203, 0));
        }

        let stranger = Files { certificate: None, key: None, ..known };
        let options = Options { encryption: Some(stranger.load().unwrap()), ..options };
        assert!(load::run(&options, Test::Get).is_err(), "the server asks for a certificate");
    }

    #[test]
    fn files_that_are_missing_or_no_certificates_are_told() {
        let wrong = |authorities: Option<&str>, key: Option<&str>| {
            let owned = |path: Option<&str>| path.map(str::to_owned);
            Files { authorities: owned(authorities), certificate: None, key: owned(key) }
                .load()
                .unwrap_err()
        };
        assert!(wrong(None, None).contains("--cacert"));
        assert!(wrong(Some("/nowhere/ca.crt"), None).contains("/nowhere/ca.crt"));
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(wrong(Some(own), Some("own.key")).contains("--cert"));
    }
}
