//! WAIT and WAITAOF: until what this client has written is elsewhere as well, or on disk.

use command::argument::integer;
use command::{Categories, Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::blocking::Timeout;
use crate::command_table::{Command, Handler, Outcome};
use crate::replication::{Acknowledgement, Durable, NOT_APPENDED};

pub(super) static WAIT: Command = Declaration {
    summary: "Waits until what the client has written was applied by so many replicas, and returns how many have.",
    complexity: "O(1)",
    flags: Flags::BLOCKING,
    categories: Categories::CONNECTION,
    in_group_category: false,
    tips: TIPS,
    arguments: &[integer("numreplicas"), integer("timeout")],
    ..Declaration::new("WAIT", Group::Generic, "3.0.0", Handler::Keys(wait))
};

pub(super) static WAITAOF: Command = Declaration {
    summary: "Waits until what the client has written is on disk here, on so many replicas, or both, and returns where it is.",
    complexity: "O(1)",
    flags: Flags::BLOCKING,
    categories: Categories::CONNECTION,
    in_group_category: false,
    tips: TIPS,
    arguments: &[integer("numlocal"), integer("numreplicas"), integer("timeout")],
    ..Declaration::new("WAITAOF", Group::Generic, "7.2.0", Handler::Keys(wait_for_disks))
};

const TIPS: &[&str] = &["request_policy:all_shards", "response_policy:agg_min"];

fn wait(call: &mut Call<'_>) -> Outcome {
    if call.engine.replication.is_replica() {
        return Err(ReplyError::message(
            "WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be \
             writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    let mut arguments = call.arguments;
    // Fewer than none are always there.
    let replicas = usize::try_from(arguments.integer()?).unwrap_or(0);
    let timeout = Timeout::milliseconds(arguments.string()?, call.now_ms())?;
    await_it(
        call,
        Acknowledgement { replicas, offset: call.session.replicated_to, durable: None },
        timeout,
    );
    Ok(())
}

fn wait_for_disks(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    let here = match arguments.integer()? {
        0 => false,
        1 => true,
        _ => {
            return Err(ReplyError::message("value is out of range, value must between 0 and 1"));
        }
    };
    let replicas =
        arguments.at_least(0, ReplyError::message("value is out of range, must be positive"))?;
    let timeout = Timeout::milliseconds(arguments.string()?, call.now_ms())?;
    if call.engine.replication.is_replica() {
        return Err(ReplyError::message(
            "WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not \
             propagated.",
        ));
    }
    if here && !call.engine.append_only.figures().is_on {
        return Err(NOT_APPENDED);
    }
    let durable = Some(Durable { here, end: call.session.recorded_to });
    let replicas = usize::try_from(replicas).unwrap_or(usize::MAX);
    await_it(
        call,
        Acknowledgement { replicas, offset: call.session.replicated_to, durable },
        timeout,
    );
    Ok(())
}

fn await_it(call: &mut Call<'_>, wanted: Acknowledgement, timeout: Timeout) {
    if wanted.holds(call.engine) || !call.block_until_acknowledged(wanted, timeout) {
        wanted.tell(call.engine, &mut call.reply);
    }
}
