//! QUIT and RESET: the end of a connection, and its new beginning.

use command::{Command as Declaration, Flags, Group};
use resp::Protocol;

use crate::command_table::{Command, Handler, Outcome};
use crate::{Call, Next};

pub(super) static QUIT: Command = Declaration {
    summary: "Closes the connection once all replies are sent.",
    flags: ALWAYS_ALLOWED,
    arity_override: Some(-1),
    deprecated_since: Some("7.2.0"),
    replaced_by: Some("just closing the connection"),
    ..Declaration::new("QUIT", Group::Connection, "1.0.0", Handler::Keys(quit))
};

pub(super) static RESET: Command = Declaration {
    summary: "Forgets what the client has set up, as if it had just connected.",
    flags: ALWAYS_ALLOWED,
    ..Declaration::new("RESET", Group::Connection, "6.2.0", Handler::Watched(reset))
};

/// In any state of the server and of the client.
const ALWAYS_ALLOWED: Flags = Flags::NO_SCRIPT
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::FAST)
    .and(Flags::NO_AUTH)
    .and(Flags::ALLOW_BUSY)
    .and(Flags::UNQUEUED)
    .and(Flags::WHILE_SUBSCRIBED);

fn quit(call: &mut Call<'_>) -> Outcome {
    call.next = Next::Close;
    call.reply.ok();
    Ok(())
}

fn reset(call: &mut Call<'_>) -> Outcome {
    call.give_transaction_up();
    let (pubsub, output) = (&call.engine.pubsub, call.reply.output());
    call.delivery.withdraw(pubsub, call.session, output);
    call.session.track_nothing(call.engine);
    call.session.reset(call.engine.trusts_newcomers());
    call.session.note_protocol();
    call.reply.set_protocol(Protocol::Resp2);
    call.reply.simple("RESET");
    Ok(())
}
