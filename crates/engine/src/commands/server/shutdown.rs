//! SHUTDOWN: the orderly end of the server.

use command::argument::{one_of, token};
use command::{Arguments, Command as Declaration, Flags, Group};
use resp::ReplyError;

use super::ADMINISTRATION;
use crate::call::Occasion;
use crate::command_table::{Command, Handler, Outcome};
use crate::host::{LogLevel, ShutdownRefused, ShutdownRequest};
use crate::shutdown::FAILED;
use crate::{Call, Next};

pub(super) static SHUTDOWN: Command = Declaration {
    summary: "Saves if there is something to save, and ends the server.",
    complexity: "O(N) when saving, where N is the number of keys in all databases, else O(1).",
    flags: ADMINISTRATION.and(Flags::NO_MULTI).and(Flags::ALLOW_BUSY),
    arguments: &[
        one_of("save-selector", &[token("nosave", "NOSAVE"), token("save", "SAVE")]).optional(),
        token("now", "NOW").optional().since("7.0.0"),
        token("force", "FORCE").optional().since("7.0.0"),
        token("abort", "ABORT").optional().since("7.0.0"),
    ],
    history: &[("7.0.0", "Has the options `NOW`, `FORCE` and `ABORT`.")],
    ..Declaration::new("SHUTDOWN", Group::Server, "1.0.0", HANDLER)
};

/// To save takes all keys at rest. What does not save must be possible while a script runs that has all keys.
const HANDLER: Handler = Handler::KeysOrEverything {
    run: shutdown,
    needs_everything: |words| {
        let is = |keyword: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(keyword));
        !is(b"NOSAVE") && !is(b"ABORT")
    },
};

/// What is asked for.
enum Wish {
    End(ShutdownRequest),
    /// An end that was asked for and has not come is taken back.
    Abort,
}

fn shutdown(call: &mut Call<'_>) -> Outcome {
    match parse(call.arguments)? {
        Wish::Abort => {
            const NONE: ReplyError = ReplyError::message("No shutdown in progress.");
            let served = call.engine.give_up_shutdown().ok_or(NONE)?;
            call.served.extend(served);
            call.engine.host.log(LogLevel::Notice, "Shutdown manually aborted.");
            call.reply.ok();
            Ok(())
        }
        Wish::End(request) if !request.now && call.occasion != Occasion::Asked => {
            const CANNOT_WAIT: ReplyError = ReplyError::message(
                "SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client",
            );
            Err(CANNOT_WAIT)
        }
        Wish::End(request) if request.save != Some(false) && call.engine.is_busy() => {
            Err(call.engine.busy_error().unwrap_or(ReplyError::Syntax))
        }
        Wish::End(request) if call.engine.wait_before_shutdown(request, call.now_ms()) => {
            call.block_until_shutdown();
            Ok(())
        }
        Wish::End(request) => {
            match call.engine.host.shut_down(request, call.engine, &mut call.keys) {
                // The end of the connection is the answer.
                Ok(()) => {
                    call.next = Next::Close;
                    Ok(())
                }
                Err(ShutdownRefused) => Err(FAILED),
            }
        }
    }
}

fn parse(mut arguments: Arguments<'_>) -> Result<Wish, ReplyError> {
    let mut request = ShutdownRequest::default();
    let mut aborts = false;
    while let Some(word) = arguments.next_word() {
        let is = |keyword: &[u8]| word.eq_ignore_ascii_case(keyword);
        if is(b"NOSAVE") && request.save != Some(true) {
            request.save = Some(false);
        } else if is(b"SAVE") && request.save != Some(false) {
            request.save = Some(true);
        } else if is(b"NOW") {
            request.now = true;
        } else if is(b"FORCE") {
            request.force = true;
        } else if is(b"ABORT") {
            aborts = true;
        } else {
            return Err(ReplyError::Syntax);
        }
    }
    match (aborts, request == ShutdownRequest::default()) {
        (true, true) => Ok(Wish::Abort),
        (true, false) => Err(ReplyError::Syntax),
        (false, _) => Ok(Wish::End(request)),
    }
}
