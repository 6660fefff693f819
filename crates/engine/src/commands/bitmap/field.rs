//! Integers of any width among the bits: BITFIELD and `BITFIELD_RO`.

use collections::bits::{FieldType, Overflow, read_field, write_field};
use command::argument::{Argument, block, integer, key, one_of, string, token};
use command::keys::bit_field_flags;
use command::{Arguments, Command as Declaration, Flags, Group, KeyFinder, KeySpec};
use keyspace::Decimal;
use resp::number::parse_integer;
use resp::{Reply, ReplyError};
use smallvec::SmallVec;

use super::super::string::string_of;
use super::{BYTE, edit, offset};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::events;

const GET: Argument = block("get-block", &[string("encoding"), integer("offset")]).after("GET");
const COMPLEXITY: &str = "O(1) for each operation.";

pub(super) static BITFIELD: Command = Declaration {
    summary: "Reads, sets and adds to integers of any width at any offset in the string at a key.",
    complexity: COMPLEXITY,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: &[KeySpec::read_write(1).accesses().updates().variable_flags()],
    key_finder: Some(KeyFinder::Flags(bit_field_flags)),
    arguments: &[
        key("key"),
        one_of(
            "operation",
            &[
                GET,
                block(
                    "write",
                    &[
                        one_of(
                            "overflow-block",
                            &[token("wrap", "WRAP"), token("sat", "SAT"), token("fail", "FAIL")],
                        )
                        .after("OVERFLOW")
                        .optional(),
                        one_of(
                            "write-operation",
                            &[
                                block(
                                    "set-block",
                                    &[string("encoding"), integer("offset"), integer("value")],
                                )
                                .after("SET"),
                                block(
                                    "incrby-block",
                                    &[string("encoding"), integer("offset"), integer("increment")],
                                )
                                .after("INCRBY"),
                            ],
                        ),
                    ],
                ),
            ],
        )
        .optional()
        .multiple(),
    ],
    ..Declaration::new("BITFIELD", Group::Bitmap, "3.2.0", Handler::Keys(bitfield))
};

fn bitfield(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let operations = Operations::read(arguments, call.config.limits.bulk_bytes)?;
    match operations.bytes {
        None => reply_fields(call, key, &operations.list),
        Some(length) => change_fields(call, key, &operations.list, length),
    }
}

pub(super) static BITFIELD_RO: Command = Declaration {
    summary: "Reads integers of any width at any offset in the string at a key.",
    complexity: COMPLEXITY,
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: &[KeySpec::read_only(1).accesses()],
    arguments: &[key("key"), GET.optional().multiple_with_token()],
    ..Declaration::new("BITFIELD_RO", Group::Bitmap, "6.0.0", Handler::Keys(bitfield_ro))
};

fn bitfield_ro(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let key = arguments.string()?;
    let operations = Operations::read(arguments, call.config.limits.bulk_bytes)?;
    if operations.bytes.is_some() {
        return Err(ONLY_GET);
    }
    reply_fields(call, key, &operations.list)
}

/// Answers calls that only read.
fn reply_fields(call: &mut Call<'_>, key: &[u8], operations: &[Operation]) -> Outcome {
    let value = call.keys.read(key).map(string_of).transpose()?;
    let mut decimal = Decimal::new();
    let bytes = value.as_ref().map_or(&[][..], |value| value.bytes(&mut decimal));
    call.reply.array(operations.len());
    for operation in operations {
        call.reply.integer(read_field(bytes, operation.field, operation.position));
    }
    Ok(())
}

/// Answers calls that write, after which the string has at least `length` bytes.
fn change_fields(
    call: &mut Call<'_>,
    key: &[u8],
    operations: &[Operation],
    length: usize,
) -> Outcome {
    let present = call.keys.peek(key).map(string_of).transpose()?.map(|string| string.len());
    let grows = present.is_none_or(|present| present < length);
    let mut changes = 0;
    let mut numbers: SmallVec<[Option<i64>; 8]> = SmallVec::with_capacity(operations.len());
    edit(call, key, present.unwrap_or(0), length, |bytes| {
        for operation in operations {
            let applied = operation.apply(bytes);
            changes += u64::from(applied.stored && (grows || applied.changed));
            numbers.push(applied.number);
        }
    });
    if 0 < changes || grows {
        call.modified(key, events::SET_BIT);
        call.changed(changes.saturating_sub(1));
    }
    call.reply.array(numbers.len());
    for number in numbers {
        reply_number(&mut call.reply, number);
    }
    Ok(())
}

fn reply_number(reply: &mut Reply<'_>, number: Option<i64>) {
    match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    }
}

/// What a call asks for.
struct Operations {
    list: SmallVec<[Operation; 4]>,
    /// How many bytes the string must have for what is written; none if nothing is.
    bytes: Option<usize>,
}

#[derive(Clone, Copy)]
struct Operation {
    action: Action,
    field: FieldType,
    position: u64,
    overflow: Overflow,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

impl Operations {
    fn read(mut arguments: Arguments<'_>, longest_bytes: u64) -> Result<Operations, ReplyError> {
        let mut operations = Operations { list: SmallVec::new(), bytes: None };
        let mut overflow = Overflow::default();
        while !arguments.is_empty() {
            if 1 < arguments.len() && arguments.accept(b"OVERFLOW") {
                overflow = overflow_named(arguments.string()?)?;
                continue;
            }
            let operation = Operation::read(&mut arguments, overflow, longest_bytes)?;
            if !matches!(operation.action, Action::Get) {
                let end = operation.position.saturating_add(u64::from(operation.field.bits()));
                let bytes = usize::try_from(end.div_ceil(BYTE)).map_err(|_| super::BAD_OFFSET)?;
                operations.bytes = operations.bytes.max(Some(bytes));
            }
            operations.list.push(operation);
        }
        Ok(operations)
    }
}

/// What an operation did.
struct Applied {
    /// What is answered.
    number: Option<i64>,
    /// Whether a number was stored.
    stored: bool,
    /// Whether it was another one than before.
    changed: bool,
}

impl Operation {
    fn read(
        arguments: &mut Arguments<'_>,
        overflow: Overflow,
        longest_bytes: u64,
    ) -> Result<Operation, ReplyError> {
        let name = arguments.keyword()?;
        let words = match &*name {
            b"GET" => 2,
            b"SET" | b"INCRBY" => 3,
            _ => return Err(ReplyError::Syntax),
        };
        let mut arguments = arguments.split(words)?;
        let field = field_type(arguments.string()?).ok_or(BAD_TYPE)?;
        let position = offset(arguments.string()?, Some(field), longest_bytes)?;
        let action = match &*name {
            b"GET" => Action::Get,
            b"SET" => Action::Set(arguments.integer()?),
            _ => Action::Increment(arguments.integer()?),
        };
        Ok(Operation { action, field, position, overflow })
    }

    fn apply(&self, bytes: &mut [u8]) -> Applied {
        let present = read_field(bytes, self.field, self.position);
        let (new, number) = match self.action {
            Action::Get => (None, Some(present)),
            Action::Set(value) => {
                let new = self.field.fit(value, 0, self.overflow);
                (new, new.map(|_| present))
            }
            Action::Increment(increment) => {
                let new = self.field.fit(present, increment, self.overflow);
                (new, new)
            }
        };
        if let Some(new) = new {
            write_field(bytes, self.field, self.position, new);
        }
        Applied { number, stored: new.is_some(), changed: new.is_some_and(|new| new != present) }
    }
}

/// `i8`, `u63`.
fn field_type(word: &[u8]) -> Option<FieldType> {
    let (kind, bits) = word.split_first()?;
    let bits = u8::try_from(parse_integer(bits)?).ok()?;
    match kind {
        b'i' => FieldType::new(true, bits),
        b'u' => FieldType::new(false, bits),
        _ => None,
    }
}

fn overflow_named(word: &[u8]) -> Result<Overflow, ReplyError> {
    match word.to_ascii_uppercase().as_slice() {
        b"WRAP" => Ok(Overflow::Wrap),
        b"SAT" => Ok(Overflow::Saturate),
        b"FAIL" => Ok(Overflow::Fail),
        _ => Err(ReplyError::message("Invalid OVERFLOW type specified")),
    }
}

const BAD_TYPE: ReplyError = ReplyError::message(
    "Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);
const ONLY_GET: ReplyError = ReplyError::message("BITFIELD_RO only supports the GET subcommand");
