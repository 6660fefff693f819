//! Adding elements: PFADD.

use collections::hyper_log_log::{self, Added, Encoding, HyperLogLogRef, Place};
use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::SetExpiry;

use super::{CORRUPT, sparse_limit, value_of};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static PFADD: Command = Declaration {
    summary: "Adds elements to the HyperLogLog at a key, which is created if it is not there.",
    complexity: "O(1) for each element.",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: &[KeySpec::read_write(1).inserts()],
    arguments: &[key("key"), string("element").optional().multiple()],
    ..Declaration::new("PFADD", Group::HyperLogLog, "2.8.9", Handler::Keys(pfadd))
};

fn pfadd(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    // Computed where they are needed: to keep them would take longer.
    let places = arguments.rest().iter().map(Place::of);
    let limit_bytes = sparse_limit(call);

    let present = call.keys.look(key).map(value_of).transpose()?;
    let added = match present.map(|value| (value.encoding(), may_change(value, places.clone()))) {
        None => {
            let mut bytes = hyper_log_log::empty();
            let added = hyper_log_log::add(&mut bytes, places, limit_bytes);
            call.keys.put_made(key, bytes, SetExpiry::Clear);
            Added { changes: added.changes.saturating_add(1), ..added }
        }
        Some((Encoding::Dense, false)) => Added::default(),
        Some((Encoding::Dense, true)) => {
            let changes =
                call.keys.overwrite_string(key, |bytes| hyper_log_log::add_dense(bytes, places));
            Added { changes: changes.unwrap_or(0), corrupt: false }
        }
        Some((Encoding::Sparse, _)) => {
            call.keys.edit_string(key, |bytes| hyper_log_log::add(bytes, places, limit_bytes))
        }
    };
    if 0 < added.changes {
        call.modified(key, events::ADD_TO_HYPER_LOG_LOG);
        call.changed(added.changes.saturating_sub(1));
    } else if added.corrupt {
        return Err(CORRUPT);
    }
    if added.corrupt {
        // The elements before were added, and that was told.
        call.reply.error(&CORRUPT);
    } else {
        call.reply.integer(i64::from(0 < added.changes));
    }
    Ok(())
}

#[inline]
fn may_change(value: HyperLogLogRef<'_>, mut places: impl Iterator<Item = Place>) -> bool {
    value.encoding() == Encoding::Sparse || places.any(|place| value.may_change(place))
}
