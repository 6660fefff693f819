//! AUTH and HELLO: the client says who it is and what it speaks.

use command::argument::{block, integer, string};
use command::{Arguments, Command as Declaration, Flags, Group};
use resp::{Protocol, ReplyError};

use super::client::label::check_label;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static AUTH: Command = Declaration {
    summary: "Authenticates the client by a password.",
    complexity: "O(N), N being the number of the user's passwords",
    flags: BEFORE_AUTHENTICATION,
    arguments: &[string("username").optional().since("6.0.0"), string("password")],
    history: &[("6.0.0", "A user can be named before the password.")],
    ..Declaration::new("AUTH", Group::Connection, "1.0.0", Handler::Keys(auth))
};

pub(super) static HELLO: Command = Declaration {
    summary: "Agrees on a protocol, and may authenticate and name the client with it.",
    flags: BEFORE_AUTHENTICATION,
    arguments: &[block(
        "arguments",
        &[
            integer("protover"),
            block("auth", &[string("username"), string("password")]).after("AUTH").optional(),
            string("clientname").after("SETNAME").optional(),
        ],
    )
    .optional()],
    history: &[("6.2.0", "`protover` may be left out, to ask how the connection stands.")],
    ..Declaration::new("HELLO", Group::Connection, "6.0.0", Handler::Keys(hello))
};

const BEFORE_AUTHENTICATION: Flags = Flags::NO_SCRIPT
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::FAST)
    .and(Flags::NO_AUTH)
    .and(Flags::ALLOW_BUSY);

fn auth(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let first = arguments.string()?;
    let second = arguments.next_word();
    arguments.finish()?;
    match second {
        Some(password) => call.authenticate(first, password)?,
        None => call.authenticate_by_password(first)?,
    }
    call.reply.ok();
    Ok(())
}

/// What a client asks for with HELLO.
#[derive(Default)]
struct Greeting<'a> {
    protocol: Option<Protocol>,
    /// User and password.
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello(call: &mut Call<'_>) -> Outcome {
    /// Clients show this to whoever configured them.
    const NOT_AUTHENTICATED: ReplyError = ReplyError::coded(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
         HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
         select the RESP protocol version at the same time",
    );
    let greeting = parse_greeting(call.arguments)?;
    if let Some((user, password)) = greeting.credentials {
        call.authenticate(user, password)?;
    }
    if !call.session.authenticated {
        return Err(NOT_AUTHENTICATED);
    }
    if let Some(name) = greeting.name {
        call.session.record.labels.lock().name = name.into();
    }
    if let Some(protocol) = greeting.protocol {
        call.session.protocol = protocol;
        call.session.note_protocol();
        call.reply.set_protocol(protocol);
    }
    introduce(call);
    Ok(())
}

fn parse_greeting(mut arguments: Arguments<'_>) -> Result<Greeting<'_>, ReplyError> {
    const NO_VERSION: ReplyError =
        ReplyError::message("Protocol version is not an integer or out of range");
    let mut greeting = Greeting::default();
    if arguments.is_empty() {
        return Ok(greeting);
    }
    greeting.protocol = match arguments.integer_or(NO_VERSION)? {
        2 => Some(Protocol::Resp2),
        3 => Some(Protocol::Resp3),
        _ => return Err(ReplyError::coded("NOPROTO unsupported protocol version")),
    };
    while let Some(option) = arguments.next_word() {
        if option.eq_ignore_ascii_case(b"AUTH") && 2 <= arguments.len() {
            greeting.credentials = Some((arguments.string()?, arguments.string()?));
        } else if option.eq_ignore_ascii_case(b"SETNAME") && !arguments.is_empty() {
            let name = arguments.string()?;
            check_label("Client names", name)?;
            greeting.name = Some(name);
        } else {
            let line = [b"ERR Syntax error in HELLO option '", option, b"'"].concat();
            return Err(ReplyError::quoting(line));
        }
    }
    Ok(greeting)
}

/// Says what this server is. Clients look for `redis` and for the version of Redis whose commands they may use.
fn introduce(call: &mut Call<'_>) {
    let protocol = match call.session.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    let reply = &mut call.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(crate::REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(protocol);
    reply.bulk(b"id");
    reply.unsigned(call.session.id());
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}
