//! Setting what a stream remembers of entries that are gone: XSETID, which files and replicas rely on.

use collections::Stream;
use collections::stream::{Log, StreamId};
use command::argument::{integer, key, string};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::id;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static XSETID: Command = Declaration {
    summary: "Sets the last ID of a stream, after which new entries get theirs. Meant for replication.",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[
        key("key"),
        string("last-id"),
        integer("entries-added").after("ENTRIESADDED").since("7.0.0").optional(),
        string("max-deleted-id").after("MAXDELETEDID").since("7.0.0").optional(),
    ],
    history: &[("7.0.0", "Has the options `ENTRIESADDED` and `MAXDELETEDID`.")],
    ..Declaration::new("XSETID", Group::Stream, "5.0.0", Handler::Keys(xsetid))
};

fn xsetid(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let wanted = Wanted::parse(arguments)?;
    let Some(stream) = call.keys.look_as::<Stream>(key)? else {
        return Err(ReplyError::NoSuchKey);
    };
    wanted.check(stream.log())?;
    call.keys.edit_present::<Stream, _>(key, |stream| wanted.apply(stream.log_mut()))?;
    // It is an event, but nothing that WATCH looks at.
    call.also_modified(key, events::STREAM_SET_ID);
    call.changed(1);
    call.reply.ok();
    Ok(())
}

/// What a call asks for.
struct Wanted {
    last: StreamId,
    entries_added: Option<u64>,
    max_deleted: StreamId,
}

impl Wanted {
    fn parse(mut arguments: Arguments<'_>) -> Result<Wanted, ReplyError> {
        let last = id::strict(arguments.string()?, 0)?;
        let mut wanted = Wanted { last, entries_added: None, max_deleted: StreamId::MIN };
        while !arguments.is_empty() {
            if arguments.len() < 2 {
                return Err(ReplyError::Syntax);
            }
            if arguments.accept(b"ENTRIESADDED") {
                wanted.entries_added = Some(arguments.unsigned_or(NEGATIVE_COUNT)?);
            } else if arguments.accept(b"MAXDELETEDID") {
                wanted.max_deleted = id::strict(arguments.string()?, 0)?;
                if last < wanted.max_deleted {
                    return Err(BELOW_GIVEN_DELETED);
                }
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(wanted)
    }

    fn check(&self, log: &Log) -> Outcome {
        if self.last < log.max_deleted_id() {
            return Err(BELOW_DELETED);
        }
        if log.last_entry_id().is_some_and(|last| self.last < last) {
            return Err(BELOW_LAST);
        }
        if self.entries_added.is_some_and(|count| count < log.len()) {
            return Err(FEWER_THAN_THERE_ARE);
        }
        Ok(())
    }

    fn apply(&self, log: &mut Log) {
        log.set_last_id(self.last);
        if let Some(count) = self.entries_added {
            log.set_entries_added(count);
        }
        if self.max_deleted != StreamId::MIN {
            log.set_max_deleted_id(self.max_deleted);
        }
    }
}

const NEGATIVE_COUNT: ReplyError = ReplyError::message("entries_added must be positive");
const BELOW_GIVEN_DELETED: ReplyError = ReplyError::message(
    "The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
);
const BELOW_DELETED: ReplyError =
    ReplyError::message("The ID specified in XSETID is smaller than current max_deleted_entry_id");
const BELOW_LAST: ReplyError =
    ReplyError::message("The ID specified in XSETID is smaller than the target stream top item");
const FEWER_THAN_THERE_ARE: ReplyError = ReplyError::message(
    "The entries_added specified in XSETID is smaller than the target stream length",
);
