//! Taking and moving elements that may be yet to come: BLPOP, BRPOP, BLMPOP, BLMOVE and BRPOPLPUSH.
//!
//! Whatever they do is replicated as the command that does not wait.

use collections::List;
use collections::list::End;
use command::argument::{Argument, double, integer, key, one_of};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::ValueType;
use resp::Words;

use super::pop::{Several, replicate_removed};
use super::{
    ENDS, Transfer, end_of, limits, move_element, pop_one, pop_several, reply_element,
    several_from, tell_moved, tell_removed,
};
use crate::Call;
use crate::blocking::{Timeout, Wait};
use crate::command_table::{Command, Handler, Outcome};

const POP_ARGUMENTS: &[Argument] = &[key("key").multiple(), double("timeout")];
const POP_KEYS: &[KeySpec] = &[KeySpec::read_write(1).through(-2).accesses().deletes()];
const POP_COMPLEXITY: &str = "O(N), where N is the number of keys.";
const FRACTIONS: &[(&str, &str)] =
    &[("6.0.0", "The `timeout` is a number of seconds with a fraction, no longer an integer.")];

pub(super) static BLPOP: Command = Declaration {
    summary: "Takes the first element of the first list that there is of several, and returns it. Waits for one if there is none. The key goes with the last element.",
    complexity: POP_COMPLEXITY,
    flags: Flags::WRITE.and(Flags::BLOCKING),
    keys: POP_KEYS,
    arguments: POP_ARGUMENTS,
    history: FRACTIONS,
    ..Declaration::new("BLPOP", Group::List, "2.0.0", Handler::Keys(blpop))
};

fn blpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Head)
}

pub(super) static BRPOP: Command = Declaration {
    summary: "Takes the last element of the first list that there is of several, and returns it. Waits for one if there is none. The key goes with the last element.",
    complexity: POP_COMPLEXITY,
    flags: Flags::WRITE.and(Flags::BLOCKING),
    keys: POP_KEYS,
    arguments: POP_ARGUMENTS,
    history: FRACTIONS,
    ..Declaration::new("BRPOP", Group::List, "2.0.0", Handler::Keys(brpop))
};

fn brpop(call: &mut Call<'_>) -> Outcome {
    pop(call, End::Tail)
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let words = call.arguments.rest();
    let keys = words.take(words.len().saturating_sub(1));
    let timeout = words.get(keys.len()).unwrap_or_default();
    let timeout = Timeout::seconds(timeout, call.now_ms())?;

    let limits = limits(call.config);
    for key in keys.iter() {
        if !call.reaches(key) || call.keys.peek_as::<List>(key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key);
        let reply = &mut call.reply;
        let removal =
            pop_one(&mut call.keys, key, end, limits, |element| reply_element(reply, element))?;
        if let Some(removal) = removal {
            tell_removed(call, key, end, removal);
            let name: &[u8] = match end {
                End::Head => b"LPOP",
                End::Tail => b"RPOP",
            };
            call.replicate_as(&[name, key]);
        }
        return Ok(());
    }
    wait(call, keys, timeout);
    Ok(())
}

pub(super) static BLMPOP: Command = Declaration {
    summary: "Takes elements from an end of the first list that there is of several, and returns them. Waits for one if there is none. The key goes with the last element.",
    complexity: "O(N + M), where N is the number of keys and M the number of elements taken.",
    flags: Flags::WRITE.and(Flags::BLOCKING),
    keys: &[KeySpec::read_write(2).numbered().accesses().deletes()],
    arguments: &[
        double("timeout"),
        integer("numkeys"),
        key("key").multiple(),
        one_of("where", ENDS),
        integer("count").after("COUNT").optional(),
    ],
    ..Declaration::new("BLMPOP", Group::List, "7.0.0", Handler::Keys(blmpop))
};

fn blmpop(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let timeout = arguments.string()?;
    let Several { keys, end, count } = several_from(arguments)?;
    // It comes first, and is looked at last.
    let timeout = Timeout::seconds(timeout, call.now_ms())?;

    let limits = limits(call.config);
    for key in keys.iter() {
        if !call.reaches(key) || call.keys.peek_as::<List>(key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key);
        let removal = pop_several(&mut call.keys, &mut call.reply, key, end, count, limits)?;
        if let Some(removal) = removal {
            tell_removed(call, key, end, removal);
            replicate_removed(call, key, end, removal);
        }
        return Ok(());
    }
    wait(call, keys, timeout);
    Ok(())
}

fn wait(call: &mut Call<'_>, keys: Words<'_>, timeout: Timeout) {
    call.block(Wait::new(ValueType::List, keys.iter(), timeout));
}

pub(super) static BLMOVE: Command = Declaration {
    summary: "Takes an element from an end of one list, adds it at an end of another, and returns it. Waits for one if there is none.",
    flags: MOVE_FLAGS,
    keys: MOVE_KEYS,
    arguments: &[
        key("source"),
        key("destination").spec(1),
        one_of("wherefrom", ENDS),
        one_of("whereto", ENDS),
        double("timeout"),
    ],
    ..Declaration::new("BLMOVE", Group::List, "6.2.0", Handler::Keys(blmove))
};

const MOVE_FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::BLOCKING);
const MOVE_KEYS: &[KeySpec] =
    &[KeySpec::read_write(1).accesses().deletes(), KeySpec::read_write(2).inserts()];

fn blmove(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (source, destination) = (arguments.string()?, arguments.string()?);
    let (from, to) = (end_of(&mut arguments)?, end_of(&mut arguments)?);
    let timeout = Timeout::seconds(arguments.string()?, call.now_ms())?;

    let transfer = Transfer { source, destination, from, to };
    if transfer_or_wait(call, transfer, timeout)? {
        let name = |end| match end {
            End::Head => &b"LEFT"[..],
            End::Tail => b"RIGHT",
        };
        call.replicate_as(&[b"LMOVE", source, destination, name(from), name(to)]);
    }
    Ok(())
}

pub(super) static BRPOPLPUSH: Command = Declaration {
    summary: "Takes an element from the tail of one list, adds it at the head of another, and returns it. Waits for one if there is none.",
    flags: MOVE_FLAGS,
    keys: MOVE_KEYS,
    arguments: &[key("source"), key("destination").spec(1), double("timeout")],
    history: FRACTIONS,
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
    ..Declaration::new("BRPOPLPUSH", Group::List, "2.2.0", Handler::Keys(brpoplpush))
};

fn brpoplpush(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let (source, destination) = (arguments.string()?, arguments.string()?);
    let timeout = Timeout::seconds(arguments.string()?, call.now_ms())?;

    let transfer = Transfer { source, destination, from: End::Tail, to: End::Head };
    if transfer_or_wait(call, transfer, timeout)? {
        call.replicate_as(&[b"RPOPLPUSH", source, destination]);
    }
    Ok(())
}

/// Moves an element and replies it, or waits for one; says whether it has moved one.
fn transfer_or_wait(
    call: &mut Call<'_>,
    transfer: Transfer<'_>,
    timeout: Timeout,
) -> Result<bool, resp::ReplyError> {
    let Some(moved) = move_element(&mut call.keys, transfer, limits(call.config))? else {
        let source = std::iter::once(transfer.source);
        call.block(Wait::new(ValueType::List, source, timeout).moving());
        return Ok(false);
    };
    tell_moved(call, transfer, &moved);
    call.reply.bulk(&moved.element);
    Ok(true)
}
