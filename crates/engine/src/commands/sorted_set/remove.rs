//! Taking members out: ZREM, and by rank, score or member ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX.

use std::ops::Range;

use collections::sorted_set::{Direction, SortedSetRef};
use collections::{Collection, SortedSet};
use command::argument::{double, integer, key, string};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};

use super::bounds::{lex_range, rank_range, score_range};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events::{self, Event};

const KEYS: &[KeySpec] = &[KeySpec::read_write(1).deletes()];
const RANGE_COMPLEXITY: &str = "O(log(N)+M), where N is the number of members in the sorted set and M the number of those taken out.";

pub(super) static ZREM: Command = Declaration {
    summary: "Takes members out of a sorted set, and removes the key with the last one.",
    complexity: "O(M*log(N)), where N is the number of members in the sorted set and M the number of those taken out.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: KEYS,
    sought: Sought::Place(2),
    arguments: &[key("key"), string("member").multiple()],
    history: &[("2.4.0", "Takes several members.")],
    ..Declaration::new("ZREM", Group::SortedSet, "1.2.0", Handler::Keys(zrem))
};

fn zrem(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;

    let removed = call.keys.edit_present::<SortedSet, _>(key, |set| {
        let removed = arguments.rest().iter().filter(|member| set.remove(member).is_some()).count();
        (removed, set.is_empty())
    })?;
    let (removed, is_empty) = removed.unwrap_or((0, false));
    tell_removed(call, key, events::SORTED_SET_REMOVE, removed, is_empty);
    call.reply.unsigned(removed as u64);
    Ok(())
}

pub(super) static ZREMRANGEBYRANK: Command = Declaration {
    summary: "Takes the members of a sorted set between two ranks out.",
    complexity: RANGE_COMPLEXITY,
    flags: Flags::WRITE,
    keys: KEYS,
    arguments: &[key("key"), integer("start"), integer("stop")],
    ..Declaration::new("ZREMRANGEBYRANK", Group::SortedSet, "2.0.0", Handler::Keys(by_rank))
};

fn by_rank(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let start = arguments.integer()?;
    let stop = arguments.integer()?;

    let ranks = |set: SortedSetRef<'_>| rank_range(start, stop, set.len());
    remove_range(call, key, events::SORTED_SET_REMOVE_BY_RANK, ranks)
}

pub(super) static ZREMRANGEBYSCORE: Command = Declaration {
    summary: "Takes the members of a sorted set with scores between two out.",
    complexity: RANGE_COMPLEXITY,
    flags: Flags::WRITE,
    keys: KEYS,
    arguments: &[key("key"), double("min"), double("max")],
    ..Declaration::new("ZREMRANGEBYSCORE", Group::SortedSet, "1.2.0", Handler::Keys(by_score))
};

fn by_score(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let wanted = score_range(arguments.string()?, arguments.string()?)?;

    let ranks = |set: SortedSetRef<'_>| set.ranks_by_score(&wanted);
    remove_range(call, key, events::SORTED_SET_REMOVE_BY_SCORE, ranks)
}

pub(super) static ZREMRANGEBYLEX: Command = Declaration {
    summary: "Takes the members of a sorted set between two out, if all scores are equal.",
    complexity: RANGE_COMPLEXITY,
    flags: Flags::WRITE,
    keys: KEYS,
    arguments: &[key("key"), string("min"), string("max")],
    ..Declaration::new("ZREMRANGEBYLEX", Group::SortedSet, "2.8.9", Handler::Keys(by_lex))
};

fn by_lex(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let wanted = lex_range(arguments.string()?, arguments.string()?)?;

    let ranks = |set: SortedSetRef<'_>| set.ranks_by_lex(&wanted, Direction::Ascending);
    remove_range(call, key, events::SORTED_SET_REMOVE_BY_LEX, ranks)
}

fn remove_range(
    call: &mut Call<'_>,
    key: &[u8],
    event: Event,
    ranks: impl FnOnce(SortedSetRef<'_>) -> Range<usize>,
) -> Outcome {
    let removed = call.keys.edit_present::<SortedSet, _>(key, |set| {
        let before = set.to_ref().len();
        let ranks = ranks(set.to_ref());
        set.remove_ranks(ranks);
        (before - set.to_ref().len(), set.is_empty())
    })?;
    let (removed, is_empty) = removed.unwrap_or((0, false));
    tell_removed(call, key, event, removed, is_empty);
    call.reply.unsigned(removed as u64);
    Ok(())
}

/// Tells that so many members of the sorted set at a key were taken out, and whether those were the last.
pub(super) fn tell_removed(
    call: &mut Call<'_>,
    key: &[u8],
    event: Event,
    removed: usize,
    is_empty: bool,
) {
    if removed == 0 {
        return;
    }
    call.modified(key, event);
    // Each member counts.
    call.changed(removed as u64 - 1);
    if is_empty {
        call.also_modified(key, events::DELETE);
    }
}
