//! Everything that is in a hash: HGETALL, HKEYS and HVALS.

use collections::Hash;
use collections::hash::HashRef;
use command::argument::{Argument, key};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::reply_element;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome, Run};

pub(super) static HGETALL: Command = Declaration {
    summary: "Returns all fields of a hash with their values.",
    ..declaration("HGETALL", |call| reply_all(call, Parts::Both))
};

pub(super) static HKEYS: Command = Declaration {
    summary: "Returns the names of all fields of a hash.",
    ..declaration("HKEYS", |call| reply_all(call, Parts::Names))
};

pub(super) static HVALS: Command = Declaration {
    summary: "Returns the values of all fields of a hash.",
    ..declaration("HVALS", |call| reply_all(call, Parts::Values))
};

const KEYS: &[KeySpec] = &[KeySpec::read_only(1).accesses()];
const ARGUMENTS: &[Argument] = &[key("key")];

const fn declaration(name: &'static str, run: Run) -> Command {
    Declaration {
        complexity: "O(N) where N is the number of fields.",
        flags: Flags::READ_ONLY,
        keys: KEYS,
        arguments: ARGUMENTS,
        tips: &["nondeterministic_output_order"],
        ..Declaration::new(name, Group::Hash, "2.0.0", Handler::Keys(run))
    }
}

/// What of each field is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Names,
    Values,
    Both,
}

fn reply_all(call: &mut Call<'_>, parts: Parts) -> Outcome {
    let key = call.arguments.string()?;

    let Call { keys, reply, .. } = call;
    let hash = keys.read_as::<Hash>(key)?;
    let count = hash.map_or(0, HashRef::live_len);
    match parts {
        Parts::Both => reply.map(count),
        Parts::Names | Parts::Values => reply.array(count),
    }
    for field in hash.into_iter().flatten() {
        if parts != Parts::Values {
            reply_element(reply, field.name);
        }
        if parts != Parts::Names {
            reply_element(reply, field.value);
        }
    }
    Ok(())
}
