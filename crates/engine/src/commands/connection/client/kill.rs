//! CLIENT KILL: closing connections.
//!
//! It closes all gates: when its caller is answered, the killed clients have made their last call, whichever workers they
//! belong to.

use std::sync::Arc;

use command::argument::{integer, one_of, string, token};
use command::{Arguments, Command as Declaration, Group};
use resp::ReplyError;

use super::OTHERS;
use super::list::parse_kind;
use crate::clients::{ClientId, ClientKind, ClientRecord};
use crate::command_table::{Command, Handler, Outcome};
use crate::{Call, Engine, Next};

pub(super) static KILL: Command = Declaration {
    summary: "Closes the connections that meet all conditions.",
    complexity: "O(N), N being the number of connections",
    flags: OTHERS,
    arguments: &[one_of(
        "filter",
        &[
            string("old-format").display("ip:port").deprecated_since("2.8.12"),
            one_of(
                "new-format",
                &[
                    integer("client-id").after("ID").optional().since("2.8.12"),
                    one_of(
                        "client-type",
                        &[
                            token("normal", "NORMAL"),
                            token("master", "MASTER").since("3.2.0"),
                            token("slave", "SLAVE"),
                            token("replica", "REPLICA").since("5.0.0"),
                            token("pubsub", "PUBSUB"),
                        ],
                    )
                    .after("TYPE")
                    .optional()
                    .since("2.8.12"),
                    string("username").after("USER").optional(),
                    string("addr").display("ip:port").after("ADDR").optional(),
                    string("laddr").display("ip:port").after("LADDR").optional().since("6.2.0"),
                    one_of("skipme", &[token("yes", "YES"), token("no", "NO")])
                        .after("SKIPME")
                        .optional(),
                    integer("maxage").after("MAXAGE").optional().since("7.4.0"),
                ],
            )
            .multiple(),
        ],
    )],
    // A condition is optional in the grammar, but there is always one.
    arity_override: Some(-3),
    history: &[
        ("2.8.12", "Conditions came, beside the plain address."),
        ("2.8.12", "The condition `ID` came."),
        ("3.2.0", "The type `master` came."),
        ("5.0.0", "The type `replica` came; `slave` still means the same."),
        ("6.2.0", "The condition `LADDR` came."),
        ("7.4.0", "The condition `MAXAGE` came."),
    ],
    ..Declaration::new("CLIENT|KILL", Group::Connection, "2.4.0", Handler::Everything(kill))
};

/// What the clients to close have in common. What is not given does not matter.
#[derive(Default)]
struct Conditions<'a> {
    id: Option<ClientId>,
    kind: Option<ClientKind>,
    user: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    /// In seconds, at least.
    age_s: Option<i64>,
    /// Whether the caller may be among them.
    caller: Caller,
}

/// Whether the caller is spared.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Caller {
    #[default]
    Spared,
    Included,
}

fn kill(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    if arguments.len() == 1 {
        let conditions = Conditions {
            address: arguments.next_word(),
            caller: Caller::Included,
            ..Conditions::default()
        };
        if kill_all(call, &conditions) == 0 {
            return Err(ReplyError::message("No such client"));
        }
        call.reply.ok();
        return Ok(());
    }
    let conditions = parse_conditions(arguments, call.engine)?;
    let killed = kill_all(call, &conditions);
    call.reply.unsigned(killed);
    Ok(())
}

fn parse_conditions<'a>(
    mut arguments: Arguments<'a>,
    engine: &Engine,
) -> Result<Conditions<'a>, ReplyError> {
    const BAD_ID: ReplyError = ReplyError::message("client-id should be greater than 0");
    const BAD_AGE: ReplyError = ReplyError::message("maxage is not an integer or out of range");
    const NO_AGE: ReplyError = ReplyError::message("maxage should be greater than 0");
    let mut conditions = Conditions::default();
    while let Some(option) = arguments.peek_keyword() {
        arguments.skip();
        if arguments.is_empty() {
            return Err(ReplyError::Syntax);
        }
        match &*option {
            b"ID" => {
                let id = arguments.at_least(1, BAD_ID)?;
                conditions.id = ClientId::try_from(id).ok();
            }
            b"TYPE" => conditions.kind = Some(parse_kind(&mut arguments)?),
            b"ADDR" => conditions.address = arguments.next_word(),
            b"LADDR" => conditions.local_address = arguments.next_word(),
            b"USER" => conditions.user = Some(parse_user(&mut arguments, engine)?),
            b"SKIPME" => conditions.caller = parse_caller(&mut arguments)?,
            b"MAXAGE" => {
                let age_s = arguments.integer_or(BAD_AGE)?;
                conditions.age_s = Some(age_s).filter(|&age_s| 0 < age_s);
                conditions.age_s.ok_or(NO_AGE)?;
            }
            _ => return Err(ReplyError::Syntax),
        }
    }
    arguments.finish()?;
    Ok(conditions)
}

fn parse_user<'a>(arguments: &mut Arguments<'a>, engine: &Engine) -> Result<&'a [u8], ReplyError> {
    let name = arguments.string()?;
    if engine.has_user(name) {
        return Ok(name);
    }
    Err(ReplyError::quoting([b"ERR No such user '", name, b"'"].concat()))
}

fn parse_caller(arguments: &mut Arguments<'_>) -> Result<Caller, ReplyError> {
    if arguments.accept(b"YES") {
        Ok(Caller::Spared)
    } else {
        arguments.expect(b"NO")?;
        Ok(Caller::Included)
    }
}

impl Conditions<'_> {
    fn are_met_by(&self, client: &ClientRecord, now_ms: i64) -> bool {
        let is = |wanted: Option<&[u8]>, is: &[u8]| wanted.is_none_or(|wanted| wanted == is);
        self.id.is_none_or(|id| id == client.id)
            && self.kind.is_none_or(|kind| kind == client.kind())
            && is(self.address, client.peer.address.as_bytes())
            && is(self.local_address, client.peer.local_address.as_bytes())
            && is(self.user, &client.labels.lock().user)
            && self.age_s.is_none_or(|age_s| age_s <= client.age_s(now_ms))
    }
}

/// Closes the clients that meet the conditions; how many there are.
fn kill_all(call: &mut Call<'_>, conditions: &Conditions<'_>) -> u64 {
    let now_ms = call.now_ms();
    let own_id = call.session.id();
    let mut clients: Vec<Arc<ClientRecord>> = match conditions.id {
        Some(id) => call.engine.clients.find(id).into_iter().collect(),
        None => call.engine.clients.all(),
    };
    clients.retain(|client| {
        let spared = client.id == own_id && conditions.caller == Caller::Spared;
        !spared && conditions.are_met_by(client, now_ms)
    });
    for client in &clients {
        if client.id == own_id {
            // Its reply is sent first.
            call.next = Next::Close;
        } else {
            call.engine.clients.kill(client, &*call.engine.host);
        }
    }
    clients.len() as u64
}
