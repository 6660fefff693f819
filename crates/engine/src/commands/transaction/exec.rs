//! EXEC: runs a transaction.

use command::{Command as Declaration, Flags, Group};
use resp::{ReplyError, Words};

use crate::acl::{Context, Denied, Reason};
use crate::command_table::{Callable, Command, Handler, Outcome};
use crate::transaction::Queued;
use crate::{Call, Next, watch};

pub(super) static EXEC: Command = Declaration {
    summary: "Runs the queued calls, with nothing in between, and ends the transaction.",
    complexity: "That of the queued calls together",
    flags: Flags::NO_SCRIPT
        .and(Flags::LOADING)
        .and(Flags::STALE)
        .and(Flags::SKIP_SLOW_LOG)
        .and(Flags::UNQUEUED),
    ..Declaration::new("EXEC", Group::Transactions, "1.2.0", Handler::Queued(exec))
};

fn exec(call: &mut Call<'_>) -> Outcome {
    const ABORTED: ReplyError =
        ReplyError::coded("EXECABORT Transaction discarded because of previous errors.");
    if !call.session.is_in_transaction() {
        return Err(ReplyError::message("EXEC without MULTI"));
    }
    let is_stale = call.session.is_watch_broken(&mut call.keys);
    call.session.unwatch(call.engine, &mut call.keys);
    let transaction = call.session.transaction_mut();
    let is_broken = transaction.is_broken;
    let queue = transaction.close();
    if !is_broken && !is_stale {
        call.reply.array(queue.len());
        for queued in &queue {
            run(call, queued);
        }
    }
    call.session.note_transaction();
    if is_broken {
        return Err(ABORTED);
    }
    if is_stale {
        call.reply.null_array();
    }
    Ok(())
}

/// Replies to a queued call that the client may not make any more.
#[cold]
fn deny(call: &mut Call<'_>, denied: Denied, callable: &Callable, words: Words<'_>) {
    let reason = match denied.reason {
        Reason::Command | Reason::Authentication => {
            "no permission to execute the command or subcommand"
        }
        Reason::Key => "no permission to touch the specified keys",
        Reason::Channel => {
            "no permission to access one of the channels used as arguments to the command"
        }
    };
    let about = (denied, Context::Transaction);
    call.engine.note_denied(call.config, call.now_ms(), call.session, about, callable, words);
    let error = ReplyError::quoting(
        format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command \
             is no longer allowed for the following reason: {reason}"
        )
        .into_bytes(),
    );
    call.tally.error(&error.code());
    call.reply.error(&error);
}

/// Runs a queued call. Whatever becomes of it, those after it run, too.
fn run(call: &mut Call<'_>, queued: &Queued) {
    let engine = call.engine;
    let Some(callable) = engine.commands.get(queued.command) else { return };
    let Some(handler) = callable.run else { return };
    let words = queued.words.as_words();
    if let Err(denied) = engine.check_rights(call.session, callable, words) {
        return deny(call, denied, callable, words);
    }
    let before = (engine.ticks)();
    let (fate, next) = call.run_within(callable, handler, words, None);
    let elapsed_ns = (engine.ticks)().wrapping_sub(before);
    call.tally.call(callable.id, elapsed_ns, fate);
    if watch::slow_ns(call.config) <= elapsed_ns {
        watch::note_slow(
            call.engine,
            call.config,
            call.now_ms(),
            call.session,
            words,
            callable,
            elapsed_ns,
        );
    }
    if next == Next::Close {
        call.next = Next::Close;
    }
}
