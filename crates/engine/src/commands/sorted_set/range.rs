//! Ranges by rank, score or member: ZRANGE with its options, ZRANGESTORE, and the older commands that are one combination of these
//! options each.

use std::ops::Range;

use collections::sorted_set::{Direction, LexRange, Limits, ScoreRange, SortedSetRef};
use collections::{Encoding, SortedSet};
use command::argument::{Argument, block, double, integer, key, one_of, string, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::SetExpiry;
use resp::ReplyError;
use resp::number::parse_integer;

use super::bounds::{lex_range, rank_range, score_range};
use super::{Shape, limits};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events::{self, Event};

const KEYS: &[KeySpec] = &[KeySpec::read_only(1).accesses()];
const COMPLEXITY: &str = "O(log(N)+M), where N is the number of members in the sorted set and M the number of those returned.";

const SORT_BY: Argument =
    one_of("sortby", &[token("byscore", "BYSCORE"), token("bylex", "BYLEX")]).optional();
const REV: Argument = token("rev", "REV").optional();
const LIMIT: Argument =
    block("limit", &[integer("offset"), integer("count")]).after("LIMIT").optional();
const WITH_SCORES: Argument = token("withscores", "WITHSCORES").optional();

pub(super) static ZRANGE: Command = Declaration {
    summary: "Returns the members of a sorted set in a range of ranks, scores or members.",
    arguments: &[
        key("key"),
        string("start"),
        string("stop"),
        SORT_BY.since("6.2.0"),
        REV.since("6.2.0"),
        LIMIT.since("6.2.0"),
        WITH_SCORES,
    ],
    history: &[("6.2.0", "Has the options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`.")],
    ..declaration("ZRANGE", "1.2.0", |call| zrange(call, Form { by: None, direction: None }))
};

pub(super) static ZREVRANGE: Command = Declaration {
    summary: "Returns the members of a sorted set in a range of ranks, from the highest score on.",
    arguments: &[key("key"), integer("start"), integer("stop"), WITH_SCORES],
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`ZRANGE` with the `REV` argument"),
    ..declaration("ZREVRANGE", "1.2.0", |call| {
        zrange(call, Form { by: Some(By::Rank), direction: Some(Direction::Descending) })
    })
};

pub(super) static ZRANGEBYSCORE: Command = Declaration {
    summary: "Returns the members of a sorted set in a range of scores.",
    arguments: &[key("key"), double("min"), double("max"), WITH_SCORES.since("2.0.0"), LIMIT],
    history: &[("2.0.0", "Has the option `WITHSCORES`.")],
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`ZRANGE` with the `BYSCORE` argument"),
    ..declaration("ZRANGEBYSCORE", "1.0.5", |call| {
        zrange(call, Form { by: Some(By::Score), direction: Some(Direction::Ascending) })
    })
};

pub(super) static ZREVRANGEBYSCORE: Command = Declaration {
    summary: "Returns the members of a sorted set in a range of scores, from the highest on.",
    arguments: &[key("key"), double("max"), double("min"), WITH_SCORES, LIMIT],
    history: &[("2.1.6", "Takes bounds that do not belong to the range.")],
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    ..declaration("ZREVRANGEBYSCORE", "2.2.0", |call| {
        zrange(call, Form { by: Some(By::Score), direction: Some(Direction::Descending) })
    })
};

pub(super) static ZRANGEBYLEX: Command = Declaration {
    summary: "Returns the members of a sorted set between two, if all scores are equal.",
    arguments: &[key("key"), string("min"), string("max"), LIMIT],
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`ZRANGE` with the `BYLEX` argument"),
    ..declaration("ZRANGEBYLEX", "2.8.9", |call| {
        zrange(call, Form { by: Some(By::Lex), direction: Some(Direction::Ascending) })
    })
};

pub(super) static ZREVRANGEBYLEX: Command = Declaration {
    summary: "Returns the members of a sorted set between two, from the last on, if all scores are equal.",
    arguments: &[key("key"), string("max"), string("min"), LIMIT],
    deprecated_since: Some("6.2.0"),
    replaced_by: Some("`ZRANGE` with the `REV` and `BYLEX` arguments"),
    ..declaration("ZREVRANGEBYLEX", "2.8.9", |call| {
        zrange(call, Form { by: Some(By::Lex), direction: Some(Direction::Descending) })
    })
};

const fn declaration(
    name: &'static str,
    since: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        complexity: COMPLEXITY,
        flags: Flags::READ_ONLY,
        keys: KEYS,
        ..Declaration::new(name, Group::SortedSet, since, Handler::Keys(run))
    }
}

fn zrange(call: &mut Call<'_>, form: Form) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let (query, shape) = Query::parse(arguments, form, Destination::Reply)?;

    let Call { keys, reply, .. } = call;
    let Some(set) = keys.read_as::<SortedSet>(key)? else {
        reply.array(0);
        return Ok(());
    };
    let elements = set.range(query.ranks(set), query.direction);
    shape.begin(reply, elements.len());
    elements.for_each(|(member, score)| shape.show(reply, member, score));
    Ok(())
}

pub(super) static ZRANGESTORE: Command = Declaration {
    summary: "Stores the members of a sorted set in a range of ranks, scores or members as another one.",
    complexity: "O(log(N)+M), where N is the number of members in the sorted set and M the number of those stored.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(1).updates(), KeySpec::read_only(2).accesses()],
    arguments: &[key("dst"), key("src").spec(1), string("min"), string("max"), SORT_BY, REV, LIMIT],
    ..Declaration::new("ZRANGESTORE", Group::SortedSet, "6.2.0", Handler::Keys(zrangestore))
};

fn zrangestore(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let destination = arguments.string()?;
    let source = arguments.string()?;
    let form = Form { by: None, direction: None };
    let (query, _) = Query::parse(arguments, form, Destination::Key)?;

    let limits = limits(call.config);
    let set = call.keys.read_as::<SortedSet>(source)?;
    let stored = set.map_or_else(SortedSet::default, |set| copied(set, query.ranks(set), limits));
    store(call, destination, stored, events::SORTED_SET_STORE_RANGE);
    Ok(())
}

fn copied(set: SortedSetRef<'_>, ranks: Range<usize>, limits: Limits) -> SortedSet {
    let mut copy = SortedSet::with_capacity(ranks.len(), 0, limits);
    let mut buffer = itoa::Buffer::new();
    for (member, score) in set.range(ranks, Direction::Ascending) {
        copy.push(member.bytes(&mut buffer), score, limits);
    }
    copy
}

/// Stores a sorted set whatever was at the key, tells so, and replies with the number of members. An empty one removes the key.
pub(super) fn store(call: &mut Call<'_>, key: &[u8], set: SortedSet, event: Event) {
    let len = collections::Collection::to_ref(&set).len();
    if 0 < len {
        call.keys.put(key, set, SetExpiry::Clear);
        call.modified(key, event);
    } else if call.keys.remove(key) {
        call.modified(key, events::DELETE);
    }
    call.reply.unsigned(len as u64);
}

/// What a range is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// What the name of a command says of the range; the rest is said by options.
#[derive(Clone, Copy)]
struct Form {
    by: Option<By>,
    direction: Option<Direction>,
}

/// Where a range goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Reply,
    Key,
}

/// A range, as it is asked for.
struct Query<'a> {
    bounds: Bounds<'a>,
    direction: Direction,
    /// How many to leave out, and how many to show; all of them if that is negative.
    limit: (i64, i64),
}

enum Bounds<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

impl<'a> Query<'a> {
    fn parse(
        mut arguments: Arguments<'a>,
        form: Form,
        destination: Destination,
    ) -> Result<(Query<'a>, Shape), ReplyError> {
        let (first, second) = (arguments.string()?, arguments.string()?);
        let Form { mut by, mut direction } = form;
        let (mut limit, mut shape) = ((0, -1), Shape::Members);
        while !arguments.is_empty() {
            if destination == Destination::Reply && arguments.accept(b"WITHSCORES") {
                shape = Shape::Scores;
            } else if 3 <= arguments.len() && arguments.accept(b"LIMIT") {
                limit = (arguments.integer()?, arguments.integer()?);
            } else if direction.is_none() && arguments.accept(b"REV") {
                direction = Some(Direction::Descending);
            } else if by.is_none() && arguments.accept(b"BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && arguments.accept(b"BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        let by = by.unwrap_or(By::Rank);
        let direction = direction.unwrap_or(Direction::Ascending);
        if limit.1 != -1 && by == By::Rank {
            return Err(LIMIT_OF_RANKS);
        }
        if shape == Shape::Scores && by == By::Lex {
            return Err(SCORES_OF_MEMBERS);
        }
        // In the other direction the upper bound comes first.
        let (min, max) = match direction {
            Direction::Ascending => (first, second),
            Direction::Descending => (second, first),
        };
        let bounds = match by {
            By::Rank => {
                let ranks = parse_integer(first).zip(parse_integer(second));
                ranks
                    .map(|(start, stop)| Bounds::Ranks(start, stop))
                    .ok_or(ReplyError::NotInteger)?
            }
            By::Score => Bounds::Scores(score_range(min, max)?),
            By::Lex => Bounds::Members(lex_range(min, max)?),
        };
        Ok((Query { bounds, direction, limit }, shape))
    }

    /// The ranks asked for, from the lowest score on, whatever the direction.
    fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        match &self.bounds {
            Bounds::Ranks(start, stop) => {
                let len = set.len();
                let ranks = rank_range(*start, *stop, len);
                match self.direction {
                    Direction::Ascending => ranks,
                    Direction::Descending => len - ranks.end.min(len)..len - ranks.start.min(len),
                }
            }
            Bounds::Scores(wanted) => self.limited(set.ranks_by_score(wanted), set.encoding()),
            Bounds::Members(wanted) => {
                self.limited(set.ranks_by_lex(wanted, self.direction), set.encoding())
            }
        }
    }

    /// What the limit leaves of some ranks.
    fn limited(&self, ranks: Range<usize>, encoding: Encoding) -> Range<usize> {
        let (offset, count) = self.limit;
        let skipped = match usize::try_from(offset) {
            Ok(offset) => Some(offset),
            // As in Redis 7.4, a negative offset into a big sorted set counts from the end of the range.
            Err(_) if encoding == Encoding::SkipList => usize::try_from(offset.unsigned_abs())
                .ok()
                .and_then(|offset| ranks.len().checked_sub(offset)),
            Err(_) => None,
        };
        let Some(skipped) = skipped.filter(|&skipped| skipped < ranks.len()) else {
            return 0..0;
        };
        let left = ranks.len() - skipped;
        let count = usize::try_from(count).map_or(left, |count| count.min(left));
        match self.direction {
            Direction::Ascending => ranks.start + skipped..ranks.start + skipped + count,
            Direction::Descending => ranks.end - skipped - count..ranks.end - skipped,
        }
    }
}

const LIMIT_OF_RANKS: ReplyError = ReplyError::message(
    "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
);
const SCORES_OF_MEMBERS: ReplyError =
    ReplyError::message("syntax error, WITHSCORES not supported in combination with BYLEX");
