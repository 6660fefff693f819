//! Questions about members and their number: ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCARD, ZCOUNT and ZLEXCOUNT.

use collections::SortedSet;
use collections::sorted_set::Direction;
use command::argument::{Argument, double, key, string, token};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};
use resp::ReplyError;

use super::bounds::{lex_range, score_range};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

const FLAGS: Flags = Flags::READ_ONLY.and(Flags::FAST);
const KEYS: &[KeySpec] = &[KeySpec::read_only(1).accesses()];

pub(super) static ZSCORE: Command = Declaration {
    summary: "Returns the score of a member of a sorted set.",
    flags: FLAGS,
    keys: KEYS,
    sought: Sought::Element(2),
    arguments: &[key("key"), string("member")],
    ..Declaration::new("ZSCORE", Group::SortedSet, "1.2.0", Handler::Keys(zscore))
};

fn zscore(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let member = arguments.string()?;

    let set = call.keys.read_as::<SortedSet>(key)?;
    match set.and_then(|set| set.score(member)) {
        Some(score) => call.reply.double(score),
        None => call.reply.null(),
    }
    Ok(())
}

pub(super) static ZMSCORE: Command = Declaration {
    summary: "Returns the scores of several members of a sorted set.",
    complexity: "O(N), where N is the number of members given.",
    flags: FLAGS,
    keys: KEYS,
    sought: Sought::Element(2),
    arguments: &[key("key"), string("member").multiple()],
    ..Declaration::new("ZMSCORE", Group::SortedSet, "6.2.0", Handler::Keys(zmscore))
};

fn zmscore(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;

    let set = call.keys.read_as::<SortedSet>(key)?;
    call.reply.array(arguments.len());
    for member in arguments.rest().iter() {
        match set.and_then(|set| set.score(member)) {
            Some(score) => call.reply.double(score),
            None => call.reply.null(),
        }
    }
    Ok(())
}

const RANK_ARGUMENTS: &[Argument] =
    &[key("key"), string("member"), token("withscore", "WITHSCORE").optional()];
const RANK_COMPLEXITY: &str = "O(log(N)), where N is the number of members in the sorted set.";
const RANK_HISTORY: &[(&str, &str)] = &[("7.2.0", "Has the option `WITHSCORE`.")];

pub(super) static ZRANK: Command = Declaration {
    summary: "Returns how many members of a sorted set come before one.",
    complexity: RANK_COMPLEXITY,
    flags: FLAGS,
    keys: KEYS,
    sought: Sought::Place(2),
    arguments: RANK_ARGUMENTS,
    history: RANK_HISTORY,
    ..Declaration::new(
        "ZRANK",
        Group::SortedSet,
        "2.0.0",
        Handler::Keys(|call| zrank(call, "zrank", Direction::Ascending)),
    )
};

pub(super) static ZREVRANK: Command = Declaration {
    summary: "Returns how many members of a sorted set come behind one.",
    complexity: RANK_COMPLEXITY,
    flags: FLAGS,
    keys: KEYS,
    sought: Sought::Place(2),
    arguments: RANK_ARGUMENTS,
    history: RANK_HISTORY,
    ..Declaration::new(
        "ZREVRANK",
        Group::SortedSet,
        "2.0.0",
        Handler::Keys(|call| zrank(call, "zrevrank", Direction::Descending)),
    )
};

fn zrank(call: &mut Call<'_>, name: &'static str, direction: Direction) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let member = arguments.string()?;
    if 1 < arguments.len() {
        return Err(ReplyError::WrongArity(name));
    }
    let with_score = arguments.accept(b"WITHSCORE");
    arguments.finish()?;

    let set = call.keys.read_as::<SortedSet>(key)?;
    let found = set.and_then(|set| {
        let (before, score) = set.rank(member)?;
        let rank = match direction {
            Direction::Ascending => before,
            Direction::Descending => set.len() - 1 - before,
        };
        Some((rank, score))
    });
    match (found, with_score) {
        (None, false) => call.reply.null(),
        (None, true) => call.reply.null_array(),
        (Some((rank, _)), false) => call.reply.unsigned(rank as u64),
        (Some((rank, score)), true) => {
            call.reply.array(2);
            call.reply.unsigned(rank as u64);
            call.reply.double(score);
        }
    }
    Ok(())
}

pub(super) static ZCARD: Command = Declaration {
    summary: "Returns the number of members of a sorted set.",
    flags: FLAGS,
    keys: &[KeySpec::read_only(1)],
    arguments: &[key("key")],
    ..Declaration::new("ZCARD", Group::SortedSet, "1.2.0", Handler::Keys(zcard))
};

fn zcard(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let set = call.keys.read_as::<SortedSet>(key)?;
    call.reply.unsigned(set.map_or(0, |set| set.len() as u64));
    Ok(())
}

const COUNT_COMPLEXITY: &str = "O(log(N)), where N is the number of members in the sorted set.";

pub(super) static ZCOUNT: Command = Declaration {
    summary: "Returns the number of members of a sorted set with scores between two.",
    complexity: COUNT_COMPLEXITY,
    flags: FLAGS,
    keys: KEYS,
    arguments: &[key("key"), double("min"), double("max")],
    ..Declaration::new("ZCOUNT", Group::SortedSet, "2.0.0", Handler::Keys(zcount))
};

fn zcount(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let wanted = score_range(arguments.string()?, arguments.string()?)?;

    let set = call.keys.read_as::<SortedSet>(key)?;
    call.reply.unsigned(set.map_or(0, |set| set.ranks_by_score(&wanted).len() as u64));
    Ok(())
}

pub(super) static ZLEXCOUNT: Command = Declaration {
    summary: "Returns the number of members of a sorted set between two, if all scores are equal.",
    complexity: COUNT_COMPLEXITY,
    flags: FLAGS,
    keys: KEYS,
    arguments: &[key("key"), string("min"), string("max")],
    ..Declaration::new("ZLEXCOUNT", Group::SortedSet, "2.8.9", Handler::Keys(zlexcount))
};

fn zlexcount(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let wanted = lex_range(arguments.string()?, arguments.string()?)?;

    let set = call.keys.read_as::<SortedSet>(key)?;
    let count = set.map_or(0, |set| set.ranks_by_lex(&wanted, Direction::Ascending).len());
    call.reply.unsigned(count as u64);
    Ok(())
}
