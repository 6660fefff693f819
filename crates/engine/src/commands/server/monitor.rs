//! MONITOR: the client is shown every call that is executed.

use command::{Command as Declaration, Group};
use resp::ReplyError;

use super::ADMINISTRATION;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static MONITOR: Command = Declaration {
    summary: "Shows the client every call that is executed from here on.",
    flags: ADMINISTRATION,
    ..Declaration::new("MONITOR", Group::Server, "1.0.0", Handler::Keys(monitor))
};

fn monitor(call: &mut Call<'_>) -> Outcome {
    if call.is_inner() {
        return Err(ReplyError::message("MONITOR isn't allowed for DENY BLOCKING client"));
    }
    let (pubsub, output) = (&call.engine.pubsub, call.reply.output());
    call.delivery.monitor(pubsub, call.session, output);
    call.reply.ok();
    Ok(())
}
