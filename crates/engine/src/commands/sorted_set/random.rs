//! Random members: ZRANDMEMBER.

use std::collections::HashSet;

use collections::SortedSet;
use collections::sorted_set::{Direction, SortedSetRef};
use command::argument::{block, integer, key, token};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::Random;
use resp::{Reply, ReplyError};

use super::{Shape, show_member};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static ZRANDMEMBER: Command = Declaration {
    summary: "Returns random members of a sorted set.",
    complexity: "O(N*log(M)), where N is the number of members returned and M that of those in the sorted set.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        block("options", &[integer("count"), token("withscores", "WITHSCORES").optional()])
            .optional(),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("ZRANDMEMBER", Group::SortedSet, "6.2.0", Handler::Keys(zrandmember))
};

fn zrandmember(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    if arguments.is_empty() {
        return random_member(call, key);
    }
    let count = arguments.integer()?;
    if count == i64::MIN {
        return Err(COUNT_OUT_OF_RANGE);
    }
    let shape = if arguments.is_empty() { Shape::Members } else { Shape::Scores };
    if shape == Shape::Scores {
        arguments.expect(b"WITHSCORES")?;
        arguments.finish()?;
        if i64::MAX.unsigned_abs() / 2 < count.unsigned_abs() {
            return Err(ReplyError::OutOfRange);
        }
    }

    let random = &mut Random::new(call.keys.round.random.number());
    let Call { keys, reply, .. } = call;
    let set = keys.read_as::<SortedSet>(key)?.filter(|set| !set.is_empty());
    let (Some(set), true) = (set, count != 0) else {
        reply.array(0);
        return Ok(());
    };
    let number = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return with_repetitions(reply, shape, set, number, random);
    }
    if set.len() <= number {
        shape.begin(reply, set.len());
        let elements = set.range(0..set.len(), Direction::Descending);
        elements.for_each(|(member, score)| shape.show(reply, member, score));
    } else {
        different(reply, shape, set, number, random);
    }
    Ok(())
}

fn random_member(call: &mut Call<'_>, key: &[u8]) -> Outcome {
    let random = call.keys.round.random.number();
    let set = call.keys.read_as::<SortedSet>(key)?;
    match set.and_then(|set| set.at(Random::new(random).below(set.len()))) {
        Some((member, _)) => show_member(&mut call.reply, member),
        None => call.reply.null(),
    }
    Ok(())
}

fn with_repetitions(
    reply: &mut Reply<'_>,
    shape: Shape,
    set: SortedSetRef<'_>,
    count: usize,
    random: &mut Random,
) -> Outcome {
    if REPETITIONS_LIMIT < count {
        return Err(ReplyError::OutOfRange);
    }
    shape.begin(reply, count);
    for _ in 0..count {
        show_at(reply, shape, set, random.below(set.len()));
    }
    Ok(())
}

/// Shows fewer members than there are, none twice; each choice of as many is as likely as any other.
fn different(
    reply: &mut Reply<'_>,
    shape: Shape,
    set: SortedSetRef<'_>,
    count: usize,
    random: &mut Random,
) {
    shape.begin(reply, count);
    // By Floyd's method: for each rank of the last `count` one draws up to it, and takes the rank itself if what was drawn is taken.
    let mut taken = HashSet::with_capacity(count);
    for rank in set.len() - count..set.len() {
        let drawn = random.below(rank + 1);
        let chosen = if taken.insert(drawn) { drawn } else { rank };
        taken.insert(chosen);
        show_at(reply, shape, set, chosen);
    }
}

fn show_at(reply: &mut Reply<'_>, shape: Shape, set: SortedSetRef<'_>, rank: usize) {
    if let Some((member, score)) = set.at(rank) {
        shape.show(reply, member, score);
    }
}

/// A reply of more is more than memory should be spent on: Redis would build it until the memory is used up.
const REPETITIONS_LIMIT: usize = 1 << 27;

const COUNT_OUT_OF_RANGE: ReplyError = ReplyError::message(
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
