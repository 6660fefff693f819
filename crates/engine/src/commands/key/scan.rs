//! Visiting the keys of a database: KEYS, SCAN and RANDOMKEY.
//!
//! KEYS and RANDOMKEY answer for one moment (a key that is renamed meanwhile is there once, never twice or not at all), so they
//! need everything at rest. SCAN promises less and visits one shard at a time beside other commands.

use collections::glob::{Case, glob_matches};
use command::argument::{integer, pattern, string};
use command::{Arguments, Command as Declaration, Flags, Group};
use keyspace::EntryRef;
use resp::number::parse_integer;
use resp::{Reply, ReplyError};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static KEYS: Command = Declaration {
    summary: "Returns all keys that match a pattern.",
    complexity: "O(N) where N is the number of keys in the database.",
    flags: Flags::READ_ONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
    categories: command::Categories::DANGEROUS,
    arguments: &[pattern("pattern")],
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    ..Declaration::new("KEYS", Group::Generic, "1.0.0", Handler::Everything(keys))
};

pub(super) static SCAN: Command = Declaration {
    summary: "Visits some keys of the database, and returns the cursor with which the next call goes on.",
    complexity: "O(1) for a call, O(N) for all that it takes to visit the database, where N is the number of its keys.",
    flags: Flags::READ_ONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
    arguments: &[
        integer("cursor"),
        pattern("pattern").after("MATCH").optional(),
        integer("count").after("COUNT").optional(),
        string("type").after("TYPE").optional().since("6.0.0"),
    ],
    history: &[("6.0.0", "Has the option `TYPE`.")],
    tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
    ..Declaration::new("SCAN", Group::Generic, "2.8.0", Handler::Roaming(scan))
};

pub(super) static RANDOMKEY: Command = Declaration {
    summary: "Returns a random key of the database.",
    flags: Flags::READ_ONLY.and(Flags::TOUCHES_ARBITRARY_KEYS),
    tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    ..Declaration::new("RANDOMKEY", Group::Generic, "1.0.0", Handler::Everything(random_key))
};

fn keys(call: &mut Call<'_>) -> Outcome {
    let filter = Filter { pattern: Some(call.arguments.string()?), value_type: None };
    let list = call.reply.deferred_array();
    let mut found = 0;
    let Call { keys, reply, .. } = call;
    keys.for_each(&mut |entry| {
        if filter.matches(entry.key()) {
            found += filter.show(entry, reply);
        }
    });
    call.reply.close(list, found);
    Ok(())
}

fn random_key(call: &mut Call<'_>) -> Outcome {
    match call.keys.random() {
        Some(entry) => call.reply.bulk(entry.key()),
        None => call.reply.null(),
    }
    Ok(())
}

fn scan(call: &mut Call<'_>) -> Outcome {
    /// Buckets are mostly filled, but keys that are gone may have left many empty ones: a call ends after this many for each
    /// key that it was asked for.
    const BUCKETS_PER_KEY: usize = 10;
    let mut arguments = call.arguments;
    let mut cursor = parse_cursor(arguments.string()?).ok_or(INVALID_CURSOR)?;
    let Options { filter, count } = Options::parse(arguments)?;

    call.reply.array(2);
    let before = call.reply.output().mark();
    let list = call.reply.deferred_array();
    let (mut visited, mut live, mut gone, mut found) = (0, 0, 0, 0);
    // Each shard ends with a bucket of its own, which must not keep a small database from being visited in one call.
    let buckets =
        count.saturating_mul(BUCKETS_PER_KEY).saturating_add(call.engine.keyspace.shards());
    for _ in 0..buckets {
        let Call { keys, reply, .. } = call;
        let mut wanted = |key: &[u8]| {
            visited += 1;
            filter.matches(key)
        };
        cursor = keys.scan(cursor, &mut wanted, &mut |entry| {
            live += 1;
            found += filter.show(entry, reply);
        });
        gone += keys.expired.len() as u64;
        call.record_expired();
        if cursor == 0 || count <= visited {
            break;
        }
    }
    if filter.value_type.is_some() {
        // Whose type is wanted is looked up.
        call.keys.round.hits += live;
        call.keys.round.misses += gone;
    }
    call.reply.close(list, found);
    insert_cursor(&mut call.reply, before, cursor);
    Ok(())
}

/// What SCAN shows, and about how many keys it visits.
struct Options<'a> {
    filter: Filter<'a>,
    count: usize,
}

/// Which keys are shown.
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    value_type: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(mut arguments: Arguments<'a>) -> Result<Options<'a>, ReplyError> {
        let mut filter = Filter { pattern: None, value_type: None };
        let mut count = 10;
        while !arguments.is_empty() {
            let has_value = 2 <= arguments.len();
            if has_value && arguments.accept(b"COUNT") {
                count = usize::try_from(arguments.integer()?).unwrap_or(0);
                if count == 0 {
                    return Err(ReplyError::Syntax);
                }
            } else if has_value && arguments.accept(b"MATCH") {
                filter.pattern = Some(arguments.string()?);
            } else if has_value && arguments.accept(b"TYPE") {
                filter.value_type = Some(arguments.string()?);
            } else if arguments.accept(b"NOVALUES") {
                return Err(NO_VALUES);
            } else {
                return Err(ReplyError::Syntax);
            }
        }
        Ok(Options { filter, count })
    }
}

impl Filter<'_> {
    /// Whether the pattern admits a key.
    fn matches(&self, key: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| pattern == b"*" || glob_matches(pattern, key, Case::Sensitive))
    }

    /// Shows a key if its value is of the type wanted; gives how many were shown.
    fn show(&self, entry: EntryRef<'_>, reply: &mut Reply<'_>) -> usize {
        let name = entry.value_type().name().as_bytes();
        let is_of_type = self.value_type.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted));
        if is_of_type {
            reply.bulk(entry.key());
        }
        usize::from(is_of_type)
    }
}

/// Puts the cursor in front of what was shown since the place.
pub(in crate::commands) fn insert_cursor(reply: &mut Reply<'_>, place: resp::Mark, cursor: u64) {
    let mut decimal = itoa::Buffer::new();
    let cursor = decimal.format(cursor);
    let mut bulk = Vec::with_capacity(cursor.len() + 8);
    bulk.push(b'$');
    bulk.extend_from_slice(itoa::Buffer::new().format(cursor.len()).as_bytes());
    bulk.extend_from_slice(b"\r\n");
    bulk.extend_from_slice(cursor.as_bytes());
    bulk.extend_from_slice(b"\r\n");
    reply.output().insert(place, &bulk);
}

/// The cursor of a SCAN: as the server writes it, or any other form of it that C's `strtoull` reads to the end of the word.
pub(in crate::commands) fn parse_cursor(word: &[u8]) -> Option<u64> {
    if let Some(number) = parse_integer(word) {
        return u64::try_from(number).ok();
    }
    // A vertical tab is a space in C, but not in Rust.
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let spaces = word.iter().take_while(|byte| is_space(byte)).count();
    let (_, text) = word.split_at(spaces);
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    // A C string ends at a NUL.
    let digits = digits.split(|byte| *byte == 0).next().unwrap_or_default();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if is_negative { number.wrapping_neg() } else { number })
}

pub(in crate::commands) const INVALID_CURSOR: ReplyError = ReplyError::message("invalid cursor");
pub(in crate::commands) const NO_VALUES: ReplyError =
    ReplyError::message("NOVALUES option can only be used in HSCAN");
