//! Moving an element from one list to another, or from one end to the other: LMOVE and its old form RPOPLPUSH.

use collections::list::{End, Limits};
use collections::list_pack::Element;
use collections::{Collection, List};
use command::argument::{key, one_of};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::{View, WrongType};
use smallvec::SmallVec;

use super::pop::{Removal, tell_removed};
use super::push::pushed;
use super::{ENDS, end_of, limits};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static LMOVE: Command = Declaration {
    summary: "Takes an element from an end of one list, adds it at an end of another, and returns it.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().deletes(), KeySpec::read_write(2).inserts()],
    arguments: &[
        key("source"),
        key("destination").spec(1),
        one_of("wherefrom", ENDS),
        one_of("whereto", ENDS),
    ],
    ..Declaration::new("LMOVE", Group::List, "6.2.0", Handler::Keys(lmove))
};

fn lmove(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (source, destination) = (arguments.string()?, arguments.string()?);
    let (from, to) = (end_of(&mut arguments)?, end_of(&mut arguments)?);
    Transfer { source, destination, from, to }.run(call)
}

pub(super) static RPOPLPUSH: Command = Declaration {
    summary: "Takes an element from the tail of one list, adds it at the head of another, and returns it.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().deletes(), KeySpec::read_write(2).inserts()],
    arguments: &[key("source"), key("destination").spec(1)],
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`LMOVE` with the `RIGHT` and `LEFT` arguments"),
    ..Declaration::new("RPOPLPUSH", Group::List, "1.2.0", Handler::Keys(rpoplpush))
};

fn rpoplpush(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (source, destination) = (arguments.string()?, arguments.string()?);
    Transfer { source, destination, from: End::Tail, to: End::Head }.run(call)
}

/// What is moved where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer<'a> {
    pub(crate) source: &'a [u8],
    pub(crate) destination: &'a [u8],
    pub(crate) from: End,
    pub(crate) to: End,
}

/// An element that was moved.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) element: SmallVec<[u8; 64]>,
    /// Of the source.
    pub(crate) removal: Removal,
}

impl Transfer<'_> {
    fn run(self, call: &mut Call<'_>) -> Outcome {
        match move_element(&mut call.keys, self, limits(call.config))? {
            Some(moved) => {
                tell_moved(call, self, &moved);
                call.reply.bulk(&moved.element);
            }
            None => call.reply.null(),
        }
        Ok(())
    }
}

/// Moves an element if there is a source. If there is, but the destination is no list, nothing is changed.
pub(crate) fn move_element(
    keys: &mut View<'_>,
    transfer: Transfer<'_>,
    limits: Limits,
) -> Result<Option<Moved>, WrongType> {
    let Transfer { source, destination, from, to } = transfer;
    if source == destination {
        return keys.edit_present(source, |list: &mut List| Moved {
            element: list.rotate(from, to, limits, SmallVec::from_slice).unwrap_or_default(),
            removal: Removal { count: 1, emptied: false },
        });
    }
    if keys.peek_as::<List>(source)?.is_none() {
        return Ok(None);
    }
    keys.peek_as::<List>(destination)?;
    let moved = keys.edit_present(source, |list: &mut List| {
        let element = list.pop(from, limits, copied).unwrap_or_default();
        Moved { element, removal: Removal { count: 1, emptied: list.is_empty() } }
    })?;
    if let Some(moved) = &moved {
        keys.edit(destination, |list: &mut List| {
            list.push(to, std::iter::once(&*moved.element), limits);
        })?;
    }
    Ok(moved)
}

/// Tells that an element was moved.
pub(crate) fn tell_moved(call: &mut Call<'_>, transfer: Transfer<'_>, moved: &Moved) {
    // Both together count as one change.
    call.also_modified(transfer.destination, pushed(transfer.to));
    tell_removed(call, transfer.source, transfer.from, moved.removal);
}

fn copied(element: Element<'_>) -> SmallVec<[u8; 64]> {
    SmallVec::from_slice(element.bytes(&mut itoa::Buffer::new()))
}
