//! Visiting the members of a set: SSCAN.

use collections::Set;
use collections::set::SetRef;
use command::argument::{integer, key, pattern};
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::reply_member;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::scanning::{ScanOptions, ScanReply, Scanned, parse_cursor};

pub(super) static SSCAN: Command = Declaration {
    summary: "Visits some members of a set, and returns the cursor with which the next call goes on.",
    complexity: "O(1) for a call, O(N) for all that it takes to visit the set, where N is the number of its members.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[
        key("key"),
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
    ],
    tips: &["nondeterministic_output"],
    ..Declaration::new("SSCAN", Group::Set, "2.8.0", Handler::Keys(sscan))
};

fn sscan(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let cursor = parse_cursor(arguments.string()?)?;
    let Call { keys, reply, .. } = call;
    let Some(set) = keys.read_as::<Set>(key)? else {
        ScanReply::nothing(reply);
        return Ok(());
    };
    let options = ScanOptions::parse(arguments, Scanned::Members)?;

    let list = ScanReply::begin(reply);
    let mut found = 0;
    let next = if let SetRef::Table(table) = set {
        options.scan_table(table.members(), cursor, |member| {
            if options.matches(member.bytes()) {
                reply.bulk(member.bytes());
                found += 1;
            }
        })
    } else {
        let mut buffer = itoa::Buffer::new();
        for member in set.iter().filter(|member| options.matches(member.bytes(&mut buffer))) {
            reply_member(reply, member);
            found += 1;
        }
        0
    };
    list.end(reply, next, found);
    Ok(())
}
