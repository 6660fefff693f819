//! Looking at a set: SCARD, SISMEMBER, SMISMEMBER and SMEMBERS.

use collections::Set;
use collections::set::SetRef;
use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};

use super::reply_member;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static SCARD: Command = Declaration {
    summary: "Returns the number of members of a set.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    arguments: &[key("key")],
    ..Declaration::new("SCARD", Group::Set, "1.0.0", Handler::Keys(scard))
};

fn scard(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let count = call.keys.read_as::<Set>(key)?.map_or(0, SetRef::len);
    call.reply.unsigned(count as u64);
    Ok(())
}

pub(super) static SISMEMBER: Command = Declaration {
    summary: "Tells whether something is a member of a set.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1)],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("member")],
    ..Declaration::new("SISMEMBER", Group::Set, "1.0.0", Handler::Keys(sismember))
};

fn sismember(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let member = arguments.string()?;
    let is_member = call.keys.read_as::<Set>(key)?.is_some_and(|set| set.contains(member));
    call.reply.unsigned(u64::from(is_member));
    Ok(())
}

pub(super) static SMISMEMBER: Command = Declaration {
    summary: "Tells of several things whether they are members of a set.",
    complexity: "O(N) where N is the number of things asked for.",
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("member").multiple()],
    ..Declaration::new("SMISMEMBER", Group::Set, "6.2.0", Handler::Keys(smismember))
};

fn smismember(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let members = arguments.rest();
    let Call { keys, reply, .. } = call;
    let set = keys.read_as::<Set>(key)?;
    reply.array(members.len());
    for member in members.iter() {
        reply.unsigned(u64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

pub(super) static SMEMBERS: Command = Declaration {
    summary: "Returns all members of a set.",
    complexity: "O(N) where N is the number of members.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key")],
    tips: &["nondeterministic_output_order"],
    ..Declaration::new("SMEMBERS", Group::Set, "1.0.0", Handler::Keys(smembers))
};

fn smembers(call: &mut Call<'_>) -> Outcome {
    let key = call.arguments.string()?;
    let Call { keys, reply, .. } = call;
    match keys.read_as::<Set>(key)? {
        None => reply.set(0),
        Some(set) => {
            reply.set(set.len());
            set.iter().for_each(|member| reply_member(reply, member));
        }
    }
    Ok(())
}
