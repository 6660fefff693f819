//! The replica's end of the handshake with a primary, up to its answer to PSYNC.
//!
//! ```text
//!   replica                                   primary
//!   PING                             -->
//!                                    <--      +PONG, or an error that asks for a password
//!   AUTH, REPLCONF ... (all at once) -->
//!                                    <--      a line for each
//!   PSYNC <id> <offset>              -->
//!                                    <--      (newlines while it prepares)
//!                                             +FULLRESYNC <id> <offset>  then a payload, see `full_sync`
//!                                             +CONTINUE [<id>]           then the stream
//!                                             -NOMASTERLINK, -LOADING    try again later
//! ```
//!
//! A state machine without I/O: it is fed with bytes as they come, in any pieces, and with the time; it says what to send and what to
//! log. What the primary sends is checked: a line has a limit, and what is not understood ends the handshake with a reason.

#[cfg(test)]
mod tests;

use crate::identity::ReplicationId;

/// The longest answer that makes sense; errors may quote something.
const LINE_LIMIT: usize = 1024;

/// What a replica says of itself, and what it asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Introduction {
    /// The user to log in as; empty: the default one.
    pub user: Vec<u8>,
    /// The password to log in with; empty: it does not log in.
    pub password: Vec<u8>,
    /// The port at which others reach it.
    pub port: u16,
    /// The address at which others reach it; empty: the one that the primary sees.
    pub address: Vec<u8>,
    /// It asks the other one to become the primary, and was that itself until now.
    pub takes_over: bool,
    /// Of which history it has the data, and up to which offset; `None`: it has nothing that it could go on from.
    pub has: Option<(ReplicationId, u64)>,
}

/// How a handshake ended well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agreement {
    /// A payload follows with all data; then the stream, from the byte behind `offset` of this history on.
    Full {
        /// Of the history.
        id: ReplicationId,
        /// How much of it the payload holds.
        offset: u64,
    },
    /// The stream follows, from the byte that was asked for on.
    Partial {
        /// Of the history, if it has another name now.
        id: Option<ReplicationId>,
    },
}

/// How much a line to log matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// It is the usual course.
    Notice,
    /// Something is wrong.
    Warning,
}

/// Why a handshake failed. Its text is for the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// An answer to PING that is neither a greeting nor asks for a password.
    #[error("Error reply to PING from master: '{0}'")]
    Ping(String),
    /// Wrong password or user.
    #[error("Unable to AUTH to MASTER: {0}")]
    Password(String),
    /// It says FULLRESYNC, but not of what.
    #[error("Master replied with wrong +FULLRESYNC syntax.")]
    FullSyntax,
    /// It says CONTINUE with something that is no id, or was not asked to continue.
    #[error("Master replied with wrong +CONTINUE syntax.")]
    ContinueSyntax,
    /// It cannot at the moment.
    #[error("Master is currently unable to PSYNC but should be in the future: {0}")]
    Later(String),
    /// It knows no PSYNC, or says that it won't.
    #[error("Master does not support PSYNC or is in error state (reply: {0})")]
    Unsupported(String),
    /// Something else.
    #[error("Unexpected reply to PSYNC from master: {0}")]
    Unexpected(String),
    /// A line without an end.
    #[error("Master sent a line of more than {LINE_LIMIT} bytes during SYNC handshake")]
    LongLine,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Awaited {
    Ping,
    Password,
    Port,
    Address,
    Capabilities,
    Sync,
}

/// The steps between PING and PSYNC, in order.
const STEPS: [Awaited; 4] =
    [Awaited::Password, Awaited::Port, Awaited::Address, Awaited::Capabilities];

/// A handshake that goes on.
#[derive(Debug)]
pub struct Joining {
    introduction: Introduction,
    awaited: Awaited,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// When something was received last, in ms of any clock.
    heard_ms: u64,
}

/// What the primary sent has led to.
#[derive(Debug, Default)]
pub struct Course {
    /// What is to be sent.
    pub reply: Vec<u8>,
    /// What is to be logged, in order.
    pub lines: Vec<(Weight, String)>,
    /// How many of the bytes received belong to the handshake: all, unless it has ended.
    pub consumed: usize,
    /// How it has ended, if it has.
    pub agreement: Option<Agreement>,
}

impl Course {
    fn notice(&mut self, line: impl Into<String>) {
        self.lines.push((Weight::Notice, line.into()));
    }

    fn request(&mut self, words: &[&[u8]]) {
        resp::value::encode_request(words, &mut self.reply);
    }
}

impl Joining {
    /// One that begins, at a time in ms; and what is to be sent first.
    pub fn begin(introduction: Introduction, now_ms: u64) -> (Joining, Vec<u8>) {
        let mut first = Vec::new();
        resp::value::encode_request(&[b"PING"], &mut first);
        let awaited = Awaited::Ping;
        (Joining { introduction, awaited, line: Vec::new(), heard_ms: now_ms }, first)
    }

    /// Whether the primary has been silent for longer than that.
    pub fn is_overdue(&self, now_ms: u64, timeout_ms: u64) -> bool {
        timeout_ms < now_ms.saturating_sub(self.heard_ms)
    }

    /// What INFO and ROLE call it: the handshake goes on, or a sync is asked for.
    pub fn is_asking_for_sync(&self) -> bool {
        self.awaited == Awaited::Sync
    }

    /// Takes what has come. After a refusal the connection is of no use any more; what is to be logged and sent before it is in the
    /// course all the same.
    pub fn receive(
        &mut self,
        input: &[u8],
        now_ms: u64,
        course: &mut Course,
    ) -> Result<(), Refused> {
        if !input.is_empty() {
            self.heard_ms = now_ms;
        }
        let mut rest = input;
        while course.agreement.is_none() {
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                if LINE_LIMIT < self.line.len().saturating_add(rest.len()) {
                    return Err(Refused::LongLine);
                }
                self.line.extend_from_slice(rest);
                course.consumed = input.len();
                return Ok(());
            };
            let (line, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            course.consumed = input.len().saturating_sub(rest.len());
            let mut whole = std::mem::take(&mut self.line);
            if LINE_LIMIT < whole.len().saturating_add(line.len()) {
                return Err(Refused::LongLine);
            }
            whole.extend_from_slice(line);
            let line = whole.strip_suffix(b"\r").unwrap_or(&whole);
            // While it prepares, the primary shows that it lives.
            if !line.is_empty() {
                self.take(line, course)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8], course: &mut Course) -> Result<(), Refused> {
        let is_error = line.first() == Some(&b'-');
        let text = || line.escape_ascii().to_string();
        let about = |what: &str| {
            format!("(Non critical) Master does not understand REPLCONF {what}: {}", text())
        };
        match self.awaited {
            Awaited::Ping => {
                const ASKS: [&[u8]; 3] = [b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted"];
                let asks = ASKS.iter().any(|error| line.starts_with(error));
                if line.first() != Some(&b'+') && !asks {
                    return Err(Refused::Ping(text()));
                }
                course.notice("Master replied to PING, replication can continue...");
                self.introduce(course);
            }
            Awaited::Password if is_error => return Err(Refused::Password(text())),
            Awaited::Port if is_error => course.notice(about("listening-port")),
            Awaited::Address if is_error => course.notice(about("ip-address")),
            Awaited::Capabilities if is_error => course.notice(about("capa")),
            Awaited::Password | Awaited::Port | Awaited::Address | Awaited::Capabilities => {}
            Awaited::Sync => {
                course.agreement = Some(self.agree(line)?);
                match course.agreement {
                    Some(Agreement::Full { id, offset }) => {
                        course.notice(format!("Full resync from master: {id}:{offset}"));
                    }
                    Some(Agreement::Partial { .. }) => {
                        course.notice("Successful partial resynchronization with master.");
                    }
                    None => {}
                }
                return Ok(());
            }
        }
        self.go_on(course);
        Ok(())
    }

    /// Sends all that is said before PSYNC.
    fn introduce(&self, course: &mut Course) {
        for step in STEPS {
            if self.leaves_out(step) {
                continue;
            }
            let Introduction { user, password, address, port, .. } = &self.introduction;
            match step {
                Awaited::Password if user.is_empty() => course.request(&[b"AUTH", password]),
                Awaited::Password => course.request(&[b"AUTH", user, password]),
                Awaited::Port => {
                    let port = port.to_string();
                    course.request(&[b"REPLCONF", b"listening-port", port.as_bytes()]);
                }
                Awaited::Address => course.request(&[b"REPLCONF", b"ip-address", address]),
                Awaited::Capabilities => {
                    course.request(&[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"]);
                }
                Awaited::Ping | Awaited::Sync => {}
            }
        }
    }

    /// Whether there is nothing to say in a step.
    fn leaves_out(&self, step: Awaited) -> bool {
        match step {
            Awaited::Password => self.introduction.password.is_empty(),
            Awaited::Address => self.introduction.address.is_empty(),
            Awaited::Ping | Awaited::Port | Awaited::Capabilities | Awaited::Sync => false,
        }
    }

    /// Waits for the answer to the next step; asks for the sync behind the last.
    fn go_on(&mut self, course: &mut Course) {
        let mut rest = STEPS.into_iter();
        if STEPS.contains(&self.awaited) {
            rest.by_ref().find(|&step| step == self.awaited);
        }
        if let Some(next) = rest.find(|&step| !self.leaves_out(step)) {
            self.awaited = next;
            return;
        }
        self.awaited = Awaited::Sync;
        if let Some((id, offset)) = self.introduction.has {
            // It asks for a byte by its number, the first being 1.
            let next = offset.saturating_add(1).to_string();
            course.notice(format!("Trying a partial resynchronization (request {id}:{next})."));
            let words: [&[u8]; 4] = [b"PSYNC", id.as_bytes(), next.as_bytes(), b"FAILOVER"];
            let (plain, _) = words.split_at(3);
            course.request(if self.introduction.takes_over { &words } else { plain });
        } else {
            course.notice("Partial resynchronization not possible (no cached master)");
            course.request(&[b"PSYNC", b"?", b"-1"]);
        }
    }

    /// What the answer to PSYNC means.
    fn agree(&self, line: &[u8]) -> Result<Agreement, Refused> {
        let text = || line.escape_ascii().to_string();
        if let Some(rest) = line.strip_prefix(b"+FULLRESYNC") {
            let mut words = rest.split(|&byte| byte == b' ').skip(1);
            let id = words.next().and_then(ReplicationId::parse);
            let offset = words.next().and_then(number);
            let (Some(id), Some(offset), None) = (id, offset, words.next()) else {
                return Err(Refused::FullSyntax);
            };
            return Ok(Agreement::Full { id, offset });
        }
        if let Some(rest) = line.strip_prefix(b"+CONTINUE") {
            if self.introduction.has.is_none() {
                return Err(Refused::ContinueSyntax);
            }
            let id = rest.trim_ascii();
            if id.is_empty() {
                return Ok(Agreement::Partial { id: None });
            }
            let id = ReplicationId::parse(id).ok_or(Refused::ContinueSyntax)?;
            let known = self.introduction.has.is_some_and(|(known, _)| known == id);
            return Ok(Agreement::Partial { id: (!known).then_some(id) });
        }
        if line.starts_with(b"-NOMASTERLINK") || line.starts_with(b"-LOADING") {
            return Err(Refused::Later(text()));
        }
        if line.starts_with(b"-ERR") {
            return Err(Refused::Unsupported(text()));
        }
        Err(Refused::Unexpected(text()))
    }
}

/// A decimal number.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}
