//! Taking the first or the last members out: ZPOPMIN, ZPOPMAX and ZMPOP. What it takes to do that at one key ([`pop`]) serves blocked
//! clients as well.

use collections::list_pack::Element;
use collections::sorted_set::Direction;
use collections::{Collection, SortedSet};
use command::argument::{Argument, integer, key, one_of, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::{Reply, ReplyError};

use super::Shape;
use super::remove::tell_removed;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

/// Which end of a sorted set members are taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::commands) enum End {
    /// Those with the lowest scores.
    Min,
    /// Those with the highest.
    Max,
}

impl End {
    /// In which direction members come from here.
    fn direction(self) -> Direction {
        match self {
            End::Min => Direction::Ascending,
            End::Max => Direction::Descending,
        }
    }

    /// The command that takes members from this end of one sorted set, as which all others are replicated.
    pub(in crate::commands) fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }

    /// Reads MIN or MAX.
    pub(in crate::commands) fn parse(arguments: &mut Arguments<'_>) -> Result<End, ReplyError> {
        if arguments.accept(b"MIN") {
            Ok(End::Min)
        } else {
            arguments.expect(b"MAX").map(|()| End::Max)
        }
    }
}

/// Members that were taken out, with their scores, in order.
pub(in crate::commands) type Popped = Vec<(Vec<u8>, f64)>;

/// Takes up to `limit` members, of which that is at least one, out of the sorted set at a key, and tells so. Empty if nothing is there.
pub(in crate::commands) fn pop(
    call: &mut Call<'_>,
    key: &[u8],
    end: End,
    limit: usize,
) -> Result<Popped, ReplyError> {
    let popped = call.keys.edit_present::<SortedSet, _>(key, |set| {
        let len = set.to_ref().len();
        let count = limit.min(len);
        let ranks = match end {
            End::Min => 0..count,
            End::Max => len - count..len,
        };
        let elements = set.to_ref().range(ranks.clone(), end.direction());
        let popped: Popped = elements.map(|(member, score)| (member.to_vec(), score)).collect();
        set.remove_ranks(ranks);
        (popped, set.is_empty())
    })?;
    let (popped, is_empty) = popped.unwrap_or_default();
    let event = match end {
        End::Min => events::SORTED_SET_POP_MIN,
        End::Max => events::SORTED_SET_POP_MAX,
    };
    tell_removed(call, key, event, popped.len(), is_empty);
    Ok(popped)
}

/// Shows members that were taken out.
pub(in crate::commands) fn show(reply: &mut Reply<'_>, shape: Shape, popped: &Popped) {
    shape.begin(reply, popped.len());
    for (member, score) in popped {
        shape.show(reply, Element::Bytes(member), *score);
    }
}

const POP_KEYS: &[KeySpec] = &[KeySpec::read_write(1).accesses().deletes()];
const POP_ARGUMENTS: &[Argument] = &[key("key"), integer("count").optional()];
const POP_COMPLEXITY: &str = "O(log(N)*M), where N is the number of members in the sorted set and M the number of those taken out.";

pub(super) static ZPOPMIN: Command = Declaration {
    summary: "Takes the members with the lowest scores out of a sorted set and returns them.",
    ..single("ZPOPMIN", |call| zpop(call, End::Min))
};

pub(super) static ZPOPMAX: Command = Declaration {
    summary: "Takes the members with the highest scores out of a sorted set and returns them.",
    ..single("ZPOPMAX", |call| zpop(call, End::Max))
};

const fn single(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Command {
    Declaration {
        complexity: POP_COMPLEXITY,
        flags: Flags::WRITE.and(Flags::FAST),
        keys: POP_KEYS,
        arguments: POP_ARGUMENTS,
        ..Declaration::new(name, Group::SortedSet, "5.0.0", Handler::Keys(run))
    }
}

fn zpop(call: &mut Call<'_>, end: End) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    if 1 < arguments.len() {
        return Err(ReplyError::Syntax);
    }
    let (limit, shape) = if arguments.is_empty() {
        (1, Shape::Flat)
    } else {
        (arguments.at_least(0, NOT_POSITIVE)?, Shape::Scores)
    };

    if limit == 0 {
        call.keys.look_as::<SortedSet>(key)?;
        call.reply.array(0);
        return Ok(());
    }
    let popped = pop(call, key, end, usize::try_from(limit).unwrap_or(usize::MAX))?;
    show(&mut call.reply, shape, &popped);
    Ok(())
}

pub(super) static ZMPOP: Command = Declaration {
    summary: "Takes members out of the first of several sorted sets that is not empty, and returns them.",
    complexity: "O(K) + O(M*log(N)), where K is the number of keys, N the number of members in the sorted set and M the number of those taken out.",
    flags: Flags::WRITE,
    keys: &[KeySpec::read_write(1).numbered().accesses().deletes()],
    arguments: &[
        integer("numkeys"),
        key("key").multiple(),
        one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
        integer("count").after("COUNT").optional(),
    ],
    ..Declaration::new("ZMPOP", Group::SortedSet, "7.0.0", Handler::Keys(zmpop))
};

/// What ZMPOP asks for; BZMPOP does so as well, after its timeout.
pub(in crate::commands) struct MultiplePop<'a> {
    /// Where to look, in this order.
    pub(in crate::commands) keys: Arguments<'a>,
    pub(in crate::commands) end: End,
    /// At least 1.
    pub(in crate::commands) limit: usize,
}

impl<'a> MultiplePop<'a> {
    pub(in crate::commands) fn parse(
        mut arguments: Arguments<'a>,
    ) -> Result<MultiplePop<'a>, ReplyError> {
        let count = arguments.at_least(1, INVALID_KEY_COUNT)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if arguments.len() <= count {
            return Err(ReplyError::Syntax);
        }
        let keys = arguments.split(count)?;
        let end = End::parse(&mut arguments)?;
        let mut limit = None;
        while !arguments.is_empty() {
            if limit.is_some() || arguments.len() < 2 {
                return Err(ReplyError::Syntax);
            }
            arguments.expect(b"COUNT")?;
            let count = arguments.at_least(1, INVALID_COUNT)?;
            limit = Some(usize::try_from(count).unwrap_or(usize::MAX));
        }
        Ok(MultiplePop { keys, end, limit: limit.unwrap_or(1) })
    }

    /// Takes members out of the first sorted set that is there and shows them; says whether there was one.
    pub(in crate::commands) fn run(&self, call: &mut Call<'_>) -> Result<bool, ReplyError> {
        for key in self.keys.rest().iter() {
            if !call.reaches(key) {
                continue;
            }
            let popped = pop(call, key, self.end, self.limit)?;
            if popped.is_empty() {
                continue;
            }
            let mut decimal = itoa::Buffer::new();
            let count = decimal.format(popped.len()).as_bytes();
            call.replicate_as(&[self.end.command(), key, count]);
            call.reply.array(2);
            call.reply.bulk(key);
            show(&mut call.reply, Shape::Pairs, &popped);
            return Ok(true);
        }
        Ok(false)
    }
}

fn zmpop(call: &mut Call<'_>) -> Outcome {
    let pop = MultiplePop::parse(call.arguments)?;
    if !pop.run(call)? {
        call.reply.null_array();
    }
    Ok(())
}

const NOT_POSITIVE: ReplyError = ReplyError::message("value is out of range, must be positive");
const INVALID_KEY_COUNT: ReplyError = ReplyError::message("numkeys should be greater than 0");
const INVALID_COUNT: ReplyError = ReplyError::message("count should be greater than 0");
