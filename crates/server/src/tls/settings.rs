//! What the configuration says about encryption, as the library wants it.

use std::sync::Arc;
use std::time::Duration;

use config::Text;
use config::tls::{AuthenticateClients, Tls};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::ciphers;
use super::files::{self, FileError};
use super::sessions::Sessions;

/// Why connections cannot be encrypted as the configuration says. The texts are those that Redis logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TermsError {
    /// There is no certificate.
    #[error("No tls-cert-file configured!")]
    NoCertificate,
    /// There is no key.
    #[error("No tls-key-file configured!")]
    NoKey,
    /// There is a client certificate and no key for it, or the other way around.
    #[error("Both tls-client-cert-file and tls-client-key-file must be specified!")]
    HalfAClient,
    /// Nobody is trusted, and somebody has to be.
    #[error(
        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are \
         enabled!"
    )]
    NoAuthorities,
    /// There is no such version.
    #[error(
        "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'."
    )]
    UnknownProtocol,
    /// There is, but it is not to be had.
    #[error(
        "Invalid tls-protocols specified. {0} is insecure and this server does not have it. Use a combination of 'TLSv1.2' and \
         'TLSv1.3'."
    )]
    OldProtocol(&'static str),
    /// The certificate is of no use.
    #[error("Failed to load certificate: {path}: {reason}")]
    Certificate {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The key is of no use, or not that of the certificate.
    #[error("Failed to load private key: {path}: {reason}")]
    Key {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The authorities are of no use.
    #[error("Failed to configure CA certificate(s) file/directory: {0}")]
    Authorities(String),
    /// No cipher of TLS 1.2 is left.
    #[error("Failed to configure ciphers: {0}")]
    Ciphers(String),
    /// No cipher suite of TLS 1.3 is left.
    #[error("Failed to configure ciphersuites: {0}")]
    CipherSuites(String),
    /// The library does not take what it was given.
    #[error("Failed to configure TLS: {0}")]
    Refused(#[from] Error),
}

/// The terms for clients.
pub(super) fn server(tls: &Tls) -> Result<ServerConfig, TermsError> {
    check_presence(tls)?;
    let (provider, versions) = protocol(tls)?;
    let identity =
        identity(&tls.certificate_file, &tls.key_file, tls.key_password.as_bytes(), &provider)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)?;
    let builder = match tls.authenticate_clients {
        AuthenticateClients::No => builder.with_no_client_auth(),
        AuthenticateClients::Yes | AuthenticateClients::Optional => {
            let roots = Arc::new(authorities(tls)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = match tls.authenticate_clients {
                AuthenticateClients::Optional => verifier.allow_unauthenticated(),
                AuthenticateClients::Yes | AuthenticateClients::No => verifier,
            };
            let verifier = verifier.build();
            let failed = |error: &dyn std::fmt::Display| TermsError::Authorities(error.to_string());
            builder.with_client_cert_verifier(verifier.map_err(|error| failed(&error))?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    config.ignore_client_order = tls.prefer_server_ciphers;
    if tls.session_caching {
        let limit = usize::try_from(tls.session_cache_size).unwrap_or(usize::MAX);
        let lifetime = Duration::from_secs(tls.session_cache_timeout_s.into());
        config.session_storage = Arc::new(Sessions::new(limit, lifetime));
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Ok(config)
}

/// The terms for connections to other servers; none if nothing says whom to trust.
pub(super) fn client(tls: &Tls) -> Result<Option<ClientConfig>, TermsError> {
    if tls.authorities_file.is_empty() && tls.authorities_directory.is_empty() {
        return Ok(None);
    }
    let (provider, versions) = protocol(tls)?;
    let (certificate, key, password) = if tls.client_certificate_file.is_empty() {
        (&tls.certificate_file, &tls.key_file, &tls.key_password)
    } else {
        (&tls.client_certificate_file, &tls.client_key_file, &tls.client_key_password)
    };
    let identity = identity(certificate, key, password.as_bytes(), &provider)?;
    let roots = Arc::new(authorities(tls)?);
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
    let verifier = verifier.map_err(|error| TermsError::Authorities(error.to_string()))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyName(verifier)))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    Ok(Some(config))
}

/// Whether all that is needed is named.
fn check_presence(tls: &Tls) -> Result<(), TermsError> {
    if tls.certificate_file.is_empty() {
        return Err(TermsError::NoCertificate);
    }
    if tls.key_file.is_empty() {
        return Err(TermsError::NoKey);
    }
    if tls.client_certificate_file.is_empty() != tls.client_key_file.is_empty() {
        return Err(TermsError::HalfAClient);
    }
    let asks =
        tls.authenticate_clients != AuthenticateClients::No || tls.cluster || tls.replication;
    if asks && tls.authorities_file.is_empty() && tls.authorities_directory.is_empty() {
        return Err(TermsError::NoAuthorities);
    }
    Ok(())
}

/// The versions and ciphers.
fn protocol(
    tls: &Tls,
) -> Result<(Arc<CryptoProvider>, Vec<&'static SupportedProtocolVersion>), TermsError> {
    let versions = versions(&tls.protocols.to_string_lossy())?;
    let mut suites = Vec::new();
    if versions.contains(&&TLS13) {
        let list = tls.cipher_suites.to_string_lossy();
        let chosen = ciphers::newer(&list);
        suites.extend(chosen.ok_or_else(|| TermsError::CipherSuites(list.into_owned()))?);
    }
    if versions.contains(&&TLS12) {
        let list = tls.ciphers.to_string_lossy();
        let chosen = ciphers::older(&list);
        suites.extend(chosen.ok_or_else(|| TermsError::Ciphers(list.into_owned()))?);
    }
    let provider = CryptoProvider { cipher_suites: suites, ..ring::default_provider() };
    Ok((Arc::new(provider), versions))
}

fn versions(list: &str) -> Result<Vec<&'static SupportedProtocolVersion>, TermsError> {
    let mut versions = Vec::new();
    for word in list.split_whitespace() {
        versions.push(match word.to_ascii_lowercase().as_str() {
            "tlsv1.3" => &TLS13,
            "tlsv1.2" => &TLS12,
            "tlsv1.1" => return Err(TermsError::OldProtocol("TLSv1.1")),
            "tlsv1" => return Err(TermsError::OldProtocol("TLSv1")),
            _ => return Err(TermsError::UnknownProtocol),
        });
    }
    if versions.is_empty() {
        versions = vec![&TLS13, &TLS12];
    }
    Ok(versions)
}

/// A certificate with its key.
fn identity(
    certificate: &Text,
    key: &Text,
    password: &[u8],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TermsError> {
    let certificate_error = |error: &dyn std::fmt::Display| TermsError::Certificate {
        path: certificate.to_string_lossy().into_owned(),
        reason: error.to_string(),
    };
    let key_error = |error: &dyn std::fmt::Display| TermsError::Key {
        path: key.to_string_lossy().into_owned(),
        reason: error.to_string(),
    };
    let chain = files::certificates(certificate).map_err(|error| certificate_error(&error))?;
    let secret = files::key(key, password).map_err(|error| key_error(&error))?;
    let secret = provider.key_provider.load_private_key(secret);
    let identity = CertifiedKey::new(chain, secret.map_err(|error| key_error(&error))?);
    match identity.keys_match() {
        Err(Error::InvalidCertificate(error @ CertificateError::BadEncoding)) => {
            Err(certificate_error(&error))
        }
        Err(Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(key_error(&"key values mismatch"))
        }
        // What the library does not like about it, an old version for one, is for clients to judge.
        Ok(()) | Err(_) => Ok(identity),
    }
}

/// Those whose signature makes a certificate a good one.
fn authorities(tls: &Tls) -> Result<RootCertStore, TermsError> {
    let failed = |error: FileError| TermsError::Authorities(error.to_string());
    let mut roots = RootCertStore::empty();
    if !tls.authorities_file.is_empty() {
        for certificate in files::certificates(&tls.authorities_file).map_err(failed)? {
            let added = roots.add(certificate);
            added.map_err(|error| TermsError::Authorities(error.to_string()))?;
        }
    }
    if !tls.authorities_directory.is_empty() {
        // Not all that lies there need be understood.
        let found = files::certificates_in(&tls.authorities_directory).map_err(failed)?;
        roots.add_parsable_certificates(found);
    }
    if roots.is_empty() { Err(failed(FileError::NoCertificate)) } else { Ok(roots) }
}

/// Takes a server that shows a good certificate, whatever name stands in it: which servers belong together is a matter of who has
/// signed their certificates, and they know each other by addresses.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let name_is_wrong = |error: &Error| {
            matches!(
                error,
                Error::InvalidCertificate(
                    CertificateError::NotValidForName
                        | CertificateError::NotValidForNameContext { .. }
                )
            )
        };
        // The name is looked at last, when all else was found good.
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            Err(error) if name_is_wrong(&error) => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
