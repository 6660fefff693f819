//! REPLICAOF: whose data this server copies.
//!
//! It closes all gates: when its caller is answered, nothing of the primary before is on its way any more, and no call is executed
//! as if it were still a primary.

use command::argument::{Argument, block, integer, one_of, string, token};
use command::{Categories, Command as Declaration, Flags, Group};
use config::replication::Primary;
use resp::ReplyError;

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::host::LogLevel;
use crate::replication::Role;

pub(super) static REPLICA_OF: Command = Declaration {
    summary: "Copies another server from now on, or none any more.",
    ..declaration("REPLICAOF", "5.0.0")
};

pub(super) static SLAVE_OF: Command = Declaration {
    summary: "The old name of REPLICAOF.",
    deprecated_since: Some("5.0.0"),
    replaced_by: Some("`REPLICAOF`"),
    ..declaration("SLAVEOF", "1.0.0")
};

const ARGUMENTS: &[Argument] = &[one_of(
    "args",
    &[
        block("host-port", &[string("host"), integer("port")]),
        block("no-one", &[token("no", "NO"), token("one", "ONE")]),
    ],
)];

const fn declaration(name: &'static str, since: &'static str) -> Command {
    Declaration {
        complexity: "O(1)",
        flags: Flags::ADMIN.and(Flags::NO_ASYNC_LOADING).and(Flags::NO_SCRIPT).and(Flags::STALE),
        categories: Categories::ADMIN.and(Categories::DANGEROUS),
        arguments: ARGUMENTS,
        ..Declaration::new(name, Group::Server, since, Handler::Everything(replica_of))
    }
}

fn replica_of(call: &mut Call<'_>) -> Outcome {
    const BAD_PORT: ReplyError = ReplyError::message("Invalid master port");
    let mut arguments = call.arguments;
    let (host, port) = (arguments.string()?, arguments.string()?);
    let engine = call.engine;
    if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
        lead(call);
        call.reply.ok();
        return Ok(());
    }
    if call.session.record.is_replica.load(std::sync::atomic::Ordering::Relaxed) {
        return Err(ReplyError::message("Command is not valid when client is a replica."));
    }
    let number = resp::number::parse_integer(port).and_then(|port| u16::try_from(port).ok());
    let primary = Primary { host: host.into(), port: number.ok_or(BAD_PORT)? };
    if let Role::Replica(state) = engine.replication.role()
        && state.host.eq_ignore_ascii_case(host)
        && state.port == primary.port
    {
        let line = "REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.";
        engine.host.log(LogLevel::Notice, line);
        call.reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    follow(call, primary);
    call.reply.ok();
    Ok(())
}

fn lead(call: &Call<'_>) {
    let engine = call.engine;
    if !engine.replication.is_replica() {
        return;
    }
    engine.lead();
    tell(call, "MASTER MODE enabled");
}

fn follow(call: &mut Call<'_>, primary: Primary) {
    let engine = call.engine;
    let text = format!("REPLICAOF {}:{} enabled", primary.host.to_string_lossy(), primary.port);
    if !engine.replication.is_replica() {
        call.unblock_all();
    }
    engine.follow(primary);
    tell(call, &text);
}

fn tell(call: &Call<'_>, what: &str) {
    let engine = call.engine;
    let client = call.session.record.describe(call.now_ms(), &engine.commands, None);
    engine.host.log(LogLevel::Notice, &format!("{what} (user request from '{client}')"));
}
