//! Visiting the fields of a hash: HSCAN.

use collections::Hash;
use collections::glob::{Case, glob_matches};
use command::argument::{integer, key, pattern, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::reply_element;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::key::scan::{INVALID_CURSOR, insert_cursor, parse_cursor};

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
    /// Where fields are gone many buckets may be empty: a call ends after this many for each field that it was asked for.
    const BUCKETS_PER_FIELD: usize = 10;
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let mut cursor = parse_cursor(arguments.string()?).ok_or(INVALID_CURSOR)?;

    let Call { keys, reply, .. } = call;
    let Some(hash) = keys.read_as::<Hash>(key)? else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    // Options are looked at only if there is something to visit, as in Redis.
    let options = Options::parse(arguments)?;

    reply.array(2);
    let before = reply.output().mark();
    let list = reply.deferred_array();
    let (mut visited, mut shown) = (0_usize, 0_usize);
    let mut decimal = itoa::Buffer::new();
    for _ in 0..options.count.saturating_mul(BUCKETS_PER_FIELD) {
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
    reply.close(list, shown);
    insert_cursor(reply, before, cursor);
    Ok(())
}

/// What HSCAN shows, and about how many fields it visits.
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
    with_values: bool,
}

impl<'a> Options<'a> {
    fn parse(mut arguments: Arguments<'a>) -> Result<Options<'a>, ReplyError> {
        let mut options = Options { pattern: None, count: 10, with_values: true };
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
                options.with_values = false;
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(options)
    }

    fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob_matches(pattern, name, Case::Sensitive))
    }
}
