//! CLIENT GETREDIR and CLIENT TRACKINGINFO: whether the server tells the client which keys changed.
//!
//! It does so for nobody yet, and there is no CLIENT TRACKING to ask for it.

use command::{Command as Declaration, Group};

use super::OWN;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static GETREDIR: Command = Declaration {
    summary: "Returns the id of the connection that is told which keys changed in place of this one.",
    flags: OWN,
    ..Declaration::new("CLIENT|GETREDIR", Group::Connection, "6.0.0", Handler::Keys(redirection))
};

pub(super) static TRACKINGINFO: Command = Declaration {
    summary: "Tells whether and how this connection is told which keys changed.",
    flags: OWN,
    ..Declaration::new(
        "CLIENT|TRACKINGINFO",
        Group::Connection,
        "6.2.0",
        Handler::Keys(tracking_info),
    )
};

/// The answer of a client that is not told.
const NOT_TRACKING: i64 = -1;

fn redirection(call: &mut Call<'_>) -> Outcome {
    call.reply.integer(NOT_TRACKING);
    Ok(())
}

fn tracking_info(call: &mut Call<'_>) -> Outcome {
    let reply = &mut call.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(NOT_TRACKING);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}
