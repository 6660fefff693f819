//! Values in two places: COPY, and MOVE to another database.

use command::argument::{integer, key, token};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::database::parse_database;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static COPY: Command = Declaration {
    summary: "Copies the value at a key, and when it expires, to another key.",
    complexity: "O(N) where N is the number of elements of the value; O(1) for a string.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_only(1).accesses(), KeySpec::overwrite(2).updates()],
    arguments: &[
        key("source"),
        key("destination").spec(1),
        integer("destination-db").after("DB").optional(),
        token("replace", "REPLACE").optional(),
    ],
    ..Declaration::new("COPY", Group::Generic, "6.2.0", Handler::Keys(copy))
};

pub(super) static MOVE: Command = Declaration {
    summary: "Moves a key to another database, if there is no such key there.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().updates()],
    arguments: &[key("key"), integer("db")],
    ..Declaration::new("MOVE", Group::Generic, "1.0.0", Handler::Keys(move_key))
};

fn copy(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (source, destination) = (arguments.string()?, arguments.string()?);
    let here = call.keys.database();
    let mut there = here;
    let mut replace = false;
    while !arguments.is_empty() {
        if arguments.accept(b"REPLACE") {
            replace = true;
        } else if 2 <= arguments.len() && arguments.accept(b"DB") {
            there = parse_database(arguments.string()?, call.keys.databases())?;
        } else {
            return Err(ReplyError::Syntax);
        }
    }
    if here == there && source == destination {
        return Err(SAME);
    }

    let found = call.keys.read(source).is_some();
    let done = found && (replace || !exists_in(call, there, destination));
    if done {
        call.keys.copy(source, destination, there);
        call.modified_in(there, destination, events::COPY_TO);
    }
    call.reply.integer(done.into());
    Ok(())
}

fn move_key(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let there = parse_database(arguments.string()?, call.keys.databases())?;
    let here = call.keys.database();
    if here == there {
        return Err(SAME);
    }

    let done = call.keys.look(key).is_some() && !exists_in(call, there, key);
    if done {
        call.keys.move_to(key, there);
        call.modified(key, events::MOVE_FROM);
        call.also_modified_in(there, key, events::MOVE_TO);
    }
    call.reply.integer(done.into());
    Ok(())
}

/// Whether a key that the call declares exists in some database.
fn exists_in(call: &mut Call<'_>, database: usize, key: &[u8]) -> bool {
    let selected = call.keys.database();
    call.keys.select(database);
    let exists = call.keys.peek(key).is_some();
    call.keys.select(selected);
    exists
}

const SAME: ReplyError = ReplyError::message("source and destination objects are the same");
