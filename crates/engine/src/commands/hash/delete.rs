//! Removing fields: HDEL.

use collections::{Collection, Hash};
use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec, Sought};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static HDEL: Command = Declaration {
    summary: "Removes fields of a hash, and the key with the last of them.",
    complexity: "O(N) where N is the number of fields to remove.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::read_write(1).deletes()],
    sought: Sought::Element(2),
    arguments: &[key("key"), string("field").multiple()],
    history: &[("2.4.0", "Takes several fields.")],
    ..Declaration::new("HDEL", Group::Hash, "2.0.0", Handler::Keys(hdel))
};

fn hdel(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let names = arguments.rest();

    // One that has expired and is still there counts.
    let removed = call.keys.edit_present::<Hash, _>(key, |hash| {
        let removed = names.iter().filter(|name| hash.remove(name)).count();
        (removed, hash.is_empty())
    })?;
    let (removed, emptied) = removed.unwrap_or_default();
    if 0 < removed {
        removed_fields(call, key, removed, emptied);
    }
    call.reply.unsigned(removed as u64);
    Ok(())
}

/// Tells that fields were removed by a call; `emptied` if there were no others.
pub(super) fn removed_fields(call: &mut Call<'_>, key: &[u8], count: usize, emptied: bool) {
    call.modified(key, events::HASH_DELETE);
    call.changed((count as u64).saturating_sub(1));
    if emptied {
        call.also_modified(key, events::DELETE);
    }
}
