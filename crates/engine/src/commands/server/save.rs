//! SAVE, BGSAVE and LASTSAVE: the snapshot file.

use command::argument::token;
use command::{Categories, Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::saving::Busy;

const FLAGS: Flags = Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::NO_ASYNC_LOADING);

pub(super) static SAVE: Command = Declaration {
    summary: "Saves all data to disk while everybody waits.",
    complexity: "O(N) where N is the number of keys in all databases.",
    flags: FLAGS.and(Flags::NO_MULTI),
    ..Declaration::new("SAVE", Group::Server, "1.0.0", Handler::Everything(save))
};

pub(super) static BGSAVE: Command = Declaration {
    summary: "Saves all data, as it is now, to disk in the background.",
    complexity: "O(N) in the background, where N is the number of keys in all databases.",
    flags: FLAGS,
    arguments: &[token("schedule", "SCHEDULE").optional().since("3.2.2")],
    history: &[("3.2.2", "Has the option `SCHEDULE`.")],
    ..Declaration::new("BGSAVE", Group::Server, "1.0.0", Handler::Everything(save_in_background))
};

pub(super) static LASTSAVE: Command = Declaration {
    summary: "Returns the unix time of the last save that succeeded.",
    flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
    categories: Categories::ADMIN.and(Categories::DANGEROUS),
    tips: &["nondeterministic_output"],
    ..Declaration::new("LASTSAVE", Group::Server, "1.0.0", Handler::Keys(last_save))
};

fn save(call: &mut Call<'_>) -> Outcome {
    call.settle_statistics();
    let engine = call.engine;
    if engine.saving.busy() == Some(Busy::Saving) {
        return Err(IN_PROGRESS);
    }
    if !engine.save_at_once(&mut call.keys, 0, call.now_us.div_euclid(1_000_000)) {
        return Err(ReplyError::coded("ERR"));
    }
    call.reply.ok();
    Ok(())
}

fn save_in_background(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let schedule = match arguments.next_word() {
        None => false,
        Some(word) if arguments.is_empty() && word.eq_ignore_ascii_case(b"SCHEDULE") => true,
        Some(_) => return Err(ReplyError::Syntax),
    };
    call.settle_statistics();
    match call.engine.save_in_background(&mut call.keys, call.now_us) {
        Ok(()) => call.reply.simple("Background saving started"),
        Err(Busy::Saving) => return Err(IN_PROGRESS),
        Err(Busy::Other) if schedule => {
            call.engine.saving.schedule();
            call.reply.simple("Background saving scheduled");
        }
        Err(Busy::Other) => return Err(OTHER),
    }
    Ok(())
}

fn last_save(call: &mut Call<'_>) -> Outcome {
    call.reply.integer(call.engine.saving.last_save_s());
    Ok(())
}

const IN_PROGRESS: ReplyError = ReplyError::message("Background save already in progress");
const OTHER: ReplyError = ReplyError::message(
    "Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.",
);
