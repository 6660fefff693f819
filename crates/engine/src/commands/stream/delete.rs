//! Deleting entries: XDEL, and XDELEX, which says what becomes of references that groups have to them.

use collections::Stream;
use collections::stream::StreamId;
use command::argument::{Argument, block, integer, key, one_of, string, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::id;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static XDEL: Command = Declaration {
    summary: "Deletes entries of a stream and returns their number.",
    arguments: &[key("key"), string("id").multiple()],
    ..declaration("XDEL", "5.0.0", xdel)
};

pub(super) static XDELEX: Command = Declaration {
    summary: "Deletes entries of a stream, with a choice about groups that refer to them.",
    arguments: &[key("key"), REFERENCES, IDS],
    ..declaration("XDELEX", "8.2.0", xdelex)
};

/// The grammar of the choice.
pub(super) const REFERENCES: Argument = one_of(
    "condition",
    &[token("keepref", "KEEPREF"), token("delref", "DELREF"), token("acked", "ACKED")],
)
.optional();

/// The grammar of IDs that are counted.
pub(super) const IDS: Argument =
    block("ids", &[integer("numids"), string("id").multiple()]).after("IDS");

const KEYS: &[KeySpec] = &[KeySpec::read_write(1).deletes()];

const fn declaration(
    name: &'static str,
    since: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        complexity: "O(1) for each entry, however large the stream is.",
        flags: Flags::WRITE.and(Flags::FAST),
        keys: KEYS,
        ..Declaration::new(name, Group::Stream, since, Handler::Keys(run))
    }
}

fn xdel(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    if call.keys.look_as::<Stream>(key)?.is_none() {
        call.reply.integer(0);
        return Ok(());
    }
    let ids = ids(arguments)?;
    let delete =
        |stream: &mut Stream| ids.iter().filter(|id| stream.log_mut().delete(**id)).count();
    let deleted = call.keys.edit_present(key, delete)?.unwrap_or(0) as u64;
    tell_deleted(call, key, deleted);
    call.reply.unsigned(deleted);
    Ok(())
}

fn xdelex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let (references, ids) = references_and_ids(arguments)?;
    let fates = call.keys.edit_present(key, |stream: &mut Stream| {
        ids.iter().map(|id| delete(stream, *id, references)).collect::<Vec<_>>()
    })?;
    let fates = fates.unwrap_or_else(|| vec![Fate::Absent; ids.len()]);
    let deleted = fates.iter().filter(|fate| **fate == Fate::Deleted).count() as u64;
    tell_deleted(call, key, deleted);
    reply_fates(call, &fates);
    Ok(())
}

/// What becomes of references that groups have to an entry that is to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum References {
    /// They stay.
    Keep,
    /// They go, too.
    Delete,
    /// As long as there are some, the entry stays.
    Respect,
}

/// What became of an entry that was to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Absent,
    Deleted,
    /// Some group refers to it.
    Referred,
}

/// Deletes an entry.
pub(super) fn delete(stream: &mut Stream, id: StreamId, references: References) -> Fate {
    if stream.log().entry(id).is_none() {
        return Fate::Absent;
    }
    match references {
        References::Keep => {}
        References::Delete => stream.forget(id),
        References::Respect => {
            if stream.is_referred_to(id) {
                return Fate::Referred;
            }
        }
    }
    stream.log_mut().delete(id);
    Fate::Deleted
}

/// Tells that entries were deleted.
pub(super) fn tell_deleted(call: &mut Call<'_>, key: &[u8], count: u64) {
    if 0 < count {
        call.modified(key, events::STREAM_DELETE);
        call.changed(count - 1);
    }
}

/// Replies what became of each entry.
pub(super) fn reply_fates(call: &mut Call<'_>, fates: &[Fate]) {
    call.reply.array(fates.len());
    for fate in fates {
        call.reply.integer(match fate {
            Fate::Absent => -1,
            Fate::Deleted => 1,
            Fate::Referred => 2,
        });
    }
}

/// All words that are left, as IDs.
pub(super) fn ids(mut arguments: Arguments<'_>) -> Result<Vec<StreamId>, ReplyError> {
    let mut ids = Vec::with_capacity(arguments.len());
    while let Some(word) = arguments.next_word() {
        ids.push(id::strict(word, 0)?);
    }
    Ok(ids)
}

/// The choice, and the IDs that are counted, which come last.
pub(super) fn references_and_ids(
    mut arguments: Arguments<'_>,
) -> Result<(References, Vec<StreamId>), ReplyError> {
    let mut references = References::Keep;
    while let Some(word) = arguments.peek_keyword() {
        arguments.skip();
        match &*word {
            b"KEEPREF" => references = References::Keep,
            b"DELREF" => references = References::Delete,
            b"ACKED" => references = References::Respect,
            b"IDS" => {
                let count = arguments.at_least(1, NO_IDS)?;
                if usize::try_from(count) != Ok(arguments.len()) {
                    return Err(OTHER_NUMBER_OF_IDS);
                }
                return Ok((references, ids(arguments)?));
            }
            _ => return Err(ReplyError::Syntax),
        }
    }
    Err(ReplyError::Syntax)
}

const NO_IDS: ReplyError = ReplyError::message("Number of IDs must be a positive integer");
const OTHER_NUMBER_OF_IDS: ReplyError =
    ReplyError::message("The `numids` parameter must match the number of arguments");
