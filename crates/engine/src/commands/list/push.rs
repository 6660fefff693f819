//! Adding elements at an end: LPUSH, RPUSH, and LPUSHX and RPUSHX, which do so only if there is a list.

use collections::List;
use collections::list::End;
use command::argument::{Argument, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::limits;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events::{self, Event};

const ARGUMENTS: &[Argument] = &[key("key"), string("element").multiple()];
const COMPLEXITY: &str = "O(N), where N is the number of elements given.";
const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST);

pub(super) static LPUSH: Command = Declaration {
    summary: "Adds elements at the head of a list, one after the other, and creates the key if need be.",
    complexity: COMPLEXITY,
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).inserts()],
    arguments: ARGUMENTS,
    history: &[("2.4.0", "Takes several elements.")],
    ..Declaration::new("LPUSH", Group::List, "1.0.0", Handler::Keys(lpush))
};

fn lpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Head)
}

pub(super) static RPUSH: Command = Declaration {
    summary: "Adds elements at the tail of a list, and creates the key if need be.",
    complexity: COMPLEXITY,
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).inserts()],
    arguments: ARGUMENTS,
    history: &[("2.4.0", "Takes several elements.")],
    ..Declaration::new("RPUSH", Group::List, "1.0.0", Handler::Keys(rpush))
};

fn rpush(call: &mut Call<'_>) -> Outcome {
    push(call, End::Tail)
}

fn push(call: &mut Call<'_>, end: End) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let elements = arguments.rest();

    let limits = limits(call.config);
    let length = call.keys.edit(key, |list: &mut List| {
        list.push(end, elements.iter(), limits);
        list.len()
    })?;
    tell_pushed(call, key, end, elements.len());
    call.reply.unsigned(length as u64);
    Ok(())
}

pub(super) static LPUSHX: Command = Declaration {
    summary: "Adds elements at the head of a list if there is one.",
    complexity: COMPLEXITY,
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).inserts()],
    arguments: ARGUMENTS,
    history: &[("4.0.0", "Takes several elements.")],
    ..Declaration::new("LPUSHX", Group::List, "2.2.0", Handler::Keys(lpushx))
};

fn lpushx(call: &mut Call<'_>) -> Outcome {
    push_if_present(call, End::Head)
}

pub(super) static RPUSHX: Command = Declaration {
    summary: "Adds elements at the tail of a list if there is one.",
    complexity: COMPLEXITY,
    flags: FLAGS,
    keys: &[KeySpec::read_write(1).inserts()],
    arguments: ARGUMENTS,
    history: &[("4.0.0", "Takes several elements.")],
    ..Declaration::new("RPUSHX", Group::List, "2.2.0", Handler::Keys(rpushx))
};

fn rpushx(call: &mut Call<'_>) -> Outcome {
    push_if_present(call, End::Tail)
}

fn push_if_present(call: &mut Call<'_>, end: End) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let elements = arguments.rest();

    let limits = limits(call.config);
    let length = call.keys.edit_present(key, |list: &mut List| {
        list.push(end, elements.iter(), limits);
        list.len()
    })?;
    if length.is_some() {
        tell_pushed(call, key, end, elements.len());
    }
    call.reply.unsigned(length.unwrap_or(0) as u64);
    Ok(())
}

fn tell_pushed(call: &mut Call<'_>, key: &[u8], end: End, count: usize) {
    call.modified(key, pushed(end));
    // Each element counts as a change.
    call.changed((count as u64).saturating_sub(1));
}

/// What is told of elements that were added.
pub(super) fn pushed(end: End) -> Event {
    match end {
        End::Head => events::LIST_PUSH_HEAD,
        End::Tail => events::LIST_PUSH_TAIL,
    }
}
