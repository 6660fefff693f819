//! Removing keys: DEL and UNLINK, which differ in who frees what takes long.

use command::argument::key;
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::Freeing;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static DEL: Command = Declaration {
    summary: "Removes keys, and has freed their values when it answers.",
    complexity: "O(N) where N is the number of keys, and for each that is no string O(M) where M is the number of elements in it.",
    flags: Flags::WRITE,
    keys: &[KeySpec::remove(1).to_last().deletes()],
    arguments: &[key("key").multiple()],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    ..Declaration::new("DEL", Group::Generic, "1.0.0", Handler::Keys(del))
};

pub(super) static UNLINK: Command = Declaration {
    summary: "Removes keys, and leaves it to another thread to free values that take long.",
    complexity: "O(N) where N is the number of keys; freeing a value costs another thread O(M) where M is the number of elements in it.",
    flags: Flags::WRITE.and(Flags::FAST),
    keys: &[KeySpec::remove(1).to_last().deletes()],
    arguments: &[key("key").multiple()],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    ..Declaration::new("UNLINK", Group::Generic, "4.0.0", Handler::Keys(unlink))
};

fn del(call: &mut Call<'_>) -> Outcome {
    let lazy = call.config.memory.lazy_user_del;
    remove(call, if lazy { Freeing::Elsewhere } else { Freeing::Here });
    Ok(())
}

fn unlink(call: &mut Call<'_>) -> Outcome {
    remove(call, Freeing::Elsewhere);
    Ok(())
}

fn remove(call: &mut Call<'_>, freeing: Freeing) {
    let mut removed = 0;
    call.effects.track_later();
    let Call { arguments, keys, effects, .. } = call;
    let database = keys.database();
    keys.each(arguments.rest().iter().map(|key| (key, ())), |view, key, ()| {
        if view.remove_freeing(key, freeing) {
            effects.modified(database, key, events::DELETE);
            removed += 1;
        }
    });
    call.reply.integer(removed);
}
