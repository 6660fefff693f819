//! BGREWRITEAOF: a short append-only file in the place of a long one.

use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::host::Rewrite;

pub(super) static BGREWRITEAOF: Command = Declaration {
    summary: "Rewrites the append-only file in the background, so that it holds what there is and not how it came to be.",
    complexity: "O(1)",
    flags: Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::NO_ASYNC_LOADING),
    ..Declaration::new("BGREWRITEAOF", Group::Server, "1.0.0", Handler::Keys(rewrite))
};

fn rewrite(call: &mut Call<'_>) -> Outcome {
    match call.engine.host.rewrite_append_only(call.is_inner()) {
        Rewrite::Begun => call.reply.simple("Background append only file rewriting started"),
        Rewrite::Scheduled => call.reply.simple("Background append only file rewriting scheduled"),
        Rewrite::InProgress => return Err(IN_PROGRESS),
        Rewrite::Impossible => return Err(IMPOSSIBLE),
    }
    Ok(())
}

const IN_PROGRESS: ReplyError =
    ReplyError::message("Background append only file rewriting already in progress");
const IMPOSSIBLE: ReplyError = ReplyError::message(
    "Can't execute an AOF background rewriting. Please check the server logs for more information.",
);
