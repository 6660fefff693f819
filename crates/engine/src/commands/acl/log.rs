//! ACL LOG: the calls that were refused lately.

use command::argument::{integer, one_of, token};
use command::{Command as Declaration, Group};

use super::super::help::wrong_subcommand_call;
use super::ADMINISTRATION;
use crate::Call;
use crate::acl::Entry;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static LOG: Command = Declaration {
    summary: "Shows the calls that were refused lately, or forgets them.",
    complexity: "O(N), where N is the number of entries shown.",
    flags: ADMINISTRATION,
    arguments: &[one_of("operation", &[integer("count"), token("reset", "RESET")]).optional()],
    history: &[(
        "7.2.0",
        "The fields `entry-id`, `timestamp-created` and `timestamp-last-updated` came.",
    )],
    ..Declaration::new("ACL|LOG", Group::Server, "6.0.0", Handler::Keys(log))
};

/// So many entries are shown if nothing else is asked for.
const USUALLY: i64 = 10;

fn log(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    if arguments.len() == 1 && arguments.accept(b"RESET") {
        call.engine.acl.log.clear();
        call.reply.ok();
        return Ok(());
    }
    let count = if arguments.is_empty() { USUALLY } else { arguments.integer()? };
    if !arguments.is_empty() {
        return Err(wrong_subcommand_call(call));
    }
    let entries = call.engine.acl.log.latest(usize::try_from(count).unwrap_or(0));
    call.reply.array(entries.len());
    for entry in entries {
        show(call, &entry);
    }
    Ok(())
}

fn show(call: &mut Call<'_>, entry: &Entry) {
    let now_ms = call.now_us.div_euclid(1000);
    let reply = &mut call.reply;
    reply.map(10);
    reply.bulk(b"count");
    reply.unsigned(entry.count);
    reply.bulk(b"reason");
    reply.bulk(entry.reason.name().as_bytes());
    reply.bulk(b"context");
    reply.bulk(entry.context.name().as_bytes());
    reply.bulk(b"object");
    reply.bulk(&entry.object);
    reply.bulk(b"username");
    reply.bulk(&entry.user);
    reply.bulk(b"age-seconds");
    #[expect(clippy::cast_precision_loss, reason = "it is shown with three digits")]
    reply.double((now_ms - entry.created_ms) as f64 / 1000.0);
    reply.bulk(b"client-info");
    reply.bulk(entry.client.as_bytes());
    reply.bulk(b"entry-id");
    reply.unsigned(entry.id);
    reply.bulk(b"timestamp-created");
    reply.integer(entry.created_ms);
    reply.bulk(b"timestamp-last-updated");
    reply.integer(entry.updated_ms);
}
