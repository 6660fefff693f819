//! PUBLISH and SPUBLISH.

use command::argument::string;
use command::{Command as Declaration, Flags, Group, KeySpec};

use super::ALLOWED;
use crate::Call;
use crate::command_table::{Command, Handler, Outcome};
use crate::pubsub::Space;

pub(super) static PUBLISH: Command = Declaration {
    summary: "Sends a message to all who have subscribed to a channel.",
    complexity: "O(N + M), where N is the number of subscribers of the channel and M the number of patterns that begin as it does",
    flags: FLAGS,
    arguments: &[string("channel"), string("message")],
    ..Declaration::new(
        "PUBLISH",
        Group::PubSub,
        "2.0.0",
        Handler::Keys(|call| publish(call, Space::Channel)),
    )
};

pub(super) static SPUBLISH: Command = Declaration {
    summary: "Sends a message to all who have subscribed to a channel of a shard.",
    complexity: "O(N), where N is the number of subscribers of the channel",
    flags: FLAGS,
    keys: &[KeySpec::not_key(1)],
    arguments: &[string("shardchannel"), string("message")],
    ..Declaration::new(
        "SPUBLISH",
        Group::PubSub,
        "7.0.0",
        Handler::Keys(|call| publish(call, Space::Shard)),
    )
};

const FLAGS: Flags = ALLOWED.and(Flags::FAST).and(Flags::MAY_REPLICATE).and(Flags::PUBLISHES);

fn publish(call: &mut Call<'_>, space: Space) -> Outcome {
    let mut arguments = call.arguments;
    let (channel, message) = (arguments.string()?, arguments.string()?);
    let host = &*call.engine.host;
    let (pubsub, to) = (&call.engine.pubsub, (space, channel));
    let receivers = call.delivery.publish(pubsub, host, call.worker, to, message);
    // Clients of replicas subscribe, too. A file has none.
    call.tell_replicas();
    call.reply.unsigned(receivers as u64);
    Ok(())
}
