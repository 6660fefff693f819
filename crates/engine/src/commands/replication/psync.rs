//! PSYNC and SYNC: a replica asks for the data.
//!
//! What can be refused is refused here. Otherwise the connection is handed over to whoever serves replicas, who knows what of the
//! stream is still there, and answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::replication::SyncRequest;
use command::argument::{integer, string};
use command::{Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::command_table::{Command, Handler, Outcome};
use crate::host::LogLevel;
use crate::replication::{AttachedReplica, Failover, Link, Role};
use crate::{Call, Next};

pub(super) static PSYNC: Command = Declaration {
    summary: "Asks for the stream from an offset on, or for all data. Replicas call it, not clients.",
    complexity: "",
    flags: FLAGS,
    arguments: &[string("replicationid"), integer("offset")],
    // Another word may follow.
    arity_override: Some(-3),
    ..Declaration::new(
        "PSYNC",
        Group::Server,
        "2.8.0",
        // Whoever becomes a primary by it has all gates closed for that.
        Handler::KeysOrEverything { run: psync, needs_everything: |words| 3 < words.len() },
    )
};

pub(super) static SYNC: Command = Declaration {
    summary: "Asks for all data and the stream that follows, as replicas of old did, and tools do.",
    complexity: "",
    flags: FLAGS,
    ..Declaration::new("SYNC", Group::Server, "1.0.0", Handler::Keys(sync))
};

const FLAGS: Flags =
    Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::NO_ASYNC_LOADING).and(Flags::NO_MULTI);

fn sync(call: &mut Call<'_>) -> Outcome {
    if call.session.record.monitors.load(Ordering::Relaxed) {
        return Ok(());
    }
    admit(call)?;
    log_question(call);
    hand_over(call, SyncRequest::Old);
    Ok(())
}

fn psync(call: &mut Call<'_>) -> Outcome {
    if call.session.record.monitors.load(Ordering::Relaxed) {
        return Ok(());
    }
    let mut arguments = call.arguments;
    let (id, next) = (arguments.string()?, arguments.string()?);
    if arguments.accept(b"FAILOVER") {
        take_over(call, id)?;
    }
    admit(call)?;
    log_question(call);
    let Some(next) = resp::number::parse_integer(next) else {
        let line = format!(
            "Replica {} asks for synchronization but with a wrong offset",
            applicant(call).name()
        );
        call.engine.host.log(LogLevel::Warning, &line);
        return Err(ReplyError::NotInteger);
    };
    hand_over(call, SyncRequest::Resume { id: id.into(), next });
    Ok(())
}

/// Becomes the primary, as the primary asks for that wants to become a replica of this server.
fn take_over(call: &Call<'_>, id: &[u8]) -> Outcome {
    let engine = call.engine;
    let host = &engine.host;
    let line = format!("Failover request received for replid {}.", id.escape_ascii());
    host.log(LogLevel::Notice, &line);
    if !engine.replication.is_replica() {
        return Err(ReplyError::message("PSYNC FAILOVER can't be sent to a master."));
    }
    if id != engine.identity().id().as_bytes() {
        return Err(ReplyError::message("PSYNC FAILOVER replid must match my replid."));
    }
    engine.lead();
    let client = call.session.record.describe(call.now_ms(), &engine.commands, None);
    let line = format!("MASTER MODE enabled (failover request from '{client}')");
    host.log(LogLevel::Notice, &line);
    Ok(())
}

/// Whether there can be replicas at the moment.
fn admit(call: &mut Call<'_>) -> Outcome {
    let replication = &call.engine.replication;
    if replication.failover() != Failover::None {
        return Err(ReplyError::coded("NOMASTERLINK Can't SYNC while failing over"));
    }
    if let Role::Replica(state) = replication.role()
        && state.link != Link::Connected
    {
        return Err(ReplyError::coded(
            "NOMASTERLINK Can't SYNC while not connected with my master",
        ));
    }
    if !call.reply.output().is_empty() {
        return Err(ReplyError::message("SYNC and PSYNC are invalid with pending output"));
    }
    Ok(())
}

/// The client as a replica.
fn applicant(call: &mut Call<'_>) -> AttachedReplica {
    let announced = call.session.replica.get_or_insert_default().announced.clone();
    AttachedReplica::new(Arc::clone(&call.session.record), announced, call.now_ms())
}

fn log_question(call: &mut Call<'_>) {
    let line = format!("Replica {} asks for synchronization", applicant(call).name());
    call.engine.host.log(LogLevel::Notice, &line);
}

fn hand_over(call: &mut Call<'_>, request: SyncRequest) {
    call.session.replica.get_or_insert_default().request = Some(request);
    call.next = Next::Replicate;
}
