//! Visiting the fields of a hash: HSCAN.

use collections::Hash;
use command::argument::{integer, key, pattern, token};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::reply_element;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::scanning::{ScanOptions, ScanReply, Scanned, parse_cursor};

pub(super) static HSCAN: Command = Declaration {
    summary: "Visits some fields of a hash, and returns the cursor with which the next call goes on.",
    complexity: "O(1) for a call, O(N) for all that it takes to visit the hash, where N is the number of its fields.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
        token("novalues", "NOVALUES").optional(),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("HSCAN", Group::Hash, "2.8.0", Handler::Keys(hscan))
};

fn hscan(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let mut cursor = parse_cursor(arguments.string()?)?;

    let Call { keys, reply, .. } = call;
    let Some(hash) = keys.read_as::<Hash>(key)? else {
        ScanReply::nothing(reply);
        return Ok(());
    };
    // Options are looked at only if there is something to visit, as in Redis.
    let options = ScanOptions::parse(arguments, Scanned::Fields)?;

    let list = ScanReply::begin(reply);
    let (mut visited, mut shown) = (0_usize, 0_usize);
    let mut decimal = itoa::Buffer::new();
    for _ in 0..options.count.saturating_mul(ScanOptions::BUCKETS_PER_ELEMENT) {
        cursor = hash.scan(cursor, |field| {
            visited += 1;
            if !options.matches(field.name.bytes(&mut decimal)) {
                return;
            }
            shown += 1;
            reply_element(reply, field.name);
            if options.with_values {
                shown += 1;
                reply_element(reply, field.value);
            }
        });
        if cursor == 0 || options.count <= visited {
            break;
        }
    }
    list.end(reply, cursor, shown);
    Ok(())
}
