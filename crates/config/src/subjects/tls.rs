//! Encrypted connections.

use super::bounds::{NATURAL_32, PORT};
use crate::directive::Directive;
use crate::field::{Choice, field};
use crate::text::{Secret, Text};

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a directive of its own that is yes or no"
)]
pub struct Tls {
    /// The TCP port; 0: none.
    pub port: u16,
    /// The server's certificate.
    pub certificate_file: Text,
    /// Its key.
    pub key_file: Text,
    /// The password of the key.
    pub key_password: Secret,
    /// The certificate with which the server is a client of others; empty: the same.
    pub client_certificate_file: Text,
    /// Its key.
    pub client_key_file: Text,
    /// The password of the key.
    pub client_key_password: Secret,
    /// Parameters of Diffie and Hellman.
    pub parameters_file: Text,
    /// The certificates of authorities, in a file.
    pub authorities_file: Text,
    /// The certificates of authorities, in a directory.
    pub authorities_directory: Text,
    /// Whether clients must have a certificate.
    pub authenticate_clients: AuthenticateClients,
    /// Whether replication is encrypted.
    pub replication: bool,
    /// Whether the links between nodes of a cluster are encrypted.
    pub cluster: bool,
    /// The versions that are allowed; empty: those that are secure.
    pub protocols: Text,
    /// The ciphers up to version 1.2.
    pub ciphers: Text,
    /// The ciphers of version 1.3.
    pub cipher_suites: Text,
    /// Whether the server's order of ciphers counts.
    pub prefer_server_ciphers: bool,
    /// Whether sessions can be resumed.
    pub session_caching: bool,
    /// How many sessions are remembered; 0: any number.
    pub session_cache_size: u32,
    /// Seconds for which they are.
    pub session_cache_timeout_s: u32,
    /// How many connections a listener accepts before other work gets its turn.
    pub accepts_per_round: u16,
}

/// Whether clients must have a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthenticateClients {
    /// None is asked for.
    No,
    /// They must.
    #[default]
    Yes,
    /// If they have one it must be good.
    Optional,
}

impl Choice for AuthenticateClients {
    const WORDS: &'static [(&'static str, AuthenticateClients)] = &[
        ("no", AuthenticateClients::No),
        ("yes", AuthenticateClients::Yes),
        ("optional", AuthenticateClients::Optional),
    ];
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::number("tls-port", "0", PORT, field!(tls.port))
        .live()
        .about("The TCP port for encrypted connections. 0: none. With `port 0` there are no others."),
    Directive::text("tls-cert-file", "", field!(tls.certificate_file))
        .live()
        .volatile()
        .about("The file with the server's certificate, in PEM."),
    Directive::text("tls-key-file", "", field!(tls.key_file))
        .live()
        .volatile()
        .about("The file with its key."),
    Directive::text("tls-key-file-pass", "", field!(tls.key_password))
        .live()
        .sensitive()
        .about("The password of that key."),
    Directive::text("tls-client-cert-file", "", field!(tls.client_certificate_file))
        .live()
        .volatile()
        .about("The certificate with which this server connects to others. Empty: the same."),
    Directive::text("tls-client-key-file", "", field!(tls.client_key_file))
        .live()
        .volatile()
        .about("The file with its key."),
    Directive::text("tls-client-key-file-pass", "", field!(tls.client_key_password))
        .live()
        .sensitive()
        .about("The password of that key."),
    Directive::text("tls-dh-params-file", "", field!(tls.parameters_file))
        .live()
        .volatile()
        .no_effect("no cipher of this server uses them: all agree on a key by elliptic curves")
        .about("Diffie-Hellman parameters, which only very old clients need."),
    Directive::text("tls-ca-cert-file", "", field!(tls.authorities_file))
        .live()
        .volatile()
        .about("The file with the certificates of the authorities that are trusted."),
    Directive::text("tls-ca-cert-dir", "", field!(tls.authorities_directory))
        .live()
        .volatile()
        .about("A directory with such certificates."),
    Directive::choice::<AuthenticateClients>(
        "tls-auth-clients",
        "yes",
        field!(tls.authenticate_clients),
    )
    .live()
    .about("Whether clients must show a certificate: `yes`, `no`, or only a good one if any (`optional`)."),
    Directive::switch("tls-replication", "no", field!(tls.replication))
        .live()
        .about("Whether the link to the primary is encrypted."),
    Directive::switch("tls-cluster", "no", field!(tls.cluster))
        .live()
        .refused("cluster mode")
        .about("Whether the links between nodes of a cluster are encrypted."),
    Directive::text("tls-protocols", "", field!(tls.protocols))
        .live()
        .about("The versions of TLS that are allowed, of \"TLSv1.2 TLSv1.3\". Empty: both. Older ones are insecure and an error."),
    Directive::text("tls-ciphers", "", field!(tls.ciphers))
        .live()
        .about("The ciphers for TLS 1.2, as OpenSSL writes them; those without forward secrecy do not exist. Empty: all."),
    Directive::text("tls-ciphersuites", "", field!(tls.cipher_suites))
        .live()
        .about("The cipher suites for TLS 1.3. Empty: all."),
    Directive::switch("tls-prefer-server-ciphers", "no", field!(tls.prefer_server_ciphers))
        .live()
        .about("Whether the server chooses among the ciphers, rather than the client."),
    Directive::switch("tls-session-caching", "yes", field!(tls.session_caching))
        .live()
        .about("Whether a client that comes back may skip the costly part of the handshake."),
    Directive::number("tls-session-cache-size", "20480", NATURAL_32, field!(tls.session_cache_size))
        .live()
        .about("How many sessions are remembered for that. 0: any number."),
    Directive::number(
        "tls-session-cache-timeout",
        "300",
        NATURAL_32,
        field!(tls.session_cache_timeout_s),
    )
    .live()
    .about("Seconds for which they are."),
    Directive::number(
        "max-new-tls-connections-per-cycle",
        "1",
        1..=1000,
        field!(tls.accepts_per_round),
    )
    .live()
    .about("How many new encrypted connections are accepted at once before other clients get their turn."),
];
