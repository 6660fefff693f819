//! Where the server listens and how it treats connections.

use super::bounds::{NATURAL_32, PORT, UNSIGNED_32};
use crate::Config;
use crate::directive::{Directive, Occasion, WordCount, Words};
use crate::field::field;
use crate::number::Unit;
use crate::text::Text;
use crate::words::quoted_if_needed;

/// What the directives of this subject are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The addresses to listen on, in order; empty: none. See [`BindAddress::parse`] for the special ones.
    pub bind: Vec<Text>,
    /// The local address of outgoing connections; empty: the system chooses.
    pub bind_source_address: Text,
    /// The TCP port; 0: no TCP.
    pub port: u16,
    /// How many connections the kernel may hold that nobody has accepted.
    pub tcp_backlog: u32,
    /// Seconds between keepalive probes; 0: none.
    pub tcp_keepalive_s: u32,
    /// Seconds after which an idle client is closed; 0: never.
    pub timeout_s: u32,
    /// The path of the Unix socket; empty: none.
    pub unix_socket: Text,
    /// The mode of the Unix socket; 0: what the umask leaves.
    pub unix_socket_mode: u32,
    /// Whether clients from elsewhere are refused while there is no password.
    pub protected_mode: bool,
    /// The mark for the packets of every socket; 0: none.
    pub socket_mark: u32,
    /// How many connections a listener accepts before other work gets its turn.
    pub accepts_per_round: u16,
}

/// One word of `bind`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// Whether the server starts without this address where the machine does not have it (a leading `-`).
    pub optional: bool,
    /// Where to listen.
    pub host: BindHost,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindHost {
    /// `*`: every IPv4 address.
    AnyV4,
    /// `::*`: every IPv6 address.
    AnyV6,
    /// A name or an address.
    Named(Text),
}

impl BindAddress {
    /// Takes a word of `bind` apart.
    pub fn parse(word: &Text) -> BindAddress {
        let bytes = word.as_bytes();
        let (optional, host) = match bytes.strip_prefix(b"-") {
            Some(host) => (true, host),
            None => (false, bytes),
        };
        let host = match host {
            b"*" => BindHost::AnyV4,
            b"::*" => BindHost::AnyV6,
            name => BindHost::Named(name.into()),
        };
        BindAddress { optional, host }
    }
}

pub(crate) const DIRECTIVES: &[Directive] = &[
    Directive::words(
        "bind",
        "* -::*",
        Words {
            sketch: "address ...",
            count: WordCount::Any,
            set: set_bind,
            print: |config| joined(&config.network.bind),
            lines: |config| vec![bind_line(&config.network.bind)],
            lines_are_independent: false,
        },
    )
    .live()
    .about(
        "The addresses to listen on, separated by blanks. `*` is every IPv4 address and `::*` every IPv6 address. \
         An address with `-` before it may be absent from the machine.",
    ),
    Directive::number("port", "6379", PORT, field!(network.port))
        .live()
        .about("The TCP port for clients. With 0 there is no TCP listener."),
    Directive::switch("protected-mode", "yes", field!(network.protected_mode)).live().about(
        "While the default user has no password, clients that do not come from this machine are turned away with an explanation.",
    ),
    Directive::number("tcp-backlog", "511", NATURAL_32, field!(network.tcp_backlog)).about(
        "How many connections may wait to be accepted. The kernel caps it at net.core.somaxconn.",
    ),
    Directive::text("unixsocket", "", field!(network.unix_socket))
        .about("The path of a Unix socket to listen on as well. Empty: none."),
    Directive::quantity("unixsocketperm", "0", Unit::Octal, 0..=0o777, field!(network.unix_socket_mode))
        .about("The mode of the Unix socket, in octal. 0 leaves it to the umask."),
    Directive::number("timeout", "0", NATURAL_32, field!(network.timeout_s))
        .live()
        .about("Seconds after which a client that sends nothing is closed. 0: never."),
    Directive::number("tcp-keepalive", "300", NATURAL_32, field!(network.tcp_keepalive_s))
        .live()
        .about("Seconds of silence after which the kernel probes whether a client still exists. 0: no probes."),
    Directive::number(
        "max-new-connections-per-cycle",
        "10",
        1..=1000,
        field!(network.accepts_per_round),
    )
    .live()
    .about("How many new connections a listener accepts at once before clients that are connected get their turn."),
    Directive::text("bind-source-addr", "", field!(network.bind_source_address))
        .live()
        .about("The local address from which the server connects to others. Empty: the system chooses."),
    Directive::number("socket-mark-id", "0", UNSIGNED_32, field!(network.socket_mark))
        .about("A mark that the kernel puts on the packets of every listening socket, for routing and filters. 0: none."),
];

/// More addresses than this are a mistake, and Redis takes no more either.
const MOST_ADDRESSES: usize = 16;

fn set_bind(config: &mut Config, words: &[Text], _: Occasion) -> Result<(), String> {
    if MOST_ADDRESSES < words.len() {
        return Err("Too many bind addresses specified.".to_owned());
    }
    config.network.bind = match words {
        [only] if only.is_empty() => Vec::new(),
        _ => words.to_vec(),
    };
    Ok(())
}

pub(super) fn bind_line(addresses: &[Text]) -> Vec<u8> {
    let words: Vec<Vec<u8>> =
        addresses.iter().map(|address| quoted_if_needed(address.as_bytes())).collect();
    match words.as_slice() {
        [] => b"\"\"".to_vec(),
        // A word that stands alone is taken apart like a line, so one that needs quotes needs them twice.
        [only] => quoted_if_needed(only),
        _ => words.join(&b' '),
    }
}

pub(super) fn joined(words: &[Text]) -> Vec<u8> {
    words.iter().map(Text::as_bytes).collect::<Vec<_>>().join(&b' ')
}
