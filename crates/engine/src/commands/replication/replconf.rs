//! REPLCONF: what a replica says of itself before it asks for the data, and how far it is afterwards.
//!
//! What it says afterwards is read by whoever serves it, not here; so here nobody has anything to acknowledge.

use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;
use resp::number::parse_integer;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::replication::{Announced, Content};

pub(super) static REPLCONF: Command = Declaration {
    summary: "Tells a primary about its replica, and the other way round. Servers call it, not clients.",
    complexity: "O(1)",
    flags: Flags::ADMIN
        .and(Flags::NO_SCRIPT)
        .and(Flags::LOADING)
        .and(Flags::STALE)
        .and(Flags::ALLOW_BUSY),
    arity_override: Some(-1),
    internal: true,
    ..Declaration::new("REPLCONF", Group::Server, "3.0.0", Handler::Keys(replconf))
};

/// The longest address that is taken.
const ADDRESS_BYTES: usize = 255;

fn replconf(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    if !arguments.len().is_multiple_of(2) {
        return Err(ReplyError::Syntax);
    }
    // What comes before a mistake counts, as it does in Redis; it changes nothing but this client.
    let announced = &mut call.session.replica.get_or_insert_default().announced;
    while let (Some(option), Some(value)) = (arguments.next_word(), arguments.next_word()) {
        if is_about_the_stream(option) {
            return Ok(());
        }
        note(announced, option, value)?;
    }
    call.reply.ok();
    Ok(())
}

/// Words of a link that is there, which this client has none of. They are not answered.
fn is_about_the_stream(option: &[u8]) -> bool {
    [&b"ack"[..], b"getack"].iter().any(|known| known.eq_ignore_ascii_case(option))
}

fn note(announced: &mut Announced, option: &[u8], value: &[u8]) -> Result<(), ReplyError> {
    let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
    if is(b"listening-port") {
        let port = parse_integer(value).ok_or(ReplyError::NotInteger)?;
        // Any number is taken; one that is no port is of no use to anybody.
        announced.port = u16::try_from(port).unwrap_or(0);
    } else if is(b"ip-address") {
        if ADDRESS_BYTES < value.len() {
            return Err(ReplyError::Message(
                format!(
                    "REPLCONF ip-address provided by replica instance is too long: {} bytes",
                    value.len()
                )
                .into(),
            ));
        }
        announced.address = (!value.is_empty()).then(|| value.into());
    } else if is(b"capa") {
        announced.capabilities.note(value);
    } else if is(b"version") {
        announced.version = Some(value.into());
    } else if is(b"rdb-only") {
        announced.only_snapshot = match parse_integer(value) {
            None => return Err(ReplyError::NotInteger),
            Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(ReplyError::message(NOT_A_SWITCH)),
        };
    } else if is(b"rdb-filter-only") {
        announced.content = filter(value)?;
    } else {
        return Err(quote("Unrecognized REPLCONF option: ", option));
    }
    Ok(())
}

/// What a filter leaves of a snapshot.
fn filter(value: &[u8]) -> Result<Content, ReplyError> {
    let missing = ReplyError::message("Missing rdb-filter-only values");
    let words = config::words::split(value).map_err(|_| missing)?;
    let mut content = Content { keys: false, functions: false };
    for word in &words {
        if !word.as_bytes().eq_ignore_ascii_case(b"functions") {
            return Err(quote("Unsupported rdb-filter-only option: ", word.as_bytes()));
        }
        content.functions = true;
    }
    Ok(content)
}

fn quote(what: &str, word: &[u8]) -> ReplyError {
    ReplyError::quoting([b"ERR ", what.as_bytes(), word].concat())
}

const NOT_A_SWITCH: &str = "value is out of range, value must between 0 and 1";
