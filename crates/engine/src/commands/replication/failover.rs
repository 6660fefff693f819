//! FAILOVER: a replica takes over, without a write that is lost.

use command::argument::{block, integer, string, token};
use command::{Arguments, Command as Declaration, Flags, Group};
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::host::LogLevel;
use crate::replication::{Failover, FailoverTarget, ReplicaPhase};

pub(super) static FAILOVER: Command = Declaration {
    summary: "Hands the role of the primary over to a replica of this server, which becomes a replica of it.",
    complexity: "O(1)",
    flags: Flags::ADMIN.and(Flags::NO_SCRIPT).and(Flags::STALE),
    arguments: &[
        block("target", &[string("host"), integer("port"), token("force", "FORCE").optional()])
            .after("TO")
            .optional(),
        token("abort", "ABORT").optional(),
        integer("milliseconds").after("TIMEOUT").optional(),
    ],
    // All gates are closed, so that no write is amid its way when writes are paused.
    ..Declaration::new("FAILOVER", Group::Server, "6.2.0", Handler::Everything(failover))
};

/// What is asked for.
#[derive(Default)]
struct Request<'a> {
    target: Option<(&'a [u8], i64)>,
    timeout_ms: Option<i64>,
    force: bool,
}

fn failover(call: &mut Call<'_>) -> Outcome {
    let mut arguments = call.arguments;
    if arguments.len() == 1 && arguments.accept(b"ABORT") {
        return abort(call);
    }
    let request = parse(arguments)?;
    let replication = &call.engine.replication;
    if replication.failover() != Failover::None {
        return Err(ReplyError::message("FAILOVER already in progress."));
    }
    if replication.is_replica() {
        return Err(ReplyError::message("FAILOVER is not valid when server is a replica."));
    }
    if replication.replicas().is_empty() {
        return Err(ReplyError::message("FAILOVER requires connected replicas."));
    }
    if request.force && (request.target.is_none() || request.timeout_ms.is_none()) {
        return Err(ReplyError::message(
            "FAILOVER with force option requires both a timeout and target HOST and IP.",
        ));
    }
    let target = request.target.map(|(host, port)| find(call, host, port)).transpose()?;
    let now_ms = call.now_ms();
    let deadline_ms = request.timeout_ms.map(|timeout_ms| now_ms.saturating_add(timeout_ms));
    call.engine.host.log(LogLevel::Notice, "FAILOVER requested.");
    call.engine.pause.begin_failover();
    let force = request.force;
    replication.set_failover(Failover::WaitingForSync { target, deadline_ms, force });
    replication.ask_acknowledgement();
    call.engine.host.wake_replication();
    call.reply.ok();
    Ok(())
}

fn parse(mut arguments: Arguments<'_>) -> Result<Request<'_>, ReplyError> {
    let mut request = Request::default();
    while let Some(word) = arguments.peek_keyword() {
        arguments.skip();
        match &*word {
            b"TIMEOUT" if request.timeout_ms.is_none() => {
                let timeout_ms = arguments.integer()?;
                if timeout_ms <= 0 {
                    return Err(ReplyError::message("FAILOVER timeout must be greater than 0"));
                }
                request.timeout_ms = Some(timeout_ms);
            }
            b"TO" if request.target.is_none() && 2 <= arguments.len() => {
                let host = arguments.string()?;
                request.target = Some((host, arguments.integer()?));
            }
            b"FORCE" if !request.force => request.force = true,
            _ => return Err(ReplyError::Syntax),
        }
    }
    arguments.finish()?;
    Ok(request)
}

/// The replica that is to take over.
fn find(call: &Call<'_>, host: &[u8], port: i64) -> Result<FailoverTarget, ReplyError> {
    let replicas = call.engine.replication.replicas();
    let is_it = |replica: &&std::sync::Arc<crate::replication::AttachedReplica>| {
        replica.address().as_bytes() == host && i64::from(replica.announced.port) == port
    };
    let Some(replica) = replicas.iter().find(is_it) else {
        return Err(ReplyError::message("FAILOVER target HOST and PORT is not a replica."));
    };
    if replica.phase() != ReplicaPhase::Online {
        return Err(ReplyError::message("FAILOVER target replica is not online."));
    }
    Ok(FailoverTarget { host: replica.address(), port: replica.announced.port })
}

fn abort(call: &mut Call<'_>) -> Outcome {
    if call.engine.replication.failover() == Failover::None {
        return Err(ReplyError::message("No failover in progress."));
    }
    call.engine.abort_failover("Failover manually aborted");
    call.reply.ok();
    Ok(())
}
