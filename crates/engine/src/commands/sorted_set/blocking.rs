//! Taking members out that may be yet to come: BZPOPMIN, BZPOPMAX and BZMPOP.
//!
//! Whatever they do is replicated as the command that does not wait.

use collections::SortedSet;
use command::argument::{Argument, double, integer, key, one_of, token};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::ValueType;
use resp::Words;

use super::pop::{End, MultiplePop, pop};
use crate::Call;
use crate::blocking::{Timeout, Wait};
use crate::command_table::{Command, Handler, Outcome};

const POP_ARGUMENTS: &[Argument] = &[key("key").multiple(), double("timeout")];
const POP_KEYS: &[KeySpec] = &[KeySpec::read_write(1).through(-2).accesses().deletes()];

pub(super) static BZPOPMIN: Command = Declaration {
    summary: "Takes the member with the lowest score out of the first of several sorted sets that is not empty, and returns it. Waits for one if there is none.",
    ..single("BZPOPMIN", |call| bzpop(call, End::Min))
};

pub(super) static BZPOPMAX: Command = Declaration {
    summary: "Takes the member with the highest score out of the first of several sorted sets that is not empty, and returns it. Waits for one if there is none.",
    ..single("BZPOPMAX", |call| bzpop(call, End::Max))
};

const fn single(name: &'static str, run: fn(&mut Call<'_>) -> Outcome) -> Command {
    Declaration {
        complexity: "O(log(N)), where N is the number of members in the sorted set.",
        flags: Flags::WRITE.and(Flags::BLOCKING).and(Flags::FAST),
        keys: POP_KEYS,
        arguments: POP_ARGUMENTS,
        history: &[(
            "6.0.0",
            "The `timeout` is a number of seconds with a fraction, no longer an integer.",
        )],
        ..Declaration::new(name, Group::SortedSet, "5.0.0", Handler::Keys(run))
    }
}

fn bzpop(call: &mut Call<'_>, end: End) -> Outcome {
    let words = call.arguments.rest();
    let keys = words.take(words.len().saturating_sub(1));
    let timeout = words.get(keys.len()).unwrap_or_default();
    let timeout = Timeout::seconds(timeout, call.now_ms())?;

    for key in keys.iter() {
        if !call.reaches(key) || call.keys.peek_as::<SortedSet>(key)?.is_none() {
            continue;
        }
        for (member, score) in pop(call, key, end, 1)? {
            call.replicate_as(&[end.command(), key]);
            call.reply.array(3);
            call.reply.bulk(key);
            call.reply.bulk(&member);
            call.reply.double(score);
        }
        return Ok(());
    }
    wait(call, keys, timeout);
    Ok(())
}

pub(super) static BZMPOP: Command = Declaration {
    summary: "Takes members out of the first of several sorted sets that is not empty, and returns them. Waits for one if there is none.",
    complexity: "O(K) + O(M*log(N)), where K is the number of keys, N the number of members in the sorted set and M the number of those taken out.",
    flags: Flags::WRITE.and(Flags::BLOCKING),
    keys: &[KeySpec::read_write(2).numbered().accesses().deletes()],
    arguments: &[
        double("timeout"),
        integer("numkeys"),
        key("key").multiple(),
        one_of("where", &[token("min", "MIN"), token("max", "MAX")]),
        integer("count").after("COUNT").optional(),
    ],
    ..Declaration::new("BZMPOP", Group::SortedSet, "7.0.0", Handler::Keys(bzmpop))
};

fn bzmpop(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let timeout = arguments.string()?;
    let pop = MultiplePop::parse(arguments)?;
    // It comes first, and is looked at last.
    let timeout = Timeout::seconds(timeout, call.now_ms())?;

    if !pop.run(call)? {
        wait(call, pop.keys.rest(), timeout);
    }
    Ok(())
}

fn wait(call: &mut Call<'_>, keys: Words<'_>, timeout: Timeout) {
    call.block(Wait::new(ValueType::SortedSet, keys.iter(), timeout));
}
