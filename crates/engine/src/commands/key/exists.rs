//! Asking about keys: EXISTS, TOUCH and TYPE.

use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static EXISTS: Command = Declaration {
    summary: "Counts which of the keys exist; one named twice counts twice.",
    complexity: "O(N) where N is the number of keys.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).to_last()],
    arguments: &[key("key").multiple()],
    history: &[("3.0.3", "Takes several keys.")],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    ..Declaration::new("EXISTS", Group::Generic, "1.0.0", Handler::Keys(exists))
};

pub(super) static TOUCH: Command = Declaration {
    summary: "Counts which of the keys exist, and notes a use of each.",
    complexity: "O(N) where N is the number of keys.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).to_last()],
    arguments: &[key("key").multiple()],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    ..Declaration::new("TOUCH", Group::Generic, "3.2.1", Handler::Keys(touch))
};

pub(super) static TYPE: Command = Declaration {
    summary: "Returns the type of the value at a key, or none.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    arguments: &[key("key")],
    ..Declaration::new("TYPE", Group::Generic, "1.0.0", Handler::Keys(value_type))
};

fn exists(call: &mut Call<'_>) -> Outcome {
    let mut count = 0;
    call.keys.each(call.arguments.rest().iter().map(|key| (key, ())), |view, key, ()| {
        count += u64::from(view.inquire(key).is_some());
    });
    call.reply.unsigned(count);
    Ok(())
}

fn touch(call: &mut Call<'_>) -> Outcome {
    // A client that has asked for its reads not to count as uses can still ask for these.
    call.keys.round.touch = true;
    let mut count = 0;
    call.keys.each(call.arguments.rest().iter().map(|key| (key, ())), |view, key, ()| {
        count += u64::from(view.read(key).is_some());
    });
    call.reply.unsigned(count);
    Ok(())
}

fn value_type(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let found = call.keys.inquire(key).map(|entry| entry.value_type());
    call.reply.simple(found.map_or("none", |found| found.name()));
    Ok(())
}
