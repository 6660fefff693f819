//! Random members: SPOP takes them out, SRANDMEMBER does not.

use collections::Set;
use collections::set::{Member, SetRef};
use command::argument::{integer, key};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::{limits, reply_member};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static SPOP: Command = Declaration {
    summary: "Takes random members out of a set, and the key with the last one; returns them.",
    complexity: "O(N) where N is the number of members returned.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).accesses().deletes()],
    arguments: &[key("key"), integer("count").optional().since("3.2.0")],
    history: &[("3.2.0", "Takes a count.")],
    tips: &["nondeterministic_output"],
    ..Declaration::new("SPOP", Group::Set, "1.0.0", Handler::Keys(spop))
};

fn spop(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    if 1 < arguments.len() {
        return Err(ReplyError::Syntax);
    }
    if arguments.is_empty() {
        return pop_one(call, key);
    }
    let count = arguments.at_least(0, NOT_POSITIVE)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let len = call.keys.look_as::<Set>(key)?.map_or(0, SetRef::len);
    if count == 0 || len == 0 {
        call.reply.set(0);
        Ok(())
    } else if len <= count {
        pop_all(call, key)
    } else {
        pop_some(call, key, count)
    }
}

fn pop_one(call: &mut Call<'_>, key: &[u8]) -> Outcome {
    let mut source = call.keys.round.random.clone();
    let popped = call
        .keys
        .edit_present(key, |set: &mut Set| (set.pop(|| source.number()), set.is_empty()))?;
    call.keys.round.random = source;
    let Some((Some(member), is_gone)) = popped else {
        call.reply.null();
        return Ok(());
    };
    let mut buffer = itoa::Buffer::new();
    call.replicate_as(&[b"SREM", key, member.element().bytes(&mut buffer)]);
    call.modified(key, events::SET_POP);
    if is_gone {
        call.also_modified(key, events::DELETE);
    }
    reply_member(&mut call.reply, member.element());
    Ok(())
}

fn pop_all(call: &mut Call<'_>, key: &[u8]) -> Outcome {
    let Call { keys, reply, .. } = call;
    let mut count = 0;
    if let Some(set) = keys.look_as::<Set>(key)? {
        count = set.len();
        reply.set(count);
        set.iter().for_each(|member| reply_member(reply, member));
    }
    call.keys.remove(key);
    let removal: &[u8] = if call.config.memory.lazy_server_del { b"UNLINK" } else { b"DEL" };
    call.replicate_as(&[removal, key]);
    call.modified(key, events::SET_POP);
    call.also_modified(key, events::DELETE);
    call.changed(count as u64 - 1);
    Ok(())
}

/// Takes out fewer members than there are, but more than none.
fn pop_some(call: &mut Call<'_>, key: &[u8], count: usize) -> Outcome {
    /// Members that one effect names at most.
    const TOGETHER: usize = 1024;
    let limits = limits(call.config);
    let mut source = call.keys.round.random.clone();
    let popped: Vec<Member> = call
        .keys
        .edit_present(key, |set: &mut Set| set.pop_several(count, limits, || source.number()))?
        .unwrap_or_default();
    call.keys.round.random = source;

    if call.recording {
        for members in popped.chunks(TOGETHER) {
            let members: Vec<Vec<u8>> =
                members.iter().map(|member| member.element().to_vec()).collect();
            let mut words: Vec<&[u8]> = vec![b"SREM", key];
            words.extend(members.iter().map(Vec::as_slice));
            call.replicate_as(&words);
        }
    }
    call.modified(key, events::SET_POP);
    call.changed(popped.len() as u64 - 1);
    call.reply.set(popped.len());
    for member in &popped {
        reply_member(&mut call.reply, member.element());
    }
    Ok(())
}

pub(super) static SRANDMEMBER: Command = Declaration {
    summary: "Returns random members of a set.",
    complexity: "O(N) where N is the number of members returned.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key"), integer("count").optional().since("2.6.0")],
    history: &[("2.6.0", "Takes a count.")],
    tips: &["nondeterministic_output"],
    ..Declaration::new("SRANDMEMBER", Group::Set, "1.0.0", Handler::Keys(srandmember))
};

fn srandmember(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    if 1 < arguments.len() {
        return Err(ReplyError::Syntax);
    }
    let wanted =
        if arguments.is_empty() { Wanted::One } else { Wanted::read(arguments.integer()?)? };

    let mut source = call.keys.round.random.clone();
    let mut random = || source.number();
    let Call { keys, reply, .. } = call;
    let set = keys.read_as::<Set>(key)?;
    match (wanted, set) {
        (Wanted::One, set) => match set.and_then(|set| set.random(random)) {
            Some(member) => reply_member(reply, member),
            None => reply.null(),
        },
        (Wanted::Different(_) | Wanted::Any(_), None) => reply.array(0),
        (Wanted::Different(count), Some(set)) => {
            reply.array(count.min(set.len()));
            set.sample(count, random, |member| reply_member(reply, member));
        }
        (Wanted::Any(count), Some(set)) => {
            reply.array(count);
            for member in std::iter::from_fn(|| set.random(&mut random)).take(count) {
                reply_member(reply, member);
            }
        }
    }
    call.keys.round.random = source;
    Ok(())
}

/// How many members are wanted, and of what kind.
#[derive(Clone, Copy)]
enum Wanted {
    /// One, not in a list.
    One,
    /// Each at most once.
    Different(usize),
    /// Each as often as it is drawn.
    Any(usize),
}

impl Wanted {
    fn read(count: i64) -> Result<Wanted, ReplyError> {
        /// Whoever asks for more than can be sent would only fill the memory.
        const MOST: usize = 1 << 24;
        if count == i64::MIN {
            return Err(COUNT_OUT_OF_RANGE);
        }
        let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if 0 <= count {
            Ok(Wanted::Different(size))
        } else if size <= MOST {
            Ok(Wanted::Any(size))
        } else {
            Err(ReplyError::OutOfRange)
        }
    }
}

const NOT_POSITIVE: ReplyError = ReplyError::message("value is out of range, must be positive");
const COUNT_OUT_OF_RANGE: ReplyError = ReplyError::message(
    "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
