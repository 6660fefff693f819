//! Adding, removing and moving members: SADD, SREM and SMOVE.

use collections::Set;
use command::argument::{Argument, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};

use super::limits;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

const MEMBERS: &[Argument] = &[key("key"), string("member").multiple()];

pub(super) static SADD: Command = Declaration {
    summary: "Adds members to a set, which is created if it is not there.",
    complexity: "O(N) where N is the number of members.",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).inserts()],
    sought: Sought::Element(2),
    arguments: MEMBERS,
    history: &[("2.4.0", "Takes several members.")],
    ..Declaration::new("SADD", Group::Set, "1.0.0", Handler::Keys(sadd))
};

fn sadd(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let members = arguments.rest();
    let limits = limits(call.config);

    let added = call.keys.edit(key, |set: &mut Set| {
        set.prepare(members.first().unwrap_or_default(), members.len(), limits);
        set.add_all(members.iter(), limits)
    })?;
    if 0 < added {
        call.modified(key, events::SET_ADD);
        call.changed(added as u64 - 1);
    }
    call.reply.unsigned(added as u64);
    Ok(())
}

pub(super) static SREM: Command = Declaration {
    summary: "Removes members from a set, and the key with the last one.",
    complexity: "O(N) where N is the number of members.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).deletes()],
    sought: Sought::Element(2),
    arguments: MEMBERS,
    history: &[("2.4.0", "Takes several members.")],
    ..Declaration::new("SREM", Group::Set, "1.0.0", Handler::Keys(srem))
};

fn srem(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let members = arguments.rest();

    let removed = call.keys.edit_present(key, |set: &mut Set| {
        let removed = members.iter().filter(|member| set.remove(member)).count();
        (removed, set.is_empty())
    })?;
    let (removed, is_gone) = removed.unwrap_or_default();
    if 0 < removed {
        call.modified(key, events::SET_REMOVE);
        call.changed(removed as u64 - 1);
        if is_gone {
            call.also_modified(key, events::DELETE);
        }
    }
    call.reply.unsigned(removed as u64);
    Ok(())
}

pub(super) static SMOVE: Command = Declaration {
    summary: "Moves a member from one set to another, which is created if it is not there.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().deletes(), KeySpec::read_write(2).inserts()],
    arguments: &[key("source"), key("destination").spec(1), string("member")],
    ..Declaration::new("SMOVE", Group::Set, "1.0.0", Handler::Keys(smove))
};

fn smove(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let source = arguments.string()?;
    let destination = arguments.string()?;
    let member = arguments.string()?;

    // The type of the destination does not matter if there is no source.
    let found = call.keys.look_as::<Set>(source)?.map(|set| set.contains(member));
    if found.is_some() {
        call.keys.look_as::<Set>(destination)?;
    }
    let is_moved = found == Some(true);
    if is_moved && source != destination {
        move_member(call, source, destination, member)?;
    }
    call.reply.unsigned(u64::from(is_moved));
    Ok(())
}

fn move_member(call: &mut Call<'_>, source: &[u8], destination: &[u8], member: &[u8]) -> Outcome {
    let limits = limits(call.config);
    let is_gone = call.keys.edit_present(source, |set: &mut Set| {
        set.remove(member);
        set.is_empty()
    })?;
    call.modified(source, events::SET_REMOVE);
    if is_gone == Some(true) {
        call.also_modified(source, events::DELETE);
    }
    let is_new = call.keys.edit(destination, |set: &mut Set| {
        if set.is_empty() {
            set.prepare(member, 1, limits);
        }
        set.add(member, limits)
    })?;
    if is_new {
        call.modified(destination, events::SET_ADD);
    }
    Ok(())
}
