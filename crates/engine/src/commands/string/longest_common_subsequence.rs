//! LCS: what two strings have in common, in order, though not in one piece.

use std::collections::TryReserveError;

use collections::longest_common_subsequence::{
    Alignment, Match, longest_common_length, table_bytes,
};
use command::argument::{integer, key, token};
use command::{Arguments, Command as Declaration, Flags, Group, KeySpec};
use keyspace::Decimal;
use resp::{Reply, ReplyError};

use super::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static LCS: Command = Declaration {
    summary: "Returns the longest common subsequence of two strings, its length, or where it lies.",
    complexity: "O(N*M), where N and M are the lengths of the strings.",
    flags: Flags::READ_ONLY,
    keys: &[KeySpec::read_only(1).through(1).accesses()],
    arguments: &[
        key("key1"),
        key("key2"),
        token("len", "LEN").optional(),
        token("idx", "IDX").optional(),
        integer("min-match-len").after("MINMATCHLEN").optional(),
        token("withmatchlen", "WITHMATCHLEN").optional(),
    ],
    ..Declaration::new("LCS", Group::String, "7.0.0", Handler::Keys(lcs))
};

fn lcs(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let keys = [arguments.string()?, arguments.string()?];

    // The types of the values are looked at before the options are, as in Redis.
    let [a, b] = call.keys.read_two(keys).map(|entry| entry.map(string_of).transpose());
    let (Ok(a), Ok(b)) = (a, b) else { return Err(NOT_STRINGS) };
    let options = Options::read(&mut arguments)?;

    let mut decimals = [Decimal::new(), Decimal::new()];
    let [a_decimal, b_decimal] = &mut decimals;
    let a = a.as_ref().map_or(&[][..], |string| string.bytes(a_decimal));
    let b = b.as_ref().map_or(&[][..], |string| string.bytes(b_decimal));
    if LENGTH_LIMIT <= a.len() || LENGTH_LIMIT <= b.len() {
        return Err(TOO_LONG);
    }
    if call.config.limits.bulk_bytes < table_bytes(a.len(), b.len()) {
        return Err(TABLE_TOO_BIG);
    }
    match options.wanted {
        Wanted::Subsequence => {
            call.reply.bulk(&Alignment::new(a, b).map_err(no_memory)?.subsequence());
        }
        Wanted::Length => {
            call.reply.unsigned(longest_common_length(a, b).map_err(no_memory)? as u64);
        }
        Wanted::Matches => {
            options.reply_matches(&Alignment::new(a, b).map_err(no_memory)?, &mut call.reply);
        }
    }
    Ok(())
}

struct Options {
    wanted: Wanted,
    /// Shorter runs are left out of the matches.
    least_match: usize,
    /// Each match comes with its length.
    with_lengths: bool,
}

/// What is to be answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Subsequence,
    /// LEN.
    Length,
    /// IDX.
    Matches,
}

impl Options {
    fn read(arguments: &mut Arguments<'_>) -> Result<Options, ReplyError> {
        let (mut length, mut matches) = (false, false);
        let (mut least_match, mut with_lengths) = (0, false);
        while !arguments.is_empty() {
            match &*arguments.keyword()? {
                b"LEN" => length = true,
                b"IDX" => matches = true,
                b"WITHMATCHLEN" => with_lengths = true,
                b"MINMATCHLEN" => {
                    // A negative number leaves nothing out, and neither does 0.
                    least_match = usize::try_from(arguments.integer()?).unwrap_or(0);
                }
                _ => return Err(ReplyError::Syntax),
            }
        }
        let wanted = match (length, matches) {
            (true, true) => return Err(LENGTH_AND_MATCHES),
            (true, false) => Wanted::Length,
            (false, true) => Wanted::Matches,
            (false, false) => Wanted::Subsequence,
        };
        Ok(Options { wanted, least_match, with_lengths })
    }

    /// Answers the positions of the runs, from the last to the first.
    fn reply_matches(&self, alignment: &Alignment<'_>, reply: &mut Reply<'_>) {
        reply.map(2);
        reply.bulk(b"matches");
        let array = reply.deferred_array();
        let mut count = 0;
        for run in alignment.matches().filter(|run| self.least_match <= run.a.len()) {
            self.reply_match(&run, reply);
            count += 1;
        }
        reply.close(array, count);
        reply.bulk(b"len");
        reply.unsigned(alignment.len() as u64);
    }

    fn reply_match(&self, run: &Match, reply: &mut Reply<'_>) {
        reply.array(if self.with_lengths { 3 } else { 2 });
        for range in [&run.a, &run.b] {
            reply.array(2);
            reply.unsigned(range.start as u64);
            reply.unsigned(range.end.saturating_sub(1) as u64);
        }
        if self.with_lengths {
            reply.unsigned(run.a.len() as u64);
        }
    }
}

fn no_memory(_: TryReserveError) -> ReplyError {
    NO_MEMORY
}

/// Lengths that Redis declines, whose table counts in 32 bits.
const LENGTH_LIMIT: usize = u32::MAX as usize - 1;

const NOT_STRINGS: ReplyError =
    ReplyError::message("The specified keys must contain string values");
const LENGTH_AND_MATCHES: ReplyError =
    ReplyError::message("If you want both the length and indexes, please just use IDX.");
const TOO_LONG: ReplyError = ReplyError::message("String too long for LCS");
const TABLE_TOO_BIG: ReplyError =
    ReplyError::message("Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
const NO_MEMORY: ReplyError =
    ReplyError::message("Insufficient memory, failed allocating transient memory for LCS");
