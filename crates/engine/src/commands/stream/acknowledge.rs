//! Acknowledging entries, which then are pending no more: XACK, and XACKDEL, which deletes them as well.

use collections::Stream;
use collections::stream::StreamId;
use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::delete::{
    Fate, IDS, REFERENCES, References, delete, ids, references_and_ids, reply_fates, tell_deleted,
};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static XACK: Command = Declaration {
    summary: "Tells a group that entries have been dealt with, and returns how many were pending.",
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[key("key"), string("group"), string("id").multiple()],
    ..declaration("XACK", "5.0.0", xack)
};

pub(super) static XACKDEL: Command = Declaration {
    summary: "Tells a group that entries have been dealt with, and deletes them.",
    keys: &[KeySpec::read_write(1).updates().deletes()],
    arguments: &[key("key"), string("group"), REFERENCES, IDS],
    ..declaration("XACKDEL", "8.2.0", xackdel)
};

const fn declaration(
    name: &'static str,
    since: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        complexity: "O(1) for each entry.",
        flags: Flags::WRITE.and(Flags::FAST),
        ..Declaration::new(name, Group::Stream, since, Handler::Keys(run))
    }
}

fn xack(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, group) = (arguments.string()?, arguments.string()?);
    let stream = call.keys.read_as::<Stream>(key)?;
    if stream.and_then(|stream| stream.group(group)).is_none() {
        call.reply.integer(0);
        return Ok(());
    }
    let ids = ids(arguments)?;
    let acknowledged = call.keys.edit_present(key, |stream: &mut Stream| {
        let Some((_, group)) = stream.group_mut(group) else { return 0 };
        ids.iter().filter(|id| group.acknowledge(**id).is_some()).count() as u64
    })?;
    let acknowledged = acknowledged.unwrap_or(0);
    call.changed(acknowledged);
    call.reply.unsigned(acknowledged);
    Ok(())
}

fn xackdel(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (key, group) = (arguments.string()?, arguments.string()?);
    let (references, ids) = references_and_ids(arguments)?;
    let fates = call.keys.edit_present(key, |stream: &mut Stream| {
        let fate = |id: &StreamId| acknowledge_and_delete(stream, group, *id, references);
        ids.iter().map(fate).collect::<Vec<_>>()
    })?;
    let fates = fates.unwrap_or_else(|| vec![(Fate::Absent, Deletion::None); ids.len()]);
    let acknowledged = fates.iter().filter(|(fate, _)| *fate != Fate::Absent).count();
    let deleted = fates.iter().filter(|(_, deletion)| *deletion == Deletion::Done).count();
    tell_deleted(call, key, deleted as u64);
    call.changed((acknowledged - deleted) as u64);
    reply_fates(call, &fates.into_iter().map(|(fate, _)| fate).collect::<Vec<_>>());
    Ok(())
}

/// Whether an entry was deleted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deletion {
    None,
    Done,
}

/// What becomes of one entry. One that was deleted before is acknowledged, and is gone as was asked.
fn acknowledge_and_delete(
    stream: &mut Stream,
    group: &[u8],
    id: StreamId,
    references: References,
) -> (Fate, Deletion) {
    let pending = stream.group_mut(group).and_then(|(_, group)| group.acknowledge(id));
    if pending.is_none() {
        return (Fate::Absent, Deletion::None);
    }
    match delete(stream, id, references) {
        Fate::Absent => (Fate::Deleted, Deletion::None),
        Fate::Deleted => (Fate::Deleted, Deletion::Done),
        Fate::Referred => (Fate::Referred, Deletion::None),
    }
}
