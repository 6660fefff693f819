//! MULTI and DISCARD: a transaction begins, or is given up.

use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use super::ALLOWED;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static MULTI: Command = Declaration {
    summary: "Begins a transaction: calls are queued from here on.",
    complexity: "O(1)",
    flags: ALLOWED.and(Flags::FAST).and(Flags::UNQUEUED),
    ..Declaration::new("MULTI", Group::Transactions, "1.2.0", Handler::Keys(multi))
};

pub(super) static DISCARD: Command = Declaration {
    summary: "Gives a transaction up: forgets the queued calls, and watches no key any more.",
    complexity: "O(N), where N is the number of queued calls",
    flags: ALLOWED.and(Flags::FAST).and(Flags::UNQUEUED),
    ..Declaration::new("DISCARD", Group::Transactions, "2.0.0", Handler::Watched(discard))
};

fn multi(call: &mut Call<'_>) -> Outcome {
    if call.session.is_in_transaction() {
        return Err(ReplyError::message("MULTI calls can not be nested"));
    }
    call.session.transaction_mut().is_open = true;
    call.session.note_transaction();
    call.reply.ok();
    Ok(())
}

fn discard(call: &mut Call<'_>) -> Outcome {
    if !call.session.is_in_transaction() {
        return Err(ReplyError::message("DISCARD without MULTI"));
    }
    call.give_transaction_up();
    call.reply.ok();
    Ok(())
}

impl Call<'_> {
    /// Forgets the queued calls and watches no key any more. The shards of the watched keys are locked.
    pub(crate) fn give_transaction_up(&mut self) {
        self.session.unwatch(self.engine, &mut self.keys);
        if let Some(transaction) = &mut self.session.transaction {
            transaction.close();
            self.session.note_transaction();
        }
    }
}
