//! Visiting all members in calls of their own: ZSCAN.

use collections::glob::{Case, glob_matches};
use collections::sorted_set::SortedSetRef;
use collections::{Encoding, SortedSet};
use command::argument::{integer, key, pattern};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;
use resp::number::{write_double, write_double_in_full};

use super::show_member;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::key::scan::{INVALID_CURSOR, NO_VALUES, insert_cursor, parse_cursor};

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
    /// Where members are gone many buckets may be empty: a call ends after this many for each member that it was asked for.
    const BUCKETS_PER_MEMBER: usize = 10;
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let mut cursor = parse_cursor(arguments.string()?).ok_or(INVALID_CURSOR)?;

    let Call { keys, reply, .. } = call;
    let Some(set) = keys.read_as::<SortedSet>(key)? else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    // Options are looked at only if there is something to visit.
    let options = Options::parse(arguments)?;

    reply.array(2);
    let before = reply.output().mark();
    let list = reply.deferred_array();
    let (mut visited, mut shown) = (0_usize, 0_usize);
    let mut buffer = itoa::Buffer::new();
    let mut text = Vec::new();
    for _ in 0..options.count.saturating_mul(BUCKETS_PER_MEMBER) {
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
    reply.close(list, shown);
    insert_cursor(reply, before, cursor);
    Ok(())
}

/// Writes a score as ZSCAN shows it: as it is kept in a small sorted set, else in 17 digits.
fn write_score(set: SortedSetRef<'_>, score: f64, text: &mut Vec<u8>) {
    match set.encoding() {
        Encoding::SkipList => write_double_in_full(score, text),
        _ => write_double(score, text),
    }
}

/// What ZSCAN shows, and about how many members it visits.
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Options<'a> {
    fn parse(mut arguments: Arguments<'a>) -> Result<Options<'a>, ReplyError> {
        let mut options = Options { pattern: None, count: 10 };
        while !arguments.is_empty() {
            let has_value = 2 <= arguments.len();
            if has_value && arguments.accept(b"COUNT") {
                options.count = usize::try_from(arguments.integer()?).unwrap_or(0);
                if options.count == 0 {
                    return Err(ReplyError::Syntax);
                }
            } else if has_value && arguments.accept(b"MATCH") {
                options.pattern = Some(arguments.string()?).filter(|pattern| *pattern != b"*");
            } else if arguments.accept(b"NOVALUES") {
                return Err(NO_VALUES);
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(options)
    }

    fn matches(&self, member: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_matches(pattern, member, Case::Sensitive))
    }
}
