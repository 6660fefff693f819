//! CLIENT REPLY, NO-EVICT, NO-TOUCH: how the server treats the connection.

use std::sync::atomic::Ordering::Relaxed;

use command::argument::{Argument, one_of, token};
use command::{Arguments, Command as Declaration, Group};
use resp::ReplyError;

use super::{OTHERS, OWN};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::session::Replies;

pub(super) static REPLY: Command = Declaration {
    summary: "Chooses whether calls are answered: all, none, or not the next.",
    flags: OWN,
    arguments: &[one_of(
        "action",
        &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")],
    )],
    ..Declaration::new("CLIENT|REPLY", Group::Connection, "3.2.0", Handler::Keys(reply))
};

pub(super) static NO_EVICT: Command = Declaration {
    summary: "Chooses whether the connection is kept when clients take too much memory.",
    flags: OTHERS,
    arguments: &[SWITCH],
    ..Declaration::new("CLIENT|NO-EVICT", Group::Connection, "7.0.0", Handler::Keys(no_evict))
};

pub(super) static NO_TOUCH: Command = Declaration {
    summary: "Chooses whether calls of the connection count as uses of the keys, which decide on eviction.",
    flags: OWN,
    arguments: &[SWITCH],
    ..Declaration::new("CLIENT|NO-TOUCH", Group::Connection, "7.2.0", Handler::Keys(no_touch))
};

const SWITCH: Argument = one_of("enabled", &[token("on", "ON"), token("off", "OFF")]);

fn reply(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    if arguments.accept(b"ON") {
        call.session.replies = Replies::On;
        call.reply.ok();
    } else if arguments.accept(b"OFF") {
        call.session.replies = Replies::Off;
    } else {
        arguments.expect(b"SKIP")?;
        if call.session.replies != Replies::Off {
            call.session.replies = Replies::SkipNext;
        }
    }
    Ok(())
}

fn no_evict(call: &mut Call<'_>) -> Outcome {
    let on = parse_switch(call.arguments)?;
    call.session.record.no_evict.store(on, Relaxed);
    call.reply.ok();
    Ok(())
}

fn no_touch(call: &mut Call<'_>) -> Outcome {
    let on = parse_switch(call.arguments)?;
    call.session.set_touch(!on);
    call.reply.ok();
    Ok(())
}

fn parse_switch(mut arguments: Arguments<'_>) -> Result<bool, ReplyError> {
    if arguments.accept(b"ON") {
        return Ok(true);
    }
    arguments.expect(b"OFF")?;
    Ok(false)
}
