//! TIME: the server's clock.

use command::{Command as Declaration, Flags, Group};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};

pub(super) static TIME: Command = Declaration {
    summary: "Returns the time of day: seconds since 1970, and microseconds in the present second.",
    complexity: "O(1)",
    flags: Flags::LOADING.and(Flags::STALE).and(Flags::FAST),
    tips: &["nondeterministic_output"],
    ..Declaration::new("TIME", Group::Server, "2.6.0", Handler::Keys(time))
};

fn time(call: &mut Call<'_>) -> Outcome {
    let mut now_us = call.now_us;
    if call.session.is_in_script {
        // Unlike for all else in a script, time goes on: it may wait for a moment.
        let elapsed_ns = (call.engine.ticks)().wrapping_sub(call.session.script_began);
        now_us = now_us.saturating_add(i64::try_from(elapsed_ns / 1000).unwrap_or(0));
    }
    call.reply.array(2);
    call.reply.bulk_integer(now_us.div_euclid(1_000_000));
    call.reply.bulk_integer(now_us.rem_euclid(1_000_000));
    Ok(())
}
