//! CLIENT INFO and CLIENT LIST: what is known of clients.

use std::sync::Arc;

use command::argument::{integer, one_of, token};
use command::{Arguments, Command as Declaration, Group};
use resp::ReplyError;

use super::{OTHERS, OWN};
use crate::Call;
use crate::clients::{ClientId, ClientKind, ClientRecord, InCall};
use crate::command_table::{Command, Handler, Outcome};

pub(super) static INFO: Command = Declaration {
    summary: "Describes this connection.",
    flags: OWN,
    tips: &["nondeterministic_output"],
    ..Declaration::new("CLIENT|INFO", Group::Connection, "6.2.0", Handler::Keys(info))
};

pub(super) static LIST: Command = Declaration {
    summary: "Describes connections: all, those of a type, or those with these ids.",
    complexity: "O(N), N being the number of connections",
    flags: OTHERS,
    arguments: &[
        one_of(
            "client-type",
            &[
                token("normal", "NORMAL"),
                token("master", "MASTER"),
                token("replica", "REPLICA"),
                token("pubsub", "PUBSUB"),
            ],
        )
        .after("TYPE")
        .optional()
        .since("5.0.0"),
        integer("client-id").after("ID").optional().multiple().since("6.2.0"),
    ],
    history: &[
        ("2.8.12", "The field `id` came."),
        ("5.0.0", "The filter `TYPE` came."),
        ("6.0.0", "The field `user` came."),
        (
            "6.2.0",
            "The fields `argv-mem`, `tot-mem`, `laddr` and `redir`, and the filter `ID` came.",
        ),
        ("7.0.0", "The fields `resp`, `multi-mem`, `rbs` and `rbp` came."),
        ("7.0.3", "The field `ssub` came."),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("CLIENT|LIST", Group::Connection, "2.4.0", Handler::Keys(list))
};

/// Which clients are listed.
enum Selection {
    All,
    OfKind(ClientKind),
    /// In the order given.
    WithIds(Vec<ClientId>),
}

fn info(call: &mut Call<'_>) -> Outcome {
    let record = Arc::clone(&call.session.record);
    reply_lines(call, &[record]);
    Ok(())
}

fn list(call: &mut Call<'_>) -> Outcome {
    let clients = &call.engine.clients;
    let records = match parse_selection(call.arguments)? {
        Selection::All => clients.all(),
        Selection::OfKind(kind) => {
            let mut records = clients.all();
            records.retain(|record| record.kind() == kind);
            records
        }
        Selection::WithIds(ids) => ids.iter().filter_map(|&id| clients.find(id)).collect(),
    };
    reply_lines(call, &records);
    Ok(())
}

fn parse_selection(mut arguments: Arguments<'_>) -> Result<Selection, ReplyError> {
    if arguments.is_empty() {
        return Ok(Selection::All);
    }
    if arguments.len() == 2 && arguments.accept(b"TYPE") {
        return Ok(Selection::OfKind(parse_kind(&mut arguments)?));
    }
    arguments.expect(b"ID")?;
    if arguments.is_empty() {
        return Err(ReplyError::Syntax);
    }
    let mut ids = Vec::with_capacity(arguments.len());
    while !arguments.is_empty() {
        let id = arguments.integer_or(ReplyError::message("Invalid client ID"))?;
        // No client has a negative one.
        ids.extend(ClientId::try_from(id).ok());
    }
    Ok(Selection::WithIds(ids))
}

/// Reads the kind of client that follows TYPE.
pub(super) fn parse_kind(arguments: &mut Arguments<'_>) -> Result<ClientKind, ReplyError> {
    let name = arguments.string()?;
    ClientKind::named(name).ok_or_else(|| {
        let line = [b"ERR Unknown client type '", name, b"'"].concat();
        ReplyError::quoting(line)
    })
}

fn reply_lines(call: &mut Call<'_>, records: &[Arc<ClientRecord>]) {
    // Others see what the caller does only after its batch; it sees itself as it is.
    let now_ms = call.now_ms();
    call.session.note(now_ms, call.callable.id);
    let in_call = InCall {
        received: call.session.received,
        words: call.words.bytes(),
        replies: call.reply.output().len(),
    };
    let mut text = String::new();
    for record in records {
        let in_call = (record.id == call.session.id()).then_some(in_call);
        text.push_str(&record.describe(now_ms, &call.engine.commands, in_call));
        text.push('\n');
    }
    call.reply.verbatim("txt", text.as_bytes());
}
