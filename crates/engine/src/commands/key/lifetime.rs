//! Asking when keys expire: TTL, PTTL, EXPIRETIME and PEXPIRETIME.

use command::argument::{Argument, key};
use command::{Command as Declaration, Flags, Group, KeySpec};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

const KEYS: &[KeySpec] = &[KeySpec::read_only(1).accesses()];
const ARGUMENTS: &[Argument] = &[key("key")];
const HISTORY: &[(&str, &str)] = &[("2.8.0", "Answers -2 if there is no such key.")];

pub(super) static TTL: Command = Declaration {
    summary: "Returns in how many seconds a key expires.",
    history: HISTORY,
    tips: &["nondeterministic_output"],
    ..declaration("TTL", "1.0.0", |call| answer(call, |left| seconds(left.duration_ms())))
};

pub(super) static PTTL: Command = Declaration {
    summary: "Returns in how many milliseconds a key expires.",
    history: HISTORY,
    tips: &["nondeterministic_output"],
    ..declaration("PTTL", "2.6.0", |call| answer(call, |left| left.duration_ms()))
};

pub(super) static EXPIRETIME: Command = Declaration {
    summary: "Returns when a key expires, in seconds since 1970.",
    ..declaration("EXPIRETIME", "7.0.0", |call| answer(call, |left| seconds(left.expiry_ms)))
};

pub(super) static PEXPIRETIME: Command = Declaration {
    summary: "Returns when a key expires, in milliseconds since 1970.",
    ..declaration("PEXPIRETIME", "7.0.0", |call| answer(call, |left| left.expiry_ms))
};

const fn declaration(
    name: &'static str,
    since: &'static str,
    run: fn(&mut Call<'_>) -> Outcome,
) -> Command {
    Declaration {
        flags: Flags::READ_ONLY.and(Flags::FAST),
        keys: KEYS,
        arguments: ARGUMENTS,
        ..Declaration::new(name, Group::Generic, since, Handler::Keys(run))
    }
}

/// What is left of a key's life. Both are unix time.
struct Left {
    expiry_ms: i64,
    now_ms: i64,
}

impl Left {
    fn duration_ms(&self) -> i64 {
        self.expiry_ms.saturating_sub(self.now_ms).max(0)
    }
}

fn answer(call: &mut Call<'_>, show: impl FnOnce(Left) -> i64) -> Outcome {
    /// There is no such key.
    const NO_KEY: i64 = -2;
    /// The key does not expire.
    const NO_EXPIRY: i64 = -1;
    let key = call.arguments.string()?;
    let now_ms = call.now_ms();
    let number = match call.keys.inquire(key).map(|entry| entry.expiry()) {
        None => NO_KEY,
        Some(None) => NO_EXPIRY,
        Some(Some(expiry_ms)) => show(Left { expiry_ms, now_ms }),
    };
    call.reply.integer(number);
    Ok(())
}

/// To the nearest second.
fn seconds(milliseconds: i64) -> i64 {
    let rounded = (i128::from(milliseconds) + 500).div_euclid(1000);
    i64::try_from(rounded).unwrap_or(i64::MAX)
}
