//! Changing a list anywhere: LINSERT, LSET, LREM and LTRIM.

use collections::list::{End, Side, index_range};
use collections::{Collection, List};
use command::argument::{integer, key, one_of, string, token};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::limits;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static LINSERT: Command = Declaration {
    summary: "Adds an element to a list before or after another one.",
    complexity: "O(N), where N is the number of elements before the one looked for.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).inserts()],
    arguments: &[
        key("key"),
        one_of("where", &[token("before", "BEFORE"), token("after", "AFTER")]),
        string("pivot"),
        string("element"),
    ],
    ..Declaration::new("LINSERT", Group::List, "2.2.0", Handler::Keys(linsert))
};

fn linsert(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let side = match &*arguments.keyword()? {
        b"BEFORE" => Side::Before,
        b"AFTER" => Side::After,
        _ => return Err(ReplyError::Syntax),
    };
    let pivot = arguments.string()?;
    let element = arguments.string()?;

    let limits = limits(call.config);
    let edited = call.keys.edit_present(key, |list: &mut List| {
        list.insert(pivot, side, element, limits).then(|| list.len())
    })?;
    match edited {
        Some(Some(length)) => {
            call.modified(key, events::LIST_INSERT);
            call.reply.unsigned(length as u64);
        }
        Some(None) => call.reply.integer(-1),
        None => call.reply.integer(0),
    }
    Ok(())
}

pub(super) static LSET: Command = Declaration {
    summary: "Puts an element in the place of that with an index; negative ones count from the tail.",
    complexity: "O(N), where N is the number of nodes between the element and the nearer end; O(1) at the ends.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).updates()],
    arguments: &[key("key"), integer("index"), string("element")],
    ..Declaration::new("LSET", Group::List, "1.0.0", Handler::Keys(lset))
};

fn lset(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let index = arguments.integer();
    let element = arguments.string()?;

    // Whether there is a list matters more than whether the index is one.
    let Ok(index) = index else {
        call.keys.look_as::<List>(key)?.ok_or(ReplyError::NoSuchKey)?;
        return Err(ReplyError::NotInteger);
    };
    let limits = limits(call.config);
    let edited = call.keys.edit_present(key, |list: &mut List| list.set(index, element, limits))?;
    if !edited.ok_or(ReplyError::NoSuchKey)? {
        return Err(ReplyError::IndexOutOfRange);
    }
    call.modified(key, events::LIST_SET);
    call.reply.ok();
    Ok(())
}

pub(super) static LREM: Command = Declaration {
    summary: "Removes elements of a list that are equal to one; the key goes with the last one.",
    complexity: "O(N), where N is the length of the list.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(1).deletes()],
    arguments: &[key("key"), integer("count"), string("element")],
    ..Declaration::new("LREM", Group::List, "1.0.0", Handler::Keys(lrem))
};

fn lrem(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let count = arguments.integer()?;
    let element = arguments.string()?;
    if count == i64::MIN {
        return Err(OUT_OF_RANGE);
    }
    let from = if count < 0 { End::Tail } else { End::Head };
    let most = match count.unsigned_abs() {
        0 => usize::MAX,
        most => usize::try_from(most).unwrap_or(usize::MAX),
    };

    let limits = limits(call.config);
    let edited = call.keys.edit_present(key, |list: &mut List| {
        (list.remove_equal(element, from, most, limits), list.is_empty())
    })?;
    let (removed, emptied) = edited.unwrap_or((0, false));
    if 0 < removed {
        call.modified(key, events::LIST_REMOVE);
        // Each element counts as a change.
        call.changed(removed as u64 - 1);
        if emptied {
            call.also_modified(key, events::DELETE);
        }
    }
    call.reply.unsigned(removed as u64);
    Ok(())
}

pub(super) static LTRIM: Command = Declaration {
    summary: "Removes the elements of a list that are not between two indexes, the last one included; the key goes with the last one.",
    complexity: "O(N), where N is the number of elements removed.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(1).deletes()],
    arguments: &[key("key"), integer("start"), integer("stop")],
    ..Declaration::new("LTRIM", Group::List, "1.0.0", Handler::Keys(ltrim))
};

fn ltrim(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let start = arguments.integer()?;
    let stop = arguments.integer()?;

    let limits = limits(call.config);
    let edited = call.keys.edit_present(key, |list: &mut List| {
        let length = list.len();
        let kept = index_range(start, stop, length);
        let removed = length - kept.len();
        list.trim(kept, limits);
        (removed, list.is_empty())
    })?;
    if let Some((removed, emptied)) = edited {
        // It is told even if nothing had to be removed; but then there is nothing to replicate.
        call.also_modified(key, events::LIST_TRIM);
        call.changed(removed as u64);
        if emptied {
            call.also_modified(key, events::DELETE);
        }
    }
    call.reply.ok();
    Ok(())
}

/// For the one integer whose opposite is none.
pub(super) const OUT_OF_RANGE: ReplyError = ReplyError::message(
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
