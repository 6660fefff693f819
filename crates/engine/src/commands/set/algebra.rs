//! Several sets: what they have in common (SINTER), what they are together (SUNION), what only the first has (SDIFF), as a
//! reply, as a number or stored.
//!
//! Which order of work is cheapest is decided in [`collections::set::algebra`].

use collections::Set;
use collections::set::{Limits, SetRef, algebra};
use command::argument::{Argument, integer, key};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::{SetExpiry, View, WrongType};
use resp::{ReplyError, Words};

use super::{limits, reply_member};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events::{self, Event};

const READ_KEYS: &[KeySpec] = &[KeySpec::read_only(1).to_last().accesses()];
const READ: &[Argument] = &[key("key").multiple()];
const STORE_KEYS: &[KeySpec] =
    &[KeySpec::overwrite(1).updates(), KeySpec::read_only(2).to_last().accesses()];
const STORE: &[Argument] = &[key("destination"), key("key").spec(1).multiple()];
const READ_TIPS: &[&str] = &["nondeterministic_output_order"];

const IN_ALL: &str = "O(N*M) at worst, where N is the number of members of the smallest set and M the number of sets.";
const OF_EACH: &str = "O(N) where N is the number of members of all sets together.";

pub(super) static SINTER: Command = Declaration {
    summary: "Returns the members that are in all of the sets.",
    complexity: IN_ALL,
    flags: Flags::READ_ONLY,
    keys: READ_KEYS,
    arguments: READ,
    tips: READ_TIPS,
    ..Declaration::new("SINTER", Group::Set, "1.0.0", Handler::Keys(sinter))
};

fn sinter(call: &mut Call<'_>) -> Outcome {
    let keys = call.arguments.rest();
    let Call { keys: view, reply, .. } = call;
    let sets = sets(view, keys)?;
    let list = reply.deferred_set();
    let found = match all(&sets) {
        Some(sets) => algebra::intersect(&sets, usize::MAX, |member| reply_member(reply, member)),
        None => 0,
    };
    reply.close(list, found);
    Ok(())
}

pub(super) static SINTERCARD: Command = Declaration {
    summary: "Returns how many members are in all of the sets, or a limit if there are more.",
    complexity: IN_ALL,
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).numbered().accesses()],
    arguments: &[
        integer("numkeys"),
        key("key").multiple(),
        integer("limit").after("LIMIT").optional(),
    ],
    ..Declaration::new("SINTERCARD", Group::Set, "7.0.0", Handler::Keys(sintercard))
};

fn sintercard(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let count = arguments.at_least(1, NO_KEYS)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if arguments.len() < count {
        return Err(TOO_FEW_KEYS);
    }
    let keys = arguments.split(count)?.rest();
    let mut limit = 0;
    while !arguments.is_empty() {
        arguments.expect(b"LIMIT")?;
        if arguments.is_empty() {
            return Err(ReplyError::Syntax);
        }
        limit = arguments.at_least(0, NEGATIVE_LIMIT)?;
    }
    // 0 is no limit.
    let limit = usize::try_from(limit).ok().filter(|limit| 0 < *limit).unwrap_or(usize::MAX);

    let sets = sets(&mut call.keys, keys)?;
    let found = all(&sets).map_or(0, |sets| algebra::intersect(&sets, limit, |_| {}));
    call.reply.unsigned(found as u64);
    Ok(())
}

pub(super) static SINTERSTORE: Command = Declaration {
    summary: "Stores the members that are in all of the sets as a set; returns how many there are.",
    complexity: IN_ALL,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: STORE_KEYS,
    arguments: STORE,
    ..Declaration::new("SINTERSTORE", Group::Set, "1.0.0", Handler::Keys(sinterstore))
};

fn sinterstore(call: &mut Call<'_>) -> Outcome {
    store(call, events::SET_STORE_INTERSECTION, |sets, limits| {
        all(sets).map_or_else(Set::new, |sets| algebra::intersection(&sets, limits))
    })
}

pub(super) static SUNION: Command = Declaration {
    summary: "Returns the members that are in any of the sets.",
    complexity: OF_EACH,
    flags: Flags::READ_ONLY,
    keys: READ_KEYS,
    arguments: READ,
    tips: READ_TIPS,
    ..Declaration::new("SUNION", Group::Set, "1.0.0", Handler::Keys(sunion))
};

fn sunion(call: &mut Call<'_>) -> Outcome {
    let keys = call.arguments.rest();
    let Call { keys: view, reply, .. } = call;
    let sets = present(&sets(view, keys)?);
    let list = reply.deferred_set();
    let mut found = 0;
    algebra::unite(&sets, |member| {
        reply_member(reply, member);
        found += 1;
    });
    reply.close(list, found);
    Ok(())
}

pub(super) static SUNIONSTORE: Command = Declaration {
    summary: "Stores the members that are in any of the sets as a set; returns how many there are.",
    complexity: OF_EACH,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: STORE_KEYS,
    arguments: STORE,
    ..Declaration::new("SUNIONSTORE", Group::Set, "1.0.0", Handler::Keys(sunionstore))
};

fn sunionstore(call: &mut Call<'_>) -> Outcome {
    store(call, events::SET_STORE_UNION, |sets, limits| algebra::union(&present(sets), limits))
}

pub(super) static SDIFF: Command = Declaration {
    summary: "Returns the members of the first set that are in none of the others.",
    complexity: OF_EACH,
    flags: Flags::READ_ONLY,
    keys: READ_KEYS,
    arguments: READ,
    tips: READ_TIPS,
    ..Declaration::new("SDIFF", Group::Set, "1.0.0", Handler::Keys(sdiff))
};

fn sdiff(call: &mut Call<'_>) -> Outcome {
    let keys = call.arguments.rest();
    let Call { keys: view, reply, .. } = call;
    let sets = sets(view, keys)?;
    let list = reply.deferred_set();
    let mut found = 0;
    if let Some((Some(first), others)) = sets.split_first() {
        algebra::subtract(*first, &present(others), |member| {
            reply_member(reply, member);
            found += 1;
        });
    }
    reply.close(list, found);
    Ok(())
}

pub(super) static SDIFFSTORE: Command = Declaration {
    summary: "Stores the members of the first set that are in none of the others as a set; returns how many there are.",
    complexity: OF_EACH,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: STORE_KEYS,
    arguments: STORE,
    ..Declaration::new("SDIFFSTORE", Group::Set, "1.0.0", Handler::Keys(sdiffstore))
};

fn sdiffstore(call: &mut Call<'_>) -> Outcome {
    store(call, events::SET_STORE_DIFFERENCE, |sets, limits| match sets.split_first() {
        Some((Some(first), others)) => algebra::difference(*first, &present(others), limits),
        Some((None, _)) | None => Set::new(),
    })
}

/// Stores what the sets are combined to, whatever was at the destination before.
fn store(
    call: &mut Call<'_>,
    event: Event,
    combine: impl FnOnce(&[Option<SetRef<'_>>], Limits) -> Set,
) -> Outcome {
    let mut arguments = call.arguments;
    let destination = arguments.string()?;
    let result = combine(&sets(&mut call.keys, arguments.rest())?, limits(call.config));
    let count = result.len();
    if 0 < count {
        call.keys.put(destination, result, SetExpiry::Clear);
        call.modified(destination, event);
    } else if call.keys.remove(destination) {
        call.modified(destination, events::DELETE);
    }
    call.reply.unsigned(count as u64);
    Ok(())
}

/// The sets at the keys.
fn sets<'v>(view: &'v mut View<'_>, keys: Words<'_>) -> Result<Vec<Option<SetRef<'v>>>, WrongType> {
    view.read_several_as::<Set>(keys.iter())
}

/// The sets that are there.
fn present<'v>(sets: &[Option<SetRef<'v>>]) -> Vec<SetRef<'v>> {
    sets.iter().flatten().copied().collect()
}

/// All sets, if all are there.
fn all<'v>(sets: &[Option<SetRef<'v>>]) -> Option<Vec<SetRef<'v>>> {
    sets.iter().copied().collect()
}

const NO_KEYS: ReplyError = ReplyError::message("numkeys should be greater than 0");
const TOO_FEW_KEYS: ReplyError =
    ReplyError::message("Number of keys can't be greater than number of args");
const NEGATIVE_LIMIT: ReplyError = ReplyError::message("LIMIT can't be negative");
