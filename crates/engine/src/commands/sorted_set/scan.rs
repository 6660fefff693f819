//! Visiting all members in calls of their own: ZSCAN.

use collections::sorted_set::SortedSetRef;
use collections::{Encoding, SortedSet};
use command::argument::{integer, key, pattern};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::number::{write_double, write_double_in_full};

use super::show_member;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::scanning::{ScanOptions, ScanReply, Scanned, parse_cursor};

pub(super) static ZSCAN: Command = Declaration {
    summary: "Visits some members of a sorted set, and returns the cursor with which the next call goes on.",
    complexity: "O(1) for a call, O(N) for all that it takes to visit the sorted set, where N is the number of its members.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("ZSCAN", Group::SortedSet, "2.8.0", Handler::Keys(zscan))
};

fn zscan(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let mut cursor = parse_cursor(arguments.string()?)?;

    let Call { keys, reply, .. } = call;
    let Some(set) = keys.read_as::<SortedSet>(key)? else {
        ScanReply::nothing(reply);
        return Ok(());
    };
    // Options are looked at only if there is something to visit.
    let options = ScanOptions::parse(arguments, Scanned::Members)?;

    let list = ScanReply::begin(reply);
    let (mut visited, mut shown) = (0_usize, 0_usize);
    let mut buffer = itoa::Buffer::new();
    let mut text = Vec::new();
    for _ in 0..options.count.saturating_mul(ScanOptions::BUCKETS_PER_ELEMENT) {
        cursor = set.scan(cursor, |member, score| {
            visited += 1;
            if options.matches(member.bytes(&mut buffer)) {
                shown += 2;
                show_member(reply, member);
                text.clear();
                write_score(set, score, &mut text);
                reply.bulk(&text);
            }
        });
        if cursor == 0 || options.count <= visited {
            break;
        }
    }
    list.end(reply, cursor, shown);
    Ok(())
}

/// Writes a score as ZSCAN shows it: as it is kept in a small sorted set, else in 17 digits.
fn write_score(set: SortedSetRef<'_>, score: f64, text: &mut Vec<u8>) {
    if set.encoding() == Encoding::SkipList {
        write_double_in_full(score, text);
    } else {
        write_double(score, text);
    }
}
