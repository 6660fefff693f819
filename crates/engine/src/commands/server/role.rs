//! ROLE: primary or replica.

use command::{Categories, Command as Declaration, Flags, Group};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static ROLE: Command = Declaration {
    summary: "Returns whether the server is a primary or a replica, and how far replication is.",
    complexity: "O(1)",
    flags: Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST),
    categories: Categories::ADMIN.and(Categories::DANGEROUS),
    ..Declaration::new("ROLE", Group::Server, "2.8.12", Handler::Keys(role))
};

/// A primary that has replicated nothing, to nobody.
fn role(call: &mut Call<'_>) -> Outcome {
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.integer(0);
    call.reply.array(0);
    Ok(())
}
