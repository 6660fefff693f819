//! WATCH and UNWATCH: a transaction that runs only if nobody else has changed these keys.

use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::ALLOWED;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static WATCH: Command = Declaration {
    summary: "Lets the next transaction run only if these keys have not been changed until then.",
    complexity: "O(N), where N is the number of keys",
    flags: ALLOWED.and(Flags::FAST).and(Flags::UNQUEUED),
    keys: &[KeySpec::read_only(1).to_last()],
    arguments: &[key("key").multiple()],
    ..Declaration::new("WATCH", Group::Transactions, "2.2.0", Handler::Keys(watch))
};

pub(super) static UNWATCH: Command = Declaration {
    summary: "Forgets which keys were watched: whatever happens to them, the next transaction runs.",
    complexity: "O(N), where N is the number of watched keys",
    flags: ALLOWED.and(Flags::FAST),
    ..Declaration::new("UNWATCH", Group::Transactions, "2.2.0", Handler::Watched(unwatch))
};

fn watch(call: &mut Call<'_>) -> Outcome {
    if call.session.is_in_transaction() {
        return Err(ReplyError::message("WATCH inside MULTI is not allowed"));
    }
    let mut arguments = call.arguments;
    let keys = std::iter::from_fn(|| arguments.next_word());
    call.session.watch(call.engine, &mut call.keys, keys);
    call.reply.ok();
    Ok(())
}

fn unwatch(call: &mut Call<'_>) -> Outcome {
    call.session.unwatch(call.engine, &mut call.keys);
    call.reply.ok();
    Ok(())
}
