//! For those who look inside: PFDEBUG and PFSELFTEST.

use std::fmt::Write;

use collections::hyper_log_log::{
    self, Encoding, HyperLogLogRef, Place, REGISTERS, Registers, sparse::Runs,
};
use command::argument::{key, string};
use command::{Command as Declaration, Flags, Group, KeySpec};
use resp::ReplyError;

use super::{CORRUPT, value_of};
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static PFDEBUG: Command = Declaration {
    summary: "Shows the inside of the HyperLogLog at a key.",
    complexity: "N/A",
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::ADMIN),
    keys: &[KeySpec::read_write(2).accesses()],
    arguments: &[string("subcommand"), key("key")],
    internal: true,
    ..Declaration::new("PFDEBUG", Group::HyperLogLog, "2.8.9", Handler::Keys(pfdebug))
};

fn pfdebug(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let subcommand = arguments.string()?;
    let key = arguments.string()?;

    call.keys.look(key).map(value_of).transpose()?.ok_or(ABSENT)?;
    // As in Redis: it is kept as bytes that may be changed in place, though most subcommands change none.
    call.keys.overwrite_string(key, |_| ());
    let value = call.keys.peek(key).map(value_of).transpose()?.ok_or(ABSENT)?;
    match subcommand.to_ascii_uppercase().as_slice() {
        b"GETREG" => {
            let mut registers = [0; REGISTERS];
            value.merge_into(&mut registers).map_err(|_| CORRUPT)?;
            make_dense(call, key)?;
            reply_registers(call, &registers);
        }
        b"DECODE" => {
            let text = text_of(value.runs().ok_or(NOT_SPARSE)?);
            call.reply.bulk(text.as_bytes());
        }
        b"ENCODING" => call.reply.simple(match value.encoding() {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }),
        b"TODENSE" => {
            let was_sparse = make_dense(call, key)?;
            call.reply.integer(i64::from(was_sparse));
        }
        _ => {
            let name = subcommand.split(|&byte| byte == 0).next().unwrap_or_default();
            let line = [b"ERR Unknown PFDEBUG subcommand '", name, b"'"].concat();
            return Err(ReplyError::quoting(line));
        }
    }
    Ok(())
}

/// Makes a value dense; says whether it was sparse.
fn make_dense(call: &mut Call<'_>, key: &[u8]) -> Result<bool, ReplyError> {
    let made = call.keys.edit_string(key, hyper_log_log::make_dense).map_err(|_| CORRUPT)?;
    if made {
        // It means the same as before, so nobody but replicas and files needs to know.
        call.changed(1);
    }
    Ok(made)
}

fn reply_registers(call: &mut Call<'_>, registers: &Registers) {
    call.reply.array(registers.len());
    for register in registers {
        call.reply.integer(i64::from(*register));
    }
}

/// Runs as Redis spells them; one that is cut off ends the text.
fn text_of(runs: Runs<'_>) -> String {
    let mut text = String::new();
    for run in runs.map_while(Result::ok) {
        if !text.is_empty() {
            text.push(' ');
        }
        let written = match (run.count, run.long) {
            (0, false) => write!(text, "z:{}", run.length),
            (0, true) => write!(text, "Z:{}", run.length),
            (count, _) => write!(text, "v:{count},{}", run.length),
        };
        debug_assert!(written.is_ok(), "a string takes all that is written");
    }
    text
}

pub(super) static PFSELFTEST: Command = Declaration {
    summary: "Checks that HyperLogLogs count as they should.",
    complexity: "N/A",
    flags: Flags::ADMIN,
    internal: true,
    ..Declaration::new("PFSELFTEST", Group::HyperLogLog, "2.8.9", Handler::Keys(pfselftest))
};

/// Counts up to a number of elements, for two values of which one is dense from the start, and compares the two with each
/// other and with the truth at more and more elements.
fn pfselftest(call: &mut Call<'_>) -> Outcome {
    const ELEMENTS: u64 = 200_000;
    /// Percent: six times the standard error.
    const ERROR: u64 = 5;
    let limit_bytes = 3000;
    let mut sparse = hyper_log_log::empty();
    let mut dense = hyper_log_log::empty();
    hyper_log_log::make_dense(&mut dense).map_err(|_| CORRUPT)?;
    let mut checkpoint = 1;
    for number in 1..=ELEMENTS {
        let place = Place::of(&number.to_le_bytes());
        let changed = hyper_log_log::add(&mut sparse, [place], limit_bytes).changes;
        if changed != hyper_log_log::add_dense(&mut dense, [place]) {
            return Err(ReplyError::coded("TESTFAILED Sparse and dense registers differ"));
        }
        if number != checkpoint {
            continue;
        }
        checkpoint = checkpoint.saturating_mul(10);
        let estimate =
            |bytes: &[u8]| HyperLogLogRef::new(bytes).ok().and_then(|value| value.estimate().ok());
        match (estimate(&sparse), estimate(&dense)) {
            (Some(one), Some(other))
                if one == other
                    && one.abs_diff(number).saturating_mul(100) <= number.saturating_mul(ERROR) => {
            }
            _ => return Err(ReplyError::coded("TESTFAILED The estimate is too far off")),
        }
    }
    call.reply.ok();
    Ok(())
}

const ABSENT: ReplyError = ReplyError::message("The specified key does not exist");
const NOT_SPARSE: ReplyError = ReplyError::message("HLL encoding is not sparse");
