//! Libraries as bytes that other servers understand: FUNCTION DUMP and FUNCTION RESTORE.
//!
//! A payload is what an RDB file has of each library, one after the other, and then the version and the checksum.

use command::argument::{one_of, string, token};
use command::{Command as Declaration, Flags, Group};
use persistence::dump::{seal, unseal};
use persistence::rdb::{Opcode, Reader, Version, Writer};
use resp::ReplyError;

use super::library::tell;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::commands::help;
use crate::functions::{Existing, Loading};

pub(super) static DUMP: Command = Declaration {
    summary: "Returns all libraries as bytes from which FUNCTION RESTORE makes them again, here or on another server.",
    complexity: "O(N), where N is the number of functions.",
    flags: Flags::NO_SCRIPT,
    ..Declaration::new("FUNCTION|DUMP", Group::Scripting, "7.0.0", Handler::Keys(dump))
};

fn dump(call: &mut Call<'_>) -> Outcome {
    let mut writer = Writer::new(Vec::new(), call.config.persistence.snapshot_compression);
    for code in call.engine.functions.libraries() {
        writer.byte(Opcode::Function2 as u8);
        writer.string(&code);
    }
    let mut payload = writer.into_bytes();
    seal(&mut payload, Version::REDIS_7_4);
    call.reply.bulk(&payload);
    Ok(())
}

pub(super) static RESTORE: Command = Declaration {
    summary: "Makes the libraries that FUNCTION DUMP gave.",
    complexity: "O(N), where N is the number of functions in the payload.",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::NO_SCRIPT),
    arguments: &[
        string("serialized-value"),
        one_of(
            "policy",
            &[token("flush", "FLUSH"), token("append", "APPEND"), token("replace", "REPLACE")],
        )
        .optional(),
    ],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..Declaration::new("FUNCTION|RESTORE", Group::Scripting, "7.0.0", Handler::Everything(restore))
};

fn restore(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    if 2 < arguments.len() {
        return Err(help::wrong_subcommand_call(call));
    }
    let payload = arguments.string()?;
    let (existing, first_flush) = if arguments.is_empty() || arguments.accept(b"APPEND") {
        (Existing::Kept, false)
    } else if arguments.accept(b"REPLACE") {
        (Existing::Replaced, false)
    } else if arguments.accept(b"FLUSH") {
        (Existing::Kept, true)
    } else {
        return Err(BAD_POLICY);
    };
    let codes = codes_of(unseal(payload).ok_or(BAD_PAYLOAD)?)?;
    let functions = &call.engine.functions;
    Loading::for_client(call.engine, |host| {
        functions.change(|state| state.load_all(&codes, existing, first_flush, host))
    })?;
    call.reply.ok();
    tell(call);
    Ok(())
}

/// The code of each library.
fn codes_of(bytes: &[u8]) -> Result<Vec<Vec<u8>>, ReplyError> {
    let mut reader = Reader::new(bytes);
    let mut codes = Vec::new();
    while reader.offset() < bytes.len() as u64 {
        let opcode = reader.byte().map_err(|_| BAD_LIBRARY)?;
        match Opcode::from_byte(opcode) {
            Some(Opcode::Function2) => codes.push(reader.string().map_err(|_| BAD_LIBRARY)?),
            Some(Opcode::FunctionBeforeRelease) => return Err(TOO_OLD),
            _ => return Err(NO_FUNCTION),
        }
    }
    Ok(codes)
}

const BAD_POLICY: ReplyError = ReplyError::message(
    "Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
);
const BAD_PAYLOAD: ReplyError = ReplyError::message("DUMP payload version or checksum are wrong");
const BAD_LIBRARY: ReplyError = ReplyError::message("Failed loading library payload");
const TOO_OLD: ReplyError = ReplyError::message("Pre-GA function format not supported");
const NO_FUNCTION: ReplyError = ReplyError::message("given type is not a function");
