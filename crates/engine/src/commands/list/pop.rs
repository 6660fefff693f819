//! Taking elements from an end: LPOP, RPOP and LMPOP.

use std::ops::ControlFlow;

use collections::list::{End, Limits};
use collections::list_pack::Element;
use collections::{Collection, List};
use command::argument::{Argument, integer, key, one_of};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::{View, WrongType};
use resp::{Reply, ReplyError, Words};

use super::{ENDS, end_of, limits, reply_element};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events::{self, Event};

const ARGUMENTS: &[Argument] = &[key("key"), integer("count").optional().since("6.2.0")];
const COMPLEXITY: &str = "O(N), where N is the number of elements taken.";
const FLAGS: Flags = Flags::WRITE.and(Flags::FAST);

pub(super) static LPOP: Command = Declaration {
    summary: "Takes elements from the head of a list and returns them. The key goes with the last one.",
    complexity: COMPLEXITY,
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).accesses().deletes()],
    arguments: ARGUMENTS,
    history: &[("6.2.0", "Has the argument `count`.")],
    ..Declaration::new("LPOP", Group::List, "1.0.0", Handler::Keys(lpop))
};

fn lpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Head, "lpop")
}

pub(super) static RPOP: Command = Declaration {
    summary: "Takes elements from the tail of a list and returns them. The key goes with the last one.",
    complexity: COMPLEXITY,
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).accesses().deletes()],
    arguments: ARGUMENTS,
    history: &[("6.2.0", "Has the argument `count`.")],
    ..Declaration::new("RPOP", Group::List, "1.0.0", Handler::Keys(rpop))
};

fn rpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Tail, "rpop")
}

fn pop(call: &mut Call<'_>, end: End, name: &'static str) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    if 1 < arguments.len() {
        return Err(ReplyError::WrongArity(name));
    }
    let limits = limits(call.config);
    if arguments.is_empty() {
        let reply = &mut call.reply;
        let removal =
            pop_one(&mut call.keys, key, end, limits, |element| reply_element(reply, element))?;
        match removal {
            Some(removal) => tell_removed(call, key, end, removal),
            None => call.reply.null(),
        }
        return Ok(());
    }
    let count = usize::try_from(arguments.at_least(0, NEGATIVE_COUNT)?).unwrap_or(usize::MAX);
    if count == 0 {
        match call.keys.look_as::<List>(key)? {
            Some(_) => call.reply.array(0),
            None => call.reply.null_array(),
        }
        return Ok(());
    }
    match pop_several(&mut call.keys, &mut call.reply, key, end, count, limits)? {
        Some(removal) => tell_removed(call, key, end, removal),
        None => call.reply.null_array(),
    }
    Ok(())
}

pub(super) static LMPOP: Command = Declaration {
    summary: "Takes elements from an end of the first list that there is of several, and returns them. The key goes with the last one.",
    complexity: "O(N + M), where N is the number of keys and M the number of elements taken.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(1).numbered().accesses().deletes()],
    arguments: &[
        integer("numkeys"),
        key("key").multiple(),
        one_of("where", ENDS),
        integer("count").after("COUNT").optional(),
    ],
    ..Declaration::new("LMPOP", Group::List, "7.0.0", Handler::Keys(lmpop))
};

fn lmpop(call: &mut Call<'_>) -> Outcome {
    let several = several_from(call.arguments)?;

    let limits = limits(call.config);
    for key in several.keys.iter() {
        if call.keys.peek_as::<List>(key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key);
        let removal =
            pop_several(&mut call.keys, &mut call.reply, key, several.end, several.count, limits)?;
        if let Some(removal) = removal {
            tell_removed(call, key, several.end, removal);
            replicate_removed(call, key, several.end, removal);
        }
        return Ok(());
    }
    call.reply.null_array();
    Ok(())
}

/// What LMPOP and BLMPOP are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Several<'a> {
    /// The first that holds a list is taken from.
    pub(crate) keys: Words<'a>,
    pub(crate) end: End,
    /// At most so many elements; not zero.
    pub(crate) count: usize,
}

/// Reads the arguments of LMPOP, which are the last of BLMPOP.
pub(crate) fn several_from(mut arguments: Arguments<'_>) -> Result<Several<'_>, ReplyError> {
    let number = arguments.at_least(1, INVALID_NUMBER)?;
    let number = usize::try_from(number).map_err(|_| ReplyError::Syntax)?;
    let keys = arguments.split(number)?.rest();
    let end = end_of(&mut arguments)?;
    let mut count = None;
    while !arguments.is_empty() {
        if count.is_some() {
            return Err(ReplyError::Syntax);
        }
        arguments.expect(b"COUNT")?;
        count = Some(arguments.at_least(1, INVALID_COUNT)?);
    }
    let count = usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX);
    Ok(Several { keys, end, count })
}

/// What was done to a list that elements were taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Removal {
    /// The number of elements.
    pub(crate) count: usize,
    /// Whether the key is gone with them.
    pub(crate) emptied: bool,
}

/// Takes one element from an end of the list at a key, if there is one.
#[inline]
pub(crate) fn pop_one(
    keys: &mut View<'_>,
    key: &[u8],
    end: End,
    limits: Limits,
    read: impl FnOnce(Element<'_>),
) -> Result<Option<Removal>, WrongType> {
    keys.edit_present(key, |list: &mut List| {
        list.pop(end, limits, read);
        Removal { count: 1, emptied: list.is_empty() }
    })
}

/// Takes up to `count` elements from an end of the list at a key, if there is one, and replies an array of them.
pub(crate) fn pop_several(
    keys: &mut View<'_>,
    reply: &mut Reply<'_>,
    key: &[u8],
    end: End,
    count: usize,
    limits: Limits,
) -> Result<Option<Removal>, WrongType> {
    keys.edit_present(key, |list: &mut List| {
        let length = list.len();
        let count = count.min(length);
        reply.array(count);
        let mut left = count;
        let first = match end {
            End::Head => 0,
            End::Tail => length.saturating_sub(1),
        };
        list.to_ref().visit(first, end, |element| {
            reply_element(reply, element);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let start = match end {
            End::Head => 0,
            End::Tail => length - count,
        };
        list.remove_range(start, count, limits);
        Removal { count, emptied: list.is_empty() }
    })
}

/// Tells that elements were taken from an end of the list at a key.
#[inline]
pub(crate) fn tell_removed(call: &mut Call<'_>, key: &[u8], end: End, removal: Removal) {
    call.modified(key, popped(end));
    // Each element counts as a change.
    call.changed((removal.count as u64).saturating_sub(1));
    if removal.emptied {
        call.also_modified(key, events::DELETE);
    }
}

/// Has taking elements from an end replicated as what it was for this one key.
pub(crate) fn replicate_removed(call: &mut Call<'_>, key: &[u8], end: End, removal: Removal) {
    let name: &[u8] = match end {
        End::Head => b"LPOP",
        End::Tail => b"RPOP",
    };
    call.replicate_as(&[name, key, removal.count.to_string().as_bytes()]);
}

/// What is told of elements that were taken.
pub(super) fn popped(end: End) -> Event {
    match end {
        End::Head => events::LIST_POP_HEAD,
        End::Tail => events::LIST_POP_TAIL,
    }
}

const NEGATIVE_COUNT: ReplyError = ReplyError::message("value is out of range, must be positive");
const INVALID_NUMBER: ReplyError = ReplyError::message("numkeys should be greater than 0");
const INVALID_COUNT: ReplyError = ReplyError::message("count should be greater than 0");
