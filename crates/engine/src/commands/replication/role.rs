//! ROLE: primary or replica.

use command::{Categories, Command as Declaration, Flags, Group};

use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::replication::{ReplicaPhase, ReplicaState, Role};

pub(super) static ROLE: Command = Declaration {
    summary: "Returns whether the server is a primary or a replica, and how far replication is.",
    complexity: "O(1)",
    flags: Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE).and(Flags::FAST),
    categories: Categories::ADMIN.and(Categories::DANGEROUS),
    ..Declaration::new("ROLE", Group::Server, "2.8.12", Handler::Keys(role))
};

fn role(call: &mut Call<'_>) -> Outcome {
    match call.engine.replication.role() {
        Role::Primary => primary(call),
        Role::Replica(state) => replica(call, &state),
    }
    Ok(())
}

fn primary(call: &mut Call<'_>) {
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.unsigned(call.engine.replication_offset());
    let mut replicas = call.engine.replication.replicas();
    replicas.retain(|replica| replica.phase() == ReplicaPhase::Online);
    call.reply.array(replicas.len());
    for replica in replicas {
        call.reply.array(3);
        call.reply.bulk(replica.address().as_bytes());
        call.reply.bulk(replica.announced.port.to_string().as_bytes());
        call.reply.bulk(replica.acknowledged().to_string().as_bytes());
    }
}

fn replica(call: &mut Call<'_>, state: &ReplicaState) {
    call.reply.array(5);
    call.reply.bulk(b"slave");
    call.reply.bulk(&state.host);
    call.reply.integer(state.port.into());
    call.reply.bulk(state.link.word().as_bytes());
    let offset = i64::try_from(call.engine.replication_offset()).unwrap_or(i64::MAX);
    // Before there is a link nothing is known of the stream.
    let has_link = state.link == crate::replication::Link::Connected;
    call.reply.integer(if has_link { offset } else { -1 });
}
