//! Combining bitmaps: BITOP.

use collections::bits::{self, Operation};
use command::argument::{key, one_of, token};
use command::{Command as Declaration, Flags, Group, KeySpec};
use keyspace::{Decimal, SetExpiry, StringRef};
use resp::{ReplyError, Words};

use super::super::string::string_of;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

pub(super) static BITOP: Command = Declaration {
    summary: "Combines strings bit by bit, and stores the result at a key.",
    complexity: "O(N), where N is the number of bytes of all strings together.",
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::overwrite(2).updates(), KeySpec::read_only(3).to_last().accesses()],
    arguments: &[
        one_of(
            "operation",
            &[
                token("and", "AND"),
                token("or", "OR"),
                token("xor", "XOR"),
                token("not", "NOT"),
                token("diff", "DIFF"),
                token("diff1", "DIFF1"),
                token("andor", "ANDOR"),
                token("one", "ONE"),
            ],
        ),
        key("destkey"),
        key("key").spec(1).multiple(),
    ],
    ..Declaration::new("BITOP", Group::Bitmap, "2.6.0", Handler::Keys(bitop))
};

fn bitop(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let operation = match &*arguments.keyword()? {
        b"AND" => Operation::And,
        b"OR" => Operation::Or,
        b"XOR" => Operation::Xor,
        b"NOT" => Operation::Not,
        b"DIFF" => Operation::Difference,
        b"DIFF1" => Operation::ReverseDifference,
        b"ANDOR" => Operation::AndOr,
        b"ONE" => Operation::One,
        _ => return Err(ReplyError::Syntax),
    };
    let destination = arguments.string()?;
    let sources = arguments.rest();
    if let Some(error) = wrong_number(operation, sources.len()) {
        return Err(error);
    }

    let result = combined(call, operation, sources)?;
    let length = result.len();
    if length == 0 {
        if call.keys.remove(destination) {
            call.modified(destination, events::DELETE);
        }
    } else {
        call.keys.put_made(destination, result, SetExpiry::Clear);
        call.modified(destination, events::SET);
    }
    call.reply.unsigned(length as u64);
    Ok(())
}

fn combined(
    call: &mut Call<'_>,
    operation: Operation,
    sources: Words<'_>,
) -> Result<Vec<u8>, ReplyError> {
    let entries = call.keys.read_several_if(sources.iter(), |entry| string_of(entry).map(drop))?;
    let strings = entries.into_iter().map(|entry| entry.map(string_of).transpose());
    let strings: Vec<Option<StringRef<'_>>> = strings.collect::<Result<_, _>>()?;
    let mut decimals = vec![Decimal::new(); strings.len()];
    let bytes: Vec<&[u8]> = strings
        .iter()
        .zip(&mut decimals)
        .map(|(string, decimal)| string.as_ref().map_or(&[][..], |string| string.bytes(decimal)))
        .collect();
    Ok(bits::combine(operation, &bytes))
}

/// The error for an operation that is not one of so many sources.
fn wrong_number(operation: Operation, sources: usize) -> Option<ReplyError> {
    match operation {
        Operation::Not if sources != 1 => Some(NOT_OF_SEVERAL),
        Operation::Difference if sources < 2 => Some(DIFF_OF_ONE),
        Operation::ReverseDifference if sources < 2 => Some(DIFF1_OF_ONE),
        Operation::AndOr if sources < 2 => Some(ANDOR_OF_ONE),
        Operation::And
        | Operation::Or
        | Operation::Xor
        | Operation::Not
        | Operation::Difference
        | Operation::ReverseDifference
        | Operation::AndOr
        | Operation::One => None,
    }
}

const NOT_OF_SEVERAL: ReplyError =
    ReplyError::message("BITOP NOT must be called with a single source key.");
const DIFF_OF_ONE: ReplyError =
    ReplyError::message("BITOP DIFF must be called with at least two source keys.");
const DIFF1_OF_ONE: ReplyError =
    ReplyError::message("BITOP DIFF1 must be called with at least two source keys.");
const ANDOR_OF_ONE: ReplyError =
    ReplyError::message("BITOP ANDOR must be called with at least two source keys.");
